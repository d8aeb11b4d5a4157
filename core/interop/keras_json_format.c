/* A model's layers as Keras writes them down, without weights: what keras.models.model_from_json reads. */
#include <stdlib.h>

#include "core/file.h"
#include "core/interop/exchange.h"
#include "core/interop/keras_write.h"

static int write_json(const struct exchange *exchange, const char *path, struct error *error) {
    cJSON *json = keras_write_model(exchange->model, exchange->registries, false, error);
    if (!json) return -1;
    char *text = json_print(json);
    cJSON_Delete(json);
    int status = text ? file_replace_text(path, text, error)
                      : error_set(error, ERROR_RUN, path, "not enough memory for the model's description");
    free(text);
    return status;
}

const struct exchange_format keras_json_format = {
    .name = "keras-json",
    .extensions = (const char *const[]){".json", NULL},
    .summary = "the layers alone; of a config, too",
    .without_weights = true,
    .write = write_json,
};
