/* The depthwise convolution of images with long rows, without strides.
 *
 * x (h,w,c)  kernel (kh,kw,channels)  bias (channels)  y (oh,ow,channels), channels = c*multiplier
 *
 * Every pass goes through an image by rows and hands the kernels one row at a time (struct depthwise_row), with
 * pointers to the rows that its taps see; so all that is read again is still in the first-level cache. */
#ifndef CNNTRAIN_LAYERS_DEPTHWISE_ROWS_H
#define CNNTRAIN_LAYERS_DEPTHWISE_ROWS_H

#include "layers/depthwise_parts.h"

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

struct depthwise_rows {
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
    float *line;          /* a row of dx before a channel's kernels are added up */
    float *spread;        /* a row of x, each number `multiplier` times */
    const float **from;   /* (taps) */
    bool has_bias;
};

struct depthwise_rows depthwise_rows_take(const struct geometry *geometry, int multiplier,
                                          const struct kernels *kernels, struct pieces *pieces);

/* As depthwise.h has them. */
void depthwise_rows_begin_forward(struct depthwise_rows *depthwise, const float *kernel, const float *bias);
void depthwise_rows_begin_backward(struct depthwise_rows *depthwise, const float *kernel);
void depthwise_rows_forward(struct depthwise_rows *depthwise, const struct kernels *kernels, const float *x, float *y);
void depthwise_rows_backward(struct depthwise_rows *depthwise, const struct kernels *kernels, const float *x,
                             const float *dy, const struct depthwise_wanted *wanted);

#endif
