/* Bilinear resizing, smoothed by a wider triangle where the image shrinks (as PIL and TensorFlow with antialias do). */
#ifndef CNNTRAIN_DATA_RESAMPLE_H
#define CNNTRAIN_DATA_RESAMPLE_H

#include <stdint.h>

#include "core/error.h"

/* Weights of one axis: output i is the sum over t < taps of weight[i * taps + t] * input[first[i] + t]. */
struct resample_axis {
    int from, to, taps;
    int *first;     /* (to) */
    float *weights; /* (to, taps), each row sums to 1 */
};

struct resampler {
    int channels;
    struct resample_axis rows, columns;
    float *between; /* (from height, to width, channels) */
    float *line;    /* (from width, channels) */
};

/* From (height, width) to (height, width), all sides 1 or more. Fails with ERROR_RUN without memory. */
int resampler_open(struct resampler *resampler, const int from[2], const int to[2], int channels, struct error *error);
void resampler_close(struct resampler *resampler);
/* from (h,w,c) -> to (oh,ow,c); bytes are rounded to the nearest. */
void resample_bytes(struct resampler *resampler, const uint8_t *from, uint8_t *to);
void resample_floats(struct resampler *resampler, const float *from, float *to);

#endif
