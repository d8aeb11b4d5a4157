/* Residual by itself: what is added, its projection, and what it refuses. tests/core/test_model.c has its place among
 * the layers, tests/core/test_parity.c whole networks. */
#include "tests/support/layer_case.h"

#define CONVOLUTION "{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":1}"

static void fill_second(struct layer_case *test, const float *numbers) {
    for (size_t i = 0; i < (size_t)test->run.images * test->run.second; i++) test->run.seconds[i] = numbers[i];
}

/* y = x + second, and both get dy. */
static void plain_sum(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Residual\",\"layers\":[" CONVOLUTION "],\"activation\":\"relu\"}",
                    (struct shape){3, {1, 2, 2}}, 1);
    assert_int_equal(test.layer.parameter_count, 0);
    assert_true(test.layer.multiplications == 0);
    layer_case_input(&test, (const float[]){1, 2, 3, 4});
    fill_second(&test, (const float[]){0.5F, -5, 0, 10});
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){1.5F, 0, 3, 14}, 4, 0);
    layer_case_dy(&test, 2);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){2, 0, 2, 2}, 4, 0);
    assert_numbers(test.run.dseconds, (const float[]){2, 0, 2, 2}, 4, 0);
    layer_case_close(&test);
}

/* Pixels between the strides are not seen and get no gradient. second (3,3,1), strides 2, kernel [2 -1], bias [1 0] */
static void projection_with_strides(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test,
                    "{\"type\":\"Residual\",\"layers\":[{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":3,"
                    "\"strides\":2,\"padding\":\"same\"}]}",
                    (struct shape){3, {3, 3, 1}}, 1);
    assert_int_equal(test.layer.parameter_count, 2);
    assert_true(test.layer.multiplications == 8);
    layer_case_input(&test, (const float[]){10, 20, 30, 40, 50, 60, 70, 80});
    fill_second(&test, (const float[]){1, 2, 3, 4, 5, 6, 7, 8, 9});
    layer_case_parameter(&test, 0, (const float[]){2, -1});
    layer_case_parameter(&test, 1, (const float[]){1, 0});
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){13, 19, 37, 37, 65, 53, 89, 71}, 8, 0);
    for (int i = 0; i < 8; i++) test.run.dy[i] = (float)i;
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){0, 1, 2, 3, 4, 5, 6, 7}, 8, 0);
    assert_numbers(test.run.dseconds, (const float[]){-1, 0, 1, 0, 0, 0, 3, 0, 5}, 9, 0);
    assert_numbers(test.run.gradients[0], (const float[]){88, 108}, 2, 0);
    assert_numbers(test.run.gradients[1], (const float[]){12, 16}, 2, 0);
    layer_case_close(&test);
}

static void parameters(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Residual\",\"layers\":[" CONVOLUTION "],\"projection\":true}",
                    (struct shape){3, {4, 4, 2}}, 1);
    assert_int_equal(test.layer.parameter_count, 2);
    assert_int_equal(test.layer.parameters[0].shape.rank, 4);
    layer_case_close(&test);
    layer_case_open(&test,
                    "{\"type\":\"Residual\",\"layers\":[{\"type\":\"Dense\",\"units\":5}],\"use_bias\":false,"
                    "\"kernel_regularizer\":\"l2\",\"kernel_constraint\":\"max_norm\"}",
                    (struct shape){1, {3}}, 1);
    assert_int_equal(test.layer.parameter_count, 1);
    assert_int_equal(test.layer.parameters[0].shape.rank, 2);
    assert_non_null(test.layer.parameters[0].regularizer.kind);
    assert_non_null(test.layer.parameters[0].constraint.kind);
    layer_case_close(&test);
    assert_output("{\"type\":\"Residual\",\"layers\":[{\"type\":\"MaxPooling2D\",\"padding\":\"same\"}]}",
                  (struct shape){3, {5, 6, 2}}, (struct shape){3, {3, 3, 2}});
}

static void refusals(void **state) {
    (void)state;
    const struct shape image = {3, {8, 8, 3}};
    assert_refused("{\"type\":\"Residual\"}", image, "test.json: model[0].layers: is missing; it must be given");
    assert_refused("{\"type\":\"Residual\",\"layers\":[]}", image,
                   "test.json: model[0].layers: is empty; a block has at least one layer");
    assert_refused("{\"type\":\"Residual\",\"layers\":[" CONVOLUTION "],\"projection\":false}", image,
                   "test.json: model[0].projection: is false, but the block turns (8,8,3) into (8,8,2), and only equal "
                   "shapes add up; leave it out");
    assert_refused("{\"type\":\"Residual\",\"layers\":[" CONVOLUTION "],\"projection\":1}", image,
                   "test.json: model[0].projection: must be one of auto, true, false; got 1");
    assert_refused("{\"type\":\"Residual\",\"layers\":[{\"type\":\"Conv2D\",\"filters\":3,\"kernel_size\":3}]}", image,
                   "test.json: model[0]: the block turns (8,8,3) into (6,6,3), which no 1x1 convolution with strides "
                   "does; use \"padding\": \"same\" inside, and sizes that the strides divide");
    assert_refused("{\"type\":\"Residual\",\"layers\":[\"UpSampling2D\"]}", image,
                   "test.json: model[0]: the block turns (8,8,3) into (16,16,3), which no 1x1 convolution with strides "
                   "does; use \"padding\": \"same\" inside, and sizes that the strides divide");
    assert_refused(
        "{\"type\":\"Residual\",\"layers\":[\"Flatten\"]}", image,
        "test.json: model[0]: the block turns (8,8,3) into (192), which no 1x1 convolution with strides does; "
        "use \"padding\": \"same\" inside, and sizes that the strides divide");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_sum),
        cmocka_unit_test(projection_with_strides),
        cmocka_unit_test(parameters),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
