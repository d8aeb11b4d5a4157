#include "layers/col2im.h"

#include <string.h>

enum {
    STAGE_MOST = 16384, /* floats of what some rows of windows say, which stay in the second-level cache */
};

/* Numbers that a window sees in one row of the image. */
static int width_of(const struct col2im *col2im) {
    return col2im->geometry.kernel[1] * col2im->geometry.channels;
}

/* Rows of windows that go together. */
static int rows_together(const struct col2im *col2im) {
    const struct geometry *g = &col2im->geometry;
    const ptrdiff_t row = (ptrdiff_t)g->output[1] * width_of(col2im);
    return row >= STAGE_MOST ? 1 : smaller((int)(STAGE_MOST / row), g->output[0]);
}

static size_t panels_of_row(const struct col2im *col2im) {
    return panels_floats((size_t)col2im->filters, (size_t)width_of(col2im));
}

size_t col2im_scratch_bytes(const struct col2im *col2im) {
    const size_t windows = (size_t)rows_together(col2im) * (size_t)col2im->geometry.output[1];
    struct pieces pieces = {0};
    pieces_take(&pieces, windows * (size_t)width_of(col2im), sizeof(float));
    return pieces.used;
}

size_t col2im_packed_floats(const struct col2im *col2im) {
    return (size_t)col2im->geometry.kernel[0] * panels_of_row(col2im);
}

void col2im_pack(const struct col2im *col2im, const struct pass *pass, float *packed, int part, int parts) {
    const ptrdiff_t row = (ptrdiff_t)width_of(col2im) * col2im->filters;
    for (int i = 0; i < col2im->geometry.kernel[0]; i++)
        panels_pack_transposed(pass->kernels->vector, width_of(col2im), col2im->filters, pass->parameters[0] + i * row,
                               packed + (size_t)i * panels_of_row(col2im), part, parts);
}

/* stage (windows,kw*c) = dy (windows,f) times the transposed row of the kernel (f,kw*c) */
static void window_gradients(const struct col2im *col2im, const struct kernels *kernels, int windows, const float *dy,
                             const float *panels, float *stage) {
    const int width = width_of(col2im);
    const struct product product = {
        .m = windows,
        .n = width,
        .taps = 1,
        .depth = col2im->filters,
        .a = dy,
        .row = col2im->filters,
        .column = 1,
        .b = panels,
        .b_row = kernels->vector,
        .b_panel = (ptrdiff_t)col2im->filters * kernels->vector,
        .c = stage,
        .c_row = width,
    };
    kernels->product(&product);
}

/* `rows` rows of windows, the first being row `first`, are added to the rows of the image that row i of the kernel lies
 * on. Without dilation along the width, what a window sees lies in one piece there. */
static void add_windows(const struct col2im *col2im, const struct kernels *kernels, const float *stage, int first,
                        int rows, int i, float *dx) {
    const struct geometry *g = &col2im->geometry;
    const int width = width_of(col2im);
    for (int r = first; r < first + rows; r++) {
        float *x_row = dx + ((ptrdiff_t)r * g->stride[0] + i * g->dilation[0]) * g->input[1] * g->channels;
        for (int p = 0; p < g->output[1]; p++, stage += width)
            kernels->add((size_t)width, stage, x_row + (ptrdiff_t)p * g->stride[1] * g->channels);
    }
}

static void start_image(const struct geometry *g, const float *bias, float *dx) {
    const int pixels = g->input[0] * g->input[1];
    if (!bias) {
        memset(dx, 0, (size_t)pixels * (size_t)g->channels * sizeof *dx);
        return;
    }
    for (int pixel = 0; pixel < pixels; pixel++, dx += g->channels) memcpy(dx, bias, (size_t)g->channels * sizeof *dx);
}

static void image_gradient(const struct col2im *col2im, const struct kernels *kernels, const float *dy,
                           const float *packed, float *stage, float *dx) {
    const struct geometry *g = &col2im->geometry;
    const int together = rows_together(col2im);
    for (int first = 0, rows; first < g->output[0]; first += rows) {
        rows = smaller(together, g->output[0] - first);
        for (int i = 0; i < g->kernel[0]; i++) {
            window_gradients(col2im, kernels, rows * g->output[1],
                             dy + (ptrdiff_t)first * g->output[1] * col2im->filters,
                             packed + (size_t)i * panels_of_row(col2im), stage);
            add_windows(col2im, kernels, stage, first, rows, i, dx);
        }
    }
}

void col2im_data_gradient(const struct col2im *col2im, const struct pass *pass, const float *packed,
                          const float *bias) {
    const struct geometry *g = &col2im->geometry;
    const size_t input = (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels;
    const size_t output = (size_t)g->output[0] * (size_t)g->output[1] * (size_t)col2im->filters;
    for (int n = 0; n < pass->images; n++) {
        float *dx = pass->dx + (size_t)n * input;
        start_image(g, bias, dx);
        image_gradient(col2im, pass->kernels, pass->dy + (size_t)n * output, packed, pass->scratch, dx);
    }
}

double col2im_advantage(const struct geometry *g, int groups, int filters) {
    if (groups > 1 || g->dilation[1] > 1 || geometry_is_padded(g)) return 0;
    /* of the time: what the product takes, and what adding takes, in filters; found by measurement */
    const double product = 0.95, adding = 14;
    const double advantage = product * filters / (filters + adding);
    const double swept = (double)g->input[0] * g->input[1] / ((double)g->stride[0] * g->stride[1]);
    const double windows = (double)g->output[0] * g->output[1];
    return advantage * swept > windows ? advantage : 0;
}
