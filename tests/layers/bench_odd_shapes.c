/* Speed of Conv2D, SeparableConv2D and Dense at odd shapes beside their nearest round neighbours, one thread. Usage:
 * bench_odd_shapes [TABLE [PART]]; PART: some letters of the tables' names, as in "groups".
 * Prints GFLOP/s of the three passes, the same of the neighbour, and the ratios; `<` marks a ratio below one half.
 *
 * The neighbour has channels and filters rounded to the nearest multiple of 16 (of Dense: units and inputs), one group,
 * strides and dilation of 1 and a kernel of 3x3 (1x1 for 1x1). Both use the direct algorithm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/layer_speed.h"

enum { IMAGES = 4, TRIALS = 5, DENSE_IMAGES = 8, NEIGHBOURS = 512 };
static const double TRIAL = 1e7; /* multiplications */
static const char *const pass_names[PASSES] = {"forward", "data gradient", "weight gradient"};

/* A convolution; 0 stands for the usual: one group, stride and dilation 1, "valid". */
struct conv_shape {
    int map, channels, filters;
    int kernel[2];
    int groups, stride, dilation;
    bool same;
};

struct bench {
    const struct kernels *kernels;
    const char *part;
    struct neighbour {
        char text[160];
        struct shape input;
        struct layer_speed speed;
    } known[NEIGHBOURS];
    int known_count;
    int shapes, below[PASSES];
    double worst[PASSES];
    char worst_text[PASSES][200];
};

static int larger(int a, int b) {
    return a > b ? a : b;
}

static int rounded(int value) {
    return larger((value + 8) / 16 * 16, 16);
}

static struct layer_speed speed_of(const struct bench *bench, const char *json, struct shape input) {
    return layer_speed_of(bench->kernels, json, input, input.rank == 1 ? DENSE_IMAGES : IMAGES, TRIALS, TRIAL);
}

/* Each neighbour is measured once. */
static struct layer_speed neighbour_speed(struct bench *bench, const char *json, struct shape input) {
    struct neighbour *known = bench->known;
    int i = 0;
    for (; i < bench->known_count; i++)
        if (strcmp(known[i].text, json) == 0 && memcmp(&known[i].input, &input, sizeof input) == 0)
            return known[i].speed;
    if (i == NEIGHBOURS) return speed_of(bench, json, input);
    snprintf(known[i].text, sizeof known[i].text, "%s", json);
    known[i].input = input;
    known[i].speed = speed_of(bench, json, input);
    bench->known_count++;
    return known[i].speed;
}

static void report(struct bench *bench, const char *what, const struct layer_speed *odd,
                   const struct layer_speed *round) {
    printf("%-52s", what);
    for (int i = 0; i < PASSES; i++) printf(" %6.1f", odd->gflops[i]);
    printf("  |");
    for (int i = 0; i < PASSES; i++) printf(" %6.1f", round->gflops[i]);
    printf("  |");
    for (int i = 0; i < PASSES; i++) {
        const double ratio = odd->gflops[i] / round->gflops[i];
        printf(" %5.2f%c", ratio, ratio < 0.5 ? '<' : ' ');
        bench->below[i] += ratio < 0.5;
        if (bench->worst[i] > 0 && bench->worst[i] <= ratio) continue;
        bench->worst[i] = ratio;
        snprintf(bench->worst_text[i], sizeof bench->worst_text[i], "%s", what);
    }
    printf("\n");
    bench->shapes++;
}

static void conv_json(char *json, size_t size, const char *type, const struct conv_shape *shape) {
    const bool separable = strcmp(type, "SeparableConv2D") == 0;
    int length = snprintf(json, size, "{\"type\":\"%s\",\"filters\":%d,\"kernel_size\":[%d,%d],\"strides\":%d", type,
                          shape->filters, shape->kernel[0], shape->kernel[1], larger(shape->stride, 1));
    if (separable)
        snprintf(json + length, size - (size_t)length, ",\"padding\":\"same\"}");
    else
        snprintf(json + length, size - (size_t)length,
                 ",\"dilation_rate\":%d,\"padding\":\"%s\",\"groups\":%d,\"algorithm\":\"direct\"}",
                 larger(shape->dilation, 1), shape->same ? "same" : "valid", larger(shape->groups, 1));
}

static struct conv_shape conv_neighbour(const struct conv_shape *shape) {
    const bool pointwise = shape->kernel[0] * shape->kernel[1] == 1;
    const int kernel = pointwise ? 1 : 3;
    return (struct conv_shape){.map = shape->map,
                               .channels = rounded(shape->channels),
                               .filters = rounded(shape->filters),
                               .kernel = {kernel, kernel},
                               .same = true};
}

static void bench_conv(struct bench *bench, const char *type, const struct conv_shape *shape) {
    char json[200], round_json[200], what[200];
    const struct conv_shape round = conv_neighbour(shape);
    conv_json(json, sizeof json, type, shape);
    conv_json(round_json, sizeof round_json, type, &round);
    snprintf(what, sizeof what, "%2d: %3d -> %3d, %dx%d%s, groups %d, strides %d, dilation %d", shape->map,
             shape->channels, shape->filters, shape->kernel[0], shape->kernel[1], shape->same ? " same" : "",
             larger(shape->groups, 1), larger(shape->stride, 1), larger(shape->dilation, 1));
    const struct shape input = {3, {shape->map, shape->map, shape->channels}};
    const struct shape round_input = {3, {round.map, round.map, round.channels}};
    const struct layer_speed odd = speed_of(bench, json, input);
    const struct layer_speed neighbour = neighbour_speed(bench, round_json, round_input);
    report(bench, what, &odd, &neighbour);
}

static bool wanted(const struct bench *bench, const char *name) {
    if (bench->part && strstr(name, bench->part) == NULL) return false;
    printf("\n%s\n", name);
    return true;
}

static const int channel_list[] = {1, 2, 3, 4, 6, 12, 17, 20, 33},
                 filter_list[] = {1, 3, 5, 10, 12, 17, 20, 24, 30, 33, 48};
static const int map_list[] = {32, 28, 15, 7, 5};
static const int pair_list[][2] = {{1, 10}, {3, 32}, {16, 16}, {32, 64}, {17, 33}, {20, 3}, {3, 3}, {64, 10}};
#define FOR_EACH(item, list) for (size_t item = 0; item < sizeof(list) / sizeof *(list); item++)

static void channels_and_filters(struct bench *bench, const char *type, int kernel) {
    FOR_EACH(c, channel_list)
    FOR_EACH(f, filter_list) {
        const struct conv_shape shape = {16, channel_list[c], filter_list[f], {kernel, kernel}, .same = true};
        bench_conv(bench, type, &shape);
    }
}

static void kernels_of(struct bench *bench) {
    static const int kernels[][2] = {{1, 1}, {5, 5}, {3, 7}, {1, 7}, {2, 2}};
    FOR_EACH(k, kernels)
    FOR_EACH(p, pair_list)
    for (int same = 0; same < 2; same++) {
        const struct conv_shape shape = {
            15, pair_list[p][0], pair_list[p][1], {kernels[k][0], kernels[k][1]}, .same = same};
        bench_conv(bench, "Conv2D", &shape);
    }
}

static void strides_and_dilation(struct bench *bench) {
    static const int kernels[] = {1, 2, 3, 5};
    FOR_EACH(k, kernels)
    FOR_EACH(p, pair_list)
    for (int way = 0; way < 3; way++) {
        const struct conv_shape shape = {.map = way == 2 ? 15 : 32,
                                         .channels = pair_list[p][0],
                                         .filters = pair_list[p][1],
                                         .kernel = {kernels[k], kernels[k]},
                                         .stride = way == 2 ? 0 : way + 2,
                                         .dilation = way == 2 ? 2 : 0,
                                         .same = true};
        bench_conv(bench, "Conv2D", &shape);
    }
}

static void groups_of(struct bench *bench) {
    static const int groups[][3] = {{32, 64, 2},  {32, 64, 4},  {32, 64, 8},  {32, 64, 16}, {32, 64, 32}, {32, 32, 8},
                                    {32, 32, 16}, {32, 32, 32}, {64, 32, 32}, {64, 32, 16}, {12, 12, 4},  {12, 12, 2},
                                    {12, 30, 6},  {33, 33, 11}, {20, 20, 10}, {48, 24, 12}, {64, 64, 8},  {64, 64, 4},
                                    {6, 6, 2},    {4, 4, 2},    {8, 8, 4},    {20, 30, 5},  {48, 48, 3}};
    FOR_EACH(g, groups)
    for (int kernel = 1; kernel <= 3; kernel += 2) {
        const struct conv_shape shape = {
            15, groups[g][0], groups[g][1], {kernel, kernel}, .groups = groups[g][2], .same = true};
        bench_conv(bench, "Conv2D", &shape);
    }
}

static void maps_of(struct bench *bench) {
    FOR_EACH(m, map_list)
    FOR_EACH(p, pair_list)
    for (int kernel = 1; kernel <= 3; kernel += 2) {
        const struct conv_shape shape = {
            map_list[m], pair_list[p][0], pair_list[p][1], {kernel, kernel}, .same = kernel == 3};
        bench_conv(bench, "Conv2D", &shape);
    }
}

static void dense(struct bench *bench) {
    static const int inputs[] = {3, 10, 17, 84, 100, 128, 500, 784}, units[] = {1, 2, 3, 5, 7, 9, 10, 17, 33, 84, 100};
    FOR_EACH(i, inputs)
    FOR_EACH(u, units) {
        char json[64], round_json[64], what[64];
        snprintf(json, sizeof json, "{\"type\":\"Dense\",\"units\":%d}", units[u]);
        snprintf(round_json, sizeof round_json, "{\"type\":\"Dense\",\"units\":%d}", rounded(units[u]));
        snprintf(what, sizeof what, "%d -> %d", inputs[i], units[u]);
        const struct layer_speed odd = speed_of(bench, json, (struct shape){1, {inputs[i]}});
        const struct layer_speed round = neighbour_speed(bench, round_json, (struct shape){1, {rounded(inputs[i])}});
        report(bench, what, &odd, &round);
    }
}

static void bench_all(struct bench *bench) {
    if (wanted(bench, "Conv2D 3x3, channels and filters")) channels_and_filters(bench, "Conv2D", 3);
    if (wanted(bench, "Conv2D 1x1, channels and filters")) channels_and_filters(bench, "Conv2D", 1);
    if (wanted(bench, "Conv2D, kernels")) kernels_of(bench);
    if (wanted(bench, "Conv2D, strides and dilation")) strides_and_dilation(bench);
    if (wanted(bench, "Conv2D, groups")) groups_of(bench);
    if (wanted(bench, "Conv2D, maps")) maps_of(bench);
    if (wanted(bench, "SeparableConv2D, channels and filters")) channels_and_filters(bench, "SeparableConv2D", 3);
    if (wanted(bench, "Dense")) dense(bench);
}

int main(int count, char **arguments) {
    static struct bench bench;
    bench.kernels = kernels_select(count > 1 && arguments[1][0] ? arguments[1] : NULL);
    bench.part = count > 2 ? arguments[2] : NULL;
    if (!bench.kernels) {
        fprintf(stderr, "usage: bench_odd_shapes [TABLE [PART]]; no such table, or this processor cannot run it\n");
        return 2;
    }
    printf("%s: GFLOP/s forward, data gradient, weight gradient | of the round neighbour | ratios\n",
           bench.kernels->name);
    bench_all(&bench);
    printf("\n%d shapes; below one half, and the lowest:\n", bench.shapes);
    for (int i = 0; i < PASSES; i++)
        printf("%-16s %4d, %.2f  %s\n", pass_names[i], bench.below[i], bench.worst[i], bench.worst_text[i]);
    return 0;
}
