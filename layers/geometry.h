/* How a kernel or a pooling window slides over an image: output sizes, zero border, and where things lie in memory.
 * Axis 0 is the height, axis 1 the width. */
#ifndef CNNTRAIN_LAYERS_GEOMETRY_H
#define CNNTRAIN_LAYERS_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/graph.h"
#include "core/layer.h"

enum padding { PADDING_VALID, PADDING_SAME, PADDING_CIRCULAR };
extern const char *const padding_names[];             /* without circular, which only convolutions have */
extern const char *const convolution_padding_names[]; /* with it */
extern const char *const convolution_padding_own[];   /* those that Keras does not have */

/* The fields behind it. */
struct sliding {
    int kernel[2], stride[2], dilation[2];
    int padding; /* enum padding */
};

/* Cells that a window covers along an axis: (kernel - 1)*dilation + 1. */
int64_t geometry_extent(const struct sliding *sliding, int axis);

struct geometry {
    int channels;
    int input[2], kernel[2], stride[2], dilation[2], output[2];
    int before[2]; /* zero rows above the image, zero columns to its left */
    int padded[2]; /* size of the image with its zero border */
};

/* Of an image (h,w,c) whose window was found to fit:
 * valid: out = (in - extent)/stride + 1, extent = (kernel - 1)*dilation + 1, no border;
 * same: out = ceil(in/stride), border = max((out-1)*stride + extent - in, 0), half of it (rounded down) before;
 * circular: out = ceil(in/stride), border = extent - 1, half of it (rounded down) before, as PyTorch's padding_mode has
 * it. The border's cells are those of the opposite side (circular.h), which is not for this file to know. */
struct geometry geometry_of(const struct shape *input, const struct sliding *sliding);

/* Fails where the input is no image, the window (called by `key`, "kernel_size" or "pool_size") does not fit into it,
 * or the padded image is too large. Otherwise fills *geometry and layer->reach. */
int geometry_infer(struct layer *layer, const struct sliding *sliding, const char *key, const struct place *place,
                   struct geometry *geometry, struct error *error);

/* Whether there is any border. */
bool geometry_is_padded(const struct geometry *geometry);

/* The window in the terms of a graph, of one group. */
struct graph_window geometry_describe(const struct geometry *geometry);

/* Elements from the padded image's start to tap (i,j) of the window at output position (0,0), and from there to the
 * window at (row, column); `channels` a pixel. */
ptrdiff_t geometry_tap(const struct geometry *geometry, int i, int j, int channels);
ptrdiff_t geometry_window(const struct geometry *geometry, int row, int column, int channels);

#endif
