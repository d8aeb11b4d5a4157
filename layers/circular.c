#include "layers/circular.h"

#include <string.h>

static bool wraps(const struct sliding *sliding, const struct geometry *geometry) {
    return sliding->padding == PADDING_CIRCULAR && geometry_is_padded(geometry);
}

/* The border becomes part of the image. */
static void widen(struct geometry *geometry) {
    for (int axis = 0; axis < 2; axis++) {
        geometry->input[axis] = geometry->padded[axis];
        geometry->before[axis] = 0;
    }
}

struct circular circular_take(const struct sliding *sliding, struct geometry *geometry, struct pieces *pieces) {
    struct circular circular = {.geometry = *geometry, .wraps = wraps(sliding, geometry)};
    if (!circular.wraps) return circular;
    const size_t pixels = (size_t)geometry->padded[0] * (size_t)geometry->padded[1];
    circular.wide = pieces_take(pieces, pixels * (size_t)geometry->channels, sizeof(float));
    widen(geometry);
    return circular;
}

int circular_describe(const struct sliding *sliding, struct geometry *geometry, struct graph *graph, int x) {
    if (!wraps(sliding, geometry)) return x;
    const int *before = geometry->before, *input = geometry->input, *padded = geometry->padded;
    const int sides[GRAPH_SIDES] = {before[0], padded[0] - input[0] - before[0], before[1],
                                    padded[1] - input[1] - before[1]};
    widen(geometry);
    return graph_frame(graph, GRAPH_PAD_WRAP, x, sides);
}

/* A row of the wide image and of the image whose cells it has: `left` floats of the row's end, `line` floats, `right`
 * of its beginning. */
struct row {
    size_t left, line, right;
    ptrdiff_t wide, image; /* where they begin */
};

static struct row row_of(const struct circular *circular, int r) {
    const struct geometry *g = &circular->geometry;
    const int left = g->before[1], right = g->padded[1] - g->input[1] - left;
    const int row = (r - g->before[0] + g->input[0]) % g->input[0];
    const size_t channels = (size_t)g->channels;
    return (struct row){.left = (size_t)left * channels,
                        .line = (size_t)g->input[1] * channels,
                        .right = (size_t)right * channels,
                        .wide = (ptrdiff_t)r * g->padded[1] * g->channels,
                        .image = (ptrdiff_t)row * g->input[1] * g->channels};
}

const float *circular_wrap(const struct circular *circular, const float *x) {
    for (int r = 0; r < circular->geometry.padded[0]; r++) {
        const struct row row = row_of(circular, r);
        float *wide = circular->wide + row.wide;
        const float *image = x + row.image;
        memcpy(wide, image + row.line - row.left, row.left * sizeof *wide);
        memcpy(wide + row.left, image, row.line * sizeof *wide);
        memcpy(wide + row.left + row.line, image, row.right * sizeof *wide);
    }
    return circular->wide;
}

void circular_fold(const struct circular *circular, const struct kernels *kernels, float *dx) {
    const struct geometry *g = &circular->geometry;
    memset(dx, 0, (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels * sizeof *dx);
    for (int r = 0; r < g->padded[0]; r++) {
        const struct row row = row_of(circular, r);
        const float *wide = circular->wide + row.wide;
        float *image = dx + row.image;
        kernels->add(row.left, wide, image + row.line - row.left);
        kernels->add(row.line, wide + row.left, image);
        kernels->add(row.right, wide + row.left + row.line, image);
    }
}
