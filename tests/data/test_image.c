#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/image.h"
#include "data/image_check.h"
#include "data/resample.h"
#include "tests/support/data_room.h"

static void test_colors(void **state) {
    (void)state;
    static const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30}, gray[] = {7, 250};
    static const uint8_t rgba[] = {1, 2, 3, 9, 4, 5, 6, 9}, two[] = {7, 0, 250, 255};
    uint8_t to[12];
    assert_int_equal(color_channels(COLOR_AS_IS, 4), 4);
    assert_int_equal(color_channels(COLOR_RGB, 1), 3);
    assert_int_equal(color_channels(COLOR_GRAYSCALE, 4), 1);
    /* .299 R + .587 G + .114 B: 76.245, 149.685, 29.07, 18.15 */
    color_bytes(COLOR_GRAYSCALE, 4, 3, rgb, to);
    assert_memory_equal(to, ((uint8_t[]){76, 150, 29, 18}), 4);
    color_bytes(COLOR_GRAYSCALE, 2, 2, two, to);
    assert_memory_equal(to, gray, 2);
    color_bytes(COLOR_RGB, 2, 1, gray, to);
    assert_memory_equal(to, ((uint8_t[]){7, 7, 7, 250, 250, 250}), 6);
    color_bytes(COLOR_RGB, 2, 4, rgba, to);
    assert_memory_equal(to, ((uint8_t[]){1, 2, 3, 4, 5, 6}), 6);
    color_bytes(COLOR_AS_IS, 2, 4, rgba, to);
    assert_memory_equal(to, rgba, 8);
}

static void test_float_colors(void **state) {
    (void)state;
    static const float rgb[] = {1, 0.5F, 0.25F}, gray[] = {0.75F};
    float to[3];
    color_floats(COLOR_GRAYSCALE, 1, 3, rgb, to);
    assert_true(fabsf(to[0] - 0.621F) < 1e-6F); /* .299 + .2935 + .0285 */
    color_floats(COLOR_RGB, 1, 1, gray, to);
    assert_true(to[0] == 0.75F && to[1] == 0.75F && to[2] == 0.75F);
    color_floats(COLOR_GRAYSCALE, 1, 1, rgb, to);
    assert_true(to[0] == 1);
    color_floats(COLOR_RGB, 1, 3, rgb, to);
    assert_memory_equal(to, rgb, sizeof rgb);
    memset(to, 0, sizeof to);
    color_floats(COLOR_AS_IS, 1, 3, rgb, to);
    assert_memory_equal(to, rgb, sizeof rgb);
}

static void resize_floats(const float *from, int height, int width, int channels, int new_height, int new_width,
                          float *to) {
    struct resampler resampler;
    struct error error = {0};
    const int before[2] = {height, width}, after[2] = {new_height, new_width};
    assert_int_equal(resampler_open(&resampler, before, after, channels, &error), 0);
    resample_floats(&resampler, from, to);
    resampler_close(&resampler);
}

static void expect_near(const float *found, const float *expected, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(found[i] - expected[i]) < 1e-5F))
            fail_msg("value %zu is %g, expected %g", i, (double)found[i], (double)expected[i]);
}

/* Centres of pixels at half: doubling 0, 4 gives 0, 1, 3, 4. */
static void test_enlarge(void **state) {
    (void)state;
    float to[16];
    resize_floats((float[]){0, 4}, 1, 2, 1, 1, 4, to);
    expect_near(to, (float[]){0, 1, 3, 4}, 4);
    resize_floats((float[]){0, 4, 8, 12}, 2, 2, 1, 4, 4, to);
    expect_near(to, (float[]){0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12}, 16);
    resize_floats((float[]){5, 6}, 1, 1, 2, 2, 2, to);
    expect_near(to, (float[]){5, 6, 5, 6, 5, 6, 5, 6}, 8);
}

/* Halving weighs four cells 1 3 3 1 (a triangle of half width 2); at the border the inner ones are left: 3 3 1. */
static void test_shrink(void **state) {
    (void)state;
    float to[4];
    resize_floats((float[]){0, 0, 8, 8, 0, 0}, 1, 6, 1, 1, 3, to);
    expect_near(to, (float[]){8.0F / 7, 6, 8.0F / 7}, 3);
    resize_floats((float[]){1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 3, 1, 1, 1, to);
    expect_near(to, (float[]){5}, 1);
}

/* A plain area stays what it is at any size, and bytes round to the nearest. */
static void test_sizes(void **state) {
    (void)state;
    static const int sides[][2] = {{1, 1}, {1, 9}, {9, 1}, {7, 7}, {7, 3}, {3, 7}, {32, 13}, {13, 32}, {100, 3}};
    uint8_t from[100 * 2], to[100 * 2];
    memset(from, 255, sizeof from);
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct resampler resampler;
        struct error error = {0};
        const int before[2] = {sides[i][0], 1}, after[2] = {sides[i][1], 1};
        assert_int_equal(resampler_open(&resampler, before, after, 2, &error), 0);
        memset(to, 0, sizeof to);
        resample_bytes(&resampler, from, to);
        for (int k = 0; k < 2 * sides[i][1]; k++) assert_int_equal(to[k], 255);
        resampler_close(&resampler);
    }
}

static void test_decode(void **state) {
    struct room *room = *state;
    static const uint8_t pixels[] = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110};
    static const char *const names[] = {"p.png", "p.bmp"};
    for (int i = 0; i < 2; i++) {
        struct image image;
        room_write_picture(room, names[i], 2, 2, 3, pixels);
        char *path = expect_path(room->folder, names[i]);
        assert_int_equal(image_read(path, &image, &room->error), 0);
        assert_int_equal(image.height, 2);
        assert_int_equal(image.width, 2);
        assert_int_equal(image.channels, 3);
        assert_memory_equal(image.pixels, pixels, sizeof pixels);
        image_free(&image);
        free(path);
    }
}

static void test_decode_jpeg(void **state) {
    struct room *room = *state;
    struct image image;
    assert_int_equal(image_read("tests/golden/images/slope.jpg", &image, &room->error), 0);
    assert_int_equal(image.height, 16);
    assert_int_equal(image.width, 16);
    assert_int_equal(image.channels, 3);
    /* Drawn as 8 column + 6 row in all channels. */
    for (int i = 0; i < 256; i++)
        assert_in_range(image.pixels[3 * i + 1] + 20, i % 16 * 8 + i / 16 * 6, 40 + i % 16 * 8 + i / 16 * 6);
    image_free(&image);
}

static void test_convert(void **state) {
    struct room *room = *state;
    struct image image;
    room_write_flat(room, "p.png", 6, 4, 4, 200);
    char *path = expect_path(room->folder, "p.png");
    assert_int_equal(image_read(path, &image, &room->error), 0);
    assert_int_equal(image.channels, 4);
    assert_int_equal(image_convert(&image, COLOR_GRAYSCALE, (int[]){3, 5}, path, &room->error), 0);
    assert_int_equal(image.height, 3);
    assert_int_equal(image.width, 5);
    assert_int_equal(image.channels, 1);
    for (int i = 0; i < 15; i++) assert_int_equal(image.pixels[i], 200);
    image_free(&image);
    free(path);
}

/* Wherever a file is cut, and whatever byte is changed: no crash, and an error that names it. */
static void damage(struct room *room, const char *name) {
    char *path = expect_path(room->folder, name), *bytes = NULL;
    size_t length = 0;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, &room->error), 0);
    for (size_t at = 0; at < length; at++)
        for (int flip = 0; flip < 2; flip++) {
            struct image image;
            struct error error = {0};
            bytes[at] = (char)(bytes[at] ^ (flip ? 0x55 : 0));
            int status = image_decode(bytes, flip ? length : at, path, &image, &error);
            bytes[at] = (char)(bytes[at] ^ (flip ? 0x55 : 0));
            if (status == 0) assert_true(image.pixels && (int64_t)image.height * image.width <= IMAGE_PIXELS_MAX);
            if (status != 0) assert_string_equal(error.path, path);
            image_free(&image);
        }
    free(bytes);
    free(path);
}

static void test_damage(void **state) {
    struct room *room = *state;
    uint8_t pixels[16 * 16 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 7);
    room_write_picture(room, "p.png", 16, 16, 3, pixels);
    room_write_picture(room, "p.bmp", 16, 16, 3, pixels);
    room_copy(room, "p.jpg", "tests/golden/images/slope.jpg");
    damage(room, "p.png");
    damage(room, "p.bmp");
    damage(room, "p.jpg");
}

static void test_too_large(void **state) {
    struct room *room = *state;
    struct image image;
    static const uint8_t header[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0,
                                     0,    128, 1,   0,   0,  0,  1,  8,  2, 0, 0, 0,  0,   0,   0,   0};
    assert_int_equal(image_decode(header, sizeof header, "big.png", &image, &room->error), -1);
    expect_error(&room->error, ERROR_DATA,
                 "big.png: has 32769 x 1 pixels (width x height); 1 to 32768 a side and 67108864 in all are read, so "
                 "resize it with another program");
}

static void test_sides(void **state) {
    (void)state;
    static const int64_t sides[][2] = {{0, 1}, {1, 0}, {32769, 1}, {1, 32769}, {32768, 2049}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct error error = {0};
        const struct image_file file = {NULL, 0, "x.png", &error};
        assert_int_equal(image_check_sides(&file, sides[i][0], sides[i][1]), -1);
        assert_int_equal(error.code, ERROR_DATA);
    }
}

/* More pixels a side than an image of a data set may have: a picture for a model is resized, whatever its channels. */
static void test_large(void **state) {
    struct room *room = *state;
    enum { WIDE = 6000, HIGH = 3 };
    uint8_t *pixels = malloc((size_t)WIDE * HIGH * 4);
    assert_non_null(pixels);
    for (int channels = 1; channels <= 4; channels++) {
        for (size_t i = 0; i < (size_t)WIDE * HIGH * (size_t)channels; i++) {
            const size_t x = i / (size_t)channels % WIDE, channel = i % (size_t)channels;
            pixels[i] = (uint8_t)(x < WIDE / 2 ? 10 + 60 * channel : 40 + 60 * channel);
        }
        room_write_picture(room, "wide.png", HIGH, WIDE, channels, pixels);
        char path[512];
        struct image image;
        snprintf(path, sizeof path, "%s/wide.png", room->folder);
        assert_int_equal(image_measure(path, &image, &room->error), 0);
        assert_int_equal(image.width, WIDE);
        assert_int_equal(image_read(path, &image, &room->error), 0);
        assert_int_equal(image_convert(&image, COLOR_RGB, (const int[]){1, 4}, path, &room->error), 0);
        assert_int_equal(image.channels, 3);
        for (int i = 0; i < 3; i++) {
            const int channel = channels > 2 ? i : 0;
            assert_int_equal(image.pixels[i], 10 + 60 * channel);
            assert_int_equal(image.pixels[9 + i], 40 + 60 * channel);
        }
        image_free(&image);
    }
    free(pixels);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colors),
        cmocka_unit_test(test_float_colors),
        cmocka_unit_test(test_enlarge),
        cmocka_unit_test(test_shrink),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_sides),
        cmocka_unit_test_setup_teardown(test_decode, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_decode_jpeg, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_convert, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_damage, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_too_large, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_large, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
