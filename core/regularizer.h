/* Regularizers: a penalty on a weight tensor, added to the loss, and its gradient. Names and defaults are Keras'. */
#ifndef CNNTRAIN_CORE_REGULARIZER_H
#define CNNTRAIN_CORE_REGULARIZER_H

#include <stddef.h>

#include "core/fields.h"

/* The settings of each of them. */
struct l1_l2 {
    double l1, l2; /* factors; 0 where the kind has no such field */
};

/* L1, L2, L1L2. An object without a type, {"l1": 0.01, "l2": 0.01}, is an L1L2. */
extern const struct component_registry regularizer_registry;

/* l1 * sum of |w| + l2 * sum of w^2 (no half) over `count` weights, summed in double. 0 where the component's kind is
 * NULL. */
double regularizer_penalty(const struct component *regularizer, const float *weights, size_t count);

/* gradient[i] += scale * (l1 * sign(w[i]) + 2 * l2 * w[i]), sign(0) being 0. Nothing where the component's kind is
 * NULL.
 */
void regularizer_gradient(const struct component *regularizer, double scale, const float *weights, float *gradient,
                          size_t count);

#endif
