/* A whole model as Keras 3 saves it: a zip archive with the layers, the weights and metadata. */
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/interop/keras_file.h"
#include "core/interop/keras_paths.h"
#include "core/interop/keras_weights.h"
#include "core/interop/zip_file.h"

/* {"keras_version": ..., "cnntrain": {...}}: without the date, so that the same model is the same file. */
static char *metadata_text(const struct exchange *exchange, struct error *error) {
    cJSON *json = cJSON_CreateObject(), *facts = keras_facts(exchange, error);
    const bool whole = json && facts && json_add(json, "keras_version", cJSON_CreateString(KERAS_VERSION));
    if (!whole) cJSON_Delete(facts);
    char *text = whole && json_add(json, KERAS_FACTS_KEY, facts) ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    return text;
}

static int weights_bytes(const struct exchange *exchange, const char *path, char **bytes, size_t *length,
                         struct error *error) {
    return hdf5_write(path, keras_weights_write, exchange->model, bytes, length, error);
}

static int write_archive(const struct zip_member *members, size_t count, const char *path, struct error *error) {
    char *archive = NULL;
    size_t length = 0;
    if (zip_write(path, members, count, &archive, &length, error) != 0) return -1;
    int status = file_replace(path, &(struct file_piece){archive, length}, 1, error);
    free(archive);
    return status;
}

static int write_keras(const struct exchange *exchange, const char *path, struct error *error) {
    char *model = keras_model_text(exchange, error), *weights = NULL;
    char *metadata = model ? metadata_text(exchange, error) : NULL;
    size_t length = 0;
    int status = metadata ? weights_bytes(exchange, path, &weights, &length, error)
                          : error_set(error, ERROR_RUN, path, "not enough memory for the model's description");
    if (status == 0) {
        const struct zip_member members[] = {
            {.name = KERAS_METADATA_MEMBER, .bytes = metadata, .length = strlen(metadata)},
            {.name = KERAS_CONFIG_MEMBER, .bytes = model, .length = strlen(model)},
            {.name = KERAS_WEIGHTS_MEMBER, .bytes = weights, .length = length}};
        status = write_archive(members, 3, path, error);
    }
    free(weights);
    free(metadata);
    free(model);
    return status;
}

const struct exchange_format keras_format = {
    .name = "keras",
    .extensions = (const char *const[]){".keras", NULL},
    .summary = "a whole model, as Keras 3 saves it",
    .is_opened = true,
    .write = write_keras,
    .recognizes = keras_archive_recognizes,
    .read = keras_archive_read,
};
