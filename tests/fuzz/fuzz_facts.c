/* The facts about its data in a model's file: shape, classes, normalization. */
#include "core/model_file.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_state.h"
#include "tests/support/registries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct saved_model saved;
    const struct config_request request = {.registries = &test_registries};
    const char *path = fuzz_checkpoint("facts", data, size);
    if (!path) return 0;
    int status = saved_model_open(&saved, path, false, &request, &error);
    fuzz_check(status, &error);
    if (status == 0) saved_model_free(&saved);
    return 0;
}
