/* What MaxPooling2D and AveragePooling2D share: fields, shapes, and the walk over windows that border on the image's
 * edge. There is no padded copy: a window at the edge simply has fewer cells, so padding never wins a maximum and never
 * counts in an average. */
#ifndef CNNTRAIN_LAYERS_POOLING_H
#define CNNTRAIN_LAYERS_POOLING_H

#include <stdint.h>

#include "layers/geometry.h"

struct pooling {
    struct layer_common common;
    int pool_size[2];
    int strides[2]; /* 0: as pool_size */
    int padding;
};

extern const struct field pooling_fields[];
enum { POOLING_CELLS_MAX = KERNELS_NO_CELL }; /* of a window: the place of a maximum is kept in 16 bits */

/* Shapes, scratch, reach and the note about cells that no window reaches. */
int pooling_infer(struct layer *layer, const struct place *place, struct error *error);

/* layer_kind.describe of a pool: `operation` over its windows. */
int pooling_describe(const struct layer *layer, enum graph_operation operation, struct graph *graph, int x);

/* A walk over all output positions of an image, cut into stretches whose windows have the same cells:
 *     for (struct pooling_walk walk = pooling_start(layer, scratch); pooling_next(&walk);)
 *         kernels->sum_forward(&walk.window, x + walk.input, scale, relu, y + walk.output, NULL);
 * The walk is the same forward and back, so a cell's number means the same both times. */
struct pooling_walk {
    struct geometry geometry;
    struct window window; /* the stretch: window.taps of the full pool_size cells */
    ptrdiff_t input;      /* of its first cell in x (h,w,c) */
    ptrdiff_t output;     /* of its first position in y (oh,ow,c) */
    int row, column;      /* of the next stretch */
    ptrdiff_t *offsets;
};
struct pooling_walk pooling_start(const struct layer *layer, void *scratch);
bool pooling_next(struct pooling_walk *walk);
/* Whether no cell is in two windows, and whether every cell is in exactly one. */
bool pooling_is_apart(const struct layer *layer);
bool pooling_tiles(const struct layer *layer);
/* Whether windows are 2x2 cells side by side, all of them within the image. */
bool pooling_is_of_four(const struct layer *layer);
/* The bytes of scratch that a walk uses, a multiple of a cache line. */
size_t pooling_scratch(const struct layer *layer);

#endif
