/* The three passes of a convolution, kernel (kh,kw,c/groups,f), each by the fastest form it has: by pixels, by planes,
 * by windows or by Winograd's algorithm. Conv2D runs the first one forward and the others backward. Conv2DTranspose,
 * whose map is the transpose of a convolution's, runs the data gradient forward and the others backward. */
#ifndef CNNTRAIN_LAYERS_CONV_PASSES_H
#define CNNTRAIN_LAYERS_CONV_PASSES_H

#include "layers/convolution.h"

/* What a config may say. */
enum algorithm { ALGORITHM_AUTO, ALGORITHM_DIRECT, ALGORITHM_WINOGRAD };
extern const char *const algorithm_names[];
#define FIELD_ALGORITHM(config)                                                                                        \
    {                                                                                                                  \
        FIELD_AT(config, algorithm), .type = FIELD_CHOICE, .fallback = "\"auto\"", .choices = algorithm_names,         \
                                     .origin = FIELD_OWN_HINT,                                                         \
                                     .help = "direct: term by term; winograd: fewer multiplications; auto: the "       \
                                             "faster by shape"                                                         \
    }

/* Which passes are Winograd's, or by windows: sums of these. */
enum conv_form {
    CONV_DIRECT = 0,
    CONV_WINOGRAD = 1,         /* forward, data gradient, and the kernel gradient of many images */
    CONV_WINOGRAD_WEIGHTS = 2, /* the kernel gradient of a few images */
    CONV_COL2IM_DATA = 4       /* not Winograd's: the data gradient of a few images, by windows */
};

struct conv_passes {
    struct geometry geometry;
    int groups, filters; /* filters of all groups */
    int form;
    int batch_images; /* above 0: forward and data gradient go by batch, so many images at once; the kernel gradient too
                       */
};

/* Chooses the form. auto decides by shape alone, so that the same config gives the same numbers everywhere. A layer
 * keeps the form, which takes longer to choose than a small layer to run. */
struct conv_passes conv_passes_of(const struct geometry *geometry, int groups, int filters, enum algorithm algorithm);

/* Lets the passes go by batch where that is faster; for layers that have batch_forward and batch_backward. */
void conv_passes_allow_batch(struct conv_passes *passes, enum algorithm algorithm);

/* Fails where the config asks for Winograd's algorithm and the shape does not allow it, or where the output with the
 * border that the data gradient wants is too large. */
int conv_passes_check(const struct geometry *geometry, int filters, int algorithm, const struct place *place,
                      struct error *error);

size_t conv_passes_scratch_bytes(const struct conv_passes *passes);
size_t conv_passes_common_bytes(const struct conv_passes *passes);   /* of an image, by batch */
size_t conv_passes_gradient_bytes(const struct conv_passes *passes); /* scratch of conv_passes_kernel_gradient_part */
size_t conv_passes_packed_floats(const struct conv_passes *passes);

/* Part `part` of `parts` of the packed kernels, from pass->parameters[0]. */
void conv_passes_pack(const struct conv_passes *passes, const struct pass *pass, struct packs_wanted wanted,
                      float *packed, int part, int parts);

/* y (n,oh,ow,f) from x (n,h,w,c) and bias (f) or NULL */
void conv_passes_forward(const struct conv_passes *passes, const struct pass *pass, const float *bias);

/* dx (n,h,w,c) from dy (n,oh,ow,f), and bias (c) or NULL, which a transposed convolution adds */
void conv_passes_data_gradient(const struct conv_passes *passes, const struct pass *pass, const float *bias);

/* The same by batch, in rounds; as layer_kind's batch_forward and batch_backward. */
void conv_passes_batch_forward(const struct conv_passes *passes, const struct pass *pass, const float *bias, int round,
                               int part, int parts);
void conv_passes_batch_data_gradient(const struct conv_passes *passes, const struct pass *pass, int round, int part,
                                     int parts);

/* gradient (kh,kw,c/groups,f) += what dy says about the kernel that saw x */
void conv_passes_kernel_gradient(const struct conv_passes *passes, const struct pass *pass, float *gradient);

/* The same of many images: written, or added where pass->further. Part `part` of `parts` touches nothing of another's,
 * and the bits do not depend on `parts`. */
void conv_passes_kernel_gradient_part(const struct conv_passes *passes, const struct pass *pass, float *gradient,
                                      int part, int parts);

#endif
