/* Augmentations that move or cover whole pixels: RandomCrop, RandomFlip, Cutout. */
#include <string.h>

#include "core/dataset.h"
#include "data/augment.h"

struct crop_config {
    int size[2], padding;
};

static int check_crop(const void *values, const struct image_form *form, struct error *error) {
    const struct crop_config *config = values;
    if (config->size[0] == 0 || (config->size[0] == form->height && config->size[1] == form->width)) return 0;
    return error_set(error, ERROR_CONFIG, "data.augment",
                     "RandomCrop: size is [%d, %d], the images are [%d, %d]; crops keep the image size, so leave size "
                     "out or set data.resize",
                     config->size[0], config->size[1], form->height, form->width);
}

/* x (h,w,c) -> y (h,w,c): y[i][j] = x[i + dy][j + dx], 0 outside */
static void apply_crop(const void *values, const struct image_form *form, struct rng *rng, const float *x, float *y) {
    const struct crop_config *config = values;
    uint32_t places = 2 * (uint32_t)config->padding + 1;
    int dy = (int)rng_below(rng, places) - config->padding, dx = (int)rng_below(rng, places) - config->padding;
    int left = dx < 0 ? -dx : 0, right = dx > 0 ? form->width - dx : form->width;
    size_t channels = (size_t)form->channels, line = (size_t)form->width * channels;
    memset(y, 0, (size_t)form->height * line * sizeof *y);
    for (int row = 0; row < form->height; row++) {
        int from = row + dy;
        if (from < 0 || from >= form->height || right <= left) continue;
        const float *source = x + (size_t)from * line + (size_t)(left + dx) * channels;
        memcpy(y + (size_t)row * line + (size_t)left * channels, source, (size_t)(right - left) * channels * sizeof *y);
    }
}

static const struct field crop_fields[] = {{.key = "padding",
                                            .type = FIELD_INT,
                                            .offset = offsetof(struct crop_config, padding),
                                            .fallback = "4",
                                            .minimum = 0,
                                            .maximum = DATASET_SIDE_MAX,
                                            .help = "zeros round the image before the crop, in pixels"},
                                           {.key = "size",
                                            .type = FIELD_PAIR,
                                            .offset = offsetof(struct crop_config, size),
                                            .fallback = "null",
                                            .nullable = true,
                                            .minimum = 1,
                                            .maximum = DATASET_SIDE_MAX,
                                            .help = "[height, width] of the crop; it must be the image size"},
                                           {0}};

const struct augmentation_kind augmentation_random_crop = {
    .component = {.name = "RandomCrop",
                  .summary = "pads with zeros and crops at random: shifts by up to `padding` pixels",
                  .fields = crop_fields,
                  .size = sizeof(struct crop_config)},
    .check = check_crop,
    .apply = apply_crop};

enum flip_mode { FLIP_HORIZONTAL, FLIP_VERTICAL, FLIP_BOTH };

struct flip_config {
    int mode; /* enum flip_mode */
};

static void swap_pixels(float *a, float *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float value = a[i];
        a[i] = b[i];
        b[i] = value;
    }
}

static void flip_horizontally(const struct image_form *form, float *x) {
    size_t channels = (size_t)form->channels, width = (size_t)form->width;
    for (int row = 0; row < form->height; row++, x += width * channels)
        for (size_t i = 0; i < width / 2; i++) swap_pixels(x + i * channels, x + (width - 1 - i) * channels, channels);
}

static void flip_vertically(const struct image_form *form, float *x) {
    size_t height = (size_t)form->height, line = (size_t)form->width * (size_t)form->channels;
    for (size_t i = 0; i < height / 2; i++) swap_pixels(x + i * line, x + (height - 1 - i) * line, line);
}

static void apply_flip(const void *values, const struct image_form *form, struct rng *rng, const float *x, float *y) {
    const struct flip_config *config = values;
    (void)x;
    bool horizontal = rng_uniform(rng) < 0.5F, vertical = rng_uniform(rng) < 0.5F;
    if (horizontal && config->mode != FLIP_VERTICAL) flip_horizontally(form, y);
    if (vertical && config->mode != FLIP_HORIZONTAL) flip_vertically(form, y);
}

static const char *const flip_modes[] = {
    [FLIP_HORIZONTAL] = "horizontal", [FLIP_VERTICAL] = "vertical", [FLIP_BOTH] = "horizontal_and_vertical", NULL};

static const struct field flip_fields[] = {{.key = "mode",
                                            .type = FIELD_CHOICE,
                                            .offset = offsetof(struct flip_config, mode),
                                            .fallback = "\"horizontal_and_vertical\"",
                                            .choices = flip_modes,
                                            .help = "the directions, each flipped in half of the images"},
                                           {0}};

const struct augmentation_kind augmentation_random_flip = {.component = {.name = "RandomFlip",
                                                                         .summary = "mirrors the image at random",
                                                                         .fields = flip_fields,
                                                                         .size = sizeof(struct flip_config)},
                                                           .in_place = true,
                                                           .apply = apply_flip};

struct cutout_config {
    int size;
};

static int clamp(int value, int limit) {
    return value < 0 ? 0 : value > limit ? limit : value;
}

/* The square's middle lies anywhere in the image, so it may hang over the border (DeVries and Taylor 2017). */
static void apply_cutout(const void *values, const struct image_form *form, struct rng *rng, const float *x, float *y) {
    const struct cutout_config *config = values;
    (void)x;
    int top = (int)rng_below(rng, (uint32_t)form->height) - config->size / 2;
    int left = (int)rng_below(rng, (uint32_t)form->width) - config->size / 2;
    int bottom = clamp(top + config->size, form->height), right = clamp(left + config->size, form->width);
    size_t channels = (size_t)form->channels;
    left = clamp(left, form->width);
    for (int row = clamp(top, form->height); row < bottom; row++) {
        float *start = y + ((size_t)row * (size_t)form->width + (size_t)left) * channels;
        if (right > left) memset(start, 0, (size_t)(right - left) * channels * sizeof *y);
    }
}

static const struct field cutout_fields[] = {{.key = "size",
                                              .type = FIELD_INT,
                                              .offset = offsetof(struct cutout_config, size),
                                              .fallback = "8",
                                              .minimum = 1,
                                              .maximum = DATASET_SIDE_MAX,
                                              .help = "side of the square, in pixels"},
                                             {0}};

const struct augmentation_kind augmentation_cutout = {.component = {.name = "Cutout",
                                                                    .summary = "covers a square with zeros",
                                                                    .fields = cutout_fields,
                                                                    .size = sizeof(struct cutout_config)},
                                                      .in_place = true,
                                                      .apply = apply_cutout};
