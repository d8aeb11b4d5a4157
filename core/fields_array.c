#include "core/fields_array.h"

#include <math.h>

/* The sizes that the first list of each depth has; the others must have them, too. */
static int measure(const cJSON *json, const struct place *place, struct number_array *array, struct error *error) {
    for (const cJSON *at = json; cJSON_IsArray(at); at = at->child) {
        if (array->rank == FIELD_RANK_MAX)
            return place_error(place, error, "has lists more than %d deep; make it flatter", FIELD_RANK_MAX);
        if (!at->child) return place_error(place, error, "has an empty list; write its numbers");
        array->size[array->rank++] = cJSON_GetArraySize(at);
    }
    return 0;
}

/* Everything below a list of this depth has the shape that was measured. */
static int check_lists(const cJSON *json, int depth, const struct place *place, struct number_array *array,
                       struct error *error) {
    char found[96];
    if (depth == array->rank) {
        array->count++;
        if (cJSON_IsNumber(json) && isfinite(json->valuedouble)) return 0;
        return place_error(place, error, "must be a number; got %s", json_describe(json, found, sizeof found));
    }
    if (!cJSON_IsArray(json))
        return place_error(place, error, "must be a list of %d, as the first one is; got %s", array->size[depth],
                           json_describe(json, found, sizeof found));
    if (cJSON_GetArraySize(json) != array->size[depth])
        return place_error(place, error, "must be a list of %d, as the first one is; got one of %d", array->size[depth],
                           cJSON_GetArraySize(json));
    int index = 0;
    for (const cJSON *child = json->child; child; child = child->next) {
        const struct place item = place_item(place, index++);
        if (check_lists(child, depth + 1, &item, array, error) != 0) return -1;
    }
    return 0;
}

static double *copy(const cJSON *json, double *values) {
    if (!cJSON_IsArray(json)) {
        *values = json->valuedouble;
        return values + 1;
    }
    for (const cJSON *child = json->child; child; child = child->next) values = copy(child, values);
    return values;
}

int fields_read_array(const cJSON *json, const struct place *place, struct arena *arena, struct number_array *array,
                      struct error *error) {
    *array = (struct number_array){0};
    if (measure(json, place, array, error) != 0 || check_lists(json, 0, place, array, error) != 0) return -1;
    double *values = arena_allocate(arena, array->count * sizeof *values, error);
    if (!values) return -1;
    copy(json, values);
    array->values = values;
    return 0;
}

/* One list at `depth`, whose numbers begin at *values, which goes on behind them. */
static cJSON *write_list(const struct number_array *array, int depth, const double **values) {
    if (depth == array->rank) return cJSON_CreateNumber(*(*values)++);
    cJSON *list = cJSON_CreateArray();
    bool complete = list;
    for (int i = 0; i < array->size[depth] && complete; i++)
        complete = json_append(list, write_list(array, depth + 1, values));
    if (complete) return list;
    cJSON_Delete(list);
    return NULL;
}

cJSON *fields_write_array(const struct number_array *array) {
    const double *values = array->values;
    return write_list(array, 0, &values);
}
