/* The two gradients of a depthwise convolution. Part of template.h.
 *
 * To the data: where the taps are the cells of a rectangle and windows move by one cell, a cell of large is itself a
 * small convolution: the sum over dy and dx, both downward (positions upward, the order kernels.h states), of
 * small[y - dy][x - dx] * kernel[dy][dx]. Eight cells of a row keep their sums in registers; the cells at both ends see
 * only some dx. At other strides positions are taken one by one. */

/* Terms of a block of cells: `height` rows of `width` taps. small points at the first row's first term of the first
 * cell. */
struct gather {
    int height, width, channels;
    ptrdiff_t cell;      /* from cell to cell, in small and in large */
    ptrdiff_t small_row; /* from row to row in small */
    ptrdiff_t shift;     /* from term to term in small */
    ptrdiff_t kernel_tap;
    int kernel_width; /* taps in a row of the whole kernel */
};

/* large[x] += one vector of `count` (a constant) cells */
KERNEL_INLINE void gather_block(const struct gather *gather, const float *small, const float *kernel, float *large,
                                const int count) {
    vector sum[BLOCK];
    const ptrdiff_t step = gather->cell;
    KERNEL_UNROLL for (int x = 0; x < count; x++) sum[x] = load(large + x * step);
    for (int dy = 0; dy < gather->height; dy++) {
        const float *from = opaque(small + dy * gather->small_row);
        const float *weights = kernel - dy * gather->kernel_width * gather->kernel_tap;
        for (int dx = 0; dx < gather->width; dx++) {
            const vector weight = load(weights);
            KERNEL_UNROLL for (int x = 0; x < count; x++) sum[x] += load(from + x * step) * weight;
            from = opaque(from + gather->shift);
            weights -= gather->kernel_tap;
        }
    }
    KERNEL_UNROLL for (int x = 0; x < count; x++) store(large + x * step, sum[x]);
}

/* The channels of one cell that do not fill a vector, one by one. */
static void gather_lanes(const struct gather *gather, const float *small, const float *kernel, int lanes,
                         float *large) {
    for (int v = 0; v < lanes; v++) {
        float sum = large[v];
        for (int dy = 0; dy < gather->height; dy++) {
            const float *from = small + dy * gather->small_row + v;
            const float *weights = kernel - dy * gather->kernel_width * gather->kernel_tap + v;
            for (int dx = 0; dx < gather->width; dx++) {
                sum += from[dx * gather->shift] * weights[-dx * gather->kernel_tap];
            }
        }
        large[v] = sum;
    }
}

#define GATHER_CELLS(count)                                                                                            \
    static void gather_cells_##count(const struct gather *gather, const float *small, const float *kernel,             \
                                     float *large) {                                                                   \
        int v = 0;                                                                                                     \
        for (; v + VECTOR <= gather->channels; v += VECTOR) {                                                          \
            gather_block(gather, small + v, kernel + v, large + v, count);                                             \
        }                                                                                                              \
        if (v == gather->channels) return;                                                                             \
        for (int x = 0; x < count; x++) {                                                                              \
            const ptrdiff_t cell = x * gather->cell + v;                                                               \
            gather_lanes(gather, small + cell, kernel + v, gather->channels - v, large + cell);                        \
        }                                                                                                              \
    }

GATHER_CELLS(1)
GATHER_CELLS(2)
GATHER_CELLS(3)
GATHER_CELLS(4)
GATHER_CELLS(5)
GATHER_CELLS(6)
GATHER_CELLS(7)
GATHER_CELLS(8)

/* `count` neighbouring cells that see the same taps */
static void gather_cells(const struct gather *gather, int count, const float *small, const float *kernel,
                         float *large) {
    static void (*const blocks[BLOCK])(const struct gather *gather, const float *small, const float *kernel,
                                       float *large) = {
        gather_cells_1, gather_cells_2, gather_cells_3, gather_cells_4,
        gather_cells_5, gather_cells_6, gather_cells_7, gather_cells_8,
    };
    for (int x = 0, some; x < count; x += some) {
        some = part_size(count, x, BLOCK);
        blocks[some - 1](gather, small + x * gather->cell, kernel, large + x * gather->cell);
    }
}

/* The same, `together` cells as one of more channels; the kernel is repeated as often. */
static void gather_together(const struct gather *gather, int count, int together, const float *small,
                            const float *kernel, float *large) {
    struct gather wide = *gather;
    wide.cell = together * gather->cell;
    wide.channels = together * gather->channels;
    gather_cells(&wide, count / together, small, kernel, large);
    const ptrdiff_t done = (ptrdiff_t)(count / together) * wide.cell;
    wide.channels = count % together * gather->channels;
    if (wide.channels > 0) gather_cells(&wide, 1, small + done, kernel, large + done);
}

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

/* The taps of a rectangle of cells: `width` in a row, rows row_step apart; 0 where they are not. */
static int rectangle_width(const struct window *window) {
    const ptrdiff_t *offsets = window->offsets;
    if (window->pixel_step != window->channels) return 0;
    int width = 1;
    while (width < window->taps && offsets[width] == offsets[0] + width * window->pixel_step) width++;
    if (window->taps % width != 0) return 0;
    for (int t = 0; t < window->taps; t++) {
        if (offsets[t] != offsets[0] + t / width * window->row_step + t % width * window->pixel_step) return 0;
    }
    return width;
}

/* Row y of large, counted from the window's first tap on; a row of the kernel has `width` taps, `wide` floats apart,
 * repeated for `together` cells. */
static void gather_row(const struct window *window, int y, int width, int together, const float *small,
                       const float *kernel, float *large) {
    const int pixels = window->pixels;
    const int channels = window->channels;
    const int low = larger(y - window->rows + 1, 0);
    const int high = smaller(y, window->taps / width - 1);
    struct gather gather = {.height = high - low + 1,
                            .channels = channels,
                            .cell = channels,
                            .small_row = (ptrdiff_t)pixels * channels,
                            .shift = channels,
                            .kernel_tap = (ptrdiff_t)together * channels,
                            .kernel_width = width};
    const float *from = small + (y - high) * gather.small_row;
    for (int x = 0, count; x < pixels + width - 1; x += count) {
        const int left = larger(x - pixels + 1, 0);
        const int right = smaller(x, width - 1);
        gather.width = right - left + 1;
        count = gather.width == width ? pixels - width + 1 : 1;
        gather_together(&gather, count, smaller(together, count), from + (ptrdiff_t)(x - right) * channels,
                        kernel + (high * width + right) * gather.kernel_tap, large + (ptrdiff_t)x * channels);
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
    const int together = positions_together(window->channels, window->taps, window->pixels, true);
    if (together > 1) repeat_rows(kernel, window->taps, together, window->channels, repeated);
    for (int y = 0; y < window->rows + window->taps / width - 1; y++) {
        gather_row(window, y, width, together, small, together > 1 ? repeated : kernel,
                   large + window->offsets[0] + y * window->row_step);
    }
}

/* gradient (taps, channels) += for one vector of channels and `taps` (a constant) taps, over all positions; four
 * positions share the address of a tap. */
enum { TAPS_MOST = 9, PIXELS_TOGETHER = 4 };

KERNEL_INLINE void weight_positions(const ptrdiff_t *offsets, ptrdiff_t step, int channels, const float *large,
                                    const float *small, vector sum[], const int taps, const int pixels) {
    vector dy[PIXELS_TOGETHER];
    KERNEL_UNROLL for (int p = 0; p < pixels; p++) dy[p] = load(small + (ptrdiff_t)p * channels);
    KERNEL_UNROLL for (int t = 0; t < taps; t++) {
        const float *x = opaque(large + offsets[t]);
        KERNEL_UNROLL for (int p = 0; p < pixels; p++) sum[t] += load(x + p * step) * dy[p];
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
    for (int t = 0, count; t < window->taps; t += count) {
        count = part_size(window->taps, t, TAPS_MOST);
        blocks[count - 1](window, window->offsets + t, large, small, gradient + (ptrdiff_t)t * window->channels);
    }
}
