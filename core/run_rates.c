#include "core/run_rates.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/optimizer.h"
#include "core/schedule.h"

/* ---- a rate that grows ---- */

struct growth {
    struct schedule_common common;
    double factor; /* of a step */
};

static double growing_factor(const void *config, const struct schedule_time *time) {
    return pow(((const struct growth *)config)->factor, time->step);
}

static const struct schedule_kind growing = {.component = {.name = "Growing"}, .factor = growing_factor};

/* ---- the training ---- */

struct course {
    const struct rates_request *request;
    struct rates *rates;
    double mean, least; /* the loss as it goes, its recent values weighing most; and its least so far */
    bool is_interrupted;
    volatile sig_atomic_t stop;
};

static void judge(struct course *course, double loss) {
    enum { PATIENCE = 5, BROKEN = 4 };
    const double memory = 0.8; /* of the mean so far */
    const int count = course->rates->count;
    course->mean = count == 1 ? loss : memory * course->mean + (1 - memory) * loss;
    if (count == 1 || course->mean < course->least) course->least = course->mean;
    if (count > PATIENCE && course->mean > BROKEN * course->least) course->rates->has_diverged = true;
}

static void hear(void *listener, const struct train_event *event) {
    struct course *course = listener;
    const struct rates_request *request = course->request;
    struct rates *rates = course->rates;
    const volatile sig_atomic_t *stop = request->parts->workshop->stop;
    if (event->kind != TRAIN_STEP || course->stop) return;
    rates->points[rates->count++] = (struct rates_point){event->learning_rate, event->batch_loss, event->batch_loss};
    judge(course, event->batch_loss);
    progress_tell(&request->progress, "steps", rates->count, request->steps);
    course->is_interrupted = stop && *stop;
    course->stop = course->is_interrupted || rates->has_diverged || rates->count == request->steps;
}

static int train(struct course *course, const struct config *config, struct error *error) {
    struct error end = {0};
    if (run_parts_train(course->request->parts, config, &course->stop, hear, course, &end, error) != 0) return -1;
    if (course->is_interrupted) return error_set(error, ERROR_INTERRUPTED, NULL, "interrupted; nothing was written");
    bool is_over = end.code == ERROR_NOT_FINITE && course->rates->count > 0;
    course->rates->has_diverged |= is_over;
    if (is_over || course->stop) return 0;
    *error = end;
    return -1;
}

/* The config with what the test wants: nothing that ends the training, skips a step or changes the rate. */
static int train_growing(struct course *course, struct error *error) {
    const struct rates_request *request = course->request;
    struct config config = *request->parts->config;
    struct training_config *training = &config.values.training;
    size_t size = training->optimizer.kind->size;
    void *optimizer = memory_allocate(size, 1, "the optimizer's settings", error);
    if (!optimizer) return -1;
    memcpy(optimizer, training->optimizer.config, size);
    ((struct optimizer_common *)optimizer)->learning_rate = request->from;
    struct growth growth = {.factor = pow(request->to / request->from, 1.0 / (request->steps - 1))};
    training->optimizer.config = optimizer;
    training->schedule = (struct component){&growing.component, &growth};
    training->callbacks = (struct component_list){0};
    training->epochs = INT_MAX;
    training->on_nan = ON_NAN_STOP;
    int status = train(course, &config, error);
    free(optimizer);
    return status;
}

/* ---- what it says ---- */

/* Triangular weights over a twentieth of the steps to either side. */
static void smooth(struct rates *rates, int steps) {
    const int reach = steps / 20 > 1 ? steps / 20 : 1;
    for (int i = 0; i < rates->count; i++) {
        double sum = 0, weights = 0;
        for (int k = i - reach; k <= i + reach; k++) {
            if (k < 0 || k >= rates->count || !isfinite(rates->points[k].loss)) continue;
            double weight = reach + 1 - abs(k - i);
            sum += weight * rates->points[k].loss;
            weights += weight;
        }
        rates->points[i].smooth = weights > 0 ? sum / weights : NAN;
    }
}

/* The least comes first: behind it, the loss has begun to break away, and no fall there counts. Steps are equal in the
 * logarithm of the rate. */
static void find(struct rates *rates) {
    const struct rates_point *points = rates->points;
    double steepest = 0;
    rates->least = rates->steepest = -1;
    if (rates->count < 3) return;
    int least = 0;
    for (int i = 1; i < rates->count; i++)
        if (points[i].smooth < points[least].smooth) least = i;
    for (int i = 1; i <= least && i + 1 < rates->count; i++) {
        double slope = (points[i + 1].smooth - points[i - 1].smooth) / 2;
        if (!(slope < steepest)) continue;
        steepest = slope;
        rates->steepest = i;
    }
    if (rates->steepest >= 0) rates->least = least;
}

int rates_run(const struct rates_request *request, struct rates *rates, struct error *error) {
    *rates = (struct rates){.steepest = -1, .least = -1};
    rates->points = memory_allocate((size_t)request->steps, sizeof *rates->points, "the losses", error);
    if (!rates->points) return -1;
    struct course course = {.request = request, .rates = rates};
    if (train_growing(&course, error) != 0) {
        rates_free(rates);
        return -1;
    }
    smooth(rates, request->steps);
    find(rates);
    return 0;
}

void rates_free(struct rates *rates) {
    free(rates->points);
    *rates = (struct rates){.steepest = -1, .least = -1};
}
