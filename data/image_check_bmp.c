#include "data/image_check.h"

static const char name[] = "BMP";

enum { FILE_HEADER = 14, PLAIN_HEADER = 40, V4_HEADER = 108, V5_HEADER = 124, MASKS_AT = 54, MASKS_SIZE = 12 };
enum { STORED_PLAIN = 0, STORED_BY_MASKS = 3 };

struct bmp {
    int64_t width, height; /* height without its sign */
    uint32_t header, bits, storage;
    size_t pixels_at, row; /* bytes of a row, padded to four */
    size_t colors;         /* of the palette */
};

static uint32_t word(const struct image_file *file, size_t at, int bytes) {
    uint32_t value = 0;
    for (int i = bytes; i-- > 0;) value = value << 8 | file->bytes[at + (size_t)i];
    return value;
}

static bool is_run(uint32_t mask) {
    if (mask == 0) return false;
    uint32_t ones = mask >> __builtin_ctz(mask);
    return (ones & (ones + 1)) == 0 && ones <= 255;
}

/* Red, green and blue each a run of at most eight bits, apart from each other; an alpha mask, where there is one, too.
 */
static int check_masks(const struct image_file *file, const struct bmp *bmp) {
    uint32_t red = word(file, MASKS_AT, 4), green = word(file, MASKS_AT + 4, 4), blue = word(file, MASKS_AT + 8, 4);
    uint32_t alpha = bmp->header == PLAIN_HEADER ? 0 : word(file, MASKS_AT + 12, 4);
    bool runs = is_run(red) && is_run(green) && is_run(blue) && (alpha == 0 || is_run(alpha));
    bool apart = !(red & green) && !(red & blue) && !(green & blue) && !(alpha & (red | green | blue));
    return runs && apart ? 0 : image_damaged(file, name, "its color masks are not usable");
}

static int check_kind(const struct image_file *file, const struct bmp *bmp) {
    bool plain = bmp->bits == 1 || bmp->bits == 4 || bmp->bits == 8 || bmp->bits == 24;
    bool direct = bmp->bits == 16 || bmp->bits == 32;
    bool known = bmp->header == PLAIN_HEADER || bmp->header == V4_HEADER || bmp->header == V5_HEADER;
    if (known && bmp->storage == STORED_PLAIN && (plain || direct)) return 0;
    if (known && bmp->storage == STORED_BY_MASKS && direct) return 0;
    return error_set(file->error, ERROR_DATA, file->path,
                     "is a BMP image of a kind that is not read (header of %lu bytes, %lu bits a pixel, compression "
                     "%lu); save it as PNG or as an uncompressed BMP",
                     (unsigned long)bmp->header, (unsigned long)bmp->bits, (unsigned long)bmp->storage);
}

static int read_header(const struct image_file *file, struct bmp *bmp) {
    if (file->length < FILE_HEADER + 4) return image_truncated(file, name, "within its header");
    *bmp = (struct bmp){.pixels_at = word(file, 10, 4), .header = word(file, 14, 4)};
    size_t end = FILE_HEADER + (size_t)bmp->header;
    if (bmp->header >= PLAIN_HEADER) {
        if (file->length < MASKS_AT || file->length < end) return image_truncated(file, name, "within its header");
        bmp->width = (int32_t)word(file, 18, 4);
        bmp->height = (int32_t)word(file, 22, 4);
        bmp->bits = word(file, 28, 2);
        bmp->storage = word(file, 30, 4);
    }
    if (check_kind(file, bmp) != 0) return -1;
    if (bmp->height < 0) bmp->height = -bmp->height;
    if (image_check_sides(file, bmp->width, bmp->height) != 0) return -1;
    if (bmp->header == PLAIN_HEADER && bmp->storage == STORED_BY_MASKS) end += MASKS_SIZE;
    if (file->length < end) return image_truncated(file, name, "within its header");
    if (bmp->storage == STORED_BY_MASKS && check_masks(file, bmp) != 0) return -1;
    if (bmp->pixels_at < end) return image_damaged(file, name, "its pixels would begin within its header");
    bmp->colors = (bmp->pixels_at - end) / 4;
    bmp->row = ((size_t)bmp->width * bmp->bits + 31) / 32 * 4;
    return 0;
}

/* Every pixel names a color that the palette has. */
static int check_palette(const struct image_file *file, const struct bmp *bmp) {
    const uint32_t per_byte = 8 / bmp->bits, mask = (1U << bmp->bits) - 1;
    if (bmp->colors < 1 || bmp->colors > 256) return image_damaged(file, name, "it has no palette of 1 to 256 colors");
    for (int64_t y = 0; y < bmp->height && bmp->colors <= mask; y++) {
        const uint8_t *row = file->bytes + bmp->pixels_at + (size_t)y * bmp->row;
        for (size_t x = 0; x < (size_t)bmp->width; x++) {
            uint32_t shift = bmp->bits * (per_byte - 1 - (uint32_t)(x % per_byte));
            if (((uint32_t)row[x / per_byte] >> shift & mask) >= bmp->colors)
                return image_damaged(file, name, "a pixel has a color that its palette lacks");
        }
    }
    return 0;
}

int image_check_bmp(const struct image_file *file) {
    struct bmp bmp = {0};
    if (read_header(file, &bmp) != 0) return -1;
    size_t bytes = bmp.row * (size_t)(bmp.height - 1) + ((size_t)bmp.width * bmp.bits + 7) / 8;
    if (bmp.pixels_at > file->length || bytes > file->length - bmp.pixels_at)
        return image_truncated(file, name, "before its last pixel");
    return bmp.bits <= 8 ? check_palette(file, &bmp) : 0;
}
