/* JSON documents: parsed, printed, and read back to the same text. */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    char *text = fuzz_text(data, size);
    cJSON *json = json_parse(text, size, "input.json", &error);
    fuzz_check(json ? 0 : -1, &error);
    free(text);
    if (!json) return 0;
    char *first = json_print(json);
    cJSON_Delete(json);
    json = json_parse(first, strlen(first), "printed.json", &error);
    fuzz_check(json ? 0 : -1, &error);
    if (!json) fuzz_fail("what was printed is no JSON");
    char *second = json_print(json);
    if (strcmp(first, second) != 0) fuzz_fail("what was printed reads as something else");
    cJSON_Delete(json);
    free(first);
    free(second);
    return 0;
}
