/* Every allocation and every call for a file that loading data makes, failing once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/text.h"
#include "data/entries.h"
#include "data/room.h"
#include "data/source.h"
#include "tests/support/data_room.h"
#include "tests/support/failing.h"

static const uint8_t zeros[4 * 3074];

static void write_idx(const struct room *room, const char *images, const char *labels) {
    static const char labels_bytes[] = "\0\0\10\1\0\0\0\4\0\1\2\3";
    struct text bytes = {0};
    text_add_bytes(&bytes, "\0\0\10\3\0\0\0\4\0\0\0\2\0\0\0\3", 16);
    for (int i = 0; i < 24; i++) text_add_bytes(&bytes, (const char[]){(char)(10 * i)}, 1);
    room_write(room, images, bytes.bytes, bytes.length);
    room_write(room, labels, labels_bytes, sizeof labels_bytes - 1);
    text_free(&bytes);
}

static void write_gzip(const struct room *room, const char *name, const void *bytes, unsigned length) {
    room_write_text(room, name, "");
    char *path = expect_path(room->folder, name);
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, bytes, length), length);
    assert_int_equal(gzclose(file), Z_OK);
    free(path);
}

/* A gzip file behind what there is. */
static void add_gzip(const struct room *room, const char *name, const void *bytes, unsigned length) {
    char *path = expect_path(room->folder, name);
    gzFile file = gzopen(path, "ab");
    assert_int_equal(gzwrite(file, bytes, length), length);
    assert_int_equal(gzclose(file), Z_OK);
    free(path);
}

static void write_npy(const struct room *room, const char *name, const char *type, const char *shape, size_t bytes) {
    struct text text = {0};
    char header[119];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    text_add_bytes(&text, "\x93NUMPY\1\0\x76\0", 10);
    text_print(&text, "%-117s\n", header);
    text_add_bytes(&text, (const char *)zeros, bytes);
    room_write(room, name, text.bytes, text.length);
    text_free(&text);
}

/* ---- loading ---- */

struct loading {
    struct room *room;
    const char *json;
};

static int load(void *context, struct error *error) {
    const struct loading *loading = context;
    struct room *room = loading->room;
    const int status = room_load(room, loading->json);
    *error = room->error;
    data_splits_free(&room->splits);
    arena_free(&room->arena);
    return status;
}

static void expect_failing(struct room *room, const char *json) {
    struct loading loading = {room, json};
    failing_read(&(struct failing_work){.name = json, .run = load, .context = &loading});
}

static void test_idx(void **state) {
    failing_needed();
    write_idx(*state, "d/train-images-idx3-ubyte", "d/train-labels-idx1-ubyte");
    write_gzip(*state, "d/t10k-images-idx3-ubyte.gz", "\0\0\10\3\0\0\0\1\0\0\0\2\0\0\0\3abc", 19);
    add_gzip(*state, "d/t10k-images-idx3-ubyte.gz", "def", 3);
    write_gzip(*state, "d/t10k-labels-idx1-ubyte.gz", "\0\0\10\1\0\0\0\1\0", 9);
    static char large[16 + 300 * 300] = "\0\0\10\3\0\0\0\1\0\0\1\54\0\0\1\54"; /* more than is unpacked at once */
    for (size_t i = 16; i < sizeof large; i++) large[i] = (char)(i * i / 7);
    write_gzip(*state, "l/train-images-idx3-ubyte.gz", large, sizeof large - 4);
    add_gzip(*state, "l/train-images-idx3-ubyte.gz", large + sizeof large - 4, 4);
    write_gzip(*state, "l/train-labels-idx1-ubyte.gz", "\0\0\10\1\0\0\0\1\0", 9);
    expect_failing(*state, "{\"source\": \"idx\", \"path\": \"l\"}");
    expect_failing(*state, "{\"source\": \"idx\", \"path\": \"d\"}");
    expect_failing(*state, "{\"source\": \"idx\", \"path\": \"d/train-images-idx3-ubyte\", \"validation_split\": 0.5}");
    expect_failing(*state, "{\"source\": \"fashion-mnist\", \"path\": \"d\"}");
}

static void test_cifar(void **state) {
    failing_needed();
    room_write(*state, "c/data_batch_1.bin", zeros, 2 * 3073);
    room_write(*state, "c/data_batch_2.bin", zeros, 3073);
    room_write(*state, "c/test_batch.bin", zeros, 3073);
    room_write_text(*state, "c/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    expect_failing(*state, "{\"source\": \"cifar10\", \"path\": \"c\"}");
    expect_failing(*state, "{\"source\": \"cifar10\", \"path\": \"c/test_batch.bin\"}");
    room_write(*state, "h/cifar-100-binary/train.bin", zeros, 2 * 3074);
    room_write(*state, "h/cifar-100-binary/test.bin", zeros, 3074);
    struct text names = {0};
    for (int i = 0; i < 20; i++) text_print(&names, "group %d\n", i);
    room_write_text(*state, "h/cifar-100-binary/coarse_label_names.txt", names.bytes);
    text_free(&names);
    expect_failing(*state, "{\"source\": \"cifar100\", \"path\": \"h\", \"labels\": \"coarse\"}");
    expect_failing(*state, "{\"source\": \"cifar100\", \"path\": \"h/cifar-100-binary/test.bin\"}");
}

/* An element with an array of uint8; as it is, or packed. */
static void add_array(struct text *bytes, const char *name, const uint32_t *sizes, bool packed) {
    const uint32_t rank = sizes[2] ? 4 : 2, count = sizes[0] * sizes[1] * (rank == 4 ? sizes[2] * sizes[3] : 1);
    const uint32_t padded = (count + 7) / 8 * 8;
    const uint32_t words[] = {14, 16 + 8 + 4 * rank + 8 + 8 + padded, 6, 8, 9, 0, 5, 4 * rank};
    struct text plain = {0};
    text_add_bytes(&plain, (const char *)words, sizeof words);
    text_add_bytes(&plain, (const char *)sizes, (size_t)4 * rank);
    text_add_bytes(&plain, (const char[]){1, 0, 1, 0, *name, 0, 0, 0, 2, 0, 0, 0}, 12);
    text_add_bytes(&plain, (const char *)&count, 4);
    uint32_t noise = 1;
    for (uint32_t i = 0; i < padded; i++) {
        noise = noise * 1664525 + 1013904223;
        text_add_bytes(&plain, (const char[]){(char)(1 + (noise >> 24) % 7)}, 1);
    }
    uLongf length = compressBound(plain.length);
    unsigned char *deflated = malloc(length);
    assert_int_equal(compress(deflated, &length, (const unsigned char *)plain.bytes, plain.length), Z_OK);
    if (packed) text_add_bytes(bytes, (const char *)(const uint32_t[]){15, (uint32_t)length}, 8);
    text_add_bytes(bytes, packed ? (const char *)deflated : plain.bytes, packed ? length : plain.length);
    free(deflated);
    text_free(&plain);
}

/* Larger than the pieces in which it is read. */
static void write_mat(const struct room *room, const char *name, bool packed) {
    struct text bytes = {0};
    text_repeat(&bytes, " ", 124);
    text_add_bytes(&bytes, "\0\1IM", 4);
    add_array(&bytes, "X", (const uint32_t[]){100, 120, 3, 3}, packed);
    add_array(&bytes, "y", (const uint32_t[]){3, 1, 0}, packed);
    room_write(room, name, bytes.bytes, bytes.length);
    text_free(&bytes);
}

static void test_svhn(void **state) {
    failing_needed();
    room_copy(*state, "m/train_32x32.mat", "tests/golden/mat/svhn_tiny_32x32.mat");
    room_copy(*state, "m/test_32x32.mat", "tests/golden/mat/svhn_tiny_32x32.mat");
    expect_failing(*state, "{\"source\": \"svhn\", \"path\": \"m\"}");
    expect_failing(*state, "{\"source\": \"svhn\", \"path\": \"m/test_32x32.mat\"}");
    write_mat(*state, "s/plain.mat", false);
    write_mat(*state, "s/packed.mat", true);
    expect_failing(*state, "{\"source\": \"svhn\", \"path\": \"s/plain.mat\"}");
    expect_failing(*state, "{\"source\": \"svhn\", \"path\": \"s/packed.mat\"}");
}

static void test_npy(void **state) {
    failing_needed();
    write_npy(*state, "n/x_train.npy", "|u1", "(2, 4, 3)", 24);
    write_npy(*state, "n/y_train.npy", "<i4", "(2,)", 8);
    write_npy(*state, "n/x_val.npy", "|u1", "(1, 4, 3, 1)", 12);
    write_npy(*state, "n/y_val.npy", "<i8", "(1, 1)", 8);
    write_npy(*state, "n/x_test.npy", "|u1", "(1, 4, 3)", 12);
    write_npy(*state, "n/y_test.npy", "|u1", "(1,)", 1);
    write_npy(*state, "f.npy", "<f4", "(2, 40, 30)", 9600); /* more than one piece that is read */
    write_npy(*state, "l/x.npy", "|u1", "(9000, 1, 1)", 9000);
    write_npy(*state, "l/y.npy", "|u1", "(9000,)", 9000);
    expect_failing(*state, "{\"source\": \"npy\", \"path\": \"l/x.npy,l/y.npy\"}");
    expect_failing(*state, "{\"source\": \"npy\", \"path\": \"n\"}");
    expect_failing(*state, "{\"source\": \"npy\", \"path\": \"f.npy,n/y_train.npy\", \"validation_split\": 0.5}");
}

static void write_pictures(const struct room *room) {
    room_write_flat(room, "p/train/a/1.png", 4, 4, 3, 10);
    room_write_flat(room, "p/train/a/2.bmp", 4, 4, 3, 20);
    room_copy(room, "p/train/b/1.jpg", "tests/golden/images/flat_100.jpg");
    room_copy(room, "p/train/b/2.png", "tests/fuzz/seeds/image/png_palette");
    room_write_flat(room, "p/train/b/3.png", 90, 90, 3, 40); /* inflated in more than one piece */
    room_write_flat(room, "p/validation/a/1.png", 4, 4, 1, 10);
    room_write_flat(room, "p/test/b/1.png", 5, 4, 4, 10);
    room_write_text(room, "p/list.csv",
                    "path,label,split\ntrain/a/1.png,x,train\ntrain/b/1.jpg,y,train\n"
                    "test/b/1.png,y,test\nvalidation/a/1.png,x,val\n");
}

static void test_pictures(void **state) {
    failing_needed();
    write_pictures(*state);
    expect_failing(*state, "{\"source\": \"folder\", \"path\": \"p\", \"resize\": [4, 4], \"color\": \"rgb\"}");
    expect_failing(*state, "{\"source\": \"csv\", \"path\": \"p/list.csv\", \"resize\": [6, 5], \"color\": \"rgb\"}");
    expect_failing(*state,
                   "{\"source\": \"csv\", \"path\": \"p/list.csv\", \"resize\": [6, 5], \"color\": \"grayscale\"}");
}

/* ---- what is known of data before they are loaded ---- */

struct looking {
    const struct source_kind *kind;
    const char *path;
};

static int recognize(void *context, struct error *error) {
    const struct looking *looking = context;
    char *found = NULL;
    const int known = looking->kind->recognize(looking->path, &found, error);
    free(found);
    return known < 0 ? -1 : 0;
}

static int measure(void *context, struct error *error) {
    const struct looking *looking = context;
    struct picture_sizes sizes = {0};
    return looking->kind->measure(looking->path, &sizes, error);
}

static int list_pictures(void *context, struct error *error) {
    struct arena arena = {0};
    struct name_list list = {0};
    const int status = entries_list_pictures(context, &arena, &list, error);
    if (status == 0) assert_int_equal(list.count, 7);
    free(list.names);
    arena_free(&arena);
    return status;
}

static void test_listing(void **state) {
    failing_needed();
    const struct room *room = *state;
    write_pictures(room);
    char *folder = expect_path(room->folder, "p"), *link = expect_path(room->folder, "p/again");
    assert_int_equal(symlink(".", link), 0);
    failing_read(&(struct failing_work){.name = "a list of pictures", .run = list_pictures, .context = folder});
    free(link);
    free(folder);
}

static void test_recognizing_and_measuring(void **state) {
    failing_needed();
    const struct room *room = *state;
    write_pictures(room);
    write_idx(room, "d/train-images-idx3-ubyte", "d/train-labels-idx1-ubyte");
    write_npy(room, "n/x.npy", "|u1", "(2, 4, 3)", 24);
    write_npy(room, "n/y.npy", "<i4", "(2,)", 8);
    room_write(room, "c/data_batch_1.bin", zeros, 3073);
    for (int i = 0; i < 45; i++) { /* more names than one piece of an arena holds */
        char name[256];
        snprintf(name, sizeof name, "m/%0200d/1.png", i);
        room_write_text(room, name, "");
    }
    room_write_text(room, "t/a.csv", "");
    room_write_text(room, "t/b.csv", "");
    static const char *const places[] = {"p", "m", "t", "p/train", "p/list.csv", "d", "d/train-images-idx3-ubyte",
                                         "n", "c"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (const struct component_kind *const *at = source_registry.kinds; *at; at++) {
            struct looking looking = {(const struct source_kind *)*at, expect_path(room->folder, places[i])};
            if (looking.kind->recognize)
                failing_read(&(struct failing_work){.name = (*at)->name, .run = recognize, .context = &looking});
            const bool is_list = i == 4 && strcmp((*at)->name, "csv") == 0;
            const bool is_folder = i == 0 && strcmp((*at)->name, "folder") == 0;
            if (is_list || is_folder)
                failing_read(&(struct failing_work){.name = (*at)->name, .run = measure, .context = &looking});
            free((char *)(uintptr_t)looking.path);
        }
}

int main(int count, char **arguments) {
    (void)count;
    failing_begin(arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_idx, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_cifar, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_svhn, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_npy, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_pictures, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_listing, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_recognizing_and_measuring, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
