/* What the three convolutions share: the fields of their sliding kernel and the zero-bordered copy of an image. */
#ifndef CNNTRAIN_LAYERS_CONVOLUTION_H
#define CNNTRAIN_LAYERS_CONVOLUTION_H

#include "layers/geometry.h"
#include "layers/parts.h"

/* Table entries of a struct sliding that is the member `sliding` of a config struct. */
#define FIELD_SLIDING(config, name, member, default_value, text)                                                       \
    {                                                                                                                  \
        .key = name, .type = FIELD_PAIR,                                                                               \
        .offset = offsetof(struct config, sliding) + offsetof(struct sliding, member), .fallback = default_value,      \
        .minimum = 1, .maximum = INT_MAX, .help = text                                                                 \
    }
#define FIELD_SLIDING_PADDING(config, names, own, text)                                                                \
    {                                                                                                                  \
        .key = "padding", .type = FIELD_CHOICE,                                                                        \
        .offset = offsetof(struct config, sliding) + offsetof(struct sliding, padding), .fallback = "\"valid\"",       \
        .choices = names, .own_choices = own, .help = text                                                             \
    }
#define FIELD_PADDING(config)                                                                                          \
    FIELD_SLIDING_PADDING(config, convolution_padding_names, convolution_padding_own,                                  \
                          "valid: windows inside the image only; same: a border, so that the output is "               \
                          "input/strides; circular: as large, with a border from the opposite side")
#define FIELDS_CONVOLUTION(config)                                                                                     \
    FIELD_SLIDING(config, "kernel_size", kernel, NULL, "height and width of the kernel"),                              \
        FIELD_SLIDING(config, "strides", stride, "1", "steps of the kernel"), FIELD_PADDING(config),                   \
        FIELD_SLIDING(config, "dilation_rate", dilation, "1", "distance between neighbouring taps of the kernel")

/* Fails where strides and dilation go together. */
int convolution_check_steps(const struct sliding *sliding, const struct place *place, struct error *error);

/* geometry_infer for a convolution; strides and dilation together are an error. */
int convolution_infer(struct layer *layer, const struct sliding *sliding, const struct place *place,
                      struct geometry *geometry, struct error *error);

/* Fails where depth_multiplier makes more channels, or a larger padded copy, than can be counted. */
int convolution_check_multiplier(const struct geometry *geometry, int multiplier, const struct place *place,
                                 struct error *error);

/* Which forms of a kernel are to be packed: the one that the forward pass reads, the one of the data gradient. */
struct packs_wanted {
    bool forward, data;
};

/* padded (ph,pw,c) = the image x (h,w,c) with its zero border. No loop over pixels needs a border case after this. */
void convolution_pad(const struct geometry *geometry, const float *x, float *padded);

#endif
