/* A component read from JSON text, for tests. */
#ifndef CNNTRAIN_TESTS_SUPPORT_COMPONENT_H
#define CNNTRAIN_TESTS_SUPPORT_COMPONENT_H

#include "core/fields.h"

/* Reads `json` (a name in quotes, or an object) by the registry; the document is called "test". The arena owns the
 * config. */
int component_from_text(const struct component_registry *registry, const char *json, struct arena *arena,
                        struct component *component, struct error *error);

#endif
