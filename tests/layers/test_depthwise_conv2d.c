#include "tests/support/layer_case.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A layer of random numbers, and what its definition gives in double. */
struct definition {
    const struct layer_run *run;
    int h, w, c, oh, ow, channels;
    int kernel[2], stride[2], dilation[2], before[2];
    double *y, *dx, *gradient;
};

/* One multiplication of the forward pass, in all three. */
static void define_term(const struct definition *d, size_t x, size_t k, size_t y) {
    d->y[y] += (double)d->run->x[x] * (double)d->run->parameters[0][k];
    d->dx[x] += (double)d->run->dy[y] * (double)d->run->parameters[0][k];
    d->gradient[k] += (double)d->run->x[x] * (double)d->run->dy[y];
}

static void define_position(const struct definition *d, int n, int r, int p) {
    const int multiplier = d->channels / d->c;
    for (int i = 0; i < d->kernel[0]; i++) {
        for (int j = 0; j < d->kernel[1]; j++) {
            const int row = r * d->stride[0] + i * d->dilation[0] - d->before[0];
            const int column = p * d->stride[1] + j * d->dilation[1] - d->before[1];
            if (row < 0 || row >= d->h || column < 0 || column >= d->w) continue;
            for (int v = 0; v < d->channels; v++)
                define_term(d, (size_t)(((n * d->h + row) * d->w + column) * d->c + v / multiplier),
                            (size_t)((i * d->kernel[1] + j) * d->channels + v),
                            (size_t)(((n * d->oh + r) * d->ow + p) * d->channels + v));
        }
    }
}

static void define(const struct definition *d) {
    for (int n = 0; n < d->run->images; n++)
        for (int r = 0; r < d->oh; r++)
            for (int p = 0; p < d->ow; p++) {
                const size_t y = (size_t)(((n * d->oh + r) * d->ow + p) * d->channels);
                for (int v = 0; v < d->channels; v++) d->y[y + (size_t)v] = (double)d->run->parameters[1][v];
                define_position(d, n, r, p);
            }
}

static void assert_near(const float *found, const double *expected, size_t count, const char *what) {
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)found[i] - expected[i]) < 1e-4))
            fail_msg("%s: number %zu is %g, expected %g", what, i, (double)found[i], expected[i]);
}

/* Tables that fuse multiply and add give the same bits. */
static void assert_same(const struct layer_run *run, const struct layer_run *other, const char *what) {
    if (memcmp(run->y, other->y, 3 * run->output * sizeof(float)) != 0 ||
        memcmp(run->dx, other->dx, 3 * run->input * sizeof(float)) != 0 ||
        memcmp(run->gradients[0], other->gradients[0], run->sizes[0] * sizeof(float)) != 0 ||
        memcmp(run->gradients[1], other->gradients[1], run->sizes[1] * sizeof(float)) != 0)
        fail_msg("%s: other bits", what);
}

static void check_definition(struct layer_case *test, struct definition *d, const char *json) {
    struct layer_run fused = {0};
    for (int i = 0; kernels_at(i) != NULL; i++) {
        struct layer_run run;
        if (layer_run_open(&run, &test->layer, kernels_at(i), 3, &test->error) != 0) fail();
        for (size_t k = 0; k < 3 * run.input; k++) run.x[k] = (float)((int)(k * 37 % 101) - 50) / 50;
        for (size_t k = 0; k < run.sizes[0]; k++) run.parameters[0][k] = (float)((int)(k * 53 % 97) - 48) / 48;
        for (size_t k = 0; k < run.sizes[1]; k++) run.parameters[1][k] = (float)k / 10;
        layer_run_forward(&run, true);
        for (size_t k = 0; k < 3 * run.output; k++) run.dy[k] = (float)((int)(k * 41 % 89) - 44) / 44;
        layer_run_backward(&run);
        d->run = &run;
        d->y = calloc(3 * run.output, sizeof *d->y);
        d->dx = calloc(3 * run.input, sizeof *d->dx);
        d->gradient = calloc(run.sizes[0], sizeof *d->gradient);
        define(d);
        assert_near(run.y, d->y, 3 * run.output, json);
        assert_near(run.dx, d->dx, 3 * run.input, json);
        assert_near(run.gradients[0], d->gradient, run.sizes[0], json);
        free(d->y);
        free(d->dx);
        free(d->gradient);
        const bool fuses = strncmp(kernels_at(i)->name, "avx", 3) == 0;
        if (fuses && fused.layer) assert_same(&run, &fused, json);
        if (fuses && !fused.layer)
            fused = run;
        else
            layer_run_close(&run);
    }
    layer_run_close(&fused);
}

/* Zero rows or columns in front with "same": half of what is missing. */
static int border(int in, int out, int kernel, int stride, int dilation) {
    const int needed = (out - 1) * stride + (kernel - 1) * dilation + 1 - in;
    return needed > 0 ? needed / 2 : 0;
}

static void check_shape(const int kernel[2], const int stride[2], const int dilation[2], int multiplier,
                        const char *padding, struct shape input) {
    struct layer_case test;
    char json[256];
    snprintf(json, sizeof json,
             "{\"type\":\"DepthwiseConv2D\",\"kernel_size\":[%d,%d],\"strides\":[%d,%d],\"dilation_rate\":[%d,%d],"
             "\"depth_multiplier\":%d,\"padding\":\"%s\"}",
             kernel[0], kernel[1], stride[0], stride[1], dilation[0], dilation[1], multiplier, padding);
    layer_case_open(&test, json, input, 1);
    const int *in = input.size, *out = test.layer.output.size;
    struct definition d = {.h = in[0], .w = in[1], .c = in[2], .oh = out[0], .ow = out[1], .channels = out[2]};
    for (int axis = 0; axis < 2; axis++) {
        d.kernel[axis] = kernel[axis];
        d.stride[axis] = stride[axis];
        d.dilation[axis] = dilation[axis];
        if (padding[0] == 's') d.before[axis] = border(in[axis], out[axis], kernel[axis], stride[axis], dilation[axis]);
    }
    check_definition(&test, &d, json);
    layer_case_close(&test);
}

/* Kernels, strides and dilations in every mixture that is allowed, multipliers and channels around vectors. */
static void as_defined(void **state) {
    (void)state;
    static const int kernels[][2] = {{3, 3}, {1, 1}, {2, 4}, {5, 5}}, steps[][2] = {{1, 1}, {2, 2}, {3, 1}, {1, 4}};
    static const int channels[][2] = {{1, 1}, {3, 1}, {3, 4},  {17, 1}, {6, 8},
                                      {2, 3}, {5, 2}, {2, 16}, {1, 32}, {4, 5}};
    static const int one[2] = {1, 1};
    for (size_t k = 0; k < 4; k++)
        for (size_t s = 0; s < 4; s++)
            for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
                const struct shape input = {3, {9, 18, channels[c][0]}};
                check_shape(kernels[k], steps[s], one, channels[c][1], "same", input);
                check_shape(kernels[k], steps[s], one, channels[c][1], "valid", input);
                check_shape(kernels[k], one, steps[s], channels[c][1], "same", input);
            }
    check_shape((const int[]){5, 6}, one, one, 2, "same", (struct shape){3, {2, 3, 4}});
    check_shape((const int[]){1, 3}, (const int[]){2, 2}, one, 1, "same", (struct shape){3, {8, 9, 3}});
    check_shape((const int[]){3, 1}, (const int[]){3, 2}, one, 2, "valid", (struct shape){3, {8, 9, 9}});
    check_shape((const int[]){5, 3}, (const int[]){INT_MAX, INT_MAX}, one, 1, "same", (struct shape){3, {3, 4, 9}});
    check_shape((const int[]){2, 2}, (const int[]){9, INT_MAX}, one, 1, "valid", (struct shape){3, {30, 4, 2}});
    check_shape((const int[]){2, 2}, one, (const int[]){5, 5}, 1, "same", (struct shape){3, {3, 3, 4}});
}

/* Images of several bands, and rows that are longer than a band's. */
static void bands_and_rows(void **state) {
    (void)state;
    static const int kernels[][2] = {{3, 3}, {1, 1}, {2, 5}},
                     channels[][2] = {{3, 1}, {17, 1}, {12, 1}, {16, 3}, {15, 3}, {40, 1}, {4, 16}, {1, 9}, {30, 2}};
    static const int one[2] = {1, 1};
    for (size_t k = 0; k < 3; k++)
        for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
            const struct shape input = {3, {61, 21, channels[c][0]}};
            check_shape(kernels[k], one, one, channels[c][1], "same", input);
            check_shape(kernels[k], one, (const int[]){3, 2}, channels[c][1], "same", input);
            check_shape(kernels[k], (const int[]){2, 2}, one, channels[c][1], "same", input);
            check_shape(kernels[k], (const int[]){3, 1}, one, channels[c][1], "valid", input);
            check_shape(kernels[k], (const int[]){1, 3}, one, channels[c][1], "valid", input);
        }
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
    assert_refused(
        "{\"type\":\"DepthwiseConv2D\",\"filters\":3,\"kernel_size\":3}", input,
        "test.json: model[0].filters: unknown field; known here: name, trainable, kernel_size, strides, padding, "
        "dilation_rate, depth_multiplier, activation, use_bias, depthwise_initializer, bias_initializer, "
        "depthwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint, type");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest_form), cmocka_unit_test(channel_order), cmocka_unit_test(channels_never_mix),
        cmocka_unit_test(same_padding),  cmocka_unit_test(as_defined),    cmocka_unit_test(bands_and_rows),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
