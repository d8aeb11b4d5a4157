#include "layers/winograd_batch.h"

#include "core/batch.h"
#include "layers/winograd_parts.h"

enum {
    TILES_TOGETHER = 64, /* that a transformed kernel of 36 matrices serves; more of fewer */
    TILES_MOST = 16,     /* of an image */
    PANEL = WINOGRAD_PANEL,
};

static int images_together(const struct winograd_sweep *sweep) {
    const int tiles = TILES_TOGETHER * WINOGRAD_MATRICES_MOST / winograd_matrices(sweep);
    const int images = tiles / winograd_tiles(sweep) / ENGINE_SHARD * ENGINE_SHARD;
    return images < ENGINE_SHARD ? ENGINE_SHARD : smaller(images, ENGINE_GROUP);
}

/* Kernels of less (channels times filters) are read as fast from where they lie packed. An image of one tile does
 * little with them; with more tiles it does as much as a few of those. */
int winograd_batch_images(const struct geometry *geometry, int groups, int filters, bool wanted) {
    enum { KERNEL_LEAST = 1 << 15, KERNEL_LEAST_OF_TILE = 1 << 13, CHANNELS_LEAST = 16 };
    if (winograd_obstacle(geometry) || groups > 1) return 0;
    const struct winograd winograd = winograd_of(geometry, groups, filters);
    const struct winograd_sweep *forward = &winograd.forward, *backward = &winograd.backward;
    const double direct = (double)geometry->kernel[0] * geometry->kernel[1] * geometry->output[0] * geometry->output[1];
    const double kernel = (double)geometry->channels * filters * winograd_blocks(forward);
    const int tiles = larger(winograd_tiles(forward), winograd_tiles(backward));
    if (tiles > TILES_MOST || kernel < (tiles > 1 ? KERNEL_LEAST : KERNEL_LEAST_OF_TILE)) return 0;
    const bool few_pixels = geometry->output[0] * geometry->output[1] <= 4;
    if (!wanted && smaller(geometry->channels, filters) < CHANNELS_LEAST) return 0;
    if (!wanted && direct < (few_pixels ? 1 : 1.25) * winograd_products(forward)) return 0;
    return smaller(images_together(forward), images_together(backward));
}

/* ---- memory ---- */

/* For a panel of filters: spectra of outputs (tiles,PANEL), of the part of the sum that is added to them, and of so
 * many rows of the kernel (WINOGRAD_SUM,PANEL). */
struct work {
    struct matrices outputs, partial, kernel;
};

static int tiles_together(const struct winograd_sweep *sweep) {
    return images_together(sweep) * winograd_tiles(sweep);
}

static struct work work_of(const struct winograd_sweep *sweep, struct pieces *pieces) {
    const int count = winograd_matrices(sweep), tiles = tiles_together(sweep);
    struct work work = {0};
    work.outputs = matrices_take(pieces, count, tiles, PANEL);
    work.partial = matrices_take(pieces, count, tiles, PANEL);
    work.kernel = matrices_take(pieces, count, smaller(winograd_depth(sweep), WINOGRAD_SUM), PANEL);
    return work;
}

static size_t work_bytes(const struct winograd_sweep *sweep) {
    struct pieces pieces = {0};
    work_of(sweep, &pieces);
    return pieces.used;
}

size_t winograd_batch_scratch_bytes(const struct winograd *winograd) {
    const size_t forward = work_bytes(&winograd->forward), backward = work_bytes(&winograd->backward);
    return forward > backward ? forward : backward;
}

/* The inputs' spectrum (36,tiles,blocks*channels). */
static struct matrices inputs_of(const struct winograd_sweep *sweep, int images, struct pieces *pieces) {
    return matrices_take(pieces, winograd_matrices(sweep), images * winograd_tiles(sweep), winograd_inputs_row(sweep));
}

static size_t inputs_bytes(const struct winograd_sweep *sweep) {
    struct pieces pieces = {0};
    inputs_of(sweep, 1, &pieces);
    return pieces.used;
}

size_t winograd_batch_common_bytes(const struct winograd *winograd) {
    const size_t forward = inputs_bytes(&winograd->forward), backward = inputs_bytes(&winograd->backward);
    return forward > backward ? forward : backward;
}

/* ---- the kernel's spectrum ---- */

/* Channels [channels.first, channels.end) of a block, for a panel of the filters; to: the row of the first of them. */
static void transform_forward(const struct winograd_sweep *sweep, const struct pass *pass, const struct block *block,
                              struct range channels, struct panel panel, float *to, const struct matrices *kernel) {
    const ptrdiff_t filters = sweep->all_filters, pixel = sweep->channels * filters, row = sweep->of.kernel[1] * pixel;
    const struct strip *down = &block->strips[0], *along = &block->strips[1];
    const float *taps = pass->parameters[0] + down->row * row + along->row * pixel + panel.first;
    for (int c = channels.first; c < channels.end; c++, to += kernel->row)
        winograd_transform_kernel(sweep, pass->kernels, block, panel, down->step * row, along->step * pixel,
                                  taps + c * filters, to, kernel->matrix);
}

static void transform_back(const struct winograd_sweep *sweep, const struct pass *pass, const struct block *block,
                           struct range channels, struct panel panel, float *to, const struct matrices *kernel) {
    float flipped[WINOGRAD_FLIPPED_FLOATS];
    for (int c = channels.first, count; c < channels.end; c += count) {
        count = smaller(channels.end - c, WINOGRAD_FLIPPED);
        winograd_flip(sweep, pass->kernels, block, pass->parameters[0], c, count, panel, flipped);
        for (int r = 0; r < count; r++, to += kernel->row)
            winograd_transform_kernel(sweep, pass->kernels, block, panel, WINOGRAD_FLIPPED_ROW, WINOGRAD_FLIPPED_PIXEL,
                                      flipped + (ptrdiff_t)r * PANEL, to, kernel->matrix);
    }
}

/* kernel (36,rows,width) = these rows of the panel's spectrum. Those of blocks without taps stay unwritten; no product
 * reads them. */
static void transform_kernel(const struct winograd_sweep *sweep, const struct pass *pass, int phase, struct range rows,
                             struct panel panel, const struct matrices *kernel) {
    for (int row = rows.first, end; row < rows.end; row = end) {
        const int index = row / sweep->channels, start = index * sweep->channels;
        const struct block block = winograd_block(sweep, phase, index);
        end = smaller(start + sweep->channels, rows.end);
        if (block_is_empty(&block)) continue;
        float *to = kernel->first + (row - rows.first) * kernel->row;
        const struct range channels = {row - start, end - start};
        (sweep->back ? transform_back : transform_forward)(sweep, pass, &block, channels, panel, to, kernel);
    }
}

/* ---- the two rounds ---- */

static struct range range_of(int whole, int part, int parts) {
    return (struct range){(int)((int64_t)whole * part / parts), (int)((int64_t)whole * (part + 1) / parts)};
}

static void transform_inputs(const struct winograd_sweep *sweep, const struct pass *pass, const float *x,
                             const struct matrices *inputs, int part, int parts) {
    const struct range tiles = range_of(pass->images * winograd_tiles(sweep), part, parts);
    const struct bunch bunch = {tiles.first, tiles.end - tiles.first};
    struct matrices rows = *inputs;
    rows.first += tiles.first * inputs->row;
    winograd_transform_inputs(sweep, pass->kernels, bunch, (struct range){0, sweep->channels}, x, &rows);
}

/* The whole sum is that of sums over parts of nearly equal length, as in winograd.c. */
static void convolve_panel(const struct winograd_sweep *sweep, const struct pass *pass, int phase, struct panel panel,
                           const struct matrices *inputs, const struct work *work, const float *bias, float *y) {
    const int tiles = pass->images * winograd_tiles(sweep);
    const int depth = winograd_depth(sweep), each = parts_of(depth, parts_of(depth, WINOGRAD_SUM));
    for (int first = 0; first < depth; first += each) {
        const struct range rows = {first, smaller(first + each, depth)};
        const struct spectrum kernel = {work->kernel.first, work->kernel.row, work->kernel.matrix, first};
        const struct matrices *result = first == 0 ? &work->outputs : &work->partial;
        transform_kernel(sweep, pass, phase, rows, panel, &work->kernel);
        winograd_multiply(sweep, pass->kernels, phase, tiles, panel, rows, inputs, &kernel, result);
        for (int m = 0; first > 0 && m < winograd_matrices(sweep); m++)
            pass->kernels->add((size_t)(tiles * work->outputs.row), work->partial.first + m * work->partial.matrix,
                               work->outputs.first + m * work->outputs.matrix);
    }
    winograd_transform_outputs(sweep, pass->kernels, phase, (struct bunch){0, tiles}, panel, &work->outputs, bias, y);
}

static void convolve(const struct winograd_sweep *sweep, const struct pass *pass, const float *x, const float *bias,
                     float *y, int round, int part, int parts) {
    const struct matrices inputs = inputs_of(sweep, pass->images, &(struct pieces){.memory = pass->common});
    const struct work work = work_of(sweep, &(struct pieces){.memory = pass->scratch});
    if (round == 0) {
        transform_inputs(sweep, pass, x, &inputs, part, parts);
        return;
    }
    const int panels = parts_of(sweep->filters, PANEL), shares = winograd_phases(sweep) * panels;
    for (int share = part; share < shares; share += parts)
        convolve_panel(sweep, pass, share / panels, winograd_panel(sweep->filters, share % panels * PANEL), &inputs,
                       &work, bias, y);
}

void winograd_batch_forward(const struct winograd *winograd, const struct pass *pass, const float *bias, int round,
                            int part, int parts) {
    convolve(&winograd->forward, pass, pass->x, bias, pass->y, round, part, parts);
}

void winograd_batch_data_gradient(const struct winograd *winograd, const struct pass *pass, int round, int part,
                                  int parts) {
    convolve(&winograd->backward, pass, pass->dy, NULL, pass->dx, round, part, parts);
}
