/* ReLU, LeakyReLU, ELU, PReLU, Softmax and Rescaling. */
#include "tests/support/layer_case.h"

/* y and dx of a layer for these numbers, with a gradient of 2. */
static void assert_function(const char *json, const float *x, const float *y, const float *dx, int count) {
    struct layer_case test;
    layer_case_open(&test, json, (struct shape){1, {count}}, 1);
    layer_case_input(&test, x);
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, y, (size_t)count, 1e-6);
    layer_case_dy(&test, 2);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, dx, (size_t)count, 1e-6);
    layer_case_close(&test);
}

/* Numbers of Keras 3.15. */
static void relus(void **state) {
    (void)state;
    const float x[] = {-2, -0.5F, 0.25F, 1, 3};
    assert_function("{\"type\":\"ReLU\"}", x, (const float[]){0, 0, 0.25F, 1, 3}, (const float[]){0, 0, 2, 2, 2}, 5);
    assert_function("{\"type\":\"ReLU\",\"max_value\":2,\"negative_slope\":0.5,\"threshold\":0.75}", x,
                    (const float[]){-1.375F, -0.625F, -0.25F, 1, 2}, (const float[]){1, 1, 1, 2, 0}, 5);
    assert_function("{\"type\":\"ReLU\",\"threshold\":1}", x, (const float[]){0, 0, 0, 0, 3},
                    (const float[]){0, 0, 0, 0, 2}, 5);
    assert_function("{\"type\":\"LeakyReLU\"}", x, (const float[]){-0.6F, -0.15F, 0.25F, 1, 3},
                    (const float[]){0.6F, 0.6F, 2, 2, 2}, 5);
    assert_function("{\"type\":\"LeakyReLU\",\"alpha\":0.5}", x, (const float[]){-1, -0.25F, 0.25F, 1, 3},
                    (const float[]){1, 1, 2, 2, 2}, 5);
    assert_function("{\"type\":\"ELU\",\"alpha\":0.5}", x, (const float[]){-0.43233236F, -0.19673467F, 0.25F, 1, 3},
                    (const float[]){0.13533528F, 0.60653066F, 2, 2, 2}, 5);
    assert_refused("{\"type\":\"LeakyReLU\",\"alpha\":0.5,\"negative_slope\":0.5}", (struct shape){1, {4}},
                   "test.json: model[0].negative_slope: is given twice, also as \"alpha\"");
    assert_refused("{\"type\":\"ReLU\",\"max_value\":-1}", (struct shape){1, {4}},
                   "test.json: model[0].max_value: must be a number, above 0, or null; got -1");
}

static void prelu(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"PReLU\",\"shared_axes\":[1,2]}", (struct shape){3, {1, 2, 2}}, 1);
    assert_int_equal(test.run.sizes[0], 2);
    layer_case_input(&test, (const float[]){-1, -2, 3, -4});
    layer_case_parameter(&test, 0, (const float[]){0.5F, 0.25F});
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){-0.5F, -0.5F, 3, -1}, 4, 0);
    layer_case_dy(&test, 2);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){1, 0.5F, 2, 0.5F}, 4, 0);
    assert_numbers(test.run.gradients[0], (const float[]){-2, -12}, 2, 0);
    layer_case_close(&test);
    assert_refused("{\"type\":\"PReLU\",\"shared_axes\":[2]}", (struct shape){3, {4, 4, 2}},
                   "test.json: model[0].shared_axes: must be the first axes of the input in order, such as [1, 2]");
    assert_refused("{\"type\":\"PReLU\",\"shared_axes\":[1,2]}", (struct shape){1, {4}},
                   "test.json: model[0].shared_axes: must be the first axes of the input in order, such as [1, 2]");
}

/* Each pixel's channels add up to 1. */
static void softmax(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Softmax\"}", (struct shape){3, {1, 2, 3}}, 1);
    layer_case_input(&test, (const float[]){1000, 1001, 1002, 0, 0, 0});
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, (const float[]){0.09003F, 0.24473F, 0.66524F, 0.33333F, 0.33333F, 0.33333F}, 6, 1e-5);
    layer_case_close(&test);
    assert_refused("{\"type\":\"Softmax\",\"axis\":1}", (struct shape){3, {1, 2, 3}},
                   "test.json: model[0].axis: must be the last axis of the input, -1 or 3; got 1");
}

static void rescaling(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Rescaling\",\"scale\":0.5,\"offset\":-1}", (struct shape){1, {3}}, 1);
    layer_case_input(&test, NULL);
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){-0.5F, 0, 0.5F}, 3, 0);
    layer_case_dy(&test, 4);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){2, 2, 2}, 3, 0);
    layer_case_close(&test);
    assert_refused("{\"type\":\"Rescaling\"}", (struct shape){1, {3}},
                   "test.json: model[0].scale: is missing; it must be given");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relus),
        cmocka_unit_test(prelu),
        cmocka_unit_test(softmax),
        cmocka_unit_test(rescaling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
