/* What the formats allow and forbid at their edges. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/file.h"
#include "core/text.h"
#include "data/room.h"
#include "tests/support/data_room.h"

static const uint8_t zeros[32768];

static void link_to(const struct room *room, const char *target, const char *name) {
    char *path = expect_path(room->folder, name);
    assert_int_equal(symlink(target, path), 0);
    free(path);
}

static void remove_file(const struct room *room, const char *name) {
    char *path = expect_path(room->folder, name);
    assert_int_equal(remove(path), 0);
    free(path);
}

/* ---- CIFAR ---- */

enum { RECORD = 3073 };

static void test_cifar_names(void **state) {
    struct room *room = *state;
    const char *load_it = "{\"source\": \"cifar10\", \"path\": \"c\"}";
    room_write(room, "c/data_batch_1.bin", zeros, RECORD);
    room_write_text(room, "c/data_batch_1.text", "too short a name's ending");
    room_write_text(room, "c/other_batch_1.bin", "another beginning");
    room_write_text(room, "c/data_batch_.bin", "no number");
    room_load_good(room, load_it);
    assert_int_equal(room->splits.train.count, 1);
    char name[40];
    for (int i = 2; i <= 65; i++) {
        snprintf(name, sizeof name, "c/data_batch_%d.bin", i);
        room_write(room, name, zeros, RECORD);
    }
    room_load_bad(room, load_it, ERROR_DATA, "c", "holds more than 64 data_batch files; move some away");
}

static void test_cifar100_parts(void **state) {
    struct room *room = *state;
    const char *load_it = "{\"source\": \"cifar100\", \"path\": \"c\"}";
    static const char wrong[] = "has 3073 bytes, no multiple of the 3074 of a record; it is truncated or no such file";
    room_write(room, "c/train.bin", zeros, RECORD);
    room_load_bad(room, load_it, ERROR_DATA, "c/train.bin", wrong);
    room_write(room, "c/train.bin", zeros, RECORD + 1);
    room_write(room, "c/test.bin", zeros, RECORD);
    room_load_bad(room, load_it, ERROR_DATA, "c/test.bin", wrong);
}

static void test_cifar_names_of_classes(void **state) {
    struct room *room = *state;
    const char *load_it = "{\"source\": \"cifar10\", \"path\": \"c\"}";
    room_write(room, "c/data_batch_1.bin", zeros, RECORD);
    room_write_text(room, "c/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n");
    room_load_bad(room, load_it, ERROR_DATA, "c/batches.meta.txt",
                  "holds 11 names, 10 classes need one each; correct or remove the file");
    remove_file(room, "c/batches.meta.txt");
    room_write_text(room, "c/batches.meta.txt/file", "a folder where a file should be");
    assert_int_equal(room_load(room, load_it), -1);
    assert_int_equal(room->error.code, ERROR_IO);
}

/* ---- CSV ---- */

static const char csv[] = "{\"source\": \"csv\", \"path\": \"m/list.csv\"}";

static void test_csv_headers(void **state) {
    struct room *room = *state;
    room_write_flat(room, "m/path", 2, 2, 1, 10); /* no ending: the file's first bytes tell what it is */
    room_write_flat(room, "m/other", 2, 2, 1, 20);
    room_write_text(room, "m/list.csv", "path,whatever\nother,label\n");
    room_load_good(room, csv);
    assert_int_equal(room->splits.train.count, 2);
    room_write_text(room, "m/list.csv", "other,label\npath,label\n");
    room_load_good(room, csv);
    assert_int_equal(room->splits.train.count, 2);
    assert_int_equal(room->splits.classes, 1);
}

/* Numbers of any size and form are compared as numbers, others as names. */
static void test_csv_labels(void **state) {
    struct room *room = *state;
    room_write_flat(room, "m/a.png", 2, 2, 1, 10);
    room_write_text(room, "m/list.csv", "a.png,10\na.png,010\na.png,9\na.png,9\n");
    room_load_good(room, csv);
    assert_int_equal(room->splits.classes, 2);
    assert_int_equal(room->splits.train.labels[1], 1);
    room_write_text(room, "m/list.csv", "a.png,10\na.png,99999999999999999999\na.png,9\n");
    room_load_good(room, csv);
    assert_string_equal(room->splits.class_names[0], "10");
    assert_string_equal(room->splits.class_names[1], "9");
    room_write_text(room, "m/list.csv", "a.png,1\na.png,1x,test\n");
    room_load_bad(
        room, csv, ERROR_DATA, "m/list.csv",
        "line 2: label \"1x\" does not occur in the training set; add images of it there, or leave the line out");
}

static void test_csv_many(void **state) {
    struct room *room = *state;
    struct text text = {0};
    room_write_flat(room, "m/a", 1, 1, 1, 10);
    for (int i = 0; i < 600; i++) text_print(&text, "a,%d\n", i % 3);
    room_write_text(room, "m/list.csv", text.bytes);
    room_load_good(room, csv);
    assert_int_equal(room->splits.train.count, 600);
    assert_int_equal(room->splits.train.labels[599], 2);
    text_free(&text);
    for (int i = 0; i <= DATASET_CLASSES_MAX; i++) text_print(&text, "a,%d\n", i);
    room_write_text(room, "m/list.csv", text.bytes);
    room_load_bad(room, csv, ERROR_DATA, "m/list.csv", "has 65537 different labels; at most 65536 can be used");
    text_free(&text);
}

/* ---- folders ---- */

static const char folder[] = "{\"source\": \"folder\", \"path\": \"f\"}";

static void test_folder_links(void **state) {
    struct room *room = *state;
    room_write_flat(room, "elsewhere/1.png", 2, 2, 1, 5);
    room_write_flat(room, "f/a/1.png", 2, 2, 1, 6);
    link_to(room, "../elsewhere", "f/b");
    link_to(room, "../../elsewhere/1.png", "f/a/2.png");
    link_to(room, "../elsewhere/1.png", "f/picture.png");
    link_to(room, "nowhere", "f/lost");
    room_load_good(room, folder);
    assert_int_equal(room->splits.classes, 2);
    assert_int_equal(room->splits.train.count, 3);
}

static void test_folder_parts(void **state) {
    struct room *room = *state;
    room_write_flat(room, "f/train/a/1.png", 2, 2, 1, 5);
    room_write_text(room, "f/test/readme.txt", "no class here");
    room_load_bad(room, folder, ERROR_DATA, "f/test",
                  "holds no class folders; put pictures into <class>/, or remove it");
    room_write_flat(room, "f/validation/b/1.png", 2, 2, 1, 5);
    room_load_bad(room, folder, ERROR_DATA, "f/validation/b",
                  "is a class that the training set does not have; remove it, or add it to the training set");
}

static void test_folder_many(void **state) {
    struct room *room = *state;
    char name[40];
    room_write_flat(room, "f/a/0.png", 1, 1, 1, 5);
    for (int i = 1; i < 300; i++) {
        snprintf(name, sizeof name, "f/a/%d.png", i);
        link_to(room, "0.png", name);
    }
    room_load_good(room, folder);
    assert_int_equal(room->splits.train.count, 300);
}

/* Every picture has the first one's height, width and channels, unless they are made alike. */
static void test_pictures_alike(void **state) {
    struct room *room = *state;
    room_write_flat(room, "f/a/1.png", 2, 2, 1, 5);
    room_write_flat(room, "f/a/2.png", 2, 3, 1, 5);
    assert_int_equal(room_load(room, folder), -1);
    assert_int_equal(room->error.code, ERROR_DATA);
    room_load_good(room, "{\"source\": \"folder\", \"path\": \"f\", \"resize\": [2, 2]}");
    room_write_flat(room, "f/a/2.png", 2, 2, 2, 7); /* gray and alpha */
    assert_int_equal(room_load(room, folder), -1);
    assert_int_equal(room->error.code, ERROR_DATA);
    room_load_good(room, "{\"source\": \"folder\", \"path\": \"f\", \"color\": \"grayscale\"}");
    assert_int_equal(room->splits.train.channels, 1);
    assert_int_equal(((uint8_t *)room->splits.train.pixels)[4], 7);
}

/* ---- IDX ---- */

static const char idx[] = "{\"source\": \"idx\", \"path\": \"m\"}";

static void write_idx(const struct room *room, const char *name, int rank, const uint32_t *sizes, size_t length,
                      bool compressed) {
    unsigned char bytes[8192] = {0, 0, 8, (unsigned char)rank};
    size_t at = 4;
    for (int i = 0; i < rank; i++)
        for (int shift = 24; shift >= 0; shift -= 8) bytes[at++] = (unsigned char)(sizes[i] >> shift);
    at += length;
    assert_true(at <= sizeof bytes);
    room_write(room, name, bytes, at);
    if (!compressed) return;
    char *path = expect_path(room->folder, name);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)at), at);
    gzclose(file);
    free(path);
}

static void test_idx_magic(void **state) {
    struct room *room = *state;
    static const char *const found[] = {"0x01000803", "0x00010803", "0x00000802"};
    static const unsigned char magic[][4] = {{1, 0, 8, 3}, {0, 1, 8, 3}, {0, 0, 8, 2}};
    char message[120];
    write_idx(room, "m/train-labels-idx1-ubyte", 1, (uint32_t[]){1}, 1, false);
    for (int i = 0; i < 3; i++) {
        room_write(room, "m/train-images-idx3-ubyte", magic[i], 4);
        snprintf(message, sizeof message,
                 "begins with %s; an IDX file of images begins with 0x00000803: is it the right file?", found[i]);
        room_load_bad(room, idx, ERROR_DATA, "m/train-images-idx3-ubyte", message);
    }
}

/* Sizes whose product is beyond all memory, and sides beyond the limit. */
static void test_idx_sizes(void **state) {
    struct room *room = *state;
    static const uint32_t most[3] = {UINT32_MAX, UINT32_MAX, UINT32_MAX}, tall[3] = {1, 5000, 1},
                          wide[3] = {1, 1, 5000};
    write_idx(room, "m/train-labels-idx1-ubyte", 1, (uint32_t[]){1}, 1, false);
    write_idx(room, "m/train-images-idx3-ubyte", 3, most, 10, false);
    room_load_bad(room, idx, ERROR_DATA, "m/train-images-idx3-ubyte",
                  "is truncated: its header promises more values than its 26 bytes can hold; fetch the file again");
    write_idx(room, "m/train-images-idx3-ubyte", 3, tall, 5000, false);
    room_load_bad(room, idx, ERROR_DATA, "m/train-images-idx3-ubyte",
                  "has images of 5000 x 1 pixels; a side has at most 4096: make them smaller");
    write_idx(room, "m/train-images-idx3-ubyte", 3, wide, 5000, false);
    room_load_bad(room, idx, ERROR_DATA, "m/train-images-idx3-ubyte",
                  "has images of 1 x 5000 pixels; a side has at most 4096: make them smaller");
    remove_file(room, "m/train-images-idx3-ubyte");
    write_idx(room, "m/train-images-idx3-ubyte.gz", 3, most, 10, true);
    assert_int_equal(room_load(room, idx), -1);
    assert_int_equal(room->error.code, ERROR_DATA);
    assert_non_null(strstr(room->error.message, "is truncated: its header promises more values than its "));
}

static void test_idx_files(void **state) {
    struct room *room = *state;
    static const uint32_t flat[3] = {1, 0, 5}, one[3] = {1, 1, 1};
    write_idx(room, "m/train-images-idx3-ubyte", 3, flat, 0, false);
    write_idx(room, "m/train-labels-idx1-ubyte", 1, one, 1, false);
    room_load_bad(room, idx, ERROR_DATA, "m/train-images-idx3-ubyte",
                  "holds images of 0 x 5 pixels; a side has 1 to 4096: resize them");
    write_idx(room, "m/train-images-idx3-ubyte", 3, one, 1, false);
    room_write_text(room, "m/train-labels-idx1-ubyte", "no such file");
    room_load_bad(room, idx, ERROR_DATA, "m/train-labels-idx1-ubyte",
                  "begins with 0x6e6f2073; an IDX file of labels begins with 0x00000801: is it the right file?");
    /* a checksum that does not fit shows behind the values */
    write_idx(room, "m/train-labels-idx1-ubyte", 1, one, 1, false);
    remove_file(room, "m/train-images-idx3-ubyte");
    write_idx(room, "m/train-images-idx3-ubyte.gz", 3, one, 1, true);
    struct error error = {0};
    char *path = expect_path(room->folder, "m/train-images-idx3-ubyte.gz"), *bytes = NULL;
    size_t length = 0;
    file_read(path, 1 << 16, &bytes, &length, &error);
    expect_no_error(&error);
    bytes[length - 8] ^= 1;
    room_write(room, "m/train-images-idx3-ubyte.gz", bytes, length);
    assert_int_equal(room_load(room, idx), -1);
    assert_int_equal(room->error.code, ERROR_DATA);
    assert_non_null(strstr(room->error.message, "incorrect data check"));
    free(bytes);
    free(path);
}

/* The labels of one file of images: found by its name alone. */
static void test_idx_labels_beside(void **state) {
    struct room *room = *state;
    static const uint32_t sizes[3] = {2, 1, 1};
    static const char nothing[] = "has no file of labels beside it (a name with \"labels\" for \"images\" and \"idx1\" "
                                  "for \"idx3\"); give the folder or the file of images";
    write_idx(room, "m/images.bin", 3, sizes, 2, false);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m/images.bin\"}", ERROR_DATA, "m/images.bin", nothing);
    write_idx(room, "m/x-idx3", 3, sizes, 2, false);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m/x-idx3\"}", ERROR_DATA, "m/x-idx3", nothing);
    write_idx(room, "m/images-idx3", 3, sizes, 2, false);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m/images-idx3\"}", ERROR_DATA, "m/images-idx3", nothing);
    write_idx(room, "m/images-idx3.gz", 3, sizes, 2, true);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"m/images-idx3.gz\"}", ERROR_DATA, "m/images-idx3.gz",
                  nothing);
    write_idx(room, "m/labels-idx1", 1, sizes, 2, false);
    room_load_good(room, "{\"source\": \"idx\", \"path\": \"m/images-idx3.gz\"}");
    assert_int_equal(room->splits.train.count, 2);
}

static void test_fashion_mnist(void **state) {
    struct room *room = *state;
    static const uint32_t sizes[3] = {2, 28, 28};
    const char *one_file = "{\"source\": \"fashion-mnist\", \"path\": \"m/images-idx3\"}";
    write_idx(room, "m/images-idx3", 3, sizes, 2 * 784, false);
    write_idx(room, "m/labels-idx1", 1, (uint32_t[]){3}, 3, false);
    room_load_bad(room, one_file, ERROR_DATA, "m/labels-idx1",
                  "holds 3 labels for 2 images; take the two files that belong together");
    write_idx(room, "m/labels-idx1", 1, sizes, 2, false);
    room_load_good(room, one_file);
    assert_string_equal(room->splits.class_names[9], "Ankle boot");
    if (file_exists("/usr/share/datasets/fashion-mnist")) {
        print_message("dataset-fashion-mnist is installed: its absence is not tested\n");
        return;
    }
    assert_int_equal(room_load(room, "{\"source\": \"fashion-mnist\"}"), -1);
    assert_int_equal(room->error.code, ERROR_IO);
    assert_string_equal(room->error.message,
                        "is missing; install the Debian package dataset-fashion-mnist or give a path");
}

/* ---- NumPy ---- */

static const char npy[] = "{\"source\": \"npy\", \"path\": \"x.npy,y.npy\"}";

static void write_npy(const struct room *room, const char *name, const char *dictionary, size_t values) {
    struct text bytes = {0};
    size_t length = strlen(dictionary);
    text_add_bytes(&bytes, "\x93NUMPY\x01\x00", 8);
    text_add_bytes(&bytes, (const char[]){(char)(length & 255), (char)(length >> 8)}, 2);
    text_add(&bytes, dictionary);
    text_add_bytes(&bytes, (const char *)zeros, values);
    room_write(room, name, bytes.bytes, bytes.length);
    text_free(&bytes);
}

#define ARRAY(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }"

static void images_refused(struct room *room, const char *dictionary, size_t values, const char *message) {
    write_npy(room, "x.npy", dictionary, values);
    room_load_bad(room, npy, ERROR_DATA, "x.npy", message);
}

static void test_npy_images(void **state) {
    struct room *room = *state;
    write_npy(room, "y.npy", ARRAY("|u1", "(1,)"), 1);
    images_refused(room, ARRAY("<u2", "(1, 1, 1)"), 2, "holds values of type u2; save images as uint8 or float32");
    images_refused(room, ARRAY("|i1", "(1, 1, 1)"), 1, "holds values of type i1; save images as uint8 or float32");
    images_refused(room, ARRAY("<f8", "(1, 1, 1)"), 8, "holds values of type f8; save images as uint8 or float32");
    static const char limits[] = "(height, width, channels) of at most (4096,4096,4) can be used";
    char message[160];
    snprintf(message, sizeof message, "has images of (1,5000,1); %s", limits);
    images_refused(room, ARRAY("|u1", "(1, 1, 5000)"), 5000, message);
    snprintf(message, sizeof message, "has images of (5000,1,1); %s", limits);
    images_refused(room, ARRAY("|u1", "(1, 5000, 1)"), 5000, message);
    snprintf(message, sizeof message, "has images of (1,1,5); %s", limits);
    images_refused(room, ARRAY("|u1", "(1, 1, 1, 5)"), 5, message);
    images_refused(room, ARRAY("|u1", "(1, 1, 1, 0)"), 0, "holds images with 0 channels; 1 to 4 can be used");
    images_refused(room, ARRAY("|u1", "(1, 0, 1, 1)"), 0,
                   "holds images of 0 x 1 pixels; a side has 1 to 4096: resize them");
    images_refused(room, ARRAY("|u1", "(1, 1, 0, 1)"), 0,
                   "holds images of 1 x 0 pixels; a side has 1 to 4096: resize them");
}

static void test_npy_headers(void **state) {
    struct room *room = *state;
    write_npy(room, "y.npy", ARRAY("|u1", "(1,)"), 1);
    images_refused(room, ARRAY("<u3", "(1, 1, 1)"), 3,
                   "has a .npy header with a type of no known width; save an array of numbers with numpy.save");
    images_refused(room, ARRAY("<f1", "(1, 1, 1)"), 1,
                   "has a .npy header with a type of no known width; save an array of numbers with numpy.save");
    images_refused(room, ARRAY("=u1", "(1, 1, 1)"), 1,
                   "holds values of type '=u1'; save it as uint8, float32 or integers");
    images_refused(room, ARRAY("<c8", "(1, 1, 1)"), 8,
                   "holds values of type '<c8'; save it as uint8, float32 or integers");
    images_refused(room, ARRAY("<ux", "(1, 1, 1)"), 1,
                   "holds values of type '<ux'; save it as uint8, float32 or integers");
    images_refused(room, "{'descr' '|u1', 'fortran_order': False, 'shape': (1, 1, 1)}", 1,
                   "has a .npy header without a plain 'descr'; save an array of numbers with numpy.save");
    images_refused(room, "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1, 1, 1)}", 1,
                   "has a .npy header without a plain 'descr'; save an array of numbers with numpy.save");
    images_refused(room, ARRAY("|u1", "5"), 1,
                   "has a .npy header without a 'shape'; save an array of numbers with numpy.save");
    images_refused(room, "{'descr': '|u1', 'fortran_order': False, }", 1,
                   "has a .npy header without a 'shape'; save an array of numbers with numpy.save");
    images_refused(room, ARRAY("<f8", "(4611686018427387904,)"), 8,
                   "has 8 bytes of values, its header promises 4611686018427387904 times 8; it is damaged: save it "
                   "again with numpy.save");
}

static void prefix_refused(struct room *room, const void *bytes, size_t length, const char *message) {
    room_write(room, "x.npy", bytes, length);
    room_load_bad(room, npy, ERROR_DATA, "x.npy", message);
}

static void test_npy_prefixes(void **state) {
    struct room *room = *state;
    static const char no_magic[] = "is not a .npy file (it does not begin with \\x93NUMPY); save it with numpy.save";
    write_npy(room, "y.npy", ARRAY("|u1", "(1,)"), 1);
    prefix_refused(room, "\x93NUMPX\x01\x00", 8, no_magic);
    prefix_refused(room, "\x93NUM", 4, no_magic);
    prefix_refused(room, "\x93NUMPY\x00\x07", 8, "is a .npy file of version 0.7; save it with version 1.0, 2.0 or 3.0");
    prefix_refused(room, "\x93NUMPY\x04\x00", 8, "is a .npy file of version 4.0; save it with version 1.0, 2.0 or 3.0");
    prefix_refused(room, "\x93NUMPY\x01\x00\x05", 9,
                   "has a .npy header that is truncated; save an array of numbers with numpy.save");
}

static void test_npy_labels(void **state) {
    struct room *room = *state;
    write_npy(room, "x.npy", ARRAY("|u1", "(2, 1, 1)"), 2);
    write_npy(room, "y.npy", ARRAY("|u1", "(2, 2)"), 4);
    room_load_bad(room, npy, ERROR_DATA, "y.npy", "has 2 dimensions; labels have (count) or (count, 1)");
    write_npy(room, "y.npy", ARRAY("|u1", "(1, 2, 1)"), 2);
    room_load_bad(room, npy, ERROR_DATA, "y.npy", "has 3 dimensions; labels have (count) or (count, 1)");
    room_write_text(room, "y.npy", "");
    room_load_bad(room, npy, ERROR_DATA, "y.npy", "is empty; a .npy file was expected: save it with numpy.save");
}

static void test_npy_paths(void **state) {
    struct room *room = *state;
    static const char one[] = "is one file; give images and labels as IMAGES.npy,LABELS.npy, or a folder with "
                              "x_train.npy and y_train.npy";
    write_npy(room, "x.npy", ARRAY("|u1", "(1, 1, 1)"), 1);
    room_load_bad(room, "{\"source\": \"npy\", \"path\": \"x.npy\"}", ERROR_DATA, "x.npy", one);
    write_npy(room, "d/x_train.npy", ARRAY("|u1", "(1, 1, 1)"), 1);
    write_npy(room, "d/y_train.npy", ARRAY("|u1", "(1,)"), 1);
    room_write_text(room, "d/x_val.npy", "no array");
    write_npy(room, "d/y_val.npy", ARRAY("|u1", "(1,)"), 1);
    room_load_bad(room, "{\"source\": \"npy\", \"path\": \"d\"}", ERROR_DATA, "d/x_val.npy",
                  "is not a .npy file (it does not begin with \\x93NUMPY); save it with numpy.save");
}

/* ---- parts that must fit each other ---- */

static void test_parts_alike(void **state) {
    struct room *room = *state;
    static const char *const shapes[] = {ARRAY("|u1", "(1, 2, 3)"), ARRAY("|u1", "(1, 3, 2)"),
                                         ARRAY("|u1", "(1, 2, 2, 3)"), ARRAY("<f4", "(1, 2, 2)")};
    static const char *const forms[] = {"(2,3,1) of bytes", "(3,2,1) of bytes", "(2,2,3) of bytes",
                                        "(2,2,1) of floats"};
    static const size_t lengths[] = {6, 6, 12, 16};
    write_npy(room, "d/x_train.npy", ARRAY("|u1", "(1, 2, 2)"), 4);
    write_npy(room, "d/y_train.npy", ARRAY("|u1", "(1,)"), 1);
    write_npy(room, "d/y_test.npy", ARRAY("|u1", "(1,)"), 1);
    for (int i = 0; i < 4; i++) {
        char message[240];
        snprintf(message, sizeof message,
                 "training images are (2,2,1) of bytes, test images %s; all must be alike (\"resize\" and \"color\" "
                 "make them so)",
                 forms[i]);
        write_npy(room, "d/x_test.npy", shapes[i], lengths[i]);
        room_load_bad(room, "{\"source\": \"npy\", \"path\": \"d\"}", ERROR_DATA, "d", message);
    }
    remove_file(room, "d/x_test.npy");
    write_npy(room, "d/x_val.npy", ARRAY("|u1", "(2, 2, 2)"), 8);
    write_npy(room, "d/y_val.npy", ARRAY("<u2", "(1, 1)"), 2);
    room_load_bad(room, "{\"source\": \"npy\", \"path\": \"d\"}", ERROR_DATA, "d/y_val.npy",
                  "holds 1 label for 2 images; save both for the same images");
    remove_file(room, "d/x_val.npy");
    write_npy(room, "d/x_train.npy", ARRAY("|u1", "(0, 2, 2)"), 0);
    write_npy(room, "d/y_train.npy", ARRAY("|u1", "(0,)"), 0);
    room_load_bad(room, "{\"source\": \"npy\", \"path\": \"d\"}", ERROR_DATA, "d",
                  "holds no training images; put some there");
}

#define ROOM_TEST(test) cmocka_unit_test_setup_teardown(test, room_open, room_close)

/* ---- SVHN, written word by word ---- */

static void add_word(struct text *bytes, uint32_t word) {
    for (int shift = 0; shift < 32; shift += 8) text_add_bytes(bytes, (const char[]){(char)(word >> shift & 255)}, 1);
}

/* An array of zeros. */
static void add_mat_array(struct text *bytes, char name, uint32_t class, uint32_t type, uint32_t rank,
                          const uint32_t *sizes, uint32_t length) {
    const uint32_t padded = (length + 7) / 8 * 8, words = (rank + 1) / 2 * 2;
    const uint32_t start[] = {14, 16 + 8 + 4 * words + 16 + 8 + padded, 6, 8, class, 0, 5, 4 * rank};
    for (size_t i = 0; i < sizeof start / sizeof *start; i++) add_word(bytes, start[i]);
    for (uint32_t i = 0; i < words; i++) add_word(bytes, i < rank ? sizes[i] : 0);
    const uint32_t rest[] = {1, 1, (uint32_t)name, 0, type, length};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) add_word(bytes, rest[i]);
    text_add_bytes(bytes, (const char *)zeros, padded);
}

struct digits {
    uint32_t type, sizes[4], length;             /* of X */
    uint32_t label_rank, label_sizes[3], labels; /* of y */
};

static void write_digits(const struct room *room, const struct digits *digits) {
    struct text bytes = {0};
    char header[128];
    memset(header, ' ', sizeof header);
    memcpy(header + 124, "\0\1IM", 4);
    text_add_bytes(&bytes, header, sizeof header);
    add_mat_array(&bytes, 'X', 9, digits->type, 4, digits->sizes, digits->length);
    add_mat_array(&bytes, 'y', 9, 2, digits->label_rank, digits->label_sizes, digits->labels);
    room_write(room, "d.mat", bytes.bytes, bytes.length);
    text_free(&bytes);
}

static void test_svhn_arrays(void **state) {
    struct room *room = *state;
    static const struct {
        struct digits digits;
        const char *message;
    } cases[] = {
        {{1, {2, 2, 3, 1}, 12, 2, {1, 1}, 1}, "X is not of class uint8, as images are; save it so"},
        {{2, {0, 2, 3, 1}, 0, 2, {1, 1}, 1}, "X has images of 0 x 2 pixels; a side has 1 to 4096"},
        {{2, {2, 0, 3, 1}, 0, 2, {1, 1}, 1}, "X has images of 2 x 0 pixels; a side has 1 to 4096"},
        {{2, {4097, 1, 3, 0}, 0, 2, {1, 1}, 1}, "X has images of 4097 x 1 pixels; a side has 1 to 4096"},
        {{2, {1, 4097, 3, 0}, 0, 2, {1, 1}, 1}, "X has images of 1 x 4097 pixels; a side has 1 to 4096"},
        {{2, {2, 2, 3, 2}, 24, 3, {1, 2, 1}, 2}, "y is not one column of labels; save it as (images, 1)"},
        {{2, {2, 2, 3, 2}, 24, 2, {1, 2}, 2}, "label 1 of y is 0; 1 to 10 are expected, 10 for digit 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_digits(room, &cases[i].digits);
        room_load_bad(room, "{\"source\": \"svhn\", \"path\": \"d.mat\"}", ERROR_DATA, "d.mat", cases[i].message);
    }
}

/* ---- sizes that no memory has ---- */

static void test_idx_overflow(void **state) {
    struct room *room = *state;
    static const char header[] = "\0\0\10\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    room_write(room, "i/train-images-idx3-ubyte", header, 16);
    room_write_text(room, "i/train-labels-idx1-ubyte", "");
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"i\"}", ERROR_DATA, "i/train-images-idx3-ubyte",
                  "is truncated: its header promises more values than its 16 bytes can hold; fetch the file again");
    remove_file(room, "i/train-images-idx3-ubyte");
    room_write_text(room, "i/train-images-idx3-ubyte.gz", "");
    char *path = expect_path(room->folder, "i/train-images-idx3-ubyte.gz");
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, header, 16), 16);
    assert_int_equal(gzclose(file), Z_OK);
    struct error error = {0};
    char *bytes = NULL, message[160];
    size_t length = 0;
    assert_int_equal(file_read(path, 1000, &bytes, &length, &error), 0);
    snprintf(message, sizeof message,
             "is truncated: its header promises more values than its %zu bytes can hold; fetch the file again", length);
    room_load_bad(room, "{\"source\": \"idx\", \"path\": \"i\"}", ERROR_DATA, "i/train-images-idx3-ubyte.gz", message);
    free(bytes);
    free(path);
}

static void test_npy_pairs(void **state) {
    struct room *room = *state;
    static const char alone[] = "is one file; give images and labels as IMAGES.npy,LABELS.npy, or a folder with "
                                "x_train.npy and y_train.npy";
    room_write_text(room, "x,", "");
    room_write_text(room, ",y", "");
    struct data_splits splits = {0};
    const struct source_kind *kind = (const struct source_kind *)registry_find(&source_registry, "npy");
    static const char *const paths[] = {"x", "x,", ",y"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct error error = {0};
        char expected[256];
        const struct source_request request = {.path = paths[i]};
        assert_int_equal(kind->load(&request, &splits, &error), -1);
        snprintf(expected, sizeof expected, "%s: %s", paths[i], alone);
        expect_error(&error, ERROR_DATA, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ROOM_TEST(test_cifar_names_of_classes),
        ROOM_TEST(test_pictures_alike),
        ROOM_TEST(test_idx_files),
        ROOM_TEST(test_cifar_names),
        ROOM_TEST(test_cifar100_parts),
        ROOM_TEST(test_csv_headers),
        ROOM_TEST(test_csv_labels),
        ROOM_TEST(test_csv_many),
        ROOM_TEST(test_folder_links),
        ROOM_TEST(test_folder_parts),
        ROOM_TEST(test_folder_many),
        ROOM_TEST(test_idx_magic),
        ROOM_TEST(test_idx_sizes),
        ROOM_TEST(test_idx_labels_beside),
        ROOM_TEST(test_fashion_mnist),
        ROOM_TEST(test_npy_images),
        ROOM_TEST(test_npy_headers),
        ROOM_TEST(test_npy_prefixes),
        ROOM_TEST(test_npy_labels),
        ROOM_TEST(test_npy_paths),
        ROOM_TEST(test_parts_alike),
        ROOM_TEST(test_svhn_arrays),
        ROOM_TEST(test_idx_overflow),
        ROOM_TEST(test_npy_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
