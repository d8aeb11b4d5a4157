/* What the two forms of the depthwise convolution share (depthwise_rows.h, depthwise_bands.h).
 *
 * Kernels see a row of an image as one line of floats that is cut into periods, each a pixel with all its channels, or
 * several where that fills vectors better; the kernel then stands as often in a row of its copy. */
#ifndef CNNTRAIN_LAYERS_DEPTHWISE_PARTS_H
#define CNNTRAIN_LAYERS_DEPTHWISE_PARTS_H

#include "layers/convolution.h"

enum {
    DEPTHWISE_SLACK = 16,         /* floats that kernels may read past a row */
    DEPTHWISE_PERIOD_MOST = 128,  /* floats of a period with more than one pixel */
    DEPTHWISE_TOGETHER_MOST = 16, /* pixels of it; and the floats of the widest vector */
};

/* Where a backward call is to add an image's part in the gradients of kernel and bias, and write its dx; each may be
 * NULL. */
struct depthwise_wanted {
    float *kernel, *bias, *dx;
};

/* How many of `pixels` beside each other make a period, a power of two, so that they fill vectors of `vector` floats.
 */
int depthwise_pixels_filling(int pixels, int channels, int vector);
/* The same for the sums of a gradient with `taps` taps: of few taps as many pixels as a period can have, for a kernel
 * takes several vectors at a time where taps are too few to keep it busy. It follows from the shape alone. */
int depthwise_pixels_of_sums(int pixels, int channels, int taps);
/* The same where a quarter of the vectors may stay empty: neighbouring periods then share more of what they load. */
int depthwise_pixels_nearly_filling(int pixels, int channels, int vector);

/* to = `period` floats: `channels` of `from` again and again */
void depthwise_repeat_pixel(const float *from, int channels, int period, float *to);

#endif
