/* The ten digits as strokes, for drawing them at any size and slant. */
#ifndef CNNTRAIN_DATA_GLYPHS_H
#define CNNTRAIN_DATA_GLYPHS_H

enum { GLYPH_COUNT = 10, GLYPH_SEGMENTS_MAX = 40 };

struct glyph_segment {
    float x0, y0, x1, y1; /* in a box of x -0.6 .. 0.6 and y -1 (top) .. 1 (bottom) */
};

struct glyph {
    int count;
    struct glyph_segment segments[GLYPH_SEGMENTS_MAX];
};

/* Fills the glyph of `digit` (0..9); curves become short segments. */
void glyph_build(int digit, struct glyph *glyph);

#endif
