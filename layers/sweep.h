/* A kernel that sweeps over an image: what the forward pass of a convolution and its data gradient have in common. */
#ifndef CNNTRAIN_LAYERS_SWEEP_H
#define CNNTRAIN_LAYERS_SWEEP_H

#include "core/layer.h"

/* y[r][p] = bias + sum over runs (i,j) and k < depth of
 *   image[first + r*row + p*pixel + i*run_row + j*run_column + k] * the kernel's row ((i*run_columns + j)*depth + k)
 * A run is a stretch of floats that lie one behind the other in the image, with its border, as well as in the kernel.
 * With one group and no dilation along the width a whole row of the kernel is one, otherwise every tap. */
struct sweep {
    int groups, channels, filters; /* channels and filters of one group; they lie side by side in image and y */
    int rows, pixels;              /* of y */
    int run_rows, run_columns, depth;
    ptrdiff_t first, row, pixel, run_row, run_column;
    ptrdiff_t y_first, y_row, y_pixel;
    ptrdiff_t packed; /* where its kernel begins in pass->packed */
};

/* Floats that a kernel of one filter has in a group. */
ptrdiff_t sweep_depth(const struct sweep *sweep);

/* The packed kernel is (groups, panels, sweep_depth, columns), a panel being some of a group's filters: a product reads
 * it from the first float to the last. A small kernel is one panel. The columns of the panel that begins with filter
 * `first` of its group: */
int sweep_panel_columns(const struct sweep *sweep, const struct kernels *kernels, int first);

/* How many of `left` columns of a matrix suit one product. */
enum { SWEEP_COLUMNS_MOST = 48 };
int sweep_columns(const struct kernels *kernels, int left);

/* Over one image. offsets: room for run_rows * run_columns. bias: (groups*filters) or NULL */
void sweep_image(const struct sweep *sweep, const struct pass *pass, ptrdiff_t *offsets, const float *image,
                 const float *bias, float *y);

/* Whether rows of y are so short that a product of each alone would not fill a tile, while one of several images, whose
 * windows are copied together first, does; for kernels of enough filters to make up for the copy. */
bool sweep_gathers(const struct sweep *sweep);

/* How many images go together, and the floats of their windows. */
enum { SWEEP_GATHERED_IMAGES = 4 };
size_t sweep_gathered_floats(const struct sweep *sweep);

/* gathered (runs,images,rows,pixels,depth): what the windows of image n of `images` see. */
void sweep_gather(const struct sweep *sweep, const float *image, int n, int images, float *gathered);

/* As sweep_image, over gathered images, whose outputs lie one behind the other. */
void sweep_gathered(const struct sweep *sweep, const struct pass *pass, ptrdiff_t *offsets, int images,
                    const float *gathered, const float *bias, float *y);

#endif
