/* A Sequential model as Keras writes it, in the place of a config, through the whole check. */
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_config(fuzz_write("keras.json", data, size), NULL, 0, false);
    return 0;
}
