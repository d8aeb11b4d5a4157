/* Mutation of what stands compressed in an input. */
#ifndef CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_PACKED_H
#define CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_PACKED_H

#include <stddef.h>
#include <stdint.h>

enum fuzz_packing { FUZZ_ZLIB, FUZZ_GZIP };

/* Unpacks `size` bytes, mutates the result, packs it again into the same place of `limit` bytes and returns how many it
 * has now. What cannot be unpacked, or would not fit, is mutated as it stands. */
size_t fuzz_mutate_packed(uint8_t *data, size_t size, size_t limit, enum fuzz_packing packing);

#endif
