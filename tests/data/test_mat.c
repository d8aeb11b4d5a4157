/* The structure of MATLAB files, part by part: what is right is read, and every part that is not is named. */
#include "data/mat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/text.h"
#include "tests/support/data_room.h"

enum { HEADER_SIZE = 128, WORDS = 18 };

/* An element with the array y of 2 x 3 bytes, as 32-bit words: its tag, then flags, sizes, name and numbers. */
static const uint32_t good[WORDS] = {14, 64, 6, 8, MAT_UINT8, 0, 5, 8, 2, 3, 1, 1, 'y', 0, 2, 6, 0x04030201, 0x0605};

static void add_header(struct text *bytes) {
    char header[HEADER_SIZE];
    memset(header, ' ', sizeof header);
    memcpy(header + 124, "\0\1IM", 4);
    text_add_bytes(bytes, header, sizeof header);
}

static void add_words(struct text *bytes, const uint32_t *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (int shift = 0; shift < 32; shift += 8)
            text_add_bytes(bytes, (const char[]){(char)(words[i] >> shift & 255)}, 1);
}

static void add_compressed(struct text *bytes, const uint32_t *words, size_t count, uint32_t more) {
    struct text plain = {0};
    unsigned char packed[1024];
    uLongf length = sizeof packed;
    add_words(&plain, words, count);
    assert_int_equal(compress(packed, &length, (const unsigned char *)plain.bytes, plain.length), Z_OK);
    add_words(bytes, (const uint32_t[]){15, (uint32_t)length + more}, 2);
    text_add_bytes(bytes, (const char *)packed, length);
    text_free(&plain);
}

/* Checks these bytes as a file, and frees them. `message`: how the error's goes on; NULL: there is none. */
static void check(const struct room *room, struct text *bytes, struct mat_arrays *arrays, const char *message) {
    struct error error = {0};
    char *path = expect_path(room->folder, "f.mat");
    room_write(room, "f.mat", bytes->bytes, bytes->length);
    int status = mat_check(path, NULL, arrays, &error);
    if (message) {
        assert_int_equal(status, -1);
        assert_int_equal(error.code, ERROR_DATA);
        assert_string_equal(error.path, path);
        if (!strstr(error.message, message)) fail_msg("\"%s\" is not in \"%s\"", message, error.message);
    } else {
        expect_no_error(&error);
        assert_int_equal(status, 0);
    }
    free(path);
    text_free(bytes);
}

static void expect_y(const struct mat_arrays *arrays) {
    assert_int_equal(arrays->count, 1);
    const struct mat_array *y = mat_find(arrays, "y");
    assert_non_null(y);
    assert_int_equal(y->class, MAT_UINT8);
    assert_int_equal(y->rank, 2);
    assert_int_equal(y->size[0], 2);
    assert_int_equal(y->size[1], 3);
    assert_int_equal(y->elements, 6);
    assert_null(mat_find(arrays, "x"));
}

static void test_good(void **state) {
    const struct room *room = *state;
    struct mat_arrays arrays;
    struct text bytes = {0};
    add_header(&bytes);
    check(room, &bytes, &arrays, NULL);
    assert_int_equal(arrays.count, 0);
    add_header(&bytes);
    add_words(&bytes, good, WORDS);
    check(room, &bytes, &arrays, NULL);
    expect_y(&arrays);
    add_header(&bytes);
    add_compressed(&bytes, good, WORDS, 0);
    check(room, &bytes, &arrays, NULL);
    expect_y(&arrays);
    /* the name in the short form, within its tag */
    uint32_t words[WORDS];
    memcpy(words, good, sizeof words);
    words[1] = 56;
    words[10] = 1U << 16 | 1;
    words[11] = 'y';
    memcpy(words + 12, good + 14, 4 * sizeof *words);
    add_header(&bytes);
    add_words(&bytes, words, 16);
    check(room, &bytes, &arrays, NULL);
    expect_y(&arrays);
}

#define TYPE "is of no known type"
#define LENGTH "is no array of the length it states"
#define FLAGS "has no array flags"
#define SIZES "has no sizes that can be used"
#define NAME "has no name that can be used"
#define REAL "is no array of real numbers; save X and y alone"
#define NUMBERS "does not hold as many numbers as its sizes say"

static const struct change {
    int words[4];       /* that are changed, ended by 0 (a first one of 0 counts) */
    uint32_t values[4]; /* to these */
    size_t cut;         /* words that are left; 0: all */
    const char *plain, *compressed;
} changes[] = {
    {{0}, {13}, 0, TYPE, LENGTH},
    {{0}, {0x0009000e}, 0, TYPE, LENGTH},
    {{1}, {72}, 0, "is truncated: the element at byte 128 has 72 bytes, 64 are there", LENGTH},
    {{1}, {56}, 0, NUMBERS, "holds more than it says"},
    {{1}, {0}, 2, FLAGS, FLAGS},
    {{2}, {5}, 0, FLAGS, FLAGS},
    {{2}, {0x00090006}, 0, FLAGS, FLAGS},
    {{3}, {4}, 0, FLAGS, FLAGS},
    {{1}, {8}, 4, FLAGS, FLAGS},
    {{6}, {6}, 0, SIZES, SIZES},
    {{6}, {0x00090005}, 0, SIZES, SIZES},
    {{7}, {6}, 0, SIZES, SIZES},
    {{7}, {4}, 0, SIZES, SIZES},
    {{7}, {36}, 0, SIZES, SIZES},
    {{1}, {24}, 8, SIZES, SIZES},
    {{1}, {16}, 6, SIZES, SIZES},
    {{7, 8, 9, 10}, {12, UINT32_MAX, UINT32_MAX, UINT32_MAX}, 0, SIZES, SIZES},
    {{10}, {2}, 0, NAME, NAME},
    {{10}, {0x00090001}, 0, NAME, NAME},
    {{11}, {MAT_NAME_SIZE}, 0, NAME, NAME},
    {{1}, {40}, 12, NAME, NAME},
    {{1}, {32}, 10, NAME, NAME},
    {{4}, {5}, 0, REAL, REAL},
    {{4}, {16}, 0, REAL, REAL},
    {{4}, {0x0800 | MAT_UINT8}, 0, REAL, REAL},
    {{14}, {8}, 0, NUMBERS, NUMBERS},
    {{14}, {14}, 0, NUMBERS, NUMBERS},
    {{14}, {4}, 0, NUMBERS, NUMBERS},
    {{15}, {5}, 0, NUMBERS, NUMBERS},
    {{8, 9, 14}, {UINT32_MAX, UINT32_MAX, 9}, 0, NUMBERS, NUMBERS},
    {{1}, {56}, 16, NUMBERS, NUMBERS},
    {{1}, {48}, 14, NUMBERS, NUMBERS},
};

static void test_changed(void **state) {
    const struct room *room = *state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const struct change *change = &changes[i];
        uint32_t words[WORDS];
        struct mat_arrays arrays;
        struct text bytes = {0};
        size_t count = change->cut ? change->cut : WORDS;
        memcpy(words, good, sizeof words);
        for (int k = 0; k < 4 && (k == 0 || change->words[k]); k++) words[change->words[k]] = change->values[k];
        add_header(&bytes);
        add_words(&bytes, words, count);
        check(room, &bytes, &arrays, change->plain);
        add_header(&bytes);
        add_compressed(&bytes, words, count, 0);
        check(room, &bytes, &arrays, change->compressed);
    }
}

static void test_files(void **state) {
    const struct room *room = *state;
    struct mat_arrays arrays;
    struct text bytes = {0};
    add_header(&bytes);
    for (int i = 0; i <= MAT_ARRAYS_MAX; i++) add_words(&bytes, good, WORDS);
    check(room, &bytes, &arrays, "holds more than 16 arrays");
    add_header(&bytes);
    add_words(&bytes, good, WORDS);
    text_add(&bytes, "four");
    check(room, &bytes, &arrays, "is truncated: it ends within an element's tag at byte 200");
    add_header(&bytes);
    add_compressed(&bytes, good, WORDS, 4);
    text_add(&bytes, "more");
    check(room, &bytes, &arrays, "has bytes behind its compressed data");
    /* version 2 is another format, and so is the other order of bytes */
    add_header(&bytes);
    bytes.bytes[125] = 2;
    check(room, &bytes, &arrays, "7.3");
    add_header(&bytes);
    bytes.bytes[126] = 'M';
    bytes.bytes[127] = 'I';
    check(room, &bytes, &arrays, "big-endian");
    add_header(&bytes);
    bytes.bytes[126] = 'M';
    bytes.bytes[127] = 'M';
    check(room, &bytes, &arrays, "MATLAB");
}

#define ROOM_TEST(test) cmocka_unit_test_setup_teardown(test, room_open, room_close)

int main(void) {
    const struct CMUnitTest tests[] = {ROOM_TEST(test_good), ROOM_TEST(test_changed), ROOM_TEST(test_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
