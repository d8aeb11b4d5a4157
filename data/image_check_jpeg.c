#include <stdio.h>

#include "data/image_check.h"

static const char name[] = "JPEG";

enum {
    COMPONENTS_MAX = 4,
    PIXELS_PER_BYTE = 16 * 8 * 8,
    SCANS_MAX = 100 /* each one of a progressive picture goes over all of it */
};
enum {
    MARKER_FRAME = 0xc0, /* to 0xcf, but for the next three */
    MARKER_HUFFMAN = 0xc4,
    MARKER_RESERVED = 0xc8,
    MARKER_ARITHMETIC = 0xcc,
    MARKER_RESTART = 0xd0, /* to 0xd7 */
    MARKER_START = 0xd8,
    MARKER_END = 0xd9,
    MARKER_SCAN = 0xda,
    MARKER_FILL = 0xff
};

struct jpeg {
    int components, scans, width, height;
    uint8_t ids[COMPONENTS_MAX];
    bool has_scan[COMPONENTS_MAX];
};

/* A marker with its segment, the two bytes of its length left out. */
struct segment {
    int marker;
    const uint8_t *data;
    size_t length, next;
};

static int big_endian(const uint8_t *bytes) {
    return bytes[0] << 8 | bytes[1];
}

static int read_segment(const struct image_file *file, size_t at, struct segment *segment) {
    char what[96];
    while (at + 1 < file->length && file->bytes[at] == MARKER_FILL && file->bytes[at + 1] == MARKER_FILL) at++;
    if (at + 2 > file->length) return image_truncated(file, name, "without its end marker");
    if (file->bytes[at] != MARKER_FILL) {
        snprintf(what, sizeof what, "no marker stands at byte %zu", at);
        return image_damaged(file, name, what);
    }
    *segment = (struct segment){.marker = file->bytes[at + 1], .next = at + 2};
    bool alone = segment->marker == MARKER_END || segment->marker == MARKER_START || segment->marker == 0x01 ||
                 (segment->marker >= MARKER_RESTART && segment->marker < MARKER_START);
    if (alone) return 0;
    size_t left = file->length - at - 2, length = left >= 2 ? (size_t)big_endian(file->bytes + at + 2) : 2;
    if (left < 2 || length > left) {
        snprintf(what, sizeof what, "within the segment at byte %zu", at);
        return image_truncated(file, name, what);
    }
    if (length < 2) return image_damaged(file, name, "a segment is shorter than its own length");
    segment->data = file->bytes + at + 4;
    segment->length = length - 2;
    segment->next = at + 2 + length;
    return 0;
}

/* Each table: its kind and number, how many codes there are of each length, and their values. */
static int check_huffman(const struct image_file *file, const struct segment *segment) {
    for (size_t at = 0; at < segment->length;) {
        size_t codes = 0, room = 0;
        if (segment->length - at < 17) return image_damaged(file, name, "a Huffman table is cut off");
        for (size_t bits = 1; bits <= 16; bits++) {
            codes += segment->data[at + bits];
            room = 2 * room + segment->data[at + bits];
            if (room > (size_t)1 << bits) return image_damaged(file, name, "a Huffman table has too many codes");
        }
        if (codes > 256 || codes > segment->length - at - 17)
            return image_damaged(file, name, "a Huffman table has more codes than values");
        at += 17 + codes;
    }
    return 0;
}

static int check_frame(const struct image_file *file, const struct segment *segment, struct jpeg *jpeg) {
    if (segment->marker > MARKER_FRAME + 2)
        return error_set(
            file->error, ERROR_DATA, file->path,
            "is a JPEG image of a kind that is not read (lossless, hierarchical or arithmetic); save it as "
            "baseline or progressive JPEG");
    if (jpeg->components) return image_damaged(file, name, "it has two frames");
    if (segment->length < 6 || segment->length != 6 + 3 * (size_t)segment->data[5])
        return image_damaged(file, name, "its frame header has a wrong length");
    jpeg->height = big_endian(segment->data + 1);
    jpeg->width = big_endian(segment->data + 3);
    if (image_check_sides(file, jpeg->width, jpeg->height) != 0) return -1;
    jpeg->components = segment->data[5];
    if (segment->data[0] != 8 || (jpeg->components != 1 && jpeg->components != 3 && jpeg->components != 4))
        return error_set(file->error, ERROR_DATA, file->path,
                         "is a JPEG image of %d channel%s with %d bits; save it with 1 or 3 channels of 8 bits",
                         jpeg->components, jpeg->components == 1 ? "" : "s", segment->data[0]);
    for (int i = 0; i < jpeg->components; i++) jpeg->ids[i] = segment->data[6 + 3 * i];
    return 0;
}

/* Where the scan's data end: the next marker that is neither a stuffed byte nor a restart. */
static size_t skip_scan(const struct image_file *file, size_t at) {
    for (; at + 1 < file->length; at++) {
        int next = file->bytes[at + 1];
        bool inside = next == 0 || (next >= MARKER_RESTART && next < MARKER_START);
        if (file->bytes[at] == MARKER_FILL && !inside) return at;
    }
    return file->length;
}

static int check_scan(const struct image_file *file, struct segment *segment, struct jpeg *jpeg) {
    int count = segment->length ? segment->data[0] : 0;
    if (jpeg->components == 0 || count < 1 || count > jpeg->components || segment->length != 4 + 2 * (size_t)count)
        return image_damaged(file, name, "the header of a scan is wrong");
    if (++jpeg->scans > SCANS_MAX)
        return error_set(file->error, ERROR_DATA, file->path, "has more than %d scans; save it again", SCANS_MAX);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < jpeg->components; k++)
            if (segment->data[1 + 2 * i] == jpeg->ids[k]) jpeg->has_scan[k] = true;
    segment->next = skip_scan(file, segment->next);
    return 0;
}

static int check_segment(const struct image_file *file, struct segment *segment, struct jpeg *jpeg) {
    int marker = segment->marker;
    if (marker == MARKER_HUFFMAN) return check_huffman(file, segment);
    if (marker == MARKER_SCAN) return check_scan(file, segment, jpeg);
    bool is_frame = marker >= MARKER_FRAME && marker <= MARKER_FRAME + 15 && marker != MARKER_RESERVED;
    return is_frame ? check_frame(file, segment, jpeg) : 0;
}

int image_check_jpeg(const struct image_file *file) {
    struct jpeg jpeg = {0};
    struct segment segment = {.next = 2};
    while (segment.marker != MARKER_END)
        if (read_segment(file, segment.next, &segment) != 0 || check_segment(file, &segment, &jpeg) != 0) return -1;
    if (jpeg.scans == 0) return image_damaged(file, name, "it holds no picture");
    for (int i = 0; i < jpeg.components; i++)
        if (!jpeg.has_scan[i]) return image_damaged(file, name, "a channel is missing");
    /* Some channel has a bit at least for each 16x8 pixels: a short file does not ask for the memory of a large one. */
    if ((size_t)jpeg.width * (size_t)jpeg.height / PIXELS_PER_BYTE > file->length)
        return image_damaged(file, name, "it holds too few bytes for so many pixels");
    return 0;
}
