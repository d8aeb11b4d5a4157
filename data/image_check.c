#include "data/image_check.h"

#include <string.h>

int image_damaged(const struct image_file *file, const char *format, const char *what) {
    return error_set(file->error, ERROR_DATA, file->path, "is a damaged %s image: %s; save or fetch it again", format,
                     what);
}

int image_truncated(const struct image_file *file, const char *format, const char *where) {
    return error_set(file->error, ERROR_DATA, file->path, "is a truncated %s image: it ends %s; save or fetch it again",
                     format, where);
}

int image_check_sides(const struct image_file *file, int64_t width, int64_t height) {
    const bool sides = width >= 1 && height >= 1 && width <= IMAGE_SIDE_MAX && height <= IMAGE_SIDE_MAX;
    if (sides && width * height <= IMAGE_PIXELS_MAX) return 0;
    return error_set(file->error, ERROR_DATA, file->path,
                     "has %lld x %lld pixels (width x height); 1 to %d a side and %d in all are read, so resize it "
                     "with another program",
                     (long long)width, (long long)height, IMAGE_SIDE_MAX, IMAGE_PIXELS_MAX);
}

/* How a file of a format begins, at byte `at`. */
struct format {
    const char *name, *start;
    size_t length, at;
    int (*check)(const struct image_file *file); /* NULL: not read */
};

static const struct format formats[] = {
    {"PNG", "\x89PNG\r\n\x1a\n", 8, 0, image_check_png},
    {"JPEG", "\xff\xd8\xff", 3, 0, image_check_jpeg},
    {"BMP", "BM", 2, 0, image_check_bmp},
    {"GIF", "GIF8", 4, 0, NULL},
    {"WebP", "WEBP", 4, 8, NULL},
    {"TIFF", "II*\0", 4, 0, NULL},
    {"TIFF", "MM\0*", 4, 0, NULL},
    {"AVIF or HEIC", "ftyp", 4, 4, NULL},
    {"Photoshop", "8BPS", 4, 0, NULL},
};

int image_check(const struct image_file *file) {
    if (file->length == 0)
        return error_set(file->error, ERROR_DATA, file->path, "is empty; a PNG, JPEG or BMP image was expected");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct format *format = &formats[i];
        if (file->length < format->at + format->length ||
            memcmp(file->bytes + format->at, format->start, format->length) != 0)
            continue;
        if (format->check) return format->check(file);
        return error_set(file->error, ERROR_DATA, file->path,
                         "is an image of the format %s; convert it to PNG, JPEG or BMP", format->name);
    }
    return error_set(file->error, ERROR_DATA, file->path, "is no PNG, JPEG or BMP image; convert it to one of these");
}
