#include "layers/windows_batch.h"

#include <string.h>

#include "core/batch.h"
#include "core/memory.h"

enum {
    VECTOR_MOST = 16,    /* shares are whole vectors */
    BLOCK_ROWS = 32,     /* of the kernel, transposed at a time */
    GRADIENT_ROWS = 128, /* of the kernel's gradient, computed at a time */
};

/* Numbers that a window sees: rows of the kernel (kh*kw*c,f). */
static int depth_of(const struct geometry *g) {
    return g->kernel[0] * g->kernel[1] * g->channels;
}

static int windows_of(const struct geometry *g) {
    return g->output[0] * g->output[1];
}

static size_t input_floats(const struct geometry *g) {
    return (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels;
}

int windows_batch_images(const struct geometry *g, int groups, int filters) {
    enum { WINDOWS_MOST = 4, FILTERS_LEAST = 16, WEIGHTS_LEAST = 1 << 18 };
    const double depth = (double)g->kernel[0] * g->kernel[1] * g->channels;
    if (groups > 1 || (double)g->output[0] * g->output[1] > WINDOWS_MOST) return 0;
    if (filters < FILTERS_LEAST || depth * filters < WEIGHTS_LEAST) return 0;
    return depth * WINDOWS_MOST * ENGINE_GROUP <= INT_MAX ? ENGINE_GROUP : 0;
}

size_t windows_batch_common_bytes(const struct geometry *g) {
    return size_align((size_t)windows_of(g) * (size_t)depth_of(g) * sizeof(float));
}

size_t windows_batch_scratch_bytes(int filters) {
    return panels_floats((size_t)filters, BLOCK_ROWS) * sizeof(float);
}

size_t windows_batch_gradient_bytes(const struct geometry *g) {
    return (size_t)ENGINE_GROUP * (size_t)windows_of(g) * GRADIENT_ROWS * sizeof(float);
}

/* ---- windows ---- */

/* Where tap `tap` of window `window` lies in an image (h,w,c), in floats; -1: on its border. */
static ptrdiff_t cell_of(const struct geometry *g, int window, int tap) {
    const int place[2] = {window / g->output[1], window % g->output[1]},
              from[2] = {tap / g->kernel[1], tap % g->kernel[1]};
    int at[2];
    for (int axis = 0; axis < 2; axis++) {
        at[axis] = place[axis] * g->stride[axis] + from[axis] * g->dilation[axis] - g->before[axis];
        if (at[axis] < 0 || at[axis] >= g->input[axis]) return -1;
    }
    return ((ptrdiff_t)at[0] * g->input[1] + at[1]) * g->channels;
}

/* Rows [first, end) of the kernel: of the numbers that windows see. */
struct stretch {
    int first, end;
};

/* Those of one tap among them, from its channel `channel` on. */
struct piece {
    int tap, channel, count;
};

static struct piece piece_at(const struct geometry *g, struct stretch rows, int row) {
    const int tap = row / g->channels, channel = row % g->channels;
    return (struct piece){tap, channel, smaller(g->channels - channel, rows.end - row)};
}

/* to (windows,rows) = what the windows of an image x (h,w,c) see */
static void gather(const struct geometry *g, const float *x, struct stretch rows, float *to) {
    for (int window = 0; window < windows_of(g); window++)
        for (int row = rows.first; row < rows.end;) {
            const struct piece piece = piece_at(g, rows, row);
            const ptrdiff_t cell = cell_of(g, window, piece.tap);
            const size_t bytes = (size_t)piece.count * sizeof *to;
            if (cell < 0)
                memset(to, 0, bytes);
            else
                memcpy(to, x + cell + piece.channel, bytes);
            to += piece.count;
            row += piece.count;
        }
}

/* dx (h,w,c) = the sum of what the windows (windows,kh*kw*c) say about each of its numbers, in their order */
static void scatter(const struct geometry *g, const struct kernels *kernels, const float *windows, float *dx) {
    const int taps = g->kernel[0] * g->kernel[1];
    memset(dx, 0, input_floats(g) * sizeof *dx);
    for (int window = 0; window < windows_of(g); window++)
        for (int tap = 0; tap < taps; tap++, windows += g->channels) {
            const ptrdiff_t cell = cell_of(g, window, tap);
            if (cell >= 0) kernels->add((size_t)g->channels, windows, dx + cell);
        }
}

/* A part's share of `whole`, in whole vectors. */
static struct stretch share_of(int whole, int part, int parts) {
    const int64_t vectors = (whole + VECTOR_MOST - 1) / VECTOR_MOST;
    const int64_t first = vectors * part / parts * VECTOR_MOST, end = vectors * (part + 1) / parts * VECTOR_MOST;
    return (struct stretch){(int)(first < whole ? first : whole), (int)(end < whole ? end : whole)};
}

static struct stretch images_of(const struct pass *pass, int part, int parts) {
    return (struct stretch){(int)((int64_t)pass->images * part / parts),
                            (int)((int64_t)pass->images * (part + 1) / parts)};
}

/* ---- forward ---- */

void windows_batch_forward(const struct geometry *g, int filters, const struct pass *pass, const float *bias, int round,
                           int part, int parts) {
    const int depth = depth_of(g), windows = windows_of(g);
    float *common = pass->common;
    if (round == 0) {
        const struct stretch images = images_of(pass, part, parts);
        for (int n = images.first; n < images.end; n++)
            gather(g, pass->x + (size_t)n * input_floats(g), (struct stretch){0, depth},
                   common + (ptrdiff_t)n * windows * depth);
        return;
    }
    const struct stretch some = share_of(filters, part, parts);
    if (some.first == some.end) return;
    const struct product product = {
        .m = pass->images * windows,
        .n = some.end - some.first,
        .taps = 1,
        .depth = depth,
        .a = common,
        .row = depth,
        .column = 1,
        .b = pass->parameters[0] + some.first,
        .b_row = filters,
        .c = pass->y + some.first,
        .c_row = filters,
        .bias = bias ? bias + some.first : NULL,
    };
    pass->kernels->product(&product);
}

/* ---- the gradient of the input ---- */

/* common (windows of all images,kh*kw*c), columns [first, first + count) = dy times those rows of the kernel,
 * transposed into panels first */
static void windows_gradient(const struct geometry *g, int filters, const struct pass *pass, int first, int count) {
    const int vector = pass->kernels->vector;
    float *panels = pass->scratch;
    panels_pack_transposed(vector, count, filters, pass->parameters[0] + (ptrdiff_t)first * filters, panels, 0, 1);
    const struct product product = {
        .m = pass->images * windows_of(g),
        .n = count,
        .taps = 1,
        .depth = filters,
        .a = pass->dy,
        .row = filters,
        .column = 1,
        .b = panels,
        .b_row = vector,
        .b_panel = (ptrdiff_t)filters * vector,
        .c = (float *)pass->common + first,
        .c_row = depth_of(g),
    };
    pass->kernels->product(&product);
}

void windows_batch_data_gradient(const struct geometry *g, int filters, const struct pass *pass, int round, int part,
                                 int parts) {
    const float *common = pass->common;
    if (round == 0) {
        const struct stretch rows = share_of(depth_of(g), part, parts);
        for (int first = rows.first; first < rows.end; first += BLOCK_ROWS)
            windows_gradient(g, filters, pass, first, smaller(BLOCK_ROWS, rows.end - first));
        return;
    }
    const struct stretch images = images_of(pass, part, parts);
    for (int n = images.first; n < images.end; n++)
        scatter(g, pass->kernels, common + (ptrdiff_t)n * windows_of(g) * depth_of(g),
                pass->dx + (size_t)n * input_floats(g));
}

/* ---- the gradient of the kernel ---- */

/* Rows of the gradient (rows,f) = or += what windows of the images from `first` on see of them (windows,rows),
 * transposed, times dy (windows,f) */
static void rows_gradient(const struct geometry *g, int filters, const struct pass *pass, struct stretch rows,
                          int first, int count, float *gradient) {
    const int windows = windows_of(g), height = rows.end - rows.first;
    float *seen = pass->scratch;
    for (int n = 0; n < count; n++)
        gather(g, pass->x + (size_t)(first + n) * input_floats(g), rows, seen + (ptrdiff_t)n * windows * height);
    const struct product product = {
        .m = height,
        .n = filters,
        .taps = 1,
        .depth = count * windows,
        .a = seen,
        .row = 1,
        .column = height,
        .b = pass->dy + (ptrdiff_t)first * windows * filters,
        .b_row = filters,
        .c = gradient + (ptrdiff_t)rows.first * filters,
        .c_row = filters,
        .accumulate = first > 0 || pass->further,
    };
    pass->kernels->product(&product);
}

void windows_batch_kernel_gradient(const struct geometry *g, int filters, const struct pass *pass, float *gradient,
                                   int part, int parts) {
    const struct stretch share = share_of(depth_of(g), part, parts);
    for (int row = share.first; row < share.end; row += GRADIENT_ROWS) {
        const struct stretch rows = {row, smaller(row + GRADIENT_ROWS, share.end)};
        for (int first = 0; first < pass->images; first += ENGINE_GROUP)
            rows_gradient(g, filters, pass, rows, first, smaller(ENGINE_GROUP, pass->images - first), gradient);
    }
}
