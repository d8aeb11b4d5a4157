#include "data/image_fit.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/expect.h"

/* Gray, each pixel its column times 10 plus its row times 100. */
static struct image open_image(int height, int width) {
    struct image image = {height, width, 1, malloc((size_t)height * (size_t)width)};
    assert_non_null(image.pixels);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) image.pixels[y * width + x] = (uint8_t)(10 * x + 100 * y);
    return image;
}

static void fit_to(struct image *image, int height, int width, enum image_fit fit) {
    struct error error = {0};
    assert_int_equal(image_fit(image, COLOR_AS_IS, (const int[]){height, width}, fit, "test.png", &error), 0);
    expect_no_error(&error);
    assert_int_equal(image->height, height);
    assert_int_equal(image->width, width);
}

static void names(void **state) {
    (void)state;
    enum image_fit fit = IMAGE_STRETCH;
    assert_true(image_fit_find("crop", &fit));
    assert_int_equal(fit, IMAGE_CROP);
    assert_true(image_fit_find("fit", &fit));
    assert_int_equal(fit, IMAGE_FIT);
    assert_true(image_fit_find("stretch", &fit));
    assert_int_equal(fit, IMAGE_STRETCH);
    assert_false(image_fit_find("Crop", &fit));
    assert_false(image_fit_find("", &fit));
}

/* A picture of the size that is wanted comes out as it went in, whatever the way. */
static void same_size(void **state) {
    (void)state;
    for (int fit = 0; fit < 3; fit++) {
        struct image image = open_image(2, 5), same = open_image(2, 5);
        fit_to(&image, 2, 5, (enum image_fit)fit);
        assert_memory_equal(image.pixels, same.pixels, 10);
        image_free(&image);
        image_free(&same);
    }
}

static void crops(void **state) {
    (void)state;
    struct image wide = open_image(2, 6), high = open_image(5, 1);
    const uint8_t middle[] = {20, 30, 120, 130};
    fit_to(&wide, 2, 2, IMAGE_CROP);
    assert_memory_equal(wide.pixels, middle, sizeof middle);
    fit_to(&high, 1, 1, IMAGE_CROP);
    assert_int_equal(high.pixels[0], 200);
    image_free(&wide);
    image_free(&high);
}

static void fits(void **state) {
    (void)state;
    struct image wide = open_image(1, 4), high = open_image(2, 1);
    const uint8_t banded[] = {0, 0, 0, 0, 0, 10, 20, 30, 0, 0, 0, 0, 0, 0, 0, 0};
    const uint8_t pillar[] = {0, 0, 0, 0, 100, 0};
    fit_to(&wide, 4, 4, IMAGE_FIT);
    assert_memory_equal(wide.pixels, banded, sizeof banded);
    fit_to(&high, 2, 3, IMAGE_FIT);
    assert_memory_equal(high.pixels, pillar, sizeof pillar);
    image_free(&wide);
    image_free(&high);
}

/* No side vanishes, however long and thin. */
static void extremes(void **state) {
    (void)state;
    const int sizes[][2] = {{1, 1}, {1, 200}, {200, 1}, {7, 3}};
    for (int fit = 0; fit < 3; fit++)
        for (int from = 0; from < 4; from++)
            for (int to = 0; to < 4; to++) {
                struct image image = open_image(sizes[from][0], sizes[from][1]);
                fit_to(&image, sizes[to][0], sizes[to][1], (enum image_fit)fit);
                image_free(&image);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(same_size), cmocka_unit_test(crops),
        cmocka_unit_test(fits),  cmocka_unit_test(extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
