/* What an initializer is, for the files that make some. */
#ifndef CNNTRAIN_CORE_INITIALIZER_KIND_H
#define CNNTRAIN_CORE_INITIALIZER_KIND_H

#include "core/fields.h"
#include "core/rng.h"
#include "core/shape.h"

struct initializer_kind {
    struct component_kind component;
    int (*fill)(const void *config, const struct shape *shape, struct rng rng, float *values, struct error *error);
    /* Whether it can fill this shape, with the error at the initializer's place; NULL: any. */
    int (*fits)(const void *config, const struct shape *shape, const struct place *place, struct error *error);
};

/* Fixed (initializer_fixed.c) */
extern const struct initializer_kind initializer_fixed;

#endif
