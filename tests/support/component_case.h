/* An activation, initializer or regularizer from JSON text. */
#ifndef CNNTRAIN_TESTS_SUPPORT_COMPONENT_CASE_H
#define CNNTRAIN_TESTS_SUPPORT_COMPONENT_CASE_H

#include "core/fields.h"
#include "tests/support/expect.h"

struct component_case {
    struct arena arena;
    struct component component;
    struct error error;
};

/* Reads `json` ("\"relu\"" or an object) from the document "test.json"; false with the error where it is refused. Close
 * it in either case. */
bool component_case_try(struct component_case *test, const struct component_registry *registry, const char *json);
/* The same, failing the test where it is refused. */
void component_case_open(struct component_case *test, const struct component_registry *registry, const char *json);
void component_case_close(struct component_case *test);

#endif
