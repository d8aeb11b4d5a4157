#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/glyphs.h"
#include "tests/support/data_room.h"

enum { IMAGE = 32 * 32 * 3 };

static void test_counts(void **state) {
    struct room *room = *state;
    room_load_good(room, "\"synth\"");
    assert_int_equal(room->splits.train.count, 4000);
    assert_int_equal(room->splits.test.count, 1000);
    assert_int_equal(room->splits.train.height, 32);
    assert_int_equal(room->splits.train.width, 32);
    assert_int_equal(room->splits.train.channels, 3);
    assert_int_equal(room->splits.classes, 10);
    room_load_good(room, "{\"source\": \"synth\", \"train\": 7, \"test\": 0}");
    assert_int_equal(room->splits.train.count, 7);
    assert_int_equal(room->splits.test.count, 0);
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"20,5\"}");
    assert_int_equal(room->splits.train.count, 20);
    assert_int_equal(room->splits.test.count, 5);
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"20\", \"test\": 3}");
    assert_int_equal(room->splits.train.count, 20);
    assert_int_equal(room->splits.test.count, 3);
}

static void test_bad_counts(void **state) {
    struct room *room = *state;
    static const char *const texts[] = {"many", "", "20,", ",5", "20,5,1", "-3", "99999999999", "20 5"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char json[80], message[160];
        snprintf(json, sizeof json, "{\"source\": \"synth\", \"path\": \"%s\"}", texts[i]);
        snprintf(message, sizeof message,
                 "synth takes counts as TRAIN,TEST such as 2000,500 (each at most 10000000), got \"%s\"", texts[i]);
        room_load_bad(room, json, ERROR_CONFIG, "=data.path", message);
    }
    room_load_bad(room, "{\"source\": \"synth\", \"path\": \"0,5\"}", ERROR_DATA, "=0,5",
                  "holds no training images; put some there");
}

/* An image depends on the seed and its number, not on how many there are; parts and seeds differ. */
static void test_repeatable(void **state) {
    struct room *room = *state;
    uint8_t first[3 * IMAGE];
    int32_t labels[3];
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"3,2\"}");
    memcpy(first, room->splits.train.pixels, sizeof first);
    memcpy(labels, room->splits.train.labels, sizeof labels);
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"50,9\"}");
    assert_memory_equal(room->splits.train.pixels, first, sizeof first);
    assert_memory_equal(room->splits.train.labels, labels, sizeof labels);
    assert_memory_not_equal(room->splits.test.pixels, first, IMAGE);
    data_splits_free(&room->splits);
    assert_int_equal(data_room.load(&room->source, NULL, NULL, 8, NULL, &room->splits, &room->error), 0);
    assert_memory_not_equal(room->splits.train.pixels, first, IMAGE);
}

/* All ten digits come about equally often, and none of the images is plain. */
static void test_variety(void **state) {
    struct room *room = *state;
    int counts[10] = {0};
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"2000,0\"}");
    const struct dataset *train = &room->splits.train;
    for (int i = 0; i < 2000; i++) {
        const uint8_t *pixels = (const uint8_t *)train->pixels + (size_t)i * IMAGE;
        int low = 255, high = 0;
        counts[train->labels[i]]++;
        for (int k = 0; k < IMAGE; k++) {
            low = pixels[k] < low ? pixels[k] : low;
            high = pixels[k] > high ? pixels[k] : high;
        }
        assert_true(high - low > 40);
    }
    for (int i = 0; i < 10; i++) assert_in_range(counts[i], 150, 250);
}

static void test_glyphs(void **state) {
    (void)state;
    for (int digit = 0; digit < GLYPH_COUNT; digit++) {
        struct glyph glyph;
        glyph_build(digit, &glyph);
        assert_in_range(glyph.count, 2, GLYPH_SEGMENTS_MAX);
        float top = 1, bottom = -1;
        for (int i = 0; i < glyph.count; i++) {
            const struct glyph_segment *segment = &glyph.segments[i];
            assert_true(segment->x0 >= -0.6F && segment->x0 <= 0.6F && segment->y0 >= -1 && segment->y0 <= 1);
            top = fminf(top, fminf(segment->y0, segment->y1));
            bottom = fmaxf(bottom, fmaxf(segment->y0, segment->y1));
        }
        assert_true(top < -0.9F && bottom > 0.9F);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_counts, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_repeatable, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_variety, room_open, room_close),
        cmocka_unit_test(test_glyphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
