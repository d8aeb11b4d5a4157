/* Pictures that are cut off, damaged, or lie about what they hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/file.h"
#include "data/image.h"
#include "tests/support/data_room.h"

#define ALLOWED "1 to 32768 a side and 67108864 in all are read, so resize it with another program"

/* The picture with the bytes at `at` replaced is refused with this message. */
static void expect_refused_with(const char *bytes, size_t length, size_t at, const char *with, size_t count,
                                const char *message) {
    struct image image;
    struct error error = {0};
    char expected[1024], *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    if (count) memcpy(copy + at, with, count);
    assert_int_equal(image_decode(copy, length, "picture", &image, &error), -1);
    snprintf(expected, sizeof expected, "picture: %s", message);
    expect_error(&error, ERROR_DATA, expected);
    free(copy);
}

static void expect_refused(const char *bytes, size_t length, const char *message) {
    expect_refused_with(bytes, length, 0, NULL, 0, message);
}

static void expect_read(const char *bytes, size_t length) {
    struct image image;
    struct error error = {0};
    assert_int_equal(image_decode(bytes, length, "picture", &image, &error), 0);
    image_free(&image);
}

static char *read_seed(const char *name, size_t *length) {
    struct error error = {0};
    char path[128], *bytes = NULL;
    snprintf(path, sizeof path, "tests/fuzz/seeds/image/%s", name);
    file_read(path, 1 << 20, &bytes, length, &error);
    expect_no_error(&error);
    return bytes;
}

#define DAMAGED(format, what) "is a damaged " format " image: " what "; save or fetch it again"
#define TRUNCATED(format, where) "is a truncated " format " image: it ends " where "; save or fetch it again"

static void test_other_formats(void **state) {
    (void)state;
    expect_refused("", 0, "is empty; a PNG, JPEG or BMP image was expected");
    expect_refused("GIF89a", 6, "is an image of the format GIF; convert it to PNG, JPEG or BMP");
    expect_refused("RIFF\0\0\0\0WEBP", 12, "is an image of the format WebP; convert it to PNG, JPEG or BMP");
    expect_refused("II*\0", 4, "is an image of the format TIFF; convert it to PNG, JPEG or BMP");
    expect_refused("\0\0\0 ftypavif", 12, "is an image of the format AVIF or HEIC; convert it to PNG, JPEG or BMP");
    expect_refused("B", 1, "is no PNG, JPEG or BMP image; convert it to one of these");
    expect_refused("<svg/>", 6, "is no PNG, JPEG or BMP image; convert it to one of these");
}

/* ---- PNG ---- */

/* A PNG of chunks given as "IHDR" with their data; their checksums fit. */
struct png {
    char bytes[4096];
    size_t length;
};

static void put_word(struct png *png, unsigned long value) {
    for (int shift = 24; shift >= 0; shift -= 8) png->bytes[png->length++] = (char)(value >> shift & 255);
}

static void put_chunk(struct png *png, const char *type, const void *data, size_t length) {
    put_word(png, length);
    char *start = png->bytes + png->length;
    memcpy(start, type, 4);
    if (length) memcpy(start + 4, data, length);
    png->length += 4 + length;
    put_word(png, crc32(0, (const Bytef *)start, (uInt)(4 + length)));
}

/* `methods`: compression, filter, interlace. */
static struct png png_start_as(unsigned long width, unsigned long height, int depth, int color, const char methods[3]) {
    struct png png = {.bytes = "\x89PNG\r\n\x1a\n", .length = 8};
    struct png header = {.length = 0};
    put_word(&header, width);
    put_word(&header, height);
    const char rest[] = {(char)depth, (char)color, methods[0], methods[1], methods[2]};
    memcpy(header.bytes + 8, rest, 5);
    put_chunk(&png, "IHDR", header.bytes, 13);
    return png;
}

static struct png png_start(unsigned long width, unsigned long height, int depth, int color) {
    return png_start_as(width, height, depth, color, "\0\0\0");
}

static void put_pixels(struct png *png, size_t length) {
    unsigned char plain[512] = {0}, packed[600];
    uLongf size = sizeof packed;
    assert_int_equal(compress(packed, &size, plain, length), Z_OK);
    put_chunk(png, "IDAT", packed, size);
}

static void test_png(void **state) {
    (void)state;
    struct png png = png_start(3, 2, 8, 0);
    put_pixels(&png, 8);
    size_t without_end = png.length;
    put_chunk(&png, "IEND", "", 0);
    expect_read(png.bytes, png.length);
    expect_refused(png.bytes, without_end, TRUNCATED("PNG", "without an IEND chunk"));
    expect_refused(png.bytes, without_end - 1, TRUNCATED("PNG", "within the chunk at byte 33"));
    expect_refused(png.bytes, 9, TRUNCATED("PNG", "within the chunk at byte 8"));
    expect_refused_with(png.bytes, png.length, 45, "x", 1,
                        DAMAGED("PNG", "the checksum of the chunk at byte 33 does not fit"));
    expect_refused_with(png.bytes, png.length, 33, "\xff\xff\xff\xff", 4,
                        TRUNCATED("PNG", "within the chunk at byte 33"));
    expect_refused_with(png.bytes, png.length, 12, "IDAT", 4,
                        DAMAGED("PNG", "the checksum of the chunk at byte 8 does not fit"));
}

static void expect_png_refused(struct png png, size_t pixels, const char *message) {
    if (pixels) put_pixels(&png, pixels);
    put_chunk(&png, "IEND", "", 0);
    expect_refused(png.bytes, png.length, message);
}

static void test_png_content(void **state) {
    (void)state;
    expect_png_refused(png_start(3, 2, 8, 0), 7, DAMAGED("PNG", "it holds fewer pixels than its header says"));
    expect_png_refused(png_start(3, 2, 8, 0), 9, DAMAGED("PNG", "it holds more pixels than its header says"));
    expect_png_refused(png_start(3, 2, 8, 0), 0, DAMAGED("PNG", "it holds fewer pixels than its header says"));
    expect_png_refused(png_start(3, 2, 3, 0), 8,
                       DAMAGED("PNG", "its header has a color type, depth or method that does not exist"));
    expect_png_refused(png_start(3, 2, 4, 2), 8,
                       DAMAGED("PNG", "its header has a color type, depth or method that does not exist"));
    expect_png_refused(png_start(3, 2, 8, 5), 8,
                       DAMAGED("PNG", "its header has a color type, depth or method that does not exist"));
    expect_png_refused(png_start(3, 2, 8, 3), 8, DAMAGED("PNG", "its palette is missing"));
    expect_png_refused(png_start(0, 2, 8, 0), 8,
                       "has 0 x 2 pixels (width x height); 1 to 32768 a side and 67108864 in all are read, so resize "
                       "it with another program");
    expect_png_refused(png_start(100000, 1, 8, 0), 8,
                       "has 100000 x 1 pixels (width x height); 1 to 32768 a side and 67108864 in all are read, so "
                       "resize it with another program");
    expect_png_refused(png_start(32768, 2049, 8, 0), 8, "has 32768 x 2049 pixels (width x height); " ALLOWED);
    expect_png_refused(
        png_start(8192, 8192, 16, 6), 8,
        "has 8192 x 8192 pixels with 16 bits a channel, 512 MB; at most 256 MB are read, so save it with "
        "8 bits");
    struct png palette = png_start(3, 2, 8, 3);
    put_chunk(&palette, "PLTE", "abcd", 4);
    expect_png_refused(palette, 8, DAMAGED("PNG", "its palette is out of place or of a wrong size"));
    struct png packed = png_start(3, 2, 8, 0);
    put_chunk(&packed, "IDAT", "not deflated", 12);
    expect_png_refused(packed, 0, DAMAGED("PNG", "its pixels cannot be decompressed"));
    struct png headless = {.bytes = "\x89PNG\r\n\x1a\n", .length = 8};
    put_chunk(&headless, "IEND", "", 0);
    expect_refused(headless.bytes, headless.length, DAMAGED("PNG", "it does not begin with an IHDR chunk of 13 bytes"));
}

static void test_png_headers(void **state) {
    (void)state;
    static const char wrong[] = DAMAGED("PNG", "its header has a color type, depth or method that does not exist");
    expect_png_refused(png_start(3, 2, 8, 7), 8, wrong);
    expect_png_refused(png_start(3, 2, 16, 3), 8, wrong);
    expect_png_refused(png_start_as(3, 2, 8, 0, "\1\0\0"), 8, wrong);
    expect_png_refused(png_start_as(3, 2, 8, 0, "\0\1\0"), 8, wrong);
    expect_png_refused(png_start_as(3, 2, 8, 0, "\0\0\2"), 8, wrong);
    struct png cut = {.bytes = "\x89PNG\r\n\x1a\n", .length = 8};
    put_chunk(&cut, "IHDR", "\0\0\0\3\0\0\0\2\10\0\0\0", 12);
    expect_png_refused(cut, 8, DAMAGED("PNG", "it does not begin with an IHDR chunk of 13 bytes"));
    /* Interlaced: of a pixel there is one pass, of 3 x 2 there are four. */
    struct png pixel = png_start_as(1, 1, 8, 0, "\0\0\1"), few = png_start_as(3, 2, 8, 0, "\0\0\1");
    put_pixels(&pixel, 2);
    put_chunk(&pixel, "IEND", "", 0);
    expect_read(pixel.bytes, pixel.length);
    put_pixels(&few, 2 + 2 + 2 + 4);
    put_chunk(&few, "IEND", "", 0);
    expect_read(few.bytes, few.length);
}

/* Pixels in several chunks, as large pictures have them. */
static void test_png_parts(void **state) {
    (void)state;
    unsigned char plain[8] = {0}, packed[64];
    uLongf size = sizeof packed;
    assert_int_equal(compress(packed, &size, plain, sizeof plain), Z_OK);
    struct png png = png_start(3, 2, 8, 0), cut = png, empty = png;
    put_chunk(&png, "IDAT", packed, 4);
    put_chunk(&png, "IDAT", "", 0);
    put_chunk(&png, "IDAT", packed + 4, size - 4);
    put_chunk(&png, "IDAT", "", 0);
    put_chunk(&png, "IEND", "", 0);
    expect_read(png.bytes, png.length);
    put_chunk(&empty, "IDAT", "", 0);
    put_chunk(&empty, "IDAT", packed, size);
    expect_png_refused(empty, 0, DAMAGED("PNG", "its pixels cannot be decompressed"));
    put_chunk(&cut, "IDAT", packed, size - 4);
    expect_png_refused(cut, 0, DAMAGED("PNG", "it holds fewer pixels than its header says"));
}

/* More pixels than are inflated at once, in two chunks cut at any place. */
static void test_png_cuts(void **state) {
    (void)state;
    enum { SIDE = 200 };
    unsigned char *plain = calloc(SIDE + 1, SIDE), packed[512];
    uLongf size = sizeof packed;
    assert_int_equal(compress(packed, &size, plain, (SIDE + 1) * SIDE), Z_OK);
    for (size_t cut = 1; cut < size; cut++) {
        struct png png = png_start(SIDE, SIDE, 8, 0);
        put_chunk(&png, "IDAT", packed, cut);
        put_chunk(&png, "IDAT", packed + cut, size - cut);
        put_chunk(&png, "IEND", "", 0);
        expect_read(png.bytes, png.length);
    }
    free(plain);
}

static void test_png_palettes(void **state) {
    (void)state;
    static const char wrong[] = DAMAGED("PNG", "its palette is out of place or of a wrong size");
    static const char colors[3 * 257];
    struct png none = png_start(3, 2, 8, 3), many = none, two = none, late = png_start(3, 2, 8, 0);
    put_chunk(&none, "PLTE", "", 0);
    expect_png_refused(none, 8, wrong);
    put_chunk(&many, "PLTE", colors, sizeof colors);
    expect_png_refused(many, 8, wrong);
    put_chunk(&two, "PLTE", colors, 3);
    put_chunk(&two, "PLTE", colors, 3);
    expect_png_refused(two, 8, wrong);
    put_pixels(&late, 8);
    put_chunk(&late, "PLTE", colors, 3);
    expect_png_refused(late, 0, wrong);
}

/* Colors that the palette lacks are black, whatever stood in memory. */
static void test_png_short_palette(void **state) {
    (void)state;
    struct png png = png_start(2, 1, 8, 3);
    unsigned char plain[] = {0, 0, 200}, packed[64];
    uLongf size = sizeof packed;
    put_chunk(&png, "PLTE", "\x11\x22\x33", 3);
    assert_int_equal(compress(packed, &size, plain, sizeof plain), Z_OK);
    put_chunk(&png, "IDAT", packed, size);
    put_chunk(&png, "IEND", "", 0);
    struct image image;
    struct error error = {0};
    assert_int_equal(image_decode(png.bytes, png.length, "picture", &image, &error), 0);
    assert_int_equal(image.channels, 3);
    assert_memory_equal(image.pixels, ((const uint8_t[]){0x11, 0x22, 0x33, 0, 0, 0}), 6);
    image_free(&image);
}

/* A picture of one pixel that inflates to as much as one wants. */
static void test_png_bomb(void **state) {
    (void)state;
    enum { INFLATED = 64 << 20, ROOM = 1 << 17 };
    struct png png = png_start(1, 1, 8, 0), end = {.length = 0};
    unsigned char *plain = calloc(1, INFLATED), *packed = malloc(ROOM);
    char *whole = malloc(2 * ROOM);
    uLongf size = ROOM;
    assert_true(plain && packed && whole);
    assert_int_equal(compress(packed, &size, plain, INFLATED), Z_OK);
    memcpy(whole, png.bytes, png.length);
    put_word(&end, size);
    memcpy(whole + png.length, end.bytes, 4);
    memcpy(whole + png.length + 4, "IDAT", 4);
    memcpy(whole + png.length + 8, packed, size);
    end.length = 0;
    put_word(&end, crc32(0, (const Bytef *)whole + png.length + 4, (uInt)size + 4));
    memcpy(whole + png.length + 8 + size, end.bytes, 4);
    expect_refused(whole, png.length + 12 + size, DAMAGED("PNG", "it holds more pixels than its header says"));
    free(whole);
    free(packed);
    free(plain);
}

/* ---- JPEG ---- */

static void test_jpeg(void **state) {
    (void)state;
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    file_read("tests/golden/images/slope.jpg", 1 << 20, &bytes, &length, &error);
    expect_no_error(&error);
    expect_read(bytes, length);
    expect_refused(bytes, length - 2, TRUNCATED("JPEG", "without its end marker"));
    expect_refused(bytes, length / 2, TRUNCATED("JPEG", "within the segment at byte 173"));
    expect_refused(bytes, 3, TRUNCATED("JPEG", "without its end marker"));
    expect_refused("\xff\xd8\xff\xd9", 4, DAMAGED("JPEG", "it holds no picture"));
    expect_refused("\xff\xd8\xff\xe0\0\2xx", 8, DAMAGED("JPEG", "no marker stands at byte 6"));
    expect_refused("\xff\xd8\xff\xe0\0\1xx", 8, DAMAGED("JPEG", "a segment is shorter than its own length"));
    free(bytes);
}

/* Frames, tables and scans, each in a file of its own behind the start marker. */
static void test_jpeg_segments(void **state) {
    (void)state;
#define START "\xff\xd8"
#define FRAME "\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0"
#define REFUSE(bytes, message) expect_refused(bytes, sizeof(bytes) - 1, message)
    REFUSE(START "\xff\xc0\0\x0b\x08\xff\xff\0\1\1\1\x11\0",
           "has 1 x 65535 pixels (width x height); 1 to 32768 a side and 67108864 in all are read, so resize it with "
           "another program");
    REFUSE(START "\xff\xc0\0\x0b\x08\x20\0\x20\1\1\1\x11\0", "has 8193 x 8192 pixels (width x height); " ALLOWED);
    /* A few bytes do not stand for 64 million pixels. */
    REFUSE(START "\xff\xc0\0\x0b\x08\x20\0\x20\0\1\1\x11\0\xff\xda\0\x08\1\1\0\0\x3f\0"
                 "0123456789\xff\xd9",
           DAMAGED("JPEG", "it holds too few bytes for so many pixels"));
    REFUSE(START "\xff\xc0\0\x0b\x0c\0\1\0\1\1\1\x11\0",
           "is a JPEG image of 1 channel with 12 bits; save it with 1 or 3 channels of 8 bits");
    REFUSE(START "\xff\xc9\0\x0b\x08\0\1\0\1\1\1\x11\0",
           "is a JPEG image of a kind that is not read (lossless, hierarchical or arithmetic); save it as baseline or "
           "progressive JPEG");
    REFUSE(START "\xff\xc0\0\x0a\x08\0\1\0\1\1\1\x11", DAMAGED("JPEG", "its frame header has a wrong length"));
    REFUSE(START FRAME FRAME, DAMAGED("JPEG", "it has two frames"));
    REFUSE(START "\xff\xda\0\x08\1\1\0\0\x3f\0", DAMAGED("JPEG", "the header of a scan is wrong"));
    REFUSE(START FRAME "\xff\xda\0\x08\2\1\0\0\x3f\0", DAMAGED("JPEG", "the header of a scan is wrong"));
    REFUSE(START FRAME "\xff\xda\0\x08\1\2\0\0\x3f\0\xff\0\xff\xd0\xff\xd9", DAMAGED("JPEG", "a channel is missing"));
    REFUSE(START "\xff\xc4\0\x05\0\0\0", DAMAGED("JPEG", "a Huffman table is cut off"));
    REFUSE(START "\xff\xc4\0\x14\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0z",
           DAMAGED("JPEG", "a Huffman table has too many codes"));
    REFUSE(START "\xff\xff\xff\xd9", DAMAGED("JPEG", "it holds no picture"));
    REFUSE(START "\xff\xd8\xff\x01\xff\xd0\xff\xd7\xff\xd9", DAMAGED("JPEG", "it holds no picture"));
    REFUSE(START "\xff\xc8\0\3x\xff\xd9", DAMAGED("JPEG", "it holds no picture"));
    REFUSE(START "\xff\xc0\0\x07\x08\0\1\0\1", DAMAGED("JPEG", "its frame header has a wrong length"));
    REFUSE(START "\xff\xc0\0\x0e\x08\0\1\0\1\2\1\x11\0\2\x11\0",
           "is a JPEG image of 2 channels with 8 bits; save it with 1 or 3 channels of 8 bits");
    REFUSE(START "\xff\xc0\0\x11\x08\0\1\0\1\3\1\x11\0\2\x11\0\3\x11\0\xff\xd9",
           DAMAGED("JPEG", "it holds no picture"));
    REFUSE(START "\xff\xc0\0\x14\x08\0\1\0\1\4\1\x11\0\2\x11\0\3\x11\0\4\x11\0\xff\xd9",
           DAMAGED("JPEG", "it holds no picture"));
    REFUSE(START FRAME "\xff\xda\0\x02", DAMAGED("JPEG", "the header of a scan is wrong"));
    REFUSE(START FRAME "\xff\xda\0\x08\0\1\0\0\x3f\0", DAMAGED("JPEG", "the header of a scan is wrong"));
    REFUSE(START FRAME "\xff\xda\0\x09\1\1\0\0\x3f\0\0", DAMAGED("JPEG", "the header of a scan is wrong"));
    REFUSE(START "\xff\xc4\x02\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff",
           TRUNCATED("JPEG", "within the segment at byte 2"));
    REFUSE(START "\xff\xc4\0\x13\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff",
           DAMAGED("JPEG", "a Huffman table has more codes than values"));
    REFUSE(START "\xff\xc4\0\x14\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0z",
           DAMAGED("JPEG", "a Huffman table has more codes than values"));
    char many[15 + 101 * 10] = START FRAME;
    for (size_t at = 15; at < sizeof many; at += 10) memcpy(many + at, "\xff\xda\0\x08\1\1\0\0\x3f\0", 10);
    expect_refused(many, sizeof many, "has more than 100 scans; save it again");
}

/* ---- BMP ---- */

static void test_bmp(void **state) {
    (void)state;
    size_t length = 0;
    char *bytes = read_seed("bmp_24", &length);
    expect_read(bytes, length);
    expect_refused(bytes, length - 2, TRUNCATED("BMP", "before its last pixel"));
    expect_refused(bytes, 16, TRUNCATED("BMP", "within its header"));
    expect_refused(bytes, 40, TRUNCATED("BMP", "within its header"));
    expect_refused_with(bytes, length, 10, "\0\0\0\x7f", 4, TRUNCATED("BMP", "before its last pixel"));
    expect_refused_with(bytes, length, 10, "\x20", 1, DAMAGED("BMP", "its pixels would begin within its header"));
    expect_refused_with(
        bytes, length, 22, "\0\0\0\x80", 4,
        "has 5 x 2147483648 pixels (width x height); 1 to 32768 a side and 67108864 in all are read, so resize it with "
        "another program");
    expect_refused_with(
        bytes, length, 28, "\7", 1,
        "is a BMP image of a kind that is not read (header of 40 bytes, 7 bits a pixel, compression 0); "
        "save it as PNG or as an uncompressed BMP");
    free(bytes);
}

static void test_bmp_palette_and_masks(void **state) {
    (void)state;
    size_t length = 0;
    char *bytes = read_seed("bmp_8", &length);
    expect_refused(bytes, length, DAMAGED("BMP", "a pixel has a color that its palette lacks"));
    memset(bytes + length - 24, 3, 24);
    expect_read(bytes, length);
    expect_refused_with(bytes, length, 10, "\x36", 1, DAMAGED("BMP", "it has no palette of 1 to 256 colors"));
    free(bytes);
    bytes = read_seed("bmp_masks", &length);
    expect_read(bytes, length);
    expect_refused_with(bytes, length, 54, "\1\0\1\0", 4, DAMAGED("BMP", "its color masks are not usable"));
    expect_refused_with(bytes, length, 54, "\0\xff\0\0", 4, DAMAGED("BMP", "its color masks are not usable"));
    expect_refused_with(bytes, length, 54, "\0\0\0\0", 4, DAMAGED("BMP", "its color masks are not usable"));
    expect_refused(bytes, 60, TRUNCATED("BMP", "within its header"));
    static const char unusable[] = DAMAGED("BMP", "its color masks are not usable");
    static const char *const masks[] = {
        "\xff\1\0\0\0\0\xff\0\0\0\0\xff", /* red has nine bits */
        "\0\0\xff\0\0\5\0\0\xff\0\0\0",   /* green has a gap */
        "\0\0\xff\0\0\xff\0\0\5\0\0\0",   /* blue has one */
        "\0\0\xff\0\xff\0\0\0\0\0\xff\0", /* red is blue */
        "\0\0\xff\0\xff\0\0\0\xff\0\0\0", /* green is blue */
    };
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        expect_refused_with(bytes, length, 54, masks[i], 12, unusable);
    expect_refused_with(bytes, length, 28, "\x18", 1,
                        "is a BMP image of a kind that is not read (header of 40 bytes, 24 bits a pixel, compression "
                        "3); save it as PNG or as an uncompressed BMP");
    expect_refused_with(bytes, length, 14, "\x0c", 1,
                        "is a BMP image of a kind that is not read (header of 12 bytes, 0 bits a pixel, compression "
                        "0); save it as PNG or as an uncompressed BMP");
    free(bytes);
}

static void put_little(char *bytes, size_t at, uint32_t value) {
    for (int i = 0; i < 4; i++) bytes[at + (size_t)i] = (char)(value >> 8 * i & 255);
}

/* Headers of the later versions, of one pixel with masks, the last of which is alpha's. */
static void test_bmp_headers(void **state) {
    (void)state;
    static const uint32_t sizes[] = {108, 124};
    for (int i = 0; i < 2; i++) {
        char bytes[14 + 124 + 4] = "BM";
        const size_t length = 14 + sizes[i] + 4;
        put_little(bytes, 10, 14 + sizes[i]);
        put_little(bytes, 14, sizes[i]);
        put_little(bytes, 18, 1);
        put_little(bytes, 22, 1);
        bytes[26] = 1;
        bytes[28] = 32;
        put_little(bytes, 30, 3);
        for (size_t mask = 0; mask < 4; mask++) put_little(bytes, 54 + 4 * mask, 255U << 8 * mask);
        expect_read(bytes, length);
        expect_refused_with(bytes, length, 66, "\0\0\0\5", 4, DAMAGED("BMP", "its color masks are not usable"));
        expect_refused_with(bytes, length, 66, "\xff\0\0\0", 4, DAMAGED("BMP", "its color masks are not usable"));
    }
    char many[54 + 4 * 257 + 4] = "BM";
    put_little(many, 10, 54 + 4 * 257);
    put_little(many, 14, 40);
    put_little(many, 18, 1);
    put_little(many, 22, 1);
    many[26] = 1;
    many[28] = 8;
    expect_refused(many, sizeof many, DAMAGED("BMP", "it has no palette of 1 to 256 colors"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_formats),         cmocka_unit_test(test_png),
        cmocka_unit_test(test_png_content),           cmocka_unit_test(test_png_bomb),
        cmocka_unit_test(test_png_short_palette),     cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_jpeg_segments),         cmocka_unit_test(test_bmp),
        cmocka_unit_test(test_bmp_palette_and_masks), cmocka_unit_test(test_bmp_headers),
        cmocka_unit_test(test_png_headers),           cmocka_unit_test(test_png_parts),
        cmocka_unit_test(test_png_palettes),          cmocka_unit_test(test_png_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
