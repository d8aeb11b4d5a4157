#include "layers/geometry.h"

#include <limits.h>
#include <stdint.h>

#include "layers/parts.h"

const char *const padding_names[] = {"valid", "same", NULL};
const char *const convolution_padding_names[] = {"valid", "same", "circular", NULL};
const char *const convolution_padding_own[] = {"circular", NULL};

int64_t geometry_extent(const struct sliding *sliding, int axis) {
    return ((int64_t)sliding->kernel[axis] - 1) * sliding->dilation[axis] + 1;
}

static int64_t output_of(int64_t input, const struct sliding *sliding, int axis) {
    int64_t stride = sliding->stride[axis];
    if (sliding->padding != PADDING_VALID) return (input + stride - 1) / stride;
    return (input - geometry_extent(sliding, axis)) / stride + 1;
}

/* Cells on both sides together. */
static int64_t border_of(int64_t input, const struct sliding *sliding, int axis) {
    if (sliding->padding == PADDING_VALID) return 0;
    if (sliding->padding == PADDING_CIRCULAR) return geometry_extent(sliding, axis) - 1;
    int64_t needed = (output_of(input, sliding, axis) - 1) * sliding->stride[axis] + geometry_extent(sliding, axis);
    return needed > input ? needed - input : 0;
}

struct geometry geometry_of(const struct shape *input, const struct sliding *sliding) {
    struct geometry geometry = {.channels = input->size[2]};
    for (int axis = 0; axis < 2; axis++) {
        int size = input->size[axis];
        int border = (int)border_of(size, sliding, axis);
        geometry.input[axis] = size;
        geometry.kernel[axis] = sliding->kernel[axis];
        geometry.stride[axis] = sliding->stride[axis];
        geometry.dilation[axis] = sliding->dilation[axis];
        geometry.output[axis] = (int)output_of(size, sliding, axis);
        geometry.before[axis] = border / 2;
        geometry.padded[axis] = size + border;
    }
    return geometry;
}

static int check_fit(const struct layer *layer, const struct sliding *sliding, const struct place *place,
                     struct error *error) {
    char shape[SHAPE_TEXT_SIZE];
    const int *kernel = sliding->kernel, *dilation = sliding->dilation, *input = layer->input.size;
    int64_t high = geometry_extent(sliding, 0), wide = geometry_extent(sliding, 1);
    if (sliding->padding != PADDING_VALID || (high <= input[0] && wide <= input[1])) return 0;
    shape_text(&layer->input, shape, sizeof shape);
    if (dilation[0] == 1 && dilation[1] == 1)
        return place_error(place, error,
                           "(%d,%d) is larger than the input %s; use a smaller one or \"padding\": \"same\"", kernel[0],
                           kernel[1], shape);
    return place_error(place, error,
                       "(%d,%d) with dilation_rate (%d,%d) covers (%lld,%lld), more than the input %s; use a smaller "
                       "one or \"padding\": \"same\"",
                       kernel[0], kernel[1], dilation[0], dilation[1], (long long)high, (long long)wide, shape);
}

/* A border of the opposite side's cells must find them there. */
static int check_wrap(const struct layer *layer, const struct sliding *sliding, const struct place *place,
                      struct error *error) {
    char shape[SHAPE_TEXT_SIZE];
    for (int axis = 0; axis < 2 && sliding->padding == PADDING_CIRCULAR; axis++) {
        const int64_t border = border_of(layer->input.size[axis], sliding, axis);
        if (border - border / 2 > layer->input.size[axis])
            return place_error(place, error,
                               "(%d,%d) with dilation_rate (%d,%d) and circular padding goes more than once round the "
                               "input %s; use a smaller one or \"padding\": \"same\"",
                               sliding->kernel[0], sliding->kernel[1], sliding->dilation[0], sliding->dilation[1],
                               shape_text(&layer->input, shape, sizeof shape));
    }
    return 0;
}

static int check_padded(const struct layer *layer, const struct sliding *sliding, const struct place *place,
                        struct error *error) {
    double padded = layer->input.size[2];
    for (int axis = 0; axis < 2; axis++) {
        int size = layer->input.size[axis];
        padded *= (double)size + (double)border_of(size, sliding, axis);
    }
    if (padded <= INT_MAX) return 0;
    return place_error(place, error,
                       "(%d,%d) needs a border that makes the image larger than %d numbers; use a "
                       "smaller one",
                       sliding->kernel[0], sliding->kernel[1], INT_MAX);
}

int geometry_infer(struct layer *layer, const struct sliding *sliding, const char *key, const struct place *place,
                   struct geometry *geometry, struct error *error) {
    struct place at_key = place_key(place, key);
    if (layer_needs_image(layer, place, error) != 0) return -1;
    if (check_fit(layer, sliding, &at_key, error) != 0 || check_wrap(layer, sliding, &at_key, error) != 0 ||
        check_padded(layer, sliding, &at_key, error) != 0)
        return -1;
    *geometry = geometry_of(&layer->input, sliding);
    for (int axis = 0; axis < 2; axis++) {
        layer->reach.extent[axis] = (int)geometry_extent(sliding, axis);
        layer->reach.stride[axis] = sliding->stride[axis];
    }
    return 0;
}

bool geometry_is_padded(const struct geometry *geometry) {
    return geometry->padded[0] != geometry->input[0] || geometry->padded[1] != geometry->input[1];
}

ptrdiff_t geometry_tap(const struct geometry *geometry, int i, int j, int channels) {
    ptrdiff_t row = (ptrdiff_t)i * geometry->dilation[0], column = (ptrdiff_t)j * geometry->dilation[1];
    return (row * geometry->padded[1] + column) * channels;
}

ptrdiff_t geometry_window(const struct geometry *geometry, int row, int column, int channels) {
    ptrdiff_t first_row = (ptrdiff_t)row * geometry->stride[0], first_column = (ptrdiff_t)column * geometry->stride[1];
    return (first_row * geometry->padded[1] + first_column) * channels;
}

struct graph_window geometry_describe(const struct geometry *g) {
    return (struct graph_window){
        .size = {g->kernel[0], g->kernel[1]},
        .stride = {g->stride[0], g->stride[1]},
        .dilation = {g->dilation[0], g->dilation[1]},
        .before = {g->before[0], g->before[1]},
        .output = {g->output[0], g->output[1]},
        .groups = 1,
    };
}
