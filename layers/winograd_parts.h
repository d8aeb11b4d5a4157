/* What the two ways of Winograd's algorithm have in common: a few images at a time with a packed kernel (winograd.c),
 * and many at a time with a kernel that is transformed on the way (winograd_batch.c). */
#ifndef CNNTRAIN_LAYERS_WINOGRAD_PARTS_H
#define CNNTRAIN_LAYERS_WINOGRAD_PARTS_H

#include "layers/parts.h"
#include "layers/winograd_tiles.h"

enum {
    WINOGRAD_PANEL = 32, /* filters in one go: columns of a product */
    WINOGRAD_SUM = 128,  /* summed in a row: longer sums round too much */
};

/* What a product sums over: a row of the kernel for each channel of each block. */
static inline int winograd_depth(const struct winograd_sweep *sweep) {
    return winograd_blocks(sweep) * sweep->channels;
}

/* The most tiles that go through the passes together: forward and in the data gradient, and in the kernel gradient of a
 * few images. */
int winograd_tiles_at_once(const struct winograd_sweep *sweep);
int winograd_gradient_tiles(const struct winograd_sweep *sweep);

/* Floats of a row of the inputs' spectrum, with room for what the transform writes beyond the last block. */
int winograd_inputs_row(const struct winograd_sweep *sweep);

/* Some tiles, which are numbered through all images of a call. */
struct bunch {
    int first, tiles;
};

/* Matrices of a spectrum, one behind the other, not quite a power of two apart: cells of the same tile fall into
 * different sets of the cache. */
struct matrices {
    float *first;
    ptrdiff_t row, matrix; /* floats from row to row, from matrix to matrix */
};

struct matrices matrices_take(struct pieces *pieces, int count, int rows, int columns);

/* A panel of the kernel's spectrum: its rows from `from` on. */
struct spectrum {
    const float *first;
    ptrdiff_t row, matrix;
    int from;
};

/* Columns [first, first + count) of the filters; `width` is count in whole vectors. */
struct panel {
    int first, count, width;
};

struct panel winograd_panel(int filters, int first);

/* inputs (36,tiles,blocks*channels) of these channels, from x (n,h,w,all channels) */
void winograd_transform_inputs(const struct winograd_sweep *w, const struct kernels *kernels, struct bunch bunch,
                               struct range channels, const float *x, const struct matrices *inputs);

/* result (36,tiles,width) = columns `part` of the inputs (36,tiles,blocks*channels) times those rows of the kernel */
void winograd_multiply(const struct winograd_sweep *w, const struct kernels *kernels, int phase, int tiles,
                       struct panel panel, struct range part, const struct matrices *inputs,
                       const struct spectrum *kernel, const struct matrices *result);

/* y (n,oh,ow,all filters), the panel's filters of it, from outputs (36,tiles,width); bias (filters) or NULL */
void winograd_transform_outputs(const struct winograd_sweep *w, const struct kernels *kernels, int phase,
                                struct bunch bunch, struct panel panel, const struct matrices *outputs,
                                const float *bias, float *y);

/* A row of the kernel's spectrum (36,rows,width), at `to`, the matrices so far apart: of a channel of the block, whose
 * taps stand at taps[r*row + c*pixel]. */
void winograd_transform_kernel(const struct winograd_sweep *sweep, const struct kernels *kernels,
                               const struct block *block, struct panel panel, ptrdiff_t row, ptrdiff_t pixel,
                               const float *taps, float *to, ptrdiff_t matrix);

/* For the data gradient: flipped (3,3,WINOGRAD_FLIPPED,WINOGRAD_PANEL) = the taps of the block, `rows` of its filters
 * from `row` on by the panel's channels, from the kernel (kh,kw,c,all filters). What is there of taps that the block
 * has not stays as it is. */
enum {
    WINOGRAD_FLIPPED = 8,
    WINOGRAD_FLIPPED_PIXEL = WINOGRAD_FLIPPED * WINOGRAD_PANEL,
    WINOGRAD_FLIPPED_ROW = WINOGRAD_TAPS_MOST * WINOGRAD_FLIPPED_PIXEL,
    WINOGRAD_FLIPPED_FLOATS = WINOGRAD_TAPS_MOST * WINOGRAD_FLIPPED_ROW
};
void winograd_flip(const struct winograd_sweep *back, const struct kernels *kernels, const struct block *block,
                   const float *kernel, int row, int rows, struct panel panel, float *flipped);

#endif
