/* "padding": "circular" of the convolutions: SEMANTICS row 34, and all three passes against the formula in double. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "tests/support/layer_case.h"

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

/* ---- the formula ---- */

enum { IMAGES = 2 };

struct convolution {
    int height, width, channels, filters, groups;
    int kernel[2], stride[2], dilation[2];
};

struct sums {
    double *y, *dx, *kernel;
};

static double *zeroed(size_t count) {
    double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

static int around(int cell, int size) {
    return ((cell % size) + size) % size;
}

static void meet(const struct convolution *c, const struct layer_run *run, size_t y, size_t pixel, int tap,
                 struct sums *sums) {
    const int each = c->channels / c->groups, filters = c->filters / c->groups;
    for (int f = 0; f < c->filters; f++)
        for (int k = 0; k < each; k++) {
            const size_t x = pixel * (size_t)c->channels + (size_t)(f / filters * each + k);
            const size_t to = y * (size_t)c->filters + (size_t)f;
            const size_t weight = (size_t)((tap * each + k) * c->filters + f);
            sums->y[to] += (double)run->x[x] * (double)run->parameters[0][weight];
            sums->dx[x] += (double)run->dy[to] * (double)run->parameters[0][weight];
            sums->kernel[weight] += (double)run->x[x] * (double)run->dy[to];
        }
}

static void expect_position(const struct convolution *c, const struct layer *layer, const struct layer_run *run, int n,
                            int r, int p, struct sums *sums) {
    for (int tap = 0; tap < c->kernel[0] * c->kernel[1]; tap++) {
        const int above = (c->kernel[0] - 1) * c->dilation[0] / 2, left = (c->kernel[1] - 1) * c->dilation[1] / 2;
        const int row = around(r * c->stride[0] + tap / c->kernel[1] * c->dilation[0] - above, c->height);
        const int column = around(p * c->stride[1] + tap % c->kernel[1] * c->dilation[1] - left, c->width);
        meet(c, run, (size_t)((n * layer->output.size[0] + r) * layer->output.size[1] + p),
             (size_t)((n * c->height + row) * c->width + column), tap, sums);
    }
}

static void assert_within(const float *found, const double *expected, size_t count, const char *what) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)found[i] - expected[i]) <= 1e-5 * largest))
            fail_msg("%s: number %zu is %g, expected %g", what, i, (double)found[i], expected[i]);
}

static void fill(float *values, size_t count, struct rng *rng) {
    for (size_t i = 0; i < count; i++) values[i] = 2 * rng_uniform(rng) - 1;
}

static void open_case(struct layer_case *test, const struct convolution *c) {
    char json[300];
    snprintf(json, sizeof json,
             "{\"type\":\"Conv2D\",\"filters\":%d,\"groups\":%d,\"kernel_size\":[%d,%d],\"strides\":[%d,%d],"
             "\"dilation_rate\":[%d,%d],\"padding\":\"circular\",\"use_bias\":false}",
             c->filters, c->groups, c->kernel[0], c->kernel[1], c->stride[0], c->stride[1], c->dilation[0],
             c->dilation[1]);
    layer_case_open(test, json, (struct shape){3, {c->height, c->width, c->channels}}, IMAGES);
    struct rng rng = rng_stream(3, RNG_CHECK, (uint64_t)c->width, (uint64_t)c->channels, (uint64_t)c->filters);
    fill(test->run.x, IMAGES * test->run.input, &rng);
    fill(test->run.dy, IMAGES * test->run.output, &rng);
    fill(test->run.parameters[0], test->run.sizes[0], &rng);
}

static void check(const struct convolution *c) {
    struct layer_case test;
    open_case(&test, c);
    struct layer_run *run = &test.run;
    struct sums sums = {zeroed(IMAGES * run->output), zeroed(IMAGES * run->input), zeroed(run->sizes[0])};
    for (int n = 0; n < IMAGES; n++)
        for (int r = 0; r < test.layer.output.size[0]; r++)
            for (int p = 0; p < test.layer.output.size[1]; p++) expect_position(c, &test.layer, run, n, r, p, &sums);
    for (int i = 0; kernels_at(i); i++) {
        run->kernels = kernels_at(i);
        layer_run_forward(run, true);
        layer_run_backward(run);
        assert_within(run->y, sums.y, IMAGES * run->output, "y");
        assert_within(run->dx, sums.dx, IMAGES * run->input, "dx");
        assert_within(run->gradients[0], sums.kernel, run->sizes[0], "kernel");
    }
    free(sums.y);
    free(sums.dx);
    free(sums.kernel);
    layer_case_close(&test);
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
            check(&(struct convolution){9, 8, c[0], c[1], c[2], {s[0], s[1]}, {s[2], s[3]}, {s[4], s[5]}});
        }
    check(&(struct convolution){2, 3, 2, 3, 1, {5, 4}, {1, 1}, {1, 1}}); /* all the way round */
    check(&(struct convolution){1, 40, 8, 8, 1, {1, 3}, {1, 1}, {1, 1}});
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
