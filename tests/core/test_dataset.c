#include <stdlib.h>
#include <string.h>

#include "core/dataset.h"
#include "core/memory.h"
#include "tests/support/expect.h"

static void test_image_bytes(void **state) {
    (void)state;
    struct dataset dataset = {.height = 32, .width = 20, .channels = 3};
    assert_int_equal(dataset_image_bytes(&dataset), 1920);
    dataset.type = PIXEL_FLOAT32;
    assert_int_equal(dataset_image_bytes(&dataset), 7680);
    /* The largest image there may be does not overflow. */
    dataset =
        (struct dataset){.height = DATASET_SIDE_MAX, .width = DATASET_SIDE_MAX, .channels = 4, .type = PIXEL_FLOAT32};
    assert_int_equal(dataset_image_bytes(&dataset), 268435456);
}

static void test_free_leaves_nothing(void **state) {
    (void)state;
    struct error error = {0};
    struct data_splits splits = {.classes = 2};
    splits.train.pixels = memory_allocate(4, 1, "pixels", &error);
    splits.train.labels = memory_allocate(4, 4, "labels", &error);
    splits.test.pixels = memory_allocate(4, 1, "pixels", &error);
    splits.class_names = calloc(2, sizeof *splits.class_names);
    assert_non_null(splits.class_names);
    splits.class_names[0] = strdup("a"); /* the second is missing, as after a failure on the way */
    data_splits_free(&splits);
    static const struct data_splits empty;
    assert_memory_equal(&splits, &empty, sizeof empty);
    data_splits_free(&splits);
}

static const struct component_kind scale = {.name = "scale"};
static const struct component_kind *const scales[] = {&scale, NULL};
static const struct component_registry normalizations = {.what = "normalization", .kinds = scales};
static const struct component_registry augmentations = {.what = "augmentation", .kinds = scales};
static const struct component_registry *const items[] = {&normalizations, &augmentations, NULL};
static const struct registries registries = {items};

struct reading {
    struct arena arena;
    struct data_common common;
    struct error error;
};

static int read_common(struct reading *reading, const char *json) {
    *reading = (struct reading){0};
    struct field_reader reader = {&registries, &reading->arena, &reading->error};
    struct place place = place_document("data");
    cJSON *value = cJSON_Parse(json);
    assert_non_null(value);
    int status = fields_read(&reader, data_common_fields, NULL, NULL, value, &place, &reading->common);
    cJSON_Delete(value);
    return status;
}

static void test_defaults(void **state) {
    (void)state;
    struct reading reading;
    assert_int_equal(read_common(&reading, "{}"), 0);
    assert_null(reading.common.path);
    assert_true(reading.common.validation_split == 0);
    assert_int_equal(reading.common.resize[0], 0);
    assert_int_equal(reading.common.resize[1], 0);
    assert_int_equal(reading.common.color, COLOR_AS_IS);
    assert_ptr_equal(reading.common.normalize.kind, &scale);
    assert_int_equal(reading.common.augment.count, 0);
    arena_free(&reading.arena);
}

static void test_values(void **state) {
    (void)state;
    struct reading reading;
    assert_int_equal(read_common(&reading, "{\"path\": \"x\", \"validation_split\": 0.1, \"resize\": [24, 40], "
                                           "\"color\": \"grayscale\", \"augment\": [\"scale\"]}"),
                     0);
    assert_string_equal(reading.common.path, "x");
    assert_true(reading.common.validation_split == 0.1);
    assert_int_equal(reading.common.resize[0], 24);
    assert_int_equal(reading.common.resize[1], 40);
    assert_int_equal(reading.common.color, COLOR_GRAYSCALE);
    assert_int_equal(reading.common.augment.count, 1);
    arena_free(&reading.arena);
}

static void expect_refused(const char *json, const char *text) {
    struct reading reading;
    assert_int_equal(read_common(&reading, json), -1);
    expect_error(&reading.error, ERROR_CONFIG, text);
    arena_free(&reading.arena);
}

static void test_ranges(void **state) {
    (void)state;
    expect_refused("{\"validation_split\": 1}", "data: validation_split: must be a number, in [0, 1); got 1");
    expect_refused("{\"validation_split\": -0.1}", "data: validation_split: must be a number, in [0, 1); got -0.1");
    expect_refused("{\"resize\": 0}",
                   "data: resize: must be an integer or [height, width], in [1, 4096], or null; got 0");
    expect_refused("{\"resize\": [32, 5000]}", "data: resize[1]: must be an integer, in [1, 4096]; got 5000");
    expect_refused("{\"color\": \"greyscale\"}",
                   "data: color: \"greyscale\" is not known; did you mean \"grayscale\"?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_bytes), cmocka_unit_test(test_free_leaves_nothing),
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_values),
        cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
