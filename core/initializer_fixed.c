/* Fixed: a kernel that the config gives, as numbers or by the name of a well-known filter of image processing. Kernels
 * are not flipped (a convolution layer is a cross-correlation), so sobel_x is positive where an image gets brighter to
 * the right. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/initializer_kind.h"

enum channels { CHANNELS_ALL, CHANNELS_DIAGONAL };
static const char *const channels_names[] = {"all", "diagonal", NULL};

struct fixed {
    struct int_list preset;
    struct number_array values;
    int channels; /* enum channels */
};

/* ---- presets ---- */

enum preset { BLUR, GAUSSIAN_BLUR, IDENTITY, SHARPEN, SOBEL_X, SOBEL_Y, LAPLACE, EMBOSS };
static const char *const preset_names[] = {"blur",    "gaussian_blur", "identity", "sharpen", "sobel_x",
                                           "sobel_y", "laplace",       "emboss",   NULL};

/* Those that are of one size. */
static const double three_by_three[][9] = {
    [SHARPEN] = {0, -1, 0, -1, 5, -1, 0, -1, 0}, [SOBEL_X] = {-1, 0, 1, -2, 0, 2, -1, 0, 1},
    [SOBEL_Y] = {-1, -2, -1, 0, 0, 0, 1, 2, 1},  [LAPLACE] = {0, 1, 0, 1, -4, 1, 0, 1, 0},
    [EMBOSS] = {-2, -1, 0, -1, 1, 1, 0, 1, 2},
};

/* Cell i of n binomial coefficients that add up to 1, from the middle outward, so that no number overflows. */
static double binomial(int n, int i) {
    const int far = i < n - 1 - i ? n - 1 - i : i;
    double value = 1, sum = n % 2 ? 1 : 2, found = 1;
    for (int k = n / 2 + 1; k < n; k++) {
        value *= (double)(n - k) / k;
        sum += 2 * value;
        if (k == far) found = value;
    }
    return found / sum;
}

/* Cell (i,j) of a preset of size (height,width). The identity's 1 stands where `same` padding has the window's centre.
 */
static double preset_cell(enum preset preset, int height, int width, int i, int j) {
    if (preset == BLUR) return 1.0 / height / width;
    if (preset == GAUSSIAN_BLUR) return binomial(height, i) * binomial(width, j);
    if (preset == IDENTITY) return i == (height - 1) / 2 && j == (width - 1) / 2;
    return three_by_three[preset][3 * i + j];
}

static int check_preset(int preset, const struct shape *shape, const struct place *place, struct error *error) {
    const struct place at_preset = place_key(place, "preset");
    if (preset <= IDENTITY || (shape->size[0] == 3 && shape->size[1] == 3)) return 0;
    return place_error(&at_preset, error, "%s is 3x3, but the kernel is %dx%d; give the layer a kernel_size of 3",
                       preset_names[preset], shape->size[0], shape->size[1]);
}

/* ---- which numbers for which shape ---- */

static size_t count_of(const struct shape *shape) {
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= (size_t)shape->size[i];
    return count;
}

/* How many kernels (height,width) the config gives, which the filters take in turn; 0 where it gives the whole tensor.
 */
static int kernels_given(const struct fixed *fixed, const struct shape *shape) {
    const struct number_array *values = &fixed->values;
    if (shape->rank != 4) return 0;
    if (fixed->preset.count > 0) return fixed->preset.count;
    const int height = shape->size[0], width = shape->size[1];
    const int *size = values->size;
    if (values->rank == 1 && size[0] == height * width) return 1;
    if (values->rank == 2 && size[0] == height && size[1] == width) return 1;
    if (values->rank == 3 && size[1] == height && size[2] == width) return size[0];
    return 0;
}

static bool is_whole(const struct number_array *values, const struct shape *shape) {
    if (values->rank == 1 && values->count == count_of(shape)) return true;
    if (values->rank != shape->rank) return false;
    return memcmp(values->size, shape->size, (size_t)shape->rank * sizeof *shape->size) == 0;
}

static int refuse_values(const struct number_array *values, const struct shape *shape, const struct place *place,
                         struct error *error) {
    char given[SHAPE_TEXT_SIZE], wanted[SHAPE_TEXT_SIZE];
    const struct place at_values = place_key(place, "values");
    struct shape array = {.rank = values->rank};
    memcpy(array.size, values->size, (size_t)values->rank * sizeof *array.size);
    shape_text(&array, given, sizeof given);
    shape_text(shape, wanted, sizeof wanted);
    if (shape->rank != 4)
        return place_error(&at_values, error, "has the shape %s, but the weights are %s; give values of that shape",
                           given, wanted);
    return place_error(
        &at_values, error,
        "has the shape %s, but the kernel is %s; give (%d,%d) for all channels and filters, a list of such, "
        "or the whole kernel",
        given, wanted, shape->size[0], shape->size[1]);
}

static int fits(const void *config, const struct shape *shape, const struct place *place, struct error *error) {
    const struct fixed *fixed = config;
    const struct place at_preset = place_key(place, "preset"), at_channels = place_key(place, "channels");
    const int kernels = kernels_given(fixed, shape), filters = shape->size[shape->rank - 1];
    if (fixed->preset.count > 0 && shape->rank != 4)
        return place_error(&at_preset, error, "is for the kernel of a convolution; give these weights by values");
    for (int i = 0; i < fixed->preset.count; i++)
        if (check_preset(fixed->preset.values[i], shape, place, error) != 0) return -1;
    if (kernels > 0 && filters % kernels != 0)
        return place_error(
            place, error,
            "gives %d kernels, which %d filters cannot take in turn evenly; give a number that divides them", kernels,
            filters);
    if (kernels > 0 || is_whole(&fixed->values, shape)) {
        if (kernels > 0 || fixed->channels == CHANNELS_ALL) return 0;
        return place_error(&at_channels, error, "is for kernels (height,width); values has all channels already");
    }
    return refuse_values(&fixed->values, shape, place, error);
}

static int check(const void *config, const struct place *place, struct error *error) {
    const struct fixed *fixed = config;
    const bool named = fixed->preset.count > 0, written = fixed->values.rank > 0;
    if (named != written) return 0;
    return place_error(place, error,
                       named ? "has both preset and values; leave one out"
                             : "needs a preset, such as \"sobel_x\", or values");
}

/* ---- filling ---- */

static double cell_of(const struct fixed *fixed, const struct shape *shape, int kernel, int i, int j) {
    const int height = shape->size[0], width = shape->size[1];
    if (fixed->preset.count > 0) return preset_cell((enum preset)fixed->preset.values[kernel], height, width, i, j);
    return fixed->values.values[((size_t)kernel * (size_t)height + (size_t)i) * (size_t)width + (size_t)j];
}

/* values (height,width,channels,filters): filter f takes kernel f modulo their number, for every channel, or for
 * channel f modulo their number alone */
static void spread(const struct fixed *fixed, const struct shape *shape, int kernels, float *values) {
    const int width = shape->size[1], channels = shape->size[2], filters = shape->size[3];
    const bool diagonal = fixed->channels == CHANNELS_DIAGONAL;
    for (int tap = 0; tap < shape->size[0] * width; tap++)
        for (int kernel = 0; kernel < kernels; kernel++) {
            const float cell = (float)cell_of(fixed, shape, kernel, tap / width, tap % width);
            float *at = values + (size_t)tap * (size_t)channels * (size_t)filters;
            for (int c = 0; c < channels; c++, at += filters)
                for (int f = kernel; f < filters; f += kernels) at[f] = diagonal && f % channels != c ? 0 : cell;
        }
}

static int fill(const void *config, const struct shape *shape, struct rng rng, float *values, struct error *error) {
    (void)rng, (void)error;
    const struct fixed *fixed = config;
    const int kernels = kernels_given(fixed, shape);
    if (kernels > 0)
        spread(fixed, shape, kernels, values);
    else
        for (size_t i = 0; i < fixed->values.count; i++) values[i] = (float)fixed->values.values[i];
    return 0;
}

static const struct field fields[] = {
    {.key = "preset",
     .type = FIELD_CHOICES,
     .offset = offsetof(struct fixed, preset),
     .single = true,
     .fallback = "null",
     .nullable = true,
     .choices = preset_names,
     .help = "a well-known filter, or a list that the filters take in turn; null: values say it"},
    {.key = "values",
     .type = FIELD_ARRAY,
     .offset = offsetof(struct fixed, values),
     .fallback = "null",
     .nullable = true,
     .help = "[[row], ...] for all channels and filters, a list of such, or all weights"},
    {.key = "channels",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct fixed, channels),
     .fallback = "\"all\"",
     .choices = channels_names,
     .help = "all: a filter has its kernel for every channel; diagonal: for one, the others are 0"},
    {0},
};

const struct initializer_kind initializer_fixed = {
    .component = {.name = "Fixed",
                  .alias = "fixed",
                  .summary = "a kernel as given, or a well-known filter",
                  .fields = fields,
                  .size = sizeof(struct fixed),
                  .check = check,
                  .own = true},
    .fill = fill,
    .fits = fits,
};
