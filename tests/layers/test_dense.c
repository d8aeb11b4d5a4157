#include <stdio.h>

#include "core/activation.h"
#include "core/batch.h"
#include "tests/support/layer_case.h"

/* SEMANTICS row 24 and the lesson model's last layer */
static void weights(void **state) {
    (void)state;
    struct layer_case test;
    char text[SHAPE_TEXT_SIZE];
    layer_case_open(&test, "{\"type\":\"Dense\",\"units\":1,\"use_bias\":false}", (struct shape){1, {120000}}, 1);
    assert_int_equal(test.layer.parameter_count, 1);
    assert_int_equal(test.run.sizes[0], 120000);
    layer_case_close(&test);
    layer_case_open(&test, "{\"type\":\"Dense\",\"units\":3,\"activation\":\"softmax\"}", (struct shape){1, {120}}, 1);
    assert_string_equal(shape_text(&test.layer.parameters[0].shape, text, sizeof text), "(120,3)");
    assert_int_equal(test.run.sizes[0] + test.run.sizes[1], 363);
    assert_true(test.layer.multiplications == 360);
    assert_true(test.layer.reaches_all);
    assert_true(((const struct activation_kind *)(const void *)test.layer.activation.kind)->is_softmax);
    layer_case_close(&test);
}

static void by_hand(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Dense\",\"units\":2}", (struct shape){1, {3}}, 2);
    layer_case_input(&test, (const float[]){1, 2, 3, -1, 0, 1});
    layer_case_parameter(&test, 0, NULL); /* 1 2 / 3 4 / 5 6 */
    layer_case_parameter(&test, 1, (const float[]){0.5F, -0.5F});
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){22.5F, 27.5F, 4.5F, 3.5F}, 4, 0);
    test.run.dy[0] = 1, test.run.dy[1] = 0, test.run.dy[2] = 1, test.run.dy[3] = 2;
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){1, 3, 5, 5, 11, 17}, 6, 0);
    assert_numbers(test.run.gradients[0], (const float[]){0, -2, 2, 0, 4, 2}, 6, 0);
    assert_numbers(test.run.gradients[1], (const float[]){2, 2}, 2, 0);
    layer_case_close(&test);
}

/* Weights that are packed in panels, in every way that inputs and units end with them, against plain sums. */
static void check_sums(int inputs, int units, int images) {
    struct layer_case test;
    char config[64];
    snprintf(config, sizeof config, "{\"type\":\"Dense\",\"units\":%d}", units);
    layer_case_open(&test, config, (struct shape){1, {inputs}}, images);
    const struct layer_run *run = &test.run;
    for (int i = 0; i < images * inputs; i++) run->x[i] = (float)(i * 37 % 101 - 50) / 64;
    for (int i = 0; i < images * units; i++) run->dy[i] = (float)(i * 29 % 97 - 48) / 64;
    for (int i = 0; i < inputs * units; i++) run->parameters[0][i] = (float)(i * 53 % 127 - 63) / 64;
    for (int i = 0; i < units; i++) run->parameters[1][i] = (float)i;
    layer_run_forward(&test.run, true);
    layer_run_backward(&test.run);
    for (int image = 0; image < images; image++) {
        const float *x = run->x + image * inputs, *dy = run->dy + image * units, *kernel = run->parameters[0];
        for (int j = 0; j < units; j++) {
            float sum = (float)j; /* all terms are multiples of 2^-12: every sum is exact */
            for (int k = 0; k < inputs; k++) sum += x[k] * kernel[k * units + j];
            assert_numbers(run->y + image * units + j, &sum, 1, 0);
        }
        for (int k = 0; k < inputs; k++) {
            float sum = 0;
            for (int j = 0; j < units; j++) sum += dy[j] * kernel[k * units + j];
            assert_numbers(run->dx + image * inputs + k, &sum, 1, 0);
        }
    }
    layer_case_close(&test);
}

/* Many weights: all images of a batch in one product, a part of it at a time. */
static void by_batch(void **state) {
    (void)state;
    struct layer_case test;
    check_sums(7001, 75, 3);
    check_sums(515, 1024, 6);
    layer_case_open(&test, "{\"type\":\"Dense\",\"units\":75}", (struct shape){1, {7001}}, 1);
    assert_int_equal(test.layer.batch_images % ENGINE_SHARD, 0);
    assert_true(test.layer.batch_images > 0);
    assert_int_equal(test.layer.packed_floats, 0);
    layer_case_close(&test);
    layer_case_open(&test, "{\"type\":\"Dense\",\"units\":128}", (struct shape){1, {2048}}, 1);
    assert_int_equal(test.layer.batch_images, 0);
    layer_case_close(&test);
}

static void sums(void **state) {
    (void)state;
    static const int sizes[] = {1, 3, 7, 8, 15, 16, 17, 31, 32, 33, 40, 47, 65, 100};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++)
            check_sums(sizes[i], sizes[j], 1 + (int)(i + 2 * j) % 9);
}

static void refusals(void **state) {
    (void)state;
    assert_refused("{\"type\":\"Dense\",\"units\":10}", (struct shape){3, {7, 7, 16}},
                   "test.json: model[0]: Dense needs a flat input, got (7,7,16); add Flatten before it");
    assert_refused("{\"type\":\"Dense\",\"units\":0}", (struct shape){1, {7}},
                   "test.json: model[0].units: must be an integer, 1 or more; got 0");
    assert_refused("{\"type\":\"Dense\",\"units\":100000}", (struct shape){1, {100000}},
                   "test.json: model[0]: kernel would be (100000,100000), more than 2147483647 numbers; make the layer "
                   "smaller");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights), cmocka_unit_test(by_hand),  cmocka_unit_test(by_batch),
        cmocka_unit_test(sums),    cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
