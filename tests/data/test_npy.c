#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/data_room.h"

/* Writes a .npy file of version `version` with this dictionary and these values. */
static void write_npy(const struct room *room, const char *name, int version, const char *dictionary,
                      const void *values, size_t length) {
    struct text bytes = {0};
    size_t text = strlen(dictionary);
    text_add_bytes(&bytes, "\x93NUMPY", 6);
    text_add_bytes(&bytes, (const char[]){(char)version, 0}, 2);
    text_add_bytes(&bytes, (const char[]){(char)(text & 255), (char)(text >> 8), 0, 0}, version == 1 ? 2 : 4);
    text_add(&bytes, dictionary);
    text_add_bytes(&bytes, values, length);
    room_write(room, name, bytes.bytes, bytes.length);
    text_free(&bytes);
}

#define BYTES(shape) "{'descr': '|u1', 'fortran_order': False, 'shape': " shape ", }   \n"
#define TYPE(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }\n"

static const uint8_t pixels[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255};
static const char pair[] = "{\"source\": \"npy\", \"path\": \"x.npy,y.npy\"}";

static void write_good_labels(const struct room *room) {
    write_npy(room, "y.npy", 1, BYTES("(2,)"), (uint8_t[]){1, 0}, 2);
}

static void test_pair(void **state) {
    struct room *room = *state;
    write_good_labels(room);
    for (int version = 1; version <= 3; version++) {
        write_npy(room, "x.npy", version, BYTES("(2, 3, 2)"), pixels, 12);
        room_load_good(room, pair);
        const struct dataset *train = &room->splits.train;
        assert_int_equal(train->count, 2);
        assert_int_equal(train->height, 3);
        assert_int_equal(train->width, 2);
        assert_int_equal(train->channels, 1);
        assert_int_equal(train->type, PIXEL_UINT8);
        assert_memory_equal(train->pixels, pixels, 12);
        assert_int_equal(train->labels[0], 1);
        assert_int_equal(room->splits.classes, 2);
    }
    write_npy(room, "x.npy", 1, BYTES("(2, 1, 2, 3)"), pixels, 12);
    room_load_good(room, pair);
    assert_int_equal(room->splits.train.height, 1);
    assert_int_equal(room->splits.train.width, 2);
    assert_int_equal(room->splits.train.channels, 3);
}

static void test_floats(void **state) {
    struct room *room = *state;
    const float values[4] = {0.5F, -1, 2, 0.25F};
    write_good_labels(room);
    write_npy(room, "x.npy", 1, TYPE("<f4", "(2, 1, 2)"), values, sizeof values);
    room_load_good(room, pair);
    assert_int_equal(room->splits.train.type, PIXEL_FLOAT32);
    assert_memory_equal(room->splits.train.pixels, values, sizeof values);
    const float bad[4] = {0.5F, -1, 2, NAN};
    write_npy(room, "x.npy", 1, TYPE("<f4", "(2, 1, 2)"), bad, sizeof bad);
    room_load_bad(room, pair, ERROR_DATA, "x.npy",
                  "image 1 holds a value that is not finite; save it with numpy.nan_to_num, or leave it out");
}

static void test_folder(void **state) {
    struct room *room = *state;
    write_npy(room, "d/x_train.npy", 1, BYTES("(2, 3, 2)"), pixels, 12);
    room_load_bad(room, "{\"source\": \"npy\", \"path\": \"d\"}", ERROR_DATA, "d",
                  "holds x_train.npy, but no y_train.npy; put it there");
    write_npy(room, "d/y_train.npy", 1, TYPE("<i8", "(2, 1)"), (int64_t[]){0, 4}, 16);
    write_npy(room, "d/x_val.npy", 1, BYTES("(1, 3, 2)"), pixels, 6);
    write_npy(room, "d/y_val.npy", 1, TYPE("<i4", "(1,)"), (int32_t[]){3}, 4);
    write_npy(room, "d/x_test.npy", 1, BYTES("(1, 3, 2)"), pixels + 6, 6);
    write_npy(room, "d/y_test.npy", 1, TYPE("<u2", "(1,)"), (uint16_t[]){2}, 2);
    room_load_good(room, "{\"source\": \"npy\", \"path\": \"d\", \"validation_split\": 0.5}");
    assert_int_equal(room->splits.classes, 5);
    assert_int_equal(room->splits.train.count, 2); /* a validation part of its own: nothing is split off */
    assert_int_equal(room->splits.validation.labels[0], 3);
    assert_int_equal(room->splits.test.labels[0], 2);
    assert_memory_equal(room->splits.test.pixels, pixels + 6, 6);
    room_write_text(room, "e/readme", "");
    room_load_bad(room, "{\"source\": \"npy\", \"path\": \"e\"}", ERROR_DATA, "e",
                  "holds no x_train.npy; put it there, or name two files as IMAGES.npy,LABELS.npy");
}

static void expect_bad_images(struct room *room, const char *dictionary, size_t length, const char *message) {
    write_npy(room, "x.npy", 1, dictionary, pixels, length);
    room_load_bad(room, pair, ERROR_DATA, "x.npy", message);
}

static void test_bad_images(void **state) {
    struct room *room = *state;
    write_good_labels(room);
    expect_bad_images(
        room, BYTES("(2, 3, 2)"), 11,
        "has 11 bytes of values, its header promises 12 times 1; it is truncated: save it again with numpy.save");
    expect_bad_images(
        room, BYTES("(2, 3)"), 12,
        "has 12 bytes of values, its header promises 6 times 1; it is damaged: save it again with numpy.save");
    expect_bad_images(room, BYTES("(12,)"), 12,
                      "has 1 dimension; images have (count, height, width) or (count, height, width, channels)");
    expect_bad_images(
        room, BYTES("(1, 1, 2, 6)"), 12,
        "has images of (1,2,6); (height, width, channels) of at most (4096,4096,4) can be used: save such");
    expect_bad_images(room, BYTES("(1, 1, 1, 2, 6)"), 12,
                      "has more than 4 dimensions; images have (count, height, width, channels), labels (count)");
    expect_bad_images(
        room, BYTES("(9999999999, 9999999999, 3)"), 12,
        "has a .npy header whose 'shape' is larger than any memory; save an array of numbers with numpy.save");
    expect_bad_images(room, BYTES("(4000000000, 28, 28)"), 12,
                      "has 12 bytes of values, its header promises 3136000000000 times 1; it is truncated: save it "
                      "again with numpy.save");
    expect_bad_images(room, TYPE("<f8", "(1, 1, 1)"), 8, "holds values of type f8; save images as uint8 or float32");
    expect_bad_images(room, TYPE("|O", "(1, 1, 1)"), 8,
                      "holds values of type '|O'; save it as uint8, float32 or integers");
    expect_bad_images(room, TYPE(">f4", "(1, 1, 2)"), 8, "is big-endian ('>f4'); save it with astype('<f4')");
    expect_bad_images(room, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2)}", 12,
                      "is in Fortran order; save it with numpy.ascontiguousarray");
    expect_bad_images(room, "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (2,)}", 8,
                      "has a .npy header without a plain 'descr'; save an array of numbers with numpy.save");
    expect_bad_images(room, "{'descr': '|u1', 'shape': (2,)}", 2,
                      "has a .npy header without 'fortran_order'; save an array of numbers with numpy.save");
    expect_bad_images(room, "{'descr': '|u1', 'fortran_order': False}", 2,
                      "has a .npy header without a 'shape'; save an array of numbers with numpy.save");
    expect_bad_images(room, "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'shape': (1, 1, 2)}", 2,
                      "has a .npy header in which a key stands twice; save an array of numbers with numpy.save");
    expect_bad_images(
        room, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 2), 'more': 1}", 2,
        "has a .npy header with more keys than a .npy file has; save an array of numbers with numpy.save");
    expect_bad_images(
        room, BYTES("(-1, 3)"), 2,
        "has a .npy header whose 'shape' is not a list of sizes; save an array of numbers with numpy.save");
    expect_bad_images(room, BYTES("(2, 0, 3)"), 0, "holds images of 0 x 3 pixels; a side has 1 to 4096: resize them");
    expect_bad_images(
        room, BYTES("(2, 3"), 2,
        "has a .npy header whose 'shape' is not a list of sizes; save an array of numbers with numpy.save");
}

static void test_bad_files(void **state) {
    struct room *room = *state;
    write_good_labels(room);
    room_write(room, "x.npy", "", 0);
    room_load_bad(room, pair, ERROR_DATA, "x.npy", "is empty; a .npy file was expected: save it with numpy.save");
    room_write_text(room, "x.npy", "PK\3\4 a zip file");
    room_load_bad(room, pair, ERROR_DATA, "x.npy",
                  "is not a .npy file (it does not begin with \\x93NUMPY); save it with numpy.save");
    write_npy(room, "x.npy", 4, BYTES("(2, 3, 2)"), pixels, 12);
    room_load_bad(room, pair, ERROR_DATA, "x.npy",
                  "is a .npy file of version 4.0; save it with version 1.0, 2.0 or 3.0");
    room_write(room, "x.npy", "\x93NUMPY\1\0\166\0{'descr", 17);
    room_load_bad(room, pair, ERROR_DATA, "x.npy",
                  "has a .npy header that is truncated; save an array of numbers with numpy.save");
    room_write(room, "x.npy", "\x93NUMPY\2\0\377\377\377\177", 12);
    room_load_bad(room, pair, ERROR_DATA, "x.npy",
                  "has a .npy header of more than 4096 bytes; save an array of numbers with numpy.save");
    room_load_bad(room, "{\"source\": \"npy\", \"path\": \"x.npy\"}", ERROR_DATA, "x.npy",
                  "is one file; give images and labels as IMAGES.npy,LABELS.npy, or a folder with x_train.npy and "
                  "y_train.npy");
}

static void expect_bad_labels(struct room *room, const char *dictionary, const void *values, size_t length,
                              const char *message) {
    write_npy(room, "y.npy", 1, dictionary, values, length);
    room_load_bad(room, pair, ERROR_DATA, "y.npy", message);
}

static void test_labels(void **state) {
    struct room *room = *state;
    write_npy(room, "x.npy", 1, BYTES("(2, 3, 2)"), pixels, 12);
    const struct {
        const char *type;
        const void *values;
        size_t length;
    } good[] = {{TYPE("|i1", "(2,)"), (int8_t[]){7, 1}, 2},
                {TYPE("<i2", "(2,)"), (int16_t[]){7, 1}, 4},
                {TYPE("<u4", "(2, 1)"), (uint32_t[]){7, 1}, 8},
                {TYPE("<u8", "(2,)"), (uint64_t[]){7, 1}, 16},
                {TYPE("<i8", "(2,)"), (int64_t[]){7, 1}, 16}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        write_npy(room, "y.npy", 1, good[i].type, good[i].values, good[i].length);
        room_load_good(room, pair);
        assert_int_equal(room->splits.train.labels[0], 7);
        assert_int_equal(room->splits.train.labels[1], 1);
        assert_int_equal(room->splits.classes, 8);
    }
    expect_bad_labels(room, TYPE("|i1", "(2,)"), (int8_t[]){1, -1}, 2,
                      "label 1 is -1; 0 to 65535 are expected: correct it");
    expect_bad_labels(room, TYPE("<i4", "(2,)"), (int32_t[]){65536, 1}, 8,
                      "label 0 is 65536; 0 to 65535 are expected: correct it");
    expect_bad_labels(room, TYPE("<u8", "(2,)"), (uint64_t[]){1, UINT64_MAX}, 16,
                      "label 1 is 9223372036854775807; 0 to 65535 are expected: correct it");
    expect_bad_labels(room, TYPE("|i1", "(1,)"), (int8_t[]){1}, 1,
                      "holds 1 label for 2 images; save both for the same images");
    expect_bad_labels(room, TYPE("|i1", "()"), (int8_t[]){1}, 1, "has 0 dimensions; labels have (count) or (count, 1)");
    expect_bad_labels(room, TYPE("|i1", "(2, 2)"), (int8_t[]){1, 0, 0, 1}, 4,
                      "has 2 dimensions; labels have (count) or (count, 1)");
    expect_bad_labels(room, TYPE("<f4", "(2,)"), (float[]){1, 2}, 8,
                      "holds values of type f4; save labels as integers");
    write_npy(room, "x.npy", 1, BYTES("(1, 3, 2)"), pixels, 6);
    expect_bad_labels(room, TYPE("|i1", "(2,)"), (int8_t[]){1, 0}, 2,
                      "holds 2 labels for 1 image; save both for the same images");
    write_npy(room, "x.npy", 1, BYTES("(3, 4)"), pixels, 12);
    room_load_bad(room, pair, ERROR_DATA, "x.npy",
                  "has 2 dimensions; images have (count, height, width) or (count, height, width, channels)");
    write_npy(room, "x.npy", 1, BYTES("(12,)"), pixels, 12);
    room_load_bad(room, pair, ERROR_DATA, "x.npy",
                  "has 1 dimension; images have (count, height, width) or (count, height, width, channels)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pair, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_floats, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_folder, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_images, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_files, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_labels, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
