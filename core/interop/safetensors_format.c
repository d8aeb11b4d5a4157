/* A trained model as a safetensors file: the weights in Keras' layout, and in the metadata what cnntrain needs to use
 * them again. Unlike a checkpoint it has no state of a training. */
#include "core/interop/exchange.h"

static int write_keras_layout(const struct exchange *exchange, const char *path, struct error *error) {
    return model_file_save(path, exchange->model, exchange->facts, NULL, 0, NULL, 0, error);
}

const struct exchange_format safetensors_format = {
    .name = "safetensors",
    .extensions = (const char *const[]){".safetensors", NULL},
    .summary = "weights as Keras lays them out, without the state of the training",
    .is_opened = true,
    .write = write_keras_layout,
};
