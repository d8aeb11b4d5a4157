/* The kernels as their comments in kernels.h read, one element at a time: what every other table is checked against. */
#include "core/kernels/kernels.h"

#include <math.h>

static float product_element(const struct product *p, int i, int j) {
    float sum = p->bias != NULL ? p->bias[j] : 0.0f;
    if (p->accumulate) sum = p->c[i * p->c_row + j];
    for (int t = 0; t < p->taps; t++) {
        const float *a = p->a + (p->offsets != NULL ? p->offsets[t] : 0) + i * p->row;
        const float *b = p->b + t * p->b_tap + j;
        for (int k = 0; k < p->depth; k++) sum += a[k * p->column] * b[k * p->b_row];
    }
    return sum;
}

static void product(const struct product *p) {
    for (int i = 0; i < p->m; i++) {
        for (int j = 0; j < p->n; j++) p->c[i * p->c_row + j] = product_element(p, i, j);
    }
}

/* Where the window of position (r,p) begins in large. */
static ptrdiff_t window_start(const struct window *window, int r, int p) {
    return r * window->row_step + p * window->pixel_step;
}

/* Where position (r,p) begins in small. */
static ptrdiff_t position_start(const struct window *window, int r, int p) {
    return ((ptrdiff_t)r * window->pixels + p) * window->channels;
}

static void depthwise_row(const struct depthwise_row *row, const float *kernel, const float *bias, float *y) {
    for (int e = 0; e < row->count; e++) {
        const int f = e % row->period;
        const ptrdiff_t x = e / row->period * row->step + f / row->repeat;
        float sum = bias != NULL ? bias[f] : 0.0f;
        for (int t = 0; t < row->taps; t++) sum += row->terms[t].from[x] * kernel[row->terms[t].kernel + f];
        y[e] = sum;
    }
}

static void depthwise_gradient_row(const struct depthwise_row *row, const float *x, float *gradient) {
    for (int e = 0; e < row->count; e++) {
        const int f = e % row->period;
        const float cell = x[e / row->period * row->step + f / row->repeat];
        for (int t = 0; t < row->taps; t++) gradient[row->terms[t].kernel + f] += cell * row->terms[t].from[e];
    }
}

static float sum_of(const float *from, int count) {
    if (count == 2 || count == 4 || count == 8) {
        const int half = count / 2;
        return half == 1 ? from[0] + from[1] : sum_of(from, half) + sum_of(from + half, half);
    }
    float sum = from[0];
    for (int i = 1; i < count; i++) sum += from[i];
    return sum;
}

static void sum_neighbours(int count, int together, const float *from, float *to) {
    for (int i = 0; i < count; i++) to[i] = sum_of(from + (ptrdiff_t)i * together, together);
}

static void repeat_neighbours(int count, int times, const float *from, float *to) {
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < times; j++) to[(ptrdiff_t)i * times + j] = from[i];
    }
}

/* The tap of the first largest cell, or of the first NaN. */
static int largest_cell(const struct window *window, const float *x) {
    int best = 0;
    for (int t = 1; t < window->taps; t++) {
        const float value = x[window->offsets[t]];
        const float largest = x[window->offsets[best]];
        if (!isnan(largest) && (value > largest || isnan(value))) best = t;
    }
    return best;
}

static void max_forward(const struct window *window, const float *large, float *small, uint16_t *cell) {
    for (int r = 0; r < window->rows; r++) {
        for (int p = 0; p < window->pixels; p++) {
            const float *x = large + window_start(window, r, p);
            const ptrdiff_t y = position_start(window, r, p);
            for (int v = 0; v < window->channels; v++) {
                const int t = largest_cell(window, x + v);
                cell[y + v] = (uint16_t)t;
                small[y + v] = x[window->offsets[t] + v];
            }
        }
    }
}

static void max_backward(const struct window *window, const float *small, const uint16_t *cell, float *large) {
    for (int r = 0; r < window->rows; r++) {
        for (int p = 0; p < window->pixels; p++) {
            float *dx = large + window_start(window, r, p);
            const ptrdiff_t y = position_start(window, r, p);
            for (int v = 0; v < window->channels; v++) dx[window->offsets[cell[y + v]] + v] += small[y + v];
        }
    }
}

static void sum_forward(const struct window *window, const float *large, float scale, float *small) {
    for (int r = 0; r < window->rows; r++) {
        for (int p = 0; p < window->pixels; p++) {
            const float *x = large + window_start(window, r, p);
            float *y = small + position_start(window, r, p);
            for (int v = 0; v < window->channels; v++) {
                float sum = 0.0f;
                for (int t = 0; t < window->taps; t++) sum += x[window->offsets[t] + v];
                y[v] = scale * sum;
            }
        }
    }
}

static void sum_backward(const struct window *window, const float *small, float scale, float *large) {
    for (int r = 0; r < window->rows; r++) {
        for (int p = 0; p < window->pixels; p++) {
            const float *dy = small + position_start(window, r, p);
            float *dx = large + window_start(window, r, p);
            for (int v = 0; v < window->channels; v++) {
                const float share = scale * dy[v];
                for (int t = 0; t < window->taps; t++) dx[window->offsets[t] + v] += share;
            }
        }
    }
}

static void column_sums(int rows, int columns, const float *x, float *sums) {
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < columns; v++) sums[v] += x[(ptrdiff_t)r * columns + v];
    }
}

static void add(size_t count, const float *x, float *y) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

static void relu_forward(size_t count, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = y[i] <= 0.0f ? 0.0f : y[i];
}

static void relu_backward(size_t count, const float *y, float *dy) {
    for (size_t i = 0; i < count; i++) dy[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

const struct kernels *kernels_reference(void) {
    static const struct kernels table = {
        .name = "reference",
        .vector = 1,
        .tile_m = 1,
        .tile_n = 1,
        .product = product,
        .depthwise_row = depthwise_row,
        .depthwise_gradient_row = depthwise_gradient_row,
        .sum_neighbours = sum_neighbours,
        .repeat_neighbours = repeat_neighbours,
        .max_forward = max_forward,
        .max_backward = max_backward,
        .sum_forward = sum_forward,
        .sum_backward = sum_backward,
        .column_sums = column_sums,
        .add = add,
        .relu_forward = relu_forward,
        .relu_backward = relu_backward,
    };
    return &table;
}
