#include "core/gradcheck.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "core/activation.h"
#include "core/initializer.h"
#include "core/layer_run.h"
#include "core/memory.h"
#include "core/rng.h"

enum { IMAGES = 3, SAMPLES_MAX = 200, SAMPLES_MIN = 20, LONGEST = 32, TRIES = 4, REACHED = 1024 };

static const double step_length = 0.04;
static const double budget = 4e9; /* multiplications spent on a tensor */

struct check {
    struct layer_run run;
    float *weights; /* (images, output): the loss is their product with y */
    struct rng rng;
    double loss;     /* with nothing moved */
    double rounding; /* about what it is good to */
    double room;     /* how many times step_length a step may be for the sake of that */
};

/* ---- inputs and weights ---- */

/* Distinct numbers evenly spread over (-1,1), in random order: no ties for a maximum. */
static void fill_distinct(struct rng *rng, float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (float)((2 * (double)i + 1) / (double)count - 1);
    for (size_t i = count - 1; i > 0; i--) {
        size_t j = i < UINT32_MAX ? rng_below(rng, (uint32_t)i + 1) : i;
        float swapped = values[i];
        values[i] = values[j];
        values[j] = swapped;
    }
}

/* Trainable weights are random, of a size that keeps outputs near 1; the others start as the layer declares them. */
static int fill_parameter(struct check *check, int index, uint64_t seed, struct error *error) {
    const struct parameter *parameter = &check->run.layer->parameters[index];
    float *values = check->run.parameters[index];
    if (!parameter->trainable) {
        const struct rng rng = rng_stream(seed, RNG_INITIALIZE, (uint64_t)index, 0, 0);
        return initializer_fill(&parameter->initializer, &parameter->shape, rng, values, error);
    }
    const size_t size = check->run.sizes[index];
    const double last = parameter->shape.size[parameter->shape.rank - 1], limit = sqrt(3 * last / (double)size);
    for (size_t i = 0; i < size; i++) values[i] = (float)(limit * (2 * (double)rng_uniform(&check->rng) - 1));
    return 0;
}

/* Outputs whose value before the activation is so near to zero that a step could take it across get no weight. */
static void fill_weights(struct check *check) {
    const struct activation_kind *activation =
        (const struct activation_kind *)(const void *)check->run.layer->activation.kind;
    const double margin = activation && !activation->is_linear ? 2 * step_length : 0;
    for (size_t i = 0; i < IMAGES * check->run.output; i++) {
        float weight = 0.5F + 0.5F * rng_uniform(&check->rng);
        if (rng_below(&check->rng, 2)) weight = -weight;
        check->weights[i] = fabs((double)check->run.before[i]) < margin ? 0 : weight;
    }
}

static double loss_of(struct check *check) {
    double loss = 0;
    layer_run_forward(&check->run, true);
    for (size_t i = 0; i < IMAGES * check->run.output; i++) loss += (double)check->weights[i] * (double)check->run.y[i];
    return loss;
}

static double largest_of(const float *gradient, size_t size) {
    double largest = 0;
    for (size_t i = 0; i < size; i++) {
        if (!isfinite(gradient[i])) return INFINITY;
        largest = fmax(largest, fabs((double)gradient[i]));
    }
    return largest;
}

/* A layer that multiplies is good to some last places of its outputs, each by itself. What a step does not reach rounds
 * the same before and after, so that some outputs count only; in a convolution by Winograd's algorithm those of whole
 * tiles do. */
static double rounding_of(const struct check *check) {
    const size_t count = IMAGES * check->run.output;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        const double term = (double)check->weights[i] * (double)check->run.y[i];
        squares += term * term;
    }
    const double reached = fmin((double)count, REACHED);
    return check->run.layer->multiplications > 0 ? 4 * (double)FLT_EPSILON * sqrt(squares / (double)count * reached)
                                                 : 0;
}

/* How much longer than step_length an input's step may be with no output coming to its kink. */
static double room_of(const struct check *check) {
    double largest = 0;
    for (int i = 0; i < check->run.layer->parameter_count; i++) /* kernels; a bias is added */
        if (check->run.layer->parameters[i].shape.rank > 1)
            largest = fmax(largest, largest_of(check->run.parameters[i], check->run.sizes[i]));
    return largest > 0 ? fmax(1, 1 / largest) : 1;
}

/* ---- one slope ---- */

struct slopes {
    double central, right, left;
};

static struct slopes slopes_at(struct check *check, float *value, double step) {
    const float middle = *value, above = (float)((double)middle + step), below = (float)((double)middle - step);
    *value = above;
    const double loss_above = loss_of(check);
    *value = below;
    const double loss_below = loss_of(check);
    *value = middle;
    return (struct slopes){
        .central = (loss_above - loss_below) / ((double)above - (double)below),
        .right = (loss_above - check->loss) / ((double)above - (double)middle),
        .left = (check->loss - loss_below) / ((double)middle - (double)below),
    };
}

/* The slope by central differences. Where gradients are small (an input of a wide Dense layer) or the loss rounds much
 * (a convolution by Winograd's algorithm) the step is longer, so that the loss moves by more than its rounding errors.
 * The slope is sure where half the step gives the same and both sides agree roughly; otherwise a kink is near, and a
 * smaller step may still miss it. False where none does. */
static bool measure(struct check *check, float *value, double largest, double *slope) {
    const double rounding = check->rounding / (step_length * GRADCHECK_TOLERANCE / 16 * largest / 10);
    double step = step_length * fmin(LONGEST, fmax(fmin(rounding, check->room), fmax(1, 1 / largest)));
    for (int i = 0; i < TRIES; i++, step /= 8) {
        const struct slopes wide = slopes_at(check, value, step), narrow = slopes_at(check, value, step / 2);
        const double size = fmax(fabs(narrow.central), largest / 10);
        const double sides = fmax(fabs(narrow.right), fabs(narrow.left));
        *slope = narrow.central;
        if (fabs(wide.central - narrow.central) <= GRADCHECK_TOLERANCE / 2 * size &&
            fabs(narrow.right - narrow.left) <= 0.5 * sides + largest / 50)
            return true;
    }
    return false;
}

/* ---- one tensor ---- */

static int samples_for(const struct layer *layer) {
    const double cost = 4.0 * IMAGES * fmax(1, layer->multiplications);
    return (int)fmin(SAMPLES_MAX, fmax(SAMPLES_MIN, budget / cost));
}

/* Where to look: everywhere in a small tensor; else random places, every other one moved on to a gradient that is not
 * zero, so that a pool's few such places are seen. */
static size_t sample_at(struct check *check, const float *gradient, size_t size, int sample, int samples) {
    if (size <= (size_t)samples) return (size_t)sample;
    size_t at = (size_t)(rng_next(&check->rng) % size);
    for (size_t i = 0; sample % 2 && i < size && gradient[at] == 0; i++) at = (at + 1) % size;
    return at;
}

static void compare(struct gradcheck_tensor *tensor, double analytic, double numeric, double largest) {
    const double size = fmax(fmax(fabs(analytic), fabs(numeric)), largest / 10);
    const double error = size > 0 ? fabs(analytic - numeric) / size : 0;
    if (error <= tensor->error) return; /* a NaN goes on */
    tensor->error = isnan(error) ? INFINITY : error;
    tensor->analytic = analytic;
    tensor->numeric = numeric;
}

static struct gradcheck_tensor check_tensor(struct check *check, const char *name, float *values, const float *gradient,
                                            size_t size) {
    struct gradcheck_tensor tensor = {.name = name};
    const double largest = largest_of(gradient, size);
    const int limit = samples_for(check->run.layer), samples = size < (size_t)limit ? (int)size : limit;
    tensor.is_zero = largest == 0;
    if (isinf(largest)) { /* not a number, or a place that backward did not write */
        tensor.error = INFINITY;
        return tensor;
    }
    for (int sample = 0; sample < samples; sample++) {
        const size_t at = sample_at(check, gradient, size, sample, samples);
        double slope = 0;
        if (!measure(check, values + at, largest, &slope)) {
            tensor.doubtful++;
            continue;
        }
        tensor.checked++;
        compare(&tensor, (double)gradient[at], slope, largest);
    }
    tensor.passed = tensor.error <= GRADCHECK_TOLERANCE && !tensor.is_zero && tensor.checked > tensor.doubtful;
    return tensor;
}

/* ---- a layer ---- */

static int prepare(struct check *check, const struct layer *layer, const struct kernels *kernels, uint64_t seed,
                   struct error *error) {
    check->rng = rng_stream(seed, RNG_CHECK, (uint64_t)layer->index, 0, 0);
    if (layer_run_open(&check->run, layer, kernels, IMAGES, error) != 0) return -1;
    check->run.seed = seed;
    check->weights = memory_allocate(IMAGES * check->run.output, sizeof *check->weights, "a gradient check", error);
    if (!check->weights) return -1;
    fill_distinct(&check->rng, check->run.x, IMAGES * check->run.input);
    if (check->run.second) fill_distinct(&check->rng, check->run.seconds, IMAGES * check->run.second);
    for (int i = 0; i < layer->parameter_count; i++)
        if (fill_parameter(check, i, seed, error) != 0) return -1;
    if (layer->kind->avoid_kinks) layer->kind->avoid_kinks(layer, check->run.parameters);
    return 0;
}

static void add_tensor(struct gradcheck_result *result, struct gradcheck_tensor tensor) {
    result->tensors[result->count++] = tensor;
    result->passed = result->passed && tensor.passed;
    if (result->name && tensor.error <= result->error) return;
    result->error = tensor.error;
    result->name = tensor.name;
}

static void check_tensors(struct check *check, struct gradcheck_result *result) {
    struct layer_run *run = &check->run;
    *result = (struct gradcheck_result){.passed = true};
    layer_run_forward(run, true);
    fill_weights(check);
    check->loss = loss_of(check);
    check->rounding = rounding_of(check);
    check->room = room_of(check);
    for (size_t i = 0; i < IMAGES * run->output; i++) run->dy[i] = check->weights[i];
    layer_run_backward(run);

    add_tensor(result, check_tensor(check, "input", run->x, run->dx, IMAGES * run->input));
    if (run->second)
        add_tensor(result, check_tensor(check, "second input", run->seconds, run->dseconds, IMAGES * run->second));
    check->room = 1;
    for (int i = 0; i < run->layer->parameter_count; i++) {
        const struct parameter *parameter = &run->layer->parameters[i];
        if (!parameter->trainable) continue;
        add_tensor(result, check_tensor(check, parameter->name, run->parameters[i], run->gradients[i], run->sizes[i]));
    }
}

int gradcheck_layer(const struct layer *layer, const struct kernels *kernels, uint64_t seed,
                    struct gradcheck_result *result, struct error *error) {
    struct check check = {0};
    const int status = prepare(&check, layer, kernels, seed, error);
    if (status == 0) check_tensors(&check, result);
    free(check.weights);
    layer_run_close(&check.run);
    return status;
}
