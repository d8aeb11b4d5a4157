#include "layers/depthwise_bands.h"

#include <string.h>

enum {
    WHOLE_MOST = 512,   /* floats of a row that may be one period */
    WHOLE_LEAST = 128,  /* and of one that always is */
    PERIODS_LEAST = 8,  /* periods a row that let a kernel work at full speed */
    BAND_MOST = 6144,   /* floats of a band */
    CHANNELS_APART = 8, /* of pixels some way apart that are written one by one */
};

struct tap {
    int row, column;
};

/* ---- plan ---- */

/* Whether a row without a stride is a period, and a band one long row. Then the kernel stands as often in its copy as a
 * row has pixels. */
static bool is_whole(int pixels, int channels) {
    if (channels <= WHOLE_LEAST / pixels) return true;
    return channels <= WHOLE_MOST / pixels &&
           pixels / depthwise_pixels_filling(pixels, channels, DEPTHWISE_TOGETHER_MOST) < PERIODS_LEAST;
}

/* With a stride along the width, pixels that kernels see one after another stand apart. */
static void take_periods(struct depthwise_bands *bands, int vector) {
    const int channels = bands->channels, of_x = bands->geometry.input[1], of_y = bands->geometry.output[1];
    bands->period_forward = bands->period_sums = bands->period_backward = channels;
    if (bands->geometry.stride[1] > 1) return;
    bands->whole_forward = is_whole(of_y, channels);
    bands->whole_backward = is_whole(of_x, channels);
    const int taps = bands->geometry.kernel[0] * bands->geometry.kernel[1];
    bands->period_sums *= bands->whole_forward ? of_y : depthwise_pixels_of_sums(of_y, channels, taps);
    bands->period_forward *= bands->whole_forward ? of_y : depthwise_pixels_nearly_filling(of_y, channels, vector);
    bands->period_backward *= bands->whole_backward ? of_x : depthwise_pixels_nearly_filling(of_x, channels, vector);
}

/* Room for a period with any vector. */
static int period_room(int pixels, int channels) {
    return is_whole(pixels, channels) ? pixels * channels : larger(DEPTHWISE_PERIOD_MOST, channels);
}

/* number / by, rounded up; 0 below 1 */
static int ceil_of(int number, int by) {
    return number > 0 ? (number - 1) / by + 1 : 0;
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
    const size_t floats = (size_t)band->needed * (size_t)band->row + DEPTHWISE_SLACK;
    if (band->copies) band->memory = pieces_take(pieces, floats, sizeof(float));
}

static struct band x_band(const struct depthwise_bands *bands) {
    const struct geometry *g = &bands->geometry;
    struct band band = {.copies = bands->multiplier > 1 || geometry_is_padded(g)};
    const int seen = (g->output[1] - 1) * g->stride[1] + (g->kernel[1] - 1) * g->dilation[1] + 1;
    const int pixels = band.copies ? seen : g->input[1];
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
    const int channels = g->channels * multiplier;
    struct depthwise_bands bands = {.geometry = *g, .multiplier = multiplier, .channels = channels};
    take_periods(&bands, kernels ? kernels->vector : 1);
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
    bands.spread = pieces_take(pieces, spread + DEPTHWISE_SLACK, sizeof(float));
    const size_t line = (size_t)bands.dy.rows * (size_t)g->input[1] * (size_t)channels + DEPTHWISE_SLACK;
    bands.line = pieces_take(pieces, line, sizeof(float));
    bands.dense = pieces_take(pieces, line, sizeof(float));
    bands.from = pieces_take(pieces, taps, sizeof *bands.from);
    return bands;
}

static void band_clear(const struct band *band) {
    if (band->copies)
        memset(band->memory, 0, ((size_t)band->needed * (size_t)band->row + DEPTHWISE_SLACK) * sizeof(float));
}

/* The n-th of `kernel` taps along an axis, those first that are a stride apart: 0, 2, 1 of three with stride 2. */
static int nth_tap(int kernel, int stride, int n) {
    for (int phase = 0;; phase++) {
        const int count = ceil_of(kernel - phase, stride);
        if (n < count) return phase + n * stride;
        n -= count;
    }
}

/* Taps above one another follow one another where a row is a period, taps beside one another where it is not: a kernel
 * shares what they load. */
static struct tap forward_tap(const struct depthwise_bands *bands, int t) {
    const struct geometry *g = &bands->geometry;
    const int *kernel = g->kernel;
    if (bands->whole_forward) return (struct tap){nth_tap(kernel[0], g->stride[0], t % kernel[0]), t / kernel[0]};
    return (struct tap){t / kernel[1], nth_tap(kernel[1], g->stride[1], t % kernel[1])};
}

void depthwise_bands_begin_forward(struct depthwise_bands *bands, const float *kernel, const float *bias) {
    const struct geometry *g = &bands->geometry;
    for (int t = 0; t < g->kernel[0] * g->kernel[1]; t++) {
        const struct tap tap = forward_tap(bands, t);
        depthwise_repeat_pixel(kernel + (ptrdiff_t)(tap.row * g->kernel[1] + tap.column) * bands->channels,
                               bands->channels, bands->period_forward, bands->kernel + t * bands->tap);
    }
    bands->has_bias = bias != NULL;
    if (bias) depthwise_repeat_pixel(bias, bands->channels, bands->period_forward, bands->bias);
    band_clear(&bands->x);
}

/* How many phases rows (columns) of x have: those of a phase are a stride apart and meet the same taps. */
static int phases(const struct geometry *g, int axis) {
    return smaller(g->stride[axis], g->before[axis] + g->input[axis]);
}

/* Taps that meet the same phases of x. */
struct meeting {
    struct tap first;
    int rows, columns;
};

static struct meeting meeting_of(const struct geometry *g, int row, int column) {
    return (struct meeting){
        {row, column}, ceil_of(g->kernel[0] - row, g->stride[0]), ceil_of(g->kernel[1] - column, g->stride[1])};
}

/* Their order is the forward one upside down. */
static struct tap backward_tap(const struct depthwise_bands *bands, const struct meeting *meeting, int t) {
    const struct geometry *g = &bands->geometry;
    const int row = bands->whole_backward ? t % meeting->rows : t / meeting->columns;
    const int column = bands->whole_backward ? t / meeting->rows : t % meeting->columns;
    return (struct tap){meeting->first.row + (meeting->rows - 1 - row) * g->stride[0],
                        meeting->first.column + (meeting->columns - 1 - column) * g->stride[1]};
}

void depthwise_bands_begin_backward(struct depthwise_bands *bands, const float *kernel) {
    const struct geometry *g = &bands->geometry;
    float *to = bands->kernel;
    for (int i = 0; i < phases(g, 0); i++)
        for (int j = 0; j < phases(g, 1); j++) {
            const struct meeting meeting = meeting_of(g, i, j);
            for (int t = 0; t < meeting.rows * meeting.columns; t++, to += bands->tap) {
                const struct tap tap = backward_tap(bands, &meeting, t);
                depthwise_repeat_pixel(kernel + (ptrdiff_t)(tap.row * g->kernel[1] + tap.column) * bands->channels,
                                       bands->channels, bands->period_backward, to);
            }
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

/* Where in rows of the copy a tap of y's first row looks. */
static const float *tap_at(const struct depthwise_bands *bands, const float *rows, struct tap tap) {
    const struct geometry *g = &bands->geometry;
    return rows + tap.row * g->dilation[0] * bands->x.row + (ptrdiff_t)tap.column * g->dilation[1] * bands->channels;
}

static void look_forward(const struct depthwise_bands *bands, const float *rows) {
    for (int t = 0; t < bands->geometry.kernel[0] * bands->geometry.kernel[1]; t++)
        bands->from[t] = tap_at(bands, rows, forward_tap(bands, t));
}

static void look_for_gradient(const struct depthwise_bands *bands, const float *rows) {
    const float **from = bands->from;
    for (int i = 0; i < bands->geometry.kernel[0]; i++)
        for (int j = 0; j < bands->geometry.kernel[1]; j++) *from++ = tap_at(bands, rows, (struct tap){i, j});
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
        .step = whole ? step : (ptrdiff_t)g->stride[1] * bands->period_forward,
        .y_step = bands->period_forward,
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
        .from_step = whole ? step : (ptrdiff_t)g->stride[1] * bands->period_sums,
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

/* Rows (columns) first, first + stride, ... of x, `count` of them, meet the same taps; where tap 0 looked for the first
 * of them stands y's row `place`, the next row for the next. */
struct phase {
    int first, count, place;
};

/* Those whose place is in [from, end). */
static struct phase phase_of(const struct geometry *g, int axis, int phase, int from, int end) {
    const int stride = g->stride[axis], before = g->before[axis];
    const int place = larger(from, ceil_of(before - phase, stride));
    const int stop = smaller(end, ceil_of(g->input[axis] + before - phase, stride));
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

/* Where the taps look that meet a pixel which has its place at `place`. */
static void look_backward(const struct depthwise_bands *bands, const struct meeting *meeting, const float *place) {
    const struct geometry *g = &bands->geometry;
    for (int t = 0; t < meeting->rows * meeting->columns; t++) {
        const struct tap tap = backward_tap(bands, meeting, t);
        bands->from[t] = place - tap.row * g->dilation[0] / g->stride[0] * bands->dy.row -
                         (ptrdiff_t)(tap.column * g->dilation[1] / g->stride[1]) * bands->channels;
    }
}

/* The taps' sums for `rows` rows of `pixels` pixels, which stand some way apart in `to`. */
static void phase_sums(const struct depthwise_bands *bands, const struct kernels *kernels, const float *kernel,
                       int taps, const struct pixels *pixels, float *to) {
    const int width = pixels->pixels * bands->channels, rows = pixels->rows;
    const bool whole = bands->whole_backward;
    struct depthwise_row row = {
        .period = bands->period_backward,
        .repeat = 1,
        .count = whole ? rows * width : width,
        .step = whole ? bands->dy.row : bands->period_backward,
        .y_step = whole ? pixels->to_row : pixels->to_pixel * (bands->period_backward / bands->channels),
        .taps = taps,
        .from = bands->from,
        .tap = bands->tap,
    };
    for (int r = 0; r < rows; r += whole ? rows : 1, to += pixels->to_row) {
        kernels->depthwise_row(&row, kernel, NULL, to);
        move_on(bands, taps, bands->dy.row);
    }
}

/* The pixels of x in some of the rows and columns. Few channels, which pixels some way apart cannot take as whole
 * vectors, and kernels that are to be added up go by way of a line. */
static void phase_gradient(const struct depthwise_bands *bands, const struct kernels *kernels, const float *kernel,
                           int taps, const struct phase *down, const struct phase *along, float *dx) {
    const struct geometry *g = &bands->geometry;
    const ptrdiff_t row = (ptrdiff_t)g->input[1] * g->channels;
    const struct pixels inside = {.rows = down->count,
                                  .pixels = along->count,
                                  .channels = g->channels,
                                  .from_row = (ptrdiff_t)along->count * g->channels,
                                  .from_pixel = g->channels,
                                  .to_row = g->stride[0] * row,
                                  .to_pixel = (ptrdiff_t)g->stride[1] * g->channels};
    const struct pixels apart = {.rows = down->count,
                                 .pixels = along->count,
                                 .to_row = (ptrdiff_t)along->count * bands->channels,
                                 .to_pixel = bands->channels};
    float *to = dx + down->first * row + (ptrdiff_t)along->first * g->channels, *line = bands->line;
    if (bands->multiplier == 1 && (g->stride[1] == 1 || g->channels >= CHANNELS_APART)) {
        phase_sums(bands, kernels, kernel, taps, &inside, to);
        return;
    }
    phase_sums(bands, kernels, kernel, taps, &apart, line);
    const bool straight = g->stride[0] == 1 && g->stride[1] == 1;
    if (bands->multiplier > 1) {
        float *sums = straight ? to : bands->dense;
        kernels->sum_neighbours(down->count * along->count * g->channels, bands->multiplier, line, sums);
        line = sums;
    }
    if (!straight) kernels->copy_pixels(&inside, line, to);
}

static void data_gradient(const struct depthwise_bands *bands, const struct kernels *kernels, const float *dy,
                          float *dx) {
    const struct geometry *g = &bands->geometry;
    const int begin = g->before[0] / g->stride[0], end = begin + y_rows(g, 0);
    for (int first = begin; first < end; first += bands->dy.rows) {
        const int rows = smaller(bands->dy.rows, end - first);
        const float *copy = fill_dy(bands, kernels, dy, first, rows), *kernel = bands->kernel;
        for (int i = 0; i < phases(g, 0); i++)
            for (int j = 0; j < phases(g, 1); j++) {
                const struct meeting meeting = meeting_of(g, i, j);
                const struct phase down = phase_of(g, 0, i, first, first + rows);
                const struct phase along = phase_of(g, 1, j, 0, INT_MAX);
                const int taps = meeting.rows * meeting.columns;
                if (down.count > 0 && along.count > 0) {
                    look_backward(bands, &meeting,
                                  copy + (down.place - first + farthest(g, 0)) * bands->dy.row +
                                      (ptrdiff_t)(along.place + bands->left) * bands->channels);
                    phase_gradient(bands, kernels, kernel, taps, &down, &along, dx);
                }
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
