/* IDX files, plain and gzip: the first byte tells whether the rest are the images or the labels of a good pair. */
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_packed.h"

static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    bool is_labels = data[0] % 2;
    const char *path = is_labels ? fuzz_write("a-images-idx3-ubyte", images, sizeof images)
                                 : fuzz_write("a-images-idx3-ubyte", data + 1, size - 1);
    if (is_labels)
        fuzz_write("a-labels-idx1-ubyte", data + 1, size - 1);
    else
        fuzz_write("a-labels-idx1-ubyte", labels, sizeof labels);
    fuzz_load("{\"source\": \"idx\"}", path);
    return 0;
}

/* Half of the packed inputs are unpacked, mutated and packed again, with a fitting checksum. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed) {
    bool packed = size > 2 && data[1] == 0x1f && data[2] == 0x8b && seed % 2;
    if (!packed) return LLVMFuzzerMutate(data, size, limit);
    return 1 + fuzz_mutate_packed(data + 1, size - 1, limit - 1, FUZZ_GZIP);
}
