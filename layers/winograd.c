#include "layers/winograd.h"

#include <string.h>

enum {
    PANEL = 32,                  /* filters in one go: columns of a product */
    CHANNEL_BLOCK = 32,          /* rows of a product of the kernel gradient */
    SPECTRUM_FLOATS = 36 * 2048, /* tiles x depth of a bunch in all matrices, which stay in the second-level cache */
    TILES_LEAST = 16,
    TILES_MOST = 64,
    SUM_MOST = 128,   /* summed in a row: longer sums round too much */
    TRANSPOSED = 8,   /* filters transposed at a time */
    VECTOR_LEAST = 8, /* products have whole vectors of at least this size */
};

static int rounded_up(int value, int step) {
    return (value + step - 1) / step * step;
}

static int parts_of(int whole, int part) {
    return (whole + part - 1) / part;
}

/* ---- which convolutions ---- */

const char *winograd_obstacle(const struct geometry *g) {
    const bool all_seen = g->stride[0] <= g->kernel[0] && g->stride[1] <= g->kernel[1];
    return all_seen ? NULL : "needs strides no larger than kernel_size";
}

struct winograd winograd_of(const struct geometry *geometry, int groups, int filters) {
    return (struct winograd){winograd_sweep_forward(geometry, groups, filters),
                             winograd_sweep_back(geometry, groups, filters)};
}

/* Transforms cost as much for few channels as for many. A tile is computed whole even where it sticks out. The packed
 * kernel is four times the kernel: where an image has but one tile, a large one is not worth its way from memory. */
bool winograd_gains(const struct geometry *geometry, int groups, int filters) {
    enum { CHANNELS_LEAST = 8, KERNEL_LEAST = 120, KERNEL_MOST = 1 << 17, KERNEL_MOST_OF_TILE = 1 << 15 };
    const struct winograd_sweep sweep = winograd_sweep_forward(geometry, groups, filters);
    const int most = winograd_tiles(&sweep) > 1 ? KERNEL_MOST : KERNEL_MOST_OF_TILE;
    const double taps = (double)geometry->kernel[0] * geometry->kernel[1], blocks = winograd_blocks(&sweep);
    const double kernel = (double)sweep.channels * sweep.filters;
    const double direct = taps * geometry->output[0] * geometry->output[1];
    return sweep.channels >= CHANNELS_LEAST && sweep.filters >= CHANNELS_LEAST && kernel >= KERNEL_LEAST &&
           kernel * blocks <= most && direct >= 1.6 * winograd_products(&sweep);
}

/* ---- bunches of tiles ---- */

/* What a product sums over. */
static int depth_of(const struct winograd_sweep *sweep) {
    return winograd_blocks(sweep) * sweep->channels;
}

/* Tiles are numbered through all images of a call, and go through the passes in bunches of nearly equal size. */
static int tiles_at_once(const struct winograd_sweep *sweep) {
    const int floats = SPECTRUM_FLOATS / winograd_matrices(sweep);
    const int tiles = floats / rounded_up(depth_of(sweep), WINOGRAD_CHANNELS);
    return tiles < TILES_LEAST ? TILES_LEAST : smaller(tiles, TILES_MOST);
}

/* Some tiles. */
struct bunch {
    int first, tiles;
};

/* How many bunches the tiles of `images` images make. */
static int bunch_count(const struct winograd_sweep *sweep, int images) {
    return parts_of(images * winograd_tiles(sweep), tiles_at_once(sweep));
}

static struct bunch bunch_at(const struct winograd_sweep *sweep, int images, int index) {
    const int64_t tiles = (int64_t)images * winograd_tiles(sweep);
    const int count = bunch_count(sweep, images);
    const int first = (int)(tiles * index / count), end = (int)(tiles * (index + 1) / count);
    return (struct bunch){first, end - first};
}

/* ---- 36 matrices, or 25 ---- */

/* One behind the other, not quite a power of two apart: cells of the same tile fall into different sets of the cache.
 */
struct matrices {
    float *first;
    ptrdiff_t row, matrix; /* floats from row to row, from matrix to matrix */
};

static struct matrices matrices_take(struct pieces *pieces, int count, int rows, int columns) {
    const size_t each = (size_t)rows * (size_t)columns + WINOGRAD_CHANNELS;
    return (struct matrices){
        .first = pieces_take(pieces, (size_t)count * each, sizeof(float)), .row = columns, .matrix = (ptrdiff_t)each};
}

/* The first rows of matrix `index` are 0. */
static void matrix_clear(const struct matrices *matrices, int index, int rows) {
    memset(matrices->first + index * matrices->matrix, 0, (size_t)(rows * matrices->row) * sizeof *matrices->first);
}

/* Spectra of inputs (tiles,blocks*channels), and for a panel of filters of outputs (tiles,PANEL) and of kernels
 * (CHANNEL_BLOCK,PANEL). */
struct work {
    struct matrices inputs, outputs, kernels;
    struct matrices partial; /* as outputs, where sums are longer than SUM_MOST */
};

static struct work work_of(const struct winograd_sweep *sweep, struct pieces *pieces) {
    const int tiles = tiles_at_once(sweep), count = winograd_matrices(sweep);
    struct work work = {0};
    work.inputs = matrices_take(pieces, count, tiles, rounded_up(depth_of(sweep), WINOGRAD_CHANNELS));
    work.outputs = matrices_take(pieces, count, tiles, PANEL);
    work.kernels = matrices_take(pieces, count, CHANNEL_BLOCK, PANEL);
    if (depth_of(sweep) > SUM_MOST) work.partial = matrices_take(pieces, count, tiles, PANEL);
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

/* Columns [first, first + count) of the filters; `width` is count in whole vectors. */
struct panel {
    int first, count, width;
};

static struct panel panel_at(int filters, int first) {
    const int count = smaller(filters - first, PANEL);
    return (struct panel){first, count, rounded_up(count, WINOGRAD_CHANNELS)};
}

/* A block's spectrum reaches into the next one's place, or into the next tile's, which are written after it. */
static void transform_inputs(const struct winograd_sweep *w, const struct kernels *kernels, struct bunch bunch,
                             struct range channels, const float *x, const struct matrices *inputs) {
    const int blocks = winograd_blocks(w);
    for (int t = 0; t < bunch.tiles; t++) {
        const struct tile_place place = winograd_place(w, bunch.first + t);
        for (int b = 0; b < blocks; b++) {
            const struct tile tile = winograd_input_tile(w, &place, b, channels.end - channels.first, inputs->matrix);
            kernels->winograd_input(&tile.cells, x + tile.first + channels.first,
                                    inputs->first + t * inputs->row + b * w->channels + channels.first);
        }
    }
}

/* ---- forward, and the data gradient ---- */

/* A panel of the packed kernel is (36,depth,width); the panels of a phase follow one another, and the phases of a
 * group. */
static ptrdiff_t packed_panel(const struct winograd_sweep *sweep, int phase, int first) {
    const ptrdiff_t columns = (ptrdiff_t)phase * rounded_up(sweep->filters, WINOGRAD_CHANNELS) + first;
    return (ptrdiff_t)winograd_matrices(sweep) * depth_of(sweep) * columns;
}

static ptrdiff_t packed_group(const struct winograd_sweep *sweep) {
    return packed_panel(sweep, winograd_phases(sweep), 0);
}

static size_t packed_floats(const struct winograd_sweep *sweep) {
    return (size_t)sweep->groups * (size_t)packed_group(sweep);
}

size_t winograd_packed_floats(const struct winograd *winograd) {
    return packed_floats(&winograd->forward) + packed_floats(&winograd->backward);
}

/* Matrices of a kind of rows and a kind of columns of the spectrum. A block with fewer taps does not reach all. */
struct kinds {
    enum points_kind down, along;
};

static struct kinds kinds_at(int index) {
    return (struct kinds){(enum points_kind)(index / POINTS_KINDS), (enum points_kind)(index % POINTS_KINDS)};
}

/* Matrix `index` of those of a kind, among all; -1 where there are no more. */
static int matrix_of_kinds(const struct winograd_sweep *w, struct kinds kinds, int index) {
    const struct range down = winograd_points_of(w, kinds.down), along = winograd_points_of(w, kinds.along);
    const int row = down.first + index / (along.end - along.first), column = index % (along.end - along.first);
    return row < down.end ? row * winograd_points(w) + along.first + column : -1;
}

/* Rows of the kernel, (channels of blocks), from `from` on and before `end`, where these matrices of it are not 0: the
 * next ones in a row; first is end where there are no more. */
static struct range rows_reached(const struct winograd_sweep *w, int phase, struct kinds kinds, int from, int end) {
    struct range rows = {end, end};
    for (int b = from / w->channels; b * w->channels < end; b++) {
        const struct block block = winograd_block(w, phase, b);
        const bool reached = block_reaches(w, &block, kinds.down, kinds.along);
        if (reached && rows.first == end) rows.first = larger(from, b * w->channels);
        if (reached || rows.first == end) continue;
        rows.end = b * w->channels;
        break;
    }
    return rows;
}

/* result (36,tiles,width) = or += columns `rows` of inputs (36,tiles,depth) times those rows of the kernel's panel
 * (36,depth,width), in the matrices of these kinds; 0 where there are none. */
static void multiply_rows(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, struct panel panel,
                          struct kinds kinds, struct range rows, bool accumulate, const struct matrices *inputs,
                          const float *packed, const struct matrices *result) {
    for (int i = 0, m; (m = matrix_of_kinds(w, kinds, i)) >= 0; i++) {
        const struct product product = {
            .m = tiles,
            .n = rounded_up(panel.count, VECTOR_LEAST),
            .taps = 1,
            .depth = rows.end - rows.first,
            .a = inputs->first + m * inputs->matrix + rows.first,
            .row = inputs->row,
            .column = 1,
            .b = packed + ((ptrdiff_t)m * depth_of(w) + rows.first) * panel.width,
            .b_row = panel.width,
            .c = result->first + m * result->matrix,
            .c_row = result->row,
            .accumulate = accumulate,
        };
        if (product.depth > 0)
            kernels->product(&product);
        else
            matrix_clear(result, m, tiles);
    }
}

/* result (36,tiles,width) = columns `part` of the inputs times those rows of the panel */
static void multiply_part(const struct winograd_sweep *w, const struct kernels *kernels, int phase, int tiles,
                          struct panel panel, struct range part, const struct matrices *inputs, const float *packed,
                          const struct matrices *result) {
    for (int k = 0; k < POINTS_KINDS * POINTS_KINDS; k++) {
        const struct kinds kinds = kinds_at(k);
        struct range rows = rows_reached(w, phase, kinds, part.first, part.end);
        multiply_rows(w, kernels, tiles, panel, kinds, rows, false, inputs, packed, result);
        while ((rows = rows_reached(w, phase, kinds, rows.end, part.end)).first < part.end)
            multiply_rows(w, kernels, tiles, panel, kinds, rows, true, inputs, packed, result);
    }
}

/* outputs (36,tiles,width), the whole depth: the sum of sums over parts of nearly equal length. */
static void multiply(const struct winograd_sweep *w, const struct kernels *kernels, int phase, int tiles,
                     struct panel panel, const struct work *work, const float *packed) {
    const int depth = depth_of(w), each = parts_of(depth, parts_of(depth, SUM_MOST));
    multiply_part(w, kernels, phase, tiles, panel, (struct range){0, each}, &work->inputs, packed, &work->outputs);
    for (int first = each; first < depth; first += each) {
        const struct range part = {first, smaller(first + each, depth)};
        multiply_part(w, kernels, phase, tiles, panel, part, &work->inputs, packed, &work->partial);
        for (int m = 0; m < winograd_matrices(w); m++)
            kernels->add((size_t)(tiles * work->outputs.row), work->partial.first + m * work->partial.matrix,
                         work->outputs.first + m * work->outputs.matrix);
    }
}

static void transform_outputs(const struct winograd_sweep *w, const struct kernels *kernels, int phase,
                              struct bunch bunch, struct panel panel, const struct matrices *outputs, const float *bias,
                              float *y) {
    for (int t = 0; t < bunch.tiles; t++) {
        const struct tile_place place = winograd_place(w, bunch.first + t);
        const struct tile tile = winograd_output_tile(w, &place, phase, panel.count, outputs->matrix);
        kernels->winograd_output(&tile.cells, outputs->first + t * outputs->row, bias ? bias + panel.first : NULL,
                                 y + tile.first + panel.first);
    }
}

static void convolve_panel(const struct winograd_sweep *sweep, const struct kernels *kernels, int phase,
                           struct bunch bunch, struct panel panel, const struct work *work, const float *packed,
                           const float *bias, float *y) {
    multiply(sweep, kernels, phase, bunch.tiles, panel, work, packed + packed_panel(sweep, phase, panel.first));
    transform_outputs(sweep, kernels, phase, bunch, panel, &work->outputs, bias, y);
}

/* One group of channels: x, packed, bias and y begin with its own. */
static void convolve_group(const struct winograd_sweep *sweep, const struct pass *pass, const float *x,
                           const float *packed, const float *bias, float *y) {
    const struct work work = work_of(sweep, &(struct pieces){.memory = pass->scratch});
    for (int i = 0; i < bunch_count(sweep, pass->images); i++) {
        const struct bunch bunch = bunch_at(sweep, pass->images, i);
        transform_inputs(sweep, pass->kernels, bunch, (struct range){0, sweep->channels}, x, &work.inputs);
        for (int phase = 0; phase < winograd_phases(sweep); phase++)
            for (int first = 0; first < sweep->filters; first += PANEL)
                convolve_panel(sweep, pass->kernels, phase, bunch, panel_at(sweep->filters, first), &work, packed, bias,
                               y);
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

/* What a channel's rows of the panels, one for each block, are packed from: the taps at image[r*row + c*pixel]. */
struct packing {
    const struct winograd_sweep *sweep;
    const struct kernels *kernels;
    int phase, block;
    float *packed;
};

static void pack_row(const struct packing *packing, const struct block *block, struct panel panel, ptrdiff_t row,
                     ptrdiff_t pixel, const float *taps, int channel) {
    const struct winograd_sweep *sweep = packing->sweep;
    const struct strip *down = &block->strips[0], *along = &block->strips[1];
    const struct winograd_tile tile = {.taps = sweep->taps,
                                       .channels = panel.count,
                                       .row = row,
                                       .pixel = pixel,
                                       .top = down->from,
                                       .left = along->from,
                                       .bottom = down->end,
                                       .right = along->end,
                                       .matrix = (ptrdiff_t)depth_of(sweep) * panel.width};
    packing->kernels->winograd_kernel(&tile, taps,
                                      packing->packed + packed_panel(sweep, packing->phase, panel.first) +
                                          ((ptrdiff_t)packing->block * sweep->channels + channel) * panel.width);
}

/* One group: `kernel` (kh,kw,c,all filters) begins with its first filter. */
static void pack_forward(struct packing packing, const float *kernel, int part, int parts) {
    const struct winograd_sweep *sweep = packing.sweep;
    const ptrdiff_t filters = sweep->all_filters, pixel = sweep->channels * filters, row = sweep->of.kernel[1] * pixel;
    for (; packing.block < winograd_blocks(sweep); packing.block++) {
        const struct block block = winograd_block(sweep, 0, packing.block);
        const struct strip *down = &block.strips[0], *along = &block.strips[1];
        const float *first_tap = kernel + down->row * row + along->row * pixel;
        for (int c = part; c < sweep->channels; c += parts)
            for (int first = 0; first < sweep->filters; first += PANEL)
                pack_row(&packing, &block, panel_at(sweep->filters, first), down->step * row, along->step * pixel,
                         first_tap + c * filters + first, c);
    }
}

/* flipped (3,3,TRANSPOSED,PANEL) = the taps of the block, `rows` of its filters from `row` on by the panel's channels,
 * from the kernel (kh,kw,c,all filters). */
static void flip(const struct winograd_sweep *back, const struct block *block, const float *kernel, int row, int rows,
                 struct panel panel, float *flipped) {
    const ptrdiff_t channels = back->filters, filters = back->all_channels;
    const struct strip *down = &block->strips[0], *along = &block->strips[1];
    for (int i = down->from; i < down->end; i++)
        for (int j = along->from; j < along->end; j++) {
            const int high = down->row + (i - down->from) * down->step,
                      wide = along->row + (j - along->from) * along->step;
            const float *tap = kernel + ((ptrdiff_t)high * back->of.kernel[1] + wide) * channels * filters;
            float *to = flipped + (ptrdiff_t)(i * WINOGRAD_TAPS_MOST + j) * TRANSPOSED * PANEL;
            for (int c = 0; c < panel.count; c++)
                for (int r = 0; r < rows; r++) to[r * PANEL + c] = tap[(panel.first + c) * filters + row + r];
        }
}

/* Blocks without taps stay unwritten; no product reads them. */
static void pack_back(struct packing packing, const float *kernel, int part, int parts) {
    enum { PIXEL = TRANSPOSED * PANEL, ROW = WINOGRAD_TAPS_MOST * PIXEL };
    const struct winograd_sweep *sweep = packing.sweep;
    float flipped[WINOGRAD_TAPS_MOST * ROW] = {0};
    for (; packing.block < winograd_blocks(sweep); packing.block++) {
        const struct block block = winograd_block(sweep, packing.phase, packing.block);
        if (block_is_empty(&block)) continue;
        for (int row = part * TRANSPOSED; row < sweep->channels; row += parts * TRANSPOSED)
            for (int first = 0; first < sweep->filters; first += PANEL) {
                const struct panel panel = panel_at(sweep->filters, first);
                const int count = smaller(sweep->channels - row, TRANSPOSED);
                flip(sweep, &block, kernel, row, count, panel, flipped);
                for (int r = 0; r < count; r++)
                    pack_row(&packing, &block, panel, ROW, PIXEL, flipped + (ptrdiff_t)r * PANEL, row + r);
            }
    }
}

void winograd_pack(const struct winograd *winograd, const struct pass *pass, struct packs_wanted wanted, float *packed,
                   int part, int parts) {
    const struct winograd_sweep *forward = &winograd->forward, *backward = &winograd->backward;
    float *flipped = packed + packed_floats(forward);
    for (int group = 0; group < forward->groups; group++) {
        const float *kernel = pass->parameters[0] + (ptrdiff_t)group * forward->filters;
        struct packing packing = {forward, pass->kernels, .packed = packed + group * packed_group(forward)};
        if (wanted.forward) pack_forward(packing, kernel, part, parts);
        packing = (struct packing){backward, pass->kernels, .packed = flipped + group * packed_group(backward)};
        for (; wanted.data && packing.phase < winograd_phases(backward); packing.phase++)
            pack_back(packing, kernel, part, parts);
    }
}

/* ---- the kernel gradient ---- */

static void transform_output_gradients(const struct winograd_sweep *w, const struct kernels *kernels,
                                       struct bunch bunch, struct panel panel, const float *dy,
                                       const struct matrices *outputs) {
    for (int t = 0; t < bunch.tiles; t++) {
        const struct tile_place place = winograd_place(w, bunch.first + t);
        const struct tile tile = winograd_output_tile(w, &place, 0, panel.count, outputs->matrix);
        kernels->winograd_output_gradient(&tile.cells, dy + tile.first + panel.first,
                                          outputs->first + t * outputs->row);
    }
}

/* Of a block of the kernel, channels [first, end) by the panel's filters: kernels (36,channels,width) = inputs
 * (36,tiles,channels) transposed times outputs (36,tiles,width), in the matrices of these kinds. */
static void multiply_block(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, int index,
                           struct kinds kinds, struct range channels, struct panel panel, const struct work *work) {
    const struct block block = winograd_block(w, 0, index);
    const bool reached = block_reaches(w, &block, kinds.down, kinds.along);
    for (int i = 0, m; (m = matrix_of_kinds(w, kinds, i)) >= 0; i++) {
        const struct product product = {
            .m = channels.end - channels.first,
            .n = rounded_up(panel.count, VECTOR_LEAST),
            .taps = 1,
            .depth = tiles,
            .a = work->inputs.first + m * work->inputs.matrix + index * w->channels + channels.first,
            .row = 1,
            .column = work->inputs.row,
            .b = work->outputs.first + m * work->outputs.matrix,
            .b_row = work->outputs.row,
            .c = work->kernels.first + m * work->kernels.matrix,
            .c_row = work->kernels.row,
        };
        if (reached)
            kernels->product(&product);
        else
            matrix_clear(&work->kernels, m, product.m);
    }
}

/* The same, whose transform is added to the gradient. */
static void block_gradient(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, int index,
                           struct range channels, struct panel panel, const struct work *work, float *gradient) {
    const struct block block = winograd_block(w, 0, index);
    const struct strip *down = &block.strips[0], *along = &block.strips[1];
    for (int k = 0; k < POINTS_KINDS * POINTS_KINDS; k++)
        multiply_block(w, kernels, tiles, index, kinds_at(k), channels, panel, work);
    const ptrdiff_t pixel = (ptrdiff_t)w->channels * w->all_filters, row = w->of.kernel[1] * pixel;
    const struct winograd_tile tile = {.taps = w->taps,
                                       .channels = panel.count,
                                       .row = down->step * row,
                                       .pixel = along->step * pixel,
                                       .bottom = down->end,
                                       .right = along->end,
                                       .matrix = work->kernels.matrix};
    gradient += down->row * row + along->row * pixel + panel.first;
    for (int c = channels.first; c < channels.end; c++)
        kernels->winograd_kernel_gradient(&tile, work->kernels.first + (c - channels.first) * work->kernels.row,
                                          gradient + (ptrdiff_t)c * w->all_filters);
}

static void panel_gradient(const struct winograd_sweep *w, const struct kernels *kernels, int tiles,
                           struct range channels, struct panel panel, const struct work *work, float *gradient) {
    for (int b = 0; b < winograd_blocks(w); b++)
        for (int c = channels.first; c < channels.end; c += CHANNEL_BLOCK) {
            const struct range block = {c, smaller(c + CHANNEL_BLOCK, channels.end)};
            block_gradient(w, kernels, tiles, b, block, panel, work, gradient);
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
    const int taps = sweep->of.kernel[0] * sweep->of.kernel[1];
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
