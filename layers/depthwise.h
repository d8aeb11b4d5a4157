/* The depthwise convolution, a layer of its own and the first half of a separable one: each input channel is convolved
 * with `multiplier` kernels of its own, channels never mix. Output channel k*multiplier + m stems from input channel k.
 *
 * x (h,w,c)  kernel (kh,kw,c,multiplier)  bias (channels)  y (oh,ow,channels), channels = c*multiplier
 *
 * Strides along the width do not reach the two forms it has, long rows one by one and bands of rows. A kernel one pixel
 * wide sees every stride-th pixel of x only: those are copied together first. Otherwise the columns of y that the
 * stride leaves out are computed too, and backward their gradient is 0; the arithmetic of neighbouring pixels is so
 * much faster than that of pixels apart. */
#ifndef CNNTRAIN_LAYERS_DEPTHWISE_H
#define CNNTRAIN_LAYERS_DEPTHWISE_H

#include "layers/circular.h"
#include "layers/depthwise_bands.h"
#include "layers/depthwise_rows.h"

struct depthwise {
    struct circular circular;
    struct geometry geometry; /* of the image with its circular border, where it has one */
    int channels;
    bool banded;
    struct depthwise_rows rows;
    struct depthwise_bands bands;
    struct pixels pick, spread; /* from x to `picked`; from dy to `wide` */
    float *picked, *wide;       /* the pixels of x that are seen; y with the columns that are left out; or NULL */
};

/* Takes the pieces of a depthwise convolution from scratch. */
struct depthwise depthwise_take(const struct shape *input, const struct sliding *sliding, int multiplier,
                                const struct kernels *kernels, struct pieces *pieces);

/* Before the images of a forward or a backward call: the kernel (and bias, or NULL) as its passes use them. */
void depthwise_begin_forward(struct depthwise *depthwise, const float *kernel, const float *bias);
void depthwise_begin_backward(struct depthwise *depthwise, const float *kernel);

/* y of an image */
void depthwise_forward(struct depthwise *depthwise, const struct kernels *kernels, const float *x, float *y);
void depthwise_backward(struct depthwise *depthwise, const struct kernels *kernels, const float *x, const float *dy,
                        const struct depthwise_wanted *wanted);

/* The operation of a graph: kernel and bias are values of it, the bias may be GRAPH_NONE. */
int depthwise_describe(const struct shape *input, const struct sliding *sliding, int multiplier, struct graph *graph,
                       int x, int kernel, int bias);

#endif
