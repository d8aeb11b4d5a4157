#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/data_room.h"

enum { PLANES = 3072 };

/* `count` records with these label bytes before the planes; plane byte i of record r is (r + i / 1024 * 60 + i) % 251.
 */
static void write_records(const struct room *room, const char *name, const uint8_t *labels, size_t label_bytes,
                          size_t count, size_t cut) {
    size_t record = label_bytes + PLANES;
    uint8_t *bytes = malloc(count * record + 1);
    assert_non_null(bytes);
    for (size_t r = 0; r < count; r++) {
        memcpy(bytes + r * record, labels + r * label_bytes, label_bytes);
        for (size_t i = 0; i < PLANES; i++)
            bytes[r * record + label_bytes + i] = (uint8_t)((r + i / 1024 * 60 + i) % 251);
    }
    room_write(room, name, bytes, count * record - cut);
    free(bytes);
}

static void expect_planes(const struct dataset *dataset, size_t image, size_t record) {
    const uint8_t *pixels = (const uint8_t *)dataset->pixels + image * PLANES;
    for (size_t i = 0; i < 1024; i++)
        for (size_t c = 0; c < 3; c++) assert_int_equal(pixels[3 * i + c], (record + c * 60 + c * 1024 + i) % 251);
}

/* Batches in the order of their names, however many records each has. */
static void test_cifar10(void **state) {
    struct room *room = *state;
    write_records(room, "c/data_batch_2.bin", (uint8_t[]){4, 5}, 1, 2, 0);
    write_records(room, "c/data_batch_1.bin", (uint8_t[]){9, 0, 3}, 1, 3, 0);
    write_records(room, "c/test_batch.bin", (uint8_t[]){7}, 1, 1, 0);
    room_load_good(room, "{\"source\": \"cifar10\", \"path\": \"c\"}");
    static const int32_t labels[] = {9, 0, 3, 4, 5};
    const struct dataset *train = &room->splits.train;
    assert_int_equal(train->count, 5);
    assert_memory_equal(train->labels, labels, sizeof labels);
    assert_int_equal(train->height, 32);
    assert_int_equal(train->width, 32);
    assert_int_equal(train->channels, 3);
    expect_planes(train, 2, 2);
    expect_planes(train, 4, 1);
    assert_int_equal(room->splits.test.count, 1);
    assert_int_equal(room->splits.test.labels[0], 7);
    assert_int_equal(room->splits.classes, 10);
    assert_null(room->splits.class_names);

    room_load_good(room, "{\"source\": \"cifar10\", \"path\": \"c/data_batch_1.bin\"}");
    assert_int_equal(room->splits.train.count, 3);
    assert_int_equal(room->splits.test.count, 0);
}

static void test_names_and_inner_folder(void **state) {
    struct room *room = *state;
    write_records(room, "c/cifar-10-batches-bin/data_batch_1.bin", (uint8_t[]){1}, 1, 1, 0);
    room_write_text(room, "c/cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nlast one\n\n");
    room_load_good(room, "{\"source\": \"cifar10\", \"path\": \"c\"}");
    assert_string_equal(room->splits.class_names[0], "a");
    assert_string_equal(room->splits.class_names[9], "last one");
    room_write_text(room, "c/cifar-10-batches-bin/batches.meta.txt", "a\nb\n");
    room_load_bad(room, "{\"source\": \"cifar10\", \"path\": \"c\"}", ERROR_DATA,
                  "c/cifar-10-batches-bin/batches.meta.txt",
                  "holds 2 names, 10 classes need one each; correct or remove the file");
}

static void test_cifar100(void **state) {
    struct room *room = *state;
    write_records(room, "c/train.bin", (uint8_t[]){19, 99, 3, 42}, 2, 2, 0);
    write_records(room, "c/test.bin", (uint8_t[]){0, 1}, 2, 1, 0);
    room_load_good(room, "{\"source\": \"cifar100\", \"path\": \"c\"}");
    assert_int_equal(room->splits.classes, 100);
    assert_int_equal(room->splits.train.labels[0], 99);
    assert_int_equal(room->splits.train.labels[1], 42);
    assert_int_equal(room->splits.test.labels[0], 1);
    expect_planes(&room->splits.train, 1, 1);
    room_load_good(room, "{\"source\": \"cifar100\", \"path\": \"c\", \"labels\": \"coarse\"}");
    assert_int_equal(room->splits.classes, 20);
    assert_int_equal(room->splits.train.labels[0], 19);
    assert_int_equal(room->splits.test.labels[0], 0);
    write_records(room, "d/cifar-100-binary/train.bin", (uint8_t[]){19, 99}, 2, 1, 0);
    room_load_good(room, "{\"source\": \"cifar100\", \"path\": \"d\"}");
    assert_int_equal(room->splits.train.count, 1);
}

static void expect_bad(struct room *room, const char *source, const char *message) {
    char json[80];
    snprintf(json, sizeof json, "{\"source\": \"%s\", \"path\": \"bad.bin\"}", source);
    room_load_bad(room, json, ERROR_DATA, "bad.bin", message);
}

static void test_bad_files(void **state) {
    struct room *room = *state;
    room_write(room, "bad.bin", "", 0);
    expect_bad(room, "cifar10", "is empty; records of 3073 bytes were expected: fetch the file again");
    write_records(room, "bad.bin", (uint8_t[]){1, 2}, 1, 2, 1);
    expect_bad(room, "cifar10", "has 6145 bytes, no multiple of the 3073 of a record; it is truncated or no such file");
    expect_bad(room, "cifar100",
               "has 6145 bytes, no multiple of the 3074 of a record; it is truncated or no such file");
    write_records(room, "bad.bin", (uint8_t[]){1, 10}, 1, 2, 0);
    expect_bad(room, "cifar10", "record 1 has label 10; 0 to 9 are expected: is it the binary version of the data?");
    write_records(room, "bad.bin", (uint8_t[]){1, 100}, 2, 1, 0);
    expect_bad(room, "cifar100", "record 0 has label 100; 0 to 99 are expected: is it the binary version of the data?");
}

static void test_empty_folders(void **state) {
    struct room *room = *state;
    room_write_text(room, "c/data_batch_.bin", "");
    room_load_bad(room, "{\"source\": \"cifar10\", \"path\": \"c\"}", ERROR_DATA, "c",
                  "holds no data_batch_*.bin; name the folder of CIFAR-10's binary version");
    room_load_bad(room, "{\"source\": \"cifar100\", \"path\": \"c\"}", ERROR_DATA, "c",
                  "holds no train.bin; name the folder of CIFAR-100's binary version");
}

static void load_real(struct room *room, const char *source) {
    char json[4200];
    const char *data = getenv("CNNTRAIN_DATA");
    if (!data) skip();
    snprintf(json, sizeof json, "{\"source\": \"%s\", \"path\": \"%s/%s\"}", source, data, source);
    room_load_good(room, json);
}

static void test_real_cifar10(void **state) {
    struct room *room = *state;
    load_real(room, "cifar10");
    assert_int_equal(room->splits.train.count, 932 * 5);
    assert_int_equal(room->splits.test.count, 932);
    assert_string_equal(room->splits.class_names[0], "airplane");
    assert_int_equal(room->splits.train.labels[0], 6); /* the first picture of data_batch_1 is a frog */
}

static void test_real_cifar100(void **state) {
    struct room *room = *state;
    load_real(room, "cifar100");
    assert_int_equal(room->splits.train.count, 540);
    assert_int_equal(room->splits.test.count, 135);
    assert_string_equal(room->splits.class_names[99], "worm");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cifar10, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_names_and_inner_folder, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_cifar100, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_files, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_empty_folders, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_real_cifar10, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_real_cifar100, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
