/* The data room's door: what cmd hands to core. */
#ifndef CNNTRAIN_DATA_ROOM_H
#define CNNTRAIN_DATA_ROOM_H

#include "core/dataset.h"
#include "core/fields.h"

/* Load, measure, open, close: see struct data_room. */
extern const struct data_room data_room;

/* Sources of data ("svhn", "folder", ...), named by the key "source". Kinds are struct source_kind. */
extern const struct component_registry source_registry;
/* "scale", "none", "standardize", and the untyped {"mean", "std"}. */
extern const struct component_registry normalization_registry;
/* "RandomCrop", "RandomFlip", ... */
extern const struct component_registry augmentation_registry;

#endif
