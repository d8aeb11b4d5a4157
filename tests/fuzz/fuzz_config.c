/* A config file through the whole check: what it extends, fields, data section, layers and shapes, a model of Keras
 * beside it. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_model.h"

static const char base[] = "{\"input_shape\": [8, 8, 1], \"model\": [{\"type\": \"Flatten\"}, {\"type\": \"Dense\", "
                           "\"units\": 2, \"activation\": \"softmax\"}], \"training\": {\"epochs\": 2}}";

static const char keras[] = "{\"class_name\": \"Sequential\", \"config\": {\"layers\": [{\"class_name\": \"Flatten\", "
                            "\"config\": {\"name\": \"flatten\"}}, {\"class_name\": \"Dense\", \"config\": "
                            "{\"name\": \"dense\", \"units\": 3, \"activation\": \"softmax\"}}]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_write("base.json", base, strlen(base));
    fuzz_write("keras.json", keras, strlen(keras));
    fuzz_config(fuzz_write("config.json", data, size), NULL, 0, false);
    return 0;
}
