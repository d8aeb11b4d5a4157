/* Configs with their models, for several harnesses. */
#ifndef CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_MODEL_H
#define CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_MODEL_H

#include <stdbool.h>

#include "core/config.h"

/* Reads the config file with these overrides, plans its model where the input's shape is known, and checks that its
 * resolved form reads as the same. Builds the model only where it is small; `steps`: then trains a step and evaluates.
 */
void fuzz_config(const char *path, const struct config_override *overrides, size_t count, bool steps);

#endif
