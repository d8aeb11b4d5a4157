#include "layers/convolution.h"

#include <string.h>

int convolution_infer(struct layer *layer, const struct sliding *sliding, const struct place *place,
                      struct geometry *geometry, struct error *error) {
    const int *stride = sliding->stride, *dilation = sliding->dilation;
    bool strided = stride[0] > 1 || stride[1] > 1, dilated = dilation[0] > 1 || dilation[1] > 1;
    struct place at_dilation = place_key(place, "dilation_rate");
    if (strided && dilated)
        return place_error(&at_dilation, error,
                           "dilation_rate (%d,%d) cannot go together with strides (%d,%d); set one of them to 1",
                           dilation[0], dilation[1], stride[0], stride[1]);
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

static void pad_row(const float *x, size_t width, size_t channels, int repeat, float *padded) {
    if (repeat == 1) {
        memcpy(padded, x, width * channels * sizeof *x);
        return;
    }
    for (size_t i = 0; i < width * channels; i++)
        for (int m = 0; m < repeat; m++) *padded++ = x[i];
}

void convolution_pad(const struct geometry *geometry, int repeat, const float *x, float *padded) {
    const size_t channels = (size_t)geometry->channels, pixel = channels * (size_t)repeat;
    const size_t width = (size_t)geometry->input[1], padded_width = (size_t)geometry->padded[1];
    const size_t above = (size_t)geometry->before[0], left = (size_t)geometry->before[1];
    const size_t below = (size_t)(geometry->padded[0] - geometry->input[0]) - above;
    const size_t right = padded_width - width - left;

    zero(padded, above * padded_width * pixel);
    padded += above * padded_width * pixel;
    for (int row = 0; row < geometry->input[0]; row++, x += width * channels, padded += padded_width * pixel) {
        zero(padded, left * pixel);
        pad_row(x, width, channels, repeat, padded + left * pixel);
        zero(padded + (left + width) * pixel, right * pixel);
    }
    zero(padded, below * padded_width * pixel);
}

static void crop_row(const float *padded, size_t width, size_t channels, int repeat, float *dx) {
    if (repeat == 1) {
        memcpy(dx, padded, width * channels * sizeof *dx);
        return;
    }
    for (size_t i = 0; i < width * channels; i++, padded += repeat) {
        float sum = padded[0];
        for (int m = 1; m < repeat; m++) sum += padded[m];
        dx[i] = sum;
    }
}

void convolution_crop(const struct geometry *geometry, int repeat, const float *padded, float *dx) {
    const size_t channels = (size_t)geometry->channels, pixel = channels * (size_t)repeat;
    const size_t width = (size_t)geometry->input[1], padded_width = (size_t)geometry->padded[1];
    padded += ((size_t)geometry->before[0] * padded_width + (size_t)geometry->before[1]) * pixel;
    for (int row = 0; row < geometry->input[0]; row++, dx += width * channels, padded += padded_width * pixel)
        crop_row(padded, width, channels, repeat, dx);
}
