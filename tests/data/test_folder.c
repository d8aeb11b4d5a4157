#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/data_room.h"

static const char load_it[] = "{\"source\": \"folder\", \"path\": \"f\"}";

/* Classes and files in the order of their names, every format, any case of the ending. */
static void test_order_and_formats(void **state) {
    struct room *room = *state;
    room_write_flat(room, "f/train/zebra/b.png", 4, 6, 3, 30);
    room_write_flat(room, "f/train/zebra/a.bmp", 4, 6, 3, 20);
    room_write_flat(room, "f/train/Cat/2.PNG", 4, 6, 3, 10);
    room_copy(room, "f/train/Cat/10.jpg", "tests/golden/images/flat_100.jpg");
    room_copy(room, "f/train/ant/x.jpeg", "tests/golden/images/flat_200.jpg");
    room_write_text(room, "f/train/ant/notes.txt", "not a picture");
    room_write_text(room, "f/train/.hidden/a.png", "not a picture");
    room_write_text(room, "f/train/ant/.hidden.png", "not a picture");
    room_write_flat(room, "f/test/ant/y.png", 4, 6, 3, 7);
    room_write_flat(room, "f/val/zebra/y.png", 4, 6, 3, 8);
    room_load_good(room, load_it);
    static const char *const names[] = {"Cat", "ant", "zebra"};
    /* classes mixed evenly: the first of two, the only one, the second of two */
    static const int32_t labels[] = {0, 2, 1, 0, 2};
    static const int values[] = {100, 20, 200, 10, 30};
    const struct dataset *train = &room->splits.train;
    assert_int_equal(room->splits.classes, 3);
    for (int i = 0; i < 3; i++) assert_string_equal(room->splits.class_names[i], names[i]);
    assert_int_equal(train->count, 5);
    assert_int_equal(train->height, 4);
    assert_int_equal(train->width, 6);
    assert_int_equal(train->channels, 3);
    assert_memory_equal(train->labels, labels, sizeof labels);
    for (int i = 0; i < 5; i++) assert_in_range(((uint8_t *)train->pixels)[i * 72 + 35], values[i] - 1, values[i] + 1);
    assert_int_equal(room->splits.test.count, 1);
    assert_int_equal(room->splits.test.labels[0], 1);
    assert_int_equal(room->splits.validation.count, 1);
    assert_int_equal(room->splits.validation.labels[0], 2);
}

static void test_classes_alone(void **state) {
    struct room *room = *state;
    room_write_flat(room, "f/a/1.png", 3, 3, 1, 5);
    room_write_flat(room, "f/b/1.png", 3, 3, 1, 6);
    room_load_good(room, load_it);
    assert_int_equal(room->splits.train.count, 2);
    assert_int_equal(room->splits.train.channels, 1);
    assert_int_equal(room->splits.test.count, 0);
    room_load_good(room, "{\"source\": \"folder\", \"path\": \"f\", \"color\": \"rgb\", \"resize\": [5, 7]}");
    assert_int_equal(room->splits.train.channels, 3);
    assert_int_equal(room->splits.train.height, 5);
    assert_int_equal(room->splits.train.width, 7);
    assert_int_equal(((uint8_t *)room->splits.train.pixels)[105 + 50], 6);
}

static void test_unequal(void **state) {
    struct room *room = *state;
    char expected[700];
    room_write_flat(room, "f/a/1.png", 3, 5, 3, 5);
    room_write_flat(room, "f/a/2.png", 4, 5, 3, 6);
    snprintf(expected, sizeof expected,
             "is 4 x 5 pixels (height x width), the first image %s/f/a/1.png is 3 x 5; all must be alike: set "
             "\"resize\": [3, 5] to resize them",
             room->folder);
    room_load_bad(room, load_it, ERROR_DATA, "f/a/2.png", expected);
    room_load_good(room, "{\"source\": \"folder\", \"path\": \"f\", \"resize\": [3, 5]}");
    assert_int_equal(room->splits.train.count, 2);
    room_write_flat(room, "f/a/2.png", 3, 5, 1, 6);
    snprintf(expected, sizeof expected,
             "has 1 channel, the first image %s/f/a/1.png has 3; all must be alike: set \"color\": \"rgb\" or "
             "\"grayscale\"",
             room->folder);
    room_load_bad(room, load_it, ERROR_DATA, "f/a/2.png", expected);
    room_load_good(room, "{\"source\": \"folder\", \"path\": \"f\", \"color\": \"grayscale\"}");
    assert_int_equal(room->splits.train.channels, 1);
    room_write_flat(room, "f/a/1.png", 3, 5000, 3, 5);
    room_load_bad(room, load_it, ERROR_DATA, "f/a/1.png",
                  "is 3 x 5000 pixels (height x width); images of a data set have at most 4096 a side: set \"resize\": "
                  "[height, width]");
    room_load_good(room, "{\"source\": \"folder\", \"path\": \"f\", \"resize\": [3, 5], \"color\": \"rgb\"}");
}

static void test_bad_folders(void **state) {
    struct room *room = *state;
    room_write_text(room, "f", "a file");
    room_load_bad(room, load_it, ERROR_DATA, "f", "is a file; a folder with a folder for each class is needed");
    room_write_text(room, "g/readme.txt", "");
    room_load_bad(room, "{\"source\": \"folder\", \"path\": \"g\"}", ERROR_DATA, "g",
                  "holds no class folders; pictures are expected as <class>/<picture> or train/<class>/<picture>");
    room_write_flat(room, "h/train/a/1.png", 3, 3, 1, 5);
    room_write_text(room, "h/train/b/1.gif", "");
    room_load_bad(room, "{\"source\": \"folder\", \"path\": \"h\"}", ERROR_DATA, "h/train/b",
                  "is a class without images; files ending in .png, .jpg, .jpeg or .bmp are read");
    room_write_flat(room, "i/train/a/1.png", 3, 3, 1, 5);
    room_write_flat(room, "i/test/b/1.png", 3, 3, 1, 5);
    room_load_bad(room, "{\"source\": \"folder\", \"path\": \"i\"}", ERROR_DATA, "i/test/b",
                  "is a class that the training set does not have; remove it, or add it to the training set");
    room_write_flat(room, "j/train/a/1.png", 3, 3, 1, 5);
    room_write_flat(room, "j/val/a/1.png", 3, 3, 1, 5);
    room_write_flat(room, "j/validation/a/1.png", 3, 3, 1, 5);
    room_load_bad(room, "{\"source\": \"folder\", \"path\": \"j\"}", ERROR_DATA, "j",
                  "holds both validation/ and val/; keep one");
    room_write_flat(room, "k/train/a/1.png", 3, 3, 1, 5);
    room_write_flat(room, "k/test/a/1.png", 3, 4, 1, 5);
    room_load_bad(room, "{\"source\": \"folder\", \"path\": \"k\"}", ERROR_DATA, "k",
                  "training images are (3,3,1) of bytes, test images (3,4,1) of bytes; all must be alike (\"resize\" "
                  "and \"color\" make them so)");
}

/* In memory, where so many folders are made in a moment. */
static void test_too_many_classes(void **state) {
    struct room *room = *state;
    char folder[] = "/dev/shm/cnntrain-test-XXXXXX", path[64];
    if (access("/dev/shm", W_OK) != 0 || !mkdtemp(folder)) skip();
    for (int i = 0; i <= DATASET_CLASSES_MAX; i++) {
        snprintf(path, sizeof path, "%s/%d", folder, i);
        mkdir(path, 0700);
    }
    char *link = expect_path(room->folder, "many");
    assert_int_equal(symlink(folder, link), 0);
    const int status = room_load(room, "{\"source\": \"folder\", \"path\": \"many\"}");
    for (int i = 0; i <= DATASET_CLASSES_MAX; i++) {
        snprintf(path, sizeof path, "%s/%d", folder, i);
        rmdir(path);
    }
    rmdir(folder);
    assert_int_equal(status, -1);
    assert_int_equal(room->error.code, ERROR_DATA);
    assert_string_equal(room->error.message, "holds 65537 classes; at most 65536 can be used");
    free(link);
}

/* Too high for a data set, and not too wide. */
static void test_too_high(void **state) {
    struct room *room = *state;
    room_write_flat(room, "tall/train/a/1.png", 4097, 1, 1, 5);
    room_load_bad(room, "{\"source\": \"folder\", \"path\": \"tall\"}", ERROR_DATA, "tall/train/a/1.png",
                  "is 4097 x 1 pixels (height x width); images of a data set have at most 4096 a side: set \"resize\": "
                  "[height, width]");
}

static void test_bad_pictures(void **state) {
    struct room *room = *state;
    room_write_flat(room, "f/a/1.png", 3, 3, 1, 5);
    room_write_text(room, "f/a/2.png", "");
    room_load_bad(room, load_it, ERROR_DATA, "f/a/2.png", "is empty; a PNG, JPEG or BMP image was expected");
    room_write_text(room, "f/a/2.png", "GIF89a");
    room_load_bad(room, load_it, ERROR_DATA, "f/a/2.png",
                  "is an image of the format GIF; convert it to PNG, JPEG or BMP");
}

static void test_folder_named_like_a_picture(void **state) {
    struct room *room = *state;
    room_write_flat(room, "f/a/1.png", 3, 3, 1, 5);
    room_write_text(room, "f/a/2.png/inside", "");
    room_load_bad(room, load_it, ERROR_IO, "f/a/2.png", "is a folder; a file is needed here");
}

static void test_missing_permission(void **state) {
    struct room *room = *state;
    if (geteuid() == 0) skip();
    room_write_flat(room, "f/a/1.png", 3, 3, 1, 5);
    char *path = expect_path(room->folder, "f/a");
    assert_int_equal(chmod(path, 0), 0);
    room_load_bad(room, load_it, ERROR_IO, "f/a", "cannot open the folder: Permission denied");
    assert_int_equal(chmod(path, 0700), 0);
    free(path);
}

static void test_dangling_link(void **state) {
    struct room *room = *state;
    room_write_flat(room, "f/a/1.png", 3, 3, 1, 5);
    char *path = expect_path(room->folder, "f/a/2.png");
    assert_int_equal(symlink("nowhere", path), 0);
    room_load_bad(room, load_it, ERROR_IO, "f/a/2.png", "cannot open the file: No such file or directory");
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_formats, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_classes_alone, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_unequal, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_folders, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_pictures, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_too_high, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_too_many_classes, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_folder_named_like_a_picture, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_missing_permission, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_dangling_link, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
