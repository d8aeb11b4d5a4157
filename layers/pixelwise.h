/* A direct convolution by pixels: products whose rows are pixels and whose columns are filters, read from the image
 * where it is (or from a copy with its zero border). struct product, in core/kernels/kernels.h, serves all three
 * passes. */
#ifndef CNNTRAIN_LAYERS_PIXELWISE_H
#define CNNTRAIN_LAYERS_PIXELWISE_H

#include "layers/convolution.h"

struct pixelwise {
    struct geometry geometry;
    int groups, filters; /* filters of all groups */
};

size_t pixelwise_scratch_bytes(const struct pixelwise *pixelwise);
size_t pixelwise_packed_floats(const struct pixelwise *pixelwise);

/* packed = part `part` of `parts` of the kernel (kh,kw,c/groups,f) in the panels that the forward pass reads, and
 * behind them those of the data gradient; each only where it is wanted. */
void pixelwise_pack(const struct pixelwise *pixelwise, const struct pass *pass, struct packs_wanted wanted,
                    float *packed, int part, int parts);

/* y (n,oh,ow,f) from x (n,h,w,c) and bias (f) or NULL */
void pixelwise_forward(const struct pixelwise *pixelwise, const struct pass *pass, const float *bias);

/* dx (n,h,w,c) from dy (n,oh,ow,f), and bias (c) or NULL, which a transposed convolution adds */
void pixelwise_data_gradient(const struct pixelwise *pixelwise, const struct pass *pass, const float *bias);

/* gradient (kh,kw,c/groups,f) += what dy says about the kernel that saw x */
void pixelwise_kernel_gradient(const struct pixelwise *pixelwise, const struct pass *pass, float *gradient);

/* The same of many images: written, or added where pass->further. Part `part` of `parts` touches nothing of another's,
 * and the bits do not depend on `parts`. */
void pixelwise_kernel_gradient_part(const struct pixelwise *pixelwise, const struct pass *pass, float *gradient,
                                    int part, int parts);

#endif
