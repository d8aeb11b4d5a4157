/* Keras' Sequential models as JSON (model.to_json()) of all three generations: Keras up to 2.11, 2.12 to 2.15, and 3.
 */
#ifndef CNNTRAIN_CORE_INTEROP_KERAS_MODEL_H
#define CNNTRAIN_CORE_INTEROP_KERAS_MODEL_H

#include <stdbool.h>

#include "core/fields.h"

/* Whether the document is a model of Keras rather than a config: an object that names its class. */
bool keras_is_model(const cJSON *json);

/* The model in the terms of a config: {"input_shape": [h, w, c], "model": [...]}, without the shape where Keras' file
 * has none. `place` is the model's own. Every layer is checked by its kind's table; what Keras writes down beside the
 * settings (dtype float32, channels_last, seeds, null constraints, build_config) is left out. What cannot be kept is
 * an error that names the layer: unknown classes, channels_first, other types than float32, constraints and so on.
 * The caller deletes the result; NULL on failure. */
cJSON *keras_read_model(const cJSON *json, const struct place *place, const struct registries *registries,
                        struct error *error);

/* Whether a model that keras_read_model gave scales the bytes of images itself: it begins with Rescaling. Any other is
 * fed with pixels from 0 to 1, as most are trained. */
bool keras_takes_bytes(const cJSON *document);

#endif
