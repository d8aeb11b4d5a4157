/* Constraints: what a weight tensor is put back to after every step of the optimizer. Names and defaults are Keras'. */
#ifndef CNNTRAIN_CORE_CONSTRAINT_H
#define CNNTRAIN_CORE_CONSTRAINT_H

#include "core/fields.h"
#include "core/shape.h"

/* MaxNorm, MinMaxNorm, UnitNorm, NonNeg. */
extern const struct component_registry constraint_registry;

/* Fails, at `place`, where the constraint names an axis that a weight tensor of this shape, called `name`, does not
 * have. Nothing where the component's kind is NULL. */
int constraint_check(const struct component *constraint, const char *name, const struct shape *shape,
                     const struct place *place, struct error *error);

/* Changes the weights (shape) as Keras' constraint does. A norm is the root of the sum of squares along the axes that
 * the constraint names, summed in double in a fixed order: the same weights give the same bits. Nothing where the
 * component's kind is NULL. */
void constraint_apply(const struct component *constraint, const struct shape *shape, float *weights);

#endif
