/* One layer by itself: memory for a small batch, forward and back as the engine would do it, in two shards. For the
 * gradient check and for tests. */
#ifndef CNNTRAIN_CORE_LAYER_RUN_H
#define CNNTRAIN_CORE_LAYER_RUN_H

#include "core/layer.h"

struct layer_run {
    const struct layer *layer;
    const struct kernels *kernels;
    int images;
    uint64_t seed;                      /* of Dropout's mask */
    size_t input, second, output;       /* elements of an image; second 0: the layer has none */
    size_t sizes[LAYER_PARAMETERS_MAX]; /* elements of each parameter */
    float *x, *dx;                      /* (images, input) */
    float *seconds, *dseconds;          /* (images, second): the second input and its gradient */
    float *before;                      /* (images, output) before the activation */
    float *y, *dy;                      /* (images, output) after it; dy is the caller's to fill */
    float *inner_dy;                    /* (images, output) dy before the activation */
    float *parameters[LAYER_PARAMETERS_MAX];
    float *gradients[LAYER_PARAMETERS_MAX];
    float *packed, *partials, *shared;
    void *saved, *scratch;
};

/* Takes zeroed memory for `images` images of an inferred layer, which must outlive the run. Fails without memory; close
 * it in either case. */
int layer_run_open(struct layer_run *run, const struct layer *layer, const struct kernels *kernels, int images,
                   struct error *error);
void layer_run_close(struct layer_run *run);

/* y = activation(layer(x)). The first half of the images (rounded up) is one shard, the rest another. Output memory is
 * filled with NaN first, so that a number which the layer forgets to write is seen. */
void layer_run_forward(struct layer_run *run, bool training);

/* After a forward pass in training: dx and gradients (from zero) from dy, the gradient of y. */
void layer_run_backward(struct layer_run *run);

#endif
