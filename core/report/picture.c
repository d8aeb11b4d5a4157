#include "core/report/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/report/font.h"
#include "core/report/png.h"
#include "core/text.h"

enum { COLORS = 3 };

int picture_open(struct picture *picture, int height, int width, struct picture_color color, struct error *error) {
    if (height > PICTURE_SIDE_MAX || width > PICTURE_SIDE_MAX || (long long)height * width > PICTURE_PIXELS_MAX)
        return error_set(error, ERROR_RUN, NULL, "the picture would have %d x %d pixels, which is too large to look at",
                         width, height);
    uint8_t *pixels = malloc((size_t)height * (size_t)width * COLORS);
    if (!pixels)
        return error_set(error, ERROR_RUN, NULL, "not enough memory for a picture of %d x %d pixels", width, height);
    *picture = (struct picture){height, width, pixels};
    picture_fill(picture, 0, 0, width, height, color);
    return 0;
}

void picture_free(struct picture *picture) {
    free(picture->pixels);
    *picture = (struct picture){0};
}

static void set_pixel(struct picture *picture, int x, int y, struct picture_color color) {
    uint8_t *pixel = picture->pixels + ((size_t)y * (size_t)picture->width + (size_t)x) * COLORS;
    pixel[0] = color.red;
    pixel[1] = color.green;
    pixel[2] = color.blue;
}

void picture_fill(struct picture *picture, int x, int y, int width, int height, struct picture_color color) {
    int right = x + width < picture->width ? x + width : picture->width;
    int bottom = y + height < picture->height ? y + height : picture->height;
    for (int row = y > 0 ? y : 0; row < bottom; row++)
        for (int column = x > 0 ? x : 0; column < right; column++) set_pixel(picture, column, row, color);
}

void picture_put(struct picture *picture, int x, int y, const struct picture *from, int enlarge) {
    const uint8_t *pixel = from->pixels;
    for (int row = 0; row < from->height; row++)
        for (int column = 0; column < from->width; column++, pixel += COLORS)
            picture_fill(picture, x + column * enlarge, y + row * enlarge, enlarge, enlarge,
                         (struct picture_color){pixel[0], pixel[1], pixel[2]});
}

static void mean_of_block(const struct picture *picture, int x, int y, int factor, struct picture_color *color) {
    unsigned long long sums[COLORS] = {0}, count = 0;
    for (int row = y; row < y + factor && row < picture->height; row++)
        for (int column = x; column < x + factor && column < picture->width; column++, count++)
            for (int c = 0; c < COLORS; c++)
                sums[c] +=
                    picture->pixels[((size_t)row * (size_t)picture->width + (size_t)column) * COLORS + (size_t)c];
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): every block has a pixel within the picture */
    *color = (struct picture_color){(uint8_t)((sums[0] + count / 2) / count), (uint8_t)((sums[1] + count / 2) / count),
                                    (uint8_t)((sums[2] + count / 2) / count)};
}

int picture_shrink(struct picture *picture, int factor, struct error *error) {
    struct picture small;
    if (factor <= 1) return 0;
    if (picture_open(&small, (picture->height + factor - 1) / factor, (picture->width + factor - 1) / factor,
                     PICTURE_WHITE, error) != 0)
        return -1;
    for (int y = 0; y < small.height; y++)
        for (int x = 0; x < small.width; x++) {
            struct picture_color color;
            mean_of_block(picture, x * factor, y * factor, factor, &color);
            set_pixel(&small, x, y, color);
        }
    picture_free(picture);
    *picture = small;
    return 0;
}

/* ---- from arrays ---- */

int picture_from_bytes(const uint8_t *bytes, int height, int width, int channels, struct picture *picture,
                       struct error *error) {
    int green = channels < COLORS ? 0 : 1, blue = channels < COLORS ? 0 : 2;
    if (picture_open(picture, height, width, PICTURE_WHITE, error) != 0) return -1;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, bytes += channels)
            set_pixel(picture, x, y, (struct picture_color){bytes[0], bytes[green], bytes[blue]});
    return 0;
}

struct picture_range picture_range_of(const float *values, size_t count, size_t stride) {
    struct picture_range range = {INFINITY, -INFINITY};
    for (size_t i = 0; i < count; i++) {
        float value = values[i * stride];
        if (isfinite(value)) range = picture_range_join(range, (struct picture_range){value, value});
    }
    return range.low <= range.high ? range : (struct picture_range){0, 0};
}

struct picture_range picture_range_join(struct picture_range a, struct picture_range b) {
    return (struct picture_range){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

struct picture_range picture_range_around_zero(struct picture_range range) {
    float most = fmaxf(fabsf(range.low), fabsf(range.high));
    return (struct picture_range){-most, most};
}

/* 0 to 1 within the range, `without` in one of no width; halves first, for a width may be more than a float holds. */
static float share_of(struct picture_range range, float value, float without) {
    float width = range.high / 2 - range.low / 2;
    if (!(width > 0)) return without;
    float share = (value / 2 - range.low / 2) / width;
    return share > 1 ? 1 : share > 0 ? share : 0;
}

struct anchor {
    uint8_t color[COLORS];
};

static const struct anchor gray[] = {{{0, 0, 0}}, {{255, 255, 255}}};
static const struct anchor heat[] = {{{12, 7, 45}},    {{70, 15, 105}},  {{140, 35, 100}}, {{205, 65, 65}},
                                     {{240, 120, 30}}, {{250, 190, 50}}, {{252, 252, 190}}};
static const struct anchor diverging[] = {{{25, 65, 140}},   {{85, 150, 205}}, {{190, 215, 235}}, {{255, 255, 255}},
                                          {{250, 205, 185}}, {{225, 120, 90}}, {{155, 20, 40}}};

static const struct {
    const struct anchor *anchors;
    int count;
} palettes[] = {[PICTURE_GRAY] = {gray, 2}, [PICTURE_HEAT] = {heat, 7}, [PICTURE_DIVERGING] = {diverging, 7}};

struct picture_color picture_palette_color(enum picture_palette palette, struct picture_range range, float value) {
    if (isnan(value)) return PICTURE_NOT_A_NUMBER;
    float at = share_of(range, value, palette == PICTURE_DIVERGING ? 0.5F : 0) * (float)(palettes[palette].count - 1);
    int before = (int)at < palettes[palette].count - 1 ? (int)at : palettes[palette].count - 2;
    const struct anchor *low = &palettes[palette].anchors[before], *high = low + 1;
    uint8_t color[COLORS];
    for (int c = 0; c < COLORS; c++) {
        float from = low->color[c], to = high->color[c];
        color[c] = (uint8_t)(from + (to - from) * (at - (float)before) + 0.5F);
    }
    return (struct picture_color){color[0], color[1], color[2]};
}

int picture_from_map(const struct picture_map *map, enum picture_palette palette, struct picture_range range,
                     struct picture *picture, struct error *error) {
    if (picture_open(picture, map->height, map->width, PICTURE_WHITE, error) != 0) return -1;
    const float *value = map->values;
    for (int y = 0; y < map->height; y++)
        for (int x = 0; x < map->width; x++, value += map->stride)
            set_pixel(picture, x, y, picture_palette_color(palette, range, *value));
    return 0;
}

int picture_from_rgb_map(const struct picture_map *map, size_t step, struct picture_range range,
                         struct picture *picture, struct error *error) {
    if (picture_open(picture, map->height, map->width, PICTURE_WHITE, error) != 0) return -1;
    const float *value = map->values;
    for (int y = 0; y < map->height; y++)
        for (int x = 0; x < map->width; x++, value += map->stride) {
            uint8_t color[COLORS];
            bool is_number = true;
            for (size_t c = 0; c < COLORS; c++) {
                is_number = is_number && !isnan(value[c * step]);
                color[c] = (uint8_t)(255 * share_of(range, value[c * step], 0) + 0.5F);
            }
            set_pixel(picture, x, y,
                      is_number ? (struct picture_color){color[0], color[1], color[2]} : PICTURE_NOT_A_NUMBER);
        }
    return 0;
}

/* ---- text ---- */

/* The character at *text as one that has a drawing; moves behind it, by a whole UTF-8 sequence. */
static unsigned char next_letter(const char **text) {
    size_t length = text_utf8_sequence(*text, strlen(*text));
    unsigned char letter = length == 1 ? (unsigned char)**text : 0;
    *text += length > 0 ? length : 1;
    return letter;
}

static int drawing_width(const char *drawing) {
    int widest = 0;
    for (;;) {
        int width = (int)strcspn(drawing, "/");
        if (width > widest) widest = width;
        drawing += width;
        if (!*drawing++) return widest;
    }
}

static int letter_advance(unsigned char letter, int size) {
    return (drawing_width(font_drawing(letter)) + 1) * size;
}

int picture_text_width(const char *text, int size) {
    int width = 0;
    while (*text) width += letter_advance(next_letter(&text), size);
    return width > 0 ? width - size : 0;
}

int picture_text_height(int size) {
    return FONT_HEIGHT * size;
}

static void draw_letter(struct picture *picture, int x, int y, const char *drawing, int size,
                        struct picture_color color) {
    int column = 0;
    for (; *drawing; drawing++) {
        if (*drawing == '/') {
            y += size;
            column = 0;
            continue;
        }
        if (*drawing == '#') picture_fill(picture, x + column * size, y, size, size, color);
        column++;
    }
}

void picture_text(struct picture *picture, int x, int y, const char *text, int size, struct picture_color color) {
    while (*text) {
        unsigned char letter = next_letter(&text);
        draw_letter(picture, x, y, font_drawing(letter), size, color);
        x += letter_advance(letter, size);
    }
}

char *picture_text_fit(const char *text, int size, int width, char *buffer, size_t buffer_size) {
    text_shorten(text, buffer, buffer_size);
    for (size_t room = strlen(buffer); room >= 8 && picture_text_width(buffer, size) > width; room--)
        text_shorten(text, buffer, room < buffer_size ? room : buffer_size);
    return buffer;
}

int picture_write(const struct picture *picture, const char *path, struct error *error) {
    return png_write(path, picture->pixels, picture->height, picture->width, COLORS, error);
}

int picture_encode(const struct picture *picture, char **bytes, size_t *length, struct error *error) {
    return png_encode(picture->pixels, picture->height, picture->width, COLORS, bytes, length, error);
}
