/* Grids of arrays of floats as pictures: the channels of a layer's output, the kernels of a convolution. */
#ifndef CNNTRAIN_CORE_REPORT_MAPS_H
#define CNNTRAIN_CORE_REPORT_MAPS_H

#include "core/report/picture.h"

/* Which maps of a grid have one scale together. */
enum map_scale { MAP_SCALE_EACH, MAP_SCALE_ROW, MAP_SCALE_COLUMN, MAP_SCALE_ALL };

/* Maps (height, width) in rows of a grid. */
struct map_grid {
    const float *values; /* the first cell of the first map */
    int height, width;   /* of a map */
    size_t stride;       /* floats from a cell to the next */
    int columns;         /* of the grid */
    int count;           /* of maps; the last row may be filled in part */
    size_t right, down;  /* floats from a map to the next in its row, and to the next row */
    size_t colors;       /* floats from a map's red cells to its green, and to its blue; 0: one value a cell */
    bool around_zero;    /* signed values: 0 is the palette's middle */
    enum map_scale scale;
    enum picture_palette palette;
    int enlarge, shrink; /* a cell is `enlarge` pixels wide; or with `shrink` above 1 a pixel so many cells */
    int gap;             /* pixels between maps; 0: 4 */
    bool framed;
};

/* ERROR_RUN without memory or where it would be too large. */
int maps_picture(const struct map_grid *grid, struct picture *picture, struct error *error);

/* Numbers one after the other as cells in rows of `columns`. */
int maps_strip(const float *values, int count, int columns, enum picture_palette palette, struct picture_range range,
               struct picture *picture, struct error *error);

/* How many of the values are neither NaN nor infinite. */
size_t maps_count_finite(const float *values, size_t count);

/* A palette as a bar with the range's ends below it, for maps to be read by. */
int maps_legend(enum picture_palette palette, struct picture_range range, const char *low, const char *high,
                struct picture *picture, struct error *error);

/* Horizontal bars: a name, a bar of that share (0 to 1) of the full width, the share in percent. */
struct maps_bar {
    const char *name;
    double share;
    bool strong; /* drawn in the stronger colour */
};
int maps_bars(const struct maps_bar *bars, int count, struct picture *picture, struct error *error);

#endif
