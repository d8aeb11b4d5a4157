/* Convolutions whose kernels the config gives: SEMANTICS rows 23 and 28, and the well-known filters on pictures. */
#include "core/initializer.h"
#include "tests/support/layer_case.h"

/* With its weights as the config has them. */
static void open_case(struct layer_case *test, const char *json, struct shape input) {
    layer_case_open(test, json, input, 1);
    for (int i = 0; i < test->layer.parameter_count; i++) {
        const struct parameter *parameter = &test->layer.parameters[i];
        if (initializer_fill(&parameter->initializer, &parameter->shape, (struct rng){0}, test->run.parameters[i],
                             &test->error) != 0)
            fail_msg("%s", test->error.message);
    }
}

static void assert_filtered(const char *json, struct shape input, const float *x, const float *expected, size_t count) {
    struct layer_case test;
    open_case(&test, json, input);
    layer_case_input(&test, x);
    layer_run_forward(&test.run, false);
    assert_int_equal(test.run.output, count);
    assert_numbers(test.run.y, expected, count, 1e-6);
    layer_case_close(&test);
}

/* row 28 */
static void cross(void **state) {
    (void)state;
    const float image[] = {1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0};
    assert_filtered("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"trainable\":false,\"kernel_initializer\":"
                    "{\"type\":\"Fixed\",\"values\":[[1,0,1],[0,1,0],[1,0,1]]}}",
                    (struct shape){3, {5, 5, 1}}, image, (const float[]){4, 3, 4, 2, 4, 3, 2, 3, 4}, 9);
}

/* row 23: sobel_x is the product of (1,2,1) down and (-1,0,1) along */
static void product_of_two_vectors(void **state) {
    (void)state;
    const struct shape input = {3, {6, 7, 1}};
    struct layer_case down, along, whole;
    open_case(&down,
              "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":[3,1],\"use_bias\":false,"
              "\"kernel_initializer\":{\"type\":\"Fixed\",\"values\":[1,2,1]}}",
              input);
    open_case(&along,
              "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":[1,3],\"use_bias\":false,"
              "\"kernel_initializer\":{\"type\":\"Fixed\",\"values\":[[-1,0,1]]}}",
              down.layer.output);
    open_case(&whole,
              "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"use_bias\":false,"
              "\"kernel_initializer\":{\"type\":\"Fixed\",\"preset\":\"sobel_x\"}}",
              input);
    assert_int_equal(down.run.sizes[0] + along.run.sizes[0], 6);
    assert_int_equal(whole.run.sizes[0], 9);
    for (size_t i = 0; i < whole.run.input; i++) whole.run.x[i] = down.run.x[i] = (float)(i * i % 11);
    layer_run_forward(&down.run, false);
    for (size_t i = 0; i < down.run.output; i++) along.run.x[i] = down.run.y[i];
    layer_run_forward(&along.run, false);
    layer_run_forward(&whole.run, false);
    assert_int_equal(along.run.output, whole.run.output);
    assert_numbers(along.run.y, whole.run.y, whole.run.output, 0);
    layer_case_close(&down);
    layer_case_close(&along);
    layer_case_close(&whole);
}

/* An edge between two columns of two channels, the second ten times as bright: depthwise each channel by itself, with
 * both edge filters; Conv2D the sum of the channels, or each with a filter of its own. */
static void edges(void **state) {
    (void)state;
    const struct shape input = {3, {3, 3, 2}};
    const float x[] = {0, 0, 1, 10, 1, 10, 0, 0, 1, 10, 1, 10, 0, 0, 1, 10, 1, 10};
    assert_filtered("{\"type\":\"DepthwiseConv2D\",\"kernel_size\":3,\"depth_multiplier\":2,\"depthwise_initializer\":"
                    "{\"type\":\"Fixed\",\"preset\":[\"sobel_x\",\"sobel_y\"]}}",
                    input, x, (const float[]){4, 0, 40, 0}, 4);
    assert_filtered("{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":3,\"kernel_initializer\":"
                    "{\"type\":\"Fixed\",\"preset\":\"sobel_x\"}}",
                    input, x, (const float[]){44, 44}, 2);
    assert_filtered("{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":3,\"kernel_initializer\":"
                    "{\"type\":\"Fixed\",\"preset\":\"sobel_x\",\"channels\":\"diagonal\"}}",
                    input, x, (const float[]){4, 40}, 2);
    assert_filtered("{\"type\":\"SeparableConv2D\",\"filters\":1,\"kernel_size\":3,\"depthwise_initializer\":"
                    "{\"type\":\"Fixed\",\"preset\":\"sobel_x\"},\"pointwise_initializer\":{\"type\":\"Fixed\","
                    "\"values\":[2,-1]}}",
                    input, x, (const float[]){-32}, 1);
}

/* The identity leaves a picture as it is, blurring a flat one, too. */
static void nothing_changes(void **state) {
    (void)state;
    const struct shape input = {3, {4, 3, 2}};
    float x[24], ones[24];
    for (int i = 0; i < 24; i++) {
        x[i] = (float)i;
        ones[i] = 1;
    }
    assert_filtered(
        "{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":[3,2],\"padding\":\"same\",\"kernel_initializer\":"
        "{\"type\":\"Fixed\",\"preset\":\"identity\",\"channels\":\"diagonal\"}}",
        input, x, x, 24);
    assert_filtered("{\"type\":\"DepthwiseConv2D\",\"kernel_size\":4,\"padding\":\"same\",\"depthwise_initializer\":"
                    "{\"type\":\"Fixed\",\"preset\":\"identity\"}}",
                    input, x, x, 24);
    assert_filtered(
        "{\"type\":\"DepthwiseConv2D\",\"kernel_size\":3,\"padding\":\"circular\",\"depthwise_initializer\":"
        "{\"type\":\"Fixed\",\"preset\":\"gaussian_blur\"}}",
        input, ones, ones, 24);
}

static void refusals(void **state) {
    (void)state;
    const struct shape input = {3, {8, 8, 3}};
    assert_refused(
        "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":5,\"kernel_initializer\":{\"type\":\"Fixed\","
        "\"preset\":\"emboss\"}}",
        input,
        "test.json: model[0].kernel_initializer.preset: emboss is 3x3, but the kernel is 5x5; give the layer a "
        "kernel_size of 3");
    assert_refused(
        "{\"type\":\"DepthwiseConv2D\",\"kernel_size\":2,\"depthwise_initializer\":{\"type\":\"Fixed\","
        "\"values\":[[1,2,3],[4,5,6]]}}",
        input,
        "test.json: model[0].depthwise_initializer.values: has the shape (2,3), but the kernel is (2,2,3,1); "
        "give (2,2) for all channels and filters, a list of such, or the whole kernel");
    assert_refused("{\"type\":\"Dense\",\"units\":2,\"bias_initializer\":\"orthogonal\"}", (struct shape){1, {4}},
                   "test.json: model[0].bias_initializer: Orthogonal needs a tensor of two or more axes; use another "
                   "initializer here");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cross), cmocka_unit_test(product_of_two_vectors),
                                       cmocka_unit_test(edges), cmocka_unit_test(nothing_changes),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
