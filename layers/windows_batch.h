/* A convolution term by term over many images at once, for kernels that come from memory and maps of few outputs: what
 * each window sees is copied together, and all windows of all images make one product with the kernel as it lies. */
#ifndef CNNTRAIN_LAYERS_WINDOWS_BATCH_H
#define CNNTRAIN_LAYERS_WINDOWS_BATCH_H

#include "layers/convolution.h"

/* How many images go together; 0 where a few at a time are as fast, by shape alone. */
int windows_batch_images(const struct geometry *geometry, int groups, int filters);

size_t windows_batch_scratch_bytes(int filters);
size_t windows_batch_gradient_bytes(const struct geometry *geometry); /* scratch of windows_batch_kernel_gradient */
size_t windows_batch_common_bytes(const struct geometry *geometry);   /* of an image */

/* y (n,oh,ow,f) from x (n,h,w,c), the kernel and bias (f) or NULL; dx (n,h,w,c) from dy (n,oh,ow,f). In two rounds, as
 * layer_kind's batch_forward and batch_backward. */
void windows_batch_forward(const struct geometry *geometry, int filters, const struct pass *pass, const float *bias,
                           int round, int part, int parts);
void windows_batch_data_gradient(const struct geometry *geometry, int filters, const struct pass *pass, int round,
                                 int part, int parts);

/* gradient (kh,kw,c,f) = that of all images: part `part` of `parts`. */
void windows_batch_kernel_gradient(const struct geometry *geometry, int filters, const struct pass *pass,
                                   float *gradient, int part, int parts);

#endif
