#include "core/bench.h"

#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/memory.h"
#include "core/optimizer.h"
#include "core/platform.h"
#include "core/rng.h"
#include "core/schedule.h"
#include "core/trainer.h"

enum {
    STEPS_MIN = 3,
    STEPS_OF_EPOCH = 64, /* between two epochs the trainer does what no step does */
    PEAK_TRIES = 20,
};

/* ---- images in memory ---- */

/* As many images as a batch has; samples beyond them are the same ones again. */
struct images {
    struct dataset dataset;
    float *pixels; /* (batch_size, image) */
    size_t image;
    int batch_size;
};

static void copy_images(const struct feed *feed, const int64_t *samples, int count, uint64_t epoch, bool augment,
                        float *x, void *scratch) {
    (void)epoch, (void)augment, (void)scratch;
    const struct images *images = feed->state;
    for (int i = 0; i < count; i++)
        memcpy(x + (size_t)i * images->image,
               images->pixels + (size_t)(samples[i] % images->batch_size) * images->image, images->image * sizeof *x);
}

static int open_images(struct images *images, const struct bench_request *request, struct error *error) {
    const struct model *model = request->model;
    *images = (struct images){.batch_size = request->batch_size,
                              .dataset = {.count = (int64_t)request->batch_size * STEPS_OF_EPOCH}};
    shape_elements(&model->input, &images->image);
    size_t pixels = 0;
    if (!size_multiply((size_t)request->batch_size, images->image, &pixels))
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the images");
    images->pixels = memory_allocate(pixels, sizeof(float), "the images", error);
    images->dataset.labels =
        memory_allocate((size_t)images->dataset.count, sizeof *images->dataset.labels, "the labels", error);
    if (!images->pixels || !images->dataset.labels) return -1;
    struct rng rng = rng_stream(1, RNG_CHECK, 0, 0, 0);
    for (size_t i = 0; i < pixels; i++) images->pixels[i] = rng_uniform(&rng);
    for (int64_t i = 0; i < images->dataset.count; i++)
        images->dataset.labels[i] = (int32_t)(i % model->output.size[0]);
    return 0;
}

static void close_images(struct images *images) {
    free(images->pixels);
    free(images->dataset.labels);
}

/* ---- times of steps ---- */

struct timing {
    double *seconds;         /* (BENCH_STEPS_MAX): of the steps since the warm-up */
    int steps, most;         /* taken down, and when to stop in any case */
    double last, begin, end; /* when the last step ended; when to start taking down times, and when to stop */
    double total;            /* seconds of all steps, the warm-up too */
    bool warm;
    volatile sig_atomic_t stop;
};

/* Warms up for a quarter of a second, or less where there is less to do; a fixed number of steps after just one. */
static void timing_start(struct timing *timing, const struct bench_request *request) {
    double warm_up = request->seconds < 1 ? request->seconds / 4 : 0.25;
    timing->steps = 0;
    timing->total = 0;
    timing->warm = false;
    timing->stop = 0;
    timing->last = platform_seconds();
    timing->most = request->steps ? request->steps : BENCH_STEPS_MAX;
    timing->begin = timing->last + (request->steps ? 0 : warm_up);
    timing->end = request->steps ? INFINITY : timing->begin + request->seconds;
}

static void timing_step(struct timing *timing) {
    double now = platform_seconds();
    timing->total += now - timing->last;
    if (timing->warm && timing->steps < timing->most) timing->seconds[timing->steps++] = now - timing->last;
    timing->warm = now >= timing->begin;
    timing->stop = timing->steps == timing->most || (timing->steps >= STEPS_MIN && now >= timing->end);
    timing->last = now;
}

static void hear_trainer(void *listener, const struct train_event *event) {
    struct timing *timing = listener;
    if (event->kind == TRAIN_EPOCH_BEGIN) timing->last = platform_seconds();
    if (event->kind == TRAIN_STEP) timing_step(timing);
}

static int ascending(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* ---- steps ---- */

/* All that steps need, and the times they took. */
struct course {
    const struct bench_request *request;
    struct config config; /* the request's, but for what would end the training or move the weights */
    struct schedule_common no_warm_up;
    struct images images;
    struct feed feed;
    struct engine *engine;
    struct engine_profile profile;
    struct trainer *trainer; /* NULL: inference */
    float *probabilities;    /* (batch_size, classes): inference */
    int64_t *samples;        /* (batch_size): inference */
    struct timing timing;
};

static double no_rate(const void *config, const struct schedule_time *time) {
    (void)config, (void)time;
    return 0;
}

/* A rate of 0 takes as long as any other, and no number ever overflows or fades away. */
static const struct schedule_kind standing_still = {.component = {.name = "StandingStill"}, .factor = no_rate};

static int open_trainer(struct course *course, struct error *error) {
    struct training_config *training = &course->config.values.training;
    training->epochs = INT_MAX;
    training->batch_size = course->request->batch_size;
    training->schedule = (struct component){&standing_still.component, &course->no_warm_up};
    training->callbacks = (struct component_list){0};
    struct trainer_setup setup = {.config = &course->config,
                                  .model = course->request->model,
                                  .engine = course->engine,
                                  .train = &course->feed,
                                  .stop = &course->timing.stop,
                                  .listen = hear_trainer,
                                  .listener = &course->timing};
    return trainer_open(&course->trainer, &setup, error);
}

static int open_inference(struct course *course, struct error *error) {
    size_t batch_size = (size_t)course->request->batch_size;
    size_t classes = (size_t)course->request->model->output.size[0], outputs = 0;
    if (!size_multiply(batch_size, classes, &outputs))
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the probabilities");
    course->probabilities = memory_allocate(outputs, sizeof(float), "the probabilities", error);
    course->samples = memory_allocate(batch_size, sizeof *course->samples, "the order of the images", error);
    if (!course->probabilities || !course->samples) return -1;
    for (size_t i = 0; i < batch_size; i++) course->samples[i] = (int64_t)i;
    return 0;
}

static int open_course(struct course *course, const struct bench_request *request, struct error *error) {
    *course = (struct course){.request = request, .config = *request->config};
    struct engine_options options = {.threads = request->threads,
                                     .batch_size = request->batch_size,
                                     .training = request->training,
                                     .label_smoothing = request->config->values.training.label_smoothing,
                                     .seed = (uint64_t)request->config->values.seed,
                                     .profile = &course->profile};
    if (open_images(&course->images, request, error) != 0) return -1;
    course->feed = (struct feed){.dataset = &course->images.dataset, .state = &course->images, .fill = copy_images};
    course->timing.seconds = memory_allocate(BENCH_STEPS_MAX, sizeof(double), "the times of steps", error);
    if (!course->timing.seconds) return -1;
    if (engine_profile_open(&course->profile, request->threads, request->model->layer_count, error) != 0) return -1;
    if (engine_open(&course->engine, request->model, request->kernels, &options, error) != 0) return -1;
    return request->training ? open_trainer(course, error) : open_inference(course, error);
}

static void close_course(struct course *course) {
    trainer_close(course->trainer);
    engine_close(course->engine);
    engine_profile_close(&course->profile);
    close_images(&course->images);
    free(course->timing.seconds);
    free(course->probabilities);
    free(course->samples);
}

static void infer(struct course *course) {
    struct batch batch = {.feed = &course->feed, .samples = course->samples, .count = course->request->batch_size};
    struct batch_result result;
    while (!course->timing.stop) {
        engine_evaluate(course->engine, &batch, course->probabilities, &result);
        timing_step(&course->timing);
    }
}

static int run_steps(struct course *course, struct error *error) {
    timing_start(&course->timing, course->request);
    if (!course->request->training) {
        infer(course);
        return 0;
    }
    /* Being stopped is how it ends. */
    struct error end = {0};
    trainer_run(course->trainer, &end);
    if (end.code == ERROR_INTERRUPTED) return 0;
    *error = end;
    return -1;
}

/* ---- the peak ---- */

struct peak {
    const struct kernels *kernels;
    int64_t rounds;
    size_t sums, row; /* of a thread; floats from one thread's to the next one's */
    float *all;       /* (threads, row) */
};

static void multiply_add(void *context, int part) {
    const struct peak *peak = context;
    peak->kernels->multiply_adds(peak->rounds, 0.5f, peak->all + (size_t)part * peak->row);
}

/* Operations a second, in thousand millions: the best of several tries of some milliseconds. Called after steps, when
 * all threads have long been on cores of their own. */
static int measure_peak(const struct course *course, struct bench *bench, struct error *error) {
    int threads = course->request->threads;
    struct peak peak = {.kernels = course->request->kernels, .rounds = 1 << 16};
    size_t line = MEMORY_ALIGNMENT / sizeof(float);
    peak.sums = (size_t)peak.kernels->tile_m * (size_t)peak.kernels->tile_n;
    peak.row = (peak.sums + line - 1) / line * line;
    peak.all = memory_allocate((size_t)threads * peak.row, sizeof(float), "the peak", error);
    if (!peak.all) return -1;
    for (int i = 0; i < PEAK_TRIES; i++) {
        double start = platform_seconds();
        engine_parallel(course->engine, threads, multiply_add, &peak);
        double seconds = platform_seconds() - start;
        double gflops = 2e-9 * (double)peak.sums * (double)peak.rounds * threads / seconds;
        if (gflops > bench->peak_gflops) bench->peak_gflops = gflops;
        /* a fixed number of steps takes a fixed number of instructions: scripts/count-instructions */
        if (seconds < 5e-3 && course->request->steps == 0) peak.rounds *= 2;
    }
    free(peak.all);
    return 0;
}

/* ---- results ---- */

static double operations_of(const struct bench_request *request, int index, int first_trainable) {
    double forward = 2 * request->model->layers[index].multiplications * request->batch_size;
    if (!request->training || index < first_trainable) return forward;
    return forward * (index == first_trainable ? 2 : 3);
}

static void fill_totals(const struct course *course, struct bench *bench) {
    const struct bench_request *request = course->request;
    const struct timing *timing = &course->timing;
    qsort(timing->seconds, (size_t)timing->steps, sizeof(double), ascending);
    bench->steps = timing->steps;
    bench->step_ms = 1e3 * timing->seconds[timing->steps / 2];
    bench->fastest_ms = 1e3 * timing->seconds[0];
    bench->lower_ms = 1e3 * timing->seconds[timing->steps / 4];
    bench->upper_ms = 1e3 * timing->seconds[timing->steps * 3 / 4];
    bench->images_per_second = 1e3 * request->batch_size / bench->step_ms;
    double operations = 0;
    int first = model_first_trainable(request->model);
    for (int i = 0; i < request->model->layer_count; i++) operations += operations_of(request, i, first);
    bench->gflops = operations / (bench->step_ms * 1e6);
    bench->engine_bytes = engine_memory(course->engine);
    bench->process_bytes = platform_peak_memory();
}

/* Scaled from the steps with clocks to the median of those without. */
static void fill_layers(const struct course *course, struct bench *bench) {
    const struct bench_request *request = course->request;
    double scale = bench->step_ms / course->timing.total / request->threads;
    int first = model_first_trainable(request->model);
    bench->other_ms = bench->step_ms;
    for (int i = 0; i < bench->layer_count; i++) {
        struct bench_layer *layer = &bench->layers[i];
        layer->forward_ms = scale * engine_profile_seconds(&course->profile, ENGINE_FORWARD, i);
        layer->backward_ms = scale * engine_profile_seconds(&course->profile, ENGINE_BACKWARD, i);
        layer->operations = operations_of(request, i, first);
        bench->other_ms -= layer->forward_ms + layer->backward_ms;
    }
}

static int run_layers(struct course *course, struct bench *bench, struct error *error) {
    const struct model *model = course->request->model;
    bench->layers = calloc((size_t)model->layer_count, sizeof *bench->layers);
    if (!bench->layers) return error_set(error, ERROR_RUN, NULL, "not enough memory for the times of layers");
    bench->layer_count = model->layer_count;
    course->profile.on = true;
    if (run_steps(course, error) != 0) return -1;
    fill_layers(course, bench);
    return 0;
}

int bench_run(const struct bench_request *request, struct bench *bench, struct error *error) {
    struct course course;
    *bench = (struct bench){0};
    int status = open_course(&course, request, error);
    if (status == 0) status = run_steps(&course, error);
    if (status == 0) {
        fill_totals(&course, bench);
        status = measure_peak(&course, bench, error);
    }
    if (status == 0 && request->by_layer) {
        status = run_layers(&course, bench, error);
        if (status == 0) status = measure_peak(&course, bench, error);
    }
    close_course(&course);
    if (status != 0) bench_free(bench);
    return status;
}

void bench_free(struct bench *bench) {
    free(bench->layers);
    *bench = (struct bench){0};
}
