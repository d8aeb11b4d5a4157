#include "core/report/png.h"

#include <png.h>
#include <stdlib.h>

#include "core/file.h"

static int out_of_memory(int height, int width, struct error *error) {
    return error_set(error, ERROR_RUN, NULL, "not enough memory for a PNG of %d x %d pixels", width, height);
}

/* The whole file cannot be longer than `size`: pixels that do not compress are stored as they are. */
static int encode(png_image *image, const uint8_t *pixels, char **bytes, size_t *length, struct error *error) {
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(*image);
    char *memory = malloc(size);
    if (!memory) return out_of_memory((int)image->height, (int)image->width, error);
    if (!png_image_write_to_memory(image, memory, &size, 0, pixels, 0, NULL)) {
        free(memory);
        return error_set(error, ERROR_RUN, NULL, "cannot encode a PNG of %u x %u pixels: %s", (unsigned)image->width,
                         (unsigned)image->height, image->message);
    }
    char *smaller = realloc(memory, size);
    *bytes = smaller ? smaller : memory;
    *length = size;
    return 0;
}

int png_encode(const uint8_t *pixels, int height, int width, int channels, char **bytes, size_t *length,
               struct error *error) {
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    int status = encode(&image, pixels, bytes, length, error);
    png_image_free(&image);
    return status;
}

int png_write(const char *path, const uint8_t *pixels, int height, int width, int channels, struct error *error) {
    char *bytes = NULL;
    size_t length = 0;
    if (png_encode(pixels, height, width, channels, &bytes, &length, error) != 0) return -1;
    int status = file_replace(path, &(struct file_piece){bytes, length}, 1, error);
    free(bytes);
    return status;
}
