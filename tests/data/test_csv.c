#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/data_room.h"

static const char load_it[] = "{\"source\": \"csv\", \"path\": \"m/list.csv\"}";

static void write_pictures(const struct room *room) {
    room_write_flat(room, "m/a.png", 2, 2, 1, 10);
    room_write_flat(room, "m/sub/b.png", 2, 2, 1, 20);
    room_write_flat(room, "m/c, \"d\".png", 2, 2, 1, 30);
}

static void test_names(void **state) {
    struct room *room = *state;
    write_pictures(room);
    room_write_text(
        room, "m/list.csv",
        "\xEF\xBB\xBFPath,Label,split\r\na.png,dog,train\r\nsub/b.png,cat,\r\n\"c, \"\"d\"\".png\",dog,TEST\r\n"
        "a.png,cat,val\r\n");
    room_load_good(room, load_it);
    assert_int_equal(room->splits.classes, 2);
    assert_string_equal(room->splits.class_names[0], "cat");
    assert_string_equal(room->splits.class_names[1], "dog");
    assert_int_equal(room->splits.train.count, 2);
    assert_int_equal(room->splits.train.labels[0], 1);
    assert_int_equal(room->splits.train.labels[1], 0);
    assert_int_equal(((uint8_t *)room->splits.train.pixels)[4], 20);
    assert_int_equal(room->splits.test.count, 1);
    assert_int_equal(room->splits.test.labels[0], 1);
    assert_int_equal(((uint8_t *)room->splits.test.pixels)[0], 30);
    assert_int_equal(room->splits.validation.count, 1);
}

static void test_numbers(void **state) {
    struct room *room = *state;
    write_pictures(room);
    room_write_text(room, "m/list.csv", "a.png,10\nsub/b.png,9\na.png,-1\n");
    room_load_good(room, load_it);
    assert_int_equal(room->splits.classes, 3);
    assert_string_equal(room->splits.class_names[0], "-1");
    assert_string_equal(room->splits.class_names[1], "9");
    assert_string_equal(room->splits.class_names[2], "10");
    assert_int_equal(room->splits.train.labels[0], 2);
    /* One that is no number makes all of them names. */
    room_write_text(room, "m/list.csv", "a.png,10\nsub/b.png,9\na.png,x\n");
    room_load_good(room, load_it);
    assert_string_equal(room->splits.class_names[0], "10");
}

static void expect_bad(struct room *room, const char *text, const char *message) {
    room_write_text(room, "m/list.csv", text);
    room_load_bad(room, load_it, ERROR_DATA, "m/list.csv", message);
}

static void test_bad_manifests(void **state) {
    struct room *room = *state;
    char expected[700];
    write_pictures(room);
    expect_bad(room, "label,path\n1,a.png\n",
               "line 1: the labels stand before the paths; path,label[,split] is expected");
    expect_bad(room, "", "holds no training images; put some there");
    expect_bad(room, "path,label\n", "holds no training images; put some there");
    expect_bad(room, "a.png,x,test\n",
               "line 1: label \"x\" does not occur in the training set; add images of it there, or leave the line out");
    expect_bad(room, "a.png,1\nsub/b.png,x,test\n",
               "line 2: label \"x\" does not occur in the training set; add images of it there, or leave the line out");
    expect_bad(room, "a.png\n", "line 1: 1 field; path,label[,split] is expected");
    expect_bad(room, "a.png,x,train,more\n", "line 1: more than 3 fields; path,label[,split] is expected");
    expect_bad(room, "a.png,x\n\n,y\n", "line 3: the path is empty; path,label[,split] is expected");
    expect_bad(room, "a.png,\n", "line 1: the label is empty; path,label[,split] is expected");
    expect_bad(room, "a.png,x,tset\n", "line 1: split \"tset\"; train, validation or test is expected");
    room_write(room, "m/list.csv", "a.png,x\0\n", 9);
    room_load_bad(room, load_it, ERROR_DATA, "m/list.csv", "holds a zero byte, which no CSV text has; save it as such");
    room_write_text(room, "m/list.csv", "a.png,x\nnone.png,x\n");
    snprintf(expected, sizeof expected, "line 2: cannot open the image %s/m/none.png: No such file or directory",
             room->folder);
    room_load_bad(room, load_it, ERROR_IO, "m/list.csv", expected);
    room_load_bad(room, "{\"source\": \"csv\", \"path\": \"m\"}", ERROR_IO, "m", "is a folder; a file is needed here");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_numbers, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_manifests, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
