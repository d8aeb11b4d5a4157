#include "layers/depthwise_rows.h"

#include <string.h>

/* ---- rows between zeros ---- */

static struct rows rows_take(const struct rows *shape, bool copy, struct pieces *pieces) {
    struct rows rows = *shape;
    if (!copy) return rows;
    const int needed = smaller(shape->slots, shape->height);
    for (rows.slots = 1; rows.slots < needed && rows.slots <= INT_MAX / 2;) rows.slots *= 2;
    const size_t pixels = (size_t)rows.left + (size_t)rows.pixels + (size_t)rows.right;
    const size_t floats = pixels * (size_t)rows.channels * (size_t)rows.times + DEPTHWISE_SLACK;
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

static struct rows input_rows(const struct depthwise_rows *depthwise) {
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
static struct rows output_rows(const struct depthwise_rows *depthwise) {
    const struct geometry *g = &depthwise->geometry;
    const int before = g->before[1];
    return (struct rows){
        .slots = (g->kernel[0] - 1) * g->dilation[0] + 1,
        .height = g->output[0],
        .pixels = g->output[1],
        .channels = depthwise->channels,
        .left = (g->kernel[1] - 1) * g->dilation[1] - before,
        .right = g->input[1] - 1 + before - (g->output[1] - 1),
        .times = 1,
    };
}

struct depthwise_rows depthwise_rows_take(const struct geometry *geometry, int multiplier,
                                          const struct kernels *kernels, struct pieces *pieces) {
    struct depthwise_rows depthwise = {.geometry = *geometry, .multiplier = multiplier};
    const struct geometry *g = geometry;
    const int channels = depthwise.channels = g->channels * multiplier;
    const size_t taps = (size_t)g->kernel[0] * (size_t)g->kernel[1];
    depthwise.repeat = (multiplier & (multiplier - 1)) == 0 ? multiplier : 1;
    const int vector = kernels ? kernels->vector : 1;
    depthwise.together_forward = depthwise.repeat > 1 ? depthwise_pixels_filling(g->output[1], channels, vector)
                                                      : depthwise_pixels_nearly_filling(g->output[1], channels, vector);
    depthwise.together_backward = depthwise_pixels_nearly_filling(g->input[1], channels, vector);
    depthwise.sums_together = depthwise_pixels_of_sums(g->input[1], channels, (int)taps);

    const struct rows x = input_rows(&depthwise), dy = output_rows(&depthwise);
    depthwise.x = rows_take(&x, x.left + x.right > 0 || x.times > 1, pieces);
    depthwise.dy = rows_take(&dy, dy.left + dy.right > 0, pieces);

    const size_t period = (size_t)larger(DEPTHWISE_PERIOD_MOST, channels);
    depthwise.tap = (ptrdiff_t)(size_align(period * sizeof(float)) / sizeof(float));
    depthwise.kernel = pieces_take(pieces, taps * (size_t)depthwise.tap, sizeof(float));
    depthwise.bias = pieces_take(pieces, (size_t)depthwise.tap, sizeof(float));
    depthwise.sums = pieces_take(pieces, (taps + 1) * (size_t)depthwise.tap, sizeof(float));
    const size_t line = (size_t)g->input[1] * (size_t)channels + DEPTHWISE_SLACK;
    depthwise.line = pieces_take(pieces, line, sizeof(float));
    depthwise.spread = pieces_take(pieces, line, sizeof(float));
    depthwise.from = pieces_take(pieces, taps, sizeof *depthwise.from);
    return depthwise;
}

/* The kernel with its pixels side by side. */
static void take_kernel(struct depthwise_rows *depthwise, const float *kernel, int together) {
    const int taps = depthwise->geometry.kernel[0] * depthwise->geometry.kernel[1], channels = depthwise->channels;
    for (int t = 0; t < taps; t++)
        depthwise_repeat_pixel(kernel + (ptrdiff_t)t * channels, channels, together * channels,
                               depthwise->kernel + t * depthwise->tap);
}

void depthwise_rows_begin_forward(struct depthwise_rows *depthwise, const float *kernel, const float *bias) {
    take_kernel(depthwise, kernel, depthwise->together_forward);
    depthwise->has_bias = bias != NULL;
    if (bias)
        depthwise_repeat_pixel(bias, depthwise->channels, depthwise->together_forward * depthwise->channels,
                               depthwise->bias);
    rows_clear(&depthwise->x);
}

void depthwise_rows_begin_backward(struct depthwise_rows *depthwise, const float *kernel) {
    take_kernel(depthwise, kernel, depthwise->together_backward);
    rows_clear(&depthwise->dy);
}

/* ---- forward ---- */

/* Where the taps of output row r look. Taps above and below the image are left out; returns the first that is not, and
 * their number. */
static int look_forward(const struct depthwise_rows *depthwise, int r, int *count) {
    const struct geometry *g = &depthwise->geometry;
    const ptrdiff_t pixel = (ptrdiff_t)depthwise->x.channels * depthwise->x.times;
    int first = 0;
    *count = 0;
    for (int i = 0; i < g->kernel[0]; i++) {
        const int above = r - g->before[0] + i * g->dilation[0];
        if (above < 0) first += g->kernel[1];
        if (above < 0 || above >= g->input[0]) continue;
        const float *row = row_at(&depthwise->x, above) - g->before[1] * pixel;
        for (int j = 0; j < g->kernel[1]; j++) depthwise->from[(*count)++] = row + j * g->dilation[1] * pixel;
    }
    return first;
}

/* y[r][p] = bias + sum over i, j of x[r + i*dilation - before][p + j*dilation - before] * kernel[i][j] */
void depthwise_rows_forward(struct depthwise_rows *depthwise, const struct kernels *kernels, const float *x, float *y) {
    const struct geometry *g = &depthwise->geometry;
    const int count = g->output[1] * depthwise->channels;
    rows_start(&depthwise->x, x);
    for (int r = 0; r < g->output[0]; r++, y += count) {
        const int last = r - g->before[0] + (g->kernel[0] - 1) * g->dilation[0];
        rows_fill(&depthwise->x, kernels, last + 1);
        struct depthwise_row row = {
            .count = count,
            .period = depthwise->together_forward * depthwise->channels,
            .y_step = (ptrdiff_t)depthwise->together_forward * depthwise->channels,
            .repeat = depthwise->repeat,
            .step = (ptrdiff_t)depthwise->together_forward * depthwise->x.channels * depthwise->x.times,
            .from = depthwise->from,
            .tap = depthwise->tap,
        };
        const float *kernel = depthwise->kernel + look_forward(depthwise, r, &row.taps) * depthwise->tap;
        kernels->depthwise_row(&row, kernel, depthwise->has_bias ? depthwise->bias : NULL, y);
    }
}

/* ---- backward ---- */

/* Where dy stands that pixel 0 of row `y` of x took part in, tap by tap. Where the forward pass has x at
 * r + i*dilation - before, dy stands at r = y + before - i*dilation. Taps that lead above or below dy are left out;
 * returns the first that is not, and their number. */
static int look_backward(const struct depthwise_rows *depthwise, int y, int *count) {
    const struct geometry *g = &depthwise->geometry;
    int first = 0;
    *count = 0;
    for (int i = 0; i < g->kernel[0]; i++) {
        const int r = y + g->before[0] - i * g->dilation[0];
        if (r < 0 || r >= g->output[0]) continue;
        if (*count == 0) first = i * g->kernel[1];
        const float *row = row_at(&depthwise->dy, r) + (ptrdiff_t)g->before[1] * depthwise->channels;
        for (int j = 0; j < g->kernel[1]; j++)
            depthwise->from[(*count)++] = row - (ptrdiff_t)j * g->dilation[1] * depthwise->channels;
    }
    return first;
}

/* dx[y][p] = sum over the taps, then over a channel's `multiplier` kernels, of dy * kernel */
static void data_gradient(const struct depthwise_rows *depthwise, const struct kernels *kernels,
                          struct depthwise_row row, int tap, float *dx) {
    float *sums = depthwise->multiplier > 1 ? depthwise->line : dx;
    row.period = depthwise->together_backward * depthwise->channels;
    row.step = row.y_step = row.period;
    row.repeat = 1;
    kernels->depthwise_row(&row, depthwise->kernel + tap * depthwise->tap, NULL, sums);
    if (depthwise->multiplier > 1)
        kernels->sum_neighbours(row.count / depthwise->multiplier, depthwise->multiplier, sums, dx);
}

/* kernel[i][j] += sum over p of x[y][p] * the dy that tap (i,j) led to */
static void weight_gradient(const struct depthwise_rows *depthwise, const struct kernels *kernels,
                            struct depthwise_row row, int tap, const float *x) {
    row.period = depthwise->sums_together * depthwise->channels;
    row.repeat = depthwise->repeat;
    row.step = row.period / row.repeat;
    row.from_step = row.period;
    kernels->depthwise_gradient_row(&row, x, depthwise->sums + tap * depthwise->tap);
}

/* The bias' sums of dy over all rows. */
static void bias_gradient(const struct depthwise_rows *depthwise, const struct kernels *kernels, const float *dy) {
    const struct geometry *g = &depthwise->geometry;
    const int period = depthwise->sums_together * depthwise->channels, count = g->output[1] * depthwise->channels;
    float *sums = depthwise->sums + g->kernel[0] * g->kernel[1] * depthwise->tap;
    for (int r = 0; r < g->output[0]; r++, dy += count) {
        kernels->column_sums(count / period, period, dy, sums);
        kernels->column_sums(1, count % period, dy + count / period * period, sums);
    }
}

/* gradient += the sums, those of a period's pixels from first to last. How many those are follows from the shape alone,
 * not from the table's vectors, so that every table adds in the same order: with t pixels a period, sum s is over rows
 * from top to bottom and in each over the pixels s, s + t, s + 2t, ... */
static void add_sums(const struct depthwise_rows *depthwise, const struct kernels *kernels, const float *sums,
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

static void add_gradients(const struct depthwise_rows *depthwise, const struct kernels *kernels,
                          const struct depthwise_wanted *wanted) {
    const int taps = depthwise->geometry.kernel[0] * depthwise->geometry.kernel[1];
    for (int t = 0; t < taps && wanted->kernel; t++)
        add_sums(depthwise, kernels, depthwise->sums + t * depthwise->tap,
                 wanted->kernel + (ptrdiff_t)t * depthwise->channels);
    if (wanted->bias) add_sums(depthwise, kernels, depthwise->sums + taps * depthwise->tap, wanted->bias);
}

void depthwise_rows_backward(struct depthwise_rows *depthwise, const struct kernels *kernels, const float *x,
                             const float *dy, const struct depthwise_wanted *wanted) {
    const struct geometry *g = &depthwise->geometry;
    const size_t sums = (size_t)(g->kernel[0] * g->kernel[1] + 1) * (size_t)depthwise->tap;
    const ptrdiff_t width = (ptrdiff_t)g->input[1] * g->channels;
    struct depthwise_row row = {
        .count = g->input[1] * depthwise->channels, .from = depthwise->from, .tap = depthwise->tap};
    rows_start(&depthwise->dy, dy);
    memset(depthwise->sums, 0, sums * sizeof *depthwise->sums);
    for (int y = 0; y < g->input[0] && (wanted->kernel || wanted->dx); y++, x += width) {
        const float *spread = x;
        rows_fill(&depthwise->dy, kernels, y + g->before[0] + 1);
        if (wanted->kernel && depthwise->x.times > 1) {
            kernels->repeat_neighbours((int)width, depthwise->multiplier, x, depthwise->spread);
            spread = depthwise->spread;
        }
        const int tap = look_backward(depthwise, y, &row.taps);
        if (wanted->kernel) weight_gradient(depthwise, kernels, row, tap, spread);
        if (wanted->dx) data_gradient(depthwise, kernels, row, tap, wanted->dx + y * width);
    }
    if (wanted->bias) bias_gradient(depthwise, kernels, dy);
    add_gradients(depthwise, kernels, wanted);
}
