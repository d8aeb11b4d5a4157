#include <string.h>

#include "tests/support/layer_case.h"

/* SEMANTICS section 3, dw: output (30,30,3), 30 weights, 24,300 multiplications */
static void smallest_form(void **state) {
    (void)state;
    struct layer_case test;
    char text[SHAPE_TEXT_SIZE];
    layer_case_open(&test, "{\"type\":\"DepthwiseConv2D\",\"kernel_size\":3}", (struct shape){3, {32, 32, 3}}, 1);
    assert_string_equal(shape_text(&test.layer.output, text, sizeof text), "(30,30,3)");
    assert_int_equal(test.layer.parameter_count, 2);
    assert_string_equal(test.layer.parameters[0].name, "kernel");
    assert_string_equal(shape_text(&test.layer.parameters[0].shape, text, sizeof text), "(3,3,3,1)");
    assert_int_equal(test.run.sizes[0] + test.run.sizes[1], 30);
    assert_true(test.layer.multiplications == 24300);
    layer_case_close(&test);
}

/* section 4: x = [1,10], k = 1..6, multiplier 3 */
static void channel_order(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"DepthwiseConv2D\",\"kernel_size\":1,\"depth_multiplier\":3}",
                    (struct shape){3, {1, 1, 2}}, 1);
    layer_case_input(&test, (const float[]){1, 10});
    layer_case_parameter(&test, 0, NULL);
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, (const float[]){1, 2, 3, 40, 50, 60}, 6, 0);

    layer_run_forward(&test.run, true);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){6, 15}, 2, 0);
    assert_numbers(test.run.gradients[0], (const float[]){1, 1, 1, 10, 10, 10}, 6, 0);
    layer_case_close(&test);
}

/* row 35: what happens in channel 1 leaves every bit of channel 0 alone */
static void channels_never_mix(void **state) {
    (void)state;
    struct layer_case test;
    float before[2 * 25];
    layer_case_open(&test, "{\"type\":\"DepthwiseConv2D\",\"kernel_size\":3,\"padding\":\"same\"}",
                    (struct shape){3, {5, 5, 2}}, 1);
    layer_case_input(&test, NULL);
    for (size_t i = 0; i < test.run.sizes[0]; i++) test.run.parameters[0][i] = 0.1F * (float)(i + 1);
    layer_run_forward(&test.run, false);
    memcpy(before, test.run.y, sizeof before);
    for (size_t i = 1; i < test.run.input; i += 2) test.run.x[i] = -7 * test.run.x[i] + 3;
    layer_run_forward(&test.run, false);
    for (size_t i = 0; i < 50; i += 2) {
        assert_memory_equal(&test.run.y[i], &before[i], sizeof(float));
        assert_true(test.run.y[i + 1] != before[i + 1]);
    }
    layer_case_close(&test);
}

/* Same padding and stride as for Conv2D: the numbers of section 4 in both channels. */
static void same_padding(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test,
                    "{\"type\":\"DepthwiseConv2D\",\"kernel_size\":3,\"strides\":2,\"padding\":\"same\","
                    "\"depth_multiplier\":2}",
                    (struct shape){3, {4, 4, 1}}, 1);
    layer_case_input(&test, NULL);
    for (size_t i = 0; i < test.run.sizes[0]; i++) test.run.parameters[0][i] = i % 2 ? 2 : 1;
    layer_case_parameter(&test, 1, (const float[]){0, 1});
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, (const float[]){54, 109, 45, 91, 72, 145, 54, 109}, 8, 0);
    layer_case_close(&test);
}

static void refusals(void **state) {
    (void)state;
    const struct shape input = {3, {8, 8, 3}};
    assert_refused("{\"type\":\"DepthwiseConv2D\",\"kernel_size\":3,\"strides\":2,\"dilation_rate\":[1,3]}", input,
                   "test.json: model[0].dilation_rate: dilation_rate (1,3) cannot go together with strides (2,2); set "
                   "one of them to 1");
    assert_refused("{\"type\":\"DepthwiseConv2D\",\"kernel_size\":3,\"depth_multiplier\":2000000000}", input,
                   "test.json: model[0].depth_multiplier: 2000000000 times 3 channels make an image of more than "
                   "2147483647 numbers; lower it");
    assert_refused("{\"type\":\"DepthwiseConv2D\",\"filters\":3,\"kernel_size\":3}", input,
                   "test.json: model[0].filters: unknown field; known here: name, kernel_size, strides, padding, "
                   "dilation_rate, depth_multiplier, activation, use_bias, depthwise_initializer, bias_initializer, "
                   "depthwise_regularizer, bias_regularizer, type");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest_form), cmocka_unit_test(channel_order), cmocka_unit_test(channels_never_mix),
        cmocka_unit_test(same_padding),  cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
