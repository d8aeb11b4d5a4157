/* Pictures: PNG, JPEG, BMP, and whatever else is no picture; converted as predict does. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/image.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct image image;
    int status = image_decode(data, size, "picture", &image, &error);
    fuzz_check(status, &error);
    if (status == 0) {
        static const int sizes[][2] = {{0, 0}, {5, 3}};
        bool is_small = image.height <= 64 && image.width <= 64;
        status = image_convert(&image, COLOR_RGB, sizes[is_small], "picture", &error);
        fuzz_check(status, &error);
        volatile unsigned sum = 0;
        size_t bytes = (size_t)image.height * (size_t)image.width * (size_t)image.channels;
        for (size_t i = 0; i < bytes; i++) sum += image.pixels[i];
        (void)sum;
    }
    image_free(&image);
    return 0;
}

/* ---- mutation of PNG files, whose checksums would stop it ---- */

enum { SIGNATURE = 8, CHUNK_HEAD = 8, CHUNK_TAIL = 4 };

static uint32_t number_at(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static void put_number(uint8_t *at, uint32_t number) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(number >> (24 - 8 * i));
}

/* The chunk behind the one at `at`; NULL where there is no whole one. */
static uint8_t *next_chunk(uint8_t *at, const uint8_t *end) {
    if (end - at < CHUNK_HEAD + CHUNK_TAIL) return NULL;
    const uint32_t length = number_at(at);
    if (length > (size_t)(end - at) - CHUNK_HEAD - CHUNK_TAIL) return NULL;
    return at + CHUNK_HEAD + length + CHUNK_TAIL;
}

/* Mutates what the first IDAT chunk holds, unpacked; returns the file's size, 0 where there is none. */
static size_t mutate_pixels(uint8_t *data, size_t size, size_t limit) {
    static uint8_t rest[1 << 16];
    uint8_t *next = NULL;
    for (uint8_t *at = data + SIGNATURE; (next = next_chunk(at, data + size)); at = next) {
        const size_t tail = size - (size_t)(next - data) + CHUNK_TAIL;
        if (memcmp(at + 4, "IDAT", 4) != 0) continue;
        const size_t place = (size_t)(at - data) + CHUNK_HEAD;
        if (tail > sizeof rest || place + tail > limit) return 0;
        memcpy(rest, next - CHUNK_TAIL, tail);
        const size_t made = fuzz_mutate_packed(data + place, number_at(at), limit - place - tail, FUZZ_ZLIB);
        put_number(at, (uint32_t)made);
        memcpy(data + place + made, rest, tail);
        return place + made + tail;
    }
    return 0;
}

static void mend_checksums(uint8_t *data, size_t size) {
    uint8_t *next = NULL;
    for (uint8_t *at = data + SIGNATURE; (next = next_chunk(at, data + size)); at = next)
        put_number(next - CHUNK_TAIL, (uint32_t)crc32(0, at + 4, (uInt)(next - CHUNK_TAIL - at - 4)));
}

/* Most of the PNG files get checksums that are right. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed) {
    const bool is_png = size > SIGNATURE && memcmp(data, "\x89PNG\r\n\x1a\n", SIGNATURE) == 0;
    if (!is_png || seed % 4 == 0) return LLVMFuzzerMutate(data, size, limit);
    const size_t made = seed % 4 == 1 ? mutate_pixels(data, size, limit) : 0;
    const size_t length = made ? made : LLVMFuzzerMutate(data, size, limit);
    if (length > SIGNATURE) mend_checksums(data, length);
    return length;
}
