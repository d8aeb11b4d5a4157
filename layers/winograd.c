#include "layers/winograd.h"
#include "layers/winograd_parts.h"

#include <string.h>

enum {
    PANEL = WINOGRAD_PANEL,
    CHANNEL_BLOCK = 32, /* rows of a product of the kernel gradient */
    /* tiles x depth of a bunch in all matrices, which stay in the second-level cache; where several blocks or phases
     * share a bunch's transforms, it pays to pass over the packed kernel less often, and more so in the gradient */
    SPECTRUM_FLOATS = 36 * 2048,
    SHARED_FLOATS = 36 * 4096,
    SHARED_GRADIENT_FLOATS = 36 * 6144,
    TILES_LEAST = 16,
    TILES_MOST = 64,
    SUM_MOST = WINOGRAD_SUM,
    GRADIENT_ROWS = 32,  /* channels of blocks whose gradient of many images is a share */
    GRADIENT_PANELS = 4, /* panels of filters of a share, at most */
    VECTOR_LEAST = 8,    /* products have whole vectors of at least this size */
};

struct winograd winograd_of(const struct geometry *geometry, int groups, int filters) {
    return (struct winograd){winograd_sweep_forward(geometry, groups, filters),
                             winograd_sweep_back(geometry, groups, filters)};
}

/* ---- bunches of tiles ---- */

/* Tiles go through the passes in bunches of nearly equal size, of so many tiles at most: */
static int tiles_of_floats(const struct winograd_sweep *sweep, int floats) {
    const int tiles = floats / winograd_matrices(sweep) / rounded_up(winograd_depth(sweep), WINOGRAD_CHANNELS);
    return tiles < TILES_LEAST ? TILES_LEAST : smaller(tiles, TILES_MOST);
}

int winograd_tiles_at_once(const struct winograd_sweep *sweep) {
    const bool shared = winograd_blocks(sweep) * winograd_phases(sweep) > 1;
    return tiles_of_floats(sweep, shared ? SHARED_FLOATS : SPECTRUM_FLOATS);
}

/* The bits depend on it: each bunch is a sum of its own. */
int winograd_gradient_tiles(const struct winograd_sweep *sweep) {
    const bool shared = sweep->of.stride[0] * sweep->of.stride[1] > 1;
    return tiles_of_floats(sweep, shared ? SHARED_GRADIENT_FLOATS : SPECTRUM_FLOATS);
}

/* How many bunches of at most so many the tiles of `images` images make. */
static int bunch_count(const struct winograd_sweep *sweep, int images, int most) {
    return parts_of(images * winograd_tiles(sweep), most);
}

static struct bunch bunch_at(const struct winograd_sweep *sweep, int images, int most, int index) {
    const int64_t tiles = (int64_t)images * winograd_tiles(sweep);
    const int count = bunch_count(sweep, images, most);
    const int first = (int)(tiles * index / count), end = (int)(tiles * (index + 1) / count);
    return (struct bunch){first, end - first};
}

/* ---- 36 matrices, or 25 ---- */

struct matrices matrices_take(struct pieces *pieces, int count, int rows, int columns) {
    const size_t each = (size_t)rows * (size_t)columns + WINOGRAD_CHANNELS;
    return (struct matrices){
        .first = pieces_take(pieces, (size_t)count * each, sizeof(float)), .row = columns, .matrix = (ptrdiff_t)each};
}

/* The first rows of matrix `index` are 0. */
static void matrix_clear(const struct matrices *matrices, int index, int rows) {
    memset(matrices->first + index * matrices->matrix, 0, (size_t)(rows * matrices->row) * sizeof *matrices->first);
}

int winograd_inputs_row(const struct winograd_sweep *sweep) {
    const int last = rounded_up(sweep->channels, WINOGRAD_CHANNELS);
    return rounded_up(winograd_depth(sweep) - sweep->channels + last, WINOGRAD_CHANNELS);
}

/* Spectra of inputs (tiles,blocks*channels), and for a panel of filters of outputs (tiles,PANEL) and of kernels
 * (CHANNEL_BLOCK,PANEL). */
struct work {
    struct matrices inputs, outputs, kernels;
    struct matrices partial; /* as outputs, where sums are longer than SUM_MOST */
};

static struct work work_of(const struct winograd_sweep *sweep, int tiles, struct pieces *pieces) {
    const int count = winograd_matrices(sweep);
    struct work work = {0};
    work.inputs = matrices_take(pieces, count, tiles, winograd_inputs_row(sweep));
    work.outputs = matrices_take(pieces, count, tiles, PANEL);
    work.kernels = matrices_take(pieces, count, CHANNEL_BLOCK, PANEL);
    if (winograd_depth(sweep) > SUM_MOST) work.partial = matrices_take(pieces, count, tiles, PANEL);
    return work;
}

static size_t work_bytes(const struct winograd_sweep *sweep, int tiles) {
    struct pieces pieces = {0};
    work_of(sweep, tiles, &pieces);
    return pieces.used;
}

/* A share of the gradient of many images: some channels and some panels of filters of a group. Its sums are as long as
 * there are tiles, so that many tiles of few channels are taken at once. Small shares keep all parts busy, but
 * transform inputs and output gradients more often. */
struct shares {
    int channels, filters; /* of a share */
    int down, across, all; /* shares of a group by channels and by filters, of all groups */
};

static struct shares shares_of(const struct winograd_sweep *sweep, int parts) {
    const int panels = parts_of(sweep->filters, PANEL);
    struct shares shares = {.channels = rounded_up(parts_of(GRADIENT_ROWS, winograd_blocks(sweep)), WINOGRAD_CHANNELS)};
    if (parts_of(sweep->channels, shares.channels) * panels * sweep->groups < parts)
        shares.channels = WINOGRAD_CHANNELS;
    shares.down = parts_of(sweep->channels, shares.channels);
    const int together = smaller(GRADIENT_PANELS, larger(panels * shares.down * sweep->groups / parts, 1));
    shares.filters = together * PANEL;
    shares.across = parts_of(sweep->filters, shares.filters);
    shares.all = shares.down * shares.across * sweep->groups;
    return shares;
}

static struct winograd_sweep sweep_of_share(const struct winograd_sweep *sweep, const struct shares *shares,
                                            int first_channel) {
    struct winograd_sweep some = *sweep;
    some.channels = smaller(shares->channels, sweep->channels - first_channel);
    return some;
}

/* Of a share of the gradient of many images. */
static size_t share_bytes(const struct winograd_sweep *sweep) {
    const struct shares shares = shares_of(sweep, 1);
    const struct winograd_sweep share = sweep_of_share(sweep, &shares, 0);
    return work_bytes(&share, TILES_MOST);
}

size_t winograd_gradient_bytes(const struct winograd *winograd) {
    return share_bytes(&winograd->forward);
}

size_t winograd_scratch_bytes(const struct winograd *winograd) {
    const struct winograd_sweep *forward = &winograd->forward, *backward = &winograd->backward;
    const size_t front = work_bytes(forward, larger(winograd_tiles_at_once(forward), winograd_gradient_tiles(forward)));
    const size_t back = work_bytes(backward, winograd_tiles_at_once(backward));
    return front > back ? front : back;
}

struct panel winograd_panel(int filters, int first) {
    const int count = smaller(filters - first, PANEL);
    return (struct panel){first, count, rounded_up(count, WINOGRAD_CHANNELS)};
}

/* The tile there, of so many channels, whose spectrum is in such matrices. */
static struct tile tile_of(const struct winograd_sweep *sweep, const struct tile_grid *grid,
                           const struct tile_place *place, int channels, const struct matrices *spectrum) {
    struct tile tile = winograd_tile_at(grid, place);
    tile.cells.taps = sweep->taps;
    tile.cells.outputs = sweep->outputs;
    tile.cells.channels = channels;
    tile.cells.matrix = spectrum->matrix;
    return tile;
}

/* A block's spectrum reaches into the next one's place, which is written after it. */
void winograd_transform_inputs(const struct winograd_sweep *w, const struct kernels *kernels, struct bunch bunch,
                               struct range channels, const float *x, const struct matrices *inputs) {
    for (int b = 0; b < winograd_blocks(w); b++) {
        const struct tile_grid grid = winograd_inputs_of(w, b);
        struct tile_place place = winograd_place(w, bunch.first);
        for (int t = 0; t < bunch.tiles; t++, winograd_next_place(w, &place)) {
            const struct tile tile = tile_of(w, &grid, &place, channels.end - channels.first, inputs);
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
    return (ptrdiff_t)winograd_matrices(sweep) * winograd_depth(sweep) * columns;
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

/* Matrices of a spectrum are of a kind by their row and column there. A block with fewer taps does not reach all kinds;
 * for the others its kernel's spectrum is 0, and there is no product. */
enum { KINDS = POINTS_KINDS * POINTS_KINDS };

static int kind_of(const struct winograd_sweep *w, int matrix) {
    const int points = winograd_points(w), row = matrix / points, column = matrix % points;
    return (int)winograd_kind_of(w, row) * POINTS_KINDS + (int)winograd_kind_of(w, column);
}

static bool reaches(const struct winograd_sweep *w, const struct block *block, int kind) {
    return block_reaches(w, block, (enum points_kind)(kind / POINTS_KINDS), (enum points_kind)(kind % POINTS_KINDS));
}

/* Rows of the kernel, (channels of blocks), from `from` on and before `end`, which reach a kind of matrices: the next
 * ones in a row; first is end where there are no more. */
static struct range rows_reached(const struct winograd_sweep *w, int phase, int kind, int from, int end) {
    struct range rows = {end, end};
    for (int b = from / w->channels; b * w->channels < end; b++) {
        const struct block block = winograd_block(w, phase, b);
        const bool reached = reaches(w, &block, kind);
        if (reached && rows.first == end) rows.first = larger(from, b * w->channels);
        if (reached || rows.first == end) continue;
        rows.end = b * w->channels;
        break;
    }
    return rows;
}

/* The next ones for all kinds; false where there are none. */
static bool next_rows(const struct winograd_sweep *w, int phase, int end, struct range rows[KINDS]) {
    bool any = false;
    for (int kind = 0; kind < KINDS; kind++) {
        rows[kind] = rows_reached(w, phase, kind, rows[kind].end, end);
        any |= rows[kind].first < end;
    }
    return any;
}

/* result (36,tiles,width) = or += columns `rows` (by kind of matrix) of inputs (36,tiles,depth) times those rows of the
 * kernel's panel (36,depth,width) */
static void multiply_rows(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, struct panel panel,
                          const struct range *rows, bool accumulate, const struct matrices *inputs,
                          const struct spectrum *kernel, const struct matrices *result) {
    for (int m = 0; m < winograd_matrices(w); m++) {
        const struct range some = rows[kind_of(w, m)];
        const struct product product = {
            .m = tiles,
            .n = rounded_up(panel.count, VECTOR_LEAST),
            .taps = 1,
            .depth = some.end - some.first,
            .a = inputs->first + m * inputs->matrix + some.first,
            .row = inputs->row,
            .column = 1,
            .b = kernel->first + m * kernel->matrix + (some.first - kernel->from) * kernel->row,
            .b_row = kernel->row,
            .c = result->first + m * result->matrix,
            .c_row = result->row,
            .accumulate = accumulate,
        };
        if (product.depth > 0)
            kernels->product(&product);
        else if (!accumulate)
            matrix_clear(result, m, tiles);
    }
}

void winograd_multiply(const struct winograd_sweep *w, const struct kernels *kernels, int phase, int tiles,
                       struct panel panel, struct range part, const struct matrices *inputs,
                       const struct spectrum *kernel, const struct matrices *result) {
    struct range rows[KINDS];
    for (int kind = 0; kind < KINDS; kind++) rows[kind] = (struct range){part.first, part.first};
    next_rows(w, phase, part.end, rows);
    multiply_rows(w, kernels, tiles, panel, rows, false, inputs, kernel, result);
    while (next_rows(w, phase, part.end, rows))
        multiply_rows(w, kernels, tiles, panel, rows, true, inputs, kernel, result);
}

/* outputs (36,tiles,width), the whole depth: the sum of sums over parts of nearly equal length. */
static void multiply(const struct winograd_sweep *w, const struct kernels *kernels, int phase, int tiles,
                     struct panel panel, const struct work *work, const float *packed) {
    const int depth = winograd_depth(w), each = parts_of(depth, parts_of(depth, SUM_MOST));
    const struct spectrum kernel = {packed, panel.width, (ptrdiff_t)depth * panel.width, 0};
    winograd_multiply(w, kernels, phase, tiles, panel, (struct range){0, each}, &work->inputs, &kernel, &work->outputs);
    for (int first = each; first < depth; first += each) {
        const struct range part = {first, smaller(first + each, depth)};
        winograd_multiply(w, kernels, phase, tiles, panel, part, &work->inputs, &kernel, &work->partial);
        for (int m = 0; m < winograd_matrices(w); m++)
            kernels->add((size_t)(tiles * work->outputs.row), work->partial.first + m * work->partial.matrix,
                         work->outputs.first + m * work->outputs.matrix);
    }
}

void winograd_transform_outputs(const struct winograd_sweep *w, const struct kernels *kernels, int phase,
                                struct bunch bunch, struct panel panel, const struct matrices *outputs,
                                const float *bias, float *y) {
    const struct tile_grid grid = winograd_outputs_of(w, phase);
    struct tile_place place = winograd_place(w, bunch.first);
    for (int t = 0; t < bunch.tiles; t++, winograd_next_place(w, &place)) {
        const struct tile tile = tile_of(w, &grid, &place, panel.count, outputs);
        kernels->winograd_output(&tile.cells, outputs->first + t * outputs->row, bias ? bias + panel.first : NULL,
                                 y + tile.first + panel.first);
    }
}

static void convolve_panel(const struct winograd_sweep *sweep, const struct kernels *kernels, int phase,
                           struct bunch bunch, struct panel panel, const struct work *work, const float *packed,
                           const float *bias, float *y) {
    multiply(sweep, kernels, phase, bunch.tiles, panel, work, packed + packed_panel(sweep, phase, panel.first));
    winograd_transform_outputs(sweep, kernels, phase, bunch, panel, &work->outputs, bias, y);
}

/* One group of channels: x, packed, bias and y begin with its own. */
static void convolve_group(const struct winograd_sweep *sweep, const struct pass *pass, const float *x,
                           const float *packed, const float *bias, float *y) {
    const int most = winograd_tiles_at_once(sweep);
    const struct work work = work_of(sweep, most, &(struct pieces){.memory = pass->scratch});
    for (int i = 0; i < bunch_count(sweep, pass->images, most); i++) {
        const struct bunch bunch = bunch_at(sweep, pass->images, most, i);
        winograd_transform_inputs(sweep, pass->kernels, bunch, (struct range){0, sweep->channels}, x, &work.inputs);
        for (int phase = 0; phase < winograd_phases(sweep); phase++)
            for (int first = 0; first < sweep->filters; first += PANEL)
                convolve_panel(sweep, pass->kernels, phase, bunch, winograd_panel(sweep->filters, first), &work, packed,
                               bias, y);
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

void winograd_transform_kernel(const struct winograd_sweep *sweep, const struct kernels *kernels,
                               const struct block *block, struct panel panel, ptrdiff_t row, ptrdiff_t pixel,
                               const float *taps, float *to, ptrdiff_t matrix) {
    const struct strip *down = &block->strips[0], *along = &block->strips[1];
    const struct winograd_tile tile = {.taps = sweep->taps,
                                       .outputs = sweep->outputs,
                                       .channels = panel.count,
                                       .row = row,
                                       .pixel = pixel,
                                       .top = down->from,
                                       .left = along->from,
                                       .bottom = down->end,
                                       .right = along->end,
                                       .matrix = matrix};
    kernels->winograd_kernel(&tile, taps, to);
}

static void pack_row(const struct packing *packing, const struct block *block, struct panel panel, ptrdiff_t row,
                     ptrdiff_t pixel, const float *taps, int channel) {
    const struct winograd_sweep *sweep = packing->sweep;
    float *to = packing->packed + packed_panel(sweep, packing->phase, panel.first) +
                ((ptrdiff_t)packing->block * sweep->channels + channel) * panel.width;
    winograd_transform_kernel(sweep, packing->kernels, block, panel, row, pixel, taps, to,
                              (ptrdiff_t)winograd_depth(sweep) * panel.width);
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
                pack_row(&packing, &block, winograd_panel(sweep->filters, first), down->step * row, along->step * pixel,
                         first_tap + c * filters + first, c);
    }
}

void winograd_flip(const struct winograd_sweep *back, const struct kernels *kernels, const struct block *block,
                   const float *kernel, int row, int rows, struct panel panel, float *flipped) {
    const ptrdiff_t channels = back->filters, filters = back->all_channels;
    const struct strip *down = &block->strips[0], *along = &block->strips[1];
    for (int i = down->from; i < down->end; i++)
        for (int j = along->from; j < along->end; j++) {
            const int high = down->row + (i - down->from) * down->step,
                      wide = along->row + (j - along->from) * along->step;
            const float *tap = kernel + ((ptrdiff_t)high * back->of.kernel[1] + wide) * channels * filters;
            kernels->transpose(panel.count, rows, tap + panel.first * filters + row, filters,
                               flipped + i * WINOGRAD_FLIPPED_ROW + j * WINOGRAD_FLIPPED_PIXEL, PANEL);
        }
}

/* Blocks without taps stay unwritten; no product reads them. */
static void pack_back(struct packing packing, const float *kernel, int part, int parts) {
    const struct winograd_sweep *sweep = packing.sweep;
    float flipped[WINOGRAD_FLIPPED_FLOATS] = {0};
    for (; packing.block < winograd_blocks(sweep); packing.block++) {
        const struct block block = winograd_block(sweep, packing.phase, packing.block);
        if (block_is_empty(&block)) continue;
        for (int row = part * WINOGRAD_FLIPPED; row < sweep->channels; row += parts * WINOGRAD_FLIPPED)
            for (int first = 0; first < sweep->filters; first += PANEL) {
                const struct panel panel = winograd_panel(sweep->filters, first);
                const int count = smaller(sweep->channels - row, WINOGRAD_FLIPPED);
                winograd_flip(sweep, packing.kernels, &block, kernel, row, count, panel, flipped);
                for (int r = 0; r < count; r++)
                    pack_row(&packing, &block, panel, WINOGRAD_FLIPPED_ROW, WINOGRAD_FLIPPED_PIXEL,
                             flipped + (ptrdiff_t)r * PANEL, row + r);
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
    const struct tile_grid grid = winograd_outputs_of(w, 0);
    struct tile_place place = winograd_place(w, bunch.first);
    for (int t = 0; t < bunch.tiles; t++, winograd_next_place(w, &place)) {
        const struct tile tile = tile_of(w, &grid, &place, panel.count, outputs);
        kernels->winograd_output_gradient(&tile.cells, dy + tile.first + panel.first,
                                          outputs->first + t * outputs->row);
    }
}

/* Of a block of the kernel, channels [first, end) by the panel's filters: kernels (36,channels,width) = inputs
 * (36,tiles,channels) transposed times outputs (36,tiles,width). */
static void multiply_block(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, int index,
                           const struct block *block, struct range channels, struct panel panel,
                           const struct work *work) {
    for (int m = 0; m < winograd_matrices(w); m++) {
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
        if (reaches(w, block, kind_of(w, m)))
            kernels->product(&product);
        else
            matrix_clear(&work->kernels, m, product.m);
    }
}

/* From tap to tap of the kernel, whose channels may be more than those of a sweep over some. */
static ptrdiff_t tap_floats(const struct winograd_sweep *sweep) {
    return (ptrdiff_t)(sweep->of.channels / sweep->groups) * sweep->all_filters;
}

/* The same, whose transform is added to the gradient. */
static void block_gradient(const struct winograd_sweep *w, const struct kernels *kernels, int tiles, int index,
                           struct range channels, struct panel panel, const struct work *work, float *gradient) {
    const struct block block = winograd_block(w, 0, index);
    const struct strip *down = &block.strips[0], *along = &block.strips[1];
    multiply_block(w, kernels, tiles, index, &block, channels, panel, work);
    const ptrdiff_t pixel = tap_floats(w), row = w->of.kernel[1] * pixel;
    const struct winograd_tile tile = {.taps = w->taps,
                                       .outputs = w->outputs,
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

/* The gradient of a group's filters [filters.first, filters.end), in whole panels, so many tiles at once. x, dy and
 * gradient begin with the first channel and the first filter of the group. */
static void add_gradient(const struct winograd_sweep *sweep, const struct pass *pass, int most, struct range filters,
                         const float *x, const float *dy, float *gradient) {
    const struct work work = work_of(sweep, most, &(struct pieces){.memory = pass->scratch});
    const struct range channels = {0, sweep->channels};
    for (int i = 0; i < bunch_count(sweep, pass->images, most); i++) {
        const struct bunch bunch = bunch_at(sweep, pass->images, most, i);
        winograd_transform_inputs(sweep, pass->kernels, bunch, channels, x, &work.inputs);
        for (int first = filters.first; first < filters.end; first += PANEL) {
            const struct panel panel = winograd_panel(filters.end, first);
            transform_output_gradients(sweep, pass->kernels, bunch, panel, dy, &work.outputs);
            panel_gradient(sweep, pass->kernels, bunch.tiles, channels, panel, &work, gradient);
        }
    }
}

void winograd_kernel_gradient(const struct winograd *winograd, const struct pass *pass, float *gradient) {
    const struct winograd_sweep *sweep = &winograd->forward;
    for (int group = 0; group < sweep->groups; group++) {
        const ptrdiff_t channel = (ptrdiff_t)group * sweep->channels, filter = (ptrdiff_t)group * sweep->filters;
        add_gradient(sweep, pass, winograd_gradient_tiles(sweep), (struct range){0, sweep->filters}, pass->x + channel,
                     pass->dy + filter, gradient + filter);
    }
}

static void clear_gradient(const struct winograd_sweep *share, struct range filters, float *gradient) {
    const int taps = share->of.kernel[0] * share->of.kernel[1];
    const size_t bytes = (size_t)(filters.end - filters.first) * sizeof *gradient;
    for (int t = 0; t < taps; t++)
        for (int c = 0; c < share->channels; c++)
            memset(gradient + t * tap_floats(share) + (ptrdiff_t)c * share->all_filters + filters.first, 0, bytes);
}

void winograd_kernel_gradient_part(const struct winograd *winograd, const struct pass *pass, float *gradient, int part,
                                   int parts) {
    const struct winograd_sweep *sweep = &winograd->forward;
    const struct shares shares = shares_of(sweep, parts);
    for (int i = part; i < shares.all; i += parts) {
        const int group = i % sweep->groups, within = i / sweep->groups;
        const int channel = within / shares.across * shares.channels, first = within % shares.across * shares.filters;
        const struct range filters = {first, smaller(first + shares.filters, sweep->filters)};
        const struct winograd_sweep share = sweep_of_share(sweep, &shares, channel);
        const ptrdiff_t filter = (ptrdiff_t)group * sweep->filters;
        float *to = gradient + filter + (ptrdiff_t)channel * sweep->all_filters;
        if (!pass->further) clear_gradient(&share, filters, to);
        add_gradient(&share, pass, TILES_MOST, filters, pass->x + (ptrdiff_t)group * sweep->channels + channel,
                     pass->dy + filter, to);
    }
}
