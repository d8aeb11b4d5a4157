#include "layers/convolution.h"

#include <string.h>

int convolution_check_steps(const struct sliding *sliding, const struct place *place, struct error *error) {
    const int *stride = sliding->stride, *dilation = sliding->dilation;
    const bool strided = stride[0] > 1 || stride[1] > 1, dilated = dilation[0] > 1 || dilation[1] > 1;
    const struct place at_dilation = place_key(place, "dilation_rate");
    if (!strided || !dilated) return 0;
    return place_error(&at_dilation, error,
                       "dilation_rate (%d,%d) cannot go together with strides (%d,%d); set one of them to 1",
                       dilation[0], dilation[1], stride[0], stride[1]);
}

int convolution_infer(struct layer *layer, const struct sliding *sliding, const struct place *place,
                      struct geometry *geometry, struct error *error) {
    if (convolution_check_steps(sliding, place, error) != 0) return -1;
    return geometry_infer(layer, sliding, "kernel_size", place, geometry, error);
}

int convolution_check_multiplier(const struct geometry *geometry, int multiplier, const struct place *place,
                                 struct error *error) {
    struct place at_multiplier = place_key(place, "depth_multiplier");
    double padded = (double)geometry->padded[0] * geometry->padded[1] * geometry->channels * multiplier;
    if (padded <= INT_MAX) return 0;
    return place_error(&at_multiplier, error, "%d times %d channels make an image of more than %d numbers; lower it",
                       multiplier, geometry->channels, INT_MAX);
}

/* ---- the zero border ---- */

static void zero(float *values, size_t count) {
    memset(values, 0, count * sizeof *values);
}

void convolution_pad(const struct geometry *geometry, const float *x, float *padded) {
    const size_t channels = (size_t)geometry->channels;
    const size_t row = (size_t)geometry->input[1] * channels, padded_row = (size_t)geometry->padded[1] * channels;
    const size_t above = (size_t)geometry->before[0], left = (size_t)geometry->before[1] * channels;
    const size_t below = (size_t)(geometry->padded[0] - geometry->input[0]) - above;
    const size_t right = padded_row - row - left;

    zero(padded, above * padded_row);
    padded += above * padded_row;
    for (int r = 0; r < geometry->input[0]; r++, x += row, padded += padded_row) {
        zero(padded, left);
        memcpy(padded + left, x, row * sizeof *x);
        zero(padded + left + row, right);
    }
    zero(padded, below * padded_row);
}
