/* What ZeroPadding2D and Cropping2D share: an image inside a larger one. */
#ifndef CNNTRAIN_LAYERS_FRAME_H
#define CNNTRAIN_LAYERS_FRAME_H

#include "core/layer.h"

/* The sides' widths: rows above and below, columns to the left and to the right. */
enum { FRAME_TOP, FRAME_BOTTOM, FRAME_LEFT, FRAME_RIGHT, FRAME_SIDES, FRAME_WIDTH_MAX = 1 << 16 };

/* inner (h,w,c) is what outer (top+h+bottom, left+w+right, c) holds within its frame; these copy one image. */
void frame_cut(const struct shape *inner, const int sides[FRAME_SIDES], const float *outer, float *inside);
/* The same the other way; the frame becomes zero. */
void frame_put(const struct shape *inner, const int sides[FRAME_SIDES], const float *inside, float *outer);

#endif
