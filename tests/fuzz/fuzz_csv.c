/* A manifest of pictures, two of which are there. */
#include "tests/fuzz/support/fuzz.h"

/* 1x1 and 2x1 pixels, 24 bits. */
static const uint8_t one[] = {'B', 'M', 58, 0, 0, 0, 0, 0, 0,  0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0,
                              0,   0,   1,  0, 0, 0, 1, 0, 24, 0, 0,  0, 0, 0, 4,  0, 0, 0, 0, 0,
                              0,   0,   0,  0, 0, 0, 0, 0, 0,  0, 0,  0, 0, 0, 9,  8, 7, 0};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_write("a.bmp", one, sizeof one);
    fuzz_write("b.bmp", one, sizeof one);
    fuzz_load("{\"source\": \"csv\"}", fuzz_write("list.csv", data, size));
    return 0;
}
