/* The registries of the program, for tests that read whole configs. */
#ifndef CNNTRAIN_TESTS_SUPPORT_REGISTRIES_H
#define CNNTRAIN_TESTS_SUPPORT_REGISTRIES_H

#include "core/fields.h"

extern const struct registries test_registries;

#endif
