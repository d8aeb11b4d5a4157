/* Nested lists of numbers, such as a kernel written out: FIELD_ARRAY. */
#ifndef CNNTRAIN_CORE_FIELDS_ARRAY_H
#define CNNTRAIN_CORE_FIELDS_ARRAY_H

#include "core/fields.h"

/* Reads a JSON list; the numbers are the arena's. Lists that are empty, too deep or not equally long, and what is no
 * number, are errors with their place. */
int fields_read_array(const struct field_reader *reader, const cJSON *json, const struct place *place,
                      struct number_array *array);

/* The lists again; NULL without memory. The caller owns it. */
cJSON *fields_write_array(const struct number_array *array);

#endif
