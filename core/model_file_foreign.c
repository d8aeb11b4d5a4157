#include "core/model_file_foreign.h"

#include <string.h>

#include "core/interop/keras_model.h"

/* What is no JSON in a model's file is no mistake in a config. */
static cJSON *parse(const char *text, const char *path, struct error *error) {
    cJSON *json = json_parse(text, strlen(text), path, error);
    if (!json && error->code == ERROR_CONFIG) error->code = ERROR_DATA;
    return json;
}

static cJSON *read_model(const struct exchange_file *file, const char *path, const struct registries *registries,
                         struct error *error) {
    const struct place place = place_document(path);
    if (!file->model) {
        error_fill(error, ERROR_DATA, path,
                   "holds weights without the layers that they belong to; use it with train --config FILE --weights");
        return NULL;
    }
    cJSON *json = parse(file->model, path, error);
    cJSON *model = json ? keras_read_model(json, &place, registries, error) : NULL;
    cJSON_Delete(json);
    return model;
}

/* The config of the facts, with the file's model in it. Takes `model`. */
static cJSON *join(cJSON *facts, cJSON *model, const char *path, struct error *error) {
    cJSON *config = cJSON_DetachItemFromObjectCaseSensitive(facts, "config");
    if (!config) return model;
    int status = cJSON_IsObject(config)
                     ? json_merge(config, model, error)
                     : error_set(error, ERROR_DATA, path, "has a config that is no object; save or copy it again");
    cJSON_Delete(model);
    if (status == 0) return config;
    cJSON_Delete(config);
    return NULL;
}

int foreign_documents_make(struct foreign_documents *documents, const struct exchange_file *file, const char *path,
                           const struct registries *registries, struct error *error) {
    *documents = (struct foreign_documents){0};
    cJSON *model = read_model(file, path, registries, error);
    if (!model) return -1;
    if (!cJSON_GetObjectItemCaseSensitive(model, "input_shape")) {
        cJSON_Delete(model);
        return error_set(error, ERROR_DATA, path, "does not say the shape of its input; build the model, then save it");
    }
    documents->takes_bytes = keras_takes_bytes(model);
    if (file->facts) documents->facts = parse(file->facts, path, error);
    const bool whole = !file->facts || documents->facts;
    if (whole) documents->config = join(documents->facts, model, path, error);
    if (!whole) cJSON_Delete(model);
    if (documents->config) return 0;
    foreign_documents_free(documents);
    return -1;
}

void foreign_documents_free(struct foreign_documents *documents) {
    cJSON_Delete(documents->config);
    cJSON_Delete(documents->facts);
    *documents = (struct foreign_documents){0};
}
