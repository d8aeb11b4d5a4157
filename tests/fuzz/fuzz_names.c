/* Class names: the first byte tells how many there are to be. */
#include "data/source.h"
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct data_splits splits = {0};
    if (size == 0) return 0;
    int status = source_read_class_names(&splits, fuzz_write("names.txt", data + 1, size - 1), data[0], &error);
    fuzz_check(status, &error);
    data_splits_free(&splits);
    return 0;
}
