#include "core/dataset.h"
#include "data/augment.h"
#include "data/normalize.h"
#include "data/room.h"

#define SOURCE(name) extern const struct source_kind source_##name;
#define NORMALIZATION(name) extern const struct normalization_kind normalization_##name;
#define AUGMENTATION(name) extern const struct augmentation_kind augmentation_##name;
#include "data/registry.def"
#undef SOURCE
#undef NORMALIZATION
#undef AUGMENTATION

#define NORMALIZATION(name)
#define AUGMENTATION(name)
#define SOURCE(name) &source_##name.component,
static const struct component_kind *const sources[] = {
#include "data/registry.def"
    NULL};
#undef SOURCE
#undef NORMALIZATION

#define SOURCE(name)
#define NORMALIZATION(name) &normalization_##name.component,
static const struct component_kind *const normalizations[] = {
#include "data/registry.def"
    NULL};
#undef NORMALIZATION
#undef AUGMENTATION

#define NORMALIZATION(name)
#define AUGMENTATION(name) &augmentation_##name.component,
static const struct component_kind *const augmentations[] = {
#include "data/registry.def"
    NULL};

const struct component_registry source_registry = {
    .what = "source", .type_key = "source", .kinds = sources, .common = data_common_fields};

const struct component_registry normalization_registry = {
    .what = "normalization", .kinds = normalizations, .untyped = &normalization_given.component};

const struct component_registry augmentation_registry = {.what = "augmentation", .kinds = augmentations};
