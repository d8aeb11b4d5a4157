/* MATLAB files, as SVHN comes. */
#include <string.h>
#include <zlib.h>

#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_load("{\"source\": \"svhn\"}", fuzz_write("train.mat", data, size));
    return 0;
}

/* Half of the inputs have their first compressed element unpacked, mutated and packed again. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed) {
    enum { HEADER = 128, TAG = 8, START = HEADER + TAG };
    bool packed = size > START && data[HEADER] == 15 && seed % 2;
    if (!packed) return LLVMFuzzerMutate(data, size, limit);
    size_t length = 0;
    for (int i = 3; i >= 0; i--) length = length << 8 | data[HEADER + 4 + i];
    if (length > size - START) return LLVMFuzzerMutate(data, size, limit);
    size_t tail = size - START - length;
    uint8_t rest[1 << 12];
    if (tail > sizeof rest || limit < START + tail) return LLVMFuzzerMutate(data, size, limit);
    memcpy(rest, data + START + length, tail);
    length = fuzz_mutate_packed(data + START, length, limit - START - tail, FUZZ_ZLIB);
    for (int i = 0; i < 4; i++) data[HEADER + 4 + i] = (uint8_t)(length >> (8 * i));
    memcpy(data + START + length, rest, tail);
    return START + length + tail;
}
