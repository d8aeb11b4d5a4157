#include "layers/depthwise.h"

#include <string.h>
#include <stdlib.h>

/* A pixel whose channels do not fill vectors goes together with its neighbours as one period. For the kernel this
 * follows the vectors of the table and changes no bits. Sums of a gradient are kept for each pixel of a period and
 * added up at the end; there it follows from the shape alone, so that every table adds in the same order: with t pixels
 * a period, sum s is over rows from top to bottom and in each over the pixels s, s + t, s + 2t, ... */
enum {
    SLACK = 16,         /* floats that kernels may read past a row */
    PERIOD_MOST = 128,  /* floats of a period with more than one pixel */
    TOGETHER_MOST = 16, /* pixels a period */
    CALL_LEAST = 12,    /* floats that are worth a call of memcpy */
};

/* ---- rows between zeros ---- */

static struct rows rows_take(const struct rows *shape, bool copy, struct pieces *pieces) {
    struct rows rows = *shape;
    if (!copy) return rows;
    const int needed = smaller(shape->slots, shape->height);
    for (rows.slots = 1; rows.slots < needed && rows.slots <= INT_MAX / 2;) rows.slots *= 2;
    const size_t pixels = (size_t)rows.left + (size_t)rows.pixels + (size_t)rows.right;
    const size_t floats = pixels * (size_t)rows.channels * (size_t)rows.times + SLACK;
    rows.row = (ptrdiff_t)(size_align(floats * sizeof(float)) / sizeof(float));
    rows.memory = pieces_take(pieces, (size_t)rows.slots * (size_t)rows.row, sizeof(float));
    return rows;
}

/* Zeros beside the rows to come, and behind them. */
static void rows_clear(const struct rows *rows) {
    const ptrdiff_t pixel = (ptrdiff_t)rows->channels * rows->times;
    const ptrdiff_t left = rows->left * pixel, right = left + rows->pixels * pixel;
    for (int slot = 0; slot < rows->slots && rows->memory; slot++) {
        float *row = rows->memory + slot * rows->row;
        memset(row, 0, (size_t)left * sizeof *row);
        memset(row + right, 0, (size_t)(rows->row - right) * sizeof *row);
    }
}

static void rows_start(struct rows *rows, const float *image) {
    rows->image = image;
    rows->filled = 0;
}

/* The first pixel of row r. */
static float *slot_of(const struct rows *rows, int r) {
    return rows->memory + (r & (rows->slots - 1)) * rows->row + (ptrdiff_t)rows->left * rows->channels * rows->times;
}

static const float *image_row(const struct rows *rows, int r) {
    return rows->image + (ptrdiff_t)r * rows->pixels * rows->channels;
}

static const float *row_at(const struct rows *rows, int r) {
    return rows->memory ? slot_of(rows, r) : image_row(rows, r);
}

/* Copies rows until row `end` - 1 is there, or the image ends. */
static void rows_fill(struct rows *rows, const struct kernels *kernels, int end) {
    const int count = rows->pixels * rows->channels;
    if (end > rows->height) end = rows->height;
    for (; rows->filled < end; rows->filled++) {
        if (!rows->memory) continue;
        const float *from = image_row(rows, rows->filled);
        float *to = slot_of(rows, rows->filled);
        if (rows->times == 1)
            memcpy(to, from, (size_t)count * sizeof *to);
        else
            kernels->repeat_neighbours(count, rows->times, from, to);
    }
}

/* ---- plan ---- */

/* How many of `pixels` beside each other make whole vectors: a power of two. */
static int pixels_together(int channels, int vector, int pixels) {
    int together = 1;
    while (together * channels % vector != 0 && together < TOGETHER_MOST && 2 * together <= pixels &&
           channels <= PERIOD_MOST / (2 * together))
        together *= 2;
    return together;
}

static struct rows input_rows(const struct depthwise *depthwise) {
    const struct geometry *g = &depthwise->geometry;
    return (struct rows){
        .slots = (g->kernel[0] - 1) * g->dilation[0] + 1,
        .height = g->input[0],
        .pixels = g->input[1],
        .channels = g->channels,
        .left = g->before[1],
        .right = g->padded[1] - g->input[1] - g->before[1],
        .times = depthwise->multiplier / depthwise->repeat,
    };
}

/* dy with zeros as far as the taps of any pixel of x look. */
static struct rows output_rows(const struct depthwise *depthwise) {
    const struct geometry *g = &depthwise->geometry;
    const int stride = g->stride[1], before = g->before[1];
    return (struct rows){
        .slots = (g->kernel[0] - 1) * g->dilation[0] / g->stride[0] + 1,
        .height = g->output[0],
        .pixels = g->output[1],
        .channels = depthwise->channels,
        .left = larger(((g->kernel[1] - 1) * g->dilation[1] - before + stride - 1) / stride, 0),
        .right = larger((g->input[1] - 1 + before) / stride - (g->output[1] - 1), 0),
        .times = 1,
    };
}

/* Backward a pixel of x meets the taps (i,j) of one remainder of i and one of j by the stride: those stand together. */
static void place_taps(const struct depthwise *depthwise) {
    const struct geometry *g = &depthwise->geometry;
    int place = 0;
    for (int row = 0; row < g->stride[0]; row++)
        for (int column = 0; column < g->stride[1]; column++)
            for (int i = row; i < g->kernel[0]; i += g->stride[0])
                for (int j = column; j < g->kernel[1]; j += g->stride[1])
                    depthwise->place[i * g->kernel[1] + j] = place++;
}

static bool is_banded(const struct geometry *g, int channels) {
    const char *force = getenv("BANDED");
    if (force) return atoi(force);
    return g->stride[0] > 1 || g->stride[1] > 1 || g->output[1] * channels <= 512;
}

struct depthwise depthwise_take(const struct shape *input, const struct sliding *sliding, int multiplier,
                                const struct kernels *kernels, struct pieces *pieces) {
    struct depthwise depthwise = {.geometry = geometry_of(input, sliding), .multiplier = multiplier};
    const struct geometry *g = &depthwise.geometry;
    const int channels = depthwise.channels = g->channels * multiplier;
    const size_t taps = (size_t)g->kernel[0] * (size_t)g->kernel[1];
    depthwise.banded = is_banded(g, channels);
    if (depthwise.banded) {
        depthwise.bands = depthwise_bands_take(g, multiplier, kernels, pieces);
        return depthwise;
    }
    depthwise.repeat = (multiplier & (multiplier - 1)) == 0 ? multiplier : 1;
    const bool flat = g->stride[1] == 1;
    const int vector = kernels ? kernels->vector : 1;
    depthwise.together_forward = flat ? pixels_together(channels, vector, g->output[1]) : 1;
    depthwise.together_backward = pixels_together(channels, vector, (g->input[1] - 1) / g->stride[1] + 1);
    depthwise.sums_together = flat ? pixels_together(channels, TOGETHER_MOST, g->input[1]) : 1;

    const struct rows x = input_rows(&depthwise), dy = output_rows(&depthwise);
    depthwise.x = rows_take(&x, x.left + x.right > 0 || x.times > 1, pieces);
    depthwise.dy = rows_take(&dy, dy.left + dy.right > 0 || depthwise.sums_together > 1, pieces);

    const size_t period = (size_t)larger(PERIOD_MOST, channels);
    depthwise.tap = (ptrdiff_t)(size_align(period * sizeof(float)) / sizeof(float));
    depthwise.kernel = pieces_take(pieces, taps * (size_t)depthwise.tap, sizeof(float));
    depthwise.bias = pieces_take(pieces, (size_t)depthwise.tap, sizeof(float));
    depthwise.sums = pieces_take(pieces, (taps + 1) * (size_t)depthwise.tap, sizeof(float));
    const size_t line = (size_t)g->input[1] * (size_t)channels + SLACK;
    depthwise.line = pieces_take(pieces, line, sizeof(float));
    depthwise.spread = pieces_take(pieces, line, sizeof(float));
    depthwise.dense = pieces_take(pieces, line, sizeof(float));
    depthwise.from = pieces_take(pieces, taps, sizeof *depthwise.from);
    depthwise.place = pieces_take(pieces, taps, sizeof *depthwise.place);
    if (pieces->memory) place_taps(&depthwise);
    return depthwise;
}

static void repeat_pixel(const float *from, int channels, int times, float *to) {
    for (int i = 0; i < times; i++, to += channels) memcpy(to, from, (size_t)channels * sizeof *to);
}

/* The kernel with its pixels side by side; tap t goes to place[t], or stays where place is NULL. */
static void take_kernel(struct depthwise *depthwise, const float *kernel, int together, const int *place) {
    const int taps = depthwise->geometry.kernel[0] * depthwise->geometry.kernel[1], channels = depthwise->channels;
    for (int t = 0; t < taps; t++)
        repeat_pixel(kernel + (ptrdiff_t)t * channels, channels, together,
                     depthwise->kernel + (place ? place[t] : t) * depthwise->tap);
}

void depthwise_begin_forward(struct depthwise *depthwise, const float *kernel, const float *bias) {
    if (depthwise->banded) {
        depthwise_bands_begin_forward(&depthwise->bands, kernel, bias);
        return;
    }
    take_kernel(depthwise, kernel, depthwise->together_forward, NULL);
    depthwise->has_bias = bias != NULL;
    if (bias) repeat_pixel(bias, depthwise->channels, depthwise->together_forward, depthwise->bias);
    rows_clear(&depthwise->x);
}

void depthwise_begin_backward(struct depthwise *depthwise, const float *kernel) {
    if (depthwise->banded) {
        depthwise_bands_begin_backward(&depthwise->bands, kernel);
        return;
    }
    take_kernel(depthwise, kernel, depthwise->together_backward, depthwise->place);
    rows_clear(&depthwise->dy);
}

/* ---- forward ---- */

/* Where the taps of output row r look. Taps above and below the image are left out; returns the first that is not, and
 * their number. */
static int look_forward(const struct depthwise *depthwise, int r, int *count) {
    const struct geometry *g = &depthwise->geometry;
    const ptrdiff_t pixel = (ptrdiff_t)depthwise->x.channels * depthwise->x.times;
    int first = 0;
    *count = 0;
    for (int i = 0; i < g->kernel[0]; i++) {
        const int above = r * g->stride[0] - g->before[0] + i * g->dilation[0];
        if (above < 0) first += g->kernel[1];
        if (above < 0 || above >= g->input[0]) continue;
        const float *row = row_at(&depthwise->x, above) - g->before[1] * pixel;
        for (int j = 0; j < g->kernel[1]; j++) depthwise->from[(*count)++] = row + j * g->dilation[1] * pixel;
    }
    return first;
}

/* y[r][p] = bias + sum over i, j of x[r*stride + i*dilation - before][p*stride + j*dilation - before] * kernel[i][j] */
void depthwise_forward(struct depthwise *depthwise, const struct kernels *kernels, const float *x, int first, int end,
                       float *y) {
    if (depthwise->banded) {
        depthwise_bands_forward(&depthwise->bands, kernels, x, y);
        return;
    }
    const struct geometry *g = &depthwise->geometry;
    const int count = g->output[1] * depthwise->channels;
    if (first == 0) rows_start(&depthwise->x, x);
    for (int r = first; r < end; r++, y += count) {
        const int last = r * g->stride[0] - g->before[0] + (g->kernel[0] - 1) * g->dilation[0];
        rows_fill(&depthwise->x, kernels, last + 1);
        struct depthwise_row row = {
            .count = count,
            .period = depthwise->together_forward * depthwise->channels,
            .repeat = depthwise->repeat,
            .step = (ptrdiff_t)depthwise->together_forward * g->stride[1] * depthwise->x.channels * depthwise->x.times,
            .from = depthwise->from,
            .tap = depthwise->tap,
        };
        const float *kernel = depthwise->kernel + look_forward(depthwise, r, &row.taps) * depthwise->tap;
        kernels->depthwise_row(&row, kernel, depthwise->has_bias ? depthwise->bias : NULL, y);
    }
}

/* ---- backward ---- */

/* Whether `stride` divides `cell`, and how often. Divisions take their time, and most strides are 1. */
static bool divide(int cell, int stride, int *quotient) {
    *quotient = stride == 1 ? cell : cell / stride;
    return stride == 1 || cell % stride == 0;
}

/* Where dy stands that pixels `first`, first + stride, ... of row `y` of x took part in, tap by tap. Where the forward
 * pass has x at r*stride + i*dilation - before, dy stands at r = (y + before - i*dilation) / stride, if that is a whole
 * number. Returns the place of the first tap; the others follow it. */
static int look_backward(const struct depthwise *depthwise, int y, int first, int *count) {
    const struct geometry *g = &depthwise->geometry;
    int place = 0;
    *count = 0;
    for (int i = 0; i < g->kernel[0]; i++) {
        int r, p;
        if (!divide(y + g->before[0] - i * g->dilation[0], g->stride[0], &r) || r < 0 || r >= g->output[0]) continue;
        const float *row = row_at(&depthwise->dy, r);
        for (int j = 0; j < g->kernel[1]; j++) {
            if (!divide(first + g->before[1] - j * g->dilation[1], g->stride[1], &p)) continue;
            if (*count == 0) place = depthwise->place[i * g->kernel[1] + j];
            depthwise->from[(*count)++] = row + (ptrdiff_t)p * depthwise->channels;
        }
    }
    return place;
}

/* Pixels of dx `stride` apart from the sums of their channels. */
static void write_dx(const struct depthwise *depthwise, const struct kernels *kernels, int pixels, float *dx) {
    const int c = depthwise->geometry.channels, stride = depthwise->geometry.stride[1];
    float *sums = depthwise->line, *dense = stride == 1 ? dx : depthwise->dense;
    if (depthwise->multiplier > 1)
        kernels->sum_neighbours(pixels * c, depthwise->multiplier, sums, dense);
    else
        dense = sums;
    if (stride == 1) return;
    for (int p = 0; p < pixels; p++, dense += c, dx += (ptrdiff_t)stride * c) {
        if (c >= CALL_LEAST) memcpy(dx, dense, (size_t)c * sizeof *dx);
        for (int k = 0; k < c && c < CALL_LEAST; k++) dx[k] = dense[k];
    }
}

/* dx[y][p] = sum over the taps, then over a channel's `multiplier` kernels, of dy * kernel */
static void data_gradient(const struct depthwise *depthwise, const struct kernels *kernels, struct depthwise_row row,
                          int place, int pixels, float *dx) {
    const bool straight = depthwise->multiplier == 1 && depthwise->geometry.stride[1] == 1;
    row.period = depthwise->together_backward * depthwise->channels;
    row.step = row.period;
    row.repeat = 1;
    kernels->depthwise_row(&row, depthwise->kernel + place * depthwise->tap, NULL, straight ? dx : depthwise->line);
    if (!straight) write_dx(depthwise, kernels, pixels, dx);
}

/* kernel[i][j] += sum over p of x[y][p] * the dy that tap (i,j) led to */
static void weight_gradient(const struct depthwise *depthwise, const struct kernels *kernels, struct depthwise_row row,
                            int place, const float *x) {
    const struct geometry *g = &depthwise->geometry;
    const ptrdiff_t pixel = depthwise->channels / depthwise->repeat;
    row.period = depthwise->sums_together * depthwise->channels;
    row.repeat = depthwise->repeat;
    row.step = depthwise->sums_together * g->stride[1] * pixel;
    row.from_step = row.period;
    kernels->depthwise_gradient_row(&row, x, depthwise->sums + place * depthwise->tap);
}

/* Row y of x: its part in the weight gradient, and its dx. With a stride, pixels that meet the same taps stand `stride`
 * apart. */
static void backward_row(const struct depthwise *depthwise, const struct kernels *kernels, const float *x, int y,
                         bool gradients, float *dx) {
    const struct geometry *g = &depthwise->geometry;
    const int stride = g->stride[1], pixel = depthwise->channels / depthwise->repeat;
    for (int first = 0; first < stride && first < g->input[1]; first++) {
        const int pixels = (g->input[1] - first + stride - 1) / stride;
        struct depthwise_row row = {
            .count = pixels * depthwise->channels,
            .from = depthwise->from,
            .tap = depthwise->tap,
        };
        const int place = look_backward(depthwise, y, first, &row.taps);
        if (gradients) weight_gradient(depthwise, kernels, row, place, x + (ptrdiff_t)first * pixel);
        if (dx) data_gradient(depthwise, kernels, row, place, pixels, dx + (ptrdiff_t)first * g->channels);
    }
}

/* The bias' sums of dy over all rows. */
static void bias_gradient(const struct depthwise *depthwise, const struct kernels *kernels, const float *dy) {
    const struct geometry *g = &depthwise->geometry;
    const int period = depthwise->sums_together * depthwise->channels, count = g->output[1] * depthwise->channels;
    float *sums = depthwise->sums + g->kernel[0] * g->kernel[1] * depthwise->tap;
    for (int r = 0; r < g->output[0]; r++, dy += count) {
        kernels->column_sums(count / period, period, dy, sums);
        kernels->column_sums(1, count % period, dy + count / period * period, sums);
    }
}

/* gradient += the sums, those of a period's pixels from first to last */
static void add_sums(const struct depthwise *depthwise, const struct kernels *kernels, const float *sums,
                     float *gradient) {
    const int channels = depthwise->channels, together = depthwise->sums_together;
    if (together == 1) {
        kernels->add((size_t)channels, sums, gradient);
        return;
    }
    for (int v = 0; v < channels; v++) {
        float sum = sums[v];
        for (int p = 1; p < together; p++) sum += sums[p * channels + v];
        gradient[v] += sum;
    }
}

static void add_gradients(const struct depthwise *depthwise, const struct kernels *kernels,
                          const struct depthwise_wanted *wanted) {
    const int taps = depthwise->geometry.kernel[0] * depthwise->geometry.kernel[1];
    for (int t = 0; t < taps && wanted->kernel; t++)
        add_sums(depthwise, kernels, depthwise->sums + depthwise->place[t] * depthwise->tap,
                 wanted->kernel + (ptrdiff_t)t * depthwise->channels);
    if (wanted->bias) add_sums(depthwise, kernels, depthwise->sums + taps * depthwise->tap, wanted->bias);
}

void depthwise_backward(struct depthwise *depthwise, const struct kernels *kernels, const float *x, const float *dy,
                        const struct depthwise_wanted *wanted) {
    if (depthwise->banded) {
        if (wanted->kernel) depthwise_bands_kernel_gradient(&depthwise->bands, kernels, x, dy, wanted->kernel);
        if (wanted->bias) depthwise_bands_bias_gradient(&depthwise->bands, kernels, dy, wanted->bias);
        if (wanted->dx) depthwise_bands_data_gradient(&depthwise->bands, kernels, dy, wanted->dx);
        return;
    }
    const struct geometry *g = &depthwise->geometry;
    const size_t sums = (size_t)(g->kernel[0] * g->kernel[1] + 1) * (size_t)depthwise->tap;
    const ptrdiff_t width = (ptrdiff_t)g->input[1] * g->channels;
    float *dx = wanted->dx;
    rows_start(&depthwise->dy, dy);
    memset(depthwise->sums, 0, sums * sizeof *depthwise->sums);
    for (int y = 0; y < g->input[0] && (wanted->kernel || dx); y++, x += width) {
        const float *row = x;
        rows_fill(&depthwise->dy, kernels, (y + g->before[0]) / g->stride[0] + 1);
        if (wanted->kernel && depthwise->x.times > 1) {
            kernels->repeat_neighbours((int)width, depthwise->multiplier, x, depthwise->spread);
            row = depthwise->spread;
        }
        backward_row(depthwise, kernels, row, y, wanted->kernel != NULL, dx ? dx + y * width : NULL);
    }
    if (wanted->bias) bias_gradient(depthwise, kernels, dy);
    add_gradients(depthwise, kernels, wanted);
}
