/* The depthwise convolution of images with short rows, or with strides: by bands of rows. What a band sees is copied
 * between zeros, each number as often as a channel has kernels. Where a row is short, it is a period for the kernels,
 * so that a band is one long row and takes one call.
 *
 * x (h,w,c)  kernel (kh,kw,channels)  y (oh,ow,channels), channels = c*multiplier */
#ifndef CNNTRAIN_LAYERS_DEPTHWISE_BANDS_H
#define CNNTRAIN_LAYERS_DEPTHWISE_BANDS_H

#include "layers/depthwise_parts.h"

/* The copy that a band reads. */
struct band {
    int rows;      /* of the result, at most, for one copy */
    int needed;    /* rows of the copy */
    ptrdiff_t row; /* floats from row to row */
    bool copies;   /* else the image itself is read where it is */
    float *memory;
};

struct depthwise_bands {
    struct geometry geometry;
    int multiplier, channels;
    struct band x, dy;
    int left;                                         /* zero pixels before those of dy */
    bool whole_forward, whole_backward;               /* a row is a period: of y, of dx */
    int period_forward, period_sums, period_backward; /* floats that a kernel's copy takes */
    ptrdiff_t tap;                                    /* floats from tap to tap of all copies */
    float *kernel, *bias, *sums; /* (taps, period), (period), (taps + 1, period): the last row for the bias */
    float *spread;               /* rows of x, each number `multiplier` times */
    float *line, *dense;         /* rows of dx, before and after a channel's kernels are added up */
    const float **from;          /* (taps) */
    bool has_bias;
};

struct depthwise_bands depthwise_bands_take(const struct geometry *geometry, int multiplier,
                                            const struct kernels *kernels, struct pieces *pieces);

void depthwise_bands_begin_forward(struct depthwise_bands *bands, const float *kernel, const float *bias);
void depthwise_bands_begin_backward(struct depthwise_bands *bands, const float *kernel);

void depthwise_bands_forward(struct depthwise_bands *bands, const struct kernels *kernels, const float *x, float *y);

void depthwise_bands_backward(struct depthwise_bands *bands, const struct kernels *kernels, const float *x,
                              const float *dy, const struct depthwise_wanted *wanted);

#endif
