#include "core/model_file.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

int model_load_weights(const struct model *model, const char *path, struct text *report, struct error *error) {
    struct checkpoint_tensor *tensors = NULL;
    struct tensor_names *names = NULL;
    size_t count = 0;
    if (model_tensors(model, &tensors, &names, &count, error) != 0) return -1;
    int status = checkpoint_load_into(path, tensors, count, CHECKPOINT_LENIENT, report, error);
    free(tensors);
    free(names);
    return status;
}

/* Finite, above `minimum`. */
static bool read_float(const cJSON *json, float minimum, float *value) {
    if (!cJSON_IsNumber(json) || fabs(json->valuedouble) > (double)FLT_MAX) return false;
    *value = (float)json->valuedouble;
    return *value > minimum;
}

/* Exactly `count` of them. */
static int read_floats(const cJSON *json, const char *key, int count, float minimum, float *values) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, key);
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != count) return -1;
    for (int i = 0; i < count; i++)
        if (!read_float(cJSON_GetArrayItem(list, i), minimum, &values[i])) return -1;
    return 0;
}

static int read_class_names(struct saved_model *saved, const cJSON *names, struct error *error) {
    if (!names) return 0;
    if (!cJSON_IsArray(names) || cJSON_GetArraySize(names) != saved->classes) return -1;
    saved->class_names = calloc((size_t)saved->classes, sizeof *saved->class_names);
    if (!saved->class_names) return error_set(error, ERROR_RUN, NULL, "not enough memory for the class names");
    int at = 0;
    for (const cJSON *name = names->child; name; name = name->next, at++) {
        saved->class_names[at] =
            cJSON_IsString(name) && text_is_printable(name->valuestring) ? strdup(name->valuestring) : NULL;
        if (!saved->class_names[at]) return -1;
    }
    return 0;
}

static int read_shape(const cJSON *json, struct shape *shape) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "input_shape");
    shape->rank = cJSON_GetArraySize(list);
    if (!cJSON_IsArray(list) || shape->rank < 1 || shape->rank > SHAPE_RANK_MAX) return -1;
    for (int i = 0; i < shape->rank; i++) {
        const cJSON *number = cJSON_GetArrayItem(list, i);
        if (!cJSON_IsNumber(number) || number->valuedouble < 1 || number->valuedouble > 65536) return -1;
        shape->size[i] = (int)number->valuedouble;
    }
    return 0;
}

static int read_normalization(const cJSON *json, const struct shape *shape, struct normalization *normalization) {
    int channels = shape->size[shape->rank - 1];
    if (channels > (int)(sizeof normalization->mean / sizeof *normalization->mean)) return -1;
    normalization->channels = channels;
    if (!read_float(cJSON_GetObjectItemCaseSensitive(json, "scale"), 0, &normalization->scale)) return -1;
    if (read_floats(json, "mean", channels, -FLT_MAX, normalization->mean) != 0) return -1;
    return read_floats(json, "std", channels, 0, normalization->std);
}

static int read_facts(struct saved_model *saved, const cJSON *json, struct shape *shape, struct error *error) {
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(json, "classes");
    if (read_shape(json, shape) != 0 || read_normalization(json, shape, &saved->normalization) != 0) return -1;
    if (!cJSON_IsNumber(classes) || classes->valuedouble < 1 || classes->valuedouble > DATASET_CLASSES_MAX) return -1;
    saved->classes = (int)classes->valuedouble;
    return read_class_names(saved, cJSON_GetObjectItemCaseSensitive(json, "class_names"), error);
}

/* Whether every tensor of the planned model is in the file, and once there is room for them, their values. */
static int take_tensors(const struct saved_model *saved, const struct safetensors *file, struct error *error) {
    struct checkpoint_tensor *tensors = NULL;
    struct tensor_names *names = NULL;
    size_t count = 0;
    if (model_tensors(&saved->model, &tensors, &names, &count, error) != 0) return -1;
    int status = saved->model.parameters ? checkpoint_apply(file, tensors, count, CHECKPOINT_STRICT, NULL, error)
                                         : checkpoint_check(file, tensors, count, CHECKPOINT_STRICT, error);
    free(tensors);
    free(names);
    return status;
}

/* A small file cannot ask for the memory of a large model: its tensors are compared first. */
static int build_saved(struct saved_model *saved, const struct safetensors *file, const struct shape *shape,
                       struct error *error) {
    if (model_plan(&saved->model, &saved->config, shape, error) != 0) return -1;
    if (saved->model.output.rank != 1 || saved->model.output.size[0] < saved->classes)
        return error_set(error, ERROR_DATA, file->path, "its metadata is not that of a cnntrain model");
    if (take_tensors(saved, file, error) != 0 || model_allocate(&saved->model, error) != 0) return -1;
    return take_tensors(saved, file, error);
}

static int open_file(struct saved_model *saved, const struct safetensors *file, const struct config_request *request,
                     struct error *error) {
    const char *config = safetensors_metadata(file, "config"), *facts = safetensors_metadata(file, "facts");
    if (!config || !facts)
        return error_set(error, ERROR_DATA, file->path,
                         "holds tensors but no config; it was not written by cnntrain. Use it with train --weights");
    cJSON *json = json_parse(facts, strlen(facts), file->path, error);
    if (!json) return -1;
    struct shape shape = {0};
    int status = read_facts(saved, json, &shape, error);
    cJSON_Delete(json);
    if (status != 0) return error_set(error, ERROR_DATA, file->path, "its metadata is not that of a cnntrain model");
    if (config_parse(&saved->config, config, file->path, request, error) != 0) return -1;
    return build_saved(saved, file, &shape, error);
}

static char *file_of_model(const char *path, bool prefer_best, struct error *error) {
    int is_folder = file_is_folder(path, error);
    if (is_folder < 0) return NULL;
    if (!is_folder) return file_join(NULL, path, error);
    char *best = file_join(path, "best.safetensors", error);
    if (!best || (prefer_best && file_exists(best))) return best;
    char *last = file_join(path, "last.safetensors", error);
    if (last && !file_exists(last) && file_exists(best)) {
        free(last);
        return best;
    }
    free(best);
    if (last && !file_exists(last)) {
        error_set(error, ERROR_IO, path, "holds no last.safetensors; name a run's folder or a .safetensors file");
        free(last);
        return NULL;
    }
    return last;
}

int saved_model_open(struct saved_model *saved, const char *path, bool prefer_best,
                     const struct config_request *request, struct error *error) {
    *saved = (struct saved_model){0};
    char *file_path = file_of_model(path, prefer_best, error);
    if (!file_path) return -1;
    struct safetensors file;
    int status = safetensors_read(file_path, &file, error);
    free(file_path);
    if (status != 0) return -1;
    status = open_file(saved, &file, request, error);
    safetensors_free(&file);
    if (status != 0) saved_model_free(saved);
    return status;
}

void saved_model_free(struct saved_model *saved) {
    for (int i = 0; saved->class_names && i < saved->classes; i++) free(saved->class_names[i]);
    free(saved->class_names);
    model_free(&saved->model);
    config_free(&saved->config);
    *saved = (struct saved_model){0};
}
