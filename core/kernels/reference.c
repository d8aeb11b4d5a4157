/* The kernels as their comments in kernels.h read, one element at a time: what every other table is checked against. */
#include "core/kernels/kernels.h"

#include <math.h>

static float product_element(const struct product *p, int i, int j) {
    float sum = p->bias != NULL ? p->bias[j] : 0.0f;
    if (p->row_bias != NULL) sum = p->row_bias[i];
    if (p->accumulate) sum = p->c[i * p->c_row + j];
    for (int t = 0; t < p->taps; t++) {
        const float *a = p->a + (p->offsets != NULL ? p->offsets[t] : 0) + i * p->row;
        const float *b =
            p->b + (p->b_offsets != NULL ? p->b_offsets[t] : t * p->b_tap) + j * (p->b_panel != 0 ? p->b_panel : 1);
        for (int k = 0; k < p->depth; k++) sum += a[k * p->column] * b[k * p->b_row];
    }
    return sum;
}

static void product(const struct product *p) {
    for (int i = 0; i < p->m; i++) {
        for (int j = 0; j < p->n; j++) p->c[i * p->c_row + j] = product_element(p, i, j);
    }
}

static float dot(const float *a, const float *b, int depth) {
    float sums[KERNELS_LANES] = {0};
    for (int k = 0; k < depth; k++) sums[k % KERNELS_LANES] += a[k] * b[k];
    for (int lane = depth % KERNELS_LANES; lane > 0 && lane < KERNELS_LANES; lane++) sums[lane] += 0.0f;
    for (int half = KERNELS_LANES / 2; half > 0; half /= 2) {
        for (int lane = 0; lane < half; lane++) sums[lane] += sums[lane + half];
    }
    return sums[0];
}

static void dots(const struct dots *p) {
    for (int i = 0; i < p->m; i++) {
        for (int j = 0; j < p->n; j++) {
            float *c = p->c + i * p->c_row + j;
            const float start = p->accumulate ? *c : p->bias != NULL ? p->bias[j] : 0.0f;
            const float *a = p->a + (p->offsets != NULL ? p->offsets[i] : i * p->row);
            *c = start + dot(a, p->b + j * p->b_row, p->depth);
        }
    }
}

static void transpose(int rows, int columns, const float *from, ptrdiff_t from_row, float *to, ptrdiff_t to_row) {
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) to[x * to_row + y] = from[y * from_row + x];
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
        for (int t = 0; t < row->taps; t++) sum += row->from[t][x] * kernel[t * row->tap + f];
        y[e / row->period * row->y_step + f] = sum;
    }
}

static void depthwise_gradient_row(const struct depthwise_row *row, const float *x, float *gradient) {
    for (int e = 0; e < row->count; e++) {
        const int f = e % row->period;
        const float cell = x[e / row->period * row->step + f / row->repeat];
        const ptrdiff_t from = e / row->period * row->from_step + f;
        for (int t = 0; t < row->taps; t++) gradient[t * row->tap + f] += cell * row->from[t][from];
    }
}

static void fold_sums(const struct folding *folding, const float *sums, float *gradient) {
    const int channels = folding->channels;
    for (int t = 0; t < folding->taps; t++, sums += folding->tap) {
        for (int v = 0; v < channels; v++) {
            float sum[4] = {0};
            for (int p = 0; p < folding->pixels; p++) sum[p % 4] += sums[p * channels + v];
            gradient[t * channels + v] += (sum[0] + sum[1]) + (sum[2] + sum[3]);
        }
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

static void copy_pixels(const struct pixels *p, const float *from, float *to) {
    for (int r = 0; r < p->rows; r++) {
        for (int i = 0; i < p->pixels; i++) {
            for (int c = 0; c < p->channels; c++)
                to[r * p->to_row + i * p->to_pixel + c] = from[r * p->from_row + i * p->from_pixel + c];
        }
    }
}

/* ---- Winograd: the matrices of the points 0, 1, -1, 2, -2 (not of two taps) and infinity ---- */

/* B (count,count), K (count,taps), A (count,4) and the diagonal of S, count points. */
typedef float matrix[WINOGRAD_POINTS_MOST][WINOGRAD_POINTS_MOST];
struct transforms {
    int count;
    matrix B, K, A;
    float S[WINOGRAD_POINTS_MOST];
};

static const struct transforms of_three_taps = {
    .count = 6,
    .B = {{4, 0, -5, 0, 1, 0},
          {0, -4, -4, 1, 1, 0},
          {0, 4, -4, -1, 1, 0},
          {0, -2, -1, 2, 1, 0},
          {0, 2, -1, -2, 1, 0},
          {0, 4, 0, -5, 0, 1}},
    .K = {{1, 0, 0}, {1, 1, 1}, {1, -1, 1}, {1, 2, 4}, {1, -2, 4}, {0, 0, 1}},
    .A = {{1, 0, 0, 0}, {1, 1, 1, 1}, {1, -1, 1, -1}, {1, 2, 4, 8}, {1, -2, 4, -8}, {0, 0, 0, 1}},
    .S = {1.0f / 4, -1.0f / 6, -1.0f / 6, 1.0f / 24, 1.0f / 24, 1},
};

static const struct transforms of_two_taps = {
    .count = 5,
    .B = {{2, -1, -2, 1, 0}, {0, -2, -1, 1, 0}, {0, 2, -3, 1, 0}, {0, -1, 0, 1, 0}, {0, 2, -1, -2, 1}},
    .K = {{1, 0}, {1, 1}, {1, -1}, {1, 2}, {0, 1}},
    .A = {{1, 0, 0, 0}, {1, 1, 1, 1}, {1, -1, 1, -1}, {1, 2, 4, 8}, {0, 0, 0, 1}},
    .S = {1.0f / 2, -1.0f / 2, -1.0f / 6, 1.0f / 6, 1},
};

/* Of three taps and three outputs: the points are those above. */
static const struct transforms of_three_outputs = {
    .count = 5,
    .B = {{2, -1, -2, 1, 0}, {0, -2, -1, 1, 0}, {0, 2, -3, 1, 0}, {0, -1, 0, 1, 0}, {0, 2, -1, -2, 1}},
    .K = {{1, 0, 0}, {1, 1, 1}, {1, -1, 1}, {1, 2, 4}, {0, 0, 1}},
    .A = {{1, 0, 0}, {1, 1, 1}, {1, -1, 1}, {1, 2, 4}, {0, 0, 1}},
    .S = {1.0f / 2, -1.0f / 2, -1.0f / 6, 1.0f / 6, 1},
};

/* Of whole images: two pixels an axis, or one. */
static const struct transforms of_pair = {
    .count = 3,
    .B = {{1, 1}, {0, 1}, {1, 0}},
    .K = {{0, 1, 0}, {0, -1, 1}, {1, -1, 0}},
    .A = {{1, 1}, {1, 0}, {0, 1}},
    .S = {1, 1, 1},
};

static const struct transforms of_one = {.count = 1, .B = {{1}}, .K = {{1}}, .A = {{1}}, .S = {1}};

static const struct transforms *transforms_of(const struct winograd_tile *tile) {
    if (tile->outputs == 1) return &of_one;
    if (tile->outputs == 2) return &of_pair;
    if (tile->outputs == 3) return &of_three_outputs;
    return tile->taps == 2 ? &of_two_taps : &of_three_taps;
}

/* spectrum = P image P', or S P image P' S where S is given */
static void to_spectrum(const struct winograd_tile *tile, const matrix P, const float *S, const float *image,
                        float *spectrum) {
    const int count = transforms_of(tile)->count;
    for (int v = 0; v < tile->channels; v++) {
        for (int m = 0; m < count * count; m++) {
            float sum = 0.0f;
            for (int r = tile->top; r < tile->bottom; r++) {
                for (int c = tile->left; c < tile->right; c++) {
                    sum += P[m / count][r] * P[m % count][c] * image[r * tile->row + c * tile->pixel + v];
                }
            }
            spectrum[m * tile->matrix + v] = S != NULL ? S[m / count] * S[m % count] * sum : sum;
        }
    }
}

/* Element (r,c) of P' spectrum P, of channel v */
static float from_spectrum(const struct winograd_tile *tile, const matrix P, const float *spectrum, int r, int c,
                           int v) {
    const int count = transforms_of(tile)->count;
    float sum = 0.0f;
    for (int m = 0; m < count * count; m++) sum += P[m / count][r] * P[m % count][c] * spectrum[m * tile->matrix + v];
    return sum;
}

static void winograd_input(const struct winograd_tile *tile, const float *image, float *spectrum) {
    to_spectrum(tile, transforms_of(tile)->B, NULL, image, spectrum);
}

static void winograd_kernel(const struct winograd_tile *tile, const float *image, float *spectrum) {
    to_spectrum(tile, transforms_of(tile)->K, transforms_of(tile)->S, image, spectrum);
}

static void winograd_output_gradient(const struct winograd_tile *tile, const float *image, float *spectrum) {
    to_spectrum(tile, transforms_of(tile)->A, transforms_of(tile)->S, image, spectrum);
}

static void winograd_output(const struct winograd_tile *tile, const float *spectrum, const float *bias, float *image) {
    const struct transforms *transforms = transforms_of(tile);
    for (int r = 0; r < tile->bottom; r++) {
        for (int c = 0; c < tile->right; c++) {
            float *y = image + r * tile->row + c * tile->pixel;
            for (int v = 0; v < tile->channels; v++) {
                y[v] = from_spectrum(tile, transforms->A, spectrum, r, c, v) + (bias != NULL ? bias[v] : 0.0f);
            }
        }
    }
}

static void winograd_kernel_gradient(const struct winograd_tile *tile, const float *spectrum, float *image) {
    const struct transforms *transforms = transforms_of(tile);
    for (int r = 0; r < tile->bottom; r++) {
        for (int c = 0; c < tile->right; c++) {
            float *gradient = image + r * tile->row + c * tile->pixel;
            for (int v = 0; v < tile->channels; v++)
                gradient[v] += from_spectrum(tile, transforms->K, spectrum, r, c, v);
        }
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

static void max_forward(const struct window *window, const float *large, bool relu, float *small, uint16_t *cell) {
    for (int r = 0; r < window->rows; r++) {
        for (int p = 0; p < window->pixels; p++) {
            const float *x = large + window_start(window, r, p);
            const ptrdiff_t y = position_start(window, r, p);
            for (int v = 0; v < window->channels; v++) {
                const int t = largest_cell(window, x + v);
                const float largest = x[window->offsets[t] + v];
                small[y + v] = relu && largest <= 0.0f ? 0.0f : largest;
                if (cell != NULL) cell[y + v] = relu && !(largest > 0.0f) ? KERNELS_NO_CELL : (uint16_t)t;
            }
        }
    }
}

/* The gradient of one cell: written where windows are apart, else added. */
static void give(const struct window *window, float *cell, bool chosen, float share) {
    if (window->apart)
        *cell = chosen ? share : 0.0f;
    else if (chosen)
        *cell += share;
}

static void max_backward(const struct window *window, const float *small, const uint16_t *cell, float *large) {
    for (int r = 0; r < window->rows; r++) {
        for (int p = 0; p < window->pixels; p++) {
            float *dx = large + window_start(window, r, p);
            const ptrdiff_t y = position_start(window, r, p);
            for (int v = 0; v < window->channels; v++)
                for (int t = 0; t < window->taps; t++)
                    give(window, dx + window->offsets[t] + v, cell[y + v] == t, small[y + v]);
        }
    }
}

static float sum_cells(const struct window *window, const float *x, bool relu, uint16_t *positive) {
    float sum = 0.0f;
    unsigned bits = 0;
    for (int t = 0; t < window->taps; t++) {
        const float value = x[window->offsets[t]];
        sum += relu && value <= 0.0f ? 0.0f : value;
        if (positive != NULL && value > 0.0f) bits |= 1U << t;
    }
    if (positive != NULL) *positive = (uint16_t)bits;
    return sum;
}

static void sum_forward(const struct window *window, const float *large, float scale, bool relu, float *small,
                        uint16_t *positive) {
    for (int r = 0; r < window->rows; r++) {
        for (int p = 0; p < window->pixels; p++) {
            const float *x = large + window_start(window, r, p);
            const ptrdiff_t y = position_start(window, r, p);
            for (int v = 0; v < window->channels; v++) {
                uint16_t *bits = relu && positive != NULL ? positive + y + v : NULL;
                small[y + v] = scale * sum_cells(window, x + v, relu, bits);
            }
        }
    }
}

/* The pool of one window's cells. */
static void pool_cells(const struct pool *pool, const float *values, float *to, uint16_t *cell) {
    static const ptrdiff_t offsets[4] = {0, 1, 2, 3};
    const struct window window = {.rows = 1, .pixels = 1, .channels = 1, .taps = 4, .offsets = offsets};
    if (pool->largest)
        max_forward(&window, values, pool->relu, to, cell);
    else
        sum_forward(&window, values, pool->scale, pool->relu, to, cell);
}

static void product_pooled(const struct product *p, const struct cells *cells, const struct pool *pool) {
    for (int r = 0; r < cells->rows; r++) {
        for (int i = 0; i < p->m; i++) {
            for (int j = 0; j < p->n; j++) {
                const ptrdiff_t at = ((ptrdiff_t)r * p->m + i) * p->c_row + j;
                float values[4];
                for (int t = 0; t < 4; t++) {
                    struct product moved = *p;
                    moved.a = p->a + r * cells->row_step + t / 2 * cells->down + t % 2 * cells->along;
                    values[t] = product_element(&moved, i, j);
                }
                pool_cells(pool, values, p->c + at, pool->cell != NULL ? pool->cell + at : NULL);
            }
        }
    }
}

static void sum_backward(const struct window *window, const float *small, float scale, const uint16_t *positive,
                         float *large) {
    for (int r = 0; r < window->rows; r++) {
        for (int p = 0; p < window->pixels; p++) {
            const ptrdiff_t y = position_start(window, r, p);
            float *dx = large + window_start(window, r, p);
            for (int v = 0; v < window->channels; v++)
                for (int t = 0; t < window->taps; t++)
                    give(window, dx + window->offsets[t] + v, positive == NULL || (positive[y + v] >> t & 1),
                         scale * small[y + v]);
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

static void multiply_adds(int64_t rounds, float factor, float *sums) {
    for (int64_t round = 0; round < rounds; round++) *sums = *sums * factor + 1.0f;
}

const struct kernels *kernels_reference(void) {
    static const struct kernels table = {
        .name = "reference",
        .vector = 1,
        .tile_m = 1,
        .tile_n = 1,
        .product = product,
        .product_pooled = product_pooled,
        .dots = dots,
        .transpose = transpose,
        .depthwise_row = depthwise_row,
        .depthwise_gradient_row = depthwise_gradient_row,
        .fold_sums = fold_sums,
        .sum_neighbours = sum_neighbours,
        .repeat_neighbours = repeat_neighbours,
        .copy_pixels = copy_pixels,
        .winograd_input = winograd_input,
        .winograd_kernel = winograd_kernel,
        .winograd_output = winograd_output,
        .winograd_output_gradient = winograd_output_gradient,
        .winograd_kernel_gradient = winograd_kernel_gradient,
        .max_forward = max_forward,
        .max_backward = max_backward,
        .sum_forward = sum_forward,
        .sum_backward = sum_backward,
        .column_sums = column_sums,
        .add = add,
        .relu_forward = relu_forward,
        .relu_backward = relu_backward,
        .multiply_adds = multiply_adds,
    };
    return &table;
}
