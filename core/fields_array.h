/* Nested lists of numbers, such as a kernel written out: FIELD_ARRAY. */
#ifndef CNNTRAIN_CORE_FIELDS_ARRAY_H
#define CNNTRAIN_CORE_FIELDS_ARRAY_H

#include "core/json.h"
#include "core/memory.h"

enum { FIELD_RANK_MAX = 4 };

struct number_array {
    int rank; /* depth of the lists; 0: no array */
    int size[FIELD_RANK_MAX];
    size_t count;
    const double *values; /* (size[0], size[1], ...) */
};

/* Reads a JSON list; the numbers are the arena's. Lists that are empty, too deep or not equally long, and what is no
 * number, are errors with their place. */
int fields_read_array(const cJSON *json, const struct place *place, struct arena *arena, struct number_array *array,
                      struct error *error);

/* The lists again; NULL without memory. The caller owns it. */
cJSON *fields_write_array(const struct number_array *array);

#endif
