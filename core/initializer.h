/* Initializers: the first values of a weight tensor. Names, defaults and distributions are Keras'. */
#ifndef CNNTRAIN_CORE_INITIALIZER_H
#define CNNTRAIN_CORE_INITIALIZER_H

#include "core/error.h"
#include "core/fields.h"
#include "core/rng.h"
#include "core/shape.h"

/* GlorotUniform (Glorot and Bengio 2010), GlorotNormal, HeNormal, HeUniform (He et al. 2015), LecunNormal,
 * LecunUniform, VarianceScaling, RandomNormal, RandomUniform, TruncatedNormal, Orthogonal (Saxe et al. 2014), Zeros,
 * Ones, Constant; each with Keras' snake_case alias. And cnntrain's own Fixed: numbers from the config, or the kernels
 * of well-known filters. */
extern const struct component_registry initializer_registry;

/* Fills values (shape) from the stream `rng`. Fans are counted by Keras' rule for every kernel: the product of all
 * axes but the last two, times the last but one (in) and times the last (out). The shape was checked. Fails without
 * memory. */
int initializer_fill(const struct component *initializer, const struct shape *shape, struct rng rng, float *values,
                     struct error *error);

/* Fails where the initializer has nothing for a tensor of this shape; place is the initializer's. */
int initializer_check(const struct component *initializer, const struct shape *shape, const struct place *place,
                      struct error *error);

#endif
