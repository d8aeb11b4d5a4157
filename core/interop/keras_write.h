/* A model as the JSON of a Sequential model of Keras 3, the inverse of keras_read_model. */
#ifndef CNNTRAIN_CORE_INTEROP_KERAS_WRITE_H
#define CNNTRAIN_CORE_INTEROP_KERAS_WRITE_H

#include "core/model.h"

/* What model.to_json() of Keras 3 gives for this model, not compiled; keras.models.model_from_json reads it. Layers are
 * written by their kinds' tables. What Keras does not have (a layer, a choice, a value) is an error that names the
 * layer: ERROR_CONFIG. `with_weights`: the weights go along, so that an initializer that Keras does not have is no
 * matter; Zeros stands in its place. The caller deletes the result; NULL on failure. */
cJSON *keras_write_model(const struct model *model, const struct registries *registries, bool with_weights,
                         struct error *error);

#endif
