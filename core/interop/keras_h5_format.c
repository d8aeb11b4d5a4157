/* A whole model in one HDF5 file, as Keras saved it before version 3 and still reads it. */
#include <stdlib.h>

#include "core/file.h"
#include "core/interop/keras_file.h"
#include "core/interop/keras_paths.h"
#include "core/interop/keras_weights.h"

struct content {
    const struct model *model;
    const char *layers, *facts;
};

static void fill(struct hdf5_writer *writer, const void *context) {
    const struct content *content = context;
    hdf5_text(writer, "/", KERAS_CONFIG_ATTRIBUTE, content->layers);
    hdf5_text(writer, "/", KERAS_FACTS_KEY, content->facts);
    hdf5_text(writer, "/", "backend", KERAS_BACKEND);
    hdf5_text(writer, "/", "keras_version", KERAS_VERSION);
    keras_weights_write_legacy(writer, content->model, KERAS_WEIGHTS_GROUP);
}

static int write_file(const struct content *content, const char *path, struct error *error) {
    char *bytes = NULL;
    size_t length = 0;
    int status = hdf5_write(path, fill, content, &bytes, &length, error);
    if (status == 0) status = file_replace(path, &(struct file_piece){bytes, length}, 1, error);
    free(bytes);
    return status;
}

static int write_h5(const struct exchange *exchange, const char *path, struct error *error) {
    char *model = keras_model_text(exchange, error);
    cJSON *json = model ? keras_facts(exchange, error) : NULL;
    char *facts = json ? cJSON_PrintUnformatted(json) : NULL;
    int status = facts ? write_file(&(struct content){exchange->model, model, facts}, path, error)
                       : error_set(error, ERROR_RUN, path, "not enough memory for the model's description");
    free(facts);
    cJSON_Delete(json);
    free(model);
    return status;
}

const struct exchange_format keras_h5_format = {
    .name = "keras-h5",
    .extensions = (const char *const[]){".h5", ".hdf5", NULL},
    .summary = "a whole model, as Keras 2 saved it",
    .is_opened = true,
    .write = write_h5,
    .recognizes = keras_hdf5_recognizes,
    .read = keras_hdf5_read,
};
