/* JSON documents: parsed, printed, and read back to the same text; and with comments, which are no text of it. */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "tests/fuzz/support/fuzz.h"

/* What is a document without comments is left as it is; lines stay where they are. */
static void check_comments(const char *text, size_t size, bool is_document) {
    struct error error = {0};
    char *blanked = fuzz_text((const uint8_t *)text, size);
    const int status = json_blank_comments(blanked, size, "input.json", &error);
    fuzz_check(status, &error);
    if (is_document && (status != 0 || memcmp(blanked, text, size) != 0)) fuzz_fail("a comment where there is none");
    for (size_t i = 0; i < size; i++)
        if ((blanked[i] == '\n') != (text[i] == '\n')) fuzz_fail("a comment that moves lines");
    cJSON *json = status == 0 ? json_parse(blanked, size, "input.json", &error) : NULL;
    fuzz_check(json ? 0 : -1, &error);
    cJSON_Delete(json);
    free(blanked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    char *text = fuzz_text(data, size);
    cJSON *json = json_parse(text, size, "input.json", &error);
    fuzz_check(json ? 0 : -1, &error);
    check_comments(text, size, json != NULL);
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
