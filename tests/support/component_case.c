#include "tests/support/component_case.h"

#include <string.h>

bool component_case_try(struct component_case *test, const struct component_registry *registry, const char *json) {
    *test = (struct component_case){0};
    const struct component_registry *const list[] = {registry, NULL};
    const struct registries registries = {list};
    struct field_reader reader = {&registries, &test->arena, &test->error};
    struct place place = place_document("test.json");
    cJSON *root = json_parse(json, strlen(json), "test.json", &test->error);
    int status = root ? component_read(&reader, registry, root, &place, &test->component) : -1;
    cJSON_Delete(root);
    return status == 0;
}

void component_case_open(struct component_case *test, const struct component_registry *registry, const char *json) {
    if (!component_case_try(test, registry, json)) fail_msg("%s: %s: %s", json, test->error.path, test->error.message);
}

void component_case_close(struct component_case *test) {
    arena_free(&test->arena);
}
