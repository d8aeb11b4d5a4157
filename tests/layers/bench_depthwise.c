/* Speed of DepthwiseConv2D and SeparableConv2D, one thread, a shard of images at a time.
 * bench_depthwise [TABLE [TEXT]]: the layers of the deep networks, then shapes beside them that are less round; only
 * those whose line contains TEXT. Prints microseconds an image and GFLOP/s of forward, backward without dx (a first
 * layer) and backward.
 * bench_depthwise TABLE grid [TEXT ...]: DepthwiseConv2D of every odd shape of a grid beside its round neighbour, in
 * turns: GFLOP/s of both, and their ratio, of forward, data gradient and weight gradient. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/layer_run.h"
#include "tests/support/layer_case.h"

enum { IMAGES = 4, TRIALS = 40, GRID_TRIALS = 9 };

/* GRADIENTS: of the weights */
enum what { FORWARD, GRADIENTS, BACKWARD, DATA, KINDS };

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

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct subject {
    struct layer_case test;
    struct layer_run run;
};

static void fill(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (float)((i * 7919) % 1000) / 1000 - 0.5F;
}

/* False where the layer is refused. */
static bool subject_open(struct subject *subject, const char *json, struct shape input, const struct kernels *kernels) {
    *subject = (struct subject){0};
    struct layer_run *run = &subject->run;
    if (!layer_case_try(&subject->test, json, input)) return false;
    if (layer_run_open(run, &subject->test.layer, kernels, IMAGES, &subject->test.error) != 0) return false;
    fill(run->x, IMAGES * run->input);
    fill(run->dy, IMAGES * run->output);
    for (int i = 0; i < subject->test.layer.parameter_count; i++) fill(run->parameters[i], run->sizes[i]);
    layer_run_forward(run, true);
    return true;
}

static void subject_close(struct subject *subject) {
    layer_run_close(&subject->run);
    layer_case_close(&subject->test);
}

/* Microseconds an image, a call at a time for 20 microseconds or more. */
static double microseconds(const struct subject *subject, enum what what) {
    static float *const nowhere[LAYER_PARAMETERS_MAX];
    const struct layer_run *run = &subject->run;
    const struct layer_kind *kind = run->layer->kind;
    const struct pass pass = {
        .kernels = run->kernels,
        .images = run->images,
        .training = true,
        .x = run->x,
        .y = run->y,
        .dy = run->dy,
        .dx = what == BACKWARD || what == DATA ? run->dx : NULL,
        .parameters = run->parameters,
        .gradients = what == DATA ? nowhere : run->gradients,
        .packed = run->packed,
        .saved = run->saved,
        .scratch = run->scratch,
        .batch = run->images,
    };
    const double start = seconds();
    double elapsed = 0;
    int calls = 0;
    while (elapsed < 20e-6) {
        for (int i = 0; i < 4; i++, calls++) (what == FORWARD ? kind->forward : kind->backward)(run->layer, &pass);
        elapsed = seconds() - start;
    }
    return 1e6 * elapsed / calls / run->images;
}

static double gflops(const struct subject *subject, int passes, double time) {
    return 2 * passes * subject->test.layer.multiplications / time * 1e-3;
}

/* Times one layer, adds to total[] and prints its line. */
static void bench(const char *json, struct shape input, const struct kernels *kernels, double total[DATA]) {
    struct subject subject;
    if (!subject_open(&subject, json, input, kernels)) {
        fprintf(stderr, "bench_depthwise: %s: %s\n", json, subject.test.error.message);
        exit(1);
    }
    for (int what = 0; what < DATA; what++) {
        double time = 1e9;
        for (int trial = 0; trial < TRIALS; trial++) {
            const double trial_time = microseconds(&subject, (enum what)what);
            if (trial_time < time) time = trial_time;
        }
        const int passes = what == FORWARD || (what == GRADIENTS && strstr(json, "Depthwise")) ? 1 : 2;
        printf(" %8.2f us", time);
        if (what == GRADIENTS && passes == 2)
            printf("%5s", "");
        else
            printf("%5.0f", gflops(&subject, passes, time));
        total[what] += time;
    }
    printf("\n");
    subject_close(&subject);
}

static void list(const struct kernels *kernels, const char *text) {
    double total[DATA] = {0};
    printf("%s%-57s %17s %16s %16s\n", kernels->name, ": us an image, GFLOP/s", "forward", "without dx", "backward");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int *size = cases[i].input.size;
        char line[160], json[200];
        snprintf(line, sizeof line, "%2dx%2dx%-2d %s", size[0], size[1], size[2], cases[i].config);
        for (char *at = line; *at; at++) {
            while (*at == '"' || *at == ':') memmove(at, at + 1, strlen(at));
        }
        if (text && !strstr(line, text)) continue;
        snprintf(json, sizeof json, "{\"type\": \"%.9sConv2D%s}", cases[i].config, cases[i].config + 9);
        printf("%-64s", line);
        bench(json, cases[i].input, kernels, total);
    }
    printf("%-64s", "sum");
    for (int what = 0; what < DATA; what++) printf(" %8.2f us     ", total[what]);
    printf("\n");
}

/* ---- the grid ---- */

enum { CHANNELS_MOST = 64 };

struct form {
    int size, channels, multiplier, kernel[2], stride, dilation;
    const char *padding;
};

static bool form_open(struct subject *subject, const struct form *form, const struct kernels *kernels) {
    char json[240];
    snprintf(json, sizeof json,
             "{\"type\": \"DepthwiseConv2D\", \"kernel_size\": [%d, %d], \"strides\": %d, \"dilation_rate\": %d, "
             "\"depth_multiplier\": %d, \"padding\": \"%s\"}",
             form->kernel[0], form->kernel[1], form->stride, form->dilation, form->multiplier, form->padding);
    return subject_open(subject, json, (struct shape){3, {form->size, form->size, form->channels}}, kernels);
}

/* The multiple of `unit` nearest to `number`, at least `unit`. */
static int nearest(int number, int unit) {
    const int multiple = (number + unit / 2) / unit * unit;
    return multiple > unit ? multiple : unit;
}

/* A 3x3 kernel, neither strides nor dilation, a map of 8, 16 or 32, a multiplier that is a power of two, whole vectors
 * of 16 output channels, and 4 input channels at least. */
static struct form neighbour_of(const struct form *form) {
    struct form round = *form;
    round.size = form->size < 12 ? 8 : form->size < 24 ? 16 : 32;
    round.multiplier = form->multiplier == 3 ? 4 : form->multiplier;
    round.channels = nearest(form->channels, round.multiplier < 4 ? 16 / round.multiplier : 4);
    round.kernel[0] = round.kernel[1] = 3;
    round.stride = round.dilation = 1;
    return round;
}

static bool same_form(const struct form *a, const struct form *b) {
    return a->size == b->size && a->channels == b->channels && a->multiplier == b->multiplier &&
           a->kernel[0] == b->kernel[0] && a->kernel[1] == b->kernel[1] && a->stride == b->stride &&
           a->dilation == b->dilation;
}

struct worst {
    int shapes, below_half;
    double ratio;
};

static bool contains(const char *line, char **texts) {
    for (; *texts; texts++)
        if (!strstr(line, *texts)) return false;
    return true;
}

static void compare(const struct form *form, const struct kernels *kernels, char **texts, struct worst *worst) {
    static const enum what kinds[] = {FORWARD, DATA, GRADIENTS};
    const struct form round = neighbour_of(form);
    struct subject odd, even;
    char line[120];
    snprintf(line, sizeof line, "%2dx%2dx%-2d m%-2d k%dx%d s%d d%d %s", form->size, form->size, form->channels,
             form->multiplier, form->kernel[0], form->kernel[1], form->stride, form->dilation, form->padding);
    if (!contains(line, texts) || same_form(form, &round)) return;
    if (form->channels * form->multiplier > CHANNELS_MOST) return;
    if (!form_open(&odd, form, kernels)) {
        subject_close(&odd);
        return;
    }
    if (!form_open(&even, &round, kernels)) exit(1);
    printf("%-32s beside %2dx%2dx%-2d m%-2d", line, round.size, round.size, round.channels, round.multiplier);
    for (int kind = 0; kind < 3; kind++) {
        double time = 1e9, round_time = 1e9;
        for (int trial = 0; trial < GRID_TRIALS; trial++) {
            const double of_odd = microseconds(&odd, kinds[kind]), of_round = microseconds(&even, kinds[kind]);
            if (of_odd < time) time = of_odd;
            if (of_round < round_time) round_time = of_round;
        }
        const double speed = gflops(&odd, 1, time), round_speed = gflops(&even, 1, round_time);
        printf(" |%6.2f us%5.1f /%5.1f %5.2f", time, speed, round_speed, speed / round_speed);
        worst[kind].shapes++;
        worst[kind].below_half += speed < round_speed / 2;
        if (worst[kind].shapes == 1 || speed / round_speed < worst[kind].ratio) worst[kind].ratio = speed / round_speed;
    }
    printf("\n");
    subject_close(&odd);
    subject_close(&even);
}

static void grid_channels(struct form *form, const struct kernels *kernels, char **texts, struct worst *worst) {
    static const int channels[] = {1, 2, 3, 5, 12, 16, 17, 20, 30, 32}, multipliers[] = {1, 2, 3, 8, 16};
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (size_t m = 0; m < sizeof multipliers / sizeof *multipliers; m++) {
            form->channels = channels[c];
            form->multiplier = multipliers[m];
            compare(form, kernels, texts, worst);
        }
}

static void grid(const struct kernels *kernels, char **texts) {
    static const int kernel_sizes[][2] = {{3, 3}, {1, 1}, {5, 5}, {3, 7}, {1, 3}}, sizes[] = {32, 28, 15, 7};
    static const int steps[][2] = {{1, 1}, {2, 1}, {3, 1}, {1, 2}};
    struct worst worst[3] = {0};
    printf("%s: us an image, GFLOP/s of shape / neighbour, ratio | forward | data gradient | weight gradient\n",
           kernels->name);
    for (int size = 0; size < 4; size++)
        for (int kernel = 0; kernel < 5; kernel++)
            for (int step = 0; step < (kernel == 1 ? 3 : 4); step++)
                for (int same = 0; same < 2; same++) {
                    struct form form = {
                        .size = sizes[size],
                        .kernel = {kernel_sizes[kernel][0], kernel_sizes[kernel][1]},
                        .stride = steps[step][0],
                        .dilation = steps[step][1],
                        .padding = same ? "same" : "valid",
                    };
                    grid_channels(&form, kernels, texts, worst);
                }
    for (int kind = 0; kind < 3; kind++)
        printf("%s: %d shapes, %d below half, lowest ratio %.2f\n",
               (const char *[]){"forward", "data gradient", "weight gradient"}[kind], worst[kind].shapes,
               worst[kind].below_half, worst[kind].ratio);
}

int main(int count, char **arguments) {
    const struct kernels *kernels = kernels_select(count > 1 ? arguments[1] : NULL);
    if (kernels == NULL) {
        fprintf(stderr, "bench_depthwise: no table \"%s\" here\n", arguments[1]);
        return 2;
    }
    float sums[512] = {0};
    kernels->multiply_adds(20000000, 0.5F, sums); /* until the processor runs at its speed */
    if (count > 2 && strcmp(arguments[2], "grid") == 0)
        grid(kernels, arguments + 3);
    else
        list(kernels, count > 2 ? arguments[2] : NULL);
    return 0;
}
