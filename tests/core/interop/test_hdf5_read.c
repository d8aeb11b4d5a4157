/* HDF5 files that libhdf5 made: what is read of them, and what is refused with its place. */
#include "core/interop/hdf5_read.h"

#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/file.h"
#include "tests/support/expect.h"

enum { NAME_SIZE = 700 };

/* The bytes of the file that `fill` makes, of this version of the format at least: the later ones have checksums. */
static char *make_as(H5F_libver_t version, void (*fill)(hid_t file), size_t *length) {
    char *folder = expect_folder(), *path = expect_path(folder, "x.h5"), *bytes = NULL;
    struct error error = {0};
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, version, H5F_LIBVER_LATEST);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    assert_true(file >= 0);
    fill(file);
    H5Fclose(file);
    H5Pclose(access);
    assert_int_equal(file_read(path, PTRDIFF_MAX - 1, &bytes, length, &error), 0);
    free(path);
    expect_folder_gone(folder);
    return bytes;
}

static char *make(void (*fill)(hid_t file), size_t *length) {
    return make_as(H5F_LIBVER_LATEST, fill, length);
}

static void expect_read(void (*fill)(hid_t file), struct safetensors *tree) {
    struct error error = {0};
    size_t length = 0;
    char *bytes = make(fill, &length);
    const int status = hdf5_read("x.h5", bytes, length, tree, &error);
    expect_no_error(&error);
    assert_int_equal(status, 0);
    free(bytes);
}

static void expect_refused(void (*fill)(hid_t file), const char *message) {
    struct safetensors tree;
    struct error error = {0};
    size_t length = 0;
    char *bytes = make(fill, &length);
    assert_int_equal(hdf5_read("x.h5", bytes, length, &tree, &error), -1);
    expect_error(&error, ERROR_DATA, message);
    free(bytes);
}

/* ---- what files hold ---- */

static void add_attribute(hid_t group, const char *name, hid_t type, hid_t space, const void *values) {
    const hid_t attribute = H5Acreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(attribute >= 0);
    if (values) assert_true(H5Awrite(attribute, type, values) >= 0);
    H5Aclose(attribute);
}

static void add_group(hid_t place, const char *name) {
    H5Gclose(H5Gcreate2(place, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void add_dataset(hid_t group, const char *name, hid_t type, hid_t space, hid_t creation, const void *values) {
    const hid_t dataset = H5Dcreate2(group, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(dataset >= 0);
    if (values) assert_true(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(dataset);
}

/* A dataset of so many sizes, of chunks that are never written. */
static void add_hollow(hid_t group, const char *name, int rank, const hsize_t *sizes) {
    static const hsize_t one[H5S_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const hid_t space = H5Screate_simple(rank, sizes, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, rank, one);
    add_dataset(group, name, H5T_NATIVE_FLOAT, space, creation, NULL);
    H5Pclose(creation);
    H5Sclose(space);
}

static void add_scalar(hid_t group, const char *name, const void *value) {
    const hid_t scalar = H5Screate(H5S_SCALAR);
    add_dataset(group, name, H5T_NATIVE_FLOAT, scalar, H5P_DEFAULT, value);
    H5Sclose(scalar);
}

/* Texts of both kinds, alone and in lists; a type, a number and an empty place; groups of an optimizer. */
static void fill_good(hid_t file) {
    static const char *const texts[] = {"a", "b"};
    static const int32_t number = 7;
    static const float value = 2.5F;
    const hid_t scalar = H5Screate(H5S_SCALAR), nothing = H5Screate(H5S_NULL);
    const hid_t two = H5Screate_simple(1, (const hsize_t[]){2}, NULL);
    const hid_t none = H5Screate_simple(1, (const hsize_t[]){0}, NULL);
    const hid_t fixed = H5Tcopy(H5T_C_S1), variable = H5Tcopy(H5T_C_S1);
    H5Tset_size(fixed, 3);
    H5Tset_size(variable, H5T_VARIABLE);
    add_attribute(file, "fixed", fixed, scalar, "xyz");
    add_attribute(file, "fixed_list", fixed, two, "ab\0cd");
    add_attribute(file, "variable", variable, scalar, texts);
    add_attribute(file, "variable_list", variable, two, texts);
    add_attribute(file, "unwritten", variable, scalar, NULL);
    add_attribute(file, "number", H5T_NATIVE_INT32, scalar, &number);
    add_attribute(file, "no_numbers", H5T_NATIVE_INT32, none, NULL);
    add_attribute(file, "nothing", H5T_NATIVE_INT32, nothing, NULL);
    H5Tcommit2(file, "a_type", fixed, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    add_group(file, "optimizer");
    add_group(file, "optimizer_weights");
    add_group(file, "layers");
    add_group(file, "layers/optimizer");
    add_dataset(file, "layers/optimizer/0", H5T_NATIVE_INT32, two, H5P_DEFAULT, (const int32_t[]){3, -4});
    add_scalar(file, "scalar", &value);
    add_scalar(file, "optimizer/scalar", &value);
    add_dataset(file, "empty", H5T_NATIVE_FLOAT, none, H5P_DEFAULT, NULL);
    for (int i = 0; i < 70; i++) { /* more than there is room for at first */
        char name[32];
        snprintf(name, sizeof name, "layers/%d", i);
        add_scalar(file, name, &value);
        add_attribute(file, name + 7, fixed, scalar, "i\0\0");
    }
    H5Tclose(fixed);
    H5Tclose(variable);
    H5Sclose(scalar);
    H5Sclose(nothing);
    H5Sclose(two);
    H5Sclose(none);
}

static void expect_text(const struct safetensors *tree, const char *key, const char *text) {
    const char *found = safetensors_metadata(tree, key);
    if (!found) fail_msg("no text %s", key);
    assert_string_equal(found, text);
}

static void test_good(void **state) {
    (void)state;
    struct safetensors tree;
    expect_read(fill_good, &tree);
    expect_text(&tree, "@fixed", "xyz");
    expect_text(&tree, "@fixed_list", "[\"ab\",\"cd\"]");
    expect_text(&tree, "@variable", "a");
    expect_text(&tree, "@variable_list", "[\"a\",\"b\"]");
    expect_text(&tree, "@unwritten", "");
    expect_text(&tree, "@no_numbers", "[]");
    expect_text(&tree, "@69", "i");
    assert_null(safetensors_metadata(&tree, "@number"));
    assert_int_equal(tree.tensor_count, 73);
    assert_null(safetensors_find(&tree, "optimizer/scalar"));
    const struct safetensors_tensor *integers = safetensors_find(&tree, "layers/optimizer/0");
    assert_non_null(integers);
    assert_memory_equal(integers->data, ((const float[]){3, -4}), 8);
    assert_int_equal(safetensors_find(&tree, "empty")->elements, 0);
    assert_int_equal(safetensors_find(&tree, "scalar")->rank, 0);
    safetensors_free(&tree);
}

/* ---- what is refused ---- */

static void fill_deep(hid_t file) {
    char path[64] = "";
    for (int i = 0; i < 17; i++) {
        strcat(path, i ? "/g" : "g");
        add_group(file, path);
    }
}

static void fill_long(hid_t file) {
    char name[2 * NAME_SIZE];
    memset(name, 'n', sizeof name);
    name[NAME_SIZE] = '\0';
    add_group(file, name);
    name[NAME_SIZE] = '/';
    name[2 * NAME_SIZE - 1] = '\0';
    add_group(file, name);
}

static void fill_link(hid_t file) {
    add_group(file, "g");
    H5Lcreate_soft("/g", file, "g/again", H5P_DEFAULT, H5P_DEFAULT);
}

static void fill_texts(hid_t file) {
    const hid_t many = H5Screate_simple(1, (const hsize_t[]){(1 << 16) + 1}, NULL), byte = H5Tcopy(H5T_C_S1);
    const hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_attr_phase_change(creation, 0, 0); /* where attributes may be of any size */
    const hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, creation, H5P_DEFAULT);
    add_attribute(group, "names", byte, many, NULL);
    H5Gclose(group);
    H5Pclose(creation);
    H5Tclose(byte);
    H5Sclose(many);
}

static void fill_text(hid_t file) {
    const hid_t one = H5Screate(H5S_SCALAR), large = H5Tcopy(H5T_C_S1), creation = H5Pcreate(H5P_GROUP_CREATE);
    H5Tset_size(large, (1 << 20) + 1);
    H5Pset_attr_phase_change(creation, 0, 0);
    const hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, creation, H5P_DEFAULT);
    add_attribute(group, "text", large, one, NULL);
    H5Gclose(group);
    H5Pclose(creation);
    H5Tclose(large);
    H5Sclose(one);
}

static void fill_strings(hid_t file) {
    const hid_t scalar = H5Screate(H5S_SCALAR), type = H5Tcopy(H5T_C_S1);
    add_dataset(file, "words", type, scalar, H5P_DEFAULT, "a");
    H5Tclose(type);
    H5Sclose(scalar);
}

static void fill_nothing(hid_t file) {
    const hid_t nothing = H5Screate(H5S_NULL);
    add_dataset(file, "nothing", H5T_NATIVE_FLOAT, nothing, H5P_DEFAULT, NULL);
    H5Sclose(nothing);
}

static void fill_nine_axes(hid_t file) {
    add_hollow(file, "w", 9, (const hsize_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1});
}

static void fill_absurd(hid_t file) {
    add_hollow(file, "w", 2, (const hsize_t[]){(hsize_t)1 << 40, (hsize_t)1 << 40});
}

static void fill_large(hid_t file) {
    add_hollow(file, "w", 2, (const hsize_t[]){1 << 20, 1 << 20});
}

static void fill_hollow(hid_t file) {
    add_hollow(file, "w", 1, (const hsize_t[]){3});
}

static void fill_twice(hid_t file) {
    static const float values[600];
    const hid_t space = H5Screate_simple(1, (const hsize_t[]){600}, NULL);
    add_group(file, "g");
    add_dataset(file, "g/w", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, values);
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "g/again%d", i);
        H5Lcreate_hard(file, "g/w", file, name, H5P_DEFAULT, H5P_DEFAULT);
    }
    H5Sclose(space);
}

static void fill_outside(hid_t file) {
    const hid_t space = H5Screate_simple(1, (const hsize_t[]){3}, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(creation, "/etc/passwd", 0, 12);
    add_dataset(file, "w", H5T_NATIVE_FLOAT, space, creation, NULL);
    H5Pclose(creation);
    H5Sclose(space);
}

static void fill_virtual(hid_t file) {
    const hid_t space = H5Screate_simple(1, (const hsize_t[]){3}, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(creation, space, "other.h5", "w", space);
    add_dataset(file, "w", H5T_NATIVE_FLOAT, space, creation, NULL);
    H5Pclose(creation);
    H5Sclose(space);
}

static void fill_crowd(hid_t file) {
    char name[16];
    add_group(file, "g");
    for (int i = 0; i <= 1 << 16; i++) {
        snprintf(name, sizeof name, "%d", i);
        H5Lcreate_hard(file, "g", file, name, H5P_DEFAULT, H5P_DEFAULT);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char elsewhere[] = "x.h5: w: is stored in another file; save the model in one file";
    static const char larger[] =
        "x.h5: w: is larger than the file can hold: the file is damaged; save or copy it again";
    expect_refused(fill_deep, "x.h5: g/g/g/g/g/g/g/g/g/g/g/g/g/g/g/g: is nested deeper than any model; this is no file "
                              "of weights");
    expect_refused(fill_link, "x.h5: g/again: is a link to another place or file; save the model in one file");
    expect_refused(fill_texts, "x.h5: g/names: has too many texts to be a list of names; save the model again");
    expect_refused(fill_text, "x.h5: g/text: cannot be read: the file is damaged; save or copy it again");
    expect_refused(fill_strings, "x.h5: words: holds no numbers of a type that can be read; save the model as float32");
    expect_refused(fill_nothing, "x.h5: nothing: cannot be read: the file is damaged; save or copy it again");
    expect_refused(fill_nine_axes, "x.h5: w: has more than 8 dimensions; this is no file of weights");
    expect_refused(fill_absurd,
                   "x.h5: w: has a shape too large for any memory: the file is damaged; save or copy it again");
    expect_refused(fill_large, larger);
    expect_refused(fill_hollow, larger);
    expect_refused(fill_twice, "x.h5: g/again1: is larger than the file can hold: the file is damaged; save or copy it "
                               "again");
    expect_refused(fill_outside, elsewhere);
    expect_refused(fill_virtual, elsewhere);
}

static void test_long_names(void **state) {
    (void)state;
    struct safetensors tree;
    struct error error = {0};
    size_t length = 0;
    char *bytes = make(fill_long, &length);
    assert_int_equal(hdf5_read("x.h5", bytes, length, &tree, &error), -1);
    assert_int_equal(error.code, ERROR_DATA);
    assert_string_equal(error.message, "is nested deeper than any model; this is no file of weights");
    free(bytes);
}

static void test_crowd(void **state) {
    (void)state;
    expect_refused(fill_crowd, "x.h5: 9999: is one of too many objects for any model; this is no file of weights");
}

/* ---- what is damaged ---- */

static const char damaged[] = "cannot be read: the file is damaged; save or copy it again";

static void expect_damaged(const char *bytes, size_t length, const char *path, const char *message) {
    struct safetensors tree;
    struct error error = {0};
    char expected[512];
    assert_int_equal(hdf5_read("x.h5", bytes, length, &tree, &error), -1);
    snprintf(expected, sizeof expected, "%s: %s", path, message);
    expect_error(&error, ERROR_DATA, expected);
}

/* Where `what` stands in the bytes for the n-th time, from 0 on. */
static char *find(char *bytes, size_t length, const void *what, size_t size, int n) {
    for (char *at = bytes; at + size <= bytes + length; at++)
        if (memcmp(at, what, size) == 0 && n-- == 0) return at;
    fail_msg("the file has not what was looked for");
    return NULL;
}

enum { TEXTS = 1285 };

/* An attribute with as many texts of four bytes as nothing else in the file is. */
static void fill_counted(hid_t file) {
    const hid_t many = H5Screate_simple(1, (const hsize_t[]){TEXTS}, NULL), four = H5Tcopy(H5T_C_S1);
    static const char texts[4 * TEXTS];
    H5Tset_size(four, 4);
    add_attribute(file, "anynamehere", four, many, texts);
    H5Tclose(four);
    H5Sclose(many);
}

/* 2 to the power of 62 texts more are as many bytes as before, for a number of 64 bits; twice as many are below 0. */
static void test_absurd_counts(void **state) {
    (void)state;
    static const char number[] = {TEXTS & 255, TEXTS >> 8, 0, 0, 0, 0, 0, 0};
    size_t length = 0;
    char *bytes = make_as(H5F_LIBVER_EARLIEST, fill_counted, &length);
    char *size = find(bytes, length, number, sizeof number, 0);
    char *most = memcmp(size + 8, number, sizeof number) == 0 ? size + 8 : size; /* how many it may become */
    for (int high = 0x40; high <= 0x80; high *= 2) {
        struct safetensors tree;
        struct error error = {0};
        size[7] = most[7] = (char)high;
        assert_int_equal(hdf5_read("x.h5", bytes, length, &tree, &error), -1);
        assert_int_equal(error.code, ERROR_DATA);
        /* Which of them depends on what the version of libhdf5 finds by itself. */
        if (strcmp(error.message, damaged) != 0)
            assert_string_equal(error.message, "has too many texts to be a list of names; save the model again");
        error_clear(&error);
    }
    free(bytes);
}

/* libhdf5's checksum of what it writes. */
uint32_t H5_checksum_metadata(const void *data, size_t length, uint32_t begin);

/* An attribute that stands with its name in a heap, and with its name's hash in an index. */
static void fill_indexed(hid_t file) {
    const hid_t creation = H5Pcreate(H5P_GROUP_CREATE), scalar = H5Screate(H5S_SCALAR), byte = H5Tcopy(H5T_C_S1);
    H5Pset_attr_phase_change(creation, 0, 0);
    const hid_t group = H5Gcreate2(file, "g", H5P_DEFAULT, creation, H5P_DEFAULT);
    add_attribute(group, "anynamehere", byte, scalar, "x");
    H5Gclose(group);
    H5Pclose(creation);
    H5Tclose(byte);
    H5Sclose(scalar);
}

/* The name in the heap is another one, and the heap's checksum fits: what is listed cannot be found by its name. */
static void test_names_that_are_not_found(void **state) {
    (void)state;
    enum { SUM_AT = 4 + 1 + 8 + 5, BLOCK = 1024 };
    size_t length = 0;
    char *bytes = make(fill_indexed, &length), *block = find(bytes, length, "FHDB", 4, 0);
    assert_true(block + BLOCK <= bytes + length);
    *find(block, BLOCK, "anynamehere", 12, 0) = 'A';
    memset(block + SUM_AT, 0, 4);
    const uint32_t sum = H5_checksum_metadata(block, BLOCK, 0);
    for (int i = 0; i < 4; i++) block[SUM_AT + i] = (char)(sum >> 8 * i & 255);
    expect_damaged(bytes, length, "x.h5: g/Anynamehere", damaged);
    free(bytes);
}

static void fill_variable(hid_t file) {
    static const char *const texts[] = {"a", "b"};
    const hid_t two = H5Screate_simple(1, (const hsize_t[]){2}, NULL), variable = H5Tcopy(H5T_C_S1);
    H5Tset_size(variable, H5T_VARIABLE);
    add_group(file, "g");
    add_attribute(file, "texts", variable, two, texts);
    H5Tclose(variable);
    H5Sclose(two);
}

static void test_damaged_parts(void **state) {
    (void)state;
    size_t length = 0;
    char *bytes = make(fill_variable, &length), *heap = find(bytes, length, "GCOL", 4, 0);
    *heap = 'X';
    expect_damaged(bytes, length, "x.h5: texts", damaged);
    *heap = 'G';
    char *group = find(bytes, length, "OHDR", 4, 1), *root = find(bytes, length, "OHDR", 4, 0);
    *group = 'X';
    expect_damaged(bytes, length, "x.h5: g", damaged);
    *group = 'O';
    *root = 'X';
    expect_damaged(bytes, length, "x.h5", damaged);
    free(bytes);
    char none[2048] = "\211HDF\r\n\032\n";
    expect_damaged(none, sizeof none, "x.h5", damaged);
}

/* A chunk that is no deflated data. */
static void fill_bad_chunk(hid_t file) {
    static const hsize_t sizes[] = {4}, first[] = {0};
    const hid_t space = H5Screate_simple(1, sizes, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 1, sizes);
    H5Pset_deflate(creation, 1);
    const hid_t dataset = H5Dcreate2(file, "w", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, first, 12, "not deflated") >= 0);
    H5Dclose(dataset);
    H5Pclose(creation);
    H5Sclose(space);
}

static void test_damaged_numbers(void **state) {
    (void)state;
    expect_refused(fill_bad_chunk, "x.h5: w: cannot be read: the file is damaged; save or copy it again");
}

/* ---- machines that are slow ---- */

static volatile sig_atomic_t slow, children;

/* The end of a child, which takes seconds on a slow machine. */
static void count_child(int signal_number) {
    (void)signal_number;
    children++;
    for (int i = 0; i < 3 && slow; i++) nanosleep(&(struct timespec){.tv_nsec = 750000000}, NULL);
}

static int children_of_a_refusal(bool on_slow_machine) {
    static const char none[2048] = "\211HDF\r\n\032\n";
    children = 0;
    slow = on_slow_machine;
    expect_damaged(none, sizeof none, "x.h5", damaged);
    return children;
}

/* A refusal is looked into a second time, in a process of its own, unless the first time was long. */
static void test_patience(void **state) {
    (void)state;
    const struct sigaction counting = {.sa_handler = count_child, .sa_flags = SA_RESTART};
    struct sigaction before;
    sigaction(SIGCHLD, &counting, &before);
    assert_int_equal(children_of_a_refusal(false), 2);
    assert_int_equal(children_of_a_refusal(true), 1);
    sigaction(SIGCHLD, &before, NULL);
}

/* ---- heaps of texts ---- */

/* A file that is none but for its heaps: those that come to an end are libhdf5's business, which refuses it. */
static void expect_heaps(const char *heaps, size_t size, bool end) {
    char bytes[256] = "\211HDF\r\n\032\n";
    memcpy(bytes + 8, heaps, size);
    expect_damaged(bytes, 8 + size, "x.h5",
                   end ? damaged : "its texts cannot be read: the file is damaged; save or copy it again");
}

#define HEAP(size) "GCOL\1\0\0\0" size "\0\0\0\0\0\0\0"
#define OBJECT(index, size) index "\0\0\0\0\0\0\0" size
#define HEAPS_END(heaps, end) expect_heaps(heaps, sizeof(heaps) - 1, end)

static void test_heaps(void **state) {
    (void)state;
    HEAPS_END("0123456789abcdef", true);
    HEAPS_END("G123456789abcdef", true);
    HEAPS_END("0123456789abcdefGCOL\1", true);
    HEAPS_END(HEAP("\0"), true);
    HEAPS_END(HEAP("\20"), true);
    HEAPS_END(HEAP("\30") "01234567", true);
    HEAPS_END(HEAP("\377"), true);
    HEAPS_END(HEAP("\60") OBJECT("\1", "\20\0\0\0\0\0\0\0") "0123456789abcdef", true);
    HEAPS_END(HEAP("\40") OBJECT("\0", "\20\0\0\0\0\0\0\0") HEAP("\20"), true);
    HEAPS_END(HEAP("\40") OBJECT("\0", "\0\0\0\0\0\0\0\0"), false);
    HEAPS_END(HEAP("\40") OBJECT("\0", "\21\0\0\0\0\0\0\0"), false);
    HEAPS_END(HEAP("\40") OBJECT("\1", "\20\0\0\0\0\0\0\0"), false);
    HEAPS_END(HEAP("\40") OBJECT("\1", "\377\377\377\377\377\377\377\377"), false);
    HEAPS_END(HEAP("\40") OBJECT("\1", "\360\377\377\377\377\377\377\377"), false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_names),    cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_absurd_counts), cmocka_unit_test(test_names_that_are_not_found),
        cmocka_unit_test(test_damaged_parts), cmocka_unit_test(test_damaged_numbers),
        cmocka_unit_test(test_heaps),         cmocka_unit_test(test_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
