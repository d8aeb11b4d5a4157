#include <string.h>

#include "tests/support/layer_case.h"

static const struct shape lesson = {3, {28, 28, 12}};

static void assert_parameter(const char *json, struct shape input, int index, const char *name, const char *shape) {
    struct layer_case test;
    char text[SHAPE_TEXT_SIZE];
    layer_case_open(&test, json, input, 1);
    assert_in_range(test.layer.parameter_count, index + 1, LAYER_PARAMETERS_MAX);
    assert_string_equal(test.layer.parameters[index].name, name);
    assert_string_equal(shape_text(&test.layer.parameters[index].shape, text, sizeof text), shape);
    layer_case_close(&test);
}

static size_t weights_of(const char *json, struct shape input) {
    struct layer_case test;
    size_t sum = 0;
    layer_case_open(&test, json, input, 1);
    for (int i = 0; i < test.layer.parameter_count; i++) sum += test.run.sizes[i];
    layer_case_close(&test);
    return sum;
}

static double multiplications_of(const char *json, struct shape input) {
    struct layer_case test;
    layer_case_open(&test, json, input, 1);
    double multiplications = test.layer.multiplications;
    layer_case_close(&test);
    return multiplications;
}

/* SEMANTICS rows 1 to 8 and 18 */
static void output_shapes(void **state) {
    (void)state;
    assert_output("{\"type\":\"Conv2D\",\"filters\":10,\"kernel_size\":3}", lesson, (struct shape){3, {26, 26, 10}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":[2,3]}", lesson, (struct shape){3, {27, 26, 1}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":2,\"strides\":[2,3]}", lesson,
                  (struct shape){3, {14, 9, 1}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":2,\"padding\":\"same\"}", lesson,
                  (struct shape){3, {28, 28, 1}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":6,\"kernel_size\":2,\"groups\":3}", lesson,
                  (struct shape){3, {27, 27, 6}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"dilation_rate\":1}", lesson,
                  (struct shape){3, {26, 26, 1}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"dilation_rate\":4}", lesson,
                  (struct shape){3, {20, 20, 1}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"strides\":2}", lesson,
                  (struct shape){3, {13, 13, 1}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":5,\"kernel_size\":[3,2],\"strides\":[2,3]}",
                  (struct shape){3, {28, 56, 8}}, (struct shape){3, {13, 19, 5}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":3,\"strides\":2,\"padding\":\"same\"}",
                  (struct shape){3, {15, 4, 1}}, (struct shape){3, {8, 2, 2}});
}

/* row 27 */
static void unusual_sizes(void **state) {
    (void)state;
    assert_output("{\"type\":\"Conv2D\",\"filters\":315,\"kernel_size\":[3,7]}", lesson,
                  (struct shape){3, {26, 22, 315}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":27}", lesson, (struct shape){3, {2, 2, 2}});
    assert_output("{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":27,\"padding\":\"same\"}",
                  (struct shape){3, {3, 3, 1}}, (struct shape){3, {3, 3, 2}});
}

/* rows 5, 6, 19, 36 */
static void weights(void **state) {
    (void)state;
    const char *whole = "{\"type\":\"Conv2D\",\"filters\":6,\"kernel_size\":2,\"groups\":1}";
    const char *split = "{\"type\":\"Conv2D\",\"filters\":6,\"kernel_size\":2,\"groups\":3}";
    assert_parameter(whole, lesson, 0, "kernel", "(2,2,12,6)");
    assert_parameter(whole, lesson, 1, "bias", "(6)");
    assert_int_equal(weights_of(whole, lesson), 294);
    assert_parameter(split, lesson, 0, "kernel", "(2,2,4,6)");
    assert_int_equal(weights_of(split, lesson), 102);
    assert_int_equal(
        weights_of("{\"type\":\"Conv2D\",\"filters\":32,\"kernel_size\":3}", (struct shape){3, {32, 32, 3}}), 896);
    assert_int_equal(
        weights_of("{\"type\":\"Conv2D\",\"filters\":64,\"kernel_size\":1}", (struct shape){3, {8, 8, 256}}), 16448);
    assert_int_equal(weights_of("{\"type\":\"Conv2D\",\"filters\":32,\"kernel_size\":3,\"use_bias\":false}",
                                (struct shape){3, {32, 32, 3}}),
                     864);
}

/* row 21 and the table of section 3 */
static void cost(void **state) {
    (void)state;
    const char *ten = "{\"type\":\"Conv2D\",\"filters\":10,\"kernel_size\":3}";
    assert_true(multiplications_of(ten, (struct shape){3, {15, 15, 3}}) == 45630);
    const char *thirty_two = "{\"type\":\"Conv2D\",\"filters\":32,\"kernel_size\":3}";
    assert_true(multiplications_of(thirty_two, (struct shape){3, {32, 32, 3}}) == 777600);
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"dilation_rate\":4}", lesson, 1);
    assert_int_equal(test.layer.reach.extent[0], 9);
    assert_int_equal(test.layer.reach.stride[1], 1);
    layer_case_close(&test);
}

/* row 37 */
static void defaults(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":3}", lesson, 1);
    assert_null(test.layer.activation.kind);
    assert_int_equal(test.layer.parameter_count, 2);
    assert_string_equal(test.layer.parameters[0].initializer.kind->name, "GlorotUniform");
    assert_string_equal(test.layer.parameters[1].initializer.kind->name, "Zeros");
    assert_null(test.layer.parameters[0].regularizer.kind);
    assert_true(test.layer.parameters[0].trainable);
    layer_case_close(&test);
    layer_case_open(&test,
                    "{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":3,\"kernel_regularizer\":\"l2\","
                    "\"bias_regularizer\":\"L1\"}",
                    lesson, 1);
    assert_string_equal(test.layer.parameters[0].regularizer.kind->name, "L2");
    assert_string_equal(test.layer.parameters[1].regularizer.kind->name, "L1");
    layer_case_close(&test);
}

/* row 28 */
static void cross_of_ones(void **state) {
    (void)state;
    const float image[] = {1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0};
    const float kernel[] = {1, 0, 1, 0, 1, 0, 1, 0, 1}, expected[] = {4, 3, 4, 2, 4, 3, 2, 3, 4};
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3}", (struct shape){3, {5, 5, 1}}, 1);
    layer_case_input(&test, image);
    layer_case_parameter(&test, 0, kernel);
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, expected, 9, 0);
    layer_case_close(&test);
}

/* row 30: the kernel is not flipped; the bias is added */
static void kernel_is_not_flipped(void **state) {
    (void)state;
    const float kernel[] = {1, 10, 100, 1000}, bias[] = {0.5F};
    const float expected[] = {5421.5F, 6532.5F, 8754.5F, 9865.5F};
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":2}", (struct shape){3, {3, 3, 1}}, 1);
    layer_case_input(&test, NULL);
    layer_case_parameter(&test, 0, kernel);
    layer_case_parameter(&test, 1, bias);
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, expected, 4, 0);
    layer_case_close(&test);
}

static void assert_ones_kernel(const char *json, struct shape input, const float *expected, size_t count) {
    struct layer_case test;
    layer_case_open(&test, json, input, 1);
    layer_case_input(&test, NULL);
    for (size_t i = 0; i < test.run.sizes[0]; i++) test.run.parameters[0][i] = 1;
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, expected, count, 0);
    layer_case_close(&test);
}

/* section 4 (same padding) and row 34 (zero padding) */
static void same_padding(void **state) {
    (void)state;
    assert_ones_kernel("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"strides\":2,\"padding\":\"same\"}",
                       (struct shape){3, {4, 4, 1}}, (const float[]){54, 45, 72, 54}, 4);
    assert_ones_kernel("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":2,\"padding\":\"same\"}",
                       (struct shape){3, {5, 5, 1}}, (const float[]){16, 20, 24, 28, 15}, 5);
    assert_ones_kernel("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"padding\":\"same\"}",
                       (struct shape){3, {3, 3, 1}}, (const float[]){12, 21, 16, 27, 45, 33, 24, 39, 28}, 9);
}

/* Groups and dilation, term by term: image (1,3,4), kernel (1,2,2,4) with dilation 2, two groups. */
static void groups_and_dilation(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test,
                    "{\"type\":\"Conv2D\",\"filters\":4,\"kernel_size\":[1,2],\"groups\":2,\"dilation_rate\":[1,2]}",
                    (struct shape){3, {1, 3, 4}}, 1);
    layer_case_input(&test, NULL);        /* pixel 0: 1 2 3 4, pixel 2: 9 10 11 12 */
    layer_case_parameter(&test, 0, NULL); /* tap 0: c0 1 2 3 4, c1 5 6 7 8; tap 1: c0 9.., c1 13.. */
    layer_run_forward(&test.run, false);
    const float expected[] = {
        1 * 1 + 2 * 5 + 9 * 9 + 10 * 13,
        1 * 2 + 2 * 6 + 9 * 10 + 10 * 14,
        3 * 3 + 4 * 7 + 11 * 11 + 12 * 15,
        3 * 4 + 4 * 8 + 11 * 12 + 12 * 16,
    };
    assert_numbers(test.run.y, expected, 4, 0);
    layer_case_close(&test);
}

/* Gradients of a sum: each weight's is the sum of the inputs it meets, each input's the sum of its kernel taps. */
static void gradients_by_hand(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":2}", (struct shape){3, {3, 3, 1}}, 1);
    layer_case_input(&test, NULL);
    layer_case_parameter(&test, 0, NULL);
    layer_run_forward(&test.run, true);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.gradients[0], (const float[]){12, 16, 24, 28}, 4, 0);
    assert_numbers(test.run.gradients[1], (const float[]){4}, 1, 0);
    assert_numbers(test.run.dx, (const float[]){1, 3, 2, 4, 10, 6, 3, 7, 4}, 9, 0);
    layer_case_close(&test);
}

/* Two images give twice the gradient of one, whichever shard they are in. */
static void gradients_add_up_over_images(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":2}", (struct shape){3, {2, 2, 1}}, 3);
    layer_case_input(&test, (const float[]){1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4});
    layer_run_forward(&test.run, true);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.gradients[0], (const float[]){3, 6, 9, 12}, 4, 0);
    assert_numbers(test.run.gradients[1], (const float[]){3}, 1, 0);
    layer_case_close(&test);
}

/* row 11, and sizes that do not fit */
static void refusals(void **state) {
    (void)state;
    assert_refused("{\"type\":\"Conv2D\",\"filters\":6,\"kernel_size\":2,\"groups\":5}", lesson,
                   "test.json: model[0].groups: the input's 12 channels cannot be split into 5 groups evenly; choose "
                   "groups that divide them");
    assert_refused(
        "{\"type\":\"Conv2D\",\"filters\":7,\"kernel_size\":2,\"groups\":3}", lesson,
        "test.json: model[0].groups: 7 filters cannot be split into 3 groups evenly; choose groups that divide them");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"strides\":[1,2],\"dilation_rate\":2}",
                   lesson,
                   "test.json: model[0].dilation_rate: dilation_rate (2,2) cannot go together with strides (1,2); set "
                   "one of them to 1");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":[3,29]}", lesson,
                   "test.json: model[0].kernel_size: (3,29) is larger than the input (28,28,12); use a smaller one or "
                   "\"padding\": \"same\"");
    assert_refused(
        "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":5,\"dilation_rate\":7}", lesson,
        "test.json: model[0].kernel_size: (5,5) with dilation_rate (7,7) covers (29,29), more than the input "
        "(28,28,12); use a smaller one or \"padding\": \"same\"");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3}", (struct shape){1, {120}},
                   "test.json: model[0]: Conv2D needs an image (height,width,channels), got (120); put it before "
                   "Flatten, or add Reshape");
}

static void refused_values(void **state) {
    (void)state;
    assert_refused("{\"type\":\"Conv2D\",\"kernel_size\":3}", lesson,
                   "test.json: model[0].filters: is missing; it must be given");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":0}", lesson,
                   "test.json: model[0].kernel_size: must be an integer or [height, width], 1 or more; got 0");
    assert_refused("{\"type\":\"Conv2D\",\"fliters\":1,\"kernel_size\":3}", lesson,
                   "test.json: model[0].fliters: unknown field; did you mean \"filters\"?");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"activation\":\"rleu\"}", lesson,
                   "test.json: model[0].activation: unknown activation \"rleu\"; did you mean \"relu\"?");
}

/* Sizes that no computer holds are refused before anything is allocated. */
static void huge_sizes(void **state) {
    (void)state;
    assert_refused("{\"type\":\"Conv2D\",\"filters\":2147483647,\"kernel_size\":3}", lesson,
                   "test.json: model[0]: kernel would be (3,3,12,2147483647), more than 2147483647 numbers; make the "
                   "layer smaller");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":2147483647,\"padding\":\"same\"}", lesson,
                   "test.json: model[0].kernel_size: (2147483647,2147483647) needs a border that makes the image "
                   "larger than 2147483647 numbers; use a smaller one");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":2,\"dilation_rate\":2147483647}", lesson,
                   "test.json: model[0].kernel_size: (2,2) with dilation_rate (2147483647,2147483647) covers "
                   "(2147483648,2147483648), more than the input (28,28,12); use a smaller one or \"padding\": "
                   "\"same\"");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":70000,\"kernel_size\":1}", (struct shape){3, {300, 300, 1}},
                   "test.json: model[0]: the output would be (300,300,70000), more than 2147483647 numbers an image; "
                   "make it smaller");
    assert_output("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":1,\"strides\":2147483647}", lesson,
                  (struct shape){3, {1, 1, 1}});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_shapes),
        cmocka_unit_test(unusual_sizes),
        cmocka_unit_test(weights),
        cmocka_unit_test(cost),
        cmocka_unit_test(defaults),
        cmocka_unit_test(cross_of_ones),
        cmocka_unit_test(kernel_is_not_flipped),
        cmocka_unit_test(same_padding),
        cmocka_unit_test(groups_and_dilation),
        cmocka_unit_test(gradients_by_hand),
        cmocka_unit_test(gradients_add_up_over_images),
        cmocka_unit_test(refusals),
        cmocka_unit_test(refused_values),
        cmocka_unit_test(huge_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
