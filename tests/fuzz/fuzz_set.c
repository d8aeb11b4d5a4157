/* --set: each line of the input is KEY.PATH=VALUE, put over a small config. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_model.h"

enum { OVERRIDES_MAX = 16 };

static const char config[] =
    "{\"input_shape\": [8, 8, 1], \"data\": {\"source\": \"synth\"}, \"model\": [{\"type\": \"Conv2D\", \"filters\": "
    "2, "
    "\"kernel_size\": [3, 3]}, {\"type\": \"Flatten\"}, {\"type\": \"Dense\", \"units\": 2, \"activation\": "
    "\"softmax\"}], \"training\": {\"optimizer\": \"Adam\", \"callbacks\": [{\"type\": \"EarlyStopping\"}]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config_override overrides[OVERRIDES_MAX];
    size_t count = 0;
    char *text = fuzz_text(data, size), *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line && count < OVERRIDES_MAX; line = strtok_r(NULL, "\n", &rest)) {
        char *value = strchr(line, '=');
        if (!value) continue;
        *value = '\0';
        overrides[count++] = (struct config_override){line, value + 1};
    }
    fuzz_config(fuzz_write("config.json", config, strlen(config)), overrides, count, false);
    free(text);
    return 0;
}
