#include "data/glyphs.h"

#include <math.h>

enum { ARC_STEPS = 14, STROKES_MAX = 3 };

/* An arc of an ellipse, or where `to` equals `from` a straight line from (x, y) to (rx, ry). Angles in degrees,
 * clockwise on the screen: 0 right, 90 bottom, 180 left, 270 top. */
struct stroke {
    float x, y, rx, ry, from, to;
};

struct outline {
    int count;
    struct stroke strokes[STROKES_MAX];
};

static const struct outline outlines[GLYPH_COUNT] = {
    {1, {{0, 0, .55F, .95F, 0, 360}}},
    {2, {{-.32F, -.58F, .06F, -.95F, 0, 0}, {.06F, -.95F, .06F, .95F, 0, 0}}},
    {3, {{0, -.43F, .5F, .52F, 190, 400}, {.38F, -.1F, -.52F, .95F, 0, 0}, {-.52F, .95F, .56F, .95F, 0, 0}}},
    {2, {{0, -.48F, .45F, .47F, 205, 450}, {0, .47F, .53F, .48F, 270, 515}}},
    {3, {{.25F, .95F, .25F, -.95F, 0, 0}, {.25F, -.95F, -.56F, .38F, 0, 0}, {-.56F, .38F, .58F, .38F, 0, 0}}},
    {3, {{.46F, -.95F, -.38F, -.95F, 0, 0}, {-.38F, -.95F, -.43F, -.06F, 0, 0}, {0, .33F, .54F, .62F, 218, 500}}},
    {2, {{0, .42F, .52F, .53F, 0, 360}, {.46F, .38F, .97F, 1.33F, 180, 263}}},
    {2, {{-.55F, -.95F, .55F, -.95F, 0, 0}, {.55F, -.95F, -.12F, .95F, 0, 0}}},
    {2, {{0, -.48F, .43F, .46F, 0, 360}, {0, .47F, .54F, .48F, 0, 360}}},
    {2, {{0, -.42F, .52F, .53F, 0, 360}, {-.46F, -.38F, .97F, 1.33F, 0, 83}}},
};

static void add_segment(struct glyph *glyph, float x0, float y0, float x1, float y1) {
    glyph->segments[glyph->count++] = (struct glyph_segment){x0, y0, x1, y1};
}

static void add_arc(struct glyph *glyph, const struct stroke *arc) {
    const double degree = 3.14159265358979 / 180;
    float x0 = 0, y0 = 0;
    for (int i = 0; i <= ARC_STEPS; i++) {
        double angle = degree * ((double)arc->from + (double)(arc->to - arc->from) * i / ARC_STEPS);
        float x1 = (float)((double)arc->x + (double)arc->rx * cos(angle));
        float y1 = (float)((double)arc->y + (double)arc->ry * sin(angle));
        if (i > 0) add_segment(glyph, x0, y0, x1, y1);
        x0 = x1;
        y0 = y1;
    }
}

void glyph_build(int digit, struct glyph *glyph) {
    const struct outline *outline = &outlines[digit];
    glyph->count = 0;
    for (int i = 0; i < outline->count; i++) {
        const struct stroke *stroke = &outline->strokes[i];
        if (stroke->from < stroke->to)
            add_arc(glyph, stroke);
        else
            add_segment(glyph, stroke->x, stroke->y, stroke->rx, stroke->ry);
    }
}
