/* Winograd's algorithm over many images at once, for kernels so large that they come from memory: each part of a round
 * transforms its own panels of the kernel while it goes through them, once for all the images, and nothing is packed.
 * The bits are those of winograd.h. One group of channels. */
#ifndef CNNTRAIN_LAYERS_WINOGRAD_BATCH_H
#define CNNTRAIN_LAYERS_WINOGRAD_BATCH_H

#include "layers/winograd.h"

/* How many images go together; 0 where a packed kernel is faster, by shape alone. `wanted`: the config asks for
 * Winograd's algorithm. */
int winograd_batch_images(const struct geometry *geometry, int groups, int filters, bool wanted);

size_t winograd_batch_scratch_bytes(const struct winograd *winograd);
size_t winograd_batch_common_bytes(const struct winograd *winograd); /* of an image */

/* y (n,oh,ow,f) from x (n,h,w,c), the kernel and bias (f) or NULL; dx (n,h,w,c) from dy (n,oh,ow,f). `round` is 0, the
 * transform of the inputs into pass->common, or 1, the rest. */
void winograd_batch_forward(const struct winograd *winograd, const struct pass *pass, const float *bias, int round,
                            int part, int parts);
void winograd_batch_data_gradient(const struct winograd *winograd, const struct pass *pass, int round, int part,
                                  int parts);

#endif
