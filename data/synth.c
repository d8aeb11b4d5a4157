/* Generated house numbers: a digit of strokes in the middle, parts of its neighbours, on a coloured gradient. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "data/glyphs.h"
#include "data/source.h"

enum { SIDE = 32, COLORS = 3, PIXELS = SIDE * SIDE, IMAGES_MAX = 10000000 };
static const float far_away = 1e6F;

struct synth_config {
    struct data_common common;
    int train, test;
};

/* One image while it is drawn. */
struct canvas {
    float distance[PIXELS];       /* squared, to the nearest stroke */
    float color[PIXELS * COLORS]; /* 0..1 */
    float blurred[PIXELS * COLORS];
};

/* Where a glyph's box lands: (x, y) = centre + matrix * (u, v). */
struct warp {
    float matrix[2][2], centre[2];
};

struct style {
    float ink[COLORS], paper[COLORS], slope[2];
    float half_width; /* of a stroke, in pixels */
    float blur, noise;
};

static float between(struct rng *rng, float low, float high) {
    return low + (high - low) * rng_uniform(rng);
}

static float luminance(const float color[COLORS]) {
    return 0.299F * color[0] + 0.587F * color[1] + 0.114F * color[2];
}

static void draw_color(struct rng *rng, float color[COLORS]) {
    for (int c = 0; c < COLORS; c++) color[c] = between(rng, 0.05F, 0.95F);
}

/* Colours are drawn again until they are far enough apart; gray on gray is the last resort. */
static void draw_contrast(struct rng *rng, float dark[COLORS], float light[COLORS]) {
    const float contrast = 0.3F;
    for (int i = 0; i < 16; i++) {
        draw_color(rng, dark);
        draw_color(rng, light);
        if (luminance(light) - luminance(dark) > contrast) return;
    }
    for (int c = 0; c < COLORS; c++) {
        dark[c] = 0.3F;
        light[c] = 0.7F;
    }
}

/* Ink is lighter than paper on four signs of five. */
static void draw_colors(struct rng *rng, struct style *style) {
    if (rng_uniform(rng) < 0.2F)
        draw_contrast(rng, style->ink, style->paper);
    else
        draw_contrast(rng, style->paper, style->ink);
}

static void draw_style(struct rng *rng, struct style *style) {
    draw_colors(rng, style);
    style->half_width = between(rng, 0.8F, 2.1F);
    style->slope[0] = between(rng, -0.008F, 0.008F);
    style->slope[1] = between(rng, -0.008F, 0.008F);
    style->blur = between(rng, 0, 0.33F);
    style->noise = between(rng, 0.01F, 0.06F);
}

/* Slant, turn and stretch of a digit `half` pixels from its middle to its top. */
static void draw_warp(struct rng *rng, float half, struct warp *warp) {
    float turn = between(rng, -0.2F, 0.2F), slant = between(rng, -0.25F, 0.25F), stretch = between(rng, 0.65F, 1.15F);
    float cosine = cosf(turn), sine = sinf(turn);
    warp->matrix[0][0] = half * stretch * cosine;
    warp->matrix[0][1] = half * (slant * cosine - sine);
    warp->matrix[1][0] = half * stretch * sine;
    warp->matrix[1][1] = half * (slant * sine + cosine);
    warp->centre[0] = 0.5F * SIDE + between(rng, -2, 2);
    warp->centre[1] = 0.5F * SIDE + between(rng, -2, 2);
}

static float squared_distance(const struct glyph_segment *segment, float inverse_length, float x, float y) {
    float dx = segment->x1 - segment->x0, dy = segment->y1 - segment->y0;
    float along = ((x - segment->x0) * dx + (y - segment->y0) * dy) * inverse_length;
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    float ex = x - (segment->x0 + along * dx), ey = y - (segment->y0 + along * dy);
    return ex * ex + ey * ey;
}

static int clamp_cell(float value) {
    return value < 0 ? 0 : value > SIDE - 1 ? SIDE - 1 : (int)value;
}

/* Only the cells that the stroke's width can reach are looked at. */
static void add_segment(struct canvas *canvas, const struct glyph_segment *segment, float reach) {
    float left = fminf(segment->x0, segment->x1) - reach, right = fmaxf(segment->x0, segment->x1) + reach;
    float top = fminf(segment->y0, segment->y1) - reach, bottom = fmaxf(segment->y0, segment->y1) + reach;
    if (right < 0 || bottom < 0 || left >= SIDE || top >= SIDE) return;
    float dx = segment->x1 - segment->x0, dy = segment->y1 - segment->y0;
    float inverse_length = 1 / (dx * dx + dy * dy + 1e-12F);
    for (int y = clamp_cell(top); y <= clamp_cell(bottom); y++)
        for (int x = clamp_cell(left); x <= clamp_cell(right); x++) {
            float distance = squared_distance(segment, inverse_length, (float)x + 0.5F, (float)y + 0.5F);
            float *nearest = &canvas->distance[y * SIDE + x];
            if (distance < *nearest) *nearest = distance;
        }
}

static void add_glyph(struct canvas *canvas, const struct glyph *glyph, const struct warp *warp, float reach) {
    const float(*m)[2] = warp->matrix;
    for (int i = 0; i < glyph->count; i++) {
        const struct glyph_segment *s = &glyph->segments[i];
        struct glyph_segment placed = {
            warp->centre[0] + m[0][0] * s->x0 + m[0][1] * s->y0, warp->centre[1] + m[1][0] * s->x0 + m[1][1] * s->y0,
            warp->centre[0] + m[0][0] * s->x1 + m[0][1] * s->y1, warp->centre[1] + m[1][0] * s->x1 + m[1][1] * s->y1};
        add_segment(canvas, &placed, reach);
    }
}

/* A number's digits share slant and size; the neighbours stand one box and a gap away. */
static void draw_digits(struct canvas *canvas, const struct glyph *glyphs, int digit, float half_width,
                        struct rng *rng) {
    struct warp warp;
    float reach = half_width + 1;
    for (int i = 0; i < PIXELS; i++) canvas->distance[i] = far_away;
    draw_warp(rng, between(rng, 8, 12.5F), &warp);
    add_glyph(canvas, &glyphs[digit], &warp, reach);
    for (int side = -1; side <= 1; side += 2) {
        bool is_there = rng_uniform(rng) < 0.5F;
        float step = (float)side * between(rng, 1.35F, 1.75F);
        uint32_t neighbour = rng_below(rng, GLYPH_COUNT);
        struct warp moved = warp;
        moved.centre[0] += step * warp.matrix[0][0];
        moved.centre[1] += step * warp.matrix[1][0];
        if (is_there) add_glyph(canvas, &glyphs[neighbour], &moved, reach);
    }
}

static void paint(struct canvas *canvas, const struct style *style) {
    float *color = canvas->color;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++, color += COLORS) {
            float shade = style->slope[0] * ((float)x - 0.5F * SIDE) + style->slope[1] * ((float)y - 0.5F * SIDE);
            float cover = style->half_width + 0.5F - sqrtf(canvas->distance[y * SIDE + x]);
            cover = cover < 0 ? 0 : cover > 1 ? 1 : cover;
            for (int c = 0; c < COLORS; c++)
                color[c] = style->paper[c] + cover * (style->ink[c] - style->paper[c]) + shade;
        }
}

/* Weights (side, 1 - 2 side, side) between neighbours `step` floats apart; `count` of them, the ends repeated. */
static void blur_line(const float *from, float *to, size_t step, int count, float side) {
    for (int i = 0; i < count; i++) {
        size_t at = (size_t)i * step, before = i > 0 ? at - step : at, after = i + 1 < count ? at + step : at;
        to[at] = (1 - 2 * side) * from[at] + side * (from[before] + from[after]);
    }
}

static void blur(struct canvas *canvas, float side) {
    for (size_t y = 0; y < SIDE; y++)
        for (size_t c = 0; c < COLORS; c++)
            blur_line(canvas->color + y * SIDE * COLORS + c, canvas->blurred + y * SIDE * COLORS + c, COLORS, SIDE,
                      side);
    for (size_t i = 0; i < (size_t)SIDE * COLORS; i++)
        blur_line(canvas->blurred + i, canvas->color + i, (size_t)SIDE * COLORS, SIDE, side);
}

/* Noise is the sum of two uniform bytes: a triangle of deviation 0.41 of its half width. */
static void store(const struct canvas *canvas, float noise, struct rng *rng, uint8_t *pixels) {
    uint64_t bits = 0;
    float unit = noise * 255 / (255 * 0.408248F);
    for (size_t i = 0; i < (size_t)PIXELS * COLORS; i++, bits >>= 16) {
        if (i % 4 == 0) bits = rng_next(rng);
        float random = (float)((int)(bits & 255) + (int)(bits >> 8 & 255) - 255);
        float value = 255 * canvas->color[i] + unit * random + 0.5F;
        pixels[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

/* pixels (32,32,3); the label depends on seed, part and number only, and so does every pixel */
static int32_t draw_image(const struct glyph *glyphs, uint64_t seed, uint64_t part, int64_t number,
                          struct canvas *canvas, uint8_t *pixels) {
    struct rng rng = rng_stream(seed, RNG_SYNTHESIZE, part, (uint64_t)number, 0);
    struct style style;
    int digit = (int)rng_below(&rng, GLYPH_COUNT);
    draw_style(&rng, &style);
    draw_digits(canvas, glyphs, digit, style.half_width, &rng);
    paint(canvas, &style);
    blur(canvas, style.blur);
    store(canvas, style.noise, &rng, pixels);
    return digit;
}

static int draw_part(uint64_t seed, uint64_t part, int count, const struct progress *progress, struct dataset *dataset,
                     struct error *error) {
    if (count == 0) return 0;
    if (source_allocate(dataset, count, SIDE, SIDE, COLORS, PIXEL_UINT8, "synth", error) != 0) return -1;
    struct glyph glyphs[GLYPH_COUNT];
    struct canvas *canvas = malloc(sizeof *canvas);
    if (!canvas) return error_set(error, ERROR_RUN, "synth", "not enough memory for a picture");
    for (int digit = 0; digit < GLYPH_COUNT; digit++) glyph_build(digit, &glyphs[digit]);
    uint8_t *pixels = dataset->pixels;
    int status = 0;
    for (int64_t i = 0; i < count && status == 0; i++, pixels += PIXELS * COLORS) {
        dataset->labels[i] = draw_image(glyphs, seed, part, i, canvas, pixels);
        progress_tell(progress, "images", i + 1, count);
        status = source_go_on(progress, error);
    }
    free(canvas);
    return status;
}

/* Digits at *at as a count, which moves *at behind them. */
static bool parse_count(const char **at, int *count) {
    char *end = NULL;
    if (!isdigit((unsigned char)**at)) return false;
    unsigned long long value = strtoull(*at, &end, 10);
    if (value > IMAGES_MAX) return false;
    *count = (int)value;
    *at = end;
    return true;
}

/* "TRAIN" or "TRAIN,TEST" */
static int parse_counts(const char *text, int *train, int *test, struct error *error) {
    const char *at = text;
    bool good = parse_count(&at, train);
    if (good && *at == ',') {
        at++;
        good = parse_count(&at, test);
    }
    if (good && *at == '\0') return 0;
    return error_set(error, ERROR_CONFIG, "data.path",
                     "synth takes counts as TRAIN,TEST such as 2000,500 (each at most %d), got \"%s\"", IMAGES_MAX,
                     text);
}

static int synth_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    const struct synth_config *config = request->config;
    int train = config->train, test = config->test;
    if (request->path && parse_counts(request->path, &train, &test, error) != 0) return -1;
    splits->classes = GLYPH_COUNT;
    if (draw_part(request->seed, 0, train, request->progress, &splits->train, error) != 0) return -1;
    return draw_part(request->seed, 1, test, request->progress, &splits->test, error);
}

static const struct field synth_fields[] = {{.key = "train",
                                             .type = FIELD_INT,
                                             .offset = offsetof(struct synth_config, train),
                                             .fallback = "4000",
                                             .minimum = 1,
                                             .maximum = IMAGES_MAX,
                                             .help = "training images"},
                                            {.key = "test",
                                             .type = FIELD_INT,
                                             .offset = offsetof(struct synth_config, test),
                                             .fallback = "1000",
                                             .minimum = 0,
                                             .maximum = IMAGES_MAX,
                                             .help = "test images"},
                                            {0}};

const struct source_kind source_synth = {.component = {.name = "synth",
                                                       .summary = "generated coloured digits, 32x32x3, ten classes",
                                                       .fields = synth_fields,
                                                       .size = sizeof(struct synth_config)},
                                         .layout = "nothing; TRAIN,TEST in place of a path are the numbers of images",
                                         .path_form = SOURCE_PATH_WORDS,
                                         .image_size = {32, 32, 3},
                                         .load = synth_load};
