#include "data/resample.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

/* The triangle filter centred on output i: its half width is 1 input cell, or the shrink factor where that is more. */
static void fill_row(struct resample_axis *axis, int i, double factor, double support) {
    double centre = (i + 0.5) * factor, sum = 0;
    /* Cells whose centres lie inside the triangle. */
    int first = (int)floor(centre - support + 0.5), last = (int)ceil(centre + support - 0.5);
    if (first < 0) first = 0;
    if (last > axis->from) last = axis->from;
    if (first + axis->taps > axis->from) first = axis->from - axis->taps;
    float *row = axis->weights + (size_t)i * (size_t)axis->taps;
    for (int t = 0; t < axis->taps; t++) {
        double distance = fabs(first + t + 0.5 - centre) / support;
        double weight = first + t < last && distance < 1 ? 1 - distance : 0;
        row[t] = (float)weight;
        sum += weight;
    }
    for (int t = 0; t < axis->taps; t++) row[t] = (float)((double)row[t] / sum);
    axis->first[i] = first;
}

static int axis_open(struct resample_axis *axis, int from, int to, struct error *error) {
    double factor = (double)from / to, support = factor > 1 ? factor : 1;
    int taps = 2 * (int)ceil(support);
    *axis = (struct resample_axis){.from = from, .to = to, .taps = taps < from ? taps : from};
    axis->first = memory_allocate((size_t)to, sizeof *axis->first, "resizing", error);
    axis->weights = memory_allocate((size_t)to * (size_t)axis->taps, sizeof *axis->weights, "resizing", error);
    if (!axis->first || !axis->weights) return -1;
    for (int i = 0; i < to; i++) fill_row(axis, i, factor, support);
    return 0;
}

int resampler_open(struct resampler *resampler, const int from[2], const int to[2], int channels, struct error *error) {
    *resampler = (struct resampler){.channels = channels};
    size_t cells = (size_t)from[0] * (size_t)to[1] * (size_t)channels;
    resampler->between = memory_allocate(cells, sizeof(float), "resizing", error);
    resampler->line = memory_allocate((size_t)from[1] * (size_t)channels, sizeof(float), "resizing", error);
    if (resampler->between && resampler->line && axis_open(&resampler->rows, from[0], to[0], error) == 0 &&
        axis_open(&resampler->columns, from[1], to[1], error) == 0)
        return 0;
    resampler_close(resampler);
    return -1;
}

static void axis_close(struct resample_axis *axis) {
    free(axis->first);
    free(axis->weights);
}

void resampler_close(struct resampler *resampler) {
    axis_close(&resampler->rows);
    axis_close(&resampler->columns);
    free(resampler->between);
    free(resampler->line);
    *resampler = (struct resampler){0};
}

/* line (w,c) -> out (ow,c) */
static void resample_line(const struct resample_axis *axis, size_t channels, const float *line, float *out) {
    for (int x = 0; x < axis->to; x++) {
        const float *weights = axis->weights + (size_t)x * (size_t)axis->taps;
        const float *at = line + (size_t)axis->first[x] * channels;
        for (size_t c = 0; c < channels; c++) {
            float sum = 0;
            for (int t = 0; t < axis->taps; t++) sum += weights[t] * at[(size_t)t * channels + c];
            *out++ = sum;
        }
    }
}

/* between (h, line) -> value `x` of output row y, a line having ow*c floats */
static float gather_rows(const struct resampler *resampler, int y, size_t line, size_t x) {
    const struct resample_axis *axis = &resampler->rows;
    const float *weights = axis->weights + (size_t)y * (size_t)axis->taps;
    const float *at = resampler->between + (size_t)axis->first[y] * line + x;
    float sum = 0;
    for (int t = 0; t < axis->taps; t++, at += line) sum += weights[t] * *at;
    return sum;
}

void resample_bytes(struct resampler *resampler, const uint8_t *from, uint8_t *to) {
    size_t channels = (size_t)resampler->channels, wide = (size_t)resampler->columns.from * channels;
    size_t line = (size_t)resampler->columns.to * channels;
    for (int y = 0; y < resampler->rows.from; y++, from += wide) {
        for (size_t x = 0; x < wide; x++) resampler->line[x] = from[x];
        resample_line(&resampler->columns, channels, resampler->line, resampler->between + (size_t)y * line);
    }
    for (int y = 0; y < resampler->rows.to; y++)
        for (size_t x = 0; x < line; x++) {
            float value = gather_rows(resampler, y, line, x) + 0.5F;
            *to++ = (uint8_t)(value < 255 ? value : 255);
        }
}

void resample_floats(struct resampler *resampler, const float *from, float *to) {
    size_t channels = (size_t)resampler->channels, wide = (size_t)resampler->columns.from * channels;
    size_t line = (size_t)resampler->columns.to * channels;
    for (int y = 0; y < resampler->rows.from; y++, from += wide)
        resample_line(&resampler->columns, channels, from, resampler->between + (size_t)y * line);
    for (int y = 0; y < resampler->rows.to; y++)
        for (size_t x = 0; x < line; x++) *to++ = gather_rows(resampler, y, line, x);
}
