#include "core/model_file.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/activation.h"
#include "core/file.h"
#include "core/interop/torch_weights.h"
#include "core/model_file_foreign.h"

/* The file that a run's folder stands for, or `path` itself; malloc'd. */
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
        error_set(error, ERROR_IO, path,
                  "holds no last.safetensors; name a run's folder or a .safetensors, .keras or .h5 file");
        free(last);
        return NULL;
    }
    return last;
}

/* The weights alone, by the names of the model. */
static int read_foreign_weights(const struct model *model, const char *path, const struct exchange_format *format,
                                struct exchange_file *file, struct error *error) {
    if (format->read(path, file, error) == 0 && file->assign(&file->weights, model, error) == 0) return 0;
    exchange_file_free(file);
    return -1;
}

/* A checkpoint or another file of safetensors: Keras' names, or PyTorch's. */
static int load_safetensors(const struct model *model, const char *path, const struct checkpoint_tensor *tensors,
                            size_t count, struct text *report, struct error *error) {
    struct safetensors file;
    if (safetensors_read(path, &file, error) != 0) return -1;
    int status = torch_is_state_dict(&file)
                     ? torch_weights_load(&file, model, report, error)
                     : checkpoint_apply(&file, tensors, count, CHECKPOINT_LENIENT, report, error);
    safetensors_free(&file);
    return status;
}

static int load_into(const struct model *model, const char *path, const struct checkpoint_tensor *tensors, size_t count,
                     struct text *report, struct error *error) {
    const struct exchange_format *format = NULL;
    struct exchange_file file = {0};
    if (exchange_for_reading(path, &format, error) != 0) return -1;
    if (!format) return load_safetensors(model, path, tensors, count, report, error);
    if (read_foreign_weights(model, path, format, &file, error) != 0) return -1;
    int status = checkpoint_apply(&file.weights, tensors, count, CHECKPOINT_LENIENT, report, error);
    exchange_file_free(&file);
    return status;
}

int model_load_weights(const struct model *model, const char *path, struct text *report, struct error *error) {
    struct checkpoint_tensor *tensors = NULL;
    struct tensor_names *names = NULL;
    size_t count = 0;
    char *file = file_of_model(path, false, error);
    int status = file ? model_tensors(model, &tensors, &names, &count, error) : -1;
    if (status == 0) {
        status = load_into(model, file, tensors, count, report, error);
        free(tensors);
        free(names);
    }
    free(file);
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
        if (!cJSON_IsString(name) || !text_is_printable(name->valuestring)) return -1;
        saved->class_names[at] = strdup(name->valuestring);
        if (!saved->class_names[at]) return error_set(error, ERROR_RUN, NULL, "not enough memory for the class names");
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

static int check_output(const struct saved_model *saved, const char *path, struct error *error) {
    char shape[SHAPE_TEXT_SIZE];
    const struct shape *output = &saved->model.output;
    if (output->rank != 1)
        return error_set(
            error, ERROR_DATA, path,
            "gives %s for an image; a model with a number for each class is needed, so end it with Flatten and Dense",
            shape_text(output, shape, sizeof shape));
    if (output->size[0] < saved->classes)
        return error_set(error, ERROR_DATA, path,
                         "gives %d numbers for an image, but names %d classes; train the model again", output->size[0],
                         saved->classes);
    return 0;
}

/* A small file cannot ask for the memory of a large model: its tensors are compared first. */
static int build_saved(struct saved_model *saved, const struct safetensors *file, struct error *error) {
    if (take_tensors(saved, file, error) != 0 || model_allocate(&saved->model, error) != 0) return -1;
    return take_tensors(saved, file, error);
}

static int plan_saved(struct saved_model *saved, const struct shape *shape, const char *path, struct error *error) {
    if (model_plan(&saved->model, &saved->config, shape, error) != 0) return -1;
    if (saved->classes == 0 && saved->model.output.rank == 1) saved->classes = saved->model.output.size[0];
    return check_output(saved, path, error);
}

static int open_file(struct saved_model *saved, const struct safetensors *file, const struct config_request *request,
                     struct error *error) {
    const char *config = safetensors_metadata(file, "config"), *facts = safetensors_metadata(file, "facts");
    if (!config || !facts)
        return error_set(
            error, ERROR_DATA, file->path,
            "holds weights without the layers that they belong to; use it with train --config FILE --weights");
    cJSON *json = json_parse(facts, strlen(facts), file->path, error);
    if (!json && error->code == ERROR_CONFIG) error->code = ERROR_DATA; /* what is no JSON is no mistake in a config */
    if (!json) return -1;
    struct shape shape = {0};
    int status = read_facts(saved, json, &shape, error);
    cJSON_Delete(json);
    if (status != 0)
        return error_set(error, ERROR_DATA, file->path,
                         "its metadata is not that of a cnntrain model; name one that cnntrain wrote");
    if (config_parse(&saved->config, config, file->path, request, error) != 0) return -1;
    if (plan_saved(saved, &shape, file->path, error) != 0) return -1;
    return build_saved(saved, file, error);
}

/* ---- models of other programs ---- */

/* Where the file does not say it: pixels from 0 to 1, or as they are. */
static int guess_facts(struct saved_model *saved, const cJSON *config, bool takes_bytes, struct shape *shape) {
    struct normalization *normalization = &saved->normalization;
    if (read_shape(config, shape) != 0) return -1;
    const int channels = shape->size[shape->rank - 1];
    if (channels > (int)(sizeof normalization->mean / sizeof *normalization->mean)) return -1;
    *normalization = (struct normalization){.channels = channels, .scale = takes_bytes ? 1.0F : 1.0F / 255.0F};
    for (int i = 0; i < channels; i++) normalization->std[i] = 1;
    saved->normalization_guessed = true;
    return 0;
}

static int use_documents(struct saved_model *saved, const struct foreign_documents *documents, const char *path,
                         const struct config_request *request, struct shape *shape, struct error *error) {
    int status = documents->facts ? read_facts(saved, documents->facts, shape, error)
                                  : guess_facts(saved, documents->config, documents->takes_bytes, shape);
    if (status != 0)
        return error_set(error, ERROR_DATA, path,
                         "has an input shape or metadata that cannot be used; train the model again");
    struct text text = {0};
    json_write(documents->config, &text);
    status = text.failed ? error_set(error, ERROR_RUN, path, "not enough memory for its config")
                         : config_parse(&saved->config, text.bytes, path, request, error);
    text_free(&text);
    return status;
}

/* Other programs' models may end in numbers that are no probabilities of classes, nor logits. */
static int check_ending(const struct model *model, const char *path, struct error *error) {
    const struct layer *last = &model->layers[model->layer_count - 1];
    const struct activation_kind *activation = layer_activation(last);
    if (activation && !activation->is_softmax)
        return error_set(
            error, ERROR_CONFIG, path,
            "ends in layer \"%s\" with the activation %s, which gives no probabilities of classes; end it in "
            "softmax, or without an activation for logits",
            last->name, activation->component.name);
    if (last->output.size[0] > 1) return 0;
    return error_set(error, ERROR_CONFIG, path,
                     "ends in layer \"%s\" with a single output; two classes need two, with a softmax", last->name);
}

static int use_foreign(struct saved_model *saved, struct exchange_file *file, const char *path,
                       const struct config_request *request, struct error *error) {
    struct foreign_documents documents;
    struct shape shape = {0};
    if (foreign_documents_make(&documents, file, path, request->registries, error) != 0) return -1;
    int status = use_documents(saved, &documents, path, request, &shape, error);
    foreign_documents_free(&documents);
    if (status != 0 || plan_saved(saved, &shape, path, error) != 0 || check_ending(&saved->model, path, error) != 0 ||
        file->assign(&file->weights, &saved->model, error) != 0)
        return -1;
    return build_saved(saved, &file->weights, error);
}

static int open_foreign(struct saved_model *saved, const char *path, const struct exchange_format *format,
                        const struct config_request *request, struct error *error) {
    struct exchange_file file = {0};
    int status = format->read(path, &file, error);
    if (status == 0) status = use_foreign(saved, &file, path, request, error);
    exchange_file_free(&file);
    return status;
}

/* ---- any model ---- */

static int open_own(struct saved_model *saved, const char *path, const struct config_request *request,
                    struct error *error) {
    struct safetensors file;
    if (safetensors_read(path, &file, error) != 0) return -1;
    int status = open_file(saved, &file, request, error);
    safetensors_free(&file);
    return status;
}

int saved_model_open(struct saved_model *saved, const char *path, bool prefer_best,
                     const struct config_request *request, struct error *error) {
    *saved = (struct saved_model){0};
    char *file_path = file_of_model(path, prefer_best, error);
    if (!file_path) return -1;
    const struct exchange_format *format = NULL;
    int status = exchange_for_reading(file_path, &format, error);
    if (status == 0)
        status = format ? open_foreign(saved, file_path, format, request, error)
                        : open_own(saved, file_path, request, error);
    free(file_path);
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
