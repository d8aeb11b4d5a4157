#include "layers/winograd_tiles.h"

#include "layers/parts.h"
#include "layers/phase.h"

/* Whether tiles have no border, nor taps that see one. */
static bool is_whole(const struct winograd_sweep *sweep) {
    return sweep->outputs <= WINOGRAD_WHOLE_MOST;
}

int winograd_points(const struct winograd_sweep *sweep) {
    if (is_whole(sweep)) return 2 * sweep->outputs - 1;
    return sweep->outputs + sweep->taps - 1;
}

int winograd_matrices(const struct winograd_sweep *sweep) {
    return winograd_points(sweep) * winograd_points(sweep);
}

int winograd_blocks(const struct winograd_sweep *sweep) {
    return sweep->blocks[0] * sweep->blocks[1];
}

int winograd_phases(const struct winograd_sweep *sweep) {
    return sweep->phases[0] * sweep->phases[1];
}

/* ---- steps ---- */

/* From window to window over the input, and from output to output. */
static int input_step(const struct winograd_sweep *sweep, int axis) {
    return sweep->back ? 1 : sweep->of.stride[axis];
}

static int output_step(const struct winograd_sweep *sweep, int axis) {
    return sweep->back ? sweep->of.stride[axis] : 1;
}

/* Windows as far apart as the dilation have tiles of their own. */
static int tiles_along(const struct winograd_sweep *sweep, int axis) {
    const int windows = parts_of(sweep->output[axis], output_step(sweep, axis));
    return parts_of(parts_of(windows, sweep->of.dilation[axis]), sweep->outputs);
}

int winograd_tiles(const struct winograd_sweep *sweep) {
    return sweep->of.dilation[0] * sweep->of.dilation[1] * sweep->tiles[0] * sweep->tiles[1];
}

/* ---- blocks ---- */

/* Taps `stride` apart from the kernel's row `phase` on. */
static int taps_of_phase(const struct winograd_sweep *sweep, int axis, int phase) {
    return parts_of(larger(sweep->of.kernel[axis] - phase, 0), sweep->of.stride[axis]);
}

static int blocks_forward(const struct winograd_sweep *sweep, int axis) {
    int blocks = 0;
    for (int phase = 0; phase < sweep->of.stride[axis]; phase++)
        blocks += parts_of(taps_of_phase(sweep, axis, phase), sweep->taps);
    return blocks;
}

/* The blocks of a phase of the kernel follow one another. */
static struct strip strip_forward(const struct winograd_sweep *sweep, int axis, int index) {
    const int stride = sweep->of.stride[axis];
    int phase = 0;
    for (;; phase++) {
        const int blocks = parts_of(taps_of_phase(sweep, axis, phase), sweep->taps);
        if (index < blocks) break;
        index -= blocks;
    }
    const int left = taps_of_phase(sweep, axis, phase) - index * sweep->taps;
    return (struct strip){phase + index * sweep->taps * stride, stride, 0, smaller(left, sweep->taps)};
}

/* The first place of a phase's taps among those of all phases. */
static int place_of_phase(const struct winograd_sweep *sweep, int axis, const struct phase *phase) {
    return (phase->start - sweep->origin[axis]) / sweep->of.dilation[axis];
}

static int blocks_back(const struct winograd_sweep *sweep, int axis) {
    int places = 0;
    for (int first = 0; first < sweep->phases[axis]; first++) {
        const struct phase phase = phase_at(&sweep->of, axis, first);
        places = larger(places, place_of_phase(sweep, axis, &phase) + phase.taps);
    }
    return parts_of(places, sweep->taps);
}

/* A phase's taps from the last to the first see consecutive rows of dy. */
static struct strip strip_back(const struct winograd_sweep *sweep, int axis, int first, int index) {
    const struct phase phase = phase_at(&sweep->of, axis, first);
    const int stride = sweep->of.stride[axis], place = place_of_phase(sweep, axis, &phase) - index * sweep->taps;
    const int from = larger(place, 0), end = larger(smaller(place + phase.taps, sweep->taps), from);
    return (struct strip){phase.index + (phase.taps - 1 - (from - place)) * stride, -stride, from, end};
}

/* The taps that see no border, around the one that sees the output's own place. */
static struct strip strip_whole(const struct winograd_sweep *sweep, int axis) {
    const int middle = sweep->of.before[axis], around = sweep->outputs - 1;
    return (struct strip){sweep->back ? middle + around : middle - around, sweep->back ? -1 : 1, 0, sweep->taps};
}

static struct strip strip_at(const struct winograd_sweep *sweep, int axis, int phase, int index) {
    if (is_whole(sweep)) return strip_whole(sweep, axis);
    return sweep->back ? strip_back(sweep, axis, phase, index) : strip_forward(sweep, axis, index);
}

struct block winograd_block(const struct winograd_sweep *sweep, int phase, int index) {
    const int row = phase / sweep->phases[1], column = phase % sweep->phases[1];
    return (struct block){
        {strip_at(sweep, 0, row, index / sweep->blocks[1]), strip_at(sweep, 1, column, index % sweep->blocks[1])}};
}

static bool strip_is_empty(const struct strip *strip) {
    return strip->from == strip->end;
}

bool block_is_empty(const struct block *block) {
    return strip_is_empty(&block->strips[0]) || strip_is_empty(&block->strips[1]);
}

static bool strip_reaches(const struct winograd_sweep *sweep, const struct strip *strip, enum points_kind kind) {
    if (kind == POINTS_LOWEST) return strip->from == 0;
    return kind == POINTS_INNER || strip->end == sweep->taps;
}

bool block_reaches(const struct winograd_sweep *sweep, const struct block *block, enum points_kind down,
                   enum points_kind along) {
    return !block_is_empty(block) && strip_reaches(sweep, &block->strips[0], down) &&
           strip_reaches(sweep, &block->strips[1], along);
}

enum points_kind winograd_kind_of(const struct winograd_sweep *sweep, int point) {
    if (point == 0) return POINTS_LOWEST;
    return point < winograd_points(sweep) - 1 ? POINTS_INNER : POINTS_HIGHEST;
}

/* ---- sweeps ---- */

/* Points that are not 0, of all blocks that see `taps` taps from `place` on. */
static int points_of_taps(const struct winograd_sweep *sweep, int place, int taps) {
    const int end = place + taps, blocks = parts_of(end, sweep->taps) - place / sweep->taps;
    return blocks * winograd_points(sweep) - (place % sweep->taps > 0) - (end % sweep->taps > 0);
}

static int points_along(const struct winograd_sweep *sweep, int axis) {
    int points = 0;
    if (is_whole(sweep)) return winograd_points(sweep);
    if (!sweep->back) {
        const int phases = smaller(sweep->of.stride[axis], sweep->of.kernel[axis]);
        for (int phase = 0; phase < phases; phase++)
            points += points_of_taps(sweep, 0, taps_of_phase(sweep, axis, phase));
        return points;
    }
    for (int first = 0; first < sweep->phases[axis]; first++) {
        const struct phase phase = phase_at(&sweep->of, axis, first);
        points += points_of_taps(sweep, place_of_phase(sweep, axis, &phase), phase.taps);
    }
    return points;
}

double winograd_products(const struct winograd_sweep *sweep) {
    return (double)points_along(sweep, 0) * points_along(sweep, 1) * winograd_tiles(sweep);
}

static struct winograd_sweep with_form(struct winograd_sweep sweep, int taps, int outputs) {
    sweep.taps = taps;
    sweep.outputs = outputs;
    for (int axis = 0; axis < 2; axis++) sweep.tiles[axis] = tiles_along(&sweep, axis);
    for (int axis = 0; axis < 2; axis++)
        sweep.blocks[axis] = sweep.back ? blocks_back(&sweep, axis) : blocks_forward(&sweep, axis);
    return sweep;
}

/* Along both axes: whether tiles of so many pixels see each other through the kernel and nothing else but border. */
static bool can_be_whole(const struct geometry *g, int outputs) {
    for (int axis = 0; axis < 2; axis++) {
        const int around = outputs - 1;
        const bool alone = g->input[axis] == outputs || g->kernel[axis] == 1;
        if (!alone || g->stride[axis] > 1 || g->dilation[axis] > 1 || g->output[axis] != g->input[axis]) return false;
        if (g->before[axis] < around || g->before[axis] + around >= g->kernel[axis]) return false;
    }
    return true;
}

static struct winograd_sweep whole(struct winograd_sweep sweep, int outputs) {
    sweep.outputs = outputs;
    sweep.taps = 2 * outputs - 1;
    for (int axis = 0; axis < 2; axis++) {
        sweep.tiles[axis] = tiles_along(&sweep, axis);
        sweep.blocks[axis] = 1;
        sweep.phases[axis] = 1;
    }
    return sweep;
}

/* Blocks of three taps unless those of two, or tiles of 3x3, which fit images of three, five and six pixels better,
 * save a tenth of the products, or do with fewer matrices for as many. */
static struct winograd_sweep with_fewest_products(const struct winograd_sweep *sweep) {
    for (int outputs = 1; outputs <= WINOGRAD_WHOLE_MOST; outputs++)
        if (can_be_whole(&sweep->of, outputs)) return whole(*sweep, outputs);
    const struct winograd_sweep others[] = {with_form(*sweep, 2, WINOGRAD_OUTPUTS), with_form(*sweep, 3, 3)};
    struct winograd_sweep best = with_form(*sweep, 3, WINOGRAD_OUTPUTS);
    for (int i = 0; i < 2; i++) {
        const double of_best = winograd_products(&best), of_other = winograd_products(&others[i]);
        const bool alike = !(of_other < of_best) && !(of_other > of_best);
        const bool fewer = alike && winograd_matrices(&others[i]) < winograd_matrices(&best);
        if (fewer || 10 * of_other < 9 * of_best) best = others[i];
    }
    return best;
}

/* A single tap has no distance to another. */
static struct geometry without_needless_dilation(const struct geometry *g) {
    struct geometry geometry = *g;
    for (int axis = 0; axis < 2; axis++)
        if (g->kernel[axis] == 1) geometry.dilation[axis] = 1;
    return geometry;
}

struct winograd_sweep winograd_sweep_forward(const struct geometry *g, int groups, int filters) {
    const struct winograd_sweep sweep = {.of = without_needless_dilation(g),
                                         .input = {g->input[0], g->input[1]},
                                         .output = {g->output[0], g->output[1]},
                                         .phases = {1, 1},
                                         .origin = {-g->before[0], -g->before[1]},
                                         .groups = groups,
                                         .channels = g->channels / groups,
                                         .filters = filters / groups,
                                         .all_channels = g->channels,
                                         .all_filters = filters};
    return with_fewest_products(&sweep);
}

static int first_start(const struct geometry *g, int axis) {
    int start = phase_at(g, axis, 0).start;
    for (int first = 1; first < phase_count(g, axis); first++) start = smaller(start, phase_at(g, axis, first).start);
    return start;
}

struct winograd_sweep winograd_sweep_back(const struct geometry *g, int groups, int filters) {
    const struct winograd_sweep sweep = {.of = without_needless_dilation(g),
                                         .back = true,
                                         .input = {g->output[0], g->output[1]},
                                         .output = {g->input[0], g->input[1]},
                                         .phases = {phase_count(g, 0), phase_count(g, 1)},
                                         .origin = {first_start(g, 0), first_start(g, 1)},
                                         .groups = groups,
                                         .channels = filters / groups,
                                         .filters = g->channels / groups,
                                         .all_channels = filters,
                                         .all_filters = g->channels};
    return with_fewest_products(&sweep);
}

/* ---- tiles ---- */

static void set_windows(const struct winograd_sweep *sweep, struct tile_place *place) {
    const int *dilation = sweep->of.dilation;
    place->at[0] = place->tile[0] * sweep->outputs * dilation[0] + place->interleaved / dilation[1];
    place->at[1] = place->tile[1] * sweep->outputs * dilation[1] + place->interleaved % dilation[1];
}

struct tile_place winograd_place(const struct winograd_sweep *sweep, int index) {
    const int across = sweep->tiles[1], each = sweep->tiles[0] * across, all = winograd_tiles(sweep);
    struct tile_place place = {
        .image = index / all, .interleaved = index % all / each, .tile = {index % each / across, index % across}};
    set_windows(sweep, &place);
    return place;
}

void winograd_next_place(const struct winograd_sweep *sweep, struct tile_place *place) {
    const int *dilation = sweep->of.dilation;
    place->at[1] += sweep->outputs * dilation[1];
    if (++place->tile[1] < sweep->tiles[1]) return;
    place->tile[1] = 0;
    if (++place->tile[0] == sweep->tiles[0]) {
        place->tile[0] = 0;
        place->interleaved++;
    }
    if (place->interleaved == dilation[0] * dilation[1]) {
        place->interleaved = 0;
        place->image++;
    }
    set_windows(sweep, place);
}

/* Of `size` cells, `step` apart from `at` on, those in an image of `length`: from *first up to *end, none where those
 * are alike. */
static void cells_inside(int at, int step, int length, int size, int *first, int *end) {
    *first = 0;
    *end = size;
    if (at >= 0 && at + (int64_t)(size - 1) * step < length) return;
    *first = at < 0 ? parts_of(-at, step) : 0;
    *end = at < length ? smaller(parts_of(length - at, step), size) : 0;
    if (*first >= *end) *first = *end = 0;
}

struct tile winograd_tile_at(const struct tile_grid *grid, const struct tile_place *place) {
    const int *image = grid->image, *apart = grid->apart;
    const ptrdiff_t pixel = grid->all, row = image[1] * pixel;
    struct tile tile = {.cells = {.row = row * apart[0], .pixel = pixel * apart[1]}};
    struct winograd_tile *cells = &tile.cells;
    const int high = grid->first[0] + place->at[0] * grid->step[0],
              wide = grid->first[1] + place->at[1] * grid->step[1];
    tile.first = ((ptrdiff_t)place->image * image[0] + high) * row + wide * pixel;
    cells_inside(high, apart[0], image[0], grid->cells, &cells->top, &cells->bottom);
    cells_inside(wide, apart[1], image[1], grid->cells, &cells->left, &cells->right);
    if (cells->right > 0) return tile;
    cells->top = cells->bottom = 0;
    cells->right = 1;
    return tile;
}

struct tile_grid winograd_inputs_of(const struct winograd_sweep *sweep, int block) {
    const int index[2] = {block / sweep->blocks[1], block % sweep->blocks[1]};
    struct tile_grid grid = {.image = sweep->input,
                             .all = sweep->all_channels,
                             .cells = is_whole(sweep) ? sweep->outputs : winograd_points(sweep)};
    for (int axis = 0; is_whole(sweep) && axis < 2; axis++) grid.step[axis] = grid.apart[axis] = 1;
    for (int axis = 0; !is_whole(sweep) && axis < 2; axis++) {
        const int tap = sweep->back ? index[axis] * sweep->taps : strip_forward(sweep, axis, index[axis]).row;
        grid.first[axis] = sweep->origin[axis] + tap * sweep->of.dilation[axis];
        grid.step[axis] = input_step(sweep, axis);
        grid.apart[axis] = grid.step[axis] * sweep->of.dilation[axis];
    }
    return grid;
}

struct tile_grid winograd_outputs_of(const struct winograd_sweep *sweep, int phase) {
    struct tile_grid grid = {.image = sweep->output,
                             .all = sweep->all_filters,
                             .cells = sweep->outputs,
                             .first = {phase / sweep->phases[1], phase % sweep->phases[1]}};
    for (int axis = 0; axis < 2; axis++) {
        grid.step[axis] = output_step(sweep, axis);
        grid.apart[axis] = grid.step[axis] * sweep->of.dilation[axis];
    }
    return grid;
}
