#include "layers/pooling.h"

#include <stdio.h>

#include "layers/parts.h"

const struct field pooling_fields[] = {
    {FIELD_AT(pooling, pool_size), .type = FIELD_PAIR, .fallback = "2", .minimum = 1, .maximum = INT_MAX,
     .help = "height and width of the window"},
    {FIELD_AT(pooling, strides), .type = FIELD_PAIR, .fallback = "null", .nullable = true, .minimum = 1,
     .maximum = INT_MAX, .help = "steps of the window; null: pool_size, windows side by side"},
    {FIELD_AT(pooling, padding), .type = FIELD_CHOICE, .fallback = "\"valid\"", .choices = padding_names,
     .help = "valid: windows inside the image only; same: also windows cut off by the edge"},
    {0},
};

static struct sliding sliding_of(const struct pooling *config) {
    struct sliding sliding = {.dilation = {1, 1}, .padding = config->padding};
    for (int axis = 0; axis < 2; axis++) {
        sliding.kernel[axis] = config->pool_size[axis];
        sliding.stride[axis] = config->strides[axis] ? config->strides[axis] : config->pool_size[axis];
    }
    return sliding;
}

/* ---- shapes ---- */

/* Cells at the end of an axis that no window reaches. */
static int dropped(const struct geometry *g, int axis) {
    int reached = (g->output[axis] - 1) * g->stride[axis] + g->kernel[axis] - g->before[axis];
    return reached < g->input[axis] ? g->input[axis] - reached : 0;
}

/* "drops the last row and column of 15x15" */
static void note_dropped(const struct geometry *g, char *note, size_t size) {
    const int rows = dropped(g, 0), columns = dropped(g, 1);
    if (rows == 0 && columns == 0) return;
    char row_text[32] = "", column_text[32] = "";
    if (rows == 1) snprintf(row_text, sizeof row_text, "row");
    if (rows > 1) snprintf(row_text, sizeof row_text, "%d rows", rows);
    if (columns == 1) snprintf(column_text, sizeof column_text, "column");
    if (columns > 1) snprintf(column_text, sizeof column_text, "%d columns", columns);
    snprintf(note, size, "drops the last %s%s%s of %dx%d", row_text, rows && columns ? " and " : "", column_text,
             g->input[0], g->input[1]);
}

static int check_cells(const struct pooling *config, const struct place *place, struct error *error) {
    const int *size = config->pool_size;
    struct place at_size = place_key(place, "pool_size");
    if ((double)size[0] * size[1] <= POOLING_CELLS_MAX) return 0;
    return place_error(&at_size, error, "(%d,%d) has more than %d cells; use a smaller one, or global pooling", size[0],
                       size[1], POOLING_CELLS_MAX);
}

int pooling_infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct pooling *config = layer->config;
    const struct sliding sliding = sliding_of(config);
    struct geometry g;
    if (check_cells(config, place, error) != 0 || geometry_infer(layer, &sliding, "pool_size", place, &g, error) != 0)
        return -1;
    const struct shape output = {3, {g.output[0], g.output[1], g.channels}};
    if (layer_set_output(layer, output, place, error) != 0) return -1;
    layer->scratch_bytes = pooling_scratch(layer);
    note_dropped(&g, layer->note, sizeof layer->note);
    return 0;
}

int pooling_describe(const struct layer *layer, enum graph_operation operation, struct graph *graph, int x) {
    const struct sliding sliding = sliding_of(layer->config);
    const struct geometry geometry = geometry_of(&layer->input, &sliding);
    const struct graph_window window = geometry_describe(&geometry);
    return graph_pool(graph, operation, x, &window);
}

/* ---- the walk ---- */

/* Positions along an axis, from `position` on, whose windows hold the same cells [first, end) of the full window. */
struct stretch {
    int count, first, end;
};

static struct stretch stretch_at(const struct geometry *g, int axis, int position) {
    const int kernel = g->kernel[axis], stride = g->stride[axis], input = g->input[axis];
    const int start = position * stride - g->before[axis];
    struct stretch stretch = {1, start < 0 ? -start : 0, input - start < kernel ? input - start : kernel};
    if (stretch.first > 0 || stretch.end < kernel) return stretch;
    int last = (input - kernel + g->before[axis]) / stride;
    if (last >= g->output[axis]) last = g->output[axis] - 1;
    stretch.count = last - position + 1;
    return stretch;
}

static bool is_apart(const struct geometry *g) {
    return g->stride[0] >= g->kernel[0] && g->stride[1] >= g->kernel[1];
}

bool pooling_is_apart(const struct layer *layer) {
    const struct sliding sliding = sliding_of(layer->config);
    const struct geometry g = geometry_of(&layer->input, &sliding);
    return is_apart(&g);
}

bool pooling_tiles(const struct layer *layer) {
    const struct sliding sliding = sliding_of(layer->config);
    const struct geometry g = geometry_of(&layer->input, &sliding);
    bool gapless = g.stride[0] == g.kernel[0] && g.stride[1] == g.kernel[1];
    return gapless && dropped(&g, 0) == 0 && dropped(&g, 1) == 0;
}

bool pooling_is_of_four(const struct layer *layer) {
    const struct sliding sliding = sliding_of(layer->config);
    const struct geometry g = geometry_of(&layer->input, &sliding);
    for (int axis = 0; axis < 2; axis++)
        if (g.kernel[axis] != 2 || g.stride[axis] != 2 || g.before[axis] > 0 || 2 * g.output[axis] > g.input[axis])
            return false;
    return true;
}

size_t pooling_scratch(const struct layer *layer) {
    const struct pooling *config = layer->config;
    struct pieces pieces = {0};
    pieces_take(&pieces, (size_t)config->pool_size[0] * (size_t)config->pool_size[1], sizeof(ptrdiff_t));
    return pieces.used;
}

struct pooling_walk pooling_start(const struct layer *layer, void *scratch) {
    const struct sliding sliding = sliding_of(layer->config);
    struct geometry g = geometry_of(&layer->input, &sliding);
    struct pooling_walk walk = {.geometry = g, .offsets = scratch};
    walk.window = (struct window){
        .channels = g.channels,
        .offsets = walk.offsets,
        .row_step = (ptrdiff_t)g.stride[0] * g.input[1] * g.channels,
        .pixel_step = (ptrdiff_t)g.stride[1] * g.channels,
        .apart = is_apart(&g),
    };
    return walk;
}

bool pooling_next(struct pooling_walk *walk) {
    const struct geometry *g = &walk->geometry;
    if (walk->row >= g->output[0]) return false;
    const struct stretch rows = stretch_at(g, 0, walk->row), columns = stretch_at(g, 1, walk->column);
    struct window *window = &walk->window;
    /* y is contiguous over several rows only where the stretch spans the whole width */
    window->rows = columns.count == g->output[1] ? rows.count : 1;
    window->pixels = columns.count;
    window->taps = 0;
    for (int i = rows.first; i < rows.end; i++)
        for (int j = columns.first; j < columns.end; j++)
            walk->offsets[window->taps++] =
                ((ptrdiff_t)(i - rows.first) * g->input[1] + (j - columns.first)) * g->channels;
    const ptrdiff_t first_row = (ptrdiff_t)walk->row * g->stride[0] - g->before[0] + rows.first;
    const ptrdiff_t first_column = (ptrdiff_t)walk->column * g->stride[1] - g->before[1] + columns.first;
    walk->input = (first_row * g->input[1] + first_column) * g->channels;
    walk->output = ((ptrdiff_t)walk->row * g->output[1] + walk->column) * g->channels;

    walk->column += window->pixels;
    if (walk->column < g->output[1]) return true;
    walk->column = 0;
    walk->row += window->rows;
    return true;
}
