#include "tests/support/layer_case.h"

/* SEMANTICS row 10 */
static void weights(void **state) {
    (void)state;
    struct layer_case test;
    char text[SHAPE_TEXT_SIZE];
    layer_case_open(&test, "{\"type\":\"SeparableConv2D\",\"filters\":6,\"kernel_size\":2}",
                    (struct shape){3, {28, 28, 12}}, 1);
    assert_string_equal(shape_text(&test.layer.output, text, sizeof text), "(27,27,6)");
    const char *names[] = {"depthwise_kernel", "pointwise_kernel", "bias"};
    const char *shapes[] = {"(2,2,12,1)", "(1,1,12,6)", "(6)"};
    assert_int_equal(test.layer.parameter_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(test.layer.parameters[i].name, names[i]);
        assert_string_equal(shape_text(&test.layer.parameters[i].shape, text, sizeof text), shapes[i]);
    }
    assert_int_equal(test.run.sizes[0] + test.run.sizes[1] + test.run.sizes[2], 126);
    layer_case_close(&test);
}

static void assert_cost(const char *json, struct shape input, double expected) {
    struct layer_case test;
    layer_case_open(&test, json, input, 1);
    assert_true(test.layer.multiplications == expected);
    layer_case_close(&test);
}

/* row 22 and section 3 */
static void cost(void **state) {
    (void)state;
    assert_cost("{\"type\":\"SeparableConv2D\",\"filters\":10,\"kernel_size\":3}", (struct shape){3, {15, 15, 3}},
                4563 + 5070);
    assert_cost("{\"type\":\"SeparableConv2D\",\"filters\":32,\"kernel_size\":3}", (struct shape){3, {32, 32, 3}},
                110700);
}

/* One pixel, two channels, multiplier 2, two filters: middle = 1*1, 1*2, 10*3, 10*4, then the pointwise kernel. */
static void by_hand(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"SeparableConv2D\",\"filters\":2,\"kernel_size\":1,\"depth_multiplier\":2}",
                    (struct shape){3, {1, 1, 2}}, 1);
    layer_case_input(&test, (const float[]){1, 10});
    layer_case_parameter(&test, 0, NULL);
    layer_case_parameter(&test, 1, NULL);
    layer_case_parameter(&test, 2, (const float[]){0.5F, 0});
    const float expected[] = {1 * 1 + 2 * 3 + 30 * 5 + 40 * 7 + 0.5F, 1 * 2 + 2 * 4 + 30 * 6 + 40 * 8};
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, expected, 2, 0);
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, expected, 2, 0);

    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.gradients[1], (const float[]){1, 1, 2, 2, 30, 30, 40, 40}, 8, 0);
    assert_numbers(test.run.gradients[0], (const float[]){3, 7, 110, 150}, 4, 0);
    assert_numbers(test.run.dx, (const float[]){3 + 14, 33 + 60}, 2, 0);
    layer_case_close(&test);
}

static void refusals(void **state) {
    (void)state;
    const struct shape input = {3, {8, 8, 3}};
    assert_refused("{\"type\":\"SeparableConv2D\",\"filters\":4,\"kernel_size\":9}", input,
                   "test.json: model[0].kernel_size: (9,9) is larger than the input (8,8,3); use a smaller one or "
                   "\"padding\": \"same\"");
    assert_refused("{\"type\":\"SeparableConv2D\",\"filters\":1000000000,\"kernel_size\":3}", input,
                   "test.json: model[0]: pointwise_kernel would be (1,1,3,1000000000), more than 2147483647 numbers; "
                   "make the layer smaller");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights),
        cmocka_unit_test(cost),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
