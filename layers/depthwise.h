/* The depthwise convolution, a layer of its own and the first half of a separable one: each input channel is convolved
 * with `multiplier` kernels of its own, channels never mix. Output channel k*multiplier + m stems from input channel k.
 *
 * x (h,w,c)  kernel (kh,kw,c,multiplier)  bias (channels)  y (oh,ow,channels), channels = c*multiplier
 *
 * Every pass goes through an image by rows and hands the kernels one row at a time (struct depthwise_row), with
 * pointers to the rows that its taps see; so all that is read again is still in the first-level cache. */
#ifndef CNNTRAIN_LAYERS_DEPTHWISE_H
#define CNNTRAIN_LAYERS_DEPTHWISE_H

#include "layers/depthwise_bands.h"

/* The latest rows of an image, each between zeros, so that no tap needs a border case. An image that needs neither
 * zeros nor a change is read where it is. */
struct rows {
    float *memory;      /* (slots, row); NULL: the image itself */
    const float *image; /* (height, pixels, channels) */
    int slots, filled;  /* rows 0 to filled - 1 were copied; row r stands in slot r % slots, a power of two */
    int height, pixels, channels;
    int left, right; /* zero pixels on both sides */
    int times;       /* each number of the image stands so many times in a row of the copy */
    ptrdiff_t row;   /* floats of a slot */
};

struct depthwise {
    struct geometry geometry;
    int multiplier, channels;
    int repeat; /* what kernels repeat while loading x: the multiplier where it is a power of two. Else 1, and copies of
                   x's rows hold every number `multiplier` times */
    struct rows x, dy;
    int together_forward, together_backward, sums_together; /* pixels a period: of the kernel in either direction, and
                                                               of the sums of its gradient */
    ptrdiff_t tap;                                          /* floats from tap to tap of both */
    float *kernel, *bias; /* (taps, period), (period), their pixel standing as often as the period has pixels */
    float *sums;          /* (taps + 1, period), the last row for the bias */
    float *line, *dense;  /* a row of dx before a channel's kernels are added up, and after it (with strides) */
    float *spread;        /* a row of x, each number `multiplier` times */
    const float **from;   /* (taps) */
    int *place;           /* (taps) of each tap in the order of the backward pass */
    bool has_bias;
    bool banded;
    struct depthwise_bands bands;
};

/* Takes the pieces of a depthwise convolution from scratch. */
struct depthwise depthwise_take(const struct shape *input, const struct sliding *sliding, int multiplier,
                                const struct kernels *kernels, struct pieces *pieces);

/* Before the images of a forward or a backward call: the kernel (and bias, or NULL) as its passes use them. */
void depthwise_begin_forward(struct depthwise *depthwise, const float *kernel, const float *bias);
void depthwise_begin_backward(struct depthwise *depthwise, const float *kernel);

/* Rows `first` to `end` - 1 of y, which begins with row `first`; rows of an image must come in order. */
void depthwise_forward(struct depthwise *depthwise, const struct kernels *kernels, const float *x, int first, int end,
                       float *y);

/* Where a backward call is to add an image's part in the gradients of kernel and bias, and write its dx; each may be
 * NULL. */
struct depthwise_wanted {
    float *kernel, *bias, *dx;
};
void depthwise_backward(struct depthwise *depthwise, const struct kernels *kernels, const float *x, const float *dy,
                        const struct depthwise_wanted *wanted);

#endif
