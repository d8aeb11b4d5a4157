/* The state of the callbacks to and from JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/callback.h"
#include "core/csv.h"

/* Numbers go as text with 17 digits: JSON has no infinity, and cJSON's own numbers may lose a bit. */
static bool add_number(cJSON *object, const char *key, double value) {
    char digits[40];
    snprintf(digits, sizeof digits, "%.17g", value);
    return cJSON_AddStringToObject(object, key, digits) != NULL;
}

static cJSON *write_state(const struct component *callback, const struct callback_state *state) {
    cJSON *object = cJSON_CreateObject();
    if (object && cJSON_AddStringToObject(object, "type", callback->kind->name) &&
        add_number(object, "best", state->best) && cJSON_AddNumberToObject(object, "best_epoch", state->best_epoch) &&
        cJSON_AddNumberToObject(object, "wait", state->wait) &&
        cJSON_AddNumberToObject(object, "cooldown", state->cooldown))
        return object;
    cJSON_Delete(object);
    return NULL;
}

static bool write_states(const struct callbacks *callbacks, cJSON *root) {
    cJSON *list = cJSON_AddArrayToObject(root, "callbacks");
    if (!list || !add_number(root, "rate_scale", callbacks->rate_scale)) return false;
    for (int i = 0; i < callbacks->list.count; i++) {
        cJSON *state = write_state(&callbacks->list.items[i], &callbacks->states[i]);
        if (!state) return false;
        cJSON_AddItemToArray(list, state);
    }
    return true;
}

cJSON *callbacks_export(const struct callbacks *callbacks) {
    cJSON *root = cJSON_CreateObject();
    if (root && write_states(callbacks, root)) return root;
    cJSON_Delete(root);
    return NULL;
}

/* A checkpoint's content is data: a mistake in it is none in the config. */
#define state_error(place, error, ...)                                                                                 \
    error_set(error, ERROR_DATA, place_text(place, (char[ERROR_PATH_SIZE]){""}, ERROR_PATH_SIZE), __VA_ARGS__)

static int read_number(const cJSON *object, const char *key, const struct place *place, double *value,
                       struct error *error) {
    struct place at = place_key(place, key);
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsString(json) && csv_number(json->valuestring, value)) return 0;
    return state_error(
        &at, error,
        "must be a number as text; the training state is damaged: start a new run from its weights with --weights");
}

static int read_count(const cJSON *object, const char *key, int minimum, const struct place *place, int *value,
                      struct error *error) {
    struct place at = place_key(place, key);
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsNumber(json) && json->valuedouble == floor(json->valuedouble) && json->valuedouble >= minimum &&
        json->valuedouble <= 1e9) {
        *value = (int)json->valuedouble;
        return 0;
    }
    return state_error(&at, error,
                       "must be an integer, %d or more; the training state is damaged: start a new run from its "
                       "weights with --weights",
                       minimum);
}

static int read_state(const struct component *callback, const cJSON *json, const struct place *place,
                      struct callback_state *state, struct error *error) {
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(json, "type");
    if (!cJSON_IsString(type) || strcmp(type->valuestring, callback->kind->name) != 0)
        return state_error(place, error,
                           "is the state of %s, but the config has %s here; go on with the same callbacks, or start a "
                           "new run from its weights with --weights",
                           cJSON_IsString(type) ? type->valuestring : "nothing known", callback->kind->name);
    if (read_number(json, "best", place, &state->best, error) != 0) return -1;
    if (read_count(json, "best_epoch", -1, place, &state->best_epoch, error) != 0) return -1;
    if (read_count(json, "wait", 0, place, &state->wait, error) != 0) return -1;
    return read_count(json, "cooldown", 0, place, &state->cooldown, error);
}

static int read_states(const struct callbacks *callbacks, const cJSON *json, const struct place *place,
                       struct callback_state *states, struct error *error) {
    struct place at = place_key(place, "callbacks");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "callbacks");
    int count = callbacks->list.count;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != count)
        return state_error(&at, error,
                           "has the state of %d callbacks, the config has %d; go on with the same callbacks, or start "
                           "a new run from its weights with --weights",
                           cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0, count);
    for (int i = 0; i < count; i++) {
        struct place item = place_item(&at, i);
        if (read_state(&callbacks->list.items[i], cJSON_GetArrayItem(list, i), &item, &states[i], error) != 0)
            return -1;
    }
    return 0;
}

int callbacks_import(struct callbacks *callbacks, const cJSON *json, const struct place *place, struct error *error) {
    size_t size = (size_t)callbacks->list.count * sizeof *callbacks->states;
    struct callback_state *states = calloc(1, size + 1);
    double rate_scale = 1;
    if (!states) return error_set(error, ERROR_RUN, NULL, "not enough memory for the state of the callbacks");
    int status = read_number(json, "rate_scale", place, &rate_scale, error);
    if (status == 0 && !(rate_scale >= 0 && rate_scale <= 1)) {
        struct place at = place_key(place, "rate_scale");
        status = state_error(
            &at, error,
            "must be in [0, 1], got %g; the training state is damaged: start a new run from its weights with --weights",
            rate_scale);
    }
    if (status == 0) status = read_states(callbacks, json, place, states, error);
    if (status == 0) {
        callbacks->rate_scale = rate_scale;
        memcpy(callbacks->states, states, size);
    }
    free(states);
    return status;
}
