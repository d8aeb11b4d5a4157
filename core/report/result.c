#include "core/report/result.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"

/* The plain values of a result in the order of the file; one table serves writing and reading. */
enum value_type { VALUE_TEXT, VALUE_INT, VALUE_LONG, VALUE_NUMBER };

struct value {
    const char *key;
    enum value_type type;
    size_t offset;
    double minimum, maximum; /* of numbers */
};

#define INTEGER_MAX 9007199254740992.0 /* 2^53: where doubles stop holding every integer */
#define ANY_NUMBER -HUGE_VAL, HUGE_VAL
#define OFFSET(member) offsetof(struct run_result, member)

static const struct value values[] = {
    {"name", VALUE_TEXT, OFFSET(name), 0, 0},
    {"config", VALUE_TEXT, OFFSET(config_path), 0, 0},
    {"data", VALUE_TEXT, OFFSET(data), 0, 0},
    {"message", VALUE_TEXT, OFFSET(message), 0, 0},
    {"seed", VALUE_LONG, OFFSET(seed), -INTEGER_MAX, INTEGER_MAX},
    {"epochs", VALUE_INT, OFFSET(epochs), 0, INT_MAX},
    {"best_epoch", VALUE_INT, OFFSET(best_epoch), 0, INT_MAX},
    {"batch_size", VALUE_INT, OFFSET(batch_size), 0, INT_MAX},
    {"train_images", VALUE_LONG, OFFSET(train_images), 0, INTEGER_MAX},
    {"val_images", VALUE_LONG, OFFSET(validation_images), 0, INTEGER_MAX},
    {"test_images", VALUE_LONG, OFFSET(test_images), 0, INTEGER_MAX},
    {"parameters", VALUE_LONG, OFFSET(parameters), 0, INTEGER_MAX},
    {"trainable_parameters", VALUE_LONG, OFFSET(trainable_parameters), 0, INTEGER_MAX},
    {"multiplications", VALUE_NUMBER, OFFSET(multiplications), 0, HUGE_VAL},
    {"train_loss", VALUE_NUMBER, OFFSET(train_loss), ANY_NUMBER},
    {"train_accuracy", VALUE_NUMBER, OFFSET(train_accuracy), 0, 1},
    {"val_loss", VALUE_NUMBER, OFFSET(validation_loss), ANY_NUMBER},
    {"val_accuracy", VALUE_NUMBER, OFFSET(validation_accuracy), 0, 1},
    {"test_loss", VALUE_NUMBER, OFFSET(test_loss), ANY_NUMBER},
    {"test_accuracy", VALUE_NUMBER, OFFSET(test_accuracy), 0, 1},
    {"test_accuracy_low", VALUE_NUMBER, OFFSET(test_low), 0, 1},
    {"test_accuracy_high", VALUE_NUMBER, OFFSET(test_high), 0, 1},
    {"seconds", VALUE_NUMBER, OFFSET(seconds), 0, HUGE_VAL},
    {"seconds_per_epoch", VALUE_NUMBER, OFFSET(seconds_per_epoch), 0, HUGE_VAL},
    {"images_per_second", VALUE_NUMBER, OFFSET(images_per_second), 0, HUGE_VAL},
    {"peak_memory_bytes", VALUE_LONG, OFFSET(peak_memory_bytes), 0, INTEGER_MAX},
    {"threads", VALUE_INT, OFFSET(threads), 0, INT_MAX},
    {"kernel", VALUE_TEXT, OFFSET(kernel), 0, 0},
};
enum { VALUE_COUNT = sizeof values / sizeof *values };

static const struct value class_values[] = {
    {"name", VALUE_TEXT, offsetof(struct class_result, name), 0, 0},
    {"images", VALUE_LONG, offsetof(struct class_result, images), 0, INTEGER_MAX},
    {"precision", VALUE_NUMBER, offsetof(struct class_result, precision), 0, 1},
    {"recall", VALUE_NUMBER, offsetof(struct class_result, recall), 0, 1},
    {"f1", VALUE_NUMBER, offsetof(struct class_result, f1), 0, 1},
};
enum { CLASS_VALUE_COUNT = sizeof class_values / sizeof *class_values };

static const char *const status_names[] = {[RUN_FINISHED] = "finished",
                                           [RUN_INTERRUPTED] = "interrupted",
                                           [RUN_NOT_FINITE] = "not finite",
                                           [RUN_FAILED] = "failed"};
enum { STATUS_COUNT = sizeof status_names / sizeof *status_names };

const char *run_status_name(enum run_status status) {
    return status_names[status];
}

struct run_result run_result_empty(void) {
    struct run_result result = {.status = RUN_FAILED};
    for (int i = 0; i < VALUE_COUNT; i++)
        if (values[i].type == VALUE_NUMBER) *(double *)(void *)((char *)&result + values[i].offset) = NAN;
    return result;
}

void run_result_free(struct run_result *result) {
    arena_free(&result->memory);
    *result = run_result_empty();
}

/* Writing */

static cJSON *add_text(cJSON *object, const char *key, const char *text) {
    return text ? cJSON_AddStringToObject(object, key, text) : cJSON_AddNullToObject(object, key);
}

static cJSON *add_value(cJSON *object, const struct value *value, const void *base) {
    const void *at = (const char *)base + value->offset;
    switch (value->type) {
    case VALUE_TEXT:
        return add_text(object, value->key, *(const char *const *)at);
    case VALUE_INT:
        return cJSON_AddNumberToObject(object, value->key, *(const int *)at);
    case VALUE_LONG:
        return cJSON_AddNumberToObject(object, value->key, (double)*(const long long *)at);
    case VALUE_NUMBER:
        break;
    }
    return cJSON_AddNumberToObject(object, value->key, *(const double *)at); /* NAN prints as null */
}

static int add_values(cJSON *object, const struct value *table, int count, const void *base) {
    for (int i = 0; i < count; i++)
        if (!add_value(object, &table[i], base)) return -1;
    return 0;
}

static int add_classes(cJSON *root, const struct run_result *result) {
    if (!result->classes) return cJSON_AddNullToObject(root, "classes") ? 0 : -1;
    cJSON *classes = cJSON_AddArrayToObject(root, "classes");
    for (int i = 0; classes && i < result->class_count; i++) {
        cJSON *item = cJSON_CreateObject();
        if (!json_append(classes, item) || add_values(item, class_values, CLASS_VALUE_COUNT, &result->classes[i]) != 0)
            return -1;
    }
    return classes ? 0 : -1;
}

static int add_versions(cJSON *root, const struct run_result *result) {
    cJSON *versions = cJSON_AddObjectToObject(root, "versions");
    for (int i = 0; versions && i < result->version_count; i++)
        if (!cJSON_AddStringToObject(versions, result->versions[i].name, result->versions[i].version)) return -1;
    return versions ? 0 : -1;
}

cJSON *run_result_json(const struct run_result *result) {
    cJSON *root = cJSON_CreateObject();
    if (root && cJSON_AddStringToObject(root, "status", run_status_name(result->status)) &&
        add_values(root, values, VALUE_COUNT, result) == 0 && add_versions(root, result) == 0 &&
        add_classes(root, result) == 0)
        return root;
    cJSON_Delete(root);
    return NULL;
}

int run_result_write(const struct run_result *result, const char *path, struct error *error) {
    cJSON *root = run_result_json(result);
    char *text = root ? json_print(root) : NULL;
    cJSON_Delete(root);
    if (!text) return error_set(error, ERROR_RUN, path, "not enough memory for the metrics");
    int status = file_replace_text(path, text, error);
    free(text);
    return status;
}

/* Reading */

struct reader {
    struct arena *arena;
    struct error *error;
};

static int refuse(const struct reader *reader, const struct place *place, const cJSON *item, const char *wanted) {
    char path[ERROR_PATH_SIZE], found[128];
    return error_set(reader->error, ERROR_DATA, place_text(place, path, sizeof path),
                     "must be %s, got %s; remove the run's folder to run it anew", wanted,
                     json_describe(item, found, sizeof found));
}

static int read_text(const struct reader *reader, const cJSON *item, const struct place *place, const char **text) {
    if (!cJSON_IsString(item)) return refuse(reader, place, item, "a string");
    *text = arena_string(reader->arena, item->valuestring, reader->error);
    return *text ? 0 : -1;
}

static int read_number(const struct reader *reader, const struct value *value, const cJSON *item,
                       const struct place *place, void *at) {
    bool integer = value->type != VALUE_NUMBER;
    double number = item->valuedouble;
    if (!cJSON_IsNumber(item)) return refuse(reader, place, item, integer ? "an integer" : "a number");
    if (!isfinite(number) || number < value->minimum || number > value->maximum)
        return refuse(reader, place, item,
                      value->maximum == 1   ? "a number from 0 to 1"
                      : value->minimum == 0 ? "a number, 0 or more"
                                            : "a finite number");
    if (integer && number != floor(number)) return refuse(reader, place, item, "an integer");
    if (value->type == VALUE_INT)
        *(int *)at = (int)number;
    else if (value->type == VALUE_LONG)
        *(long long *)at = (long long)number;
    else
        *(double *)at = number;
    return 0;
}

static int read_values(const struct reader *reader, const struct value *table, int count, const cJSON *object,
                       const struct place *place, void *base) {
    for (int i = 0; i < count; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, table[i].key);
        void *at = (char *)base + table[i].offset;
        struct place here = place_key(place, table[i].key);
        if (!item || cJSON_IsNull(item)) continue;
        int status = table[i].type == VALUE_TEXT ? read_text(reader, item, &here, at)
                                                 : read_number(reader, &table[i], item, &here, at);
        if (status != 0) return -1;
    }
    return 0;
}

static int read_status(const struct reader *reader, const cJSON *root, const struct place *place,
                       enum run_status *status) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "status");
    struct place here = place_key(place, "status");
    for (int i = 0; i < STATUS_COUNT && cJSON_IsString(item); i++)
        if (strcmp(item->valuestring, status_names[i]) == 0) {
            *status = (enum run_status)i;
            return 0;
        }
    return refuse(reader, &here, item, "\"finished\", \"interrupted\", \"not finite\" or \"failed\"");
}

static int read_classes(const struct reader *reader, const cJSON *root, const struct place *place,
                        struct run_result *result) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "classes"), *item;
    struct place here = place_key(place, "classes");
    if (!list || cJSON_IsNull(list)) return 0;
    if (!cJSON_IsArray(list)) return refuse(reader, &here, list, "a list");
    size_t count = (size_t)cJSON_GetArraySize(list), size;
    if (!size_multiply(count ? count : 1, sizeof(struct class_result), &size))
        return error_set(reader->error, ERROR_RUN, NULL, "not enough memory for %zu classes", count);
    struct class_result *classes = arena_allocate(reader->arena, size, reader->error);
    if (!classes) return -1;
    int index = 0;
    cJSON_ArrayForEach(item, list) {
        struct place at = place_item(&here, index);
        classes[index] = (struct class_result){.precision = NAN, .recall = NAN, .f1 = NAN};
        if (!cJSON_IsObject(item)) return refuse(reader, &at, item, "an object");
        if (read_values(reader, class_values, CLASS_VALUE_COUNT, item, &at, &classes[index]) != 0) return -1;
        if (!classes[index].name) return refuse(reader, &at, item, "an object with a name");
        index++;
    }
    result->classes = classes;
    result->class_count = index;
    return 0;
}

/* Versions only inform: what is no text, or one too many, is left out. */
static int read_versions(const struct reader *reader, const cJSON *root, struct run_result *result) {
    const cJSON *item, *versions = cJSON_GetObjectItemCaseSensitive(root, "versions");
    cJSON_ArrayForEach(item, versions) {
        if (!item->string || !cJSON_IsString(item) || result->version_count == RESULT_VERSIONS_MAX) continue;
        struct result_version *version = &result->versions[result->version_count];
        version->name = arena_string(reader->arena, item->string, reader->error);
        version->version = arena_string(reader->arena, item->valuestring, reader->error);
        if (!version->name || !version->version) return -1;
        result->version_count++;
    }
    return 0;
}

static int read_root(const struct reader *reader, const cJSON *root, const char *path, struct run_result *result) {
    struct place place = place_document(path), name = place_key(&place, "name");
    if (!cJSON_IsObject(root)) return refuse(reader, &place, root, "an object");
    if (read_values(reader, values, VALUE_COUNT, root, &place, result) != 0) return -1;
    if (!result->name) return refuse(reader, &name, NULL, "a string");
    if (read_status(reader, root, &place, &result->status) != 0) return -1;
    if (read_classes(reader, root, &place, result) != 0) return -1;
    return read_versions(reader, root, result);
}

int run_result_read(const char *path, struct run_result *result, struct error *error) {
    *result = run_result_empty();
    cJSON *root = json_read_file(path, JSON_SIZE_MAX, error);
    /* What is no JSON is bad data here, not a mistake in a config. */
    if (!root && error->code == ERROR_CONFIG) error->code = ERROR_DATA;
    if (!root) return -1;
    const struct reader reader = {&result->memory, error};
    int status = read_root(&reader, root, path, result);
    cJSON_Delete(root);
    if (status != 0) run_result_free(result);
    return status;
}
