#include <matio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/mat.h"
#include "tests/support/data_room.h"

/* Writes an array of `class` with its values to an open file. */
static void add_array(mat_t *mat, const char *name, enum matio_classes class, enum matio_types type, int rank,
                      const size_t *sizes, void *values, enum matio_compression compression) {
    size_t copy[4] = {0};
    memcpy(copy, sizes, (size_t)rank * sizeof *sizes);
    matvar_t *variable = Mat_VarCreate(name, class, type, rank, copy, values, 0);
    assert_non_null(variable);
    assert_int_equal(Mat_VarWrite(mat, variable, compression), 0);
    Mat_VarFree(variable);
}

struct digits {
    size_t sizes[4];
    int rank;
    int label_count;
    double labels[8];
    enum matio_compression compression;
    int label_rank;    /* 0: 2 */
    int label_columns; /* 0: 1 */
};

/* A file of images whose byte at (row, column, channel, image) is row + 10 column + 50 channel + 3 image. */
static void write_digits(const struct room *room, const char *name, const struct digits *digits) {
    char *path = expect_path(room->folder, name);
    mat_t *mat = Mat_CreateVer(path, NULL, MAT_FT_MAT5);
    assert_non_null(mat);
    size_t count = 1;
    for (int i = 0; i < digits->rank; i++) count *= digits->sizes[i];
    uint8_t *pixels = malloc(count);
    assert_non_null(pixels);
    for (size_t i = 0; i < count; i++) {
        size_t row = i % digits->sizes[0], rest = i / digits->sizes[0];
        size_t column = rest % digits->sizes[1], channel = rest / digits->sizes[1] % digits->sizes[2];
        pixels[i] = (uint8_t)(row + 10 * column + 50 * channel + 3 * (rest / digits->sizes[1] / digits->sizes[2]));
    }
    double labels[8];
    memcpy(labels, digits->labels, sizeof labels);
    add_array(mat, "X", MAT_C_UINT8, MAT_T_UINT8, digits->rank, digits->sizes, pixels, digits->compression);
    add_array(mat, "y", MAT_C_DOUBLE, MAT_T_DOUBLE, digits->label_rank ? digits->label_rank : 2,
              (size_t[]){(size_t)digits->label_count, digits->label_columns ? (size_t)digits->label_columns : 1, 1},
              labels, digits->compression);
    Mat_Close(mat);
    free(pixels);
    free(path);
}

static const struct digits three = {{4, 5, 3, 3}, 4, 3, {1, 10, 9}, MAT_COMPRESSION_ZLIB, 0, 0};

static void expect_three(const struct dataset *dataset) {
    assert_int_equal(dataset->count, 3);
    assert_int_equal(dataset->height, 4);
    assert_int_equal(dataset->width, 5);
    assert_int_equal(dataset->channels, 3);
    assert_int_equal(dataset->labels[0], 1);
    assert_int_equal(dataset->labels[1], 0);
    assert_int_equal(dataset->labels[2], 9);
    const uint8_t *at = dataset->pixels;
    for (int image = 0; image < 3; image++)
        for (int row = 0; row < 4; row++)
            for (int column = 0; column < 5; column++)
                for (int channel = 0; channel < 3; channel++)
                    assert_int_equal(*at++, row + 10 * column + 50 * channel + 3 * image);
}

static void test_folder_and_file(void **state) {
    struct room *room = *state;
    struct digits plain = three, one = {{4, 5, 3}, 3, 1, {10}, MAT_COMPRESSION_ZLIB, 0, 0};
    plain.compression = MAT_COMPRESSION_NONE;
    room_write_text(room, "set/readme.txt", "");
    write_digits(room, "set/train_32x32.mat", &three);
    write_digits(room, "set/test_32x32.mat", &plain);
    room_load_good(room, "{\"source\": \"svhn\", \"path\": \"set\"}");
    expect_three(&room->splits.train);
    expect_three(&room->splits.test);
    room_write_text(room, "alone/readme.txt", "");
    write_digits(room, "alone/train_32x32.mat", &three);
    room_load_good(room, "{\"source\": \"svhn\", \"path\": \"alone\"}");
    assert_int_equal(room->splits.test.count, 0);
    assert_int_equal(room->splits.classes, 10);
    assert_null(room->splits.class_names);

    room_load_good(room, "{\"source\": \"svhn\", \"path\": \"set/test_32x32.mat\"}");
    expect_three(&room->splits.train);
    assert_int_equal(room->splits.test.count, 0);

    write_digits(room, "one.mat", &one);
    room_load_good(room, "{\"source\": \"svhn\", \"path\": \"one.mat\"}");
    assert_int_equal(room->splits.train.count, 1);
    assert_int_equal(room->splits.train.labels[0], 0);
}

static void write_labels(const struct room *room, const char *name, enum matio_classes class, enum matio_types type,
                         void *labels) {
    char *path = expect_path(room->folder, name);
    mat_t *mat = Mat_CreateVer(path, NULL, MAT_FT_MAT5);
    uint8_t pixels[2 * 2 * 3 * 2] = {0};
    add_array(mat, "y", class, type, 2, (size_t[]){1, 2}, labels, MAT_COMPRESSION_ZLIB);
    add_array(mat, "X", MAT_C_UINT8, MAT_T_UINT8, 4, (size_t[]){2, 2, 3, 2}, pixels, MAT_COMPRESSION_ZLIB);
    Mat_Close(mat);
    free(path);
}

/* Any class of number will do for labels, and either order of the arrays. */
static void test_label_classes(void **state) {
    struct room *room = *state;
    const struct {
        enum matio_classes class;
        enum matio_types type;
        void *labels;
    } forms[] = {
        {MAT_C_UINT8, MAT_T_UINT8, (uint8_t[]){3, 10}}, {MAT_C_INT8, MAT_T_INT8, (int8_t[]){3, 10}},
        {MAT_C_INT16, MAT_T_INT16, (int16_t[]){3, 10}}, {MAT_C_UINT16, MAT_T_UINT16, (uint16_t[]){3, 10}},
        {MAT_C_INT32, MAT_T_INT32, (int32_t[]){3, 10}}, {MAT_C_UINT32, MAT_T_UINT32, (uint32_t[]){3, 10}},
        {MAT_C_INT64, MAT_T_INT64, (int64_t[]){3, 10}}, {MAT_C_UINT64, MAT_T_UINT64, (uint64_t[]){3, 10}},
        {MAT_C_SINGLE, MAT_T_SINGLE, (float[]){3, 10}}, {MAT_C_DOUBLE, MAT_T_DOUBLE, (double[]){3, 10}},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        write_labels(room, "labels.mat", forms[i].class, forms[i].type, forms[i].labels);
        room_load_good(room, "{\"source\": \"svhn\", \"path\": \"labels.mat\"}");
        assert_int_equal(room->splits.train.labels[0], 3);
        assert_int_equal(room->splits.train.labels[1], 0);
    }
}

static void test_labels_out_of_range(void **state) {
    struct room *room = *state;
    static const struct {
        double label;
        const char *message;
    } cases[] = {{0, "label 2 of y is 0; 1 to 10 are expected, 10 for digit 0: correct it"},
                 {11, "label 2 of y is 11; 1 to 10 are expected, 10 for digit 0: correct it"},
                 {2.5, "label 2 of y is 2.5; 1 to 10 are expected, 10 for digit 0: correct it"},
                 {-1e300, "label 2 of y is -1e+300; 1 to 10 are expected, 10 for digit 0: correct it"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct digits digits = three;
        digits.labels[1] = cases[i].label;
        write_digits(room, "bad.mat", &digits);
        room_load_bad(room, "{\"source\": \"svhn\", \"path\": \"bad.mat\"}", ERROR_DATA, "bad.mat", cases[i].message);
    }
}

static void expect_bad(struct room *room, const char *message) {
    room_load_bad(room, "{\"source\": \"svhn\", \"path\": \"bad.mat\"}", ERROR_DATA, "bad.mat", message);
}

static void test_wrong_arrays(void **state) {
    struct room *room = *state;
    struct digits digits = three;
    digits.label_count = 2;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "X holds 3 images, but y holds 2 labels; save both for the same images");
    digits.label_count = 1;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "X holds 3 images, but y holds 1 label; save both for the same images");
    digits.rank = 3;
    digits.label_count = 2;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "X holds 1 image, but y holds 2 labels; save both for the same images");
    digits = three;
    digits.label_rank = 3;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "y is not one column of labels; save it as (images, 1)");
    digits = three;
    digits.label_count = digits.label_columns = 2;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "y is not one column of labels; save it as (images, 1)");
    digits = three;
    digits.sizes[2] = 1;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "X has images with 1 channel; save them with 3");
    digits = three;
    digits.sizes[2] = 4;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "X has images with 4 channels; save them with 3");
    digits = three;
    digits.sizes[0] = 5000;
    digits.sizes[1] = 1;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "X has images of 5000 x 1 pixels; a side has 1 to 4096: resize them");
    digits = three;
    digits.rank = 2;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "X has 2 sizes; save it as (height, width, 3, images)");
    digits = three;
    digits.sizes[3] = 0;
    write_digits(room, "bad.mat", &digits);
    expect_bad(room, "X holds no images; fetch the file again");
}

static void write_one_array(const struct room *room, const char *array, enum matio_classes class, enum matio_types type,
                            void *values) {
    char *path = expect_path(room->folder, "bad.mat");
    mat_t *mat = Mat_CreateVer(path, NULL, MAT_FT_MAT5);
    add_array(mat, array, class, type, 2, (size_t[]){2, 1}, values, MAT_COMPRESSION_ZLIB);
    Mat_Close(mat);
    free(path);
}

static void test_missing_arrays(void **state) {
    struct room *room = *state;
    write_one_array(room, "y", MAT_C_DOUBLE, MAT_T_DOUBLE, (double[]){1, 2});
    expect_bad(room, "holds no array \"X\" with the images; is it a file of SVHN's cropped digits?");
    write_one_array(room, "X", MAT_C_DOUBLE, MAT_T_DOUBLE, (double[]){1, 2});
    expect_bad(room, "X is not of class uint8, as images are; save it as uint8");
    write_one_array(room, "text", MAT_C_CHAR, MAT_T_UINT8, (uint8_t[]){1, 2});
    expect_bad(room, "\"text\" is no array of real numbers; save X and y alone");
    room_write_text(room, "empty/readme", "");
    room_load_bad(room, "{\"source\": \"svhn\", \"path\": \"empty\"}", ERROR_DATA, "empty",
                  "holds no train_32x32.mat; name the folder of SVHN's cropped digits, or a .mat file");
}

static void test_headers(void **state) {
    struct room *room = *state;
    char header[136] = "MATLAB 5.0 MAT-file";
    room_write(room, "bad.mat", header, 0);
    expect_bad(room, "has 0 bytes, less than the 128-byte header of a MATLAB 5 file; fetch the file again");
    room_write(room, "bad.mat", header, 100);
    expect_bad(room, "has 100 bytes, less than the 128-byte header of a MATLAB 5 file; fetch the file again");
    room_write(room, "bad.mat", header, 136);
    expect_bad(room, "is not a MATLAB 5 file (version 0x0100 and \"IM\" expected at byte 124); save it with -v7");
    memcpy(header + 124, "\1\0MI", 4);
    room_write(room, "bad.mat", header, 136);
    expect_bad(room, "is a big-endian MATLAB file; save it little-endian");
    memcpy(header + 124, "\0\2IM", 4);
    room_write(room, "bad.mat", header, 136);
    expect_bad(room, "is a MATLAB 7.3 file (HDF5); save it with -v7 to use it here");
    memcpy(header + 124, "\0\1IM", 4);
    room_write(room, "bad.mat", header, 128);
    expect_bad(room, "holds no array \"X\" with the images; is it a file of SVHN's cropped digits?");
    room_write(room, "bad.mat", header, 132);
    expect_bad(room, "is truncated: it ends within an element's tag at byte 128; fetch the file again");
    room_write(room, "bad.mat", header, 136);
    expect_bad(room, "is damaged: the element at byte 128 is of no known type; fetch the file again");
    memcpy(header + 128, "\16\0\0\0\377\377\377\377", 8);
    room_write(room, "bad.mat", header, 136);
    expect_bad(room, "is truncated: the element at byte 128 has 4294967295 bytes, 0 are there; fetch the file again");
}

static const char golden_path[] = "tests/golden/mat/svhn_tiny_32x32.mat";

static uint64_t sum_of(const struct dataset *dataset) {
    uint64_t sum = 0;
    const uint8_t *pixels = dataset->pixels;
    for (size_t i = 0; i < (size_t)dataset->count * dataset_image_bytes(dataset); i++) sum = sum * 31 + pixels[i];
    for (int64_t i = 0; i < dataset->count; i++) sum = sum * 31 + (uint64_t)dataset->labels[i];
    return sum;
}

static void load_golden(struct room *room) {
    char here[4096], json[4200];
    assert_non_null(realpath(golden_path, here));
    snprintf(json, sizeof json, "{\"source\": \"svhn\", \"path\": \"%s\"}", here);
    room_load_good(room, json);
}

static char *read_golden(size_t *length) {
    char *golden = NULL;
    struct error error = {0};
    file_read(golden_path, 1 << 20, &golden, length, &error);
    expect_no_error(&error);
    return golden;
}

static void test_every_cut(void **state) {
    struct room *room = *state;
    size_t length = 0;
    char *golden = read_golden(&length);
    for (size_t cut = 0; cut < length; cut++) {
        room_write(room, "cut.mat", golden, cut);
        assert_int_equal(room_load(room, "{\"source\": \"svhn\", \"path\": \"cut.mat\"}"), -1);
        assert_int_equal(room->error.code, ERROR_DATA);
    }
    free(golden);
}

/* A changed byte is an error or, where it carries nothing (the header's text, a spare bit), changes no image. */
static void test_every_flip(void **state) {
    struct room *room = *state;
    size_t length = 0, accepted = 0;
    char *golden = read_golden(&length);
    load_golden(room);
    uint64_t sum = sum_of(&room->splits.train);
    for (size_t at = 0; at < length; at++) {
        char bit = (char)(1 << at % 8);
        golden[at] = (char)(golden[at] ^ bit);
        room_write(room, "flip.mat", golden, length);
        if (room_load(room, "{\"source\": \"svhn\", \"path\": \"flip.mat\"}") == 0) {
            assert_true(sum_of(&room->splits.train) == sum);
            accepted++;
        } else {
            assert_int_equal(room->error.code, ERROR_DATA);
        }
        golden[at] = (char)(golden[at] ^ bit);
    }
    assert_in_range(accepted, 124, 130);
    free(golden);
}

static void test_golden(void **state) {
    struct room *room = *state;
    static const int32_t labels[] = {0, 1, 2, 9};
    load_golden(room);
    const struct dataset *train = &room->splits.train;
    assert_int_equal(train->count, 4);
    assert_int_equal(train->height, 32);
    assert_int_equal(train->width, 32);
    assert_int_equal(train->channels, 3);
    assert_memory_equal(train->labels, labels, sizeof labels);
    /* Read from the file's column-major bytes: at (image, row, column, channel). */
    const uint8_t *pixels = train->pixels;
    assert_int_equal(pixels[0], 0);            /* (0,0,0,0) */
    assert_int_equal(pixels[32 * 3], 128);     /* (0,1,0,0) */
    assert_int_equal(pixels[3], 12);           /* (0,0,1,0) */
    assert_int_equal(pixels[1], 4);            /* (0,0,0,1) */
    assert_int_equal(pixels[3072], 1);         /* (1,0,0,0) */
    assert_int_equal(pixels[3072 + 104], 161); /* (1,1,2,2) */
}

static void load_real(struct room *room, const char *name) {
    char json[4200];
    const char *data = getenv("CNNTRAIN_DATA");
    if (!data) skip();
    snprintf(json, sizeof json, "{\"source\": \"svhn\", \"path\": \"%s/%s\"}", data, name);
    room_load(room, json);
}

static void test_real_svhn(void **state) {
    struct room *room = *state;
    load_real(room, "svhn");
    expect_no_error(&room->error);
    assert_int_equal(room->splits.train.count, 801);
    assert_int_equal(room->splits.test.count, 0);
}

static void test_real_mnist_m(void **state) {
    struct room *room = *state;
    load_real(room, "mnist_m");
    expect_no_error(&room->error);
    assert_int_equal(room->splits.train.count, 30000);
    assert_int_equal(room->splits.test.count, 5000);
}

static void test_real_truncated(void **state) {
    struct room *room = *state;
    load_real(room, "svhn/truncated_32x32.mat");
    assert_int_equal(room->error.code, ERROR_DATA);
    assert_string_equal(room->error.message, "is truncated: the element at byte 128 has 182004347 bytes, 2686840 are "
                                             "there; fetch the file again");
}

static void test_unreadable(void **state) {
    struct room *room = *state;
    room_load_bad(room, "{\"source\": \"svhn\"}", ERROR_CONFIG, "=data.path",
                  "is missing; svhn needs a folder with train_32x32.mat and perhaps test_32x32.mat, or one .mat file");
    room_write_text(room, "pipe/train_32x32.mat/inside", "");
    room_load_bad(room, "{\"source\": \"svhn\", \"path\": \"pipe\"}", ERROR_DATA, "pipe/train_32x32.mat",
                  "is a folder; a file is needed here");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folder_and_file, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_label_classes, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_labels_out_of_range, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_wrong_arrays, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_missing_arrays, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_headers, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_every_cut, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_every_flip, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_golden, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_unreadable, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_real_svhn, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_real_mnist_m, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_real_truncated, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
