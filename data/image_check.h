/* The structure of a picture's file, checked before the library decodes it: the library takes sizes and tables at their
 * word, reads past the end as zeros and inflates without a limit. Sources: W3C, "PNG Specification", third edition;
 * ITU-T T.81 (JPEG); Microsoft, "Bitmap Storage". */
#ifndef CNNTRAIN_DATA_IMAGE_CHECK_H
#define CNNTRAIN_DATA_IMAGE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* A picture's file may have more pixels than an image of a data set: it is resized. */
enum { IMAGE_SIDE_MAX = 1 << 15, IMAGE_PIXELS_MAX = 1 << 26, IMAGE_FILE_MAX = 256 << 20 /* bytes */ };

/* A file in memory, and where errors go. */
struct image_file {
    const uint8_t *bytes;
    size_t length;
    const char *path;
    struct error *error;
};

/* ERROR_DATA for what is no PNG, JPEG or BMP image, is cut off, damaged, larger than IMAGE_SIDE_MAX or
 * IMAGE_PIXELS_MAX, or of a kind that is not read; the message says which and what to do. */
int image_check(const struct image_file *file);

int image_check_png(const struct image_file *file);
int image_check_jpeg(const struct image_file *file);
int image_check_bmp(const struct image_file *file);

/* ---- for these functions ---- */

/* "is a damaged PNG image: <what>", "is a truncated PNG image: <what>"; return -1. */
int image_damaged(const struct image_file *file, const char *format, const char *what);
int image_truncated(const struct image_file *file, const char *format, const char *where);
/* Fails unless both sides are 1 to IMAGE_SIDE_MAX and their product at most IMAGE_PIXELS_MAX. */
int image_check_sides(const struct image_file *file, int64_t width, int64_t height);

#endif
