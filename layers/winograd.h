/* Winograd's F(4x4,3x3): a 3x3 convolution at stride 1 with a quarter of the multiplications, in all three passes.
 * The image is cut into tiles of 4x4 outputs, which see 6x6 inputs. 36 numbers stand for the inputs of a tile and as
 * many for a kernel; for each of the 36 the convolution is one product of matrices, (tiles, channels) times
 * (channels, filters). core/kernels/README.md draws it. With 5x5 inputs and 25 numbers, F(4x4,2x2) is the same for 2x2
 * taps, and F(3x3,3x3) for tiles of 3x3 outputs.
 *
 * A larger kernel, or one with strides, is cut into blocks of so many taps (winograd_tiles.h). Each is a convolution of
 * its own, and their sum is taken in the 36 numbers: to the products, the blocks are so many times the channels. */
#ifndef CNNTRAIN_LAYERS_WINOGRAD_H
#define CNNTRAIN_LAYERS_WINOGRAD_H

#include "layers/convolution.h"
#include "layers/winograd_tiles.h"

/* Why a convolution cannot be done so, as the end of a sentence; NULL where it can. */
const char *winograd_obstacle(const struct geometry *geometry);

/* Whether it is faster than a direct convolution, by shape alone: forward and in the data gradient, which some other
 * form does that many times as fast as a direct convolution without any border, or none (0); and where it is, in the
 * kernel gradient of a few images. */
bool winograd_gains(const struct geometry *geometry, int groups, int filters, double other_back);
bool winograd_gains_weights(const struct geometry *geometry, int groups, int filters);

/* How many times as fast as a direct convolution without any border its data gradient is expected to be. */
double winograd_advantage_back(const struct geometry *geometry, int groups, int filters);

/* A layer as two of them: forward, and its data gradient, which sweeps over the output gradient with the flipped
 * kernel, whose channels are the filters. */
struct winograd {
    struct winograd_sweep forward, backward;
};

struct winograd winograd_of(const struct geometry *geometry, int groups, int filters);

size_t winograd_scratch_bytes(const struct winograd *winograd);
size_t winograd_gradient_bytes(const struct winograd *winograd); /* of winograd_kernel_gradient_part */
size_t winograd_packed_floats(const struct winograd *winograd);

/* packed = part `part` of `parts` of the transformed kernels that are wanted, from (kh,kw,c/groups,f). */
void winograd_pack(const struct winograd *winograd, const struct pass *pass, struct packs_wanted wanted, float *packed,
                   int part, int parts);

/* y (n,oh,ow,f) from x (n,h,w,c) and bias (f) or NULL */
void winograd_forward(const struct winograd *winograd, const struct pass *pass, const float *bias);

/* dx (n,h,w,c) from dy (n,oh,ow,f), and bias (c) or NULL, which a transposed convolution adds */
void winograd_data_gradient(const struct winograd *winograd, const struct pass *pass, const float *bias);

/* gradient (kh,kw,c/groups,f) += what dy says about the kernel that saw x */
void winograd_kernel_gradient(const struct winograd *winograd, const struct pass *pass, float *gradient);

/* The same of many images: written, or added where pass->further. Part `part` of `parts` touches nothing of another's,
 * and the bits do not depend on `parts`. */
void winograd_kernel_gradient_part(const struct winograd *winograd, const struct pass *pass, float *gradient, int part,
                                   int parts);

#endif
