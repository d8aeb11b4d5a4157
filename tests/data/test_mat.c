/* The structure of MATLAB files, part by part: what is right is read, and every part that is not is named. */
#include "data/mat.h"

#include <signal.h>
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
    {{1},
     {300 << 20},
     0,
     "is truncated: the element at byte 128 has 314572800 bytes, 64 are there",
     "would unpack the "},
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

/* An array y of so many pseudo-random bytes, which do not compress. */
enum { MANY = 200000 };

static void add_many(struct text *plain, uint32_t count) {
    add_words(plain,
              (const uint32_t[]){14, 48 + (count + 7) / 8 * 8, 6, 8, MAT_UINT8, 0, 5, 8, count, 1, 1U << 16 | 1, 'y', 2,
                                 count},
              14);
    uint32_t number = 1;
    for (uint32_t i = 0; i < (count + 7) / 8 * 8; i++) {
        number = number * 1664525 + 1013904223;
        text_add_bytes(plain, (const char[]){(char)(number >> 24)}, 1);
    }
}

static void add_packed(struct text *bytes, const struct text *plain, size_t behind) {
    uLongf length = compressBound(plain->length);
    unsigned char *packed = calloc(1, length + behind);
    assert_non_null(packed);
    assert_int_equal(compress(packed, &length, (const unsigned char *)plain->bytes, plain->length), Z_OK);
    add_words(bytes, (const uint32_t[]){15, (uint32_t)(length + behind)}, 2);
    text_add_bytes(bytes, (const char *)packed, length + behind);
    free(packed);
}

/* More than one block of both what is packed and what it becomes. */
static void test_blocks(void **state) {
    const struct room *room = *state;
    struct mat_arrays arrays;
    struct error error = {0};
    struct text plain = {0}, bytes = {0};
    const volatile sig_atomic_t stop = 1;
    const struct progress stopped = {.stop = &stop};
    add_many(&plain, MANY);
    add_header(&bytes);
    add_packed(&bytes, &plain, MANY);
    check(room, &bytes, &arrays, "has bytes behind its compressed data");
    add_header(&bytes);
    add_packed(&bytes, &plain, 0);
    check(room, &bytes, &arrays, NULL);
    char *path = expect_path(room->folder, "f.mat"), *values = calloc(1, MANY);
    const struct mat_array *y = mat_find(&arrays, "y");
    assert_non_null(y);
    assert_int_equal(mat_read(path, y, NULL, values, &error), 0);
    assert_memory_equal(values, plain.bytes + 56, MANY);
    assert_int_equal(mat_read(path, y, &stopped, values, &error), -1);
    assert_int_equal(error.code, ERROR_INTERRUPTED);
    error_clear(&error);
    /* of another file by now */
    struct mat_array changed[] = {*y, *y, *y, *y};
    static const char *const messages[] = {
        "changed while it was read; try again", "changed while it was read; try again",
        "changed while it was read; try again", "became shorter while it was read; try again"};
    changed[0].type = MAT_INT8_TYPE;
    changed[1].bytes--;
    changed[2].values_at++;
    changed[3].at = (size_t)1 << 30;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(mat_read(path, &changed[i], NULL, values, &error), -1);
        assert_int_equal(error.code, ERROR_DATA);
        assert_string_equal(error.message, messages[i]);
        error_clear(&error);
    }
    free(values);
    free(path);
    text_free(&plain);
}

/* Numbers that end where a block does. */
static void test_whole_block(void **state) {
    const struct room *room = *state;
    enum { COUNT = (1 << 16) - 56 };
    struct mat_arrays arrays;
    struct error error = {0};
    struct text plain = {0}, bytes = {0};
    add_many(&plain, COUNT);
    assert_int_equal(plain.length, 1 << 16);
    add_header(&bytes);
    add_packed(&bytes, &plain, 0);
    check(room, &bytes, &arrays, NULL);
    char *path = expect_path(room->folder, "f.mat"), *values = calloc(1, COUNT);
    assert_int_equal(mat_read(path, mat_find(&arrays, "y"), NULL, values, &error), 0);
    assert_memory_equal(values, plain.bytes + 56, COUNT);
    free(values);
    free(path);
    text_free(&plain);
}

/* Packed data that begin with so many blocks of nothing that the first piece of them becomes no byte. */
static void test_empty_blocks(void **state) {
    const struct room *room = *state;
    enum { EMPTY = 14000 };
    struct mat_arrays arrays;
    struct error error = {0};
    struct text plain = {0}, bytes = {0};
    add_words(&plain, good, WORDS);
    const uLong sum = adler32(1, (const Bytef *)plain.bytes, (uInt)plain.length);
    add_header(&bytes);
    add_words(&bytes, (const uint32_t[]){15, 2 + 5 * EMPTY + 5 + 4 * WORDS + 4}, 2);
    text_add_bytes(&bytes, "\x78\x01", 2);
    for (int i = 0; i < EMPTY; i++) text_add_bytes(&bytes, "\0\0\0\xff\xff", 5);
    text_add_bytes(&bytes, (const char[]){1, 4 * WORDS, 0, (char)~(4 * WORDS), (char)0xff}, 5);
    text_add_bytes(&bytes, plain.bytes, plain.length);
    for (int shift = 24; shift >= 0; shift -= 8) text_add_bytes(&bytes, (const char[]){(char)(sum >> shift)}, 1);
    check(room, &bytes, &arrays, NULL);
    char *path = expect_path(room->folder, "f.mat"), values[6];
    assert_int_equal(mat_read(path, mat_find(&arrays, "y"), NULL, values, &error), 0);
    assert_memory_equal(values, "\1\2\3\4\5\6", 6);
    free(path);
    text_free(&plain);
}

/* Packed data that fill a block to its last byte, as two pieces that are stored as they are; bytes are left behind. */
static void test_bytes_behind_a_block(void **state) {
    const struct room *room = *state;
    enum { PLAIN = (1 << 16) - 2 - 2 * 5 - 4, HALF = PLAIN / 2 };
    struct mat_arrays arrays;
    struct text plain = {0};
    add_many(&plain, PLAIN - 56);
    assert_int_equal(plain.length, PLAIN);
    const uLong sum = adler32(1, (const Bytef *)plain.bytes, PLAIN);
    for (uint32_t behind = 0; behind <= 8; behind += 8) {
        struct text bytes = {0};
        add_header(&bytes);
        add_words(&bytes, (const uint32_t[]){15, (1 << 16) + behind}, 2);
        text_add_bytes(&bytes, "\x78\x01", 2);
        for (int last = 0; last < 2; last++) {
            const char head[] = {(char)last, (char)(HALF & 255), (char)(HALF >> 8), (char)(~HALF & 255),
                                 (char)(~HALF >> 8 & 255)};
            text_add_bytes(&bytes, head, sizeof head);
            text_add_bytes(&bytes, plain.bytes + (size_t)last * HALF, HALF);
        }
        for (int shift = 24; shift >= 0; shift -= 8) text_add_bytes(&bytes, (const char[]){(char)(sum >> shift)}, 1);
        text_repeat(&bytes, "x", (int)behind);
        check(room, &bytes, &arrays, behind ? "has bytes behind its compressed data" : NULL);
    }
    text_free(&plain);
}

/* Another file by the time that its numbers are read. */
static void test_changed_since(void **state) {
    const struct room *room = *state;
    struct mat_arrays arrays;
    struct error error = {0};
    struct text bytes = {0};
    add_header(&bytes);
    add_words(&bytes, good, WORDS);
    check(room, &bytes, &arrays, NULL);
    add_header(&bytes);
    add_words(&bytes, good, WORDS);
    bytes.bytes[HEADER_SIZE + 8] = 5;
    room_write(room, "f.mat", bytes.bytes, bytes.length);
    char *path = expect_path(room->folder, "f.mat"), values[8];
    assert_int_equal(mat_read(path, mat_find(&arrays, "y"), NULL, values, &error), -1);
    assert_int_equal(error.code, ERROR_DATA);
    assert_non_null(strstr(error.message, FLAGS));
    free(path);
    text_free(&bytes);
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
    add_header(&bytes);
    memcpy(bytes.bytes, "\x89HDF", 4);
    check(room, &bytes, &arrays, "7.3");
    add_header(&bytes);
    add_compressed(&bytes, good, 1, 0);
    check(room, &bytes, &arrays, LENGTH);
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
    const struct CMUnitTest tests[] = {ROOM_TEST(test_good),
                                       ROOM_TEST(test_changed),
                                       ROOM_TEST(test_blocks),
                                       ROOM_TEST(test_files),
                                       ROOM_TEST(test_whole_block),
                                       ROOM_TEST(test_empty_blocks),
                                       ROOM_TEST(test_bytes_behind_a_block),
                                       ROOM_TEST(test_changed_since)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
