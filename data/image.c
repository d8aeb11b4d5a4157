#include "data/image.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "data/image_check.h"
#include "data/resample.h"

/* The library stands in this file only; pictures come from memory, and only in the three formats. Its memory starts as
 * zeros, so that what a damaged picture leaves out is black and not what stood there before. */
#define STB_IMAGE_IMPLEMENTATION
#define STBI_MALLOC(size) calloc(1, size)
#define STBI_REALLOC(memory, size) realloc(memory, size)
#define STBI_FREE(memory) free(memory)
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 32768
#include <stb_image.h>

_Static_assert(STBI_MAX_DIMENSIONS == (int)IMAGE_SIDE_MAX, "one limit for the sides of an image");

void image_free(struct image *image) {
    free(image->pixels);
    *image = (struct image){0};
}

static size_t chunk_length(const uint8_t *chunk) {
    return (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | (size_t)chunk[3];
}

/* A PNG's palette chunk, at which its length stands; 0 where it has none. The file has been checked: it has one where
 * its colors come from one, before its end. */
static size_t find_palette(const uint8_t *bytes, size_t length) {
    enum { COLOR_AT = 25, COLOR_PALETTE = 3, CHUNKS_AT = 8 };
    /* untaken: files that were checked are longer */
    if (length <= COLOR_AT || bytes[0] != 0x89 || bytes[COLOR_AT] != COLOR_PALETTE) return 0;
    /* untaken: a palette comes before the end */
    for (size_t at = CHUNKS_AT; at + 12 <= length; at += 12 + chunk_length(bytes + at))
        if (memcmp(bytes + at + 4, "PLTE", 4) == 0) return at;
    return 0;
}

/* The library takes colors that a palette lacks from memory that nobody filled: a copy of the file has black ones.
 * Where nothing is to be done the file itself is returned; NULL without memory. */
static const uint8_t *with_whole_palette(const uint8_t *bytes, size_t *length) {
    enum { WHOLE = 3 * 256 };
    size_t at = find_palette(bytes, *length), stored = at ? chunk_length(bytes + at) : WHOLE;
    if (stored == WHOLE) return bytes;
    uint8_t *copy = calloc(1, *length + WHOLE - stored);
    if (!copy) return NULL;
    memcpy(copy, bytes, at + 8 + stored);
    memcpy(copy + at + 8 + WHOLE, bytes + at + 8 + stored, *length - at - 8 - stored);
    copy[at + 2] = WHOLE >> 8;
    copy[at + 3] = WHOLE & 255;
    *length += WHOLE - stored;
    return copy;
}

int image_decode(const void *bytes, size_t length, const char *path, struct image *image, struct error *error) {
    *image = (struct image){0};
    /* untaken: no file of more than IMAGE_FILE_MAX is read */
    if (length > INT_MAX)
        return error_set(error, ERROR_DATA, path,
                         "has %zu bytes, too many for an image; resize it with another program", length);
    if (image_check(&(struct image_file){bytes, length, path, error}) != 0) return -1;
    const uint8_t *whole = with_whole_palette(bytes, &length);
    if (!whole) return error_set(error, ERROR_RUN, path, "not enough memory for the image");
    errno = 0; /* where the library has no memory to look at a file, it says that it does not know the type */
    image->pixels = stbi_load_from_memory(whole, (int)length, &image->width, &image->height, &image->channels, 0);
    const int number = errno;
    if (whole != bytes) free((void *)(uintptr_t)whole);
    if (image->pixels) return 0;
    *image = (struct image){0};
    /* untaken: where the library finds no memory, the allocator has said so */
    if (number == ENOMEM || strcmp(stbi_failure_reason(), "outofmem") == 0)
        return error_set(error, ERROR_RUN, path, "not enough memory for the image");
    return error_set(error, ERROR_DATA, path,
                     "is a damaged image: its pixels cannot be decoded; save or fetch it again");
}

int image_read(const char *path, struct image *image, struct error *error) {
    char *bytes = NULL;
    size_t length = 0;
    *image = (struct image){0};
    if (file_read(path, IMAGE_FILE_MAX, &bytes, &length, error) != 0) return -1;
    int status = image_decode(bytes, length, path, image, error);
    free(bytes);
    return status;
}

/* Most pictures tell their size in their first bytes; of others, such as those with a preview in front and those that
 * are none, the whole is looked at. */
int image_measure(const char *path, struct image *image, struct error *error) {
    enum { START = 64 << 10 };
    size_t length = 0, size = 0;
    *image = (struct image){0};
    char *bytes = malloc(START);
    if (!bytes) return error_set(error, ERROR_RUN, path, "not enough memory for the image");
    int status = file_read_start(path, bytes, START, &length, &size, error);
    const bool told = status == 0 && stbi_info_from_memory((const stbi_uc *)bytes, (int)length, &image->width,
                                                           &image->height, &image->channels) != 0;
    free(bytes);
    if (status != 0 || told) return status;
    status = image_read(path, image, error);
    free(image->pixels);
    image->pixels = NULL;
    return status;
}

int color_channels(enum data_color color, int channels) {
    return color == COLOR_RGB ? 3 : color == COLOR_GRAYSCALE ? 1 : channels;
}

void color_bytes(enum data_color color, size_t count, int channels, const uint8_t *from, uint8_t *to) {
    size_t step = (size_t)channels;
    if (color == COLOR_AS_IS) {
        memmove(to, from, count * step);
    } else if (color == COLOR_RGB) {
        size_t green = channels > 2 ? 1 : 0, blue = channels > 2 ? 2 : 0;
        for (size_t i = 0; i < count; i++) {
            to[3 * i] = from[i * step];
            to[3 * i + 1] = from[i * step + green];
            to[3 * i + 2] = from[i * step + blue];
        }
    } else if (channels < 3) {
        for (size_t i = 0; i < count; i++) to[i] = from[i * step];
    } else {
        for (size_t i = 0; i < count; i++, from += step)
            to[i] = (uint8_t)((299U * from[0] + 587U * from[1] + 114U * from[2] + 500U) / 1000U);
    }
}

void color_floats(enum data_color color, size_t count, int channels, const float *from, float *to) {
    size_t step = (size_t)channels;
    if (color == COLOR_AS_IS) {
        memmove(to, from, count * step * sizeof *to);
    } else if (color == COLOR_RGB) {
        size_t green = channels > 2 ? 1 : 0, blue = channels > 2 ? 2 : 0;
        for (size_t i = 0; i < count; i++) {
            to[3 * i] = from[i * step];
            to[3 * i + 1] = from[i * step + green];
            to[3 * i + 2] = from[i * step + blue];
        }
    } else if (channels < 3) {
        for (size_t i = 0; i < count; i++) to[i] = from[i * step];
    } else {
        for (size_t i = 0; i < count; i++, from += step) to[i] = 0.299F * from[0] + 0.587F * from[1] + 0.114F * from[2];
    }
}

static int convert_color(struct image *image, enum data_color color, const char *path, struct error *error) {
    int channels = color_channels(color, image->channels);
    size_t count = (size_t)image->height * (size_t)image->width;
    if (channels == image->channels) return 0;
    if (channels < image->channels) { /* each pixel's place is at or before where it was: a large picture stays one */
        color_bytes(color, count, image->channels, image->pixels, image->pixels);
        image->channels = channels;
        return 0;
    }
    uint8_t *pixels = malloc(count * (size_t)channels);
    if (!pixels) return error_set(error, ERROR_RUN, path, "not enough memory for the image");
    color_bytes(color, count, image->channels, image->pixels, pixels);
    free(image->pixels);
    image->pixels = pixels;
    image->channels = channels;
    return 0;
}

static int convert_size(struct image *image, const int resize[2], const char *path, struct error *error) {
    if (resize[0] == 0 || (resize[0] == image->height && resize[1] == image->width)) return 0;
    struct resampler resampler;
    const int from[2] = {image->height, image->width};
    if (resampler_open(&resampler, from, resize, image->channels, error) != 0) return -1;
    uint8_t *pixels = malloc((size_t)resize[0] * (size_t)resize[1] * (size_t)image->channels);
    if (pixels) resample_bytes(&resampler, image->pixels, pixels);
    resampler_close(&resampler);
    if (!pixels) return error_set(error, ERROR_RUN, path, "not enough memory for the image");
    free(image->pixels);
    *image = (struct image){resize[0], resize[1], image->channels, pixels};
    return 0;
}

int image_convert(struct image *image, enum data_color color, const int resize[2], const char *path,
                  struct error *error) {
    /* Gray that is repeated is the same before and after, and less of it when the picture is small. */
    const bool repeats = color_channels(color, image->channels) > image->channels;
    /* untaken: without repeating it needs no memory */
    if (!repeats && convert_color(image, color, path, error) != 0) return -1;
    if (convert_size(image, resize, path, error) != 0) return -1;
    return convert_color(image, color, path, error);
}
