#include "layers/registry.h"

#include "core/layer.h"

#define LAYER(layer) extern const struct layer_kind layer;
#include "layers/registry.def"
#undef LAYER

static const struct component_kind *const kinds[] = {
#define LAYER(layer) &(layer).component,
#include "layers/registry.def"
#undef LAYER
    NULL,
};

static const struct field common_fields[] = {
    {.key = "name",
     .type = FIELD_STRING,
     .offset = offsetof(struct layer_common, name),
     .fallback = "null",
     .nullable = true,
     .help = "in tables and weight files; null: Keras' automatic name"},
    {0},
};

const struct component_registry layer_registry = {.what = "layer", .kinds = kinds, .common = common_fields};
