/* Names within Keras' files that reading and writing share. */
#ifndef CNNTRAIN_CORE_INTEROP_KERAS_PATHS_H
#define CNNTRAIN_CORE_INTEROP_KERAS_PATHS_H

#include "core/model.h"

enum { KERAS_GROUP_SIZE = LAYER_NAME_SIZE + 16 };

/* The version whose files ours are like, and a backend that it knows; the weights are the same on all of them. */
#define KERAS_VERSION "3.15.1"
#define KERAS_BACKEND "tensorflow"

/* Members of a .keras file, and attributes of an .h5 file. */
#define KERAS_CONFIG_MEMBER "config.json"
#define KERAS_METADATA_MEMBER "metadata.json"
#define KERAS_WEIGHTS_MEMBER "model.weights.h5"
#define KERAS_WEIGHTS_GROUP "model_weights"
#define KERAS_CONFIG_ATTRIBUTE "model_config"
/* cnntrain's own in either: what a model of Keras does not say. */
#define KERAS_FACTS_KEY "cnntrain"

/* The group of layer `index` in Keras 3: its class in snake case, and from the second of a class on a number. */
void keras_group_name(const struct model *model, int index, char name[KERAS_GROUP_SIZE]);

#endif
