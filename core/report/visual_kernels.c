/* The kernels of all convolutions. */
#include <stdio.h>
#include <string.h>

#include "core/report/maps.h"
#include "core/report/visual.h"

enum { AXES = 4, COLORS = 3, WIDTH = 1400, COLUMNS_MAX = 128, ROWS_MAX = 32, ROWS_OF_ALL = 256, TALLEST = 14000 };

static int smaller(int a, int b) {
    return a < b ? a : b;
}

/* A kernel (height, width, in, out) of a layer on its input's three colours: every output looks at all of them. */
static bool is_colored(const struct layer *layer, const struct parameter *parameter) {
    const int *size = parameter->shape.size, last = layer->output.rank - 1;
    return strcmp(parameter->name, "kernel") == 0 && layer->input.size[layer->input.rank - 1] == COLORS &&
           size[2] == COLORS && size[3] == layer->output.size[last];
}

/* The enlargement with which so many kernels fit beside each other, but no more than is pleasant to look at. */
static int enlargement(int side, int columns, int pleasant) {
    const int room = WIDTH / columns - 7;
    const int enlarge = smaller(room, pleasant) / side;
    return enlarge > 1 ? enlarge : 1;
}

static void describe_scale(struct album_page *page, const struct visual_scale *scale, bool colored,
                           const struct picture_range *range) {
    album_note(page, colored ? "red, green and blue are the weights of these input channels, gray is 0"
                             : "blue is negative, white 0, red positive");
    if (scale->shared)
        album_note(page, "; one scale for all, %.3g to %.3g", (double)range->low, (double)range->high);
    else
        album_note(page, "; each kernel by itself");
}

/* One after the other, `right` floats apart. */
static void fill_row(struct map_grid *grid, struct album_page *page, int count, size_t right, int most) {
    const int shown = smaller(count, most);
    grid->columns = smaller(shown, 16);
    grid->count = shown;
    grid->right = right;
    grid->down = (size_t)grid->columns * right;
    grid->enlarge = enlargement(grid->width, grid->columns, 64);
    if (shown < count) album_note(page, "%d of %d kernels; ", shown, count);
}

/* A column for each filter and a row for each input channel; the other way round where there are more channels. */
static void fill_matrix(struct map_grid *grid, struct album_page *page, int inputs, int filters, int most,
                        int rows_most) {
    const bool turned = inputs > filters;
    const int wide = turned ? inputs : filters, high = turned ? filters : inputs;
    const int columns = smaller(wide, smaller(most, COLUMNS_MAX)), rows = smaller(high, smaller(most, rows_most));
    grid->columns = columns;
    grid->count = rows * columns;
    grid->right = turned ? (size_t)filters : 1;
    grid->down = turned ? 1 : (size_t)filters;
    grid->scale = turned ? MAP_SCALE_ROW : MAP_SCALE_COLUMN;
    grid->enlarge = enlargement(grid->width, columns, 40);
    album_note(page, "a column for each of %d %s, a row for each of %d %s", columns,
               turned ? "input channels" : "filters", rows, turned ? "filters" : "input channels");
    if (columns < wide || rows < high)
        album_note(page, " (there are %d input channels and %d filters)", inputs, filters);
    album_note(page, "; ");
}

/* 1 x 1 kernels are one map, as a matrix (input channels, filters). */
static void fill_pointwise(struct map_grid *grid, struct album_page *page, int inputs, int filters) {
    const bool turned = inputs > 2 * filters;
    const int wide = turned ? inputs : filters, high = turned ? filters : inputs;
    const int columns = smaller(wide, 256), rows = smaller(high, 256);
    grid->columns = columns;
    grid->count = rows * columns;
    grid->right = turned ? (size_t)filters : 1;
    grid->down = turned ? 1 : (size_t)filters;
    grid->scale = turned ? MAP_SCALE_ROW : MAP_SCALE_COLUMN;
    grid->gap = 1;
    grid->framed = false;
    grid->enlarge = enlargement(1, columns, 10) > 3 ? enlargement(1, columns, 10) : 3;
    album_note(page, "a column for each of %d %s, a row for each of %d %s; ", columns,
               turned ? "input channels" : "filters", rows, turned ? "filters" : "input channels");
}

static int add_kernel(struct album *album, const struct model *model, const struct layer *layer, int index,
                      const struct visual_scale *scale, int rows_most, struct error *error) {
    const struct parameter *parameter = &layer->parameters[index];
    const int *size = parameter->shape.size, inputs = size[2], filters = size[3];
    const float *values = model_parameter(model, layer, index);
    const size_t finite = maps_count_finite(values, parameter->size);
    char shape[SHAPE_TEXT_SIZE];
    struct album_page *page = album_add(album, error);
    if (!page) return -1;
    snprintf(page->title, sizeof page->title, "%s: %s %s", layer->name, parameter->name,
             shape_text(&parameter->shape, shape, sizeof shape));
    struct map_grid grid = {.values = values,
                            .height = size[0],
                            .width = size[1],
                            .stride = (size_t)inputs * (size_t)filters,
                            .around_zero = true,
                            .palette = PICTURE_DIVERGING,
                            .gap = 6,
                            .framed = true};
    const bool colored = is_colored(layer, parameter);
    if (colored) {
        grid.colors = (size_t)filters;
        fill_row(&grid, page, filters, 1, scale->most);
    } else if (size[0] * size[1] == 1) {
        fill_pointwise(&grid, page, inputs, filters);
    } else if (inputs == 1 || filters == 1) {
        fill_row(&grid, page, inputs * filters, 1, scale->most);
    } else {
        fill_matrix(&grid, page, inputs, filters, scale->most, rows_most);
    }
    const struct picture_range all = picture_range_around_zero(picture_range_of(values, parameter->size, 1));
    if (scale->shared) grid.scale = MAP_SCALE_ALL;
    describe_scale(page, scale, colored, &all);
    if (finite < parameter->size)
        album_note(page, "\n%zu of %zu weights are not finite; those that are no number are pink",
                   parameter->size - finite, parameter->size);
    return maps_picture(&grid, &page->picture, error);
}

static int count_kernels(const struct model *model) {
    int count = 0;
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++)
            count += model->layers[i].parameters[k].shape.rank == AXES;
    return count;
}

int visual_kernels(struct album *album, const struct model *model, const struct visual_scale *scale,
                   struct error *error) {
    const int share = ROWS_OF_ALL / (count_kernels(model) + 1), rows_most = share < 4 ? 4 : smaller(share, ROWS_MAX);
    int height = 0, left_out = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        for (int k = 0; k < layer->parameter_count; k++) {
            if (layer->parameters[k].shape.rank != AXES) continue;
            if (height > TALLEST && ++left_out) continue;
            if (add_kernel(album, model, layer, k, scale, rows_most, error) != 0) return -1;
            height += album->pages[album->count - 1].picture.height + 100;
        }
    }
    if (!left_out) return 0;
    struct album_page *page = album_add(album, error);
    if (page) album_note(page, "%d more convolutions are not shown: the picture would be too high", left_out);
    return page ? 0 : -1;
}
