#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "data/normalize.h"
#include "tests/support/data_room.h"

/* ---- sources ---- */

static void test_every_kind_is_complete(void **state) {
    (void)state;
    static const char *const names[] = {"synth",         "svhn",   "cifar10", "cifar100", "idx",
                                        "fashion-mnist", "folder", "csv",     "npy"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(registry_find(&source_registry, names[i]));
    for (const struct component_kind *const *at = source_registry.kinds; *at; at++) {
        const struct source_kind *kind = (const struct source_kind *)*at;
        assert_non_null((*at)->summary);
        assert_non_null(kind->layout);
        assert_non_null(kind->load);
        assert_true((*at)->size >= sizeof(struct data_common));
    }
    for (const struct component_kind *const *at = augmentation_registry.kinds; *at; at++)
        for (const struct field *field = (*at)->fields; field->key; field++) assert_non_null(field->help);
}

/* ---- paths ---- */

static void write_bytes(const struct room *room, const char *folder, const char *name, const char *shape,
                        const char *values, size_t count) {
    struct text bytes = {0}, header = {0};
    char path[64];
    text_print(&header, "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }\n", shape);
    text_add_bytes(&bytes, "\x93NUMPY\1", 7);
    text_add_bytes(&bytes, (const char[]){0, (char)header.length, 0}, 3);
    text_add_bytes(&bytes, header.bytes, header.length);
    text_add_bytes(&bytes, values, count);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    room_write(room, path, bytes.bytes, bytes.length);
    text_free(&bytes);
    text_free(&header);
}

/* Two images of 1 x 2: 1 2 and 3 4. */
static void write_pair(const struct room *room, const char *folder) {
    write_bytes(room, folder, "x.npy", "(2, 1, 2)", "\1\2\3\4", 4);
    write_bytes(room, folder, "y.npy", "(2,)", "\0\1", 2);
}

static int load_between(struct room *room, const char *json, const char *base, const char *fallback) {
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"1,0\"}"); /* leaves a room that is ready */
    data_splits_free(&room->splits);
    static const struct component_registry *const items[] = {&source_registry, &normalization_registry,
                                                             &augmentation_registry, NULL};
    static const struct registries registries = {items};
    const struct field_reader reader = {&registries, &room->arena, &room->error};
    struct place place = place_document("data");
    cJSON *value = cJSON_Parse(json);
    assert_int_equal(component_read(&reader, &source_registry, value, &place, &room->source), 0);
    cJSON_Delete(value);
    return data_room.load(&room->source, base, fallback, 1, NULL, &room->splits, &room->error);
}

static void test_places(void **state) {
    struct room *room = *state;
    char expected[700];
    write_pair(room, "one, two/sub"); /* a comma in the folder's name does not confuse the pair */
    write_pair(room, "far");
    char *base = expect_path(room->folder, "one, two"), *far = expect_path(room->folder, "far");
    static const char pair[] = "{\"source\": \"npy\", \"path\": \"sub/x.npy,sub/y.npy\"}";
    assert_int_equal(load_between(room, pair, base, NULL), 0);
    assert_int_equal(room->splits.train.count, 2);
    assert_int_equal(load_between(room, "{\"source\": \"npy\", \"path\": \"x.npy,y.npy\"}", base, far), 0);
    assert_int_equal(load_between(room, "{\"source\": \"npy\", \"path\": \"x.npy,z.npy\"}", base, far), -1);
    snprintf(expected, sizeof expected, "z.npy: is not there; tried %s/z.npy and %s/z.npy: check the name", base, far);
    expect_error(&room->error, ERROR_IO, expected);
    assert_int_equal(load_between(room, "{\"source\": \"svhn\", \"path\": \"none\"}", base, NULL), -1);
    snprintf(expected, sizeof expected, "none: is not there; tried %s/none: check the name", base);
    expect_error(&room->error, ERROR_IO, expected);
    assert_int_equal(load_between(room, "{\"source\": \"svhn\", \"path\": \"/none/at/all\"}", base, far), -1);
    expect_error(&room->error, ERROR_IO, "/none/at/all: is not there; check the name");
    assert_int_equal(load_between(room, "{\"source\": \"idx\"}", base, far), -1);
    expect_error(&room->error, ERROR_CONFIG,
                 "data.path: is missing; idx needs a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and "
                 "perhaps t10k-*, plain or .gz, or one file of images");
    free(base);
    free(far);
}

/* ---- validation ---- */

static void expect_split(struct room *room, int count, const char *share, int train) {
    char json[120];
    snprintf(json, sizeof json, "{\"source\": \"synth\", \"path\": \"%d,0\", \"validation_split\": %s}", count, share);
    room_load_good(room, json);
    assert_int_equal(room->splits.train.count, train);
    assert_int_equal(room->splits.validation.count, count - train);
}

/* The counts are Python's math.floor(n * (1.0 - f)). */
static void test_validation_split(void **state) {
    struct room *room = *state;
    expect_split(room, 10, "0.1", 9);
    expect_split(room, 10, "0.3", 7);
    expect_split(room, 100, "0.7", 30);
    expect_split(room, 7, "0.5", 3);
    expect_split(room, 30, "0.9", 2); /* 1 - 0.9 is below 0.1 in doubles */
    expect_split(room, 5, "0", 5);
    static const uint8_t *pixels;
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"10,0\"}");
    uint8_t last[3072];
    int32_t label = room->splits.train.labels[9];
    pixels = room->splits.train.pixels;
    memcpy(last, pixels + 9 * sizeof last, sizeof last);
    expect_split(room, 10, "0.1", 9);
    assert_memory_equal(room->splits.validation.pixels, last, sizeof last);
    assert_int_equal(room->splits.validation.labels[0], label);
    room_load_bad(room, "{\"source\": \"synth\", \"path\": \"1,0\", \"validation_split\": 0.5}", ERROR_DATA, "=1,0",
                  "has 1 training images; validation_split 0.5 would leave 0 to train on and 1 to validate with; both "
                  "need at least one");
    room_load_bad(room, "{\"source\": \"synth\", \"path\": \"3,0\", \"validation_split\": 1e-17}", ERROR_DATA, "=3,0",
                  "has 3 training images; validation_split 1e-17 would leave 3 to train on and 0 to validate with; "
                  "both need at least one");
}

/* Sorted labels would leave nothing of the last class to train on. */
static void test_split_of_sorted_data(void **state) {
    struct room *room = *state;
    unsigned char images[16 + 40] = {0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1},
                              labels[8 + 40] = {0, 0, 8, 1, 0, 0, 0, 40};
    memset(labels + 8 + 28, 1, 12);
    room_write(room, "s/train-images-idx3-ubyte", images, sizeof images);
    room_write(room, "s/train-labels-idx1-ubyte", labels, sizeof labels);
    room_load_bad(
        room, "{\"source\": \"idx\", \"path\": \"s\", \"validation_split\": 0.3}", ERROR_DATA, "s",
        "validation_split 0.3 takes the last images, and with them all of class 1; the data seem to be sorted by "
        "class: mix their order, or give a validation part of their own");
}

/* SVHN's own count: 73257 images and 0.1 leave 65931 to train on. Tiny pictures stand for them. */
static void test_split_of_svhn(void **state) {
    struct room *room = *state;
    enum { COUNT = 73257 };
    unsigned char *bytes = calloc(1, 16 + COUNT);
    assert_non_null(bytes);
    memcpy(bytes, (unsigned char[]){0, 0, 8, 3, 0, 1, 0x1e, 0x29, 0, 0, 0, 1, 0, 0, 0, 1}, 16);
    room_write(room, "m/train-images-idx3-ubyte", bytes, 16 + COUNT);
    memset(bytes, 0, 16);
    memcpy(bytes, (unsigned char[]){0, 0, 8, 1, 0, 1, 0x1e, 0x29}, 8);
    room_write(room, "m/train-labels-idx1-ubyte", bytes, 8 + COUNT);
    free(bytes);
    room_load_good(room, "{\"source\": \"idx\", \"path\": \"m\", \"validation_split\": 0.1}");
    assert_int_equal(room->splits.train.count, 65931);
    assert_int_equal(room->splits.validation.count, 7326);
}

/* ---- colour and size of arrays ---- */

static void test_convert(void **state) {
    struct room *room = *state;
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"4,2\", \"color\": \"grayscale\", \"resize\": [16, 20], "
                         "\"validation_split\": 0.25}");
    const struct dataset *parts[] = {&room->splits.train, &room->splits.validation, &room->splits.test};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(parts[i]->height, 16);
        assert_int_equal(parts[i]->width, 20);
        assert_int_equal(parts[i]->channels, 1);
    }
    write_pair(room, "p");
    room_load_good(room,
                   "{\"source\": \"npy\", \"path\": \"p/x.npy,p/y.npy\", \"color\": \"rgb\", \"resize\": [1, 4]}");
    /* 1 2 enlarged: 1, 1.25, 1.75, 2, and a half rounds up */
    static const uint8_t expected[] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2};
    assert_memory_equal(room->splits.train.pixels, expected, sizeof expected);
}

/* ---- normalization ---- */

/* Two images of 1 x 2 with 3 channels. */
static uint8_t six_pixels[12] = {0, 51, 255, 255, 51, 0, 0, 51, 0, 255, 51, 255};
static float six_floats[12] = {0, 1, 2, 0, 1, 4, 0, 1, 6, 0, 1, 8};

static struct dataset small_set(enum pixel_type type) {
    static int32_t labels[2];
    return (struct dataset){.count = 2,
                            .height = 1,
                            .width = 2,
                            .channels = 3,
                            .type = type,
                            .pixels = type == PIXEL_UINT8 ? (void *)six_pixels : (void *)six_floats,
                            .labels = labels};
}

static int measure(struct room *room, const char *normalize, const struct dataset *dataset,
                   struct normalization *normalization) {
    char json[200];
    snprintf(json, sizeof json, "{\"source\": \"synth\", \"path\": \"1,0\", \"normalize\": %s}", normalize);
    room_load_good(room, json);
    return data_room.measure(&room->source, dataset, normalization, &room->error);
}

static void expect_values(const float *found, const float *expected, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(found[i] - expected[i]) < 1e-5F))
            fail_msg("value %zu is %g, expected %g", i, (double)found[i], (double)expected[i]);
}

static void test_measure(void **state) {
    struct room *room = *state;
    struct dataset bytes = small_set(PIXEL_UINT8), floats = small_set(PIXEL_FLOAT32);
    struct normalization n;
    assert_int_equal(measure(room, "\"scale\"", &bytes, &n), 0);
    assert_int_equal(n.channels, 3);
    assert_true(n.scale == 1.0F / 255 && n.mean[2] == 0 && n.std[2] == 1);
    assert_int_equal(measure(room, "\"scale\"", &floats, &n), 0);
    assert_true(n.scale == 1);
    assert_int_equal(measure(room, "\"none\"", &bytes, &n), 0);
    assert_true(n.scale == 1 && n.mean[0] == 0 && n.std[0] == 1);
    assert_int_equal(measure(room, "\"standardize\"", &bytes, &n), 0);
    expect_values(n.mean, (float[]){0.5F, 0.2F, 0.5F}, 3);
    expect_values(n.std, (float[]){0.5F, 1, 0.5F}, 3); /* the second channel is constant */
    assert_int_equal(measure(room, "\"standardize\"", &floats, &n), 0);
    expect_values(n.mean, (float[]){0, 1, 5}, 3);
    expect_values(n.std, (float[]){1, 1, 2.2360680F}, 3);
    assert_int_equal(measure(room, "{\"mean\": [0.1, 0.2, 0.3], \"std\": [0.5]}", &bytes, &n), 0);
    expect_values(n.mean, (float[]){0.1F, 0.2F, 0.3F}, 3);
    expect_values(n.std, (float[]){0.5F, 0.5F, 0.5F}, 3);
}

static void expect_bad_normalization(struct room *room, const char *normalize, const char *text) {
    char json[200];
    snprintf(json, sizeof json, "{\"source\": \"synth\", \"normalize\": %s}", normalize);
    assert_int_equal(room_load(room, json), -1);
    expect_error(&room->error, ERROR_CONFIG, text);
}

static void test_bad_normalizations(void **state) {
    struct room *room = *state;
    struct dataset bytes = small_set(PIXEL_UINT8);
    struct normalization n;
    assert_int_equal(measure(room, "{\"mean\": [0, 0]}", &bytes, &n), -1);
    expect_error(&room->error, ERROR_CONFIG,
                 "data.normalize: mean has 2 values, the images have 3 channels; give one value, or one a channel");
    bytes.channels = 5;
    assert_int_equal(measure(room, "\"scale\"", &bytes, &n), -1);
    expect_error(&room->error, ERROR_DATA, "data: images with 5 channels; 1 to 4 can be used");
    expect_bad_normalization(room, "{\"mean\": []}",
                             "data: normalize.mean: must have one value, or one a channel (at most 4), got 0");
    expect_bad_normalization(room, "{\"mean\": [1, 2], \"std\": [1, 2, 3]}",
                             "data: normalize: has 2 values in mean and 3 in std; give one a channel in both");
    expect_bad_normalization(room, "{\"std\": [0]}", "data: normalize.std[0]: must be a number, above 0; got 0");
    expect_bad_normalization(room, "\"standardise\"",
                             "data: normalize: unknown normalization \"standardise\"; did you mean \"standardize\"?");
}

/* ---- the feed ---- */

static void fill(struct room *room, const char *normalize, const struct dataset *dataset, float *x) {
    struct normalization n;
    struct feed feed;
    assert_int_equal(measure(room, normalize, dataset, &n), 0);
    assert_int_equal(data_room.open(&room->source, &n, dataset, 1, &feed, &room->error), 0);
    assert_int_equal(feed.scratch_bytes, 0);
    feed.fill(&feed, (int64_t[]){1, 0}, 2, 0, true, x, NULL);
    data_room.close(&feed);
    assert_null(feed.state);
}

static void test_fill(void **state) {
    struct room *room = *state;
    struct dataset bytes = small_set(PIXEL_UINT8), floats = small_set(PIXEL_FLOAT32);
    float x[12];
    fill(room, "\"scale\"", &bytes, x);
    expect_values(x, (float[]){0, 0.2F, 0, 1, 0.2F, 1, 0, 0.2F, 1, 1, 0.2F, 0}, 12);
    fill(room, "\"none\"", &bytes, x);
    expect_values(x, (float[]){0, 51, 0, 255, 51, 255, 0, 51, 255, 255, 51, 0}, 12);
    fill(room, "\"standardize\"", &bytes, x);
    expect_values(x, (float[]){-1, 0, -1, 1, 0, 1, -1, 0, 1, 1, 0, -1}, 12);
    fill(room, "\"none\"", &floats, x);
    expect_values(x, (float[]){0, 1, 6, 0, 1, 8, 0, 1, 2, 0, 1, 4}, 12);
    fill(room, "{\"mean\": [1], \"std\": [2]}", &floats, x);
    expect_values(x, (float[]){-0.5F, 0, 2.5F, -0.5F, 0, 3.5F, -0.5F, 0, 0.5F, -0.5F, 0, 1.5F}, 12);
    /* One channel takes another way than three. */
    struct dataset gray = bytes;
    gray.channels = 1;
    gray.width = 6;
    fill(room, "\"scale\"", &gray, x);
    expect_values(x, (float[]){0, 0.2F, 0, 1, 0.2F, 1, 0, 0.2F, 1, 1, 0.2F, 0}, 12);
    gray = floats;
    gray.channels = 2;
    gray.width = 3;
    fill(room, "{\"mean\": [1, 0]}", &gray, x);
    expect_values(x, (float[]){-1, 1, 5, 0, 0, 8, -1, 1, 1, 0, 0, 4}, 12);
}

static void test_channels_must_agree(void **state) {
    struct room *room = *state;
    struct dataset bytes = small_set(PIXEL_UINT8);
    struct normalization n;
    struct feed feed;
    assert_int_equal(measure(room, "\"scale\"", &bytes, &n), 0);
    bytes.channels = 1;
    assert_int_equal(data_room.open(&room->source, &n, &bytes, 1, &feed, &room->error), -1);
    expect_error(&room->error, ERROR_DATA, "data: images have 1 channels, the model was normalized for 3");
}

/* The same bits however the samples are grouped and ordered, and for every augmentation together. */
static void test_grouping(void **state) {
    struct room *room = *state;
    enum { COUNT = 24, IMAGE = 32 * 32 * 3 };
    room_load_good(room, "{\"source\": \"synth\", \"path\": \"24,0\", \"normalize\": \"standardize\", \"augment\": "
                         "[\"RandomCrop\", \"RandomFlip\", \"RandomTranslation\", \"RandomRotation\", "
                         "\"RandomBrightness\", \"RandomContrast\", \"Cutout\"]}");
    struct normalization n;
    struct feed feed;
    assert_int_equal(data_room.measure(&room->source, &room->splits.train, &n, &room->error), 0);
    assert_int_equal(data_room.open(&room->source, &n, &room->splits.train, 5, &feed, &room->error), 0);
    float *all = calloc(COUNT * IMAGE, sizeof *all), *some = calloc(COUNT * IMAGE, sizeof *some);
    void *scratch = malloc(feed.scratch_bytes);
    assert_true(all && some && scratch);
    int64_t samples[COUNT];
    for (int i = 0; i < COUNT; i++) samples[i] = i;
    feed.fill(&feed, samples, COUNT, 3, true, all, scratch);
    static const int groups[] = {1, 3, 5, 7, 8};
    for (int at = COUNT, g = 0; at > 0; g++) { /* from the end, in groups of changing size */
        int count = groups[g % 5] < at ? groups[g % 5] : at;
        at -= count;
        memset(scratch, g, feed.scratch_bytes);
        feed.fill(&feed, samples + at, count, 3, true, some + at * IMAGE, scratch);
    }
    assert_memory_equal(all, some, COUNT * IMAGE * sizeof *all);
    feed.fill(&feed, samples, COUNT, 4, true, some, scratch);
    assert_memory_not_equal(all, some, COUNT * IMAGE * sizeof *all); /* another epoch */
    free(all);
    free(some);
    free(scratch);
    data_room.close(&feed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_is_complete),
        cmocka_unit_test_setup_teardown(test_places, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_validation_split, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_split_of_sorted_data, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_split_of_svhn, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_convert, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_measure, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_bad_normalizations, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_fill, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_channels_must_agree, room_open, room_close),
        cmocka_unit_test_setup_teardown(test_grouping, room_open, room_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
