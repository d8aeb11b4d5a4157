/* What the sources share: names of classes, and what a packed file may hold. */
#include "data/source.h"

#include <stdlib.h>

#include "tests/support/data_room.h"

static void expect_names(struct room *room, const char *text, const char *first) {
    room_write_text(room, "names", text);
    char *path = expect_path(room->folder, "names");
    struct data_splits splits = {0};
    assert_int_equal(source_read_class_names(&splits, path, 2, &room->error), 0);
    assert_string_equal(splits.class_names[0], first);
    data_splits_free(&splits);
    free(path);
}

static void expect_no_names(struct room *room, const char *text, const char *message) {
    room_write_text(room, "names", text);
    char *path = expect_path(room->folder, "names");
    struct data_splits splits = {0};
    assert_int_equal(source_read_class_names(&splits, path, 2, &room->error), -1);
    assert_int_equal(room->error.code, ERROR_DATA);
    assert_string_equal(room->error.path, path);
    assert_string_equal(room->error.message, message);
    error_clear(&room->error);
    data_splits_free(&splits);
    free(path);
}

static void test_class_names(void **state) {
    struct room *room = *state;
    expect_names(room, "cat\ndog\n", "cat");
    expect_names(room,
                 "\xEF\xBB\xBF"
                 "cat\r\n\r\ndog",
                 "cat");
    expect_names(room, "caf\xC3\xA9\ndog\n", "caf\xC3\xA9");
    expect_no_names(room, "", "holds 0 names, 2 classes need one each; correct or remove the file");
    expect_no_names(room, "a\n", "holds 1 name, 2 classes need one each; correct or remove the file");
    expect_no_names(room, "a\nb\nc\n", "holds 3 names, 2 classes need one each; correct or remove the file");
    expect_no_names(room, "a\x1b[2J\nb\n",
                    "has a class \"a\x1b[2J\", which is not UTF-8 text without control characters; rename it");
    expect_no_names(room, "a\n\xff\n",
                    "has a class \"\xff\", which is not UTF-8 text without control characters; rename it");
}

static void test_short_names(void **state) {
    struct room *room = *state;
    static const char *const none[] = {NULL};
    char *found = NULL;
    assert_int_equal(source_recognize("x", none, ".csv", &found, &room->error), 0);
    assert_int_equal(source_recognize("x", none, NULL, &found, &room->error), 0);
    expect_no_error(&room->error);
    assert_null(found);
}

static void test_may_unpack(void **state) {
    (void)state;
    const uint64_t always = (uint64_t)256 << 20;
    assert_true(source_may_unpack(0, always));
    assert_false(source_may_unpack(0, always + 100));
    assert_true(source_may_unpack(10 << 20, (uint64_t)1000 << 20));
    assert_false(source_may_unpack(10 << 20, ((uint64_t)1000 << 20) + 100));
    assert_false(source_may_unpack(10 << 20, UINT64_MAX));
}

/* A file that ends too early is not one that cannot be read. */
static void test_read(void **state) {
    struct room *room = *state;
    room_write_text(room, "bytes", "abc");
    char *path = expect_path(room->folder, "bytes"), bytes[4];
    FILE *file = fopen(path, "rb");
    assert_int_equal(source_read(file, path, bytes, 2, "is short", &room->error), 0);
    assert_memory_equal(bytes, "ab", 2);
    assert_int_equal(source_read(file, path, bytes, 2, "is short", &room->error), -1);
    assert_int_equal(room->error.code, ERROR_DATA);
    assert_string_equal(room->error.message, "is short");
    error_clear(&room->error);
    fclose(file);
    file = fopen(path, "ab");
    assert_int_equal(source_read(file, path, bytes, 2, "is short", &room->error), -1);
    assert_int_equal(room->error.code, ERROR_IO);
    assert_string_equal(room->error.message, "cannot read the file: Bad file descriptor");
    error_clear(&room->error);
    fclose(file);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_class_names, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_read, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_short_names, room_open, room_close),
        cmocka_unit_test(test_may_unpack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
