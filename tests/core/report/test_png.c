#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/report/png.h"
#include "data/image.h"
#include "tests/support/expect.h"

/* Another decoder reads back what was encoded. */
static void expect_read_back(const uint8_t *pixels, int height, int width, int channels) {
    struct error error = {0};
    struct image image = {0};
    char *bytes = NULL;
    size_t length = 0;
    assert_int_equal(png_encode(pixels, height, width, channels, &bytes, &length, &error), 0);
    assert_int_equal(image_decode(bytes, length, "test.png", &image, &error), 0);
    expect_no_error(&error);
    assert_int_equal(image.height, height);
    assert_int_equal(image.width, width);
    assert_int_equal(image.channels, channels);
    assert_memory_equal(image.pixels, pixels, (size_t)height * (size_t)width * (size_t)channels);
    image_free(&image);
    free(bytes);
}

/* Pixels that do not compress, and pixels that do. */
static void test_read_back(void **state) {
    (void)state;
    enum { HEIGHT = 61, WIDTH = 157 };
    uint8_t noise[HEIGHT * WIDTH * 3], flat[HEIGHT * WIDTH * 3];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        random = random * 1664525 + 1013904223;
        noise[i] = (uint8_t)(random >> 24);
        flat[i] = 200;
    }
    for (int channels = 1; channels <= 3; channels += 2) {
        expect_read_back(noise, HEIGHT, WIDTH, channels);
        expect_read_back(flat, HEIGHT, WIDTH, channels);
        expect_read_back(noise, 1, 1, channels);
        expect_read_back(noise, 1, WIDTH, channels);
        expect_read_back(noise, HEIGHT, 1, channels);
    }
}

static void test_same_bytes(void **state) {
    (void)state;
    struct error error = {0};
    const uint8_t pixels[12] = {0, 255, 1, 254, 2, 253, 3, 252, 4, 251, 5, 250};
    char *first = NULL, *second = NULL;
    size_t length = 0, again = 0;
    assert_int_equal(png_encode(pixels, 2, 2, 3, &first, &length, &error), 0);
    assert_int_equal(png_encode(pixels, 2, 2, 3, &second, &again, &error), 0);
    assert_int_equal(length, again);
    assert_memory_equal(first, second, length);
    free(first);
    free(second);
}

static void test_too_wide(void **state) {
    (void)state;
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    uint8_t *row = calloc(1, 1000001);
    assert_non_null(row);
    assert_int_equal(png_encode(row, 1, 1000001, 1, &bytes, &length, &error), -1);
    assert_int_equal(error.code, ERROR_RUN);
    assert_non_null(strstr(error.message, "cannot encode a PNG of 1000001 x 1 pixels"));
    assert_null(bytes);
    free(row);
}

static void test_file(void **state) {
    (void)state;
    struct error error = {0};
    char *folder = expect_folder(), *path = expect_path(folder, "picture.png");
    const uint8_t pixels[3] = {10, 20, 30};
    struct image image = {0};
    assert_int_equal(png_write(path, pixels, 1, 1, 3, &error), 0);
    assert_int_equal(image_read(path, &image, &error), 0);
    assert_memory_equal(image.pixels, pixels, 3);
    assert_int_equal(expect_entries(folder), 1);
    assert_int_equal(png_write("/nowhere/picture.png", pixels, 1, 1, 3, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
    image_free(&image);
    free(path);
    expect_folder_gone(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_too_wide),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
