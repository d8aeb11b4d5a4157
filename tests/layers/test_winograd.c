/* Conv2D by Winograd's algorithm against the convolution as its formula reads, in double. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "tests/support/layer_case.h"

struct convolution {
    int images, height, width, channels, filters;
    bool same;
};

static int border_of(const struct convolution *c) {
    return c->same ? 1 : 0;
}

static int high(const struct convolution *c) {
    return c->height - 2 + 2 * border_of(c);
}

static int wide(const struct convolution *c) {
    return c->width - 2 + 2 * border_of(c);
}

static double *zeroed(size_t count) {
    double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

/* What the layer should find: y without bias, dx and the gradient of the kernel. */
struct expected {
    double *y, *dx, *gradient;
    size_t y_count, dx_count, gradient_count;
};

static struct expected expected_of(const struct convolution *c) {
    struct expected expected = {.y_count = (size_t)(c->images * high(c) * wide(c) * c->filters),
                                .dx_count = (size_t)(c->images * c->height * c->width * c->channels),
                                .gradient_count = (size_t)(9 * c->channels * c->filters)};
    expected.y = zeroed(expected.y_count);
    expected.dx = zeroed(expected.dx_count);
    expected.gradient = zeroed(expected.gradient_count);
    return expected;
}

static void expected_free(struct expected *expected) {
    free(expected->y);
    free(expected->dx);
    free(expected->gradient);
}

/* All that output pixel `y` and input pixel `x` have to do with each other under tap `tap`. */
static void meet(const struct convolution *c, const struct layer_run *run, const float *dy, size_t y, size_t x, int tap,
                 struct expected *expected) {
    for (int i = 0; i < c->channels; i++)
        for (int j = 0; j < c->filters; j++) {
            const size_t to = y * (size_t)c->filters + (size_t)j, from = x * (size_t)c->channels + (size_t)i;
            const size_t weight = (size_t)((tap * c->channels + i) * c->filters + j);
            expected->y[to] += (double)run->x[from] * (double)run->parameters[0][weight];
            expected->dx[from] += (double)dy[to] * (double)run->parameters[0][weight];
            expected->gradient[weight] += (double)run->x[from] * (double)dy[to];
        }
}

static void expect_pixel(const struct convolution *c, const struct layer_run *run, int image, int r, int p,
                         struct expected *expected) {
    const size_t y = (size_t)((image * high(c) + r) * wide(c) + p);
    for (int tap = 0; tap < 9; tap++) {
        const int row = r + tap / 3 - border_of(c), column = p + tap % 3 - border_of(c);
        if (row < 0 || row >= c->height || column < 0 || column >= c->width) continue;
        meet(c, run, run->dy, y, (size_t)((image * c->height + row) * c->width + column), tap, expected);
    }
}

static void assert_within(const float *found, const double *expected, size_t count, double tolerance,
                          const char *what) {
    double largest = 0, error = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(expected[i]));
        const double off = fabs((double)found[i] - expected[i]);
        error = off <= error ? error : off;
        if (isnan(found[i])) fail_msg("%s: number %zu was not written", what, i);
    }
    if (!(error <= tolerance * largest)) fail_msg("%s: off by %g of the largest, %g", what, error / largest, largest);
}

static void open_case(struct layer_case *test, const struct convolution *c) {
    char json[160];
    snprintf(json, sizeof json,
             "{\"type\":\"Conv2D\",\"filters\":%d,\"kernel_size\":3,\"padding\":\"%s\",\"algorithm\":\"winograd\"}",
             c->filters, c->same ? "same" : "valid");
    layer_case_open(test, json, (struct shape){3, {c->height, c->width, c->channels}}, c->images);
    struct rng rng = rng_stream(17, RNG_CHECK, (uint64_t)c->width, (uint64_t)c->channels, 0);
    struct layer_run *run = &test->run;
    for (size_t i = 0; i < (size_t)c->images * run->input; i++) run->x[i] = 2 * rng_uniform(&rng) - 1;
    for (size_t i = 0; i < (size_t)c->images * run->output; i++) run->dy[i] = 2 * rng_uniform(&rng) - 1;
    for (size_t i = 0; i < run->sizes[0]; i++) run->parameters[0][i] = 2 * rng_uniform(&rng) - 1;
}

/* Every table of this processor; those that fuse give the same bits. */
static void check_tables(const struct convolution *c, struct layer_run *run, const struct expected *expected) {
    float *fused = NULL;
    const size_t bytes = expected->y_count * sizeof(float);
    for (int i = 0; kernels_at(i); i++) {
        char what[120];
        run->kernels = kernels_at(i);
        layer_run_forward(run, true);
        layer_run_backward(run);
        snprintf(what, sizeof what, "%s %d x (%d,%d,%d) to %d %s", run->kernels->name, c->images, c->height, c->width,
                 c->channels, c->filters, c->same ? "same" : "valid");
        assert_within(run->y, expected->y, expected->y_count, 1e-5, what);
        assert_within(run->dx, expected->dx, expected->dx_count, 1e-4, what);
        assert_within(run->gradients[0], expected->gradient, expected->gradient_count, 1e-4, what);
        if (strncmp(run->kernels->name, "avx", 3) != 0) continue;
        if (fused && memcmp(fused, run->y, bytes) != 0) fail_msg("%s: other bits", what);
        if (!fused) fused = malloc(bytes);
        assert_non_null(fused);
        memcpy(fused, run->y, bytes);
    }
    free(fused);
}

static void check(struct convolution c) {
    struct layer_case test;
    open_case(&test, &c);
    struct expected expected = expected_of(&c);
    for (int image = 0; image < c.images; image++)
        for (int r = 0; r < high(&c); r++)
            for (int p = 0; p < wide(&c); p++) expect_pixel(&c, &test.run, image, r, p, &expected);
    check_tables(&c, &test.run, &expected);
    expected_free(&expected);
    layer_case_close(&test);
}

static void sizes_of_images(void **state) {
    (void)state;
    static const int sizes[][2] = {{1, 1}, {2, 3}, {4, 4}, {5, 5}, {7, 9}, {8, 8}, {6, 17}, {13, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int height = sizes[i][0], width = sizes[i][1];
        check((struct convolution){3, height, width, 5, 6, true});
        if (height > 2 && width > 2) check((struct convolution){2, height, width, 6, 5, false});
    }
    check((struct convolution){1, 3, 3, 4, 4, false});
}

static void numbers_of_channels(void **state) {
    (void)state;
    static const int channels[] = {1, 3, 7, 8, 16, 17, 31, 33, 64, 130};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        check((struct convolution){2, 5, 6, channels[i], 9, true});
        check((struct convolution){2, 6, 5, 9, channels[i], false});
    }
    check((struct convolution){1, 4, 4, 130, 130, true});
}

/* More tiles than one group of them. */
static void many_tiles(void **state) {
    (void)state;
    check((struct convolution){9, 8, 9, 40, 20, true});
    check((struct convolution){1, 41, 38, 4, 3, true});
}

/* Long sums are taken in parts, or they would round too much. */
static void many_channels(void **state) {
    (void)state;
    check((struct convolution){2, 8, 8, 128, 16, true});
    check((struct convolution){2, 8, 8, 300, 16, true});
    check((struct convolution){1, 8, 8, 512, 17, true});
}

/* The same image gives the same bits whatever images stand beside it. */
static void images_do_not_meet(void **state) {
    (void)state;
    struct layer_case many, one;
    open_case(&many, &(struct convolution){21, 7, 9, 18, 20, true});
    open_case(&one, &(struct convolution){1, 7, 9, 18, 20, true});
    memcpy(one.run.parameters[0], many.run.parameters[0], one.run.sizes[0] * sizeof(float));
    many.run.kernels = one.run.kernels = kernels_select(NULL);
    layer_run_forward(&many.run, true);
    layer_run_backward(&many.run);
    for (size_t image = 0; image < 21; image++) {
        memcpy(one.run.x, many.run.x + image * one.run.input, one.run.input * sizeof(float));
        memcpy(one.run.dy, many.run.dy + image * one.run.output, one.run.output * sizeof(float));
        layer_run_forward(&one.run, true);
        layer_run_backward(&one.run);
        assert_memory_equal(one.run.y, many.run.y + image * one.run.output, one.run.output * sizeof(float));
        assert_memory_equal(one.run.dx, many.run.dx + image * one.run.input, one.run.input * sizeof(float));
    }
    layer_case_close(&many);
    layer_case_close(&one);
}

static void assert_algorithm(const char *fields, struct shape input, bool winograd) {
    char json[160];
    struct layer_case test;
    snprintf(json, sizeof json, "{\"type\":\"Conv2D\",%s}", fields);
    layer_case_open(&test, json, input, 1);
    assert_int_equal(test.layer.packed_floats > 2 * test.run.sizes[0], winograd);
    layer_case_close(&test);
}

static void choice(void **state) {
    (void)state;
    const struct shape input = {3, {16, 16, 32}};
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"padding\":\"same\"", input, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":3", input, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"algorithm\":\"direct\"", input, false);
    assert_algorithm("\"filters\":2,\"kernel_size\":3", input, false);
    assert_algorithm("\"filters\":2,\"kernel_size\":3,\"algorithm\":\"winograd\"", input, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":5", input, false);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"strides\":2", input, false);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"groups\":2", input, false);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"padding\":\"same\"", (struct shape){3, {1, 1, 64}}, false);
}

static void refusals(void **state) {
    (void)state;
    const struct shape input = {3, {16, 16, 32}};
    assert_refused("{\"type\":\"Conv2D\",\"filters\":64,\"kernel_size\":[3,5],\"algorithm\":\"winograd\"}", input,
                   "test.json: model[0].algorithm: winograd needs a kernel_size of 3; use \"auto\" or \"direct\"");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":64,\"kernel_size\":3,\"strides\":2,\"algorithm\":\"winograd\"}",
                   input, "test.json: model[0].algorithm: winograd needs strides of 1; use \"auto\" or \"direct\"");
    assert_refused(
        "{\"type\":\"Conv2D\",\"filters\":64,\"kernel_size\":3,\"dilation_rate\":2,\"algorithm\":\"winograd\"}", input,
        "test.json: model[0].algorithm: winograd needs a dilation_rate of 1; use \"auto\" or \"direct\"");
    assert_refused("{\"type\":\"Conv2D\",\"filters\":64,\"kernel_size\":3,\"groups\":2,\"algorithm\":\"winograd\"}",
                   input, "test.json: model[0].algorithm: winograd needs groups of 1; use \"auto\" or \"direct\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_images), cmocka_unit_test(numbers_of_channels), cmocka_unit_test(many_tiles),
        cmocka_unit_test(many_channels),   cmocka_unit_test(images_do_not_meet),  cmocka_unit_test(choice),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
