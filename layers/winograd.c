#include "layers/winograd.h"

#include <string.h>

enum {
    PANEL = 32,             /* filters in one go: columns of a product */
    CHANNEL_BLOCK = 32,     /* rows of a product of the kernel gradient */
    SPECTRUM_FLOATS = 2048, /* tiles x depth of a bunch: its 36 matrices stay in the second-level cache */
    TILES_LEAST = 16,
    TILES_MOST = 64,
    SUM_MOST = 128,   /* summed in a row: longer sums round too much */
    TRANSPOSED = 8,   /* filters transposed at a time */
    VECTOR_LEAST = 8, /* products have whole vectors of at least this size */
};

static int rounded_up(int value, int step) {
    return (value + step - 1) / step * step;
}

/* ---- which convolutions ---- */

const char *winograd_obstacle(const struct geometry *geometry) {
    return geometry->stride[0] == 1 && geometry->stride[1] == 1 ? NULL : "needs strides of 1";
}

static int parts_of(int whole, int part) {
    return (whole + part - 1) / part;
}

/* Outputs as far apart as the dilation form an image of their own. */
static int tiles_along(const struct winograd_sweep *sweep, int axis) {
    return parts_of(parts_of(sweep->output[axis], sweep->dilation[axis]), WINOGRAD_OUTPUTS);
}

static int tiles_of_image(const struct winograd_sweep *sweep) {
    return sweep->dilation[0] * sweep->dilation[1] * tiles_along(sweep, 0) * tiles_along(sweep, 1);
}

static int blocks_of(const struct winograd_sweep *sweep) {
    return parts_of(sweep->kernel[0], WINOGRAD_TAPS) * parts_of(sweep->kernel[1], WINOGRAD_TAPS);
}

struct winograd winograd_of(const struct geometry *g, int groups, int filters) {
    const struct winograd_sweep forward = {.input = {g->input[0], g->input[1]},
                                           .output = {g->output[0], g->output[1]},
                                           .kernel = {g->kernel[0], g->kernel[1]},
                                           .dilation = {g->dilation[0], g->dilation[1]},
                                           .before = {g->before[0], g->before[1]},
                                           .groups = groups,
                                           .channels = g->channels / groups,
                                           .filters = filters / groups,
                                           .all_channels = g->channels,
                                           .all_filters = filters};
    struct winograd_sweep backward = forward;
    for (int axis = 0; axis < 2; axis++) {
        backward.input[axis] = forward.output[axis];
        backward.output[axis] = forward.input[axis];
        backward.before[axis] = (g->kernel[axis] - 1) * g->dilation[axis] - g->before[axis];
    }
    backward.channels = forward.filters;
    backward.filters = forward.channels;
    backward.all_channels = forward.all_filters;
    backward.all_filters = forward.all_channels;
    return (struct winograd){forward, backward};
}

/* Transforms cost as much for few channels as for many. A tile is computed whole even where it sticks out. The packed
 * kernel is four times the kernel: where an image has but one tile, a large one is not worth its way from memory. */
bool winograd_gains(const struct geometry *geometry, int groups, int filters) {
    enum { CHANNELS_LEAST = 8, KERNEL_LEAST = 120, KERNEL_MOST = 1 << 17, KERNEL_MOST_OF_TILE = 1 << 15 };
    const struct winograd_sweep sweep = winograd_of(geometry, groups, filters).forward;
    const int tiles = tiles_of_image(&sweep), most = tiles > 1 ? KERNEL_MOST : KERNEL_MOST_OF_TILE;
    const double taps = (double)sweep.kernel[0] * sweep.kernel[1], blocks = blocks_of(&sweep);
    const double kernel = (double)sweep.channels * sweep.filters;
    const double direct = taps * sweep.output[0] * sweep.output[1], fast = blocks * WINOGRAD_MATRICES * tiles;
    return sweep.channels >= CHANNELS_LEAST && sweep.filters >= CHANNELS_LEAST && kernel >= KERNEL_LEAST &&
           kernel * blocks <= most && direct >= 2 * fast;
}

/* ---- tiles ---- */

/* Of the kernel: where it begins, and how many taps it has (the last ones have less than three). */
struct block {
    int row, column, rows, columns;
    int first_channel; /* of its channels among those of all blocks */
};

static struct block block_at(const struct winograd_sweep *sweep, int index) {
    const int across = parts_of(sweep->kernel[1], WINOGRAD_TAPS);
    const int row = index / across * WINOGRAD_TAPS, column = index % across * WINOGRAD_TAPS;
    return (struct block){row, column, smaller(sweep->kernel[0] - row, WINOGRAD_TAPS),
                          smaller(sweep->kernel[1] - column, WINOGRAD_TAPS), index * sweep->channels};
}

/* What a product sums over. */
static int depth_of(const struct winograd_sweep *sweep) {
    return blocks_of(sweep) * sweep->channels;
}

/* Tiles are numbered through all images of a call, and go through the passes in bunches of nearly equal size. */
static int tiles_at_once(const struct winograd_sweep *sweep) {
    const int tiles = SPECTRUM_FLOATS / rounded_up(depth_of(sweep), WINOGRAD_CHANNELS);
    return tiles < TILES_LEAST ? TILES_LEAST : smaller(tiles, TILES_MOST);
}

/* Of tile `index`: its image, and the row and column of its first output. */
struct position {
    int image, row, column;
};

static struct position position_of(const struct winograd_sweep *sweep, int index) {
    const int down = tiles_along(sweep, 0), across = tiles_along(sweep, 1), each = tiles_of_image(sweep);
    const int phase = index % each / (down * across), within = index % (down * across);
    const int row = within / across * WINOGRAD_OUTPUTS, column = within % across * WINOGRAD_OUTPUTS;
    return (struct position){index / each, row * sweep->dilation[0] + phase / sweep->dilation[1],
                             column * sweep->dilation[1] + phase % sweep->dilation[1]};
}

/* Of `size` cells, `step` apart from `at` on, those in an image of `length`: from *first up to *end, none where those
 * are alike. */
static void cells_inside(int at, int step, int length, int size, int *first, int *end) {
    *first = at < 0 ? parts_of(-at, step) : 0;
    *end = at < length ? smaller(parts_of(length - at, step), size) : 0;
    if (*first >= *end) *first = *end = 0;
}

/* `channels` of `size` x `size` cells from (row,column) on of an image (height,width,all), which may begin before it or
 * lie beyond it. Where there is no cell at all, a tile has no rows. */
static struct winograd_tile tile_of(const struct winograd_sweep *sweep, const int *image, int all, int channels,
                                    int row, int column, int size, ptrdiff_t matrix) {
    const int *step = sweep->dilation;
    struct winograd_tile tile = {.channels = channels,
                                 .row = (ptrdiff_t)image[1] * all * step[0],
                                 .pixel = (ptrdiff_t)all * step[1],
                                 .matrix = matrix};
    cells_inside(row, step[0], image[0], size, &tile.top, &tile.bottom);
    cells_inside(column, step[1], image[1], size, &tile.left, &tile.right);
    if (tile.right > 0) return tile;
    tile.top = tile.bottom = 0;
    tile.right = 1;
    return tile;
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

/* Spectra of inputs (tiles,blocks*channels), and for a panel of filters of outputs (tiles,PANEL) and of kernels
 * (CHANNEL_BLOCK,PANEL). */
struct work {
    struct matrices inputs, outputs, kernels;
    struct matrices partial; /* as outputs, where sums are longer than SUM_MOST */
};

static struct work work_of(const struct winograd_sweep *sweep, struct pieces *pieces) {
    const int tiles = tiles_at_once(sweep);
    struct work work = {0};
    work.inputs = matrices_take(pieces, tiles, rounded_up(depth_of(sweep), WINOGRAD_CHANNELS));
    work.outputs = matrices_take(pieces, tiles, PANEL);
    work.kernels = matrices_take(pieces, CHANNEL_BLOCK, PANEL);
    if (depth_of(sweep) > SUM_MOST) work.partial = matrices_take(pieces, tiles, PANEL);
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
struct bunch {
    int first, tiles;
};

struct panel {
    int first, count, width;
};

static struct panel panel_at(int filters, int first) {
    const int count = smaller(filters - first, PANEL);
    return (struct panel){first, count, rounded_up(count, WINOGRAD_CHANNELS)};
}

/* Channels [first, end) of the input. */
struct range {
    int first, end;
};

/* A block's spectrum reaches into the next one's place, or into the next tile's, which are written after it. */
static void transform_inputs(const struct winograd_sweep *w, const struct kernels *kernels, struct bunch bunch,
                             struct range channels, const float *x, const struct matrices *inputs) {
    const int blocks = blocks_of(w);
    for (int t = 0; t < bunch.tiles; t++) {
        const struct position at = position_of(w, bunch.first + t);
        for (int b = 0; b < blocks; b++) {
            const struct block block = block_at(w, b);
            const int row = at.row - w->before[0] + block.row * w->dilation[0];
            const int column = at.column - w->before[1] + block.column * w->dilation[1];
            const struct winograd_tile tile = tile_of(w, w->input, w->all_channels, channels.end - channels.first, row,
                                                      column, WINOGRAD_INPUTS, inputs->matrix);
            kernels->winograd_input(&tile,
                                    x + cell_of(w->input, w->all_channels, at.image, row, column) + channels.first,
                                    inputs->first + t * inputs->row + block.first_channel + channels.first);
        }
    }
}

/* ---- forward, and the data gradient ---- */

/* A panel of the packed kernel is (36,depth,width); the panels of a group follow one another. */
static ptrdiff_t packed_panel(const struct winograd_sweep *sweep, int first) {
    return (ptrdiff_t)WINOGRAD_MATRICES * depth_of(sweep) * first;
}

static ptrdiff_t packed_group(const struct winograd_sweep *sweep) {
    return packed_panel(sweep, rounded_up(sweep->filters, WINOGRAD_CHANNELS));
}

static size_t packed_floats(const struct winograd_sweep *sweep) {
    return (size_t)sweep->groups * (size_t)packed_group(sweep);
}

size_t winograd_packed_floats(const struct winograd *winograd) {
    return packed_floats(&winograd->forward) + packed_floats(&winograd->backward);
}

/* result (36,tiles,width) = `count` columns from `first` on of inputs (36,tiles,depth) times those rows of the kernel's
 * panel (36,depth,width) */
static void multiply_part(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, struct panel panel,
                          int first, int count, const struct matrices *inputs, const float *packed,
                          const struct matrices *result) {
    for (int m = 0; m < WINOGRAD_MATRICES; m++) {
        const struct product product = {
            .m = tiles,
            .n = rounded_up(panel.count, VECTOR_LEAST),
            .taps = 1,
            .depth = count,
            .a = inputs->first + m * inputs->matrix + first,
            .row = inputs->row,
            .column = 1,
            .b = packed + ((ptrdiff_t)m * depth_of(w) + first) * panel.width,
            .b_row = panel.width,
            .c = result->first + m * result->matrix,
            .c_row = result->row,
        };
        kernels->product(&product);
    }
}

/* outputs (36,tiles,width), the whole depth: the sum of sums over parts of nearly equal length. */
static void multiply(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, struct panel panel,
                     const struct work *work, const float *packed) {
    const int depth = depth_of(w), each = parts_of(depth, parts_of(depth, SUM_MOST));
    multiply_part(w, kernels, tiles, panel, 0, each, &work->inputs, packed, &work->outputs);
    for (int first = each; first < depth; first += each) {
        const int count = smaller(depth - first, each);
        multiply_part(w, kernels, tiles, panel, first, count, &work->inputs, packed, &work->partial);
        for (int m = 0; m < WINOGRAD_MATRICES; m++)
            kernels->add((size_t)(tiles * work->outputs.row), work->partial.first + m * work->partial.matrix,
                         work->outputs.first + m * work->outputs.matrix);
    }
}

static void transform_outputs(const struct winograd_sweep *w, const struct kernels *kernels, struct bunch bunch,
                              struct panel panel, const struct matrices *outputs, const float *bias, float *y) {
    for (int t = 0; t < bunch.tiles; t++) {
        const struct position at = position_of(w, bunch.first + t);
        const struct winograd_tile tile =
            tile_of(w, w->output, w->all_filters, panel.count, at.row, at.column, WINOGRAD_OUTPUTS, outputs->matrix);
        kernels->winograd_output(&tile, outputs->first + t * outputs->row, bias ? bias + panel.first : NULL,
                                 y + cell_of(w->output, w->all_filters, at.image, at.row, at.column) + panel.first);
    }
}

/* How many bunches the tiles of `images` images make. */
static int bunch_count(const struct winograd_sweep *sweep, int images) {
    const int most = tiles_at_once(sweep);
    return (images * tiles_of_image(sweep) + most - 1) / most;
}

static struct bunch bunch_at(const struct winograd_sweep *sweep, int images, int index) {
    const int64_t tiles = (int64_t)images * tiles_of_image(sweep);
    const int count = bunch_count(sweep, images);
    const int first = (int)(tiles * index / count), end = (int)(tiles * (index + 1) / count);
    return (struct bunch){first, end - first};
}

/* One group of channels: x, packed, bias and y begin with its own. */
static void convolve_group(const struct winograd_sweep *sweep, const struct pass *pass, const float *x,
                           const float *packed, const float *bias, float *y) {
    const struct work work = work_of(sweep, &(struct pieces){.memory = pass->scratch});
    for (int i = 0; i < bunch_count(sweep, pass->images); i++) {
        const struct bunch bunch = bunch_at(sweep, pass->images, i);
        transform_inputs(sweep, pass->kernels, bunch, (struct range){0, sweep->channels}, x, &work.inputs);
        for (int first = 0; first < sweep->filters; first += PANEL) {
            const struct panel panel = panel_at(sweep->filters, first);
            multiply(sweep, pass->kernels, bunch.tiles, panel, &work, packed + packed_panel(sweep, first));
            transform_outputs(sweep, pass->kernels, bunch, panel, &work.outputs, bias, y);
        }
    }
}

static void convolve(const struct winograd_sweep *sweep, const struct pass *pass, const float *x, const float *packed,
                     const float *bias, float *y) {
    for (int group = 0; group < sweep->groups; group++)
        convolve_group(sweep, pass, x + (ptrdiff_t)group * sweep->channels, packed + group * packed_group(sweep),
                       bias ? bias + (ptrdiff_t)group * sweep->filters : NULL, y + (ptrdiff_t)group * sweep->filters);
}

void winograd_forward(const struct winograd *winograd, const struct pass *pass, const float *bias) {
    convolve(&winograd->forward, pass, pass->x, pass->packed, bias, pass->y);
}

void winograd_data_gradient(const struct winograd *winograd, const struct pass *pass, const float *bias) {
    convolve(&winograd->backward, pass, pass->dy, pass->packed + packed_floats(&winograd->forward), bias, pass->dx);
}

/* ---- the packed kernel ---- */

/* Channel c of a block of the kernel (kh,kw,c,f), whose taps stand so far apart, into its row of the panel. */
static void pack_block(const struct winograd_sweep *sweep, const struct kernels *kernels, const struct block *block,
                       struct panel panel, ptrdiff_t row, ptrdiff_t pixel, const float *taps, int channel,
                       float *packed) {
    const struct winograd_tile tile = {.channels = panel.count,
                                       .row = row,
                                       .pixel = pixel,
                                       .bottom = block->rows,
                                       .right = block->columns,
                                       .matrix = (ptrdiff_t)depth_of(sweep) * panel.width};
    kernels->winograd_kernel(&tile, taps,
                             packed + packed_panel(sweep, panel.first) +
                                 (ptrdiff_t)(block->first_channel + channel) * panel.width);
}

/* One group: `kernel` (kh,kw,c,all filters) begins with its first filter. */
static void pack_forward(const struct winograd_sweep *sweep, const struct kernels *kernels, const float *kernel,
                         float *packed, int part, int parts) {
    const ptrdiff_t filters = sweep->all_filters, pixel = sweep->channels * filters, row = sweep->kernel[1] * pixel;
    for (int b = 0; b < blocks_of(sweep); b++) {
        const struct block block = block_at(sweep, b);
        const float *first_tap = kernel + block.row * row + block.column * pixel;
        for (int c = part; c < sweep->channels; c += parts)
            for (int first = 0; first < sweep->filters; first += PANEL)
                pack_block(sweep, kernels, &block, panel_at(sweep->filters, first), row, pixel,
                           first_tap + c * filters + first, c, packed);
    }
}

/* flipped (3,3,TRANSPOSED,PANEL) = the block of the flipped kernel, `rows` of its filters from `row` on by the panel's
 * channels, from the kernel (kh,kw,c,all filters). */
static void flip(const struct winograd_sweep *backward, const struct block *block, const float *kernel, int row,
                 int rows, struct panel panel, float *flipped) {
    const ptrdiff_t channels = backward->filters, filters = backward->all_channels;
    for (int t = 0; t < block->rows * block->columns; t++) {
        const int i = t / block->columns, j = t % block->columns;
        const int high = backward->kernel[0] - 1 - (block->row + i),
                  wide = backward->kernel[1] - 1 - (block->column + j);
        const float *tap = kernel + ((ptrdiff_t)high * backward->kernel[1] + wide) * channels * filters;
        float *to = flipped + (ptrdiff_t)(i * WINOGRAD_TAPS + j) * TRANSPOSED * PANEL;
        for (int c = 0; c < panel.count; c++)
            for (int r = 0; r < rows; r++) to[r * PANEL + c] = tap[(panel.first + c) * filters + row + r];
    }
}

static void pack_backward(const struct winograd_sweep *sweep, const struct kernels *kernels, const float *kernel,
                          float *packed, int part, int parts) {
    enum { PIXEL = TRANSPOSED * PANEL, ROW = WINOGRAD_TAPS * PIXEL };
    float flipped[WINOGRAD_TAPS * ROW] = {0};
    for (int b = 0; b < blocks_of(sweep); b++) {
        const struct block block = block_at(sweep, b);
        for (int row = part * TRANSPOSED; row < sweep->channels; row += parts * TRANSPOSED)
            for (int first = 0; first < sweep->filters; first += PANEL) {
                const struct panel panel = panel_at(sweep->filters, first);
                const int count = smaller(sweep->channels - row, TRANSPOSED);
                flip(sweep, &block, kernel, row, count, panel, flipped);
                for (int r = 0; r < count; r++)
                    pack_block(sweep, kernels, &block, panel, ROW, PIXEL, flipped + (ptrdiff_t)r * PANEL, row + r,
                               packed);
            }
    }
}

void winograd_pack(const struct winograd *winograd, const struct pass *pass, struct packs_wanted wanted, float *packed,
                   int part, int parts) {
    const struct winograd_sweep *forward = &winograd->forward, *backward = &winograd->backward;
    float *flipped = packed + packed_floats(forward);
    for (int group = 0; group < forward->groups; group++) {
        const float *kernel = pass->parameters[0] + (ptrdiff_t)group * forward->filters;
        if (wanted.forward)
            pack_forward(forward, pass->kernels, kernel, packed + group * packed_group(forward), part, parts);
        if (wanted.data)
            pack_backward(backward, pass->kernels, kernel, flipped + group * packed_group(backward), part, parts);
    }
}

/* ---- the kernel gradient ---- */

static void transform_output_gradients(const struct winograd_sweep *w, const struct kernels *kernels,
                                       struct bunch bunch, struct panel panel, const float *dy,
                                       const struct matrices *outputs) {
    for (int t = 0; t < bunch.tiles; t++) {
        const struct position at = position_of(w, bunch.first + t);
        const struct winograd_tile tile =
            tile_of(w, w->output, w->all_filters, panel.count, at.row, at.column, WINOGRAD_OUTPUTS, outputs->matrix);
        kernels->winograd_output_gradient(
            &tile, dy + cell_of(w->output, w->all_filters, at.image, at.row, at.column) + panel.first,
            outputs->first + t * outputs->row);
    }
}

/* Of a block of the kernel, channels [first, first + count) by the panel's filters: kernels (36,count,width) = inputs
 * (36,tiles,count) transposed times outputs (36,tiles,width), whose transform is added to the gradient. */
static void block_gradient(const struct winograd_sweep *w, const struct kernels *kernels, int tiles,
                           const struct block *block, int first, int count, struct panel panel, const struct work *work,
                           float *gradient) {
    for (int m = 0; m < WINOGRAD_MATRICES; m++) {
        const struct product product = {
            .m = count,
            .n = rounded_up(panel.count, VECTOR_LEAST),
            .taps = 1,
            .depth = tiles,
            .a = work->inputs.first + m * work->inputs.matrix + block->first_channel + first,
            .row = 1,
            .column = work->inputs.row,
            .b = work->outputs.first + m * work->outputs.matrix,
            .b_row = work->outputs.row,
            .c = work->kernels.first + m * work->kernels.matrix,
            .c_row = work->kernels.row,
        };
        kernels->product(&product);
    }
    const ptrdiff_t pixel = (ptrdiff_t)w->channels * w->all_filters, row = w->kernel[1] * pixel;
    const struct winograd_tile tile = {.channels = panel.count,
                                       .row = row,
                                       .pixel = pixel,
                                       .bottom = block->rows,
                                       .right = block->columns,
                                       .matrix = work->kernels.matrix};
    gradient += block->row * row + block->column * pixel + panel.first;
    for (int c = 0; c < count; c++)
        kernels->winograd_kernel_gradient(&tile, work->kernels.first + c * work->kernels.row,
                                          gradient + (ptrdiff_t)(first + c) * w->all_filters);
}

static void panel_gradient(const struct winograd_sweep *w, const struct kernels *kernels, int tiles,
                           struct range channels, struct panel panel, const struct work *work, float *gradient) {
    for (int b = 0; b < blocks_of(w); b++) {
        const struct block block = block_at(w, b);
        for (int c = channels.first; c < channels.end; c += CHANNEL_BLOCK)
            block_gradient(w, kernels, tiles, &block, c, smaller(channels.end - c, CHANNEL_BLOCK), panel, work,
                           gradient);
    }
}

/* The gradient of some channels of a group and of its filters [filters.first, filters.end), in whole panels. */
static void add_gradient(const struct winograd_sweep *sweep, const struct pass *pass, int group, struct range channels,
                         struct range filters, float *gradient) {
    const struct work work = work_of(sweep, &(struct pieces){.memory = pass->scratch});
    const float *x = pass->x + (ptrdiff_t)group * sweep->channels;
    const ptrdiff_t filter = (ptrdiff_t)group * sweep->filters;
    for (int i = 0; i < bunch_count(sweep, pass->images); i++) {
        const struct bunch bunch = bunch_at(sweep, pass->images, i);
        transform_inputs(sweep, pass->kernels, bunch, channels, x, &work.inputs);
        for (int first = filters.first; first < filters.end; first += PANEL) {
            const struct panel panel = panel_at(sweep->filters, first);
            transform_output_gradients(sweep, pass->kernels, bunch, panel, pass->dy + filter, &work.outputs);
            panel_gradient(sweep, pass->kernels, bunch.tiles, channels, panel, &work, gradient + filter);
        }
    }
}

void winograd_kernel_gradient(const struct winograd *winograd, const struct pass *pass, float *gradient) {
    const struct winograd_sweep *sweep = &winograd->forward;
    for (int group = 0; group < sweep->groups; group++)
        add_gradient(sweep, pass, group, (struct range){0, sweep->channels}, (struct range){0, sweep->filters},
                     gradient);
}

static void clear_gradient(const struct winograd_sweep *sweep, int group, struct range channels, struct range filters,
                           float *gradient) {
    const int taps = sweep->kernel[0] * sweep->kernel[1];
    const size_t bytes = (size_t)(filters.end - filters.first) * sizeof *gradient;
    gradient += (ptrdiff_t)group * sweep->filters + filters.first;
    for (int t = 0; t < taps; t++)
        for (int c = channels.first; c < channels.end; c++)
            memset(gradient + ((ptrdiff_t)t * sweep->channels + c) * sweep->all_filters, 0, bytes);
}

/* A share is a panel of a group's filters and some blocks of channels. */
void winograd_kernel_gradient_part(const struct winograd *winograd, const struct pass *pass, float *gradient, int part,
                                   int parts) {
    const struct winograd_sweep *sweep = &winograd->forward;
    const int panels = sweep->groups * parts_of(sweep->filters, PANEL),
              blocks = parts_of(sweep->channels, CHANNEL_BLOCK);
    const int cuts = smaller(parts_of(parts, panels), blocks);
    for (int share = part; share < panels * cuts; share += parts) {
        const int panel = share % panels, group = panel % sweep->groups, cut = share / panels;
        const int first = panel / sweep->groups * PANEL;
        const struct range filters = {first, smaller(first + PANEL, sweep->filters)};
        const struct range channels = {blocks * cut / cuts * CHANNEL_BLOCK,
                                       smaller(blocks * (cut + 1) / cuts * CHANNEL_BLOCK, sweep->channels)};
        clear_gradient(sweep, group, channels, filters, gradient);
        add_gradient(sweep, pass, group, channels, filters, gradient);
    }
}
