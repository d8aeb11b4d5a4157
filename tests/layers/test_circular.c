/* "padding": "circular" of the convolutions: SEMANTICS row 34, and all three passes against the formula in double. */
#include "tests/support/convolution_case.h"

static const struct shape square = {3, {3, 3, 1}};

/* Ones over 1 to 9: 45 everywhere; and every cell is seen by nine windows. */
static void assert_forty_five(const char *json, int parameters) {
    const float ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const float sums[9] = {45, 45, 45, 45, 45, 45, 45, 45, 45}, nines[9] = {9, 9, 9, 9, 9, 9, 9, 9, 9};
    struct layer_case test;
    layer_case_open(&test, json, square, 1);
    layer_case_input(&test, NULL);
    for (int i = 0; i < parameters; i++) layer_case_parameter(&test, i, ones);
    layer_run_forward(&test.run, true);
    assert_int_equal(test.run.output, 9);
    assert_numbers(test.run.y, sums, 9, 0);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, nines, 9, 0);
    assert_numbers(test.run.gradients[0], sums, 9, 0);
    layer_case_close(&test);
}

/* row 34 */
static void ones(void **state) {
    (void)state;
    assert_forty_five("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"padding\":\"circular\"}", 1);
    assert_forty_five("{\"type\":\"DepthwiseConv2D\",\"kernel_size\":3,\"padding\":\"circular\"}", 1);
    assert_forty_five("{\"type\":\"SeparableConv2D\",\"filters\":1,\"kernel_size\":3,\"padding\":\"circular\"}", 2);
}

static void assert_filtered(const char *json, const float *kernel, const float *expected) {
    struct layer_case test;
    layer_case_open(&test, json, square, 1);
    layer_case_input(&test, NULL);
    layer_case_parameter(&test, 0, kernel);
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, expected, test.run.output, 0);
    layer_case_close(&test);
}

/* Which way it goes round; the odd cell of an even kernel's border is at the end. Strides keep every other output, so
 * that the output is as large as with `same`. */
static void where_cells_come_from(void **state) {
    (void)state;
    const float first[] = {1, 0, 0, 0, 0, 0, 0, 0, 0}, last[] = {0, 0, 0, 1};
    assert_filtered("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"padding\":\"circular\"}", first,
                    (const float[]){9, 7, 8, 3, 1, 2, 6, 4, 5});
    assert_filtered("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":2,\"padding\":\"circular\"}", last,
                    (const float[]){5, 6, 4, 8, 9, 7, 2, 3, 1});
    assert_filtered("{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":3,\"strides\":2,\"padding\":\"circular\"}",
                    first, (const float[]){9, 8, 6, 5});
    assert_output(
        "{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":[2,5],\"dilation_rate\":2,\"padding\":\"circular\"}",
        (struct shape){3, {28, 28, 12}}, (struct shape){3, {28, 28, 2}});
    assert_output("{\"type\":\"DepthwiseConv2D\",\"kernel_size\":3,\"strides\":[2,3],\"padding\":\"circular\"}",
                  (struct shape){3, {15, 16, 3}}, (struct shape){3, {8, 6, 3}});
}

/* By planes, by pixels, by Winograd's algorithm, groups of one channel by rows and by bands. */
static void passes(void **state) {
    (void)state;
    static const int sizes[][3] = {{1, 1, 1}, {3, 12, 1}, {20, 3, 1}, {16, 32, 1}, {6, 9, 3}, {6, 6, 6}, {40, 80, 40}};
    static const int steps[][6] = {/* kernel, stride, dilation */
                                   {3, 3, 1, 1, 1, 1}, {2, 5, 1, 1, 1, 1}, {4, 3, 2, 3, 1, 1},
                                   {1, 3, 2, 1, 1, 1}, {3, 2, 1, 1, 2, 3}, {1, 1, 2, 2, 1, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            const int *s = steps[k], *c = sizes[i];
            assert_convolution(
                &(struct convolution){9, 8, c[0], c[1], c[2], {s[0], s[1]}, {s[2], s[3]}, {s[4], s[5]}, "circular"},
                "auto");
        }
    assert_convolution(&(struct convolution){2, 3, 2, 3, 1, {5, 4}, {1, 1}, {1, 1}, "circular"},
                       "auto"); /* all the way round */
    assert_convolution(&(struct convolution){1, 40, 8, 8, 1, {1, 3}, {1, 1}, {1, 1}, "circular"}, "auto");
}

static void refusals(void **state) {
    (void)state;
    assert_refused(
        "{\"type\":\"Conv2D\",\"filters\":1,\"kernel_size\":[5,8],\"padding\":\"circular\"}",
        (struct shape){3, {2, 3, 1}},
        "test.json: model[0].kernel_size: (5,8) with dilation_rate (1,1) and circular padding goes more than "
        "once round the input (2,3,1); use a smaller one or \"padding\": \"same\"");
    assert_refused(
        "{\"type\":\"DepthwiseConv2D\",\"kernel_size\":2,\"dilation_rate\":2147483647,\"padding\":\"circular\"}",
        square,
        "test.json: model[0].kernel_size: (2,2) with dilation_rate (2147483647,2147483647) and circular "
        "padding goes more than once round the input (3,3,1); use a smaller one or \"padding\": \"same\"");
    assert_refused("{\"type\":\"MaxPooling2D\",\"padding\":\"circular\"}", square,
                   "test.json: model[0].padding: must be one of valid, same; got \"circular\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ones), cmocka_unit_test(where_cells_come_from),
                                       cmocka_unit_test(passes), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
