/* Speed of Conv2D's three passes, one thread, a shard of images a call. Usage: bench_conv2d [TABLE [IMAGES [SHAPES]]];
 * SHAPES: only so many. Prints GFLOP/s by the multiplications of the direct algorithm, so that
 * Winograd's may exceed the peak. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/layer_speed.h"

enum { TRIALS = 24 };
static const double TRIAL = 2e7; /* multiplications */

static void bench(const struct kernels *kernels, int images, struct shape input, const char *fields) {
    char json[256], shape[SHAPE_TEXT_SIZE];
    snprintf(json, sizeof json, "{\"type\":\"Conv2D\",%s}", fields);
    const struct layer_speed speed = layer_speed_of(kernels, json, input, images, TRIALS, TRIAL);
    printf("%-12s %-62s %6.1f %6.1f %6.1f  pack %4.0f us\n", shape_text(&input, shape, sizeof shape), fields,
           speed.gflops[PASS_FORWARD], speed.gflops[PASS_DATA], speed.gflops[PASS_WEIGHTS], 1e6 * speed.pack);
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
