#include "layers/winograd.h"

#include <string.h>

enum {
    PANEL = 32,             /* filters in one go: columns of a product */
    CHANNEL_BLOCK = 32,     /* rows of a product of the kernel gradient */
    SPECTRUM_FLOATS = 2048, /* tiles x channels of a group: its 36 matrices stay in the second-level cache */
    TILES_LEAST = 16,
    TILES_MOST = 64,
    SUM_MOST = 128, /* channels summed in a row: longer sums round too much */
    TRANSPOSED = 8, /* filters transposed at a time */
};

static int rounded_up(int value, int step) {
    return (value + step - 1) / step * step;
}

/* ---- which convolutions ---- */

const char *winograd_obstacle(const struct geometry *geometry, int groups) {
    for (int axis = 0; axis < 2; axis++) {
        if (geometry->kernel[axis] != 3) return "needs a kernel_size of 3";
        if (geometry->stride[axis] != 1) return "needs strides of 1";
        if (geometry->dilation[axis] != 1) return "needs a dilation_rate of 1";
    }
    return groups == 1 ? NULL : "needs groups of 1";
}

static int tiles_along(const int *output, int axis) {
    return (output[axis] + WINOGRAD_OUTPUTS - 1) / WINOGRAD_OUTPUTS;
}

static int tiles_of_image(const int *output) {
    return tiles_along(output, 0) * tiles_along(output, 1);
}

/* Transforms cost as much for few channels as for many. A tile is computed whole even where it sticks out. */
bool winograd_gains(const struct geometry *geometry, int filters) {
    enum { CHANNELS_LEAST = 8, KERNEL_LEAST = 100, KERNEL_MOST = 1 << 17 };
    const double kernel = (double)geometry->channels * filters;
    const double direct = 9.0 * geometry->output[0] * geometry->output[1];
    const double fast = (double)WINOGRAD_MATRICES * tiles_of_image(geometry->output);
    return geometry->channels >= CHANNELS_LEAST && filters >= CHANNELS_LEAST && kernel >= KERNEL_LEAST &&
           kernel <= KERNEL_MOST && direct >= 2 * fast;
}

struct winograd winograd_of(const struct geometry *g, int filters) {
    const struct winograd_sweep forward = {.input = {g->input[0], g->input[1]},
                                           .output = {g->output[0], g->output[1]},
                                           .before = {g->before[0], g->before[1]},
                                           .channels = g->channels,
                                           .filters = filters};
    const struct winograd_sweep backward = {.input = {g->output[0], g->output[1]},
                                            .output = {g->input[0], g->input[1]},
                                            .before = {2 - g->before[0], 2 - g->before[1]},
                                            .channels = filters,
                                            .filters = g->channels};
    return (struct winograd){forward, backward};
}

/* ---- tiles ---- */

/* Tiles are numbered through all images of a call, and go through the passes in groups of nearly equal size. */
static int tiles_at_once(const struct winograd_sweep *sweep) {
    const int tiles = SPECTRUM_FLOATS / rounded_up(sweep->channels, WINOGRAD_CHANNELS);
    return tiles < TILES_LEAST ? TILES_LEAST : smaller(tiles, TILES_MOST);
}

/* Of tile `index`: its image, and the row and column of its first output. */
struct position {
    int image, row, column;
};

static struct position position_of(const struct winograd_sweep *sweep, int index) {
    const int across = tiles_along(sweep->output, 1), each = tiles_of_image(sweep->output);
    const int within = index % each;
    return (struct position){index / each, within / across * WINOGRAD_OUTPUTS, within % across * WINOGRAD_OUTPUTS};
}

/* `size` x `size` cells from (row,column) on of an image (height,width,channels), which may begin before it. */
static struct winograd_tile tile_of(const int *image, int channels, int row, int column, int size, ptrdiff_t matrix) {
    return (struct winograd_tile){.channels = channels,
                                  .row = (ptrdiff_t)image[1] * channels,
                                  .pixel = channels,
                                  .top = row < 0 ? -row : 0,
                                  .left = column < 0 ? -column : 0,
                                  .bottom = smaller(image[0] - row, size),
                                  .right = smaller(image[1] - column, size),
                                  .matrix = matrix};
}

static ptrdiff_t cell_of(const int *image, int channels, int index, int row, int column) {
    return (((ptrdiff_t)index * image[0] + row) * image[1] + column) * channels;
}

/* ---- 36 matrices ---- */

/* One behind the other, not quite a power of two apart: cells of the same tile fall into different sets of the cache.
 */
struct matrices {
    float *first;
    ptrdiff_t row, matrix; /* floats from row to row, from matrix to matrix */
};

static size_t matrices_floats(int rows, int columns) {
    return (size_t)WINOGRAD_MATRICES * ((size_t)rows * (size_t)columns + WINOGRAD_CHANNELS);
}

static struct matrices matrices_take(struct pieces *pieces, int rows, int columns) {
    return (struct matrices){.first = pieces_take(pieces, matrices_floats(rows, columns), sizeof(float)),
                             .row = columns,
                             .matrix = (ptrdiff_t)rows * columns + WINOGRAD_CHANNELS};
}

/* Spectra of inputs (tiles,channels), and for a panel of filters of outputs (tiles,PANEL) and of kernels
 * (CHANNEL_BLOCK,PANEL). */
struct work {
    struct matrices inputs, outputs, kernels;
    struct matrices partial; /* as outputs, where there are more than SUM_MOST channels */
};

static struct work work_of(const struct winograd_sweep *sweep, struct pieces *pieces) {
    const int tiles = tiles_at_once(sweep);
    struct work work = {0};
    work.inputs = matrices_take(pieces, tiles, rounded_up(sweep->channels, WINOGRAD_CHANNELS));
    work.outputs = matrices_take(pieces, tiles, PANEL);
    work.kernels = matrices_take(pieces, CHANNEL_BLOCK, PANEL);
    if (sweep->channels > SUM_MOST) work.partial = matrices_take(pieces, tiles, PANEL);
    return work;
}

static size_t work_bytes(const struct winograd_sweep *sweep) {
    struct pieces pieces = {0};
    work_of(sweep, &pieces);
    return pieces.used;
}

size_t winograd_scratch_bytes(const struct winograd *winograd) {
    const size_t forward = work_bytes(&winograd->forward), backward = work_bytes(&winograd->backward);
    return forward > backward ? forward : backward;
}

/* Some tiles and the columns [first, first + count) of the filters; `width` is count in whole vectors. */
struct group {
    int first, tiles;
};

struct panel {
    int first, count, width;
};

static struct panel panel_at(int filters, int first) {
    const int count = smaller(filters - first, PANEL);
    return (struct panel){first, count, rounded_up(count, WINOGRAD_CHANNELS)};
}

static void transform_inputs(const struct winograd_sweep *w, const struct kernels *kernels, struct group group,
                             const float *x, const struct matrices *inputs) {
    for (int t = 0; t < group.tiles; t++) {
        const struct position at = position_of(w, group.first + t);
        const int row = at.row - w->before[0], column = at.column - w->before[1];
        const struct winograd_tile tile = tile_of(w->input, w->channels, row, column, WINOGRAD_INPUTS, inputs->matrix);
        kernels->winograd_input(&tile, x + cell_of(w->input, w->channels, at.image, row, column),
                                inputs->first + t * inputs->row);
    }
}

/* ---- forward, and the data gradient ---- */

/* A panel of the packed kernel is (36,channels,width). */
static ptrdiff_t packed_panel(const struct winograd_sweep *sweep, int first) {
    return (ptrdiff_t)WINOGRAD_MATRICES * sweep->channels * first;
}

static size_t packed_floats(const struct winograd_sweep *sweep) {
    return (size_t)packed_panel(sweep, rounded_up(sweep->filters, WINOGRAD_CHANNELS));
}

size_t winograd_packed_floats(const struct winograd *winograd) {
    return packed_floats(&winograd->forward) + packed_floats(&winograd->backward);
}

/* result (36,tiles,width) = `count` channels from `first` on of inputs (36,tiles,channels) times those of the kernel's
 * panel (36,channels,width) */
static void multiply_channels(const struct winograd_sweep *w, const struct kernels *kernels, int tiles,
                              struct panel panel, int first, int count, const struct matrices *inputs,
                              const float *packed, const struct matrices *result) {
    for (int m = 0; m < WINOGRAD_MATRICES; m++) {
        const struct product product = {
            .m = tiles,
            .n = panel.width,
            .taps = 1,
            .depth = count,
            .a = inputs->first + m * inputs->matrix + first,
            .row = inputs->row,
            .column = 1,
            .b = packed + ((ptrdiff_t)m * w->channels + first) * panel.width,
            .b_row = panel.width,
            .c = result->first + m * result->matrix,
            .c_row = result->row,
        };
        kernels->product(&product);
    }
}

/* outputs (36,tiles,width), all channels: the sum of sums over parts of nearly equal length. */
static void multiply(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, struct panel panel,
                     const struct work *work, const float *packed) {
    const int parts = (w->channels + SUM_MOST - 1) / SUM_MOST, each = (w->channels + parts - 1) / parts;
    multiply_channels(w, kernels, tiles, panel, 0, each, &work->inputs, packed, &work->outputs);
    for (int first = each; first < w->channels; first += each) {
        const int count = smaller(w->channels - first, each);
        multiply_channels(w, kernels, tiles, panel, first, count, &work->inputs, packed, &work->partial);
        for (int m = 0; m < WINOGRAD_MATRICES; m++)
            kernels->add((size_t)(tiles * work->outputs.row), work->partial.first + m * work->partial.matrix,
                         work->outputs.first + m * work->outputs.matrix);
    }
}

static void transform_outputs(const struct winograd_sweep *w, const struct kernels *kernels, struct group group,
                              struct panel panel, const struct matrices *outputs, const float *bias, float *y) {
    for (int t = 0; t < group.tiles; t++) {
        const struct position at = position_of(w, group.first + t);
        struct winograd_tile tile =
            tile_of(w->output, w->filters, at.row, at.column, WINOGRAD_OUTPUTS, outputs->matrix);
        tile.channels = panel.count;
        kernels->winograd_output(&tile, outputs->first + t * outputs->row, bias ? bias + panel.first : NULL,
                                 y + cell_of(w->output, w->filters, at.image, at.row, at.column) + panel.first);
    }
}

/* How many groups the tiles of `images` images make. */
static int group_count(const struct winograd_sweep *sweep, int images) {
    const int most = tiles_at_once(sweep);
    return (images * tiles_of_image(sweep->output) + most - 1) / most;
}

static struct group group_at(const struct winograd_sweep *sweep, int images, int index) {
    const int64_t tiles = (int64_t)images * tiles_of_image(sweep->output);
    const int count = group_count(sweep, images);
    const int first = (int)(tiles * index / count), end = (int)(tiles * (index + 1) / count);
    return (struct group){first, end - first};
}

static void convolve(const struct winograd_sweep *sweep, const struct pass *pass, const float *x, const float *packed,
                     const float *bias, float *y) {
    const struct work work = work_of(sweep, &(struct pieces){.memory = pass->scratch});
    for (int i = 0; i < group_count(sweep, pass->images); i++) {
        const struct group group = group_at(sweep, pass->images, i);
        transform_inputs(sweep, pass->kernels, group, x, &work.inputs);
        for (int first = 0; first < sweep->filters; first += PANEL) {
            const struct panel panel = panel_at(sweep->filters, first);
            multiply(sweep, pass->kernels, group.tiles, panel, &work, packed + packed_panel(sweep, first));
            transform_outputs(sweep, pass->kernels, group, panel, &work.outputs, bias, y);
        }
    }
}

void winograd_forward(const struct winograd *winograd, const struct pass *pass, const float *bias) {
    convolve(&winograd->forward, pass, pass->x, pass->packed, bias, pass->y);
}

void winograd_data_gradient(const struct winograd *winograd, const struct pass *pass, const float *bias) {
    convolve(&winograd->backward, pass, pass->dy, pass->packed + packed_floats(&winograd->forward), bias, pass->dx);
}

/* ---- the packed kernel ---- */

static void pack_forward(const struct winograd_sweep *sweep, const struct kernels *kernels, const float *kernel,
                         float *packed, int part, int parts) {
    const ptrdiff_t channels = sweep->channels, filters = sweep->filters;
    for (int c = part; c < channels; c += parts)
        for (int first = 0; first < filters; first += PANEL) {
            const struct panel panel = panel_at(sweep->filters, first);
            const struct winograd_tile tile = {.channels = panel.count,
                                               .row = 3 * channels * filters,
                                               .pixel = channels * filters,
                                               .bottom = 3,
                                               .right = 3,
                                               .matrix = channels * panel.width};
            kernels->winograd_kernel(&tile, kernel + c * filters + first,
                                     packed + packed_panel(sweep, first) + c * panel.width);
        }
}

/* flipped (9,TRANSPOSED,PANEL) = taps from the last to the first of `rows` filters from `row` on by the panel's
 * channels, from the kernel (9,c,f). */
static void flip(const float *kernel, ptrdiff_t channels, ptrdiff_t filters, int row, int rows, struct panel panel,
                 float *flipped) {
    for (int t = 0; t < 9; t++)
        for (int c = 0; c < panel.count; c++) {
            const float *from = kernel + ((8 - t) * channels + panel.first + c) * filters + row;
            for (int r = 0; r < rows; r++) flipped[(t * TRANSPOSED + r) * PANEL + c] = from[r];
        }
}

static void pack_backward(const struct winograd_sweep *sweep, const struct kernels *kernels, const float *kernel,
                          float *packed, int part, int parts) {
    const ptrdiff_t rows = sweep->channels, columns = sweep->filters;
    float flipped[9 * TRANSPOSED * PANEL] = {0};
    for (int row = part * TRANSPOSED; row < rows; row += parts * TRANSPOSED)
        for (int first = 0; first < columns; first += PANEL) {
            const struct panel panel = panel_at(sweep->filters, first);
            const int count = smaller(sweep->channels - row, TRANSPOSED);
            const struct winograd_tile tile = {.channels = panel.count,
                                               .row = (ptrdiff_t)3 * TRANSPOSED * PANEL,
                                               .pixel = (ptrdiff_t)TRANSPOSED * PANEL,
                                               .bottom = 3,
                                               .right = 3,
                                               .matrix = rows * panel.width};
            flip(kernel, columns, rows, row, count, panel, flipped);
            for (int r = 0; r < count; r++)
                kernels->winograd_kernel(&tile, flipped + (ptrdiff_t)r * PANEL,
                                         packed + packed_panel(sweep, first) + (row + r) * panel.width);
        }
}

void winograd_pack(const struct winograd *winograd, const struct pass *pass, struct packs_wanted wanted, float *packed,
                   int part, int parts) {
    const float *kernel = pass->parameters[0];
    float *backward = packed + packed_floats(&winograd->forward);
    if (wanted.forward) pack_forward(&winograd->forward, pass->kernels, kernel, packed, part, parts);
    if (wanted.data) pack_backward(&winograd->backward, pass->kernels, kernel, backward, part, parts);
}

/* ---- the kernel gradient ---- */

static void transform_output_gradients(const struct winograd_sweep *w, const struct kernels *kernels,
                                       struct group group, struct panel panel, const float *dy,
                                       const struct matrices *outputs) {
    for (int t = 0; t < group.tiles; t++) {
        const struct position at = position_of(w, group.first + t);
        struct winograd_tile tile =
            tile_of(w->output, w->filters, at.row, at.column, WINOGRAD_OUTPUTS, outputs->matrix);
        tile.channels = panel.count;
        kernels->winograd_output_gradient(
            &tile, dy + cell_of(w->output, w->filters, at.image, at.row, at.column) + panel.first,
            outputs->first + t * outputs->row);
    }
}

/* Channels [first, first + count) by the panel's filters: kernels (36,count,width) = inputs (36,tiles,count) transposed
 * times outputs (36,tiles,width), whose transform is added to the gradient. */
static void block_gradient(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, int first,
                           int count, struct panel panel, const struct work *work, float *gradient) {
    for (int m = 0; m < WINOGRAD_MATRICES; m++) {
        const struct product product = {
            .m = count,
            .n = panel.width,
            .taps = 1,
            .depth = tiles,
            .a = work->inputs.first + m * work->inputs.matrix + first,
            .row = 1,
            .column = work->inputs.row,
            .b = work->outputs.first + m * work->outputs.matrix,
            .b_row = work->outputs.row,
            .c = work->kernels.first + m * work->kernels.matrix,
            .c_row = work->kernels.row,
        };
        kernels->product(&product);
    }
    const ptrdiff_t tap = (ptrdiff_t)w->channels * w->filters;
    const struct winograd_tile tile = {
        .channels = panel.count, .row = 3 * tap, .pixel = tap, .bottom = 3, .right = 3, .matrix = work->kernels.matrix};
    for (int c = 0; c < count; c++)
        kernels->winograd_kernel_gradient(&tile, work->kernels.first + c * work->kernels.row,
                                          gradient + (ptrdiff_t)(first + c) * w->filters + panel.first);
}

void winograd_kernel_gradient(const struct winograd *winograd, const struct pass *pass, float *gradient) {
    const struct winograd_sweep *sweep = &winograd->forward;
    const struct work work = work_of(sweep, &(struct pieces){.memory = pass->scratch});
    for (int i = 0; i < group_count(sweep, pass->images); i++) {
        const struct group group = group_at(sweep, pass->images, i);
        transform_inputs(sweep, pass->kernels, group, pass->x, &work.inputs);
        for (int first = 0; first < sweep->filters; first += PANEL) {
            const struct panel panel = panel_at(sweep->filters, first);
            transform_output_gradients(sweep, pass->kernels, group, panel, pass->dy, &work.outputs);
            for (int c = 0; c < sweep->channels; c += CHANNEL_BLOCK)
                block_gradient(sweep, pass->kernels, group.tiles, c, smaller(sweep->channels - c, CHANNEL_BLOCK), panel,
                               &work, gradient);
        }
    }
}
