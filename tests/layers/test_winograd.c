/* Conv2D by Winograd's algorithm against the convolution as its formula reads, in double. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "layers/conv_passes.h"
#include "tests/support/layer_case.h"

struct convolution {
    int images, height, width, channels, filters;
    bool same;
    int kernel[2], dilation[2]; /* where 0: 3 and 1 */
    int groups;                 /* 0: 1 */
    int strides[2];             /* 0: 1 */
};

static int groups_of(const struct convolution *c) {
    return c->groups ? c->groups : 1;
}

static int kernel_of(const struct convolution *c, int axis) {
    return c->kernel[axis] ? c->kernel[axis] : 3;
}

static int dilation_of(const struct convolution *c, int axis) {
    return c->dilation[axis] ? c->dilation[axis] : 1;
}

static int taps_of(const struct convolution *c) {
    return kernel_of(c, 0) * kernel_of(c, 1);
}

static int stride_of(const struct convolution *c, int axis) {
    return c->strides[axis] ? c->strides[axis] : 1;
}

static int size_of(const struct convolution *c, int axis) {
    return axis == 0 ? c->height : c->width;
}

/* Pixels from the first tap to the last. */
static int reach_of(const struct convolution *c, int axis) {
    return (kernel_of(c, axis) - 1) * dilation_of(c, axis);
}

static int output_of(const struct convolution *c, int axis) {
    const int room = c->same ? size_of(c, axis) : size_of(c, axis) - reach_of(c, axis);
    return (room + stride_of(c, axis) - 1) / stride_of(c, axis);
}

/* As Keras has it: what is odd stands at the end. */
static int border_of(const struct convolution *c, int axis) {
    const int border = (output_of(c, axis) - 1) * stride_of(c, axis) + reach_of(c, axis) + 1 - size_of(c, axis);
    return c->same && border > 0 ? border / 2 : 0;
}

static int high(const struct convolution *c) {
    return output_of(c, 0);
}

static int wide(const struct convolution *c) {
    return output_of(c, 1);
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
                                .gradient_count = (size_t)(taps_of(c) * c->channels / groups_of(c) * c->filters)};
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
    const int channels = c->channels / groups_of(c), filters = c->filters / groups_of(c);
    for (int i = 0; i < channels; i++)
        for (int j = 0; j < c->filters; j++) {
            const size_t to = y * (size_t)c->filters + (size_t)j;
            const size_t from = x * (size_t)c->channels + (size_t)(j / filters * channels + i);
            const size_t weight = (size_t)((tap * channels + i) * c->filters + j);
            expected->y[to] += (double)run->x[from] * (double)run->parameters[0][weight];
            expected->dx[from] += (double)dy[to] * (double)run->parameters[0][weight];
            expected->gradient[weight] += (double)run->x[from] * (double)dy[to];
        }
}

static void expect_pixel(const struct convolution *c, const struct layer_run *run, int image, int r, int p,
                         struct expected *expected) {
    const size_t y = (size_t)((image * high(c) + r) * wide(c) + p);
    for (int tap = 0; tap < taps_of(c); tap++) {
        const int across = kernel_of(c, 1);
        const int row = r * stride_of(c, 0) + tap / across * dilation_of(c, 0) - border_of(c, 0);
        const int column = p * stride_of(c, 1) + tap % across * dilation_of(c, 1) - border_of(c, 1);
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

static void open_as(struct layer_case *test, const struct convolution *c, const char *algorithm) {
    char json[240];
    snprintf(json, sizeof json,
             "{\"type\":\"Conv2D\",\"filters\":%d,\"kernel_size\":[%d,%d],\"dilation_rate\":[%d,%d],\"padding\":\"%s\","
             "\"strides\":[%d,%d],\"groups\":%d,\"algorithm\":\"%s\"}",
             c->filters, kernel_of(c, 0), kernel_of(c, 1), dilation_of(c, 0), dilation_of(c, 1),
             c->same ? "same" : "valid", stride_of(c, 0), stride_of(c, 1), groups_of(c), algorithm);
    layer_case_open(test, json, (struct shape){3, {c->height, c->width, c->channels}}, c->images);
    struct rng rng = rng_stream(17, RNG_CHECK, (uint64_t)c->width, (uint64_t)c->channels, 0);
    struct layer_run *run = &test->run;
    for (size_t i = 0; i < (size_t)c->images * run->input; i++) run->x[i] = 2 * rng_uniform(&rng) - 1;
    for (size_t i = 0; i < (size_t)c->images * run->output; i++) run->dy[i] = 2 * rng_uniform(&rng) - 1;
    for (size_t i = 0; i < run->sizes[0]; i++) run->parameters[0][i] = 2 * rng_uniform(&rng) - 1;
}

static void open_case(struct layer_case *test, const struct convolution *c) {
    open_as(test, c, "winograd");
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
        snprintf(what, sizeof what, "%s %dx%d/%d,%d by %d,%d %d x (%d,%d,%d) to %d %s, groups %d", run->kernels->name,
                 kernel_of(c, 0), kernel_of(c, 1), dilation_of(c, 0), dilation_of(c, 1), stride_of(c, 0),
                 stride_of(c, 1), c->images, c->height, c->width, c->channels, c->filters, c->same ? "same" : "valid",
                 groups_of(c));
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

static void check_as(struct convolution c, const char *algorithm) {
    struct layer_case test;
    open_as(&test, &c, algorithm);
    struct expected expected = expected_of(&c);
    for (int image = 0; image < c.images; image++)
        for (int r = 0; r < high(&c); r++)
            for (int p = 0; p < wide(&c); p++) expect_pixel(&c, &test.run, image, r, p, &expected);
    check_tables(&c, &test.run, &expected);
    expected_free(&expected);
    layer_case_close(&test);
}

static void check(struct convolution c) {
    check_as(c, "winograd");
}

static void sizes_of_images(void **state) {
    (void)state;
    static const int sizes[][2] = {{1, 1}, {2, 3}, {4, 4}, {5, 5}, {7, 9}, {8, 8}, {6, 17}, {13, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int height = sizes[i][0], width = sizes[i][1];
        check((struct convolution){3, height, width, 5, 6, .same = true});
        if (height > 2 && width > 2) check((struct convolution){2, height, width, 6, 5, .same = false});
    }
    check((struct convolution){1, 3, 3, 4, 4, .same = false});
}

/* Larger kernels, cut into blocks, and smaller ones, which fill none. */
static void sizes_of_kernels(void **state) {
    (void)state;
    static const int kernels[][2] = {{1, 1}, {2, 2}, {1, 3}, {4, 2}, {5, 5}, {3, 7}, {6, 1}, {11, 9}};
    static const int channels[] = {3, 16, 17};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        for (size_t k = 0; k < sizeof channels / sizeof *channels; k++) {
            const int high = kernels[i][0], wide = kernels[i][1];
            check((struct convolution){2, 7, 6, channels[k], 5, true, {high, wide}, {0}, 0, {0}});
            check((struct convolution){2, high + 4, wide + 5, 6, channels[k], false, {high, wide}, {0}, 0, {0}});
        }
}

/* Each phase of a dilation has tiles of its own, of which the last ones may have no pixel. */
static void dilations(void **state) {
    (void)state;
    static const int dilations[][2] = {{2, 2}, {1, 3}, {4, 1}, {5, 7}};
    for (size_t i = 0; i < sizeof dilations / sizeof *dilations; i++) {
        const int down = dilations[i][0], across = dilations[i][1];
        check((struct convolution){2, 9, 10, 7, 6, true, {0}, {down, across}, 0, {0}});
        check((struct convolution){2, 2, 3, 7, 6, true, {0}, {down, across}, 0, {0}});
        check((struct convolution){1, 2 * down + 6, 2 * across + 1, 17, 3, false, {0}, {down, across}, 0, {0}});
        check((struct convolution){1, 11, 12, 5, 8, true, {5, 4}, {down, across}, 0, {0}});
    }
}

/* Pixels as far apart as the strides form images of their own, forward the inputs and backward the outputs; the border
 * and the size of the image decide where they begin and end. */
static void check_strides(const int *kernel, const int *strides, int channels, int filters) {
    for (int size = 1; size < 22; size += size < 7 ? 1 : 3)
        for (int same = 0; same < 2; same++) {
            struct convolution c = {2, size, 23 - size, channels, filters, .same = same, .groups = 1};
            for (int axis = 0; axis < 2; axis++) {
                c.kernel[axis] = kernel[axis];
                c.strides[axis] = strides[axis];
            }
            if (same || (kernel[0] <= c.height && kernel[1] <= c.width)) check(c);
        }
}

static void strides(void **state) {
    (void)state;
    static const int steps[][4] = {{3, 3, 2, 2}, {5, 5, 2, 2}, {7, 7, 2, 2}, {4, 4, 2, 2},  {6, 6, 2, 2},
                                   {2, 2, 2, 2}, {3, 3, 3, 3}, {5, 5, 3, 3}, {3, 5, 1, 2},  {4, 3, 3, 1},
                                   {8, 2, 4, 1}, {9, 7, 4, 3}, {1, 5, 1, 4}, {11, 11, 4, 4}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) check_strides(steps[i], steps[i] + 2, 5, 7);
    check_strides((const int[]){3, 3}, (const int[]){2, 2}, 17, 33);
    check_strides((const int[]){5, 5}, (const int[]){2, 2}, 33, 18);
    for (int kernel = 3; kernel < 8; kernel++) {
        check((struct convolution){3, 12, 13, 36, 24, true, {kernel, kernel}, {0}, 2, {2, 2}});
        check((struct convolution){5, 16, 16, 9, 40, true, {kernel, kernel}, {0}, 0, {2, 2}});
        check((struct convolution){1, 16, 16, 64, 40, true, {kernel, kernel}, {0}, 0, {2, 2}});
        check((struct convolution){2, 7, 8, 130, 20, true, {kernel, kernel}, {0}, 0, {2, 2}});
    }
}

static void numbers_of_channels(void **state) {
    (void)state;
    static const int channels[] = {1, 3, 7, 8, 16, 17, 31, 33, 64, 130};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        check((struct convolution){2, 5, 6, channels[i], 9, .same = true});
        check((struct convolution){2, 6, 5, 9, channels[i], .same = false});
    }
    check((struct convolution){1, 4, 4, 130, 130, .same = true});
}

/* Each group has its own channels of every pixel, and its own part of the kernel and of its gradient. */
static void groups(void **state) {
    (void)state;
    static const int sizes[][3] = {{4, 6, 2}, {16, 32, 2}, {34, 66, 2}, {24, 12, 4}, {51, 99, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int channels = sizes[i][0], filters = sizes[i][1], count = sizes[i][2];
        check((struct convolution){3, 6, 7, channels, filters, .same = true, .groups = count});
        check((struct convolution){2, 9, 8, channels, filters, false, {5, 4}, {2, 1}, count, {0}});
    }
    check((struct convolution){4, 4, 4, 144, 140, .same = true, .groups = 2});
}

/* More tiles than one bunch of them. */
static void many_tiles(void **state) {
    (void)state;
    check((struct convolution){9, 8, 9, 40, 20, .same = true});
    check((struct convolution){1, 41, 38, 4, 3, .same = true});
}

/* Long sums are taken in parts, or they would round too much. */
static void many_channels(void **state) {
    (void)state;
    check((struct convolution){2, 8, 8, 128, 16, .same = true});
    check((struct convolution){2, 8, 8, 300, 16, .same = true});
    check((struct convolution){1, 8, 8, 512, 17, .same = true});
    check((struct convolution){1, 8, 8, 256, 9, true, {5, 5}, {0}, 0, {0}});
}

/* Layers of many weights take their gradient over the whole batch, in parts. */
static void many_weights(void **state) {
    (void)state;
    check((struct convolution){5, 4, 4, 96, 70, .same = true});
    check((struct convolution){2, 3, 4, 40, 130, .same = true});
    check((struct convolution){3, 5, 5, 64, 64, true, {5, 5}, {0}, 0, {0}});
}

/* Images of 2x2 pixels and of one, whose border takes part in nothing, and 1x1 kernels. */
static void whole_images(void **state) {
    (void)state;
    static const int kernels[][2] = {{3, 3}, {5, 5}, {3, 4}, {6, 3}, {7, 5}, {2, 2}, {1, 3}, {1, 1}};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        for (int size = 1; size <= 2; size++)
            for (int channels = 5; channels < 200; channels += 40) {
                const int high = kernels[i][0], wide = kernels[i][1];
                check((struct convolution){5, size, size, channels, 23, true, {high, wide}, {0}, 0, {0}});
                check((struct convolution){2, size, 2, 12, 18, true, {high, wide}, {0}, 2, {0}});
            }
    check((struct convolution){3, 2, 2, 9, 10, true, {3, 3}, {2, 2}, 0, {0}});
    check((struct convolution){3, 3, 4, 9, 40, true, {1, 1}, {0}, 0, {0}});
}

/* Layers that go by batch: kernels in whole panels and not, in several parts of a sum, in blocks, with strides. */
static void by_batch(void **state) {
    (void)state;
    check((struct convolution){5, 4, 4, 100, 98, .same = true});
    check((struct convolution){3, 3, 3, 300, 40, .same = true});
    check((struct convolution){9, 2, 2, 131, 70, .same = true});
    check((struct convolution){6, 1, 1, 96, 129, .same = true});
    check((struct convolution){6, 1, 2, 96, 129, true, {1, 1}, {0}, 0, {0}});
    check((struct convolution){3, 7, 8, 192, 180, .same = true});
    check((struct convolution){2, 4, 4, 40, 260, true, {5, 5}, {0}, 0, {0}});
    check((struct convolution){2, 6, 6, 90, 100, .same = false});
    check((struct convolution){3, 7, 7, 90, 100, true, {0}, {0}, 0, {2, 2}});
    check((struct convolution){3, 7, 7, 90, 100, true, {0}, {2, 2}, 0, {0}});
}

/* The same term by term, of few outputs. */
static void windows_by_batch(void **state) {
    (void)state;
    check_as((struct convolution){5, 4, 4, 100, 300, true, {3, 3}, {0}, 0, {2, 2}}, "direct");
    check_as((struct convolution){3, 2, 2, 65, 451, true, {3, 3}, {0}, 0, {0}}, "direct");
    check_as((struct convolution){67, 3, 4, 133, 167, false, {3, 4}, {0}, 0, {0}}, "direct");
    check_as((struct convolution){3, 6, 5, 150, 200, false, {3, 3}, {2, 2}, 0, {0}}, "direct");
    check_as((struct convolution){3, 5, 7, 31, 430, true, {4, 5}, {0}, 0, {4, 5}}, "direct");
    check_as((struct convolution){4, 1, 4, 513, 512, true, {1, 1}, {0}, 0, {0}}, "direct");
}

enum { BATCH = 13 };

static void run_rounds(struct layer_case *test, bool backward, int parts) {
    struct layer_run *run = &test->run;
    float *common = malloc(BATCH * test->layer.common_bytes + 1);
    assert_non_null(common);
    const struct pass pass = {.kernels = run->kernels,
                              .images = BATCH,
                              .x = run->x,
                              .y = run->before,
                              .dy = run->dy,
                              .dx = run->dx,
                              .parameters = run->parameters,
                              .scratch = run->scratch,
                              .common = common};
    for (int round = 0; round < LAYER_ROUNDS; round++)
        for (int part = parts - 1; part >= 0; part--)
            (backward ? test->layer.kind->batch_backward : test->layer.kind->batch_forward)(&test->layer, &pass, round,
                                                                                            part, parts);
    free(common);
}

/* In any number of parts, in any order, and as the layer does by itself. */
static void check_rounds(const struct convolution *c, const char *algorithm) {
    struct layer_case test;
    open_as(&test, c, algorithm);
    struct layer_run *run = &test.run;
    run->kernels = kernels_select(NULL);
    assert_true(test.layer.batch_images >= BATCH);
    assert_int_equal(test.layer.packed_floats, 0);
    layer_run_forward(run, true);
    layer_run_backward(run);
    const size_t outputs = BATCH * run->output, inputs = BATCH * run->input;
    float *dx = malloc(inputs * sizeof *dx);
    assert_non_null(dx);
    memcpy(dx, run->dx, inputs * sizeof *dx);
    for (int parts = 1; parts < 70; parts *= 4) {
        memset(run->before, 0xFF, outputs * sizeof *run->before);
        memset(run->dx, 0xFF, inputs * sizeof *run->dx);
        run_rounds(&test, false, parts);
        run_rounds(&test, true, parts);
        assert_memory_equal(run->before, run->y, outputs * sizeof *run->y);
        assert_memory_equal(run->dx, dx, inputs * sizeof *dx);
    }
    free(dx);
    layer_case_close(&test);
}

static void rounds(void **state) {
    (void)state;
    check_rounds(&(struct convolution){BATCH, 4, 4, 132, 100, .same = true}, "winograd");
    check_rounds(&(struct convolution){BATCH, 2, 2, 132, 100, .same = true}, "winograd");
    check_rounds(&(struct convolution){BATCH, 1, 1, 132, 100, .same = true}, "winograd");
    check_rounds(&(struct convolution){BATCH, 4, 4, 100, 300, true, {3, 3}, {0}, 0, {2, 2}}, "direct");
    check_rounds(&(struct convolution){BATCH, 4, 3, 96, 97, true, {5, 3}, {0}, 0, {0}}, "winograd");
}

/* The same image gives the same bits whatever images stand beside it. */
static void images_do_not_meet(void **state) {
    (void)state;
    struct layer_case many, one;
    open_case(&many, &(struct convolution){21, 7, 9, 18, 20, .same = true});
    open_case(&one, &(struct convolution){1, 7, 9, 18, 20, .same = true});
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
    if (((test.layer.form & CONV_WINOGRAD) != 0) != winograd) fail_msg("%s: form %d", fields, test.layer.form);
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
    assert_algorithm("\"filters\":64,\"kernel_size\":5", input, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":[3,7],\"padding\":\"same\"", input, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"dilation_rate\":2", input, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":[1,3]", input, false);
    assert_algorithm("\"filters\":64,\"kernel_size\":2", input, true);
    assert_algorithm("\"filters\":16,\"kernel_size\":4,\"padding\":\"same\"", input, true);
    assert_algorithm("\"filters\":8,\"kernel_size\":4,\"padding\":\"same\"", input, false);
    assert_algorithm("\"filters\":64,\"kernel_size\":5,\"strides\":2,\"padding\":\"same\"", input, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":[4,5],\"strides\":[1,2],\"padding\":\"same\"", input, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"strides\":2,\"padding\":\"same\"", input, false);
    assert_algorithm("\"filters\":32,\"kernel_size\":3,\"strides\":2,\"padding\":\"same\"",
                     (struct shape){3, {32, 32, 64}}, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":2,\"strides\":2", input, false);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"strides\":4", input, false);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"groups\":2", input, true);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"groups\":8", input, false);
    assert_algorithm("\"filters\":64,\"kernel_size\":3,\"padding\":\"same\"", (struct shape){3, {1, 1, 64}}, true);
}

static void refusals(void **state) {
    (void)state;
    const struct shape input = {3, {16, 16, 32}};
    assert_refused(
        "{\"type\":\"Conv2D\",\"filters\":64,\"kernel_size\":[3,1],\"strides\":2,\"algorithm\":\"winograd\"}", input,
        "test.json: model[0].algorithm: winograd needs strides of at most 8 and no larger than kernel_size; use "
        "\"auto\" or "
        "\"direct\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_images), cmocka_unit_test(sizes_of_kernels),
        cmocka_unit_test(dilations),       cmocka_unit_test(numbers_of_channels),
        cmocka_unit_test(many_tiles),      cmocka_unit_test(many_channels),
        cmocka_unit_test(many_weights),    cmocka_unit_test(whole_images),
        cmocka_unit_test(by_batch),        cmocka_unit_test(windows_by_batch),
        cmocka_unit_test(rounds),          cmocka_unit_test(images_do_not_meet),
        cmocka_unit_test(choice),          cmocka_unit_test(refusals),
        cmocka_unit_test(groups),          cmocka_unit_test(strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
