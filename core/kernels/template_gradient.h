/* The two gradients of a depthwise convolution. Part of template.h.
 *
 * To the data: within a row of positions, a cell of large takes its terms in order of position. Taps whose offsets
 * grow by pixel_step form a run: a row of a kernel at stride 1. Along a run, cell x is the sum over d of
 * small[x - d] * kernel[d], d downward (positions upward), so that eight cells keep their sums in registers while the
 * run passes. At other strides every run is one tap long. With offsets that grow, going through the runs backward keeps
 * the order of positions for a cell that several runs reach; where they do not grow, positions are taken one by one. */

/* One run of taps along one row. */
struct run {
    int cells, channels;
    ptrdiff_t large_step, small_step; /* from cell to cell */
    ptrdiff_t shift;                  /* from position to position in small */
    const float *kernel;              /* the run's first tap */
    ptrdiff_t kernel_row;
};

/* large[x] += sum over d from high down to low of small[x * small_step - d * shift] * kernel[d], one vector of `cells`
 * (a constant) cells */
KERNEL_INLINE void run_block(const struct run *run, int low, int high, const float *small, const float *kernel,
                             int lanes, float *large, const int count) {
    vector sum[BLOCK];
    const ptrdiff_t large_step = run->large_step;
    const ptrdiff_t small_step = run->small_step;
    KERNEL_UNROLL for (int x = 0; x < count; x++) {
        const float *to = large + x * large_step;
        sum[x] = lanes == VECTOR ? load(to) : load_part(to, lanes);
    }
    for (int d = high; d >= low; d--) {
        const float *from = small - d * run->shift;
        const vector weight = load(kernel + d * run->kernel_row);
        KERNEL_UNROLL for (int x = 0; x < count; x++) sum[x] += load(from + x * small_step) * weight;
    }
    KERNEL_UNROLL for (int x = 0; x < count; x++) {
        float *to = large + x * large_step;
        if (lanes == VECTOR)
            store(to, sum[x]);
        else
            store_part(to, sum[x], lanes);
    }
}

#define RUN_CELLS(count)                                                                                               \
    static void run_cells_##count(const struct run *run, int low, int high, const float *small, float *large) {        \
        for (int v = 0; v < run->channels; v += VECTOR) {                                                              \
            run_block(run, low, high, small + v, run->kernel + v, lanes_left(run->channels, v), large + v, count);     \
        }                                                                                                              \
    }

RUN_CELLS(1)
RUN_CELLS(2)
RUN_CELLS(3)
RUN_CELLS(4)
RUN_CELLS(5)
RUN_CELLS(6)
RUN_CELLS(7)
RUN_CELLS(8)

static void run_cells(const struct run *run, int low, int high, const float *small, float *large) {
    static void (*const blocks[BLOCK])(const struct run *run, int low, int high, const float *small, float *large) = {
        run_cells_1, run_cells_2, run_cells_3, run_cells_4, run_cells_5, run_cells_6, run_cells_7, run_cells_8,
    };
    for (int x = 0, count; x < run->cells; x += count) {
        count = part_size(run->cells, x, BLOCK);
        blocks[count - 1](run, low, high, small + x * run->small_step, large + x * run->large_step);
    }
}

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

/* A run of `length` taps from `first` on along one row: small (pixels, channels) into the cells of large. The cells at
 * both ends see only some of the taps. */
static void run_row(const struct window *window, const float *kernel, int length, const float *small, float *large) {
    const int pixels = window->pixels;
    struct run run = {
        .cells = 1,
        .channels = window->channels,
        .large_step = window->pixel_step,
        .small_step = window->channels,
        .shift = window->channels,
        .kernel = kernel,
        .kernel_row = window->channels,
    };
    const int inner = larger(pixels - length + 1, 0);
    for (int x = 0; x < pixels + length - 1; x++) {
        if (x == length - 1 && inner > 0) {
            run.cells = inner;
            run_cells(&run, 0, length - 1, small + x * run.small_step, large + x * run.large_step);
            run.cells = 1;
            x += inner - 1;
            continue;
        }
        run_cells(&run, larger(x - pixels + 1, 0), smaller(x, length - 1), small + x * run.small_step,
                  large + x * run.large_step);
    }
}

static bool offsets_grow(const struct window *window) {
    for (int t = 1; t < window->taps; t++) {
        if (window->offsets[t] <= window->offsets[t - 1]) return false;
    }
    return window->pixel_step > 0;
}

/* One row as runs, the last first. */
static void gradient_row_runs(const struct window *window, const float *small, const float *kernel, float *large) {
    for (int end = window->taps; end > 0;) {
        int first = end - 1;
        while (first > 0 && window->offsets[first] - window->offsets[first - 1] == window->pixel_step) first--;
        run_row(window, kernel + (ptrdiff_t)first * window->channels, end - first, small,
                large + window->offsets[first]);
        end = first;
    }
}

/* One row, a position at a time. */
static void gradient_row_positions(const struct window *window, const float *small, const float *kernel, float *large) {
    struct window position = *window;
    position.pixels = 1;
    for (int p = 0; p < window->pixels; p++) {
        for (int t = 0; t < window->taps; t++) {
            run_row(&position, kernel + (ptrdiff_t)t * window->channels, 1, small + (ptrdiff_t)p * window->channels,
                    large + p * window->pixel_step + window->offsets[t]);
        }
    }
}

static void depthwise_data_gradient(const struct window *window, const float *small, const float *kernel,
                                    float *large) {
    const bool grow = offsets_grow(window);
    for (int r = 0; r < window->rows; r++) {
        const float *dy = small + (ptrdiff_t)r * window->pixels * window->channels;
        float *dx = large + r * window->row_step;
        if (grow)
            gradient_row_runs(window, dy, kernel, dx);
        else
            gradient_row_positions(window, dy, kernel, dx);
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
        const float *x = large + offsets[t];
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
