/* A whole model in one HDF5 file, as Keras saved it before version 3 and still reads it. */
#include <stdlib.h>

#include "core/file.h"
#include "core/interop/keras_file.h"
#include "core/interop/keras_paths.h"
#include "core/interop/keras_weights.h"

static void write_attributes(struct hdf5_writer *writer, const char *model, const char *facts) {
    hdf5_text(writer, "/", KERAS_CONFIG_ATTRIBUTE, model);
    hdf5_text(writer, "/", KERAS_FACTS_KEY, facts);
    hdf5_text(writer, "/", "backend", KERAS_BACKEND);
    hdf5_text(writer, "/", "keras_version", KERAS_VERSION);
}

static int write_file(const struct exchange *exchange, const char *path, const char *model, const char *facts,
                      struct error *error) {
    char *bytes = NULL;
    size_t length = 0;
    struct hdf5_writer writer = hdf5_create();
    write_attributes(&writer, model, facts);
    keras_weights_write_legacy(&writer, exchange->model, KERAS_WEIGHTS_GROUP);
    int status = hdf5_finish(&writer, path, &bytes, &length, error);
    if (status == 0) status = file_replace(path, &(struct file_piece){bytes, length}, 1, error);
    free(bytes);
    return status;
}

static int write_h5(const struct exchange *exchange, const char *path, struct error *error) {
    char *model = keras_model_text(exchange, error);
    cJSON *json = model ? keras_facts(exchange, error) : NULL;
    char *facts = json ? cJSON_PrintUnformatted(json) : NULL;
    int status = facts ? write_file(exchange, path, model, facts, error)
                       : error_set(error, ERROR_RUN, path, "not enough memory for the model's description");
    free(facts);
    cJSON_Delete(json);
    free(model);
    return status;
}

const struct exchange_format keras_h5_format = {
    .name = "keras-h5",
    .extensions = (const char *const[]){".h5", ".hdf5", NULL},
    .summary = "a whole model in the HDF5 form of Keras before 3, which Keras 3 reads",
    .is_opened = true,
    .write = write_h5,
    .recognizes = keras_hdf5_recognizes,
    .read = keras_hdf5_read,
};
