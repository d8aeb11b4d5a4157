#include "layers/depthwise.h"

#include <string.h>

enum {
    WIDE_MOST = 7,      /* channels for which the columns that a stride leaves out are computed too */
    FLAT_LEAST = 256,   /* floats of a row that is taken together with all others */
    BANDED_LEAST = 128, /* floats of a row that is always better taken with its neighbours */
    BANDED_MOST = 512,  /* and of one that is where a copy is made in any case */
};

static bool is_power_of_two(int number) {
    return (number & (number - 1)) == 0;
}

/* Rows one by one read x where it is, each number repeated in registers, if the multiplier is a power of two. */
static bool is_banded(const struct geometry *g, int multiplier) {
    const int channels = g->channels * multiplier;
    if (g->stride[0] > 1 || g->stride[1] > 1) return true;
    if (multiplier > 1 && is_power_of_two(multiplier)) return channels <= BANDED_LEAST / g->output[1];
    if (multiplier > 1 && channels % DEPTHWISE_TOGETHER_MOST != 0) return true;
    return channels <= BANDED_MOST / g->output[1];
}

/* The copy of the pixels of x that a kernel of size 1 along an axis sees; *g becomes the geometry of the rest. */
static void take_pick(struct depthwise *depthwise, struct geometry *g, struct pieces *pieces) {
    const struct geometry *all = &depthwise->geometry;
    int step[2] = {1, 1};
    for (int axis = 0; axis < 2; axis++) {
        if (g->kernel[axis] > 1 || g->stride[axis] == 1) continue;
        step[axis] = g->stride[axis];
        g->stride[axis] = 1;
        g->input[axis] = g->padded[axis] = g->output[axis];
    }
    if (step[0] * step[1] == 1) return;
    const bool rows = step[1] == 1;
    depthwise->pick = (struct pixels){
        .rows = g->input[0],
        .pixels = rows ? 1 : g->input[1],
        .channels = rows ? g->input[1] * g->channels : g->channels,
        .from_row = (ptrdiff_t)step[0] * all->input[1] * g->channels,
        .from_pixel = (ptrdiff_t)step[1] * g->channels,
        .to_row = (ptrdiff_t)g->input[1] * g->channels,
        .to_pixel = g->channels,
    };
    depthwise->picked =
        pieces_take(pieces, (size_t)g->input[0] * (size_t)depthwise->pick.to_row + DEPTHWISE_SLACK, sizeof(float));
}

/* y with the columns that a stride along the width leaves out. */
static void take_wide(struct depthwise *depthwise, struct geometry *g, struct pieces *pieces) {
    const int stride = g->stride[1], width = (g->output[1] - 1) * stride + 1;
    if (stride == 1 || depthwise->channels > WIDE_MOST) return;
    depthwise->spread = (struct pixels){
        .rows = g->output[0],
        .pixels = g->output[1],
        .channels = depthwise->channels,
        .from_row = (ptrdiff_t)g->output[1] * depthwise->channels,
        .from_pixel = depthwise->channels,
        .to_row = (ptrdiff_t)width * depthwise->channels,
        .to_pixel = (ptrdiff_t)stride * depthwise->channels,
    };
    g->stride[1] = 1;
    g->output[1] = width;
    depthwise->wide =
        pieces_take(pieces, (size_t)g->output[0] * (size_t)depthwise->spread.to_row + DEPTHWISE_SLACK, sizeof(float));
}

/* An image that a 1x1 kernel sees is one long row. Short rows are better taken as they are. */
static void take_flat(struct geometry *g, int multiplier) {
    const bool plain = g->kernel[0] == 1 && g->kernel[1] == 1 && g->stride[0] == 1 && g->stride[1] == 1;
    if (!plain || !is_power_of_two(multiplier) || g->channels * multiplier <= FLAT_LEAST / g->input[1]) return;
    g->input[1] = g->padded[1] = g->output[1] = g->input[0] * g->input[1];
    g->input[0] = g->padded[0] = g->output[0] = 1;
}

struct depthwise depthwise_take(const struct shape *input, const struct sliding *sliding, int multiplier,
                                const struct kernels *kernels, struct pieces *pieces) {
    struct depthwise depthwise = {.geometry = geometry_of(input, sliding), .channels = input->size[2] * multiplier};
    depthwise.circular = circular_take(sliding, &depthwise.geometry, pieces);
    struct geometry g = depthwise.geometry;
    take_pick(&depthwise, &g, pieces);
    take_wide(&depthwise, &g, pieces);
    take_flat(&g, multiplier);
    depthwise.banded = is_banded(&g, multiplier);
    if (depthwise.banded)
        depthwise.bands = depthwise_bands_take(&g, multiplier, kernels, pieces);
    else
        depthwise.rows = depthwise_rows_take(&g, multiplier, kernels, pieces);
    return depthwise;
}

void depthwise_begin_forward(struct depthwise *depthwise, const float *kernel, const float *bias) {
    if (depthwise->banded)
        depthwise_bands_begin_forward(&depthwise->bands, kernel, bias);
    else
        depthwise_rows_begin_forward(&depthwise->rows, kernel, bias);
}

void depthwise_begin_backward(struct depthwise *depthwise, const float *kernel) {
    if (depthwise->wide)
        memset(depthwise->wide, 0,
               (size_t)depthwise->spread.rows * (size_t)depthwise->spread.to_row * sizeof *depthwise->wide);
    if (depthwise->banded)
        depthwise_bands_begin_backward(&depthwise->bands, kernel);
    else
        depthwise_rows_begin_backward(&depthwise->rows, kernel);
}

static struct pixels reversed(const struct pixels *pixels) {
    struct pixels other = *pixels;
    other.from_row = pixels->to_row;
    other.from_pixel = pixels->to_pixel;
    other.to_row = pixels->from_row;
    other.to_pixel = pixels->from_pixel;
    return other;
}

/* The pixels of x that are seen. */
static const float *pick(const struct depthwise *depthwise, const struct kernels *kernels, const float *x) {
    if (!depthwise->picked) return x;
    kernels->copy_pixels(&depthwise->pick, x, depthwise->picked);
    return depthwise->picked;
}

void depthwise_forward(struct depthwise *depthwise, const struct kernels *kernels, const float *x, float *y) {
    if (depthwise->circular.wraps) x = circular_wrap(&depthwise->circular, x);
    const float *seen = pick(depthwise, kernels, x);
    float *all = depthwise->wide ? depthwise->wide : y;
    if (depthwise->banded)
        depthwise_bands_forward(&depthwise->bands, kernels, seen, all);
    else
        depthwise_rows_forward(&depthwise->rows, kernels, seen, all);
    if (!depthwise->wide) return;
    const struct pixels back = reversed(&depthwise->spread);
    kernels->copy_pixels(&back, all, y);
}

/* Of the image with its circular border, where it has one. x and wanted->dx may be the same memory: a row of x is read
 * before that row of dx is written. */
static void backward(struct depthwise *depthwise, const struct kernels *kernels, const float *x, const float *dy,
                     const struct depthwise_wanted *wanted) {
    const struct geometry *g = &depthwise->geometry;
    struct depthwise_wanted inner = *wanted;
    const float *seen = wanted->kernel ? pick(depthwise, kernels, x) : NULL, *all = dy;
    if (depthwise->wide) {
        kernels->copy_pixels(&depthwise->spread, dy, depthwise->wide);
        all = depthwise->wide;
    }
    if (wanted->dx && depthwise->picked) inner.dx = depthwise->picked;
    if (depthwise->banded)
        depthwise_bands_backward(&depthwise->bands, kernels, seen, all, &inner);
    else
        depthwise_rows_backward(&depthwise->rows, kernels, seen, all, &inner);
    if (!wanted->dx || !depthwise->picked) return;
    memset(wanted->dx, 0, (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels * sizeof *wanted->dx);
    const struct pixels back = reversed(&depthwise->pick);
    kernels->copy_pixels(&back, inner.dx, wanted->dx);
}

void depthwise_backward(struct depthwise *depthwise, const struct kernels *kernels, const float *x, const float *dy,
                        const struct depthwise_wanted *wanted) {
    const struct circular *circular = &depthwise->circular;
    if (!circular->wraps) {
        backward(depthwise, kernels, x, dy, wanted);
        return;
    }
    struct depthwise_wanted wide = *wanted;
    if (wanted->dx) wide.dx = circular->wide;
    backward(depthwise, kernels, wanted->kernel ? circular_wrap(circular, x) : x, dy, &wide);
    if (wanted->dx) circular_fold(circular, kernels, wanted->dx);
}

/* A convolution whose groups are the channels: its kernel (kh,kw,1,c*multiplier) lies in memory as
 * (kh,kw,c,multiplier). */
int depthwise_describe(const struct shape *input, const struct sliding *sliding, int multiplier, struct graph *graph,
                       int x, int kernel, int bias) {
    struct geometry geometry = geometry_of(input, sliding);
    const int wide = circular_describe(sliding, &geometry, graph, x);
    struct graph_window window = geometry_describe(&geometry);
    window.groups = geometry.channels;
    const struct shape shape = {4, {sliding->kernel[0], sliding->kernel[1], 1, geometry.channels * multiplier}};
    return graph_convolve(graph, wide, graph_reshape(graph, kernel, &shape), bias, &window);
}
