/* Augmentations of values: RandomBrightness, RandomContrast, as Keras' layers of these names. */
#include "data/augment.h"

struct factor_config {
    double factor;
};

static size_t value_count(const struct image_form *form) {
    return (size_t)form->height * (size_t)form->width * (size_t)form->channels;
}

static void limit_values(const struct image_form *form, float *x) {
    size_t count = form->limited ? value_count(form) : 0;
    for (size_t i = 0; i < count; i++) x[i] = x[i] < 0 ? 0 : x[i] > form->range ? form->range : x[i];
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

/* Distances from the channel's mean are multiplied by one number in 1 - factor .. 1 + factor. */
static void apply_contrast(const void *values, const struct image_form *form, struct rng *rng, const float *x,
                           float *y) {
    const struct factor_config *config = values;
    (void)x;
    float gain = 1 + (2 * rng_uniform(rng) - 1) * (float)config->factor;
    size_t count = value_count(form), channels = (size_t)form->channels, pixels = count / channels;
    for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t i = c; i < count; i += channels) sum += (double)y[i];
        float mean = (float)(sum / (double)pixels);
        for (size_t i = c; i < count; i += channels) y[i] = mean + (y[i] - mean) * gain;
    }
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
