/* Kinds of augmentation: random changes to a training image, on floats before mean and deviation are applied. */
#ifndef CNNTRAIN_DATA_AUGMENT_H
#define CNNTRAIN_DATA_AUGMENT_H

#include <stdbool.h>

#include "core/error.h"
#include "core/fields.h"
#include "core/rng.h"

/* The images an augmentation works on. */
struct image_form {
    int height, width, channels;
    float range;  /* white: 1 for scaled bytes and for floats, 255 for unscaled bytes */
    bool limited; /* values stay within 0 and range; false for floats, whose range is not known */
};

struct augmentation_kind {
    struct component_kind component;
    bool in_place; /* `apply` is called with y == x; otherwise they never overlap */
    /* What only the images can tell; NULL: nothing. */
    int (*check)(const void *config, const struct image_form *form, struct error *error);
    /* x (h,w,c) -> y (h,w,c). Draws from rng only; cannot fail. */
    void (*apply)(const void *config, const struct image_form *form, struct rng *rng, const float *x, float *y);
};

#endif
