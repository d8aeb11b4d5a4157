/* Circular padding: the image as a torus. A border round it repeats what lies at the opposite side, and the convolution
 * is a valid one over the image with that border, in whatever form. Backward, the border's gradient goes to the cells
 * that it repeats. */
#ifndef CNNTRAIN_LAYERS_CIRCULAR_H
#define CNNTRAIN_LAYERS_CIRCULAR_H

#include "layers/geometry.h"
#include "layers/parts.h"

struct circular {
    bool wraps;               /* else there is no border to make, and circular_wrap and circular_fold are not called */
    struct geometry geometry; /* of the image without its border */
    float *wide;              /* (ph,pw,c) */
};

/* Takes the wide image from scratch where padding is circular and wants a border; *geometry then becomes that of the
 * convolution over the wide image. */
struct circular circular_take(const struct sliding *sliding, struct geometry *geometry, struct pieces *pieces);

/* wide = the image x (h,w,c) with its border; returns it. */
const float *circular_wrap(const struct circular *circular, const float *x);

/* dx (h,w,c) = the gradient in wide, that of the border added to the cells it repeats */
void circular_fold(const struct circular *circular, const struct kernels *kernels, float *dx);

/* The graph's value x with its border, where padding is circular and wants one; *geometry then becomes as above. */
int circular_describe(const struct sliding *sliding, struct geometry *geometry, struct graph *graph, int x);

#endif
