#include "layers/planar.h"

#include <string.h>

#include "layers/phase.h"

enum {
    BAND_FLOATS = 8192, /* of the planes of a band of rows: they stay near */
    CHUNK_CHANNELS = 8, /* that groups taken together have at least: what goes through registers at once */
    BAND_LEAST = 4,     /* rows */
    SLACK = 16,         /* floats that kernels may read past a plane */
    LINE = 16,          /* floats of a cache line */
};

struct planar planar_of(const struct geometry *geometry, int groups, int filters) {
    return (struct planar){.geometry = *geometry,
                           .dy = phase_geometry(geometry, filters),
                           .groups = groups,
                           .channels = geometry->channels / groups,
                           .filters = filters / groups};
}

/* What goes from pixels to planes once must serve several taps; few pixels are not worth the way. Groups of few
 * channels are worse off by pixels. */
static bool pays(const struct planar *planar) {
    enum { PIXELS_LEAST = 32 };
    const struct geometry *g = &planar->geometry;
    const bool reused = (int64_t)g->kernel[0] * g->kernel[1] > (int64_t)g->stride[0] * g->stride[1];
    return planar->groups > 1 || (reused && (int64_t)g->output[0] * g->output[1] >= PIXELS_LEAST);
}

/* Columns that a product over pixels has for each of its pixels: few, or somewhat more than a vector of 8, of which
 * every second one is then nearly empty. The latter are no great loss, and not worth the many short rows of strides. */
static bool leaves_lanes_empty(const struct planar *planar, int columns) {
    enum { COLUMNS_MOST = 12 };
    const struct geometry *g = &planar->geometry;
    if (columns < CHUNK_CHANNELS) return true;
    return columns > CHUNK_CHANNELS && columns <= COLUMNS_MOST && g->stride[0] == 1 && g->stride[1] == 1 &&
           g->kernel[0] > 1;
}

bool planar_gains_forward(const struct planar *planar) {
    return leaves_lanes_empty(planar, planar->filters) && pays(planar);
}

bool planar_gains_data(const struct planar *planar) {
    return leaves_lanes_empty(planar, planar->channels) && pays(planar);
}

/* Without groups and dilation a product over pixels has whole rows of the kernel as rows: enough of them, unless they
 * are very short. */
bool planar_gains_weights(const struct planar *planar) {
    enum { ROW_SHORT = 4 };
    const struct geometry *g = &planar->geometry;
    const bool few = planar->channels < CHUNK_CHANNELS && planar->filters < CHUNK_CHANNELS;
    const bool apart = planar->groups > 1 || g->dilation[1] > 1 || planar->channels <= ROW_SHORT / g->kernel[1];
    return few && apart && g->kernel[0] * g->kernel[1] > 1;
}

/* ---- planes ---- */

/* A band of rows of an image (height,width,channels) with its border: plane (a,b,channel) has at row r, column p the
 * pixel (r*stride + a - before, p*stride + b - before), for a < phases, b < phases. */
struct planes {
    const int *image; /* height, width */
    int all_channels; /* of the image */
    int channels;     /* that have planes */
    int before[2], stride[2], phases[2];
    int rows, pitch; /* of a plane */
    ptrdiff_t plane; /* floats from plane to plane */
    float *first;
};

/* An odd number of cache lines, so that planes fall into different sets of a cache. */
static void planes_take(struct planes *planes, struct pieces *pieces) {
    const size_t floats = (size_t)planes->rows * (size_t)planes->pitch + SLACK;
    planes->plane = (ptrdiff_t)((floats + LINE - 1) / LINE | 1) * LINE;
    const size_t count = (size_t)planes->channels * (size_t)(planes->phases[0] * planes->phases[1]);
    planes->first = pieces_take(pieces, count * (size_t)planes->plane, sizeof(float));
}

static ptrdiff_t plane_start(const struct planes *planes, int a, int b) {
    return ((ptrdiff_t)a * planes->phases[1] + b) * planes->channels * planes->plane;
}

/* What no image reaches is 0 from now on. */
static void planes_clear(const struct planes *planes) {
    const size_t count = (size_t)planes->channels * (size_t)(planes->phases[0] * planes->phases[1]);
    memset(planes->first, 0, count * (size_t)planes->plane * sizeof(float));
}

static int divide_up(int value, int by) {
    return value <= 0 ? 0 : (value + by - 1) / by;
}

/* Row r of the planes of phase (a,b), which is row `row` of the image. */
static void fill_row(const struct planes *planes, const struct kernels *kernels, const float *image, int row, int b,
                     float *to) {
    const int stride = planes->stride[1], left = planes->before[1] - b, width = planes->image[1];
    const int first = divide_up(left, stride), end = smaller(divide_up(width + left, stride), planes->pitch);
    if (row < 0 || row >= planes->image[0]) {
        for (int c = 0; c < planes->channels; c++, to += planes->plane)
            memset(to, 0, (size_t)planes->pitch * sizeof *to);
        return;
    }
    const float *from = image + ((ptrdiff_t)row * width + first * stride - left) * planes->all_channels;
    kernels->transpose(end - first, planes->channels, from, (ptrdiff_t)stride * planes->all_channels, to + first,
                       planes->plane);
}

/* The band from row `first` of the planes on. */
static void planes_fill(const struct planes *planes, const struct kernels *kernels, const float *image, int first) {
    for (int a = 0; a < planes->phases[0]; a++)
        for (int b = 0; b < planes->phases[1]; b++)
            for (int r = 0; r < planes->rows; r++)
                fill_row(planes, kernels, image, (first + r) * planes->stride[0] + a - planes->before[0], b,
                         planes->first + plane_start(planes, a, b) + (ptrdiff_t)r * planes->pitch);
}

/* ---- a band ---- */

/* Planes that a pass reads and planes that it writes (or reads also, for the gradient of the kernel), for `rows` rows
 * of what it goes over: y, or every phase of dx. */
struct band {
    struct planes in, out;
    int rows;
    int groups;                  /* together; they divide the groups evenly */
    ptrdiff_t *offsets, *starts; /* of the product, in the kernel and in the planes */
};

/* The fewest groups that make enough channels. */
static int groups_together(const struct planar *planar) {
    const int least = smaller(planar->channels, planar->filters);
    int together = 1;
    while (together < planar->groups && (planar->groups % together != 0 || together * (int64_t)least < CHUNK_CHANNELS))
        together++;
    return together;
}

/* So many rows that the planes stay near; `extent` more are read than written. */
static void band_take(struct band *band, const struct planar *planar, int height, int extent, struct pieces *pieces) {
    const struct geometry *g = &planar->geometry;
    const int phases = band->in.phases[0] * band->in.phases[1];
    const double row = ((double)band->in.channels * phases + band->out.channels) * band->in.pitch;
    const double most = BAND_FLOATS / row;
    band->rows = smaller(height, most < BAND_LEAST ? BAND_LEAST : (int)most);
    band->in.rows = band->rows + extent;
    band->out.rows = band->rows;
    band->out.pitch = band->in.pitch;
    const size_t taps = (size_t)g->kernel[0] * (size_t)g->kernel[1];
    planes_take(&band->in, pieces);
    planes_take(&band->out, pieces);
    band->offsets = pieces_take(pieces, taps * (size_t)planar->channels, sizeof *band->offsets);
    band->starts = pieces_take(pieces, taps, sizeof *band->starts);
}

/* Planes of x, of every phase that a tap of the kernel sees, and of y or dy. */
static struct band band_of_windows(const struct planar *planar, struct pieces *pieces) {
    const struct geometry *g = &planar->geometry;
    const int groups = groups_together(planar);
    struct band band = {.in = {.image = g->input, .all_channels = g->channels, .channels = groups * planar->channels},
                        .out = {.image = g->output,
                                .all_channels = planar->groups * planar->filters,
                                .channels = groups * planar->filters,
                                .stride = {1, 1},
                                .phases = {1, 1}},
                        .groups = groups};
    for (int axis = 0; axis < 2; axis++) {
        band.in.before[axis] = g->before[axis];
        band.in.stride[axis] = g->stride[axis];
        band.in.phases[axis] = smaller(g->kernel[axis], g->stride[axis]);
    }
    const int down = (g->kernel[0] - 1) * g->dilation[0] / g->stride[0];
    band.in.pitch = g->output[1] + (g->kernel[1] - 1) * g->dilation[1] / g->stride[1];
    band_take(&band, planar, g->output[0], down, pieces);
    return band;
}

/* Planes of dy with its border and of one phase of dx. */
static struct band band_of_gradient(const struct planar *planar, struct pieces *pieces) {
    const struct geometry *g = &planar->geometry;
    const int groups = groups_together(planar);
    struct band band = {.in = {.image = g->output,
                               .all_channels = planar->groups * planar->filters,
                               .channels = groups * planar->filters,
                               .stride = {1, 1},
                               .phases = {1, 1},
                               .pitch = planar->dy.padded[1]},
                        .out = {.image = g->input,
                                .all_channels = g->channels,
                                .channels = groups * planar->channels,
                                .stride = {1, 1},
                                .phases = {1, 1}},
                        .groups = groups};
    int extent = 0;
    for (int axis = 0; axis < 2; axis++) band.in.before[axis] = planar->dy.before[axis];
    for (int row = 0; row < phase_count(g, 0); row++) {
        const struct phase down = phase_at(g, 0, row);
        extent = larger(extent, down.start + planar->dy.before[0] + (down.taps - 1) * g->dilation[0]);
    }
    band_take(&band, planar, (g->input[0] - 1) / g->stride[0] + 1, extent, pieces);
    return band;
}

size_t planar_scratch_bytes(const struct planar *planar) {
    struct pieces windows = {0}, gradient = {0};
    band_of_windows(planar, &windows);
    band_of_gradient(planar, &gradient);
    return windows.used > gradient.used ? windows.used : gradient.used;
}

/* Where tap (i,j) of the kernel begins, as the memory of (kh,kw,c,f) has it. */
static ptrdiff_t tap_in_kernel(const struct planar *planar, int i, int j) {
    const ptrdiff_t filters = (ptrdiff_t)planar->groups * planar->filters;
    return ((ptrdiff_t)i * planar->geometry.kernel[1] + j) * planar->channels * filters;
}

/* Where it sees the windows' first pixel in the planes of x. */
static ptrdiff_t tap_in_planes(const struct planar *planar, const struct planes *x, int i, int j) {
    const struct geometry *g = &planar->geometry;
    const int row = i * g->dilation[0], column = j * g->dilation[1];
    return plane_start(x, row % g->stride[0], column % g->stride[1]) + (ptrdiff_t)(row / g->stride[0]) * x->pitch +
           column / g->stride[1];
}

/* ---- forward ---- */

/* y (f, band) = bias + sum over the taps and channels of a group of kernel * x; where there are fewer channels than
 * taps in a row of the kernel, the sum runs along that row. */
static struct product forward_product(const struct planar *planar, const struct band *band, const float *kernel) {
    const struct geometry *g = &planar->geometry;
    const ptrdiff_t filters = (ptrdiff_t)planar->groups * planar->filters;
    const bool along = planar->channels < g->kernel[1] && g->stride[1] == 1;
    const int across = along ? planar->channels : g->kernel[1];
    for (int i = 0; i < g->kernel[0]; i++)
        for (int t = 0; t < across; t++) {
            const int at = i * across + t;
            band->offsets[at] = tap_in_kernel(planar, i, along ? 0 : t) + (along ? t * filters : 0);
            band->starts[at] = tap_in_planes(planar, &band->in, i, along ? 0 : t) + (along ? t * band->in.plane : 0);
        }
    return (struct product){.m = planar->filters,
                            .taps = g->kernel[0] * across,
                            .depth = along ? g->kernel[1] : planar->channels,
                            .a = kernel,
                            .offsets = band->offsets,
                            .row = 1,
                            .column = along ? planar->channels * filters : filters,
                            .b = band->in.first,
                            .b_offsets = band->starts,
                            .b_row = along ? g->dilation[1] : band->in.plane,
                            .c = band->out.first,
                            .c_row = band->out.plane};
}

/* Rows from `first` on of the band's groups, whose kernel, bias and y begin here. */
static void forward_band(const struct planar *planar, const struct band *band, const struct kernels *kernels,
                         const float *kernel, const float *bias, int first, float *y) {
    const struct geometry *g = &planar->geometry;
    const int rows = smaller(band->rows, g->output[0] - first), filters = band->out.all_channels;
    struct product product = forward_product(planar, band, kernel);
    product.n = (rows - 1) * band->in.pitch + g->output[1];
    product.row_bias = bias;
    for (int group = 0; group < band->groups; group++) {
        kernels->product(&product);
        product.a += planar->filters;
        product.b += planar->channels * band->in.plane;
        product.c += planar->filters * band->out.plane;
        if (bias) product.row_bias += planar->filters;
    }
    for (int r = 0; r < rows; r++)
        kernels->transpose(band->out.channels, g->output[1], band->out.first + (ptrdiff_t)r * band->out.pitch,
                           band->out.plane, y + (ptrdiff_t)(first + r) * g->output[1] * filters, filters);
}

void planar_forward(const struct planar *planar, const struct pass *pass, const float *bias) {
    const struct geometry *g = &planar->geometry;
    const struct band band = band_of_windows(planar, &(struct pieces){.memory = pass->scratch});
    const size_t input = (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels;
    const size_t output = (size_t)g->output[0] * (size_t)g->output[1] * (size_t)band.out.all_channels;
    planes_clear(&band.in);
    for (int n = 0; n < pass->images; n++)
        for (int group = 0; group < planar->groups; group += band.groups)
            for (int first = 0; first < g->output[0]; first += band.rows) {
                const ptrdiff_t channel = (ptrdiff_t)group * planar->channels,
                                filter = (ptrdiff_t)group * planar->filters;
                planes_fill(&band.in, pass->kernels, pass->x + (size_t)n * input + channel, first);
                forward_band(planar, &band, pass->kernels, pass->parameters[0] + filter, bias ? bias + filter : NULL,
                             first, pass->y + (size_t)n * output + filter);
            }
}

/* ---- the gradient of the input ---- */

/* dx (c, band) of one phase = sum over its taps, flipped, and the filters of a group of kernel * dy */
static struct product data_product(const struct planar *planar, const struct band *band, const float *kernel,
                                   const struct phase *down, const struct phase *right) {
    const struct geometry *g = &planar->geometry;
    const ptrdiff_t filters = (ptrdiff_t)planar->groups * planar->filters;
    const bool along = planar->filters < right->taps;
    const int across = along ? planar->filters : right->taps;
    const ptrdiff_t step = g->stride[1] * planar->channels * filters; /* between taps of the phase */
    for (int u = 0; u < down->taps; u++)
        for (int t = 0; t < across; t++) {
            const int at = u * across + t, i = down->index + (down->taps - 1 - u) * g->stride[0];
            const int j = right->index + (right->taps - 1 - (along ? 0 : t)) * g->stride[1];
            const ptrdiff_t row = down->start + planar->dy.before[0] + u * g->dilation[0];
            const ptrdiff_t column = right->start + planar->dy.before[1] + (along ? 0 : t) * g->dilation[1];
            band->offsets[at] = tap_in_kernel(planar, i, j) + (along ? t : 0);
            band->starts[at] = row * band->in.pitch + column + (along ? t * band->in.plane : 0);
        }
    return (struct product){.m = planar->channels,
                            .taps = down->taps * across,
                            .depth = along ? right->taps : planar->filters,
                            .a = kernel,
                            .offsets = band->offsets,
                            .row = filters,
                            .column = along ? -step : 1,
                            .b = band->in.first,
                            .b_offsets = band->starts,
                            .b_row = along ? g->dilation[1] : band->in.plane,
                            .c = band->out.first,
                            .c_row = band->out.plane};
}

/* The pixels (row,column) and on in steps of the strides, of a band's groups, whose kernel and dx begin here. */
static void data_phase(const struct planar *planar, const struct band *band, const struct kernels *kernels,
                       const float *kernel, const float *bias, int row, int column, int first, float *dx) {
    const struct geometry *g = &planar->geometry;
    const struct phase down = phase_at(g, 0, row), right = phase_at(g, 1, column);
    const int rows = smaller(band->rows, down.outputs - first), channels = g->channels;
    struct product product = data_product(planar, band, kernel, &down, &right);
    product.n = (rows - 1) * band->in.pitch + right.outputs;
    product.row_bias = bias;
    if (rows < 1) return;
    for (int group = 0; group < band->groups; group++) {
        kernels->product(&product);
        product.a += planar->filters;
        product.b += planar->filters * band->in.plane;
        product.c += planar->channels * band->out.plane;
        if (bias) product.row_bias += planar->channels;
    }
    for (int r = 0; r < rows; r++) {
        const ptrdiff_t pixel = (row + (ptrdiff_t)(first + r) * g->stride[0]) * g->input[1] + column;
        kernels->transpose(band->out.channels, right.outputs, band->out.first + (ptrdiff_t)r * band->out.pitch,
                           band->out.plane, dx + pixel * channels, (ptrdiff_t)g->stride[1] * channels);
    }
}

static void data_band(const struct planar *planar, const struct band *band, const struct kernels *kernels,
                      const float *kernel, const float *bias, int first, float *dx) {
    for (int row = 0; row < phase_count(&planar->geometry, 0); row++)
        for (int column = 0; column < phase_count(&planar->geometry, 1); column++)
            data_phase(planar, band, kernels, kernel, bias, row, column, first, dx);
}

void planar_data_gradient(const struct planar *planar, const struct pass *pass, const float *bias) {
    const struct geometry *g = &planar->geometry;
    const struct band band = band_of_gradient(planar, &(struct pieces){.memory = pass->scratch});
    const size_t input = (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels;
    const size_t output = (size_t)g->output[0] * (size_t)g->output[1] * (size_t)band.in.all_channels;
    planes_clear(&band.in);
    for (int n = 0; n < pass->images; n++)
        for (int group = 0; group < planar->groups; group += band.groups)
            for (int first = 0; first <= (g->input[0] - 1) / g->stride[0]; first += band.rows) {
                const ptrdiff_t channel = (ptrdiff_t)group * planar->channels,
                                filter = (ptrdiff_t)group * planar->filters;
                planes_fill(&band.in, pass->kernels, pass->dy + (size_t)n * output + filter, first);
                data_band(planar, &band, pass->kernels, pass->parameters[0] + filter, bias ? bias + channel : NULL,
                          first, pass->dx + (size_t)n * input + channel);
            }
}

/* ---- the gradient of the kernel ---- */

/* Every weight is one sum along two planes; what lies between the rows of dy is 0. */
static void kernel_band(const struct planar *planar, const struct band *band, const struct kernels *kernels, int first,
                        float *gradient) {
    const struct geometry *g = &planar->geometry;
    const int rows = smaller(band->rows, g->output[0] - first);
    ptrdiff_t *offset = band->offsets;
    for (int i = 0; i < g->kernel[0]; i++)
        for (int j = 0; j < g->kernel[1]; j++)
            for (int c = 0; c < planar->channels; c++)
                *offset++ = tap_in_planes(planar, &band->in, i, j) + c * band->in.plane;
    for (int group = 0; group < band->groups; group++) {
        const ptrdiff_t filter = (ptrdiff_t)group * planar->filters;
        const struct dots dots = {.m = (int)(offset - band->offsets),
                                  .n = planar->filters,
                                  .depth = (rows - 1) * band->in.pitch + g->output[1],
                                  .a = band->in.first + (ptrdiff_t)group * planar->channels * band->in.plane,
                                  .offsets = band->offsets,
                                  .b = band->out.first + filter * band->out.plane,
                                  .b_row = band->out.plane,
                                  .c = gradient + filter,
                                  .c_row = (ptrdiff_t)planar->groups * planar->filters,
                                  .accumulate = true};
        kernels->dots(&dots);
    }
}

void planar_kernel_gradient(const struct planar *planar, const struct pass *pass, float *gradient) {
    const struct geometry *g = &planar->geometry;
    const struct band band = band_of_windows(planar, &(struct pieces){.memory = pass->scratch});
    const size_t input = (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels;
    const size_t output = (size_t)g->output[0] * (size_t)g->output[1] * (size_t)band.out.all_channels;
    planes_clear(&band.in);
    planes_clear(&band.out);
    for (int n = 0; n < pass->images; n++)
        for (int group = 0; group < planar->groups; group += band.groups)
            for (int first = 0; first < g->output[0]; first += band.rows) {
                const ptrdiff_t channel = (ptrdiff_t)group * planar->channels,
                                filter = (ptrdiff_t)group * planar->filters;
                planes_fill(&band.in, pass->kernels, pass->x + (size_t)n * input + channel, first);
                planes_fill(&band.out, pass->kernels, pass->dy + (size_t)n * output + filter, first);
                kernel_band(planar, &band, pass->kernels, first, gradient + filter);
            }
}
