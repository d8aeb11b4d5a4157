/* predictions.csv, as experiments read it for comparisons. */
#include "core/predictions.h"
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct predictions predictions;
    int64_t only_first = 0, only_second = 0;
    int status = predictions_read(fuzz_write("predictions.csv", data, size), &predictions, &error);
    fuzz_check(status, &error);
    if (status != 0) return 0;
    if (predictions_compare(&predictions, &predictions, &only_first, &only_second, &error) != 0 ||
        only_first + only_second != 0)
        fuzz_fail("predictions that differ from themselves");
    predictions_free(&predictions);
    return 0;
}
