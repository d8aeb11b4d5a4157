#include "tests/support/layer_case.h"

#define NORMALIZATION "{\"type\":\"LayerNormalization\""

/* The numbers of PyTorch's layer_norm with epsilon 0.001. */
static void numbers(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, NORMALIZATION "}", (struct shape){1, {4}}, 1);
    layer_case_input(&test, (const float[]){1, 2, 4, 9});
    layer_case_parameter(&test, 0, NULL);
    layer_case_parameter(&test, 1, (const float[]){0.5F, 0, -0.5F, 1});
    layer_run_forward(&test.run, false);
    const float expected[] = {-0.47327727F, -1.29770303F, -0.5F, 7.4885149F};
    assert_numbers(test.run.y, expected, 4, 1e-6);
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, expected, 4, 1e-6);
    const float dy[] = {1, -1, 2, 0};
    for (int i = 0; i < 4; i++) test.run.dy[i] = dy[i];
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){-0.05549654F, -1.03731036F, 1.54102242F, -0.448216F}, 4, 1e-5);
    layer_case_close(&test);
}

/* A pixel's channels, or a whole image: the mean and variance of y tell over what was taken. */
static void axes(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, NORMALIZATION ",\"center\":false,\"scale\":false,\"epsilon\":1e-12}",
                    (struct shape){3, {2, 2, 2}}, 1);
    assert_int_equal(test.layer.parameter_count, 0);
    layer_case_input(&test, NULL);
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, (const float[]){-1, 1, -1, 1, -1, 1, -1, 1}, 8, 1e-5);
    layer_case_close(&test);
    layer_case_open(&test, NORMALIZATION ",\"axis\":[1,2,3],\"epsilon\":1e-12}", (struct shape){3, {1, 1, 2}}, 2);
    layer_case_input(&test, (const float[]){1, 3, 100, 50});
    layer_case_parameter(&test, 0, (const float[]){1, 1});
    layer_case_parameter(&test, 1, (const float[]){0, 0});
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, (const float[]){-1, 1, 1, -1}, 4, 1e-5);
    assert_int_equal(test.layer.parameters[0].shape.rank, 3);
    layer_case_close(&test);
}

static void refusals(void **state) {
    (void)state;
    const struct shape image = {3, {4, 4, 2}};
    const char expected[] =
        "test.json: model[0].axis: must be the last axes of the input in order, such as -1 or [1, 2, 3]";
    assert_refused(NORMALIZATION ",\"axis\":1}", image, expected);
    assert_refused(NORMALIZATION ",\"axis\":[3,2]}", image, expected);
    assert_refused(NORMALIZATION ",\"axis\":[]}", image, expected);
    assert_refused(NORMALIZATION ",\"axis\":[1,2,3,4]}", image, expected);
    assert_refused(NORMALIZATION ",\"axis\":2}", (struct shape){1, {7}},
                   "test.json: model[0].axis: must be the last axes of the input in order, such as -1");
    assert_refused(NORMALIZATION ",\"axis\":\"last\"}", image,
                   "test.json: model[0].axis: must be an integer or list of integers, in [-4, 4]; got \"last\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(axes),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
