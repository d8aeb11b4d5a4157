/* The two gradients of a depthwise convolution. Part of template.h.
 *
 * To the data: where the taps are the cells of a rectangle and windows move by one cell, a cell of large is itself a
 * depthwise sum: over dy and dx, both downward (positions upward, the order kernels.h states), of
 * small[y - dy][x - dx] * kernel[dy][dx]. Cells near the edges see only some taps. At other strides positions are taken
 * one by one. */

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

/* The taps of a rectangle of cells: `width` in a row, rows row_step apart; 0 where they are not,
 * or too many. */
static int rectangle_width(const struct window *window) {
    const ptrdiff_t *offsets = window->offsets;
    if (window->pixel_step != window->channels) return 0;
    int width = 1;
    while (width < window->taps && offsets[width] == offsets[0] + width * window->pixel_step) width++;
    if (window->taps % width != 0 || window->taps > TERMS_MOST) return 0;
    for (int t = 0; t < window->taps; t++) {
        if (offsets[t] != offsets[0] + t / width * window->row_step + t % width * window->pixel_step) return 0;
    }
    return width;
}

/* The data gradient of a rectangle of taps. */
struct gather {
    const struct window *window;
    int height, width; /* of the kernel */
    int together;      /* cells in a row taken as one; the kernel is repeated as often */
    const float *small;
    const float *kernel;
    float *large; /* its first cell */
};

/* The taps that cell `at` sees along one dimension, [low, high], of a kernel of `size` over `positions`. */
struct span {
    int low, high;
};

static struct span span_at(int at, int positions, int size) {
    return (struct span){larger(at - positions + 1, 0), smaller(at, size - 1)};
}

/* How many cells from `at` on see the same taps. */
static int span_cells(struct span span, int positions, int size) {
    return span.high - span.low + 1 == size ? positions - size + 1 : 1;
}

/* The cells (y to y + rows, x to x + count), which see the same taps: in rows, or down a column of single cells. */
static void gather_cells(const struct gather *gather, int y, int rows, struct span dy, int x, int count,
                         struct span dx) {
    const struct window *window = gather->window;
    const int channels = window->channels;
    const ptrdiff_t small_row = (ptrdiff_t)window->pixels * channels;
    struct term terms[TERMS_MOST];
    struct strip strip = {.channels = channels, .terms = terms, .kernel = gather->kernel, .accumulate = true};
    for (int i = dy.high; i >= dy.low; i--) {
        for (int j = dx.high; j >= dx.low; j--) {
            terms[strip.count++] = (struct term){-i * small_row - (ptrdiff_t)j * channels,
                                                 (ptrdiff_t)(i * gather->width + j) * gather->together * channels};
        }
    }
    const float *from = gather->small + y * small_row + (ptrdiff_t)x * channels;
    float *to = gather->large + y * window->row_step + x * window->pixel_step;
    const bool column = count == 1;
    strip.positions = column ? rows : count;
    strip.from_step = column ? small_row : channels;
    strip.to_step = column ? window->row_step : channels;
    strip.runs = strip_has_runs(&strip);
    if (column) {
        strip_run(&strip, from, to);
        return;
    }
    const int together = smaller(gather->together, count);
    for (int r = 0; r < rows; r++) {
        strip_run_together(&strip, together, from + r * small_row, to + r * window->row_step);
    }
}

static void gather_all(const struct gather *gather) {
    const int rows = gather->window->rows;
    const int pixels = gather->window->pixels;
    for (int y = 0, height; y < rows + gather->height - 1; y += height) {
        const struct span dy = span_at(y, rows, gather->height);
        height = span_cells(dy, rows, gather->height);
        for (int x = 0, width; x < pixels + gather->width - 1; x += width) {
            const struct span dx = span_at(x, pixels, gather->width);
            width = span_cells(dx, pixels, gather->width);
            gather_cells(gather, y, height, dy, x, width, dx);
        }
    }
}

/* One position: every cell of its window += small * kernel. */
static void scatter_position(const struct window *window, const float *small, const float *kernel, float *large) {
    int v = 0;
    for (; v + VECTOR <= window->channels; v += VECTOR) {
        const vector dy = load(small + v);
        for (int t = 0; t < window->taps; t++) {
            float *to = large + window->offsets[t] + v;
            store(to, load(to) + dy * load(kernel + (ptrdiff_t)t * window->channels + v));
        }
    }
    for (; v < window->channels; v++) {
        for (int t = 0; t < window->taps; t++) {
            large[window->offsets[t] + v] += small[v] * kernel[(ptrdiff_t)t * window->channels + v];
        }
    }
}

static void depthwise_data_gradient(const struct window *window, const float *small, const float *kernel,
                                    float *large) {
    const int width = rectangle_width(window);
    if (width == 0) {
        FOR_EACH_POSITION(window, x, y) scatter_position(window, small + y, kernel, large + x);
        return;
    }
    float repeated[REPEATED_MOST + VECTOR];
    struct gather gather = {.window = window,
                            .height = window->taps / width,
                            .width = width,
                            .together = positions_together(window->channels, window->taps, window->pixels),
                            .small = small,
                            .kernel = kernel,
                            .large = large + window->offsets[0]};
    if (gather.together > 1) {
        repeat_rows(kernel, window->taps, gather.together, window->channels, repeated);
        gather.kernel = repeated;
    }
    gather_all(&gather);
}

/* gradient (taps, channels) += for one vector of channels and `taps` (a constant) taps, over all positions; four
 * positions share the address of a tap. */
enum { TAPS_MOST = 9, PIXELS_TOGETHER = 4 };

KERNEL_INLINE void weight_positions(const ptrdiff_t *offsets, ptrdiff_t step, int channels, const float *large,
                                    const float *small, vector sum[], const int taps, const int pixels) {
    KERNEL_UNROLL for (int t = 0; t < taps; t++) {
        const float *x = opaque(large + offsets[t]);
        KERNEL_UNROLL for (int p = 0; p < pixels; p++) sum[t] +=
            load(x + p * step) * load(small + (ptrdiff_t)p * channels);
    }
}

KERNEL_INLINE void weight_block(const struct window *window, const ptrdiff_t *offsets, const float *large,
                                const float *small, int lanes, float *gradient, const int taps) {
    const int channels = window->channels;
    const ptrdiff_t step = window->pixel_step;
    vector sum[TAPS_MOST];
    KERNEL_UNROLL for (int t = 0; t < taps; t++) {
        const float *from = gradient + (ptrdiff_t)t * channels;
        sum[t] = lanes == VECTOR ? load(from) : load_part(from, lanes);
    }
    for (int r = 0; r < window->rows; r++) {
        const float *x = large + r * window->row_step;
        int p = 0;
        for (; p + PIXELS_TOGETHER <= window->pixels; p += PIXELS_TOGETHER) {
            weight_positions(offsets, step, channels, x, small, sum, taps, PIXELS_TOGETHER);
            x += PIXELS_TOGETHER * step;
            small += (ptrdiff_t)PIXELS_TOGETHER * channels;
        }
        for (; p < window->pixels; p++) {
            weight_positions(offsets, step, channels, x, small, sum, taps, 1);
            x += step;
            small += channels;
        }
    }
    KERNEL_UNROLL for (int t = 0; t < taps; t++) {
        float *to = gradient + (ptrdiff_t)t * channels;
        if (lanes == VECTOR)
            store(to, sum[t]);
        else
            store_part(to, sum[t], lanes);
    }
}

#define WEIGHT_TAPS(taps)                                                                                              \
    static void weight_taps_##taps(const struct window *window, const ptrdiff_t *offsets, const float *large,          \
                                   const float *small, float *gradient) {                                              \
        for (int v = 0; v < window->channels; v += VECTOR) {                                                           \
            weight_block(window, offsets, large + v, small + v, lanes_left(window->channels, v), gradient + v, taps);  \
        }                                                                                                              \
    }

WEIGHT_TAPS(1)
WEIGHT_TAPS(2)
WEIGHT_TAPS(3)
WEIGHT_TAPS(4)
WEIGHT_TAPS(5)
WEIGHT_TAPS(6)
WEIGHT_TAPS(7)
WEIGHT_TAPS(8)
WEIGHT_TAPS(9)

static void depthwise_weight_gradient(const struct window *window, const float *large, const float *small,
                                      float *gradient) {
    static void (*const blocks[TAPS_MOST])(const struct window *window, const ptrdiff_t *offsets, const float *large,
                                           const float *small, float *gradient) = {
        weight_taps_1, weight_taps_2, weight_taps_3, weight_taps_4, weight_taps_5,
        weight_taps_6, weight_taps_7, weight_taps_8, weight_taps_9,
    };
    const struct parts parts = parts_of(window->taps, TAPS_MOST);
    for (int part = 0, t = 0, count; part < parts.count; part++, t += count) {
        count = part_size(parts, part);
        blocks[count - 1](window, window->offsets + t, large, small, gradient + (ptrdiff_t)t * window->channels);
    }
}
