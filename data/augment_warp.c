/* Augmentations that read between pixels: RandomTranslation, RandomRotation, as Keras' layers of these names. */
#include <math.h>
#include <string.h>

#include "data/augment.h"

/* What lies outside the image, in Keras' words: (0 0 | a b c | 0 0), (a a | a b c | c c), (b a | a b c | c b),
 * (b c | a b c | a b). */
enum fill_mode { FILL_CONSTANT, FILL_NEAREST, FILL_REFLECT, FILL_WRAP };

static const char *const fill_modes[] = {
    [FILL_CONSTANT] = "constant", [FILL_NEAREST] = "nearest", [FILL_REFLECT] = "reflect", [FILL_WRAP] = "wrap", NULL};

/* Where output (row, column) reads the input: row = a + b * row + c * column, and alike for the column. */
struct affine {
    float row[3], column[3];
};

/* The cell that stands for `i` on an axis of `size` cells; -1 where the fill value does. */
static int cell_of(int i, int size, enum fill_mode mode) {
    if (i >= 0 && i < size) return i;
    if (mode == FILL_CONSTANT) return -1;
    if (mode == FILL_NEAREST) return i < 0 ? 0 : size - 1;
    int period = mode == FILL_WRAP ? size : 2 * size;
    i %= period;
    if (i < 0) i += period;
    return i < size ? i : period - 1 - i;
}

/* The pixel (row, column) of x, or `zeros` outside. */
static const float *pixel_at(const struct image_form *form, const float *x, int row, int column, enum fill_mode mode,
                             const float *zeros) {
    row = cell_of(row, form->height, mode);
    column = cell_of(column, form->width, mode);
    if (row < 0 || column < 0) return zeros;
    return x + ((size_t)row * (size_t)form->width + (size_t)column) * (size_t)form->channels;
}

/* Largest whole number that is not above x, for the few thousand that a place in an image can be. */
static int floor_of(float x) {
    const int whole = (int)x;
    return (float)whole > x ? whole - 1 : whole;
}

/* y (c) = the value a share `across` and `down` of the way between four pixels (c) */
static inline void mix(const float *const corners[4], float down, float across, int channels, float *y) {
    for (int c = 0; c < channels; c++) {
        float upper = corners[0][c] + across * (corners[1][c] - corners[0][c]);
        float lower = corners[2][c] + across * (corners[3][c] - corners[2][c]);
        y[c] = upper + down * (lower - upper);
    }
}

enum { WIDE = 4 };
typedef float wide __attribute__((vector_size(WIDE * sizeof(float))));

static inline wide load_wide(const float *from) {
    wide value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* The same for four values at once: reads a value too many of three channels, and writes one. */
static inline void mix_wide(const float *const corners[4], float down, float across, float *y) {
    const wide a = load_wide(corners[0]), b = load_wide(corners[1]);
    const wide c = load_wide(corners[2]), d = load_wide(corners[3]);
    const wide upper = a + across * (b - a), lower = c + across * (d - c);
    const wide value = upper + down * (lower - upper);
    memcpy(y, &value, sizeof value);
}

/* y (c) = x at a place between four pixels; most places have all four inside the image */
static inline void sample_bilinear(const struct image_form *form, const float *x, float row, float column,
                                   enum fill_mode mode, int channels, bool may_spill, float *y) {
    static const float zeros[WIDE] = {0};
    const int top = floor_of(row), left = floor_of(column), line = form->width * channels;
    const float *corners[4];
    bool all_wide = false; /* whether four values can be read from every corner */
    if (top >= 0 && top + 1 < form->height && left >= 0 && left + 1 < form->width) {
        corners[0] = x + top * line + left * channels;
        corners[1] = corners[0] + channels;
        corners[2] = corners[0] + line;
        corners[3] = corners[2] + channels;
        all_wide = corners[3] + WIDE <= x + form->height * line;
    } else {
        for (int i = 0; i < 4; i++) corners[i] = pixel_at(form, x, top + i / 2, left + i % 2, mode, zeros);
    }
    if (channels >= WIDE - 1 && channels <= WIDE && may_spill && all_wide)
        mix_wide(corners, row - (float)top, column - (float)left, y);
    else
        mix(corners, row - (float)top, column - (float)left, channels, y);
}

static inline void warp_channels(const struct image_form *form, const struct affine *affine, enum fill_mode mode,
                                 int channels, const float *x, float *y) {
    for (int row = 0; row < form->height; row++)
        for (int column = 0; column < form->width; column++, y += channels) {
            float from_row = affine->row[0] + affine->row[1] * (float)row + affine->row[2] * (float)column;
            float from_column = affine->column[0] + affine->column[1] * (float)row + affine->column[2] * (float)column;
            /* what spills over goes into the next pixel, which comes next */
            const bool may_spill = column + 1 < form->width || row + 1 < form->height;
            sample_bilinear(form, x, from_row, from_column, mode, channels, may_spill, y);
        }
}

/* The loops over channels of the two common numbers disappear. */
static void warp(const struct image_form *form, const struct affine *affine, enum fill_mode mode, const float *x,
                 float *y) {
    if (form->channels == 3)
        warp_channels(form, affine, mode, 3, x, y);
    else if (form->channels == 1)
        warp_channels(form, affine, mode, 1, x, y);
    else
        warp_channels(form, affine, mode, form->channels, x, y);
}

static float symmetric(struct rng *rng, double limit) {
    return (2 * rng_uniform(rng) - 1) * (float)limit;
}

struct translation_config {
    double height_factor, width_factor;
    int fill_mode;
};

static void apply_translation(const void *values, const struct image_form *form, struct rng *rng, const float *x,
                              float *y) {
    const struct translation_config *config = values;
    float down = symmetric(rng, config->height_factor) * (float)form->height;
    float right = symmetric(rng, config->width_factor) * (float)form->width;
    const struct affine affine = {{-down, 1, 0}, {-right, 0, 1}};
    warp(form, &affine, (enum fill_mode)config->fill_mode, x, y);
}

static const struct field translation_fields[] = {{.key = "height_factor",
                                                   .type = FIELD_NUMBER,
                                                   .offset = offsetof(struct translation_config, height_factor),
                                                   .fallback = "0.1",
                                                   .minimum = 0,
                                                   .maximum = 1,
                                                   .help = "furthest shift up or down, as a share of the height"},
                                                  {.key = "width_factor",
                                                   .type = FIELD_NUMBER,
                                                   .offset = offsetof(struct translation_config, width_factor),
                                                   .fallback = "0.1",
                                                   .minimum = 0,
                                                   .maximum = 1,
                                                   .help = "furthest shift left or right, as a share of the width"},
                                                  {.key = "fill_mode",
                                                   .type = FIELD_CHOICE,
                                                   .offset = offsetof(struct translation_config, fill_mode),
                                                   .fallback = "\"reflect\"",
                                                   .choices = fill_modes,
                                                   .help = "what comes in from outside the image"},
                                                  {0}};

const struct augmentation_kind augmentation_random_translation = {
    .component = {.name = "RandomTranslation",
                  .summary = "shifts the image by a random part of its size (bilinear)",
                  .fields = translation_fields,
                  .size = sizeof(struct translation_config)},
    .apply = apply_translation};

struct rotation_config {
    double factor;
    int fill_mode;
};

/* A positive angle turns the picture counter-clockwise round its middle; rows grow downward, so the place an output
 * pixel reads is turned clockwise on the screen. */
static void apply_rotation(const void *values, const struct image_form *form, struct rng *rng, const float *x,
                           float *y) {
    const struct rotation_config *config = values;
    float angle = symmetric(rng, config->factor) * 6.2831853F;
    float cosine = cosf(angle), sine = sinf(angle);
    float middle_row = (float)(form->height - 1) / 2, middle_column = (float)(form->width - 1) / 2;
    const struct affine affine = {
        {middle_row - cosine * middle_row - sine * middle_column, cosine, sine},
        {middle_column + sine * middle_row - cosine * middle_column, -sine, cosine},
    };
    warp(form, &affine, (enum fill_mode)config->fill_mode, x, y);
}

static const struct field rotation_fields[] = {{.key = "factor",
                                                .type = FIELD_NUMBER,
                                                .offset = offsetof(struct rotation_config, factor),
                                                .fallback = "0.05",
                                                .minimum = 0,
                                                .maximum = 1,
                                                .help = "furthest turn either way, as a share of a full turn"},
                                               {.key = "fill_mode",
                                                .type = FIELD_CHOICE,
                                                .offset = offsetof(struct rotation_config, fill_mode),
                                                .fallback = "\"reflect\"",
                                                .choices = fill_modes,
                                                .help = "what comes in from outside the image"},
                                               {0}};

const struct augmentation_kind augmentation_random_rotation = {
    .component = {.name = "RandomRotation",
                  .summary = "turns the image by a random angle round its middle (bilinear)",
                  .fields = rotation_fields,
                  .size = sizeof(struct rotation_config)},
    .apply = apply_rotation};
