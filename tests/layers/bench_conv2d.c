/* Speed of Conv2D's three passes, one thread, a shard of images a call. Usage: bench_conv2d [TABLE [IMAGES [SHAPES]]];
 * SHAPES: only so many. Prints GFLOP/s by the multiplications of the direct algorithm, so that
 * Winograd's may exceed the peak. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/support/layer_case.h"

enum { TRIALS = 24 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef void layer_pass(const struct layer *layer, const struct pass *pass);

static double gflops(const struct layer *layer, const struct pass *pass, layer_pass *call) {
    const double work = 2 * layer->multiplications * pass->images;
    const int rounds = (int)(4e7 / work) + 1;
    double best = 1e9;
    for (int trial = 0; trial < TRIALS; trial++) {
        const double start = seconds();
        for (int i = 0; i < rounds; i++) call(layer, pass);
        const double elapsed = (seconds() - start) / rounds;
        if (elapsed < best) best = elapsed;
    }
    return work / best * 1e-9;
}

static void fill(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (float)(i * 7919 % 1013) / 1013 - 0.5F;
}

static void bench(const struct kernels *kernels, int images, struct shape input, const char *fields) {
    char json[256];
    struct layer_case test;
    snprintf(json, sizeof json, "{\"type\":\"Conv2D\",%s}", fields);
    layer_case_open(&test, json, input, images);
    struct layer_run *run = &test.run;
    const struct layer *layer = &test.layer;
    struct pass pass = {.kernels = kernels,
                        .images = images,
                        .training = true,
                        .x = run->x,
                        .y = run->y,
                        .dy = run->dy,
                        .parameters = run->parameters,
                        .packed = run->packed,
                        .scratch = run->scratch};
    fill(run->x, (size_t)images * run->input);
    fill(run->dy, (size_t)images * run->output);
    fill(run->parameters[0], run->sizes[0]);
    double start = seconds();
    layer->kind->pack(layer, &pass, run->packed, 0, 1);
    const double pack = seconds() - start;
    const double forward = gflops(layer, &pass, layer->kind->forward);
    pass.dx = run->dx;
    const double data = gflops(layer, &pass, layer->kind->backward);
    pass.dx = NULL;
    pass.gradients = run->gradients;
    const double weights = gflops(layer, &pass, layer->kind->backward);
    char shape[SHAPE_TEXT_SIZE];
    printf("%-12s %-62s %6.1f %6.1f %6.1f  pack %4.0f us\n", shape_text(&input, shape, sizeof shape), fields, forward,
           data, weights, 1e6 * pack);
    layer_case_close(&test);
}

int main(int count, char **arguments) {
    static const struct {
        struct shape input;
        const char *fields;
    } shapes[] = {
        {{3, {32, 32, 3}}, "\"filters\":32,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {8, 8, 64}}, "\"filters\":128,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {32, 32, 32}}, "\"filters\":32,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":3,\"padding\":\"same\",\"algorithm\":\"direct\""},
        {{3, {8, 8, 64}}, "\"filters\":128,\"kernel_size\":3,\"padding\":\"same\",\"algorithm\":\"direct\""},
        {{3, {32, 32, 32}}, "\"filters\":32,\"kernel_size\":3,\"padding\":\"same\",\"algorithm\":\"direct\""},
        {{3, {32, 32, 32}}, "\"filters\":32,\"kernel_size\":3"},
        {{3, {7, 7, 64}}, "\"filters\":64,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {4, 4, 128}}, "\"filters\":128,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {28, 28, 16}}, "\"filters\":16,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {28, 28, 17}}, "\"filters\":33,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {28, 28, 1}}, "\"filters\":10,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {28, 28, 1}}, "\"filters\":32,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {28, 28, 10}}, "\"filters\":10,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {32, 32, 3}}, "\"filters\":17,\"kernel_size\":5,\"padding\":\"same\""},
        {{3, {32, 32, 3}}, "\"filters\":33,\"kernel_size\":[3,7]"},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":1"},
        {{3, {8, 8, 64}}, "\"filters\":128,\"kernel_size\":1"},
        {{3, {8, 8, 64}}, "\"filters\":10,\"kernel_size\":1"},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":5,\"padding\":\"same\""},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":[3,7],\"padding\":\"same\""},
        {{3, {8, 8, 64}}, "\"filters\":128,\"kernel_size\":5,\"padding\":\"same\""},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":3,\"padding\":\"same\",\"strides\":2"},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":1,\"strides\":2"},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":3,\"padding\":\"same\",\"dilation_rate\":2"},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":3,\"padding\":\"same\",\"groups\":2"},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":3,\"padding\":\"same\",\"groups\":8"},
        {{3, {16, 16, 32}}, "\"filters\":32,\"kernel_size\":3,\"padding\":\"same\",\"groups\":16"},
        {{3, {16, 16, 32}}, "\"filters\":64,\"kernel_size\":3,\"padding\":\"same\",\"groups\":32"},
        {{3, {16, 16, 32}}, "\"filters\":10,\"kernel_size\":3,\"padding\":\"same\""},
        {{3, {16, 16, 32}}, "\"filters\":17,\"kernel_size\":3,\"padding\":\"same\",\"algorithm\":\"direct\""},
        {{3, {16, 16, 32}}, "\"filters\":33,\"kernel_size\":3,\"padding\":\"same\",\"algorithm\":\"direct\""},
        {{3, {16, 16, 3}}, "\"filters\":64,\"kernel_size\":3,\"padding\":\"same\",\"strides\":2"},
    };
    const struct kernels *kernels = kernels_select(count > 1 && arguments[1][0] ? arguments[1] : NULL);
    const int images = count > 2 ? atoi(arguments[2]) : 4;
    const int all = (int)(sizeof shapes / sizeof *shapes), some = count > 3 ? atoi(arguments[3]) : all;
    const int wanted = some < all ? some : all;
    if (!kernels || images < 1) {
        fprintf(stderr, "usage: bench_conv2d [TABLE [IMAGES [SHAPES]]]; no such table, or no images\n");
        return 2;
    }
    printf("%s, %d images a call: GFLOP/s forward, data gradient, weight gradient\n", kernels->name, images);
    for (int i = 0; i < wanted; i++) bench(kernels, images, shapes[i].input, shapes[i].fields);
    return 0;
}
