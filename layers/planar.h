/* A direct convolution by planes: the image of one channel is a plane, and vectors run along its rows, over the ends of
 * rows too. So it is fast however few channels and filters a group has, where a product over pixels would fill only a
 * part of each vector. The price is the way from pixels to planes and back. core/kernels/README.md draws it. */
#ifndef CNNTRAIN_LAYERS_PLANAR_H
#define CNNTRAIN_LAYERS_PLANAR_H

#include "layers/geometry.h"
#include "layers/parts.h"

struct planar {
    struct geometry geometry;
    struct geometry dy;            /* phase_geometry */
    int groups, channels, filters; /* channels and filters of one group */
};

struct planar planar_of(const struct geometry *geometry, int groups, int filters);

/* Whether a pass is faster by planes than by pixels, by shape alone. */
bool planar_gains_forward(const struct planar *planar);
bool planar_gains_data(const struct planar *planar);
bool planar_gains_weights(const struct planar *planar);

size_t planar_scratch_bytes(const struct planar *planar);

/* y (n,oh,ow,f) from x (n,h,w,c) and bias (f) or NULL */
void planar_forward(const struct planar *planar, const struct pass *pass, const float *bias);

/* dx (n,h,w,c) from dy (n,oh,ow,f), and bias (c) or NULL, which a transposed convolution adds */
void planar_data_gradient(const struct planar *planar, const struct pass *pass, const float *bias);

/* gradient (kh,kw,c/groups,f) += what dy says about the kernel that saw x */
void planar_kernel_gradient(const struct planar *planar, const struct pass *pass, float *gradient);

#endif
