#include "tests/support/component.h"

#include <string.h>

int component_from_text(const struct component_registry *registry, const char *json, struct arena *arena,
                        struct component *component, struct error *error) {
    static const struct component_registry *const none[] = {NULL};
    const struct registries registries = {none};
    const struct field_reader reader = {.registries = &registries, .arena = arena, .error = error};
    struct place place = place_document("test");
    cJSON *document = json_parse(json, strlen(json), "test", error);
    if (!document) return -1;
    int status = component_read(&reader, registry, document, &place, component);
    cJSON_Delete(document);
    return status;
}
