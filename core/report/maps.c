#include "core/report/maps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { COLORS = 3, TEXT_SIZE = 2, GAP = 4 };

static const struct picture_color weak_bar = {170, 190, 215}, strong_bar = {45, 105, 175};

size_t maps_count_finite(const float *values, size_t count) {
    size_t finite = 0;
    for (size_t i = 0; i < count; i++) finite += isfinite(values[i]) != 0;
    return finite;
}

static const float *map_at(const struct map_grid *grid, int map) {
    return grid->values + (size_t)(map % grid->columns) * grid->right + (size_t)(map / grid->columns) * grid->down;
}

/* Of one map, all its colours. */
static struct picture_range range_of_map(const struct map_grid *grid, int map) {
    const size_t cells = (size_t)grid->height * (size_t)grid->width;
    struct picture_range range = picture_range_of(map_at(grid, map), cells, grid->stride);
    for (size_t color = 1; grid->colors && color < COLORS; color++)
        range =
            picture_range_join(range, picture_range_of(map_at(grid, map) + color * grid->colors, cells, grid->stride));
    return grid->around_zero ? picture_range_around_zero(range) : range;
}

static bool share_scale(const struct map_grid *grid, int a, int b) {
    return grid->scale == MAP_SCALE_ALL || a == b ||
           (grid->scale == MAP_SCALE_ROW && a / grid->columns == b / grid->columns) ||
           (grid->scale == MAP_SCALE_COLUMN && a % grid->columns == b % grid->columns);
}

/* The range of all maps with the scale of this one; `own` holds that of each. */
static struct picture_range joined_range(const struct map_grid *grid, int map, const struct picture_range *own) {
    struct picture_range range = own[map];
    for (int other = 0; other < grid->count; other++)
        if (share_scale(grid, map, other)) range = picture_range_join(range, own[other]);
    return range;
}

static int draw_map(const struct map_grid *grid, int map, struct picture_range range, struct picture *picture,
                    struct error *error) {
    const struct picture_map one = {map_at(grid, map), grid->height, grid->width, grid->stride};
    int status = grid->colors ? picture_from_rgb_map(&one, grid->colors, range, picture, error)
                              : picture_from_map(&one, grid->palette, range, picture, error);
    return status == 0 ? picture_shrink(picture, grid->shrink, error) : -1;
}

struct drawing {
    struct picture *pictures;   /* (count) */
    struct picture_cell *cells; /* (count) */
    struct picture_range *own;  /* (count) */
};

static int draw_maps(const struct map_grid *grid, struct drawing *drawing, struct picture *picture,
                     struct error *error) {
    if (!drawing->pictures || !drawing->cells || !drawing->own)
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the maps");
    for (int map = 0; map < grid->count; map++) drawing->own[map] = range_of_map(grid, map);
    for (int map = 0; map < grid->count; map++) {
        const struct picture_range range = joined_range(grid, map, drawing->own);
        if (draw_map(grid, map, range, &drawing->pictures[map], error) != 0) return -1;
        drawing->cells[map] = (struct picture_cell){&drawing->pictures[map], NULL};
    }
    const struct picture_grid form = {.cells = drawing->cells,
                                      .count = grid->count,
                                      .columns = grid->columns,
                                      .enlarge = grid->shrink > 1 ? 1 : grid->enlarge,
                                      .gap = grid->gap ? grid->gap : GAP,
                                      .framed = grid->framed};
    return picture_from_grid(&form, picture, error);
}

int maps_picture(const struct map_grid *grid, struct picture *picture, struct error *error) {
    const size_t count = (size_t)grid->count;
    struct drawing drawing = {calloc(count, sizeof *drawing.pictures), calloc(count, sizeof *drawing.cells),
                              calloc(count, sizeof *drawing.own)};
    int status = draw_maps(grid, &drawing, picture, error);
    for (size_t i = 0; drawing.pictures && i < count; i++) picture_free(&drawing.pictures[i]);
    free(drawing.pictures);
    free(drawing.cells);
    free(drawing.own);
    return status;
}

int maps_strip(const float *values, int count, int columns, enum picture_palette palette, struct picture_range range,
               struct picture *picture, struct error *error) {
    enum { CELL = 10, STEP = CELL + 2 };
    if (columns > count) columns = count;
    const int rows = (count + columns - 1) / columns;
    if (picture_open(picture, rows * STEP, columns * STEP, PICTURE_WHITE, error) != 0) return -1;
    for (int i = 0; i < count; i++)
        picture_fill(picture, i % columns * STEP, i / columns * STEP, CELL, CELL,
                     picture_palette_color(palette, range, values[i]));
    return 0;
}

int maps_legend(enum picture_palette palette, struct picture_range range, const char *low, const char *high,
                struct picture *picture, struct error *error) {
    enum { WIDTH = 240, BAR = 14 };
    const int right = picture_text_width(high, TEXT_SIZE), left = picture_text_width(low, TEXT_SIZE);
    const int width = left + right + 2 * GAP > WIDTH ? left + right + 2 * GAP : WIDTH;
    if (picture_open(picture, BAR + 2 * GAP + picture_text_height(TEXT_SIZE), width, PICTURE_WHITE, error) != 0)
        return -1;
    for (int x = 0; x < width; x++) {
        const float share = (float)x / (float)(width - 1);
        picture_fill(picture, x, 0, 1, BAR,
                     picture_palette_color(palette, range, range.low * (1 - share) + range.high * share));
    }
    picture_text(picture, 0, BAR + GAP, low, TEXT_SIZE, PICTURE_INK);
    picture_text(picture, width - right, BAR + GAP, high, TEXT_SIZE, PICTURE_INK);
    return 0;
}

int maps_bars(const struct maps_bar *bars, int count, struct picture *picture, struct error *error) {
    enum { WIDTH = 320, NAME = 320, PERCENT = 110, BAR = 16, STEP = 24 };
    char name[PICTURE_LABEL_SIZE], percent[32];
    int names = 0;
    for (int i = 0; i < count; i++) {
        const int width =
            picture_text_width(picture_text_fit(bars[i].name, TEXT_SIZE, NAME, name, sizeof name), TEXT_SIZE);
        if (width > names) names = width;
    }
    const int left = names + 3 * GAP;
    if (picture_open(picture, count > 0 ? count * STEP : 1, left + WIDTH + PERCENT, PICTURE_WHITE, error) != 0)
        return -1;
    for (int i = 0; i < count; i++) {
        const double share = bars[i].share > 0 ? fmin(bars[i].share, 1) : 0;
        const int length = (int)(share * WIDTH + 0.5), y = i * STEP;
        picture_text_fit(bars[i].name, TEXT_SIZE, NAME, name, sizeof name);
        snprintf(percent, sizeof percent, "%.1f %%", 100 * bars[i].share);
        picture_text(picture, 0, y, name, TEXT_SIZE, PICTURE_INK);
        picture_fill(picture, left, y, length > 0 ? length : 1, BAR, bars[i].strong ? strong_bar : weak_bar);
        picture_text(picture, left + length + 2 * GAP, y, percent, TEXT_SIZE, PICTURE_INK);
    }
    return 0;
}
