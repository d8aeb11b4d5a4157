#include "layers/depthwise_bands.h"

#include <string.h>

enum {
    SLACK = 16,         /* floats that kernels may read past a row */
    WHOLE_MOST = 512,   /* floats of a row that may be one period */
    WHOLE_LEAST = 128,  /* and of one that always is */
    PERIODS_LEAST = 8,  /* periods a row that let a kernel work at full speed */
    PERIOD_MOST = 128,  /* floats of a period with more than one pixel, in rows that are longer */
    TOGETHER_MOST = 16, /* pixels of it; the widest vector */
    BAND_MOST = 6144,   /* floats of a band */
};

/* ---- plan ---- */

/* How many of `pixels` beside each other make whole vectors: a power of two. */
static int pixels_together(int pixels, int channels, int vector) {
    int together = 1;
    while (together * channels % vector != 0 && together < TOGETHER_MOST && 2 * together <= pixels &&
           channels <= PERIOD_MOST / (2 * together))
        together *= 2;
    return together;
}

/* Whether a row is a period, and a band one long row. Then the kernel stands as often in its copy as a row has pixels.
 */
static bool is_whole(int pixels, int channels) {
    if (channels <= WHOLE_LEAST / pixels) return true;
    return channels <= WHOLE_MOST / pixels && pixels / pixels_together(pixels, channels, TOGETHER_MOST) < PERIODS_LEAST;
}

/* Floats of a period. */
static int period_of(int pixels, int channels, int vector) {
    return channels * (is_whole(pixels, channels) ? pixels : pixels_together(pixels, channels, vector));
}

/* Room for it with any vector. */
static int period_room(int pixels, int channels) {
    return is_whole(pixels, channels) ? pixels * channels : larger(PERIOD_MOST, channels);
}

static int ceil_of(int number, int by) {
    return (number + by - 1) / by;
}

/* How many of `all` rows a band takes, if `step` more rows of the copy are needed for each but the first. */
static int rows_a_band(int all, int step, int first, ptrdiff_t row) {
    const int most = (int)(BAND_MOST / row);
    const int rows = most > first ? smaller((most - first) / step + 1, all) : 1;
    return ceil_of(all, ceil_of(all, rows));
}

/* The tap farthest from the first, in pixels of y along an axis. */
static int farthest(const struct geometry *g, int axis) {
    return (g->kernel[axis] - 1) * g->dilation[axis] / g->stride[axis];
}

static void band_take(struct band *band, struct pieces *pieces) {
    const size_t floats = (size_t)band->needed * (size_t)band->row + SLACK;
    if (band->copies) band->memory = pieces_take(pieces, floats, sizeof(float));
}

static struct band x_band(const struct depthwise_bands *bands) {
    const struct geometry *g = &bands->geometry;
    struct band band = {.copies = bands->multiplier > 1 || geometry_is_padded(g)};
    const int pixels = band.copies ? g->output[1] + farthest(g, 1) : g->input[1];
    band.row = (ptrdiff_t)pixels * bands->channels;
    const int extent = (g->kernel[0] - 1) * g->dilation[0] + 1;
    band.rows = rows_a_band(g->output[0], g->stride[0], extent, band.row);
    band.needed = (band.rows - 1) * g->stride[0] + extent;
    return band;
}

/* Rows of y (with those beyond it) that rows of x took part in. */
static int y_rows(const struct geometry *g, int axis) {
    return (g->before[axis] + g->input[axis] - 1) / g->stride[axis] - g->before[axis] / g->stride[axis] + 1;
}

static struct band dy_band(const struct depthwise_bands *bands) {
    const struct geometry *g = &bands->geometry;
    const int pixels = y_rows(g, 1) + farthest(g, 1);
    struct band band = {.row = (ptrdiff_t)pixels * bands->channels};
    band.copies = pixels != g->output[1] || y_rows(g, 0) + farthest(g, 0) != g->output[0];
    band.rows = rows_a_band(y_rows(g, 0), 1, farthest(g, 0) + 1, band.row);
    band.needed = band.rows + farthest(g, 0);
    return band;
}

struct depthwise_bands depthwise_bands_take(const struct geometry *geometry, int multiplier,
                                            const struct kernels *kernels, struct pieces *pieces) {
    const struct geometry *g = geometry;
    const int channels = g->channels * multiplier, vector = kernels ? kernels->vector : 1;
    struct depthwise_bands bands = {.geometry = *g, .multiplier = multiplier, .channels = channels};
    bands.whole_forward = is_whole(g->output[1], channels);
    bands.whole_backward = is_whole(g->input[1], channels);
    bands.period_forward = period_of(g->output[1], channels, vector);
    bands.period_sums = period_of(g->output[1], channels, TOGETHER_MOST);
    bands.period_backward = period_of(g->input[1], channels, vector);
    bands.x = x_band(&bands);
    bands.dy = dy_band(&bands);
    bands.left = farthest(g, 1) - g->before[1] / g->stride[1];

    const size_t taps = (size_t)g->kernel[0] * (size_t)g->kernel[1];
    const size_t period = (size_t)larger(period_room(g->output[1], channels), period_room(g->input[1], channels));
    bands.tap = (ptrdiff_t)(size_align(period * sizeof(float)) / sizeof(float));
    band_take(&bands.x, pieces);
    band_take(&bands.dy, pieces);
    bands.kernel = pieces_take(pieces, taps * (size_t)bands.tap, sizeof(float));
    bands.bias = pieces_take(pieces, (size_t)bands.tap, sizeof(float));
    bands.sums = pieces_take(pieces, (taps + 1) * (size_t)bands.tap, sizeof(float));
    const size_t spread = multiplier > 1 ? (size_t)bands.x.needed * (size_t)g->input[1] * (size_t)channels : 0;
    bands.spread = pieces_take(pieces, spread + SLACK, sizeof(float));
    const size_t line = (size_t)bands.dy.rows * (size_t)g->input[1] * (size_t)channels + SLACK;
    bands.line = pieces_take(pieces, line, sizeof(float));
    bands.dense = pieces_take(pieces, line, sizeof(float));
    bands.from = pieces_take(pieces, taps, sizeof *bands.from);
    return bands;
}

static void band_clear(const struct band *band) {
    if (band->copies) memset(band->memory, 0, ((size_t)band->needed * (size_t)band->row + SLACK) * sizeof(float));
}

/* to = `period` floats: `channels` of `from` again and again */
static void repeat_pixel(const float *from, int channels, int period, float *to) {
    memcpy(to, from, (size_t)channels * sizeof *to);
    for (int done = channels; done < period; done *= 2)
        memcpy(to + done, to, (size_t)smaller(done, period - done) * sizeof *to);
}

/* Taps above one another follow one another where a row is a period, taps beside one another where it is not: a kernel
 * shares what they load. */
static void forward_tap(const struct depthwise_bands *bands, int t, int *i, int *j) {
    const int *kernel = bands->geometry.kernel;
    *i = bands->whole_forward ? t % kernel[0] : t / kernel[1];
    *j = bands->whole_forward ? t / kernel[0] : t % kernel[1];
}

void depthwise_bands_begin_forward(struct depthwise_bands *bands, const float *kernel, const float *bias) {
    const struct geometry *g = &bands->geometry;
    for (int t = 0, i, j; t < g->kernel[0] * g->kernel[1]; t++) {
        forward_tap(bands, t, &i, &j);
        repeat_pixel(kernel + (ptrdiff_t)(i * g->kernel[1] + j) * bands->channels, bands->channels,
                     bands->period_forward, bands->kernel + t * bands->tap);
    }
    bands->has_bias = bias != NULL;
    if (bias) repeat_pixel(bias, bands->channels, bands->period_forward, bands->bias);
    band_clear(&bands->x);
}

/* Taps of the backward pass in their order, which is the forward one's upside down; those that meet the same rows of x
 * stand together. */
struct tap {
    int row, column;
};

static int phase_taps(const struct depthwise_bands *bands, int phase) {
    const struct geometry *g = &bands->geometry;
    return g->kernel[0] > phase ? ((g->kernel[0] - 1 - phase) / g->stride[0] + 1) * g->kernel[1] : 0;
}

static struct tap backward_tap(const struct depthwise_bands *bands, int phase, int t) {
    const struct geometry *g = &bands->geometry;
    const int rows = phase_taps(bands, phase) / g->kernel[1];
    const int row = bands->whole_backward ? t % rows : t / g->kernel[1];
    const int column = bands->whole_backward ? t / rows : t % g->kernel[1];
    return (struct tap){phase + (rows - 1 - row) * g->stride[0], g->kernel[1] - 1 - column};
}

void depthwise_bands_begin_backward(struct depthwise_bands *bands, const float *kernel) {
    const struct geometry *g = &bands->geometry;
    float *to = bands->kernel;
    for (int phase = 0; phase < g->stride[0]; phase++)
        for (int t = 0; t < phase_taps(bands, phase); t++, to += bands->tap) {
            const struct tap tap = backward_tap(bands, phase, t);
            repeat_pixel(kernel + (ptrdiff_t)(tap.row * g->kernel[1] + tap.column) * bands->channels, bands->channels,
                         bands->period_backward, to);
        }
    band_clear(&bands->x);
    band_clear(&bands->dy);
}

/* ---- copies ---- */

/* The rows that `rows` rows of y from `first` on see; returns where the first of them stands. */
static const float *fill_x(const struct depthwise_bands *bands, const struct kernels *kernels, const float *x,
                           int first, int rows) {
    const struct geometry *g = &bands->geometry;
    const struct band *band = &bands->x;
    const int stride = g->stride[0], row = g->input[1] * g->channels;
    const int top = first * stride - g->before[0];
    if (!band->copies) return x + (ptrdiff_t)top * row;
    const int needed = (rows - 1) * stride + (g->kernel[0] - 1) * g->dilation[0] + 1;
    const int from = larger(top, 0), end = smaller(top + needed, g->input[0]);
    if (band->rows < g->output[0]) {
        if (from > top) memset(band->memory, 0, (size_t)(from - top) * (size_t)band->row * sizeof(float));
        for (int q = larger(end, top); q < top + needed; q++)
            memset(band->memory + (q - top) * band->row, 0, (size_t)band->row * sizeof(float));
    }
    if (end <= from) return band->memory;
    const float *source = x + (ptrdiff_t)from * row;
    if (bands->multiplier > 1) {
        kernels->repeat_neighbours((end - from) * row, bands->multiplier, source, bands->spread);
        source = bands->spread;
    }
    const struct pixels copy = {
        .rows = end - from,
        .pixels = 1,
        .channels = smaller(g->input[1] * bands->channels, (int)band->row - g->before[1] * bands->channels),
        .from_row = (ptrdiff_t)row * bands->multiplier,
        .to_row = band->row,
    };
    kernels->copy_pixels(&copy, source,
                         band->memory + (from - top) * band->row + (ptrdiff_t)g->before[1] * bands->channels);
    return band->memory;
}

/* Where in rows of the copy the taps of y's first row look; tap t is the number t of its pass. */
static const float *tap_at(const struct depthwise_bands *bands, const float *rows, int i, int j) {
    const struct geometry *g = &bands->geometry;
    return rows + i * g->dilation[0] * bands->x.row + (ptrdiff_t)j * g->dilation[1] * bands->channels;
}

static void look_forward(const struct depthwise_bands *bands, const float *rows) {
    for (int t = 0, i, j; t < bands->geometry.kernel[0] * bands->geometry.kernel[1]; t++) {
        forward_tap(bands, t, &i, &j);
        bands->from[t] = tap_at(bands, rows, i, j);
    }
}

static void look_for_gradient(const struct depthwise_bands *bands, const float *rows) {
    const float **from = bands->from;
    for (int i = 0; i < bands->geometry.kernel[0]; i++)
        for (int j = 0; j < bands->geometry.kernel[1]; j++) *from++ = tap_at(bands, rows, i, j);
}

static void move_on(const struct depthwise_bands *bands, int taps, ptrdiff_t by) {
    for (int t = 0; t < taps; t++) bands->from[t] += by;
}

/* ---- forward ---- */

void depthwise_bands_forward(struct depthwise_bands *bands, const struct kernels *kernels, const float *x, float *y) {
    const struct geometry *g = &bands->geometry;
    const int width = g->output[1] * bands->channels;
    const bool whole = bands->whole_forward;
    const ptrdiff_t step = g->stride[0] * bands->x.row;
    struct depthwise_row row = {
        .period = bands->period_forward,
        .repeat = 1,
        .step = whole ? step : bands->period_forward,
        .taps = g->kernel[0] * g->kernel[1],
        .from = bands->from,
        .tap = bands->tap,
    };
    const float *bias = bands->has_bias ? bands->bias : NULL;
    for (int first = 0, rows; first < g->output[0]; first += rows) {
        rows = smaller(bands->x.rows, g->output[0] - first);
        look_forward(bands, fill_x(bands, kernels, x, first, rows));
        row.count = whole ? rows * width : width;
        for (int r = 0; r < rows; r += whole ? rows : 1) {
            kernels->depthwise_row(&row, bands->kernel, bias, y + (ptrdiff_t)(first + r) * width);
            move_on(bands, row.taps, step);
        }
    }
}

/* ---- gradients of the kernel and the bias ---- */

/* gradient += the sums of a period's pixels, in `taps` taps */
static void fold(const struct depthwise_bands *bands, const struct kernels *kernels, int taps, float *gradient) {
    const struct folding folding = {taps, bands->period_sums / bands->channels, bands->channels, bands->tap};
    kernels->fold_sums(&folding, bands->sums, gradient);
}

static void kernel_gradient(struct depthwise_bands *bands, const struct kernels *kernels, const float *x,
                            const float *dy, float *gradient) {
    const struct geometry *g = &bands->geometry;
    const int width = g->output[1] * bands->channels;
    const bool whole = bands->whole_forward;
    const ptrdiff_t step = g->stride[0] * bands->x.row;
    struct depthwise_row row = {
        .period = bands->period_sums,
        .repeat = 1,
        .step = bands->period_sums,
        .taps = g->kernel[0] * g->kernel[1],
        .from = bands->from,
        .from_step = whole ? step : bands->period_sums,
        .tap = bands->tap,
    };
    memset(bands->sums, 0, (size_t)row.taps * (size_t)bands->tap * sizeof *bands->sums);
    for (int first = 0, rows; first < g->output[0]; first += rows) {
        rows = smaller(bands->x.rows, g->output[0] - first);
        look_for_gradient(bands, fill_x(bands, kernels, x, first, rows));
        row.count = whole ? rows * width : width;
        for (int r = 0; r < rows; r += whole ? rows : 1) {
            kernels->depthwise_gradient_row(&row, dy + (ptrdiff_t)(first + r) * width, bands->sums);
            move_on(bands, row.taps, step);
        }
    }
    fold(bands, kernels, row.taps, gradient);
}

static void bias_gradient(struct depthwise_bands *bands, const struct kernels *kernels, const float *dy,
                          float *gradient) {
    const struct geometry *g = &bands->geometry;
    const int period = bands->period_sums, all = g->output[0] * g->output[1] * bands->channels;
    memset(bands->sums, 0, (size_t)period * sizeof *bands->sums);
    kernels->column_sums(all / period, period, dy, bands->sums);
    kernels->column_sums(1, all % period, dy + all / period * period, bands->sums);
    fold(bands, kernels, 1, gradient);
}

/* ---- gradient of the input ---- */

/* Rows first, first + stride, ... of x, `count` of them, meet the same taps; where tap 0 looked for the first of them
 * stands y's row `place`, the next row for the next. */
struct phase {
    int first, count, place;
};

/* Those whose place is in [from, end). */
static struct phase phase_of(const struct geometry *g, int phase, int from, int end) {
    const int stride = g->stride[0], before = g->before[0];
    const int place = larger(from, before <= phase ? 0 : ceil_of(before - phase, stride));
    const int last = g->input[0] + before - 1 - phase;
    const int stop = last < 0 ? 0 : smaller(end, last / stride + 1);
    return (struct phase){place * stride + phase - before, larger(stop - place, 0), place};
}

/* The rows of dy from `first` - (what the farthest tap needs) on, `rows` and those more. */
static const float *fill_dy(const struct depthwise_bands *bands, const struct kernels *kernels, const float *dy,
                            int first, int rows) {
    const struct geometry *g = &bands->geometry;
    const struct band *band = &bands->dy;
    const int width = g->output[1] * bands->channels, top = first - farthest(g, 0);
    if (!band->copies) return dy + (ptrdiff_t)top * width;
    const int needed = rows + farthest(g, 0);
    const int from = larger(top, 0), end = smaller(top + needed, g->output[0]);
    if (band->rows < y_rows(g, 0))
        for (int r = top; r < top + needed; r++)
            if (r < 0 || r >= g->output[0])
                memset(band->memory + (r - top) * band->row, 0, (size_t)band->row * sizeof(float));
    const struct pixels copy = {
        .rows = end - from, .pixels = 1, .channels = width, .from_row = width, .to_row = band->row};
    if (end > from)
        kernels->copy_pixels(&copy, dy + (ptrdiff_t)from * width,
                             band->memory + (from - top) * band->row + (ptrdiff_t)bands->left * bands->channels);
    return band->memory;
}

/* Where the taps of a phase look for its first row, which has its place at `row`. */
static void look_backward(const struct depthwise_bands *bands, int phase, const float *row) {
    const struct geometry *g = &bands->geometry;
    for (int t = 0; t < phase_taps(bands, phase); t++) {
        const struct tap tap = backward_tap(bands, phase, t);
        bands->from[t] = row - tap.row * g->dilation[0] / g->stride[0] * bands->dy.row -
                         (ptrdiff_t)tap.column * g->dilation[1] * bands->channels;
    }
}

/* The sums of the taps for all pixels of `rows` rows, one after another. */
static void phase_sums(const struct depthwise_bands *bands, const struct kernels *kernels, const float *kernel,
                       int taps, int rows, float *to) {
    const int width = bands->geometry.input[1] * bands->channels;
    const bool whole = bands->whole_backward;
    struct depthwise_row row = {
        .period = bands->period_backward,
        .repeat = 1,
        .count = whole ? rows * width : width,
        .step = whole ? bands->dy.row : bands->period_backward,
        .taps = taps,
        .from = bands->from,
        .tap = bands->tap,
    };
    for (int r = 0; r < rows; r += whole ? rows : 1, to += width) {
        kernels->depthwise_row(&row, kernel, NULL, to);
        move_on(bands, taps, bands->dy.row);
    }
}

/* The rows of a phase of dx. */
static void phase_gradient(const struct depthwise_bands *bands, const struct kernels *kernels, const float *kernel,
                           int taps, const struct phase *phase, float *dx) {
    const struct geometry *g = &bands->geometry;
    const int row = g->input[1] * g->channels;
    const bool straight = g->stride[0] == 1;
    float *to = dx + (ptrdiff_t)phase->first * row, *line = straight && bands->multiplier == 1 ? to : bands->line;
    phase_sums(bands, kernels, kernel, taps, phase->count, line);
    if (bands->multiplier > 1) {
        float *sums = straight ? to : bands->dense;
        kernels->sum_neighbours(phase->count * row, bands->multiplier, line, sums);
        line = sums;
    }
    if (straight) return;
    const struct pixels pixels = {
        .rows = phase->count, .pixels = 1, .channels = row, .from_row = row, .to_row = (ptrdiff_t)g->stride[0] * row};
    kernels->copy_pixels(&pixels, line, to);
}

static void data_gradient(struct depthwise_bands *bands, const struct kernels *kernels, const float *dy, float *dx) {
    const struct geometry *g = &bands->geometry;
    const int begin = g->before[0] / g->stride[0], end = begin + y_rows(g, 0);
    for (int first = begin; first < end; first += bands->dy.rows) {
        const int rows = smaller(bands->dy.rows, end - first);
        const float *copy = fill_dy(bands, kernels, dy, first, rows), *kernel = bands->kernel;
        for (int i = 0; i < g->stride[0]; i++) {
            const struct phase phase = phase_of(g, i, first, first + rows);
            const float *place = copy + (phase.place - first + farthest(g, 0)) * bands->dy.row +
                                 (ptrdiff_t)farthest(g, 1) * bands->channels;
            const int taps = phase_taps(bands, i);
            look_backward(bands, i, place);
            if (phase.count > 0) phase_gradient(bands, kernels, kernel, taps, &phase, dx);
            kernel += taps * bands->tap;
        }
    }
}

void depthwise_bands_backward(struct depthwise_bands *bands, const struct kernels *kernels, const float *x,
                              const float *dy, const struct depthwise_wanted *wanted) {
    if (wanted->kernel) kernel_gradient(bands, kernels, x, dy, wanted->kernel);
    if (wanted->bias) bias_gradient(bands, kernels, dy, wanted->bias);
    if (wanted->dx) data_gradient(bands, kernels, dy, wanted->dx);
}
