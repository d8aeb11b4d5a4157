#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "data/image_check.h"

static const char name[] = "PNG";

enum {
    SIGNATURE = 8,
    CHUNK_EXTRA = 12,
    HEADER_SIZE = 13,
    BLOCK_SIZE = 1 << 14,
    BYTES_MAX = (256 << 20) + 4 * IMAGE_SIDE_MAX /* each row with its filter */
};
enum { COLOR_GRAY = 0, COLOR_RGB_ = 2, COLOR_PALETTE = 3, COLOR_GRAY_ALPHA = 4, COLOR_RGB_ALPHA = 6 };

struct png {
    uint32_t width, height;
    int depth, color, interlace;
    bool has_palette, has_pixels, ended;
    uint64_t expected, inflated; /* bytes of pixels with their filters */
    z_stream stream;
    bool stream_ended;
};

struct chunk {
    char type[5];
    const uint8_t *data;
    size_t length, at;
};

static uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

static int read_chunk(const struct image_file *file, size_t at, struct chunk *chunk) {
    char what[96];
    if (at == file->length) return image_truncated(file, name, "without an IEND chunk");
    if (file->length - at < CHUNK_EXTRA || big_endian(file->bytes + at) > file->length - at - CHUNK_EXTRA) {
        snprintf(what, sizeof what, "within the chunk at byte %zu", at);
        return image_truncated(file, name, what);
    }
    *chunk = (struct chunk){.data = file->bytes + at + 8, .length = big_endian(file->bytes + at), .at = at};
    memcpy(chunk->type, file->bytes + at + 4, 4);
    uLong sum = crc32(0, file->bytes + at + 4, (uInt)chunk->length + 4);
    if (sum == big_endian(chunk->data + chunk->length)) return 0;
    snprintf(what, sizeof what, "the checksum of the chunk at byte %zu does not fit", at);
    return image_damaged(file, name, what);
}

static int channels_of(int color) {
    static const int channels[] = {
        [COLOR_GRAY] = 1, [COLOR_RGB_] = 3, [COLOR_PALETTE] = 1, [COLOR_GRAY_ALPHA] = 2, [COLOR_RGB_ALPHA] = 4};
    return color <= COLOR_RGB_ALPHA ? channels[color] : 0;
}

static bool is_depth(int color, int depth) {
    bool small = depth == 1 || depth == 2 || depth == 4;
    if (color == COLOR_GRAY) return small || depth == 8 || depth == 16;
    if (color == COLOR_PALETTE) return small || depth == 8;
    return depth == 8 || depth == 16;
}

/* Bytes of the rows of a pass, each with its filter. */
static uint64_t pass_bytes(const struct png *png, uint64_t width, uint64_t height) {
    uint64_t bits = width * (uint64_t)(channels_of(png->color) * png->depth);
    return width ? height * (1 + (bits + 7) / 8) : 0;
}

static uint64_t pixel_bytes(const struct png *png) {
    static const uint8_t passes[7][4] = {/* first column and row, steps */
                                         {0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                         {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    uint64_t bytes = 0;
    if (!png->interlace) return pass_bytes(png, png->width, png->height);
    for (int i = 0; i < 7; i++) {
        const uint8_t *pass = passes[i];
        uint64_t width = png->width > pass[0] ? (png->width - pass[0] + pass[2] - 1U) / pass[2] : 0;
        uint64_t height = png->height > pass[1] ? (png->height - pass[1] + pass[3] - 1U) / pass[3] : 0;
        bytes += pass_bytes(png, width, height);
    }
    return bytes;
}

static int read_header(const struct image_file *file, const struct chunk *chunk, struct png *png) {
    if (strcmp(chunk->type, "IHDR") != 0 || chunk->length != HEADER_SIZE)
        return image_damaged(file, name, "it does not begin with an IHDR chunk of 13 bytes");
    const uint8_t *data = chunk->data;
    *png = (struct png){.width = big_endian(data), .height = big_endian(data + 4), .depth = data[8], .color = data[9]};
    png->interlace = data[12];
    if (channels_of(png->color) == 0 || !is_depth(png->color, png->depth) || data[10] || data[11] || png->interlace > 1)
        return image_damaged(file, name, "its header has a color type, depth or method that does not exist");
    png->expected = pixel_bytes(png);
    if (png->expected <= (uint64_t)BYTES_MAX) return 0;
    return error_set(
        file->error, ERROR_DATA, file->path,
        "has %lu x %lu pixels with 16 bits a channel, %llu MB; at most %d MB are read, so save it with 8 bits",
        (unsigned long)png->width, (unsigned long)png->height, (unsigned long long)(png->expected >> 20),
        BYTES_MAX >> 20);
}

/* Inflates a part of the pixels, only to count them: as far as the header says and not a byte further. */
static int inflate_pixels(const struct image_file *file, const struct chunk *chunk, struct png *png) {
    uint8_t block[BLOCK_SIZE];
    z_stream *stream = &png->stream;
    stream->next_in = (Bytef *)(uintptr_t)chunk->data;
    stream->avail_in = (uInt)chunk->length;
    do {
        stream->next_out = block;
        stream->avail_out = BLOCK_SIZE;
        int state = png->stream_ended ? Z_BUF_ERROR : inflate(stream, Z_NO_FLUSH);
        png->inflated += BLOCK_SIZE - stream->avail_out;
        png->stream_ended = png->stream_ended || state == Z_STREAM_END;
        if (state == Z_BUF_ERROR || state == Z_STREAM_END) break;
        if (state == Z_MEM_ERROR) return error_set(file->error, ERROR_RUN, file->path, "not enough memory");
        if (state != Z_OK) return image_damaged(file, name, "its pixels cannot be decompressed");
    } while (png->inflated <= png->expected && (stream->avail_in || stream->avail_out == 0));
    if (png->inflated > png->expected) return image_damaged(file, name, "it holds more pixels than its header says");
    return 0;
}

static int read_palette(const struct image_file *file, const struct chunk *chunk, struct png *png) {
    bool sized = chunk->length % 3 == 0 && chunk->length >= 3 && chunk->length <= 3 * 256;
    if (!sized || png->has_palette || png->has_pixels)
        return image_damaged(file, name, "its palette is out of place or of a wrong size");
    png->has_palette = true;
    return 0;
}

static int read_further(const struct image_file *file, const struct chunk *chunk, struct png *png) {
    if (strcmp(chunk->type, "IEND") == 0) png->ended = true;
    if (strcmp(chunk->type, "PLTE") == 0) return read_palette(file, chunk, png);
    if (strcmp(chunk->type, "IDAT") != 0) return 0;
    if (png->color == COLOR_PALETTE && !png->has_palette) return image_damaged(file, name, "its palette is missing");
    /* stb_image copies a first piece of no bytes to a NULL. */
    if (!png->has_pixels && chunk->length == 0) return image_damaged(file, name, "its pixels cannot be decompressed");
    png->has_pixels = true;
    return inflate_pixels(file, chunk, png);
}

static int read_chunks(const struct image_file *file, size_t at, struct png *png) {
    struct chunk chunk = {0};
    for (; !png->ended; at += CHUNK_EXTRA + chunk.length)
        if (read_chunk(file, at, &chunk) != 0 || read_further(file, &chunk, png) != 0) return -1;
    if (png->inflated == png->expected && png->stream_ended) return 0;
    return image_damaged(file, name, "it holds fewer pixels than its header says");
}

int image_check_png(const struct image_file *file) {
    struct png png;
    struct chunk header = {0};
    /* The sides first: they say more than a checksum that does not fit. */
    const uint8_t *sides = file->bytes + SIGNATURE + 8;
    if (file->length >= SIGNATURE + 16 && image_check_sides(file, big_endian(sides), big_endian(sides + 4)) != 0)
        return -1;
    if (read_chunk(file, SIGNATURE, &header) != 0 || read_header(file, &header, &png) != 0) return -1;
    if (inflateInit(&png.stream) != Z_OK) return error_set(file->error, ERROR_RUN, file->path, "not enough memory");
    int status = read_chunks(file, SIGNATURE + CHUNK_EXTRA + header.length, &png);
    inflateEnd(&png.stream);
    return status;
}
