#include "tests/fuzz/support/fuzz_packed.h"

#include <string.h>
#include <zlib.h>

#include "tests/fuzz/support/fuzz.h"

enum { UNPACKED_MAX = 1 << 16, GZIP_BITS = 16 };

static int window_bits(enum fuzz_packing packing) {
    return packing == FUZZ_GZIP ? MAX_WBITS + GZIP_BITS : MAX_WBITS;
}

static size_t unpack(const uint8_t *data, size_t size, enum fuzz_packing packing, uint8_t *plain) {
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size, .next_out = plain};
    stream.avail_out = UNPACKED_MAX;
    if (inflateInit2(&stream, window_bits(packing)) != Z_OK) return 0;
    int state = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    return state == Z_STREAM_END ? (size_t)stream.total_out : 0;
}

static size_t pack(uint8_t *plain, size_t size, enum fuzz_packing packing, uint8_t *data, size_t limit) {
    z_stream stream = {.next_in = plain, .avail_in = (uInt)size, .next_out = data, .avail_out = (uInt)limit};
    if (deflateInit2(&stream, 6, Z_DEFLATED, window_bits(packing), 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    int state = deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    return state == Z_STREAM_END ? (size_t)stream.total_out : 0;
}

size_t fuzz_mutate_packed(uint8_t *data, size_t size, size_t limit, enum fuzz_packing packing) {
    static uint8_t plain[UNPACKED_MAX], packed[UNPACKED_MAX];
    size_t length = unpack(data, size, packing, plain);
    if (length == 0) return LLVMFuzzerMutate(data, size, limit);
    length = LLVMFuzzerMutate(plain, length, UNPACKED_MAX);
    size_t made = pack(plain, length, packing, packed, limit < UNPACKED_MAX ? limit : UNPACKED_MAX);
    if (made == 0) return LLVMFuzzerMutate(data, size, limit);
    memcpy(data, packed, made);
    return made;
}
