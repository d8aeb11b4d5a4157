/* metrics.json of a finished run, as experiments and --resume read it. */
#include "core/report/result.h"
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct run_result result;
    int status = run_result_read(fuzz_write("metrics.json", data, size), &result, &error);
    fuzz_check(status, &error);
    if (status == 0) {
        fuzz_check(run_result_write(&result, fuzz_path("again.json"), &error), &error);
        run_result_free(&result);
    }
    return 0;
}
