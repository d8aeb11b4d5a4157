#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/file.h"
#include "core/text.h"
#include "tests/support/data_room.h"

/* Three images of 2 x 3, values 0..17, and labels 2, 0, 1. */
static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0,  0,  2,  0,  0,  0,  3,  0,
                                       1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 2, 0, 1};

static void write_gzip(const struct room *room, const char *name, const void *bytes, size_t length) {
    char *path = expect_path(room->folder, name);
    room_write(room, name, "", 0); /* makes the folder */
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)length), length);
    gzclose(file);
    free(path);
}

static void expect_three(const struct dataset *dataset) {
    static const int32_t expected[] = {2, 0, 1};
    assert_int_equal(dataset->count, 3);
    assert_int_equal(dataset->height, 2);
    assert_int_equal(dataset->width, 3);
    assert_int_equal(dataset->channels, 1);
    assert_memory_equal(dataset->pixels, images + 16, 18);
    assert_memory_equal(dataset->labels, expected, sizeof expected);
}

static void test_plain_and_gzip(void **state) {
    struct room *room = *state;
    room_write(room, "m/train-images-idx3-ubyte", images, sizeof images);
    room_write(room, "m/train-labels-idx1-ubyte", labels, sizeof labels);
    room_load_good(room, "{\"source\": \"idx\", \"path\": \"m\"}");
    expect_three(&room->splits.train);
    assert_int_equal(room->splits.test.count, 0);
    assert_int_equal(room->splits.classes, 3);

    write_gzip(room, "m/t10k-images-idx3-ubyte.gz", images, sizeof images);
    write_gzip(room, "m/t10k-labels-idx1-ubyte.gz", labels, sizeof labels);
    room_load_good(room, "{\"source\": \"idx\", \"path\": \"m\"}");
    expect_three(&room->splits.test);

    /* One file is the training set; its labels lie beside it. */
    room_load_good(room, "{\"source\": \"idx\", \"path\": \"m/t10k-images-idx3-ubyte.gz\"}");
    expect_three(&room->splits.train);
}

static void test_dotted_names(void **state) {
    struct room *room = *state;
    room_write(room, "m/train-images.idx3-ubyte", images, sizeof images);
    write_gzip(room, "m/train-labels.idx1-ubyte.gz", labels, sizeof labels);
    room_load_good(room, "{\"source\": \"idx\", \"path\": \"m\"}");
    expect_three(&room->splits.train);
}

/* Writes changed files as the training set and expects an error of one of them. */
static void expect_bad(struct room *room, const void *bytes, size_t length, bool compressed, const char *message) {
    const char *name = compressed ? "m/train-images-idx3-ubyte.gz" : "m/train-images-idx3-ubyte";
    if (compressed)
        write_gzip(room, name, bytes, length);
    else
        room_write(room, name, bytes, length);
    room_write(room, "m/train-labels-idx1-ubyte", labels, sizeof labels);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m\"}", ERROR_DATA, name, message);
    char *path = expect_path(room->folder, name);
    assert_int_equal(remove(path), 0);
    free(path);
}

static void test_bad_headers(void **state) {
    struct room *room = *state;
    unsigned char bytes[sizeof images + 1] = {0};
    memcpy(bytes, images, sizeof images);
    expect_bad(room, bytes, 0, false, "is empty; an IDX file of images was expected: fetch the file again");
    expect_bad(room, bytes, 3, false,
               "begins with 0x00000008; an IDX file of images begins with 0x00000803: is it the right file?");
    expect_bad(room, bytes, 10, false, "is truncated: it ends within its header; fetch the file again");
    expect_bad(room, bytes, 20, false,
               "is truncated: it has 4 of the 18 bytes of values that its header promises; fetch the file again");
    expect_bad(room, bytes, sizeof images - 1, false,
               "is truncated: it has 17 of the 18 bytes of values that its header promises; fetch the file again");
    expect_bad(room, bytes, sizeof images + 1, false, "holds more bytes than its header says; fetch the file again");
    expect_bad(room, labels, sizeof labels, false,
               "begins with 0x00000801; an IDX file of images begins with 0x00000803: is it the right file?");
    bytes[2] = 13; /* floats */
    expect_bad(room, bytes, sizeof images, false,
               "begins with 0x00000d03; an IDX file of images begins with 0x00000803: is it the right file?");
    memcpy(bytes, images, sizeof images);
    memset(bytes + 4, 0xff, 12);
    expect_bad(room, bytes, sizeof images, false,
               "is truncated: its header promises more values than its 34 bytes can hold; fetch the file again");
}

static void test_bad_gzip(void **state) {
    struct room *room = *state;
    unsigned char bytes[sizeof images + 1] = {0};
    memcpy(bytes, images, sizeof images);
    expect_bad(room, bytes, sizeof images + 1, true, "holds more bytes than its header says; fetch the file again");
    expect_bad(room, bytes, sizeof images - 2, true,
               "is truncated: it has 16 of the 18 bytes of values that its header promises; fetch the file again");
    bytes[4] = 0x7f; /* two thousand million images in a file of fifty bytes */
    write_gzip(room, "m/train-images-idx3-ubyte.gz", bytes, sizeof images);
    assert_int_equal(room_load(room, "{\"source\": \"idx\", \"path\": \"m\"}"), -1);
    assert_int_equal(room->error.code, ERROR_DATA);
    assert_non_null(strstr(room->error.message, "is truncated: its header promises more values than its "));
}

/* A block of a gzip file that is stored as it is, or a part of a larger one. */
static void add_stored(struct text *bytes, bool last, const unsigned char *values, size_t length) {
    const char head[] = {(char)last, (char)(length & 255), (char)(length >> 8), (char)(~length & 255),
                         (char)(~length >> 8 & 255)};
    text_add_bytes(bytes, head, sizeof head);
    text_add_bytes(bytes, (const char *)values, length);
}

/* An image, more than is unpacked at once, and behind it more blocks of nothing than are read at once. */
static void write_stored(const struct room *room, const char *name, uint32_t change) {
    enum { SIDE = 800, LARGE = 16 + SIDE * SIDE, BLOCK = 65535, EMPTY = 40000 };
    static unsigned char large[LARGE] = {0, 0, 8,         3,          0, 0, 0,         1,
                                         0, 0, SIDE >> 8, SIDE & 255, 0, 0, SIDE >> 8, SIDE & 255};
    struct text bytes = {0};
    const uint32_t words[] = {(uint32_t)crc32(0, large, LARGE) ^ change, LARGE};
    text_add_bytes(&bytes, "\x1f\x8b\10\0\0\0\0\0\0\3", 10);
    for (size_t at = 0; at < LARGE; at += BLOCK)
        add_stored(&bytes, false, large + at, LARGE - at < BLOCK ? LARGE - at : BLOCK);
    for (int i = 1; i <= EMPTY; i++) add_stored(&bytes, i == EMPTY, large, 0);
    for (int i = 0; i < 2; i++)
        for (int shift = 0; shift < 32; shift += 8)
            text_add_bytes(&bytes, (const char[]){(char)(words[i] >> shift & 255)}, 1);
    room_write(room, name, bytes.bytes, bytes.length);
    text_free(&bytes);
}

/* The checksum is compared also where all values were read long before it comes. */
static void test_late_checksum(void **state) {
    struct room *room = *state;
    static const char name[] = "m/train-images-idx3-ubyte.gz", load_it[] = "{\"source\": \"idx\", \"path\": \"m\"}";
    static const unsigned char one[] = {0, 0, 8, 1, 0, 0, 0, 1, 0};
    room_write(room, "m/train-labels-idx1-ubyte", one, sizeof one);
    write_stored(room, name, 0);
    room_load_good(room, load_it);
    assert_int_equal(room->splits.train.height, 800);
    write_stored(room, name, 1);
    room_load_bad(room, load_it, ERROR_DATA, name,
                  "is damaged: it cannot be decompressed, or its checksum is wrong; fetch the file again");
}

/* The images as three gzip files behind each other, cut at `split`, with `length` bytes behind. */
static void write_pieces(const struct room *room, size_t split, const void *more, size_t length) {
    struct error error = {0};
    struct text whole = {0};
    const size_t ends[] = {0, split, split, sizeof images};
    char *path = expect_path(room->folder, "m/train-images-idx3-ubyte.gz");
    for (int i = 0; i < 3; i++) { /* the one in the middle is empty */
        char *bytes = NULL;
        size_t size = 0;
        write_gzip(room, "m/train-images-idx3-ubyte.gz", images + ends[i], ends[i + 1] - ends[i]);
        assert_int_equal(file_read(path, 4096, &bytes, &size, &error), 0);
        text_add_bytes(&whole, bytes, size);
        free(bytes);
    }
    text_add_bytes(&whole, more, length);
    room_write(room, "m/train-images-idx3-ubyte.gz", whole.bytes, whole.length);
    text_free(&whole);
    free(path);
}

/* gzip files may follow each other as one, and zeros may fill up the last block; anything else is damage. */
static void test_gzip_pieces(void **state) {
    struct room *room = *state;
    static const char zeros[1000], load_it[] = "{\"source\": \"idx\", \"path\": \"m\"}";
    static const char path[] = "m/train-images-idx3-ubyte.gz";
    room_write(room, "m/train-labels-idx1-ubyte", labels, sizeof labels);
    for (size_t split = 0; split <= sizeof images; split += 17)
        for (size_t length = 0; length <= sizeof zeros; length += sizeof zeros / 2) {
            write_pieces(room, split, zeros, length);
            room_load_good(room, load_it);
            expect_three(&room->splits.train);
        }
    for (size_t length = 1; length <= 19; length += 9) {
        write_pieces(room, 17, "some bytes of no use", length);
        room_load_bad(room, load_it, ERROR_DATA, path,
                      "has bytes behind its end that are no gzip data; fetch the file again");
    }
    write_pieces(room, 17, "\0\0\0\0\0x", 6);
    room_load_bad(room, load_it, ERROR_DATA, path,
                  "has bytes behind its end that are no gzip data; fetch the file again");
}

/* Every cut and every changed byte of a compressed file is noticed, by its checksum if by nothing else; only the
 * header's time, flags and system carry nothing. */
static void test_gzip_cuts_and_flips(void **state) {
    struct room *room = *state;
    char *bytes = NULL;
    size_t length = 0, accepted = 0;
    write_gzip(room, "m/train-images-idx3-ubyte.gz", images, sizeof images);
    room_write(room, "m/train-labels-idx1-ubyte", labels, sizeof labels);
    char *path = expect_path(room->folder, "m/train-images-idx3-ubyte.gz");
    assert_int_equal(file_read(path, 4096, &bytes, &length, &room->error), 0);
    for (size_t cut = 0; cut < length; cut++) {
        room_write(room, "m/train-images-idx3-ubyte.gz", bytes, cut);
        assert_int_equal(room_load(room, "{\"source\": \"idx\", \"path\": \"m\"}"), -1);
        assert_int_equal(room->error.code, ERROR_DATA);
    }
    for (size_t at = 0; at < length; at++) {
        bytes[at] = (char)(bytes[at] ^ 4);
        room_write(room, "m/train-images-idx3-ubyte.gz", bytes, length);
        if (room_load(room, "{\"source\": \"idx\", \"path\": \"m\"}") == 0) {
            expect_three(&room->splits.train);
            accepted++;
        }
        bytes[at] = (char)(bytes[at] ^ 4);
    }
    assert_in_range(accepted, 1, 8);
    free(bytes);
    free(path);
}

static void test_bad_labels(void **state) {
    struct room *room = *state;
    unsigned char two[] = {0, 0, 8, 1, 0, 0, 0, 2, 2, 0};
    room_write(room, "m/train-images-idx3-ubyte", images, sizeof images);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m\"}", ERROR_DATA, "m",
                  "holds train-images-idx3-ubyte, but no train-labels-idx1-ubyte; put it there");
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m/train-images-idx3-ubyte\"}", ERROR_DATA,
                  "m/train-images-idx3-ubyte",
                  "has no file of labels beside it (a name with \"labels\" for \"images\" and \"idx1\" for \"idx3\"); "
                  "give the folder or the file of images");
    room_write(room, "m/train-labels-idx1-ubyte", two, sizeof two);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m\"}", ERROR_DATA, "m/train-labels-idx1-ubyte",
                  "holds 2 labels for 3 images; take the two files that belong together");
    unsigned char one[] = {0, 0, 8, 1, 0, 0, 0, 1, 2};
    room_write(room, "m/train-labels-idx1-ubyte", one, sizeof one);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m\"}", ERROR_DATA, "m/train-labels-idx1-ubyte",
                  "holds 1 label for 3 images; take the two files that belong together");
    unsigned char image[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5};
    room_write(room, "o/train-images-idx3-ubyte", image, sizeof image);
    room_write(room, "o/train-labels-idx1-ubyte", two, sizeof two);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"o\"}", ERROR_DATA, "o/train-labels-idx1-ubyte",
                  "holds 2 labels for 1 image; take the two files that belong together");
    room_write(room, "m/train-labels-idx1-ubyte", labels, sizeof labels - 1);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m\"}", ERROR_DATA, "m/train-labels-idx1-ubyte",
                  "is truncated: it has 2 of the 3 bytes of values that its header promises; fetch the file again");
    room_write(room, "m/train-labels-idx1-ubyte", labels, sizeof labels);
    unsigned char other[sizeof labels];
    memcpy(other, labels, sizeof labels);
    other[10] = 3;
    room_write(room, "m/t10k-images-idx3-ubyte", images, sizeof images);
    room_write(room, "m/t10k-labels-idx1-ubyte", other, sizeof other);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m\"}", ERROR_DATA, "m",
                  "test image 2 has label 3; the training set has 3 classes, 0 to 2");
}

static void test_no_images(void **state) {
    struct room *room = *state;
    unsigned char none[16], no_labels[8];
    memcpy(none, images, 16);
    memcpy(no_labels, labels, 8);
    none[7] = no_labels[7] = 0;
    room_write(room, "m/train-images-idx3-ubyte", none, sizeof none);
    room_write(room, "m/train-labels-idx1-ubyte", no_labels, sizeof no_labels);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m\"}", ERROR_DATA, "m",
                  "holds no training images; put some there");
    room_write_text(room, "e/readme", "");
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"e\"}", ERROR_DATA, "e",
                  "holds no train-images-idx3-ubyte, plain or .gz; name the folder of a data set in IDX format");
}

/* More values than a number can count, and a thousand times as many as there are bytes. */
static void test_absurd_sizes(void **state) {
    struct room *room = *state;
    static unsigned char absurd[16] = {0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    static unsigned char large[300000] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 66, 104, 0, 0, 66, 104}, packed[64];
    const char *path = "{\"source\": \"idx\", \"path\": \"m\"}";
    room_write(room, "m/train-images-idx3-ubyte", absurd, sizeof absurd);
    room_write(room, "m/train-labels-idx1-ubyte", labels, sizeof labels);
    room_load_bad(room, path, ERROR_DATA, "m/train-images-idx3-ubyte",
                  "is truncated: its header promises more values than its 16 bytes can hold; fetch the file again");
    write_gzip(room, "m/train-images-idx3-ubyte", large, 16);
    char *name = expect_path(room->folder, "m/train-images-idx3-ubyte");
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    const size_t length = fread(packed, 1, sizeof packed, file);
    fclose(file);
    free(name);
    memset(large, 0, sizeof large);
    memcpy(large, packed, length);
    room_write(room, "m/train-images-idx3-ubyte", large, sizeof large);
    room_load_bad(room, path, ERROR_DATA, "m/train-images-idx3-ubyte",
                  "would unpack 300000 bytes to 289000000; if that is meant, unpack it with gunzip first");
}

static void test_fashion_mnist(void **state) {
    struct room *room = *state;
    room_write(room, "m/train-images-idx3-ubyte", images, sizeof images);
    room_write(room, "m/train-labels-idx1-ubyte", labels, sizeof labels);
    room_load_good(room, "{\"source\": \"fashion-mnist\", \"path\": \"m\"}");
    assert_int_equal(room->splits.classes, 10);
    assert_string_equal(room->splits.class_names[0], "T-shirt/top");
    assert_string_equal(room->splits.class_names[9], "Ankle boot");
    if (!file_exists("/usr/share/datasets/fashion-mnist")) {
        room_load_bad(room, "\"fashion-mnist\"", ERROR_IO, "=/usr/share/datasets/fashion-mnist",
                      "is missing; install the Debian package dataset-fashion-mnist or give a path");
        return;
    }
    room_load_good(room, "\"fashion-mnist\"");
    assert_int_equal(room->splits.train.count, 60000);
    assert_int_equal(room->splits.test.count, 10000);
    assert_int_equal(room->splits.train.labels[0], 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain_and_gzip, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_dotted_names, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_headers, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_gzip, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_late_checksum, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_gzip_pieces, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_gzip_cuts_and_flips, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_labels, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_no_images, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_absurd_sizes, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_fashion_mnist, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
