/* The data gradient of a direct convolution by windows (col2im): a product says what every window gives back to the
 * numbers it saw, and that is added to the image where the window lay. No multiplication meets a zero border, which a
 * sweep over the output gradient has to be given where windows stop at the image's edge. layers/windows_batch.h does
 * the same for layers of many weights, where all images of a batch meet. */
#ifndef CNNTRAIN_LAYERS_COL2IM_H
#define CNNTRAIN_LAYERS_COL2IM_H

#include "layers/convolution.h"
#include "layers/parts.h"

struct col2im {
    struct geometry geometry;
    int filters;
};

/* How many times as fast as a direct convolution without any border it is expected to be, by shape alone; 0 where the
 * sweep with its border is as fast, or the shape does not allow it. */
double col2im_advantage(const struct geometry *geometry, int groups, int filters);

size_t col2im_scratch_bytes(const struct col2im *col2im);
size_t col2im_packed_floats(const struct col2im *col2im);

/* packed = part `part` of `parts` of the kernel (kh,kw,c,f): for each of its rows the transpose (f,kw*c), in panels */
void col2im_pack(const struct col2im *col2im, const struct pass *pass, float *packed, int part, int parts);

/* dx (n,h,w,c) from dy (n,oh,ow,f), the panels, and bias (c) or NULL, which a transposed convolution adds. Each number
 * of dx is the sum of what its windows say, some rows of windows after the other, of those the kernel's rows in order,
 * in each row of the kernel the windows in order. */
void col2im_data_gradient(const struct col2im *col2im, const struct pass *pass, const float *packed, const float *bias);

#endif
