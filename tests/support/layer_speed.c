#include "tests/support/layer_speed.h"

#include <time.h>

#include "tests/support/layer_case.h"

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void fill(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (float)(i * 7919 % 1013) / 1013 - 0.5F;
}

static void weights_of_batch(const struct layer *layer, const struct pass *pass) {
    layer->kind->batch_gradient(layer, pass, 0, 1);
}

struct trials {
    int count;
    double multiplications;
};

static double gflops(const struct layer *layer, const struct pass *pass, const struct trials *trials,
                     void (*call)(const struct layer *layer, const struct pass *pass)) {
    const double work = layer->multiplications * pass->images;
    const int rounds = (int)(trials->multiplications / work) + 1;
    double best = 1e9;
    call(layer, pass);
    for (int trial = 0; trial < trials->count; trial++) {
        const double start = seconds();
        for (int i = 0; i < rounds; i++) call(layer, pass);
        const double elapsed = (seconds() - start) / rounds;
        if (elapsed < best) best = elapsed;
    }
    return 2 * work / best * 1e-9;
}

static struct layer_speed measure(const struct layer_run *run, struct pass pass, const struct trials *trials) {
    const struct layer *layer = run->layer;
    const struct layer_kind *kind = layer->kind;
    struct layer_speed speed = {0};
    const double start = seconds();
    if (kind->pack) kind->pack(layer, &pass, run->packed, 0, 1);
    speed.pack = seconds() - start;
    speed.gflops[PASS_FORWARD] = gflops(layer, &pass, trials, kind->forward);
    pass.dx = run->dx;
    speed.gflops[PASS_DATA] = gflops(layer, &pass, trials, kind->backward);
    pass.dx = NULL;
    pass.gradients = run->gradients;
    speed.gflops[PASS_WEIGHTS] =
        gflops(layer, &pass, trials, layer->gradient_by_batch ? weights_of_batch : kind->backward);
    return speed;
}

struct layer_speed layer_speed_of(const struct kernels *kernels, const char *json, struct shape input, int images,
                                  int trials, double multiplications) {
    struct layer_case test;
    layer_case_open(&test, json, input, images);
    const struct layer_run *run = &test.run;
    fill(run->x, (size_t)images * run->input);
    fill(run->dy, (size_t)images * run->output);
    for (int i = 0; i < test.layer.parameter_count; i++) fill(run->parameters[i], run->sizes[i]);
    const struct pass pass = {.kernels = kernels,
                              .images = images,
                              .training = true,
                              .x = run->x,
                              .y = run->before,
                              .dy = run->dy,
                              .parameters = run->parameters,
                              .packed = run->packed,
                              .saved = run->saved,
                              .scratch = run->scratch};
    const struct layer_speed speed = measure(run, pass, &(struct trials){trials, multiplications});
    layer_case_close(&test);
    return speed;
}
