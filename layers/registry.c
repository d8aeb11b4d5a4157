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
    {.key = "trainable",
     .type = FIELD_BOOL,
     .offset = offsetof(struct layer_common, trainable),
     .fallback = "true",
     .help = "false: training leaves the layer's weights as they are"},
    {0},
};

const struct component_registry layer_registry = {.what = "layer", .kinds = kinds, .common = common_fields};
