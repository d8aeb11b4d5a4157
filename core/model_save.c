#include "core/model_save.h"

#include <stdlib.h>
#include <string.h>

int model_tensors(const struct model *model, struct checkpoint_tensor **tensors, struct tensor_names **names,
                  size_t *count, struct error *error) {
    size_t total = 0, at = 0;
    for (int i = 0; i < model->layer_count; i++) total += (size_t)model->layers[i].parameter_count;
    *tensors = calloc(total + 1, sizeof **tensors);
    *names = calloc(total + 1, sizeof **names);
    if (!*tensors || !*names) {
        free(*tensors);
        free(*names);
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the list of tensors");
    }
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++, at++) {
            const struct layer *layer = &model->layers[i];
            model_parameter_name(layer, k, (*names)[at].text, sizeof(*names)[at].text);
            (*tensors)[at] = (struct checkpoint_tensor){(*names)[at].text, layer->parameters[k].shape,
                                                        model_parameter(model, layer, k)};
        }
    *count = total;
    return 0;
}

/* ---- facts as JSON ---- */

static bool add_floats(cJSON *object, const char *key, const float *values, int count) {
    cJSON *list = cJSON_AddArrayToObject(object, key);
    for (int i = 0; list && i < count; i++) {
        cJSON *number = cJSON_CreateNumber((double)values[i]);
        if (!number || !cJSON_AddItemToArray(list, number)) return false;
    }
    return list != NULL;
}

static bool add_facts(cJSON *json, const struct model *model, const struct model_facts *facts) {
    const struct normalization *normalization = &facts->normalization;
    cJSON *shape = cJSON_AddArrayToObject(json, "input_shape");
    for (int i = 0; shape && i < model->input.rank; i++)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber(model->input.size[i]));
    if (!shape || cJSON_GetArraySize(shape) != model->input.rank) return false;
    if (!cJSON_AddNumberToObject(json, "classes", facts->classes)) return false;
    cJSON *names = facts->class_names ? cJSON_AddArrayToObject(json, "class_names") : NULL;
    for (int i = 0; names && i < facts->classes; i++)
        cJSON_AddItemToArray(names, cJSON_CreateString(facts->class_names[i]));
    if (facts->class_names && (!names || cJSON_GetArraySize(names) != facts->classes)) return false;
    if (!cJSON_AddNumberToObject(json, "scale", (double)normalization->scale)) return false;
    return add_floats(json, "mean", normalization->mean, normalization->channels) &&
           add_floats(json, "std", normalization->std, normalization->channels);
}

char *model_facts_text(const struct model *model, const struct model_facts *facts, struct error *error) {
    cJSON *json = cJSON_CreateObject();
    char *text = json && add_facts(json, model, facts) ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    if (!text) error_set(error, ERROR_RUN, NULL, "not enough memory for a checkpoint's metadata");
    return text;
}

/* ---- saving ---- */

static int save_joined(const char *path, const struct checkpoint_tensor *own, size_t own_count,
                       const struct checkpoint_tensor *more, size_t more_count, const struct safetensors_pair *metadata,
                       size_t metadata_count, struct error *error) {
    struct checkpoint_tensor *all = calloc(own_count + more_count + 1, sizeof *all);
    if (!all) return error_set(error, ERROR_RUN, path, "not enough memory for a checkpoint");
    memcpy(all, own, own_count * sizeof *all);
    if (more_count) memcpy(all + own_count, more, more_count * sizeof *all);
    int status = checkpoint_save(path, all, own_count + more_count, metadata, metadata_count, error);
    free(all);
    return status;
}

enum { METADATA_MAX = 16 };

int model_file_save(const char *path, const struct model *model, const struct model_facts *facts,
                    const struct checkpoint_tensor *tensors, size_t tensor_count,
                    const struct safetensors_pair *metadata, size_t metadata_count, struct error *error) {
    struct checkpoint_tensor *own = NULL;
    struct tensor_names *names = NULL;
    size_t own_count = 0;
    char *text = model_facts_text(model, facts, error);
    if (!text) return -1;
    struct safetensors_pair pairs[METADATA_MAX] = {
        {"format", "cnntrain 1"}, {"config", facts->config_text}, {"facts", text}};
    size_t count = 3;
    for (size_t i = 0; i < metadata_count && count < METADATA_MAX; i++) pairs[count++] = metadata[i];
    int status = model_tensors(model, &own, &names, &own_count, error);
    if (status == 0) {
        status = save_joined(path, own, own_count, tensors, tensor_count, pairs, count, error);
        free(own);
        free(names);
    }
    free(text);
    return status;
}
