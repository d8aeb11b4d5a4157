/* How Winograd's algorithm cuts a convolution: outputs into tiles of 4x4, or of 3x3 where those fit the image better,
 * the kernel into blocks of 3x3 or 2x2 taps, the last ones with fewer. Nothing is computed here; core/kernels/README.md
 * draws it.
 *
 * A block is a convolution of its own, at stride 1, of those pixels that its taps see. The blocks of a kernel larger
 * than one see pixels further on. At stride s the taps s apart make blocks, which see pixels s apart (strip_at: `row`
 * and `step`); so s*s convolutions at stride 1 are summed. With a dilation the outputs that see the same inputs stand
 * that far apart, and so do the pixels of their tiles.
 *
 * The data gradient sweeps over dy with the flipped kernel, whose channels are the filters. At stride s the pixels of
 * dx fall into s*s phases (phase.h), each with its own part of the kernel; the tiles of all phases see the same dy.
 *
 * An image of 2x2 pixels that keeps its size is one tile of its own: of a kernel of 3x3 and more the taps on its zero
 * border are left out. So are they of an image of one pixel, which sees a single tap; each pixel of an image that a
 * kernel of 1x1 sees is such a tile. */
#ifndef CNNTRAIN_LAYERS_WINOGRAD_TILES_H
#define CNNTRAIN_LAYERS_WINOGRAD_TILES_H

#include "layers/geometry.h"

/* From first up to end. */
struct range {
    int first, end;
};

/* A convolution of an image (input, channels) to (output, filters), each group of channels to its own filters. Pairs of
 * numbers are of the height and the width. */
struct winograd_sweep {
    struct geometry of; /* the layer's convolution */
    bool back;          /* its data gradient */
    int input[2], output[2];
    int phases[2];                 /* of outputs; 1 unless back */
    int origin[2];                 /* the row of the input that the first tap of the first window sees */
    int tiles[2];                  /* along an axis, of those that are not interleaved by a dilation */
    int taps, blocks[2];           /* along an axis: of a block, and how many blocks a kernel has */
    int outputs;                   /* along an axis, of a tile: 4 or 3, or those of all the image */
    int groups, channels, filters; /* channels and filters of one group */
    int all_channels, all_filters; /* of a pixel */
};

/* Forward, and the data gradient; the form (taps, outputs) is chosen to be the faster. */
struct winograd_sweep winograd_sweep_forward(const struct geometry *geometry, int groups, int filters);
struct winograd_sweep winograd_sweep_back(const struct geometry *geometry, int groups, int filters);

/* Matrices of a spectrum: the square of the points of an axis. */
int winograd_points(const struct winograd_sweep *sweep);
int winograd_matrices(const struct winograd_sweep *sweep);

/* Blocks of a kernel, phases of the output, and tiles of an image, of each phase as many. */
int winograd_blocks(const struct winograd_sweep *sweep);
int winograd_phases(const struct winograd_sweep *sweep);
int winograd_tiles(const struct winograd_sweep *sweep);

/* Multiplications of an image for a channel and a filter. */
double winograd_products(const struct winograd_sweep *sweep);

/* A block along an axis. Place i of its `taps` is the kernel's row `row` + (i - from)*step, for from <= i < end; the
 * other places are 0. Where from is end, all are. */
struct strip {
    int row, step;
    int from, end;
};

/* The points of an axis: 0, where a polynomial has its lowest coefficient; infinity, where it has its highest; and
 * those between them. */
enum points_kind { POINTS_LOWEST, POINTS_INNER, POINTS_HIGHEST, POINTS_KINDS };

enum points_kind winograd_kind_of(const struct winograd_sweep *sweep, int point);

/* Of the kernel, in a phase: its rows and columns. */
struct block {
    struct strip strips[2];
};

struct block winograd_block(const struct winograd_sweep *sweep, int phase, int index);
bool block_is_empty(const struct block *block);

/* Whether there is anything but zeros in these rows and columns of the block's spectrum. */
bool block_reaches(const struct winograd_sweep *sweep, const struct block *block, enum points_kind down,
                   enum points_kind along);

/* Tiles are numbered through all images. Where one lies: its image, which tile of the interleaved ones it is, and its
 * first row and column of windows. */
struct tile_place {
    int image, interleaved, tile[2];
    int at[2];
};

struct tile_place winograd_place(const struct winograd_sweep *sweep, int index);
void winograd_next_place(const struct winograd_sweep *sweep, struct tile_place *place);

/* A tile as a kernel wants it and the cell it begins at, which may lie outside the image. */
struct tile {
    struct winograd_tile cells;
    ptrdiff_t first;
};

/* From the cell of one window to that of the next, and the first one, of what a block sees of the input or a phase
 * makes of the output: (height,width,all) of the image, and how many cells a tile has along an axis. */
struct tile_grid {
    const int *image;
    int all, cells;
    int first[2], step[2], apart[2]; /* apart: from cell to cell of a tile */
};

struct tile_grid winograd_inputs_of(const struct winograd_sweep *sweep, int block);
struct tile_grid winograd_outputs_of(const struct winograd_sweep *sweep, int phase);

/* Its cells; taps, outputs, channels and matrix are for the caller to say. */
struct tile winograd_tile_at(const struct tile_grid *grid, const struct tile_place *place);

#endif
