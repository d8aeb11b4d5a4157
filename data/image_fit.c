#include "data/image_fit.h"

#include <stdlib.h>
#include <string.h>

bool image_fit_find(const char *name, enum image_fit *fit) {
    static const char *const names[] = {[IMAGE_STRETCH] = "stretch", [IMAGE_CROP] = "crop", [IMAGE_FIT] = "fit"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *fit = (enum image_fit)i;
        return true;
    }
    return false;
}

/* `value` * to / from, rounded to the nearest, 1 to `most`. */
static int scale(int value, int to, int from, int most) {
    const long long scaled = (2LL * value * to + from) / (2LL * from);
    return scaled < 1 ? 1 : scaled > most ? most : (int)scaled;
}

/* The picture's part of (height, width) from (top, left) on, in place. */
static void cut(struct image *image, int top, int left, int height, int width) {
    const size_t channels = (size_t)image->channels, line = (size_t)width * channels;
    const size_t whole = (size_t)image->width * channels;
    for (int y = 0; y < height; y++)
        memmove(image->pixels + (size_t)y * line, image->pixels + (size_t)(top + y) * whole + (size_t)left * channels,
                line);
    image->height = height;
    image->width = width;
}

/* The middle of the picture in the proportion of `size`. */
static void crop(struct image *image, const int size[2]) {
    const bool is_wide = (long long)image->width * size[0] > (long long)image->height * size[1];
    const int height = is_wide ? image->height : scale(image->width, size[0], size[1], image->height);
    const int width = is_wide ? scale(image->height, size[1], size[0], image->width) : image->width;
    cut(image, (image->height - height) / 2, (image->width - width) / 2, height, width);
}

/* Black around the picture, which has at most `size`. */
static int pad(struct image *image, const int size[2], const char *path, struct error *error) {
    const size_t channels = (size_t)image->channels, line = (size_t)image->width * channels;
    const size_t top = (size_t)(size[0] - image->height) / 2, left = (size_t)(size[1] - image->width) / 2;
    uint8_t *pixels = calloc((size_t)size[0] * (size_t)size[1], channels);
    if (!pixels) return error_set(error, ERROR_RUN, path, "not enough memory for the image");
    for (size_t y = 0; y < (size_t)image->height; y++)
        memcpy(pixels + ((top + y) * (size_t)size[1] + left) * channels, image->pixels + y * line, line);
    free(image->pixels);
    *image = (struct image){size[0], size[1], image->channels, pixels};
    return 0;
}

int image_fit(struct image *image, enum data_color color, const int size[2], enum image_fit fit, const char *path,
              struct error *error) {
    if (fit == IMAGE_CROP) crop(image, size);
    if (fit != IMAGE_FIT) return image_convert(image, color, size, path, error);
    const bool is_wide = (long long)image->width * size[0] > (long long)image->height * size[1];
    const int inner[2] = {is_wide ? scale(image->height, size[1], image->width, size[0]) : size[0],
                          is_wide ? size[1] : scale(image->width, size[0], image->height, size[1])};
    if (image_convert(image, color, inner, path, error) != 0) return -1;
    return pad(image, size, path, error);
}
