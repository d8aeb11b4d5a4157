#include "layers/pixelwise.h"

#include <string.h>

#include "layers/phase.h"
#include "layers/sweep.h"

/* ---- the image in memory ---- */

struct conv {
    struct geometry geometry;
    struct geometry dy; /* of the output gradient as an image, with the border that its taps reach */
    int images;
    int groups, channels, filters; /* channels and filters of one group */
    int all_channels, all_filters;
    ptrdiff_t *offsets; /* (kh*kw) of the runs of a kernel, or (oh) of the windows' rows */
    float *padded;      /* x or dy with its zero border */
    float *columns;     /* (oh*ow,SWEEP_COLUMNS_MOST): some columns of dy */
    float *gathered;    /* the windows of some images, where sweeps gather them */
};

/* Of dy beyond so many filters a few columns at a time are copied together, which no cache has trouble with. */
enum { FILTERS_WIDE = 32 };

static size_t padded_floats(const struct geometry *g) {
    if (!geometry_is_padded(g)) return 0;
    return (size_t)g->padded[0] * (size_t)g->padded[1] * (size_t)g->channels;
}

static struct sweep forward_sweep(const struct conv *conv);
static struct sweep backward_sweep(const struct conv *conv, int row, int column);

static size_t gathered_floats(const struct conv *conv) {
    const struct sweep forward = forward_sweep(conv), backward = backward_sweep(conv, 0, 0);
    const size_t x = sweep_gathers(&forward) ? sweep_gathered_floats(&forward) : 0;
    const size_t dy = sweep_gathers(&backward) ? sweep_gathered_floats(&backward) : 0;
    return x > dy ? x : dy;
}

static struct conv conv_take(const struct pixelwise *pixelwise, struct pieces *pieces) {
    const struct geometry *g = &pixelwise->geometry;
    struct conv conv = {
        .geometry = *g,
        .dy = phase_geometry(g, pixelwise->filters),
        .groups = pixelwise->groups,
        .channels = g->channels / pixelwise->groups,
        .filters = pixelwise->filters / pixelwise->groups,
        .all_channels = g->channels,
        .all_filters = pixelwise->filters,
    };
    const size_t taps = (size_t)g->kernel[0] * (size_t)g->kernel[1], rows = (size_t)g->output[0];
    const size_t x = padded_floats(g), dy = padded_floats(&conv.dy);
    conv.offsets = pieces_take(pieces, taps > rows ? taps : rows, sizeof *conv.offsets);
    conv.padded = pieces_take(pieces, x > dy ? x : dy, sizeof(float));
    conv.columns = pieces_take(pieces, rows * (size_t)g->output[1] * SWEEP_COLUMNS_MOST, sizeof(float));
    conv.gathered = pieces_take(pieces, gathered_floats(&conv), sizeof(float));
    return conv;
}

static size_t input_floats(const struct pixelwise *pixelwise) {
    const struct geometry *g = &pixelwise->geometry;
    return (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels;
}

static size_t output_floats(const struct pixelwise *pixelwise) {
    const struct geometry *g = &pixelwise->geometry;
    return (size_t)g->output[0] * (size_t)g->output[1] * (size_t)pixelwise->filters;
}

size_t pixelwise_scratch_bytes(const struct pixelwise *pixelwise) {
    struct pieces pieces = {0};
    conv_take(pixelwise, &pieces);
    return pieces.used;
}

size_t pixelwise_packed_floats(const struct pixelwise *pixelwise) {
    const struct geometry *g = &pixelwise->geometry;
    const size_t taps = (size_t)g->kernel[0] * (size_t)g->kernel[1];
    return 2 * taps * (size_t)(g->channels / pixelwise->groups) * (size_t)pixelwise->filters;
}

/* A 1x1 kernel that looks at every pixel sees neither rows nor columns: an image is one row of pixels, and so are
 * `together` images. */
static void join_rows(struct conv *conv, int together) {
    struct geometry *g = &conv->geometry;
    bool pointwise = g->kernel[0] == 1 && g->kernel[1] == 1 && g->stride[0] == 1 && g->stride[1] == 1;
    if (!pointwise) return;
    const int pixels = together * g->input[0] * g->input[1];
    g->input[0] = g->padded[0] = g->output[0] = 1;
    g->input[1] = g->padded[1] = g->output[1] = pixels;
    conv->dy = phase_geometry(g, conv->all_filters);
    conv->images /= together;
}

static struct conv conv_of(const struct pixelwise *pixelwise, const struct pass *pass, int together) {
    struct conv conv = conv_take(pixelwise, &(struct pieces){.memory = pass->scratch});
    conv.images = pass->images;
    join_rows(&conv, together);
    return conv;
}

static const float *with_border(const struct geometry *geometry, const float *image, float *padded) {
    if (!geometry_is_padded(geometry)) return image;
    convolution_pad(geometry, image, padded);
    return padded;
}

/* ---- forward ---- */

static struct sweep forward_sweep(const struct conv *conv) {
    const struct geometry *g = &conv->geometry;
    const int all = conv->all_channels;
    const bool whole_rows = conv->groups == 1 && g->dilation[1] == 1;
    return (struct sweep){.groups = conv->groups,
                          .rows = g->output[0],
                          .pixels = g->output[1],
                          .run_rows = g->kernel[0],
                          .run_columns = whole_rows ? 1 : g->kernel[1],
                          .depth = whole_rows ? g->kernel[1] * conv->channels : conv->channels,
                          .row = geometry_window(g, 1, 0, all),
                          .pixel = geometry_window(g, 0, 1, all),
                          .run_row = geometry_tap(g, 1, 0, all),
                          .run_column = geometry_tap(g, 0, 1, all),
                          .y_row = (ptrdiff_t)g->output[1] * conv->all_filters,
                          .y_pixel = conv->all_filters,
                          .channels = conv->channels,
                          .filters = conv->filters};
}

/* y of all images, each (image floats) with the border of its geometry. */
static void sweep_together(const struct conv *conv, const struct sweep *sweep, const struct pass *pass,
                           const struct geometry *geometry, const float *images, size_t image_floats, const float *bias,
                           float *y) {
    const size_t output = (size_t)sweep->rows * (size_t)sweep->pixels * (size_t)sweep->filters;
    for (int first = 0, count; first < conv->images; first += count) {
        count = smaller(conv->images - first, SWEEP_GATHERED_IMAGES);
        for (int n = 0; n < count; n++) {
            const float *image = images + (size_t)(first + n) * image_floats;
            sweep_gather(sweep, with_border(geometry, image, conv->padded), n, count, conv->gathered);
        }
        sweep_gathered(sweep, pass, conv->offsets, count, conv->gathered, bias, y + (size_t)first * output);
    }
}

void pixelwise_forward(const struct pixelwise *pixelwise, const struct pass *pass, const float *bias) {
    const struct conv conv = conv_of(pixelwise, pass, pass->images);
    const struct sweep sweep = forward_sweep(&conv);
    const size_t input = input_floats(pixelwise), output = output_floats(pixelwise);
    if (sweep_gathers(&sweep)) {
        sweep_together(&conv, &sweep, pass, &conv.geometry, pass->x, input, bias, pass->y);
        return;
    }
    for (int n = 0; n < conv.images; n++) {
        const float *x = with_border(&conv.geometry, pass->x + (size_t)n * input, conv.padded);
        sweep_image(&sweep, pass, conv.offsets, x, bias, pass->y + (size_t)n * output);
    }
}

/* ---- the gradient of the kernel ---- */

/* The convolution of the input with the output gradient: what a window sees at (r,p), times dy at (r,p), summed over
 * all positions. For a run of the kernel: m = the run's floats (the image's channels, one behind the other), a sum over
 * the output's rows (taps) and pixels (depth), n = some filters of the group. */
static void kernel_gradient_columns(const struct conv *conv, const struct kernels *kernels, int group, int first,
                                    int count, const float *x, const float *dy, float *gradient) {
    const struct geometry *g = &conv->geometry;
    const struct sweep sweep = forward_sweep(conv);
    const ptrdiff_t filter = (ptrdiff_t)group * conv->filters + first;
    const bool wide = conv->all_filters > FILTERS_WIDE;
    if (wide)
        matrix_copy_columns(g->output[0] * g->output[1], count, dy + filter, conv->all_filters, conv->columns, count);
    const ptrdiff_t b_row = wide ? count : conv->all_filters;

    for (int run = 0; run < sweep.run_rows * sweep.run_columns; run++) {
        const ptrdiff_t tap = run / sweep.run_columns * sweep.run_row + run % sweep.run_columns * sweep.run_column;
        const struct product product = {
            .m = sweep.depth,
            .n = count,
            .taps = g->output[0],
            .depth = g->output[1],
            .a = x + tap + (ptrdiff_t)group * conv->channels,
            .offsets = conv->offsets,
            .row = 1,
            .column = sweep.pixel,
            .b = wide ? conv->columns : dy + filter,
            .b_tap = g->output[1] * b_row,
            .b_row = b_row,
            .c = gradient + (ptrdiff_t)run * sweep.depth * conv->all_filters + filter,
            .c_row = conv->all_filters,
            .accumulate = true,
        };
        kernels->product(&product);
    }
}

/* Some columns of the gradient are a share; shares are dealt out to the parts in turn. */
struct share {
    int group, first, count;
};

static int share_columns(const struct conv *conv, const struct kernels *kernels, int left) {
    return conv->all_filters > FILTERS_WIDE ? sweep_columns(kernels, left) : left;
}

/* Moves on to the part's next share, from *index on; false where there is none. share->count 0: the first one. */
static bool next_share(const struct conv *conv, const struct kernels *kernels, int part, int parts, int *index,
                       struct share *share) {
    do {
        share->first += share->count;
        if (share->first >= conv->filters) *share = (struct share){.group = share->group + 1};
        if (share->group >= conv->groups) return false;
        share->count = share_columns(conv, kernels, conv->filters - share->first);
    } while ((*index)++ % parts != part);
    return true;
}

static void kernel_gradient_image(const struct conv *conv, const struct kernels *kernels, const float *x,
                                  const float *dy, float *gradient, int part, int parts) {
    const struct geometry *g = &conv->geometry;
    for (int r = 0; r < g->output[0]; r++) conv->offsets[r] = geometry_window(g, r, 0, conv->all_channels);
    struct share share = {0};
    for (int i = 0; next_share(conv, kernels, part, parts, &i, &share);)
        kernel_gradient_columns(conv, kernels, share.group, share.first, share.count, x, dy, gradient);
}

static void add_kernel_gradient(const struct pixelwise *pixelwise, const struct pass *pass, float *gradient, int part,
                                int parts) {
    const size_t input = input_floats(pixelwise), output = output_floats(pixelwise);
    const struct conv conv = conv_of(pixelwise, pass, 1);
    for (int n = 0; n < conv.images; n++) {
        const float *x = with_border(&conv.geometry, pass->x + (size_t)n * input, conv.padded);
        kernel_gradient_image(&conv, pass->kernels, x, pass->dy + (size_t)n * output, gradient, part, parts);
    }
}

void pixelwise_kernel_gradient(const struct pixelwise *pixelwise, const struct pass *pass, float *gradient) {
    add_kernel_gradient(pixelwise, pass, gradient, 0, 1);
}

void pixelwise_kernel_gradient_part(const struct pixelwise *pixelwise, const struct pass *pass, float *gradient,
                                    int part, int parts) {
    const struct conv conv = conv_of(pixelwise, pass, 1);
    const int rows = conv.geometry.kernel[0] * conv.geometry.kernel[1] * conv.channels;
    struct share share = {0};
    for (int i = 0; !pass->further && next_share(&conv, pass->kernels, part, parts, &i, &share);)
        for (int row = 0; row < rows; row++)
            memset(gradient + (ptrdiff_t)row * conv.all_filters + share.group * conv.filters + share.first, 0,
                   (size_t)share.count * sizeof *gradient);
    add_kernel_gradient(pixelwise, pass, gradient, part, parts);
}

/* ---- the gradient of the input ---- */

/* The sweep that makes the inputs (row,column) and on in steps of the strides. */
static struct sweep backward_sweep(const struct conv *conv, int row, int column) {
    const struct geometry *g = &conv->geometry;
    const struct phase down = phase_at(g, 0, row), along = phase_at(g, 1, column);
    const ptrdiff_t pixel = conv->all_filters, dy_row = conv->dy.padded[1] * pixel;
    const ptrdiff_t x_row = (ptrdiff_t)g->input[1] * conv->all_channels;
    const bool whole_rows = conv->groups == 1 && g->dilation[1] == 1;
    const ptrdiff_t taps = (ptrdiff_t)phase_taps_before(g, 0, down.index) * g->kernel[1] +
                           down.taps * phase_taps_before(g, 1, along.index);
    const ptrdiff_t kernel = (ptrdiff_t)conv->filters * conv->all_channels; /* floats of a tap */
    return (struct sweep){.groups = conv->groups,
                          .rows = down.outputs,
                          .pixels = along.outputs,
                          .run_rows = down.taps,
                          .run_columns = whole_rows ? 1 : along.taps,
                          .depth = whole_rows ? along.taps * conv->filters : conv->filters,
                          .first =
                              (down.start + conv->dy.before[0]) * dy_row + (along.start + conv->dy.before[1]) * pixel,
                          .row = dy_row,
                          .pixel = pixel,
                          .run_row = g->dilation[0] * dy_row,
                          .run_column = g->dilation[1] * pixel,
                          .y_first = row * x_row + (ptrdiff_t)column * conv->all_channels,
                          .y_row = g->stride[0] * x_row,
                          .y_pixel = (ptrdiff_t)g->stride[1] * conv->all_channels,
                          .channels = conv->filters,
                          .filters = conv->channels,
                          .packed = ((ptrdiff_t)g->kernel[0] * g->kernel[1] + taps) * kernel};
}

/* Whether a stride leaves inputs out that no tap sees. */
static bool leaves_out(const struct geometry *g) {
    return g->kernel[0] < g->stride[0] || g->kernel[1] < g->stride[1];
}

static void data_gradient(const struct conv *conv, const struct pass *pass, const float *dy, const float *bias,
                          float *dx) {
    const struct geometry *g = &conv->geometry;
    const float *bordered = with_border(&conv->dy, dy, conv->padded);
    const bool zeros = !bias && leaves_out(g);
    if (zeros) memset(dx, 0, (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels * sizeof *dx);
    for (int row = 0; row < phase_count(g, 0); row++)
        for (int column = 0; column < phase_count(g, 1); column++) {
            const struct sweep sweep = backward_sweep(conv, row, column);
            if (zeros && sweep_depth(&sweep) == 0) continue;
            sweep_image(&sweep, pass, conv->offsets, bordered, bias, dx);
        }
}

void pixelwise_data_gradient(const struct pixelwise *pixelwise, const struct pass *pass, const float *bias) {
    const size_t input = input_floats(pixelwise), output = output_floats(pixelwise);
    const struct conv conv = conv_of(pixelwise, pass, pass->images);
    const struct sweep sweep = backward_sweep(&conv, 0, 0);
    if (sweep_gathers(&sweep)) {
        sweep_together(&conv, &sweep, pass, &conv.dy, pass->dy, output, bias, pass->dx);
        return;
    }
    for (int n = 0; n < conv.images; n++)
        data_gradient(&conv, pass, pass->dy + (size_t)n * output, bias, pass->dx + (size_t)n * input);
}

/* ---- the packed kernel: of the forward sweep, then of the backward ones ---- */

static void pack_forward(const struct conv *conv, const struct pass *pass, int tap, float *packed) {
    const struct sweep sweep = forward_sweep(conv);
    const float *kernel = pass->parameters[0] + (ptrdiff_t)tap * conv->channels * conv->all_filters;
    for (int group = 0; group < conv->groups; group++)
        for (int first = 0, count; first < conv->filters; first += count) {
            count = sweep_panel_columns(&sweep, pass->kernels, first);
            const ptrdiff_t filter = (ptrdiff_t)group * conv->filters + first;
            float *panel = packed + sweep_depth(&sweep) * filter + (ptrdiff_t)tap * conv->channels * count;
            for (int c = 0; c < conv->channels; c++)
                memcpy(panel + (ptrdiff_t)c * count, kernel + (ptrdiff_t)c * conv->all_filters + filter,
                       (size_t)count * sizeof *panel);
        }
}

/* panel (filters,count) = `count` of a tap's (c,f), transposed; some filters at a time, whose rows stay in the cache */
static void transpose_panel(const struct conv *conv, const float *kernel, int count, float *panel) {
    enum { BLOCK = 16 };
    for (int block = 0; block < conv->filters; block += BLOCK)
        for (int c = 0; c < count; c++)
            for (int f = block; f < block + smaller(conv->filters - block, BLOCK); f++)
                panel[(ptrdiff_t)f * count + c] = kernel[(ptrdiff_t)c * conv->all_filters + f];
}

static void pack_backward(const struct conv *conv, const struct pass *pass, int i, int j, float *packed) {
    const struct geometry *g = &conv->geometry;
    const int row = phase_first(g, 0, i % g->stride[0]), column = phase_first(g, 1, j % g->stride[1]);
    if (row >= g->input[0] || column >= g->input[1]) return;
    const struct sweep sweep = backward_sweep(conv, row, column);
    const int width = phase_at(g, 1, column).taps;
    const ptrdiff_t flipped = (ptrdiff_t)(sweep.run_rows - 1 - i / g->stride[0]) * width + width - 1 - j / g->stride[1];
    const float *kernel = pass->parameters[0] + ((ptrdiff_t)i * g->kernel[1] + j) * conv->channels * conv->all_filters;
    for (int group = 0; group < conv->groups; group++)
        for (int first = 0, count; first < conv->channels; first += count) {
            count = sweep_panel_columns(&sweep, pass->kernels, first);
            float *panel = packed + sweep.packed + sweep_depth(&sweep) * ((ptrdiff_t)group * conv->channels + first) +
                           flipped * conv->filters * count;
            transpose_panel(conv, kernel + (ptrdiff_t)first * conv->all_filters + (ptrdiff_t)group * conv->filters,
                            count, panel);
        }
}

void pixelwise_pack(const struct pixelwise *pixelwise, const struct pass *pass, struct packs_wanted wanted,
                    float *packed, int part, int parts) {
    const struct conv conv = conv_take(pixelwise, &(struct pieces){0});
    const int height = conv.geometry.kernel[0], width = conv.geometry.kernel[1];
    for (ptrdiff_t tap = part; tap < (ptrdiff_t)height * width; tap += parts) {
        if (wanted.forward) pack_forward(&conv, pass, (int)tap, packed);
        if (wanted.data) pack_backward(&conv, pass, (int)(tap / width), (int)(tap % width), packed);
    }
}
