/* Pictures for people: pixels with labels, small images in grids, arrays of floats as colours. Drawing outside a
 * picture is cut off at its edges. Everything is the same for the same input. */
#ifndef CNNTRAIN_CORE_REPORT_PICTURE_H
#define CNNTRAIN_CORE_REPORT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* A larger picture is refused: what makes sheets leaves out, and says so. */
enum { PICTURE_SIDE_MAX = 32768, PICTURE_PIXELS_MAX = 1 << 26 };

struct picture_color {
    uint8_t red, green, blue;
};

#define PICTURE_WHITE ((struct picture_color){255, 255, 255})
#define PICTURE_INK ((struct picture_color){28, 32, 38})      /* titles and labels */
#define PICTURE_FAINT ((struct picture_color){110, 118, 130}) /* notes */
#define PICTURE_NOT_A_NUMBER ((struct picture_color){255, 0, 200})

/* Starts as {0}. */
struct picture {
    int height, width;
    uint8_t *pixels; /* (height, width, 3): RGB, top row first */
};

/* A picture of one colour. ERROR_RUN where it is too large or there is not enough memory; sides are 1 or more. */
int picture_open(struct picture *picture, int height, int width, struct picture_color color, struct error *error);
void picture_free(struct picture *picture);
/* Replaces the picture by one whose pixels are means of `factor` x `factor` of its own (fewer at the right and at the
 * bottom). ERROR_RUN without memory. */
int picture_shrink(struct picture *picture, int factor, struct error *error);

void picture_fill(struct picture *picture, int x, int y, int width, int height, struct picture_color color);
/* Puts `from` with its top left corner at (x, y), each of its pixels as `enlarge` x `enlarge` pixels. */
void picture_put(struct picture *picture, int x, int y, const struct picture *from, int enlarge);

/* ---- from arrays ---- */

/* Bytes (height, width, channels): of 1 or 2 channels the first as gray, of 3 or more the first three as RGB. */
int picture_from_bytes(const uint8_t *bytes, int height, int width, int channels, struct picture *picture,
                       struct error *error);

/* The values that become the ends of a palette. */
struct picture_range {
    float low, high;
};

enum picture_palette {
    PICTURE_GRAY,      /* black to white */
    PICTURE_HEAT,      /* dark violet over red and orange to light yellow */
    PICTURE_DIVERGING, /* blue over white to red, for ranges around 0 */
};

/* The least and the greatest finite of `count` values that stand `stride` floats apart; {0, 0} where none is finite. */
struct picture_range picture_range_of(const float *values, size_t count, size_t stride);
/* The least range that holds both. */
struct picture_range picture_range_join(struct picture_range a, struct picture_range b);
/* The least range around 0 that holds this one. */
struct picture_range picture_range_around_zero(struct picture_range range);

/* One pixel's colour: values outside the range as its ends, NaN as PICTURE_NOT_A_NUMBER; where the range has no width,
 * the low end, of a diverging palette the middle: nothing to see. */
struct picture_color picture_palette_color(enum picture_palette palette, struct picture_range range, float value);

/* A map (height, width) whose cells stand `stride` floats apart, such as one channel of (height, width, channels). */
struct picture_map {
    const float *values;
    int height, width;
    size_t stride;
};
int picture_from_map(const struct picture_map *map, enum picture_palette palette, struct picture_range range,
                     struct picture *picture, struct error *error);
/* The same with three values a cell, which lie `step` floats apart, as red, green and blue from low to high. */
int picture_from_rgb_map(const struct picture_map *map, size_t step, struct picture_range range,
                         struct picture *picture, struct error *error);

/* ---- text ---- */

/* Pixels of one line; printable ASCII, other characters are shown as '?'. `size` 1 or more multiplies the letters'
 * seven pixels of height. */
int picture_text_width(const char *text, int size);
int picture_text_height(int size);
/* Draws the line with its top left corner at (x, y). */
void picture_text(struct picture *picture, int x, int y, const char *text, int size, struct picture_color color);
/* The text, or where it is wider than `width` pixels its beginning and end with "..." between; returns buffer. */
char *picture_text_fit(const char *text, int size, int width, char *buffer, size_t buffer_size);

/* ---- layout ---- */

enum { PICTURE_MARGIN = 16, PICTURE_LABEL_SIZE = 160, PICTURE_NOTE_LINE = 400 };

struct picture_cell {
    const struct picture *picture; /* NULL: an empty place */
    const char *label;             /* below; lines are divided by '\n'; NULL: none */
};

/* Cells row by row, left aligned; every cell is as large as the largest. Zeros are sensible defaults. */
struct picture_grid {
    const struct picture_cell *cells;
    int count;
    int columns;                   /* 0: so that the grid is somewhat wider than high */
    int enlarge;                   /* 0: so that the largest picture has about 64 pixels a side */
    int gap;                       /* pixels between cells; 0: 4, with labels more */
    int text_size;                 /* of labels; 0: 2 */
    int label_width;               /* longer labels are shortened to this or the picture's width; 0: 200 */
    bool framed;                   /* a thin gray line around each picture: its edge may be as white as the paper */
    const char *const *row_labels; /* on the left, one for each row, lines divided by '\n'; NULL: none */
};

/* ERROR_RUN as picture_open. Of no cells it makes one white pixel. */
int picture_from_grid(const struct picture_grid *grid, struct picture *picture, struct error *error);
/* What `enlarge` 0 stands for: how often a side of `side` pixels fits into `target`, at least 1. */
int picture_enlargement(int side, int target);

/* Pictures one below the other on white, each with a title and a smaller note above it, a margin around all. Notes that
 * are wider than all pictures go on in the next line, and so they do behind a '\n'. */
struct picture_part {
    const char *title, *note;      /* NULL: none */
    const struct picture *picture; /* NULL: none */
};
int picture_stack(const struct picture_part *parts, int count, struct picture *picture, struct error *error);

/* As png_write and png_encode. */
int picture_write(const struct picture *picture, const char *path, struct error *error);
int picture_encode(const struct picture *picture, char **bytes, size_t *length, struct error *error);

#endif
