/* Data gradients by windows. */
#include "layers/col2im.h"

#include <string.h>

#include "layers/conv_passes.h"
#include "tests/support/convolution_case.h"

static struct geometry geometry_of_case(const struct convolution *c) {
    struct sliding sliding = {.padding = strcmp(c->padding, "same") == 0 ? PADDING_SAME : PADDING_VALID};
    memcpy(sliding.kernel, c->kernel, sizeof sliding.kernel);
    memcpy(sliding.stride, c->stride, sizeof sliding.stride);
    memcpy(sliding.dilation, c->dilation, sizeof sliding.dilation);
    return geometry_of(&(struct shape){3, {c->height, c->width, c->channels}}, &sliding);
}

static int form_of(const struct convolution *c, enum algorithm algorithm) {
    const struct geometry geometry = geometry_of_case(c);
    return conv_passes_of(&geometry, c->groups, c->filters, algorithm).form;
}

static void check(const struct convolution *c) {
    assert_int_equal(form_of(c, ALGORITHM_DIRECT), CONV_COL2IM_DATA);
    assert_convolution(c, "direct");
}

/* Widths of what a window sees in a row that are less than a vector, no multiple of one, and many. */
static void channels_and_filters(void **state) {
    (void)state;
    static const int sizes[][2] = {{13, 24}, {16, 50}, {20, 33}, {33, 17}, {64, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check(&(struct convolution){6, 6, sizes[i][0], sizes[i][1], 1, {4, 4}, {1, 1}, {1, 1}, "valid"});
        check(&(struct convolution){7, 9, sizes[i][0], sizes[i][1], 1, {5, 4}, {1, 1}, {1, 1}, "valid"});
        check(&(struct convolution){8, 7, sizes[i][0], sizes[i][1], 1, {7, 1}, {1, 1}, {1, 1}, "valid"});
    }
}

static void strides_and_dilation(void **state) {
    (void)state;
    check(&(struct convolution){13, 14, 17, 40, 1, {7, 6}, {2, 3}, {1, 1}, "valid"});
    check(&(struct convolution){13, 14, 17, 40, 1, {6, 7}, {3, 2}, {1, 1}, "valid"});
    check(&(struct convolution){13, 9, 14, 40, 1, {3, 3}, {1, 1}, {4, 1}, "valid"});
}

/* Rows and columns that no window sees. */
static void edges(void **state) {
    (void)state;
    check(&(struct convolution){11, 14, 16, 64, 1, {4, 4}, {4, 3}, {1, 1}, "valid"});
    check(&(struct convolution){12, 9, 18, 64, 1, {3, 5}, {4, 6}, {1, 1}, "valid"});
}

/* More rows of windows than go together. */
static void large_images(void **state) {
    (void)state;
    check(&(struct convolution){40, 44, 14, 48, 1, {11, 10}, {1, 1}, {1, 1}, "valid"});
    check(&(struct convolution){12, 60, 40, 48, 1, {5, 15}, {1, 1}, {1, 1}, "valid"});
}

/* A transposed convolution runs it forward, and adds its bias. */
static void transposed(void **state) {
    (void)state;
    struct layer_case plain, biased;
    const char *json = "{\"type\":\"Conv2DTranspose\",\"filters\":18,\"kernel_size\":5,\"algorithm\":\"direct\"}";
    layer_case_open(&plain, json, (struct shape){3, {4, 5, 40}}, 2);
    layer_case_open(&biased, json, (struct shape){3, {4, 5, 40}}, 2);
    assert_int_equal(plain.layer.form, CONV_COL2IM_DATA);
    memset(plain.run.parameters[1], 0, plain.run.sizes[1] * sizeof(float));
    for (size_t i = 0; i < biased.run.sizes[1]; i++) biased.run.parameters[1][i] = 1.0f + (float)i;
    memcpy(biased.run.parameters[0], plain.run.parameters[0], plain.run.sizes[0] * sizeof(float));
    layer_case_input(&plain, NULL);
    layer_case_input(&biased, NULL);
    layer_run_forward(&plain.run, true);
    layer_run_forward(&biased.run, true);
    for (size_t i = 0; i < 2 * plain.run.output; i++) {
        const float expected = plain.run.y[i] + biased.run.parameters[1][i % 18];
        assert_true(biased.run.y[i] - expected <= 1e-4f * (1 + expected) &&
                    expected - biased.run.y[i] <= 1e-4f * (1 + expected));
    }
    layer_case_close(&plain);
    layer_case_close(&biased);
}

/* Where a border costs the other forms little, they stay; with Winograd's algorithm forward, it is chosen alone. */
static void choice(void **state) {
    (void)state;
    const struct convolution same = {16, 16, 32, 64, 1, {3, 3}, {1, 1}, {1, 1}, "same"},
                             small = {8, 8, 32, 64, 1, {3, 3}, {1, 1}, {1, 1}, "valid"},
                             lenet = {12, 12, 20, 50, 1, {5, 5}, {1, 1}, {1, 1}, "valid"},
                             grouped = {12, 12, 20, 50, 2, {5, 5}, {1, 1}, {1, 1}, "valid"},
                             dilated = {12, 12, 20, 50, 1, {3, 3}, {1, 1}, {1, 3}, "valid"};
    assert_int_equal(form_of(&same, ALGORITHM_DIRECT), CONV_DIRECT);
    assert_int_equal(form_of(&grouped, ALGORITHM_DIRECT), CONV_DIRECT);
    assert_int_equal(form_of(&dilated, ALGORITHM_DIRECT), CONV_DIRECT);
    assert_int_equal(form_of(&small, ALGORITHM_AUTO), CONV_WINOGRAD | CONV_WINOGRAD_WEIGHTS);
    assert_int_equal(form_of(&lenet, ALGORITHM_WINOGRAD), CONV_WINOGRAD | CONV_WINOGRAD_WEIGHTS);
    assert_int_equal(form_of(&lenet, ALGORITHM_AUTO), CONV_WINOGRAD | CONV_WINOGRAD_WEIGHTS | CONV_COL2IM_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_and_filters), cmocka_unit_test(strides_and_dilation), cmocka_unit_test(edges),
        cmocka_unit_test(large_images),         cmocka_unit_test(transposed),           cmocka_unit_test(choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
