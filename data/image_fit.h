/* A picture of any size as a model takes it. */
#ifndef CNNTRAIN_DATA_IMAGE_FIT_H
#define CNNTRAIN_DATA_IMAGE_FIT_H

#include "data/image.h"

/* What becomes of a picture whose sides are in another proportion. */
enum image_fit {
    IMAGE_STRETCH, /* both sides are scaled by themselves, as "resize" of a data source does */
    IMAGE_CROP,    /* scaled until it covers the size; what stands out on two sides is cut off */
    IMAGE_FIT,     /* scaled until it fits in; the rest is black */
};

/* The one that is called so ("stretch", "crop", "fit"); false where none is. */
bool image_fit_find(const char *name, enum image_fit *fit);

/* Replaces the picture by one in the wanted colour and of (height, width); filtered as data/resample.h says. ERROR_RUN
 * without memory. */
int image_fit(struct image *image, enum data_color color, const int size[2], enum image_fit fit, const char *path,
              struct error *error);

#endif
