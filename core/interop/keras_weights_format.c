/* The weights alone, as model.save_weights of Keras 3 writes them and model.load_weights reads them. */
#include <stdlib.h>

#include "core/file.h"
#include "core/interop/keras_file.h"
#include "core/interop/keras_weights.h"

/* Keras has a place for weights only where it has the layers: they are written down first, and looked at by nobody. */
static int write_weights(const struct exchange *exchange, const char *path, struct error *error) {
    char *model = keras_model_text(exchange, error), *bytes = NULL;
    size_t length = 0;
    free(model);
    if (!model) return -1;
    int status = hdf5_write(path, keras_weights_write, exchange->model, &bytes, &length, error);
    if (status == 0) status = file_replace(path, &(struct file_piece){bytes, length}, 1, error);
    free(bytes);
    return status;
}

const struct exchange_format keras_weights_format = {
    .name = "keras-weights",
    .extensions = (const char *const[]){".weights.h5", NULL},
    .summary = "the weights alone, as Keras 3 saves them",
    .is_opened = true,
    .write = write_weights,
    .recognizes = keras_hdf5_recognizes,
    .read = keras_hdf5_read,
};
