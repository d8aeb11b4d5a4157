/* One picture from a file: PNG, JPEG or BMP to bytes, and from one number of channels to another. */
#ifndef CNNTRAIN_DATA_IMAGE_H
#define CNNTRAIN_DATA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/dataset.h"
#include "core/error.h"

struct image {
    int height, width, channels; /* channels 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha */
    uint8_t *pixels;             /* (height, width, channels) */
};

void image_free(struct image *image);

/* Decodes PNG, JPEG or BMP bytes; `path` is what errors name. A side is at most IMAGE_SIDE_MAX, and
 * height * width at most IMAGE_PIXELS_MAX (data/image_check.h). ERROR_DATA where the
 * bytes are no such picture. The caller frees with image_free. */
int image_decode(const void *bytes, size_t length, const char *path, struct image *image, struct error *error);
/* Reads the file and decodes it. */
int image_read(const char *path, struct image *image, struct error *error);

/* Height, width and channels from the start of the file; the pixels are not there. ERROR_DATA, ERROR_IO. */
int image_measure(const char *path, struct image *image, struct error *error);

/* Replaces the picture by one in the wanted colour and size; `resize` is (height, width), zeros for "as it is". */
int image_convert(struct image *image, enum data_color color, const int resize[2], const char *path,
                  struct error *error);

/* The channels that `color` makes of `channels`. */
int color_channels(enum data_color color, int channels);
/* from (count, channels) -> to (count, color_channels): alpha is dropped; gray = .299 R + .587 G + .114 B (ITU-R
 * BT.601, as PIL's "L"); gray is repeated for RGB. */
void color_bytes(enum data_color color, size_t count, int channels, const uint8_t *from, uint8_t *to);
void color_floats(enum data_color color, size_t count, int channels, const float *from, float *to);

#endif
