/* Speed of DepthwiseConv2D and SeparableConv2D, one thread, a shard of images at a time: the layers of the deep
 * networks, then shapes beside them that are less round. Usage: bench_depthwise [TABLE [TEXT]]; only layers whose line
 * contains TEXT. Prints microseconds an image and GFLOP/s of forward, backward without dx (a first layer) and backward.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/layer_run.h"
#include "tests/support/layer_case.h"

enum { IMAGES = 2, TRIALS = 2500 };

enum what { FORWARD, GRADIENTS, BACKWARD, KINDS };

static const struct {
    const char *config;
    struct shape input;
} cases[] = {
    {"Depthwise\", \"kernel_size\": 3, \"depth_multiplier\": 4, \"padding\": \"same\"", {3, {32, 32, 3}}},
    {"Depthwise\", \"kernel_size\": 3, \"depth_multiplier\": 4, \"padding\": \"same\"", {3, {16, 16, 12}}},
    {"Depthwise\", \"kernel_size\": 3, \"depth_multiplier\": 4, \"padding\": \"same\"", {3, {8, 8, 48}}},
    {"Separable\", \"kernel_size\": 3, \"filters\": 32, \"padding\": \"same\"", {3, {32, 32, 3}}},
    {"Separable\", \"kernel_size\": 3, \"filters\": 64, \"padding\": \"same\"", {3, {16, 16, 32}}},
    {"Separable\", \"kernel_size\": 3, \"filters\": 128, \"padding\": \"same\"", {3, {8, 8, 64}}},
    {"Depthwise\", \"kernel_size\": 3, \"padding\": \"same\"", {3, {16, 16, 48}}},
    {"Depthwise\", \"kernel_size\": 3, \"padding\": \"valid\"", {3, {16, 16, 48}}},
    {"Depthwise\", \"kernel_size\": 3, \"depth_multiplier\": 2, \"padding\": \"same\"", {3, {16, 16, 24}}},
    {"Depthwise\", \"kernel_size\": 3, \"depth_multiplier\": 8, \"padding\": \"same\"", {3, {16, 16, 6}}},
    {"Depthwise\", \"kernel_size\": 3, \"depth_multiplier\": 3, \"padding\": \"same\"", {3, {16, 16, 16}}},
    {"Depthwise\", \"kernel_size\": 3, \"depth_multiplier\": 5, \"padding\": \"same\"", {3, {16, 16, 10}}},
    {"Depthwise\", \"kernel_size\": 3, \"padding\": \"same\"", {3, {16, 16, 17}}},
    {"Depthwise\", \"kernel_size\": 3, \"padding\": \"same\"", {3, {32, 32, 1}}},
    {"Depthwise\", \"kernel_size\": 3, \"padding\": \"same\"", {3, {32, 32, 3}}},
    {"Depthwise\", \"kernel_size\": 3, \"padding\": \"same\"", {3, {28, 28, 20}}},
    {"Depthwise\", \"kernel_size\": 5, \"padding\": \"same\"", {3, {16, 16, 48}}},
    {"Depthwise\", \"kernel_size\": [3, 7], \"padding\": \"same\"", {3, {16, 16, 48}}},
    {"Depthwise\", \"kernel_size\": 2, \"padding\": \"same\"", {3, {16, 16, 48}}},
    {"Depthwise\", \"kernel_size\": 1, \"padding\": \"same\"", {3, {16, 16, 48}}},
    {"Depthwise\", \"kernel_size\": 3, \"strides\": 2, \"padding\": \"same\"", {3, {32, 32, 48}}},
    {"Depthwise\", \"kernel_size\": 3, \"strides\": 2, \"padding\": \"same\"", {3, {32, 32, 3}}},
    {"Depthwise\", \"kernel_size\": 3, \"strides\": 2, \"depth_multiplier\": 4, \"padding\": \"same\"",
     {3, {32, 32, 3}}},
    {"Depthwise\", \"kernel_size\": 3, \"dilation_rate\": 2, \"padding\": \"same\"", {3, {16, 16, 48}}},
};

/* of this thread, so that other programs disturb less; the best of TRIALS counts */
static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double microseconds(const struct layer_run *run, enum what what) {
    const struct layer_kind *kind = run->layer->kind;
    const struct pass pass = {
        .kernels = run->kernels,
        .images = run->images,
        .training = true,
        .x = run->x,
        .y = run->y,
        .dy = run->dy,
        .dx = what == BACKWARD ? run->dx : NULL,
        .parameters = run->parameters,
        .gradients = run->gradients,
        .packed = run->packed,
        .saved = run->saved,
        .scratch = run->scratch,
        .batch = run->images,
    };
    double best = 1e9;
    for (int trial = 0; trial < TRIALS; trial++) {
        const double start = seconds();
        if (what == FORWARD)
            kind->forward(run->layer, &pass);
        else
            kind->backward(run->layer, &pass);
        const double elapsed = (seconds() - start) / run->images;
        if (elapsed < best) best = elapsed;
    }
    return 1e6 * best;
}

static void fill(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (float)((i * 7919) % 1000) / 1000 - 0.5F;
}

/* Times one layer, adds to total[] and prints its line. */
static void bench(const char *json, struct shape input, const struct kernels *kernels, double total[KINDS]) {
    struct layer_case test = {0};
    struct layer_run run = {0};
    if (!layer_case_try(&test, json, input) || layer_run_open(&run, &test.layer, kernels, IMAGES, &test.error) != 0) {
        fprintf(stderr, "bench_depthwise: %s: %s\n", json, test.error.message);
        exit(1);
    }
    fill(run.x, IMAGES * run.input);
    fill(run.dy, IMAGES * run.output);
    for (int i = 0; i < test.layer.parameter_count; i++) fill(run.parameters[i], run.sizes[i]);
    layer_run_forward(&run, true);
    for (int what = 0; what < KINDS; what++) {
        const double time = microseconds(&run, (enum what)what);
        const double passes = what == FORWARD || (what == GRADIENTS && strstr(json, "Depthwise")) ? 1 : 2;
        printf(" %8.2f us", time);
        if (what == GRADIENTS && passes == 2)
            printf("%5s", "");
        else
            printf("%5.0f", 2 * passes * test.layer.multiplications / time * 1e-3);
        total[what] += time;
    }
    printf("\n");
    layer_run_close(&run);
    layer_case_close(&test);
}

int main(int count, char **arguments) {
    const struct kernels *kernels = kernels_select(count > 1 ? arguments[1] : NULL);
    if (kernels == NULL) {
        fprintf(stderr, "bench_depthwise: no table \"%s\" here\n", arguments[1]);
        return 2;
    }
    double total[KINDS] = {0};
    float sums[512] = {0};
    kernels->multiply_adds(20000000, 0.5F, sums); /* until the processor runs at its speed */
    printf("%s%-57s %17s %16s %16s\n", kernels->name, ": us an image, GFLOP/s", "forward", "without dx", "backward");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int *size = cases[i].input.size;
        char line[160], json[200];
        snprintf(line, sizeof line, "%2dx%2dx%-2d %s", size[0], size[1], size[2], cases[i].config);
        for (char *at = line; *at; at++) {
            while (*at == '"' || *at == ':') memmove(at, at + 1, strlen(at));
        }
        if (count > 2 && !strstr(line, arguments[2])) continue;
        snprintf(json, sizeof json, "{\"type\": \"%.9sConv2D%s}", cases[i].config, cases[i].config + 9);
        printf("%-64s", line);
        bench(json, cases[i].input, kernels, total);
    }
    printf("%-64s", "sum");
    for (int what = 0; what < KINDS; what++) printf(" %8.2f us     ", total[what]);
    printf("\n");
    return 0;
}
