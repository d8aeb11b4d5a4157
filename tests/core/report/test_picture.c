#include "core/report/picture.h"

#include <math.h>
#include <string.h>

#include "core/report/font.h"
#include "tests/support/expect.h"

static struct picture open_white(int height, int width) {
    struct error error = {0};
    struct picture picture = {0};
    assert_int_equal(picture_open(&picture, height, width, PICTURE_WHITE, &error), 0);
    expect_no_error(&error);
    return picture;
}

static void expect_pixel(const struct picture *picture, int x, int y, int red, int green, int blue) {
    const uint8_t *pixel = picture->pixels + (y * picture->width + x) * 3;
    assert_int_equal(pixel[0], red);
    assert_int_equal(pixel[1], green);
    assert_int_equal(pixel[2], blue);
}

static int count_ink(const struct picture *picture) {
    int count = 0;
    for (int i = 0; i < picture->height * picture->width; i++) count += picture->pixels[3 * i] != 255;
    return count;
}

/* What would stand outside is left out, on all sides. */
static void test_edges(void **state) {
    (void)state;
    struct picture picture = open_white(3, 4), small = open_white(2, 2);
    picture_fill(&small, 0, 0, 2, 2, (struct picture_color){1, 2, 3});
    picture_put(&picture, -1, -1, &small, 1);
    picture_put(&picture, 3, 2, &small, 5);
    expect_pixel(&picture, 0, 0, 1, 2, 3);
    expect_pixel(&picture, 3, 2, 1, 2, 3);
    assert_int_equal(count_ink(&picture), 2);
    picture_fill(&picture, -10, -10, 100, 100, PICTURE_INK);
    assert_int_equal(count_ink(&picture), 12);
    picture_free(&small);
    picture_free(&picture);
}

static void test_enlarged(void **state) {
    (void)state;
    const uint8_t bytes[2] = {10, 200};
    struct error error = {0};
    struct picture picture = open_white(3, 6), two = {0};
    assert_int_equal(picture_from_bytes(bytes, 1, 2, 1, &two, &error), 0);
    picture_put(&picture, 0, 0, &two, 3);
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 6; x++) expect_pixel(&picture, x, y, x < 3 ? 10 : 200, x < 3 ? 10 : 200, x < 3 ? 10 : 200);
    picture_free(&two);
    picture_free(&picture);
}

/* Alpha is not looked at. */
/* Blocks at the right and at the bottom are what is left. */
static void test_shrunk(void **state) {
    (void)state;
    const uint8_t bytes[15] = {0, 10, 20, 30, 40, 100, 110, 120, 130, 140, 5, 6, 7, 8, 9};
    struct error error = {0};
    struct picture picture = {0};
    assert_int_equal(picture_from_bytes(bytes, 3, 5, 1, &picture, &error), 0);
    assert_int_equal(picture_shrink(&picture, 2, &error), 0);
    assert_int_equal(picture.width, 3);
    assert_int_equal(picture.height, 2);
    const int expected[6] = {55, 75, 90, 6, 8, 9};
    for (int i = 0; i < 6; i++) expect_pixel(&picture, i % 3, i / 3, expected[i], expected[i], expected[i]);
    picture_free(&picture);
}

static void test_channels(void **state) {
    (void)state;
    const uint8_t bytes[4] = {10, 20, 30, 40};
    const int expected[5][3] = {{0}, {10, 10, 10}, {10, 10, 10}, {10, 20, 30}, {10, 20, 30}};
    for (int channels = 1; channels <= 4; channels++) {
        struct error error = {0};
        struct picture picture = {0};
        assert_int_equal(picture_from_bytes(bytes, 1, 1, channels, &picture, &error), 0);
        expect_pixel(&picture, 0, 0, expected[channels][0], expected[channels][1], expected[channels][2]);
        picture_free(&picture);
    }
}

static void test_too_large(void **state) {
    (void)state;
    struct error error = {0};
    struct picture picture = {0};
    assert_int_equal(picture_open(&picture, 1, PICTURE_SIDE_MAX + 1, PICTURE_WHITE, &error), -1);
    expect_error(&error, ERROR_RUN, "the picture would have 32769 x 1 pixels, which is too large to look at");
    assert_int_equal(picture_open(&picture, 32768, 32768, PICTURE_WHITE, &error), -1);
    expect_error(&error, ERROR_RUN, "the picture would have 32768 x 32768 pixels, which is too large to look at");
    assert_null(picture.pixels);
}

static void expect_color(enum picture_palette palette, struct picture_range range, float value, int red, int green,
                         int blue) {
    struct picture_color color = picture_palette_color(palette, range, value);
    assert_int_equal(color.red, red);
    assert_int_equal(color.green, green);
    assert_int_equal(color.blue, blue);
}

static void test_palettes(void **state) {
    (void)state;
    const struct picture_range unit = {0, 1}, around = {-2, 2}, none = {3, 3}, all = {-3e38F, 3e38F};
    expect_color(PICTURE_GRAY, unit, 0, 0, 0, 0);
    expect_color(PICTURE_GRAY, unit, 0.5F, 128, 128, 128);
    expect_color(PICTURE_GRAY, unit, 1, 255, 255, 255);
    expect_color(PICTURE_GRAY, unit, 7, 255, 255, 255);
    expect_color(PICTURE_GRAY, unit, -INFINITY, 0, 0, 0);
    expect_color(PICTURE_GRAY, none, 3, 0, 0, 0);
    expect_color(PICTURE_DIVERGING, none, 3, 255, 255, 255);
    expect_color(PICTURE_GRAY, all, 3e38F, 255, 255, 255);
    expect_color(PICTURE_GRAY, all, 0, 128, 128, 128);
    expect_color(PICTURE_GRAY, unit, NAN, 255, 0, 200);
    expect_color(PICTURE_DIVERGING, around, 0, 255, 255, 255);
    expect_color(PICTURE_DIVERGING, around, -2, 25, 65, 140);
    expect_color(PICTURE_DIVERGING, around, 9, 155, 20, 40);
}

static void test_ranges(void **state) {
    (void)state;
    const float values[] = {1, 100, NAN, 100, -4, 100, INFINITY, 100, 3, 100};
    struct picture_range range = picture_range_of(values, 5, 2);
    assert_float_equal(range.low, -4, 0);
    assert_float_equal(range.high, 3, 0);
    range = picture_range_around_zero(range);
    assert_float_equal(range.low, -4, 0);
    assert_float_equal(range.high, 4, 0);
    range = picture_range_join(range, (struct picture_range){-1, 9});
    assert_float_equal(range.low, -4, 0);
    assert_float_equal(range.high, 9, 0);
    range = picture_range_of(values + 2, 1, 1);
    assert_float_equal(range.low, 0, 0);
    assert_float_equal(range.high, 0, 0);
}

static void test_maps(void **state) {
    (void)state;
    /* Two cells of three channels. */
    const float values[6] = {0, 0.2F, 1, 1, NAN, 0};
    const struct picture_range unit = {0, 1};
    struct error error = {0};
    struct picture picture = {0};
    assert_int_equal(picture_from_map(&(struct picture_map){values + 2, 1, 2, 3}, PICTURE_GRAY, unit, &picture, &error),
                     0);
    expect_pixel(&picture, 0, 0, 255, 255, 255);
    expect_pixel(&picture, 1, 0, 0, 0, 0);
    picture_free(&picture);
    assert_int_equal(picture_from_rgb_map(&(struct picture_map){values, 2, 1, 3}, 1, unit, &picture, &error), 0);
    expect_pixel(&picture, 0, 0, 0, 51, 255);
    expect_pixel(&picture, 0, 1, 255, 0, 200);
    picture_free(&picture);
}

/* Every letter but the space has ink of its own, and stays within its rows. */
static void test_letters(void **state) {
    (void)state;
    for (unsigned char letter = ' '; letter <= '~'; letter++) {
        const char *drawing = font_drawing(letter);
        int rows = 1;
        for (const char *at = drawing; *at; at++) rows += *at == '/';
        assert_true(rows <= FONT_HEIGHT);
        assert_int_equal(strspn(drawing, "#./"), strlen(drawing));
        assert_int_equal(strchr(drawing, '#') != NULL, letter != ' ');
        for (unsigned char other = ' '; other < letter; other++) assert_string_not_equal(drawing, font_drawing(other));
    }
    assert_ptr_equal(font_drawing(0), font_drawing('?'));
    assert_ptr_equal(font_drawing(127), font_drawing('?'));
    assert_ptr_equal(font_drawing(255), font_drawing('?'));
}

static void test_text(void **state) {
    (void)state;
    char buffer[64];
    assert_int_equal(picture_text_width("", 1), 0);
    assert_int_equal(picture_text_width("I", 1), 3);
    assert_int_equal(picture_text_width("II", 2), 14);
    /* A character is one '?', whatever its bytes; so is a byte that is none. */
    assert_int_equal(picture_text_width("\xC3\xA9\xE2\x82\xAC\xFF", 1), picture_text_width("???", 1));
    assert_string_equal(picture_text_fit("short", 1, 100, buffer, sizeof buffer), "short");
    picture_text_fit("a_class_with_a_very_long_name", 1, 80, buffer, sizeof buffer);
    assert_true(picture_text_width(buffer, 1) <= 80);
    assert_true(picture_text_width(buffer, 1) > 60);
    assert_non_null(strstr(buffer, "..."));
    struct picture picture = open_white(9, 20);
    picture_text(&picture, 0, 0, "I", 1, PICTURE_INK);
    assert_int_equal(count_ink(&picture), 11);
    expect_pixel(&picture, 1, 3, 28, 32, 38);
    picture_text(&picture, -1000, 4, "cut off", 3, PICTURE_INK);
    picture_free(&picture);
}

static void test_grid(void **state) {
    (void)state;
    struct error error = {0};
    struct picture dark = open_white(4, 6), picture = {0};
    picture_fill(&dark, 0, 0, 6, 4, (struct picture_color){0, 0, 0});
    const struct picture_cell cells[5] = {{&dark, NULL}, {NULL, NULL}, {&dark, NULL}, {&dark, NULL}, {&dark, NULL}};
    assert_int_equal(
        picture_from_grid(&(struct picture_grid){.cells = cells, .count = 5, .columns = 3, .enlarge = 2, .gap = 1},
                          &picture, &error),
        0);
    assert_int_equal(picture.width, 3 * 12 + 2);
    assert_int_equal(picture.height, 2 * 8 + 1);
    assert_int_equal(count_ink(&picture), 4 * 12 * 8);
    expect_pixel(&picture, 12, 0, 255, 255, 255);
    expect_pixel(&picture, 26, 0, 0, 0, 0);
    expect_pixel(&picture, 24, 16, 0, 0, 0);
    expect_pixel(&picture, 26, 16, 255, 255, 255);
    picture_free(&picture);
    assert_int_equal(picture_from_grid(&(struct picture_grid){.cells = cells, .count = 0}, &picture, &error), 0);
    assert_int_equal(picture.width * picture.height, 1);
    picture_free(&picture);
    picture_free(&dark);
}

/* Labels make room for themselves, up to the width they may have. */
static void test_labels(void **state) {
    (void)state;
    struct error error = {0};
    struct picture dark = open_white(10, 10), picture = {0};
    const struct picture_cell cells[2] = {{&dark, "a\nII"}, {&dark, "a_class_with_a_very_very_very_long_name"}};
    const char *rows[] = {"cat\n12", "dog"};
    assert_int_equal(picture_from_grid(&(struct picture_grid){.cells = cells, .count = 2, .columns = 1, .enlarge = 1},
                                       &picture, &error),
                     0);
    assert_in_range(picture.width, 160, 200);
    assert_true(picture.height >= 2 * (10 + 2 * 9));
    int without = picture.width;
    picture_free(&picture);
    assert_int_equal(
        picture_from_grid(
            &(struct picture_grid){.cells = cells, .count = 2, .columns = 1, .enlarge = 1, .row_labels = rows},
            &picture, &error),
        0);
    assert_true(picture.width >= without + picture_text_width("dog", 2));
    picture_free(&picture);
    picture_free(&dark);
}

/* A note that is too long for the width goes on in the next line, whatever stands in it. */
static void test_notes(void **state) {
    (void)state;
    struct error error = {0};
    struct picture one = {0}, two = {0}, long_note = {0};
    char words[1200] = "", word[1200];
    for (int i = 0; i < 100; i++) strcat(words, "many words ");
    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_int_equal(picture_stack(&(struct picture_part){NULL, "one line", NULL}, 1, &one, &error), 0);
    assert_int_equal(picture_stack(&(struct picture_part){NULL, "one\nline", NULL}, 1, &two, &error), 0);
    assert_true(two.height > one.height && two.width < one.width);
    assert_int_equal(picture_stack(&(struct picture_part){NULL, words, NULL}, 1, &long_note, &error), 0);
    assert_in_range(long_note.width, 600, 800);
    assert_true(long_note.height > 10 * one.height / 2);
    picture_free(&long_note);
    assert_int_equal(picture_stack(&(struct picture_part){word, word, NULL}, 1, &long_note, &error), 0);
    picture_free(&long_note);
    picture_free(&two);
    picture_free(&one);
}

static void test_stack(void **state) {
    (void)state;
    struct error error = {0};
    struct picture dark = open_white(30, 20), picture = {0};
    picture_fill(&dark, 0, 0, 20, 30, (struct picture_color){0, 0, 0});
    const struct picture_part parts[] = {{"A title wider than what is below", "a note", &dark}, {NULL, NULL, &dark}};
    assert_int_equal(picture_stack(parts, 2, &picture, &error), 0);
    assert_int_equal(picture.width, picture_text_width(parts[0].title, 3) + 2 * PICTURE_MARGIN);
    expect_pixel(&picture, PICTURE_MARGIN, picture.height - PICTURE_MARGIN - 1, 0, 0, 0);
    expect_pixel(&picture, PICTURE_MARGIN, picture.height - PICTURE_MARGIN, 255, 255, 255);
    picture_free(&picture);
    picture_free(&dark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),  cmocka_unit_test(test_enlarged),  cmocka_unit_test(test_channels),
        cmocka_unit_test(test_shrunk), cmocka_unit_test(test_too_large), cmocka_unit_test(test_palettes),
        cmocka_unit_test(test_ranges), cmocka_unit_test(test_maps),      cmocka_unit_test(test_letters),
        cmocka_unit_test(test_text),   cmocka_unit_test(test_grid),      cmocka_unit_test(test_labels),
        cmocka_unit_test(test_stack),  cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
