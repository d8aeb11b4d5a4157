/* What differs between two configs. */
#ifndef CNNTRAIN_CORE_CONFIG_CHANGES_H
#define CNNTRAIN_CORE_CONFIG_CHANGES_H

#include <cJSON.h>
#include <stdbool.h>

#include "core/text.h"

/* Adds what differs between two resolved configs to `text`: "training.epochs was 3, now 5; model[2].filters was ...",
 * and after the first few how many more there are. Returns their number. "$schema" is not compared, nor is data.path
 * unless `paths` are. */
int config_changes(const cJSON *before, const cJSON *after, bool paths, struct text *text);

#endif
