/* Every layer there is. */
#ifndef CNNTRAIN_LAYERS_REGISTRY_H
#define CNNTRAIN_LAYERS_REGISTRY_H

#include "core/fields.h"

/* Registry "layer"; each kind is the first member of a struct layer_kind (core/layer.h). Its common field is `name`. */
extern const struct component_registry layer_registry;

#endif
