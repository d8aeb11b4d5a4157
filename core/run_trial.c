#include "core/run_trial.h"

#include <math.h>
#include <stdlib.h>

#include "core/optimizer.h"
#include "core/platform.h"

enum { STEPS_MOST = 200, STEPS_LEAST = 2 };

/* The steps as they are taken. */
struct course {
    struct run_parts *parts;
    struct trial *trial;
    double seconds[STEPS_MOST];
    double last, end; /* on platform_seconds' clock: when the last step ended, and when to stop */
    bool is_interrupted;
    volatile sig_atomic_t stop;
};

static void hear(void *listener, const struct train_event *event) {
    struct course *course = listener;
    const volatile sig_atomic_t *stop = course->parts->workshop->stop;
    const double now = platform_seconds();
    if (event->kind == TRAIN_EPOCH_BEGIN) course->last = now;
    if (event->kind != TRAIN_STEP || course->stop) return;
    struct trial *trial = course->trial;
    if (trial->steps == 0) trial->loss = event->batch_loss;
    course->seconds[trial->steps++] = now - course->last;
    course->last = now;
    trial->steps_per_epoch = event->steps;
    course->is_interrupted = stop && *stop;
    bool enough = trial->steps >= STEPS_LEAST && now >= course->end;
    course->stop = course->is_interrupted || enough || trial->steps == STEPS_MOST || event->step == event->steps;
}

static int take_steps(struct course *course, struct error *error) {
    struct config config = *course->parts->config;
    config.values.training.callbacks = (struct component_list){0}; /* some want validation */
    struct error end = {0};
    if (run_parts_train(course->parts, &config, &course->stop, hear, course, &end, error) != 0) return -1;
    if (course->is_interrupted) return error_set(error, ERROR_INTERRUPTED, NULL, "interrupted; nothing was written");
    if (course->stop && end.code != ERROR_NOT_FINITE) return 0; /* being stopped is how it ends */
    *error = end;
    return -1;
}

static int ascending(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* Without the first one, unless it is alone: it warms up. */
static double median(double *seconds, int count) {
    if (count > 1) {
        seconds++;
        count--;
    }
    qsort(seconds, (size_t)count, sizeof *seconds, ascending);
    return seconds[count / 2];
}

/* From one batch, or all images where they are fewer. */
static double evaluation_seconds(const struct run_parts *parts, const struct feed *feed) {
    if (!feed->fill) return 0;
    int64_t samples[ENGINE_EVALUATION_BATCH];
    const int64_t images = feed->dataset->count;
    struct batch batch = {.feed = feed, .samples = samples};
    batch.count = images < ENGINE_EVALUATION_BATCH ? (int)images : ENGINE_EVALUATION_BATCH;
    for (int i = 0; i < batch.count; i++) samples[i] = i;
    struct batch_result result;
    engine_refresh(parts->engine);
    const double start = platform_seconds();
    engine_evaluate(parts->engine, &batch, NULL, &result);
    return (platform_seconds() - start) * (double)images / batch.count;
}

static void measure_memory(const struct run_parts *parts, struct trial *trial) {
    const struct training_config *training = &parts->config->values.training;
    trial->parameter_bytes = parts->model.parameter_floats * sizeof(float);
    trial->work_bytes = engine_memory(parts->engine);
    for (int slot = 0; slot < OPTIMIZER_SLOTS_MAX; slot++)
        if (optimizer_uses_slot(&training->optimizer, slot))
            trial->optimizer_bytes += parts->model.trainable_floats * sizeof(float);
}

int trial_run(struct run_parts *parts, double seconds, struct trial *trial, struct error *error) {
    *trial = (struct trial){0};
    struct course course = {.parts = parts, .trial = trial, .end = platform_seconds() + seconds};
    if (take_steps(&course, error) != 0) return -1;
    trial->step_seconds = median(course.seconds, trial->steps);
    trial->validation_seconds = evaluation_seconds(parts, &parts->validation);
    trial->test_seconds = evaluation_seconds(parts, &parts->test);
    trial->epoch_seconds = trial->step_seconds * (double)trial->steps_per_epoch + trial->validation_seconds;
    trial->total_seconds = trial->epoch_seconds * parts->config->values.training.epochs + trial->test_seconds;
    measure_memory(parts, trial);
    return 0;
}
