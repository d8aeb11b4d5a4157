/* Conv2DTranspose: SEMANTICS rows 9 and 20, Keras' numbers, and all three passes against the formula in double. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/rng.h"
#include "tests/support/layer_case.h"

#define TRANSPOSE "{\"type\":\"Conv2DTranspose\""

static const struct shape image = {3, {28, 28, 12}};

/* rows 9 and 20, and the rules of section 4 */
static void shapes(void **state) {
    (void)state;
    assert_output(TRANSPOSE ",\"filters\":1,\"kernel_size\":3,\"strides\":2}", image, (struct shape){3, {57, 57, 1}});
    assert_output(TRANSPOSE ",\"filters\":1,\"kernel_size\":3,\"dilation_rate\":2}", image,
                  (struct shape){3, {32, 32, 1}});
    assert_output(TRANSPOSE ",\"filters\":5,\"kernel_size\":[2,3],\"strides\":[4,2],\"padding\":\"same\"}", image,
                  (struct shape){3, {112, 56, 5}});
    assert_output(TRANSPOSE ",\"filters\":1,\"kernel_size\":2,\"strides\":3}", image, (struct shape){3, {84, 84, 1}});
    assert_output(TRANSPOSE ",\"filters\":1,\"kernel_size\":3,\"strides\":3,\"output_padding\":[1,0]}", image,
                  (struct shape){3, {85, 84, 1}});
    assert_output(TRANSPOSE
                  ",\"filters\":1,\"kernel_size\":[3,4],\"strides\":3,\"padding\":\"same\",\"output_padding\":1}",
                  image, (struct shape){3, {83, 82, 1}});
    assert_output(TRANSPOSE ",\"filters\":1,\"kernel_size\":[3,4],\"padding\":\"same\",\"dilation_rate\":2}", image,
                  (struct shape){3, {28, 28, 1}});
}

static void weights_and_cost(void **state) {
    (void)state;
    struct layer_case test;
    char text[SHAPE_TEXT_SIZE];
    layer_case_open(&test, TRANSPOSE ",\"filters\":6,\"kernel_size\":[2,3],\"strides\":2}", image, 1);
    assert_string_equal(shape_text(&test.layer.parameters[0].shape, text, sizeof text), "(2,3,6,12)");
    assert_string_equal(shape_text(&test.layer.parameters[1].shape, text, sizeof text), "(6)");
    assert_string_equal(test.layer.parameters[0].initializer.kind->name, "GlorotUniform");
    assert_true(test.layer.multiplications == 28.0 * 28 * 2 * 3 * 12 * 6);
    assert_int_equal(test.layer.reach.extent[1], 3);
    assert_int_equal(test.layer.reach.finer[0], 2);
    assert_string_equal(test.layer.note, "");
    layer_case_close(&test);
    layer_case_open(&test, TRANSPOSE ",\"filters\":6,\"kernel_size\":2,\"strides\":3}", image, 1);
    assert_string_equal(test.layer.note, "has strides (3,3) beyond its kernel (2,2): cells between get the bias alone");
    layer_case_close(&test);
}

/* [1 2;3 4] and the kernel 1 to 9, as section 4 has them */
static void assert_nine(const char *json, const float *expected, int size) {
    struct layer_case test;
    layer_case_open(&test, json, (struct shape){3, {2, 2, 1}}, 1);
    layer_case_input(&test, NULL);
    layer_case_parameter(&test, 0, NULL);
    layer_run_forward(&test.run, false);
    assert_int_equal(test.run.output, size * size);
    assert_numbers(test.run.y, expected, (size_t)(size * size), 0);
    layer_case_close(&test);
}

static void numbers(void **state) {
    (void)state;
    const float valid[] = {1, 2, 5, 4, 6, 4, 5, 14, 10, 12, 10, 14, 36, 24, 30, 12, 15, 34, 20, 24, 21, 24, 55, 32, 36};
    const float same[] = {1, 2, 5, 4, 4, 5, 14, 10, 10, 14, 36, 24, 12, 15, 34, 20};
    assert_nine(TRANSPOSE ",\"filters\":1,\"kernel_size\":3,\"strides\":2}", valid, 5);
    assert_nine(TRANSPOSE ",\"filters\":1,\"kernel_size\":3,\"strides\":2,\"padding\":\"same\"}", same, 4);
}

/* ---- the formula ---- */

enum { IMAGES = 3 };

struct transpose {
    int height, width, channels, filters;
    int kernel[2], stride[2], dilation[2];
    const char *padding, *output_padding;
};

struct sums {
    double *y, *dx, *kernel, *bias;
};

static double *zeroed(size_t count) {
    double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

/* Rows cropped off above, or columns to the left. */
static int cropped(const struct transpose *t, const struct layer *layer, int axis) {
    const int reached = (layer->input.size[axis] - 1) * t->stride[axis] + (t->kernel[axis] - 1) * t->dilation[axis] + 1;
    return reached > layer->output.size[axis] ? (reached - layer->output.size[axis]) / 2 : 0;
}

/* Pixel x through tap `tap` to pixel y. */
static void meet(const struct transpose *t, const struct layer_run *run, size_t x, int tap, size_t y,
                 struct sums *sums) {
    for (int f = 0; f < t->filters; f++)
        for (int c = 0; c < t->channels; c++) {
            const size_t from = x * (size_t)t->channels + (size_t)c, to = y * (size_t)t->filters + (size_t)f;
            const size_t weight = (size_t)((tap * t->filters + f) * t->channels + c);
            sums->y[to] += (double)run->x[from] * (double)run->parameters[0][weight];
            sums->dx[from] += (double)run->dy[to] * (double)run->parameters[0][weight];
            sums->kernel[weight] += (double)run->x[from] * (double)run->dy[to];
        }
}

static void spread(const struct transpose *t, const struct layer *layer, const struct layer_run *run, int n, int r,
                   int p, struct sums *sums) {
    const int *output = layer->output.size;
    for (int tap = 0; tap < t->kernel[0] * t->kernel[1]; tap++) {
        const int row = r * t->stride[0] + tap / t->kernel[1] * t->dilation[0] - cropped(t, layer, 0);
        const int column = p * t->stride[1] + tap % t->kernel[1] * t->dilation[1] - cropped(t, layer, 1);
        if (row < 0 || row >= output[0] || column < 0 || column >= output[1]) continue;
        meet(t, run, (size_t)((n * t->height + r) * t->width + p), tap,
             (size_t)((n * output[0] + row) * output[1] + column), sums);
    }
}

static void expect(const struct transpose *t, const struct layer *layer, const struct layer_run *run,
                   struct sums *sums) {
    for (size_t i = 0; i < IMAGES * run->output; i++) {
        const size_t f = i % (size_t)t->filters;
        sums->y[i] = (double)run->parameters[1][f];
        sums->bias[f] += (double)run->dy[i];
    }
    for (int i = 0; i < IMAGES * t->height * t->width; i++)
        spread(t, layer, run, i / (t->height * t->width), i / t->width % t->height, i % t->width, sums);
}

static void assert_within(const float *found, const double *expected, size_t count, const char *what) {
    double largest = 1e-3;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)found[i] - expected[i]) <= 1e-5 * largest))
            fail_msg("%s: number %zu is %g, expected %g", what, i, (double)found[i], expected[i]);
}

static void fill(float *values, size_t count, struct rng *rng) {
    for (size_t i = 0; i < count; i++) values[i] = 2 * rng_uniform(rng) - 1;
}

static void open_case(struct layer_case *test, const struct transpose *t) {
    char json[300];
    snprintf(json, sizeof json,
             TRANSPOSE ",\"filters\":%d,\"kernel_size\":[%d,%d],\"strides\":[%d,%d],\"dilation_rate\":[%d,%d],"
                       "\"padding\":\"%s\",\"output_padding\":%s}",
             t->filters, t->kernel[0], t->kernel[1], t->stride[0], t->stride[1], t->dilation[0], t->dilation[1],
             t->padding, t->output_padding);
    layer_case_open(test, json, (struct shape){3, {t->height, t->width, t->channels}}, IMAGES);
    struct rng rng = rng_stream(7, RNG_CHECK, (uint64_t)t->width, (uint64_t)t->channels, (uint64_t)t->filters);
    fill(test->run.x, IMAGES * test->run.input, &rng);
    fill(test->run.dy, IMAGES * test->run.output, &rng);
    for (int i = 0; i < 2; i++) fill(test->run.parameters[i], test->run.sizes[i], &rng);
}

/* With every table; at inference as in training. */
static void check(const struct transpose *t) {
    struct layer_case test;
    open_case(&test, t);
    struct layer_run *run = &test.run;
    struct sums sums = {zeroed(IMAGES * run->output), zeroed(IMAGES * run->input), zeroed(run->sizes[0]),
                        zeroed(run->sizes[1])};
    expect(t, &test.layer, run, &sums);
    for (int i = 0; kernels_at(i); i++) {
        run->kernels = kernels_at(i);
        layer_run_forward(run, false);
        assert_within(run->y, sums.y, IMAGES * run->output, "y at inference");
        layer_run_forward(run, true);
        layer_run_backward(run);
        assert_within(run->y, sums.y, IMAGES * run->output, "y");
        assert_within(run->dx, sums.dx, IMAGES * run->input, "dx");
        assert_within(run->gradients[0], sums.kernel, run->sizes[0], "kernel");
        assert_within(run->gradients[1], sums.bias, run->sizes[1], "bias");
    }
    free(sums.y);
    free(sums.dx);
    free(sums.kernel);
    free(sums.bias);
    layer_case_close(&test);
}

/* Few and many channels on either side: by planes, by pixels, and (3x3, stride 1) by Winograd's algorithm. */
static void passes(void **state) {
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 12}, {17, 3}, {9, 20}, {33, 50}};
    static const int steps[][6] = {/* kernel, stride, dilation */
                                   {3, 3, 1, 1, 1, 1}, {3, 3, 2, 2, 1, 1}, {2, 4, 2, 2, 1, 1}, {5, 4, 3, 2, 1, 1},
                                   {2, 1, 3, 3, 1, 1}, {1, 7, 3, 1, 1, 1}, {3, 2, 1, 1, 2, 3}, {1, 1, 1, 1, 1, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            const int *s = steps[k];
            struct transpose t = {7,       6,     sizes[i][0], sizes[i][1], {s[0], s[1]}, {s[2], s[3]}, {s[4], s[5]},
                                  "valid", "null"};
            check(&t);
            t.padding = "same";
            check(&t);
            if (s[2] == 1) continue;
            t.output_padding = s[3] > 1 ? "1" : "[2,0]";
            check(&t);
        }
}

static void refusals(void **state) {
    (void)state;
    assert_refused(TRANSPOSE ",\"filters\":1,\"kernel_size\":3,\"strides\":2,\"dilation_rate\":[1,2]}", image,
                   "test.json: model[0].dilation_rate: dilation_rate (1,2) cannot go together with strides (2,2); set "
                   "one of them to 1");
    assert_refused(TRANSPOSE ",\"filters\":1,\"kernel_size\":3,\"strides\":[3,2],\"output_padding\":2}", image,
                   "test.json: model[0].output_padding: must be less than strides (3,2), got 2");
    assert_refused(TRANSPOSE ",\"filters\":1,\"kernel_size\":3,\"strides\":2,\"output_padding\":[0,1,1]}", image,
                   "test.json: model[0].output_padding: must be null, an integer or [height, width]; got 3 numbers");
    assert_refused(TRANSPOSE ",\"filters\":1,\"kernel_size\":2,\"padding\":\"same\",\"output_padding\":0}",
                   (struct shape){3, {1, 4, 1}},
                   "test.json: model[0].output_padding: leaves nothing of the output with this kernel_size; make it "
                   "larger");
    assert_refused(TRANSPOSE ",\"filters\":1,\"kernel_size\":2,\"strides\":1000000000}", image,
                   "test.json: model[0].kernel_size: (2,2) with strides (1000000000,1000000000) makes the image larger "
                   "than 2147483647 numbers; use smaller ones");
    assert_refused(TRANSPOSE ",\"filters\":1,\"kernel_size\":[1500000000,1]}", (struct shape){3, {1, 1, 1}},
                   "test.json: model[0].kernel_size: (1500000000,1) needs a zero border that makes the gradient larger "
                   "than 2147483647 numbers; use a smaller one");
    assert_refused(TRANSPOSE ",\"filters\":1,\"kernel_size\":2,\"padding\":\"circular\"}", image,
                   "test.json: model[0].padding: must be one of valid, same; got \"circular\"");
    assert_refused(
        TRANSPOSE ",\"filters\":1,\"kernel_size\":2}", (struct shape){1, {8}},
        "test.json: model[0]: Conv2DTranspose needs an image (height,width,channels), got (8); put it before "
        "Flatten, or add Reshape");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes), cmocka_unit_test(weights_and_cost), cmocka_unit_test(numbers),
        cmocka_unit_test(passes), cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
