#include "tests/support/convolution_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"

enum { IMAGES = 3 };

struct sums {
    double *y, *dx, *gradient;
};

static double *zeroed(size_t count) {
    double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

static bool is_circular(const struct convolution *c) {
    return strcmp(c->padding, "circular") == 0;
}

/* Rows (axis 0) of border above, or columns (axis 1) to the left. */
static int before(const struct convolution *c, const struct layer *layer, int axis) {
    const int reach = (c->kernel[axis] - 1) * c->dilation[axis];
    const int needed = (layer->output.size[axis] - 1) * c->stride[axis] + reach + 1 - layer->input.size[axis];
    if (is_circular(c)) return reach / 2;
    return strcmp(c->padding, "same") == 0 && needed > 0 ? needed / 2 : 0;
}

/* Beyond an edge with circular padding: from the opposite side. */
static int around(const struct convolution *c, int cell, int size) {
    return is_circular(c) ? (cell % size + size) % size : cell;
}

/* Output number `y` of filter f and what its tap (i,j) sees. */
static void meet(const struct convolution *c, const struct layer_run *run, size_t y, int f, size_t pixel, int tap,
                 struct sums *sums) {
    const int each = c->channels / c->groups, group = f / (c->filters / c->groups);
    for (int k = 0; k < each; k++) {
        const size_t x = pixel * (size_t)c->channels + (size_t)(group * each + k);
        const size_t weight = (size_t)((tap * each + k) * c->filters + f);
        sums->y[y] += (double)run->x[x] * (double)run->parameters[0][weight];
        sums->dx[x] += (double)run->dy[y] * (double)run->parameters[0][weight];
        sums->gradient[weight] += (double)run->x[x] * (double)run->dy[y];
    }
}

static void expect_position(const struct convolution *c, const struct layer *layer, const struct layer_run *run,
                            int image, int r, int p, struct sums *sums) {
    const size_t position = (size_t)((image * layer->output.size[0] + r) * layer->output.size[1] + p);
    for (int tap = 0; tap < c->kernel[0] * c->kernel[1]; tap++) {
        const int i = tap / c->kernel[1], j = tap % c->kernel[1];
        const int row = around(c, r * c->stride[0] + i * c->dilation[0] - before(c, layer, 0), c->height);
        const int column = around(c, p * c->stride[1] + j * c->dilation[1] - before(c, layer, 1), c->width);
        if (row < 0 || row >= c->height || column < 0 || column >= c->width) continue;
        const size_t pixel = (size_t)((image * c->height + row) * c->width + column);
        for (int f = 0; f < c->filters; f++)
            meet(c, run, position * (size_t)c->filters + (size_t)f, f, pixel, tap, sums);
    }
}

static void assert_within(const float *found, const double *expected, size_t count, const char *what) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)found[i] - expected[i]) <= 1e-5 * largest))
            fail_msg("%s: number %zu is %g, expected %g", what, i, (double)found[i], expected[i]);
}

/* The first fusing table's numbers are kept; the others must equal them. */
static void assert_alike(const struct kernels *table, const float *found, size_t count, float **first,
                         const char *what) {
    if (strncmp(table->name, "avx", 3) != 0) return;
    if (*first && memcmp(*first, found, count * sizeof *found) != 0) fail_msg("%s: other bits", what);
    if (*first) return;
    *first = malloc(count * sizeof *found);
    assert_non_null(*first);
    memcpy(*first, found, count * sizeof *found);
}

static void fill(float *values, size_t count, struct rng *rng) {
    for (size_t i = 0; i < count; i++) values[i] = 2 * rng_uniform(rng) - 1;
}

static void open_case(struct layer_case *test, const struct convolution *c, const char *algorithm) {
    char json[300];
    snprintf(json, sizeof json,
             "{\"type\":\"Conv2D\",\"filters\":%d,\"groups\":%d,\"kernel_size\":[%d,%d],\"strides\":[%d,%d],"
             "\"dilation_rate\":[%d,%d],\"padding\":\"%s\",\"algorithm\":\"%s\",\"use_bias\":false}",
             c->filters, c->groups, c->kernel[0], c->kernel[1], c->stride[0], c->stride[1], c->dilation[0],
             c->dilation[1], c->padding, algorithm);
    layer_case_open(test, json, (struct shape){3, {c->height, c->width, c->channels}}, IMAGES);
    struct rng rng = rng_stream(19, RNG_CHECK, (uint64_t)c->width, (uint64_t)c->channels, (uint64_t)c->filters);
    fill(test->run.x, IMAGES * test->run.input, &rng);
    fill(test->run.dy, IMAGES * test->run.output, &rng);
    fill(test->run.parameters[0], test->run.sizes[0], &rng);
}

static void check_tables(struct layer_run *run, const struct sums *sums) {
    float *first[3] = {NULL};
    for (int i = 0; kernels_at(i); i++) {
        run->kernels = kernels_at(i);
        layer_run_forward(run, true);
        layer_run_backward(run);
        assert_within(run->y, sums->y, IMAGES * run->output, "y");
        assert_within(run->dx, sums->dx, IMAGES * run->input, "dx");
        assert_within(run->gradients[0], sums->gradient, run->sizes[0], "gradient");
        assert_alike(run->kernels, run->y, IMAGES * run->output, &first[0], "y");
        assert_alike(run->kernels, run->dx, IMAGES * run->input, &first[1], "dx");
        assert_alike(run->kernels, run->gradients[0], run->sizes[0], &first[2], "gradient");
    }
    for (int i = 0; i < 3; i++) free(first[i]);
}

void assert_convolution(const struct convolution *c, const char *algorithm) {
    struct layer_case test;
    open_case(&test, c, algorithm);
    struct layer_run *run = &test.run;
    const struct sums sums = {zeroed(IMAGES * run->output), zeroed(IMAGES * run->input), zeroed(run->sizes[0])};
    struct sums into = sums;
    for (int image = 0; image < IMAGES; image++)
        for (int r = 0; r < test.layer.output.size[0]; r++)
            for (int p = 0; p < test.layer.output.size[1]; p++)
                expect_position(c, &test.layer, run, image, r, p, &into);
    check_tables(run, &sums);
    free(sums.y);
    free(sums.dx);
    free(sums.gradient);
    layer_case_close(&test);
}
