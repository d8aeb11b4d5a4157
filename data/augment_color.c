/* Augmentations of values: RandomBrightness, RandomContrast, as Keras' layers of these names. */
#include "data/augment.h"

struct factor_config {
    double factor;
};

static size_t value_count(const struct image_form *form) {
    return (size_t)form->height * (size_t)form->width * (size_t)form->channels;
}

static void limit_values(const struct image_form *form, float *x) {
    const size_t count = form->limited ? value_count(form) : 0;
    const float range = form->range;
    for (size_t i = 0; i < count; i++) {
        const float low = x[i] < 0 ? 0 : x[i];
        x[i] = low > range ? range : low;
    }
}

/* One number for the whole image is added. */
static void apply_brightness(const void *values, const struct image_form *form, struct rng *rng, const float *x,
                             float *y) {
    const struct factor_config *config = values;
    (void)x;
    float shift = (2 * rng_uniform(rng) - 1) * (float)config->factor * form->range;
    size_t count = value_count(form);
    for (size_t i = 0; i < count; i++) y[i] += shift;
    limit_values(form, y);
}

static const struct field brightness_fields[] = {{.key = "factor",
                                                  .type = FIELD_NUMBER,
                                                  .offset = offsetof(struct factor_config, factor),
                                                  .fallback = "0.1",
                                                  .minimum = 0,
                                                  .maximum = 1,
                                                  .help = "most that is added or taken away, as a share of white"},
                                                 {0}};

const struct augmentation_kind augmentation_random_brightness = {
    .component = {.name = "RandomBrightness",
                  .summary = "adds one random number to the whole image",
                  .fields = brightness_fields,
                  .size = sizeof(struct factor_config)},
    .in_place = true,
    .apply = apply_brightness};

enum { BLOCK = 12 }; /* values that begin with channel 0 again, for 1, 2, 3 and 4 channels */

/* mean (BLOCK) of the channels of y (count), over and over */
static void channel_means(const float *y, size_t count, size_t channels, float *mean) {
    double sums[4] = {0};
    for (size_t i = 0; i < count; i += channels)
        for (size_t c = 0; c < channels; c++) sums[c] += (double)y[i + c];
    for (size_t k = 0; k < BLOCK; k++) mean[k] = (float)(sums[k % channels] * (double)channels / (double)count);
}

/* Distances from the channel's mean are multiplied by one number in 1 - factor .. 1 + factor. */
static void apply_contrast(const void *values, const struct image_form *form, struct rng *rng, const float *x,
                           float *y) {
    const struct factor_config *config = values;
    (void)x;
    const float gain = 1 + (2 * rng_uniform(rng) - 1) * (float)config->factor;
    const size_t count = value_count(form);
    float mean[BLOCK];
    channel_means(y, count, (size_t)form->channels, mean);
    size_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++) y[i + k] = mean[k] + (y[i + k] - mean[k]) * gain;
    for (size_t k = 0; i < count; i++, k++) y[i] = mean[k] + (y[i] - mean[k]) * gain;
    limit_values(form, y);
}

static const struct field contrast_fields[] = {{.key = "factor",
                                                .type = FIELD_NUMBER,
                                                .offset = offsetof(struct factor_config, factor),
                                                .fallback = "0.1",
                                                .minimum = 0,
                                                .maximum = 1,
                                                .help = "contrast is multiplied by 1 - factor to 1 + factor"},
                                               {0}};

const struct augmentation_kind augmentation_random_contrast = {
    .component = {.name = "RandomContrast",
                  .summary = "multiplies the distances from each channel's mean",
                  .fields = contrast_fields,
                  .size = sizeof(struct factor_config)},
    .in_place = true,
    .apply = apply_contrast};
