#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/report/summary.h"

#define ROWS(array) .rows = (array), .count = (int)(sizeof(array) / sizeof *(array))

static const struct shape image = {3, {32, 32, 3}};

/* The rows of the six combinations; pool gives the name and class of theirs. */
struct pool {
    const char *name, *class_name;
};
static const struct pool average = {"average_pooling2d", "AveragePooling2D"};
static const struct pool maximum = {"max_pooling2d", "MaxPooling2D"};

static struct summary combination(struct summary_row rows[4], const char *name, const char *class_name, int filters,
                                  long long parameters, const struct pool *pool) {
    int flat = 225 * filters;
    long long dense = 10LL * flat + 10;
    rows[0] = (struct summary_row){
        .name = name, .class_name = class_name, .output = {3, {30, 30, filters}}, .parameters = parameters};
    rows[1] =
        (struct summary_row){.name = pool->name, .class_name = pool->class_name, .output = {3, {15, 15, filters}}};
    rows[2] = (struct summary_row){.name = "flatten", .class_name = "Flatten", .output = {1, {flat}}};
    rows[3] = (struct summary_row){.name = "dense", .class_name = "Dense", .output = {1, {10}}, .parameters = dense};
    return (struct summary){
        .model_name = "sequential", .input = image, .rows = rows, .count = 4, .trainable = parameters + dense};
}

static void assert_golden(const char *name, const struct text *text) {
    char path[128], *golden = NULL;
    size_t length = 0;
    struct error error = {0};
    snprintf(path, sizeof path, "tests/golden/summary/%s.txt", name);
    assert_int_equal(file_read(path, 1 << 20, &golden, &length, &error), 0);
    assert_false(text->failed);
    assert_string_equal(text->bytes, golden);
    assert_int_equal(text->length, length);
    free(golden);
}

static void assert_keras2(const struct summary *summary, const char *golden) {
    struct text text = {0};
    summary_keras2(summary, &text);
    assert_golden(golden, &text);
    text_free(&text);
}

static void assert_keras3(const struct summary *summary, int width, const char *golden) {
    struct text text = {0};
    summary_keras3(summary, width, &text);
    assert_golden(golden, &text);
    text_free(&text);
}

static void test_six_combinations(void **state) {
    (void)state;
    static const struct {
        const char *golden, *name, *class_name;
        int filters;
        long long parameters;
    } kinds[] = {{"conv", "conv2d", "Conv2D", 32, 896},
                 {"dw", "depthwise_conv2d", "DepthwiseConv2D", 3, 30},
                 {"sep", "separable_conv2d", "SeparableConv2D", 32, 155}};
    for (int i = 0; i < 6; i++) {
        struct summary_row rows[4];
        char golden[32];
        int kind = i / 2;
        struct summary summary = combination(rows, kinds[kind].name, kinds[kind].class_name, kinds[kind].filters,
                                             kinds[kind].parameters, i % 2 ? &maximum : &average);
        snprintf(golden, sizeof golden, "%s_%s.k2", kinds[kind].golden, i % 2 ? "max" : "avg");
        assert_keras2(&summary, golden);
        golden[strlen(golden) - 1] = '3';
        assert_keras3(&summary, 80, golden);
    }
}

static void test_lesson(void **state) {
    (void)state;
    static const struct summary_row rows[] = {
        {.name = "conv2d", .class_name = "Conv2D", .output = {3, {28, 56, 8}}, .parameters = 224},
        {.name = "conv2d_1", .class_name = "Conv2D", .output = {3, {13, 19, 5}}, .parameters = 245},
        {.name = "max_pooling2d", .class_name = "MaxPooling2D", .output = {3, {4, 6, 5}}},
        {.name = "flatten", .class_name = "Flatten", .output = {1, {120}}},
        {.name = "dense", .class_name = "Dense", .output = {1, {3}}, .parameters = 363}};
    struct summary summary = {.model_name = "sequential", .input = {3, {28, 56, 3}}, .rows = rows};
    for (summary.count = 1; summary.count <= 5; summary.count++) {
        char golden[32];
        summary.trainable += rows[summary.count - 1].parameters;
        snprintf(golden, sizeof golden, "lesson_%d.k2", summary.count);
        assert_keras2(&summary, golden);
    }
    summary.count = 5;
    assert_keras3(&summary, 80, "lesson_5.k3");
}

/* wide_* are what Keras 2.12 and 3.15 print for these layers, at terminals of 120, 80, 60 and 40 columns. */
static void test_wide_cells(void **state) {
    (void)state;
    static const struct summary_row rows[] = {
        {.name = "a_very_long_layer_name_that_does_not_fit_into_one_line",
         .class_name = "Conv2D",
         .output = {3, {30, 30, 8}},
         .parameters = 224},
        {.name = "batch_normalization",
         .class_name = "BatchNormalization",
         .output = {3, {30, 30, 8}},
         .parameters = 32},
        {.name = "x", .class_name = "Dense", .output = {3, {30, 30, 1234567}}, .parameters = 11111103},
        {.name = "flatten", .class_name = "Flatten", .output = {1, {1111110300}}},
        {.name = "exactly_27_columns_x",
         .class_name = "Dense",
         .output = {4, {1000, 1000, 1000, 10}},
         .parameters = 12345678901}};
    struct summary summary = {
        .model_name = "my_model", .input = image, ROWS(rows), .trainable = 11111343, .non_trainable = 16};
    assert_keras2(&summary, "wide.k2");
    summary.count = 4;
    assert_keras3(&summary, 120, "wide_120.k3");
    assert_keras3(&summary, 80, "wide_80.k3");
    assert_keras3(&summary, 60, "wide_60.k3");
    assert_keras3(&summary, 40, "wide_40.k3");
}

/* What Keras 3.15 prints at a terminal of 60 columns: some characters take two of them. */
static void test_wide_characters(void **state) {
    (void)state;
    static const struct summary_row rows[] = {
        {.name = "日本語の層", .class_name = "Conv2D", .output = {3, {6, 6, 3}}, .parameters = 84},
        {.name = "überlänge", .class_name = "Flatten", .output = {1, {108}}},
        {.name = "とても長い名前のための層です", .class_name = "Dense", .output = {1, {10}}, .parameters = 1090}};
    struct summary summary = {.model_name = "my_model", .input = image, ROWS(rows), .trainable = 1174};
    assert_keras3(&summary, 60, "characters_60.k3");
}

static void test_no_layers(void **state) {
    (void)state;
    const struct summary summary = {.model_name = "sequential", .input = image};
    assert_keras3(&summary, 80, "empty.k3");
    struct text text = {0}, narrow = {0};
    summary_keras2(&summary, &text);
    assert_non_null(strstr(text.bytes, "Total params: 0\nTrainable params: 0\nNon-trainable params: 0\n"));
    summary_keras3(&summary, -5, &narrow);
    assert_non_null(strstr(narrow.bytes, "┏━━━━━━┳━━━┳━━━┓\n"));
    text_free(&text);
    text_free(&narrow);
}

static const struct summary_row cost_rows[] = {{.name = "conv2d",
                                                .class_name = "Conv2D",
                                                .output = {3, {15, 15, 32}},
                                                .parameters = 896,
                                                .multiplications = 777600,
                                                .activation_bytes = 28800,
                                                .receptive_field = {3, 3}},
                                               {.name = "max_pooling2d",
                                                .class_name = "MaxPooling2D",
                                                .output = {3, {7, 7, 32}},
                                                .activation_bytes = 6272,
                                                .receptive_field = {4, 5},
                                                .note = "drops the last row and column of 15x15"},
                                               {.name = "dense",
                                                .class_name = "Dense",
                                                .output = {1, {10}},
                                                .parameters = 15690,
                                                .multiplications = 15680,
                                                .activation_bytes = 40,
                                                .receptive_field = {-1, -1},
                                                .note = ""}};
static const struct summary cost_summary = {
    .model_name = "sequential", .input = {3, {17, 17, 3}}, ROWS(cost_rows), .trainable = 16586};

static void test_cost(void **state) {
    (void)state;
    struct text text = {0};
    summary_cost(&cost_summary, &text);
    assert_string_equal(text.bytes,
                        "Cost of one image, forward\n\n"
                        "Layer          Output      Parameters  Multiplications  Receptive field  Activations\n"
                        "-------------  ----------  ----------  ---------------  ---------------  -----------\n"
                        "conv2d         (15,15,32)         896          777,600              3x3     28.12 KB\n"
                        "max_pooling2d  (7,7,32)             0                0              4x5      6.12 KB\n"
                        "dense          (10)            15,690           15,680      whole input      40.00 B\n"
                        "total                          16,586          793,280                      34.29 KB\n\n"
                        "Warning: max_pooling2d drops the last row and column of 15x15\n");
    text_free(&text);
}

static void test_json(void **state) {
    (void)state;
    cJSON *root = summary_json(&cost_summary);
    assert_non_null(root);
    const cJSON *layers = cJSON_GetObjectItem(root, "layers");
    assert_int_equal(cJSON_GetArraySize(layers), 3);
    const cJSON *pool = cJSON_GetArrayItem(layers, 1);
    assert_string_equal(cJSON_GetObjectItem(pool, "note")->valuestring, "drops the last row and column of 15x15");
    assert_int_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(pool, "receptive_field"), 1)->valueint, 5);
    const cJSON *dense = cJSON_GetArrayItem(layers, 2);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(dense, "receptive_field")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(dense, "note")));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(dense, "output_shape")), 1);
    assert_int_equal(cJSON_GetObjectItem(root, "parameters")->valueint, 16586);
    assert_int_equal(cJSON_GetObjectItem(root, "multiplications")->valueint, 793280);
    assert_int_equal(cJSON_GetObjectItem(root, "activation_bytes")->valueint, 35112);
    cJSON_Delete(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_six_combinations),
        cmocka_unit_test(test_lesson),
        cmocka_unit_test(test_wide_cells),
        cmocka_unit_test(test_wide_characters),
        cmocka_unit_test(test_no_layers),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
