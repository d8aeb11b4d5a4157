/* Are a layer's gradients right? backward is compared with differences of forward. */
#ifndef CNNTRAIN_CORE_GRADCHECK_H
#define CNNTRAIN_CORE_GRADCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/layer.h"

/* The largest relative error that passes. Everything but the loss is float32: a loss of some hundred outputs near 1 is
 * good to about 1e-6, which a step of 0.02 turns into 1e-4 of a slope; near a kink the step is up to 512 times
 * shorter. A wrong factor, sign or index gives errors of 0.1 and more. */
#define GRADCHECK_TOLERANCE 2e-3

/* What was found about the input or one parameter. */
struct gradcheck_tensor {
    const char *name;         /* "input", "second input", "kernel", ... */
    int checked, doubtful;    /* entries compared; entries next to a kink or tie, left out */
    double error;             /* the largest relative error of an entry */
    double analytic, numeric; /* the slopes of that entry */
    bool is_zero;             /* every gradient was 0: nothing was shown */
    bool passed;              /* error within tolerance, not zero, and more than half of the entries sure */
};

struct gradcheck_result {
    int count;
    struct gradcheck_tensor tensors[2 + LAYER_PARAMETERS_MAX];
    double error;     /* the largest of all */
    const char *name; /* of the tensor with it */
    bool passed;      /* all passed */
};

/* Checks an inferred layer, with its activation, on a batch of three images in two shards: the loss is a random
 * weighting of the outputs, summed in double; up to 200 entries of the inputs and of every trainable parameter (fewer
 * where the layer is costly) are moved up and down (central differences). Inputs are distinct, outputs next to zero
 * carry no weight (activations have their kink there), and an entry whose slope changes with the step is measured with
 * a smaller one. A relative error is the difference by the larger of the two slopes and 1/10 of the tensor's largest
 * gradient. Fails only without memory or where an initializer fails: a wrong gradient is a result. */
int gradcheck_layer(const struct layer *layer, const struct kernels *kernels, uint64_t seed,
                    struct gradcheck_result *result, struct error *error);

#endif
