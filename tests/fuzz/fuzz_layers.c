/* The list of layers of a config, on images of 16x16x4: read, planned, and where that is cheap enough trained a step
 * and evaluated. */
#include <stdlib.h>

#include "core/text.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text text = {0};
    text_add(&text, "{\"input_shape\": [16, 16, 4], \"model\": ");
    text_add_bytes(&text, (const char *)data, size);
    text_add(&text, "}");
    fuzz_config(fuzz_write("layers.json", text.bytes, text.length), NULL, 0, true);
    text_free(&text);
    return 0;
}
