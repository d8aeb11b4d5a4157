/* Winograd's F(4x4,3x3): a 3x3 convolution at stride 1 with a quarter of the multiplications, in all three passes.
 * The image is cut into tiles of 4x4 outputs, which see 6x6 inputs. 36 numbers stand for the inputs of a tile and as
 * many for a kernel; for each of the 36 the convolution is one product of matrices, (tiles, channels) times
 * (channels, filters). core/kernels/README.md draws it. */
#ifndef CNNTRAIN_LAYERS_WINOGRAD_H
#define CNNTRAIN_LAYERS_WINOGRAD_H

#include "layers/geometry.h"
#include "layers/parts.h"

/* A convolution of an image (input, channels) to (output, filters): a layer's forward pass or its data gradient. */
struct winograd {
    int input[2], output[2];
    int before[2]; /* zero rows above and zero columns to the left of the input */
    int channels, filters;
};

/* Why a convolution cannot be done so, as the end of a sentence; NULL where it can. */
const char *winograd_obstacle(const struct geometry *geometry, int groups);

/* Whether it is faster than a direct convolution, by shape alone. */
bool winograd_gains(const struct geometry *geometry, int filters);

struct winograd winograd_forward(const struct geometry *geometry, int filters);
/* The data gradient: of the output gradient with a zero border, by the flipped kernel, whose channels are the filters.
 */
struct winograd winograd_backward(const struct geometry *geometry, int filters);

/* Work space of winograd_convolve and winograd_kernel_gradient. */
size_t winograd_scratch_bytes(const struct winograd *winograd);

/* Floats of a transformed kernel. */
size_t winograd_packed_floats(const struct winograd *winograd);

/* packed = part `part` of `parts` of the transformed kernel, from the layer's (3,3,c,f): as it is, or for the data
 * gradient (winograd's channels being f) flipped and transposed. */
void winograd_pack_forward(const struct winograd *winograd, const struct kernels *kernels, const float *kernel,
                           float *packed, int part, int parts);
void winograd_pack_backward(const struct winograd *winograd, const struct kernels *kernels, const float *kernel,
                            float *packed, int part, int parts);

/* y (n,oh,ow,filters) = x (n,h,w,channels) convolved with the packed kernel, + bias (filters) or NULL */
void winograd_convolve(const struct winograd *winograd, const struct pass *pass, const float *x, const float *packed,
                       const float *bias, float *y);

/* gradient (3,3,channels,filters) += what dy (n,oh,ow,filters) says about the kernel that saw x */
void winograd_kernel_gradient(const struct winograd *winograd, const struct pass *pass, const float *x, const float *dy,
                              float *gradient);

#endif
