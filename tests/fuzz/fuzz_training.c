/* The training state in a checkpoint's metadata, as --resume reads it. */
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct training_state state;
    const char *path = fuzz_checkpoint("training", data, size);
    if (!path) return 0;
    fuzz_open_state(&state);
    fuzz_check(training_state_load(&state, path, &error), &error);
    training_state_close(&state);
    return 0;
}
