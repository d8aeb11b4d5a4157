/* Adagrad (Duchi, Hazan, Singer 2011) in Keras' form: epsilon stands inside the root. */
#include <math.h>

#include "core/optimizer.h"

struct adagrad_config {
    struct optimizer_common common;
    double initial_accumulator_value, epsilon;
};

static const struct field fields[] = {
    OPTIMIZER_RATE_FIELD("0.001"),
    {.key = "initial_accumulator_value",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct adagrad_config, initial_accumulator_value),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 1e300,
     .help = "sum of squares before the first step"},
    {.key = "epsilon",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct adagrad_config, epsilon),
     .fallback = "1e-7",
     .minimum = 0,
     .maximum = 1e300,
     .help = "added under the root"},
    OPTIMIZER_DECAY_FIELD("null"),
    {0},
};

static void start(const void *config, float *const *slots, size_t count) {
    const struct adagrad_config *adagrad = config;
    for (size_t i = 0; i < count; i++) slots[0][i] = (float)adagrad->initial_accumulator_value;
}

/* s += g^2; w -= rate g / sqrt(s + epsilon) */
static void apply(const void *config, const struct optimizer_step *step) {
    const struct adagrad_config *adagrad = config;
    float *restrict weights = step->weights, *restrict accumulator = step->slots[0];
    const float *restrict gradient = step->gradient;
    float rate = (float)step->learning_rate, epsilon = (float)adagrad->epsilon;
    for (size_t i = 0; i < step->count; i++) {
        float g = gradient[i];
        accumulator[i] += g * g;
        weights[i] -= rate * g / sqrtf(accumulator[i] + epsilon);
    }
}

extern const struct optimizer_kind optimizer_adagrad;
const struct optimizer_kind optimizer_adagrad = {
    .component =
        {
            .name = "Adagrad",
            .alias = "adagrad",
            .summary = "Steps divided by the root of the sum of all squared gradients",
            .fields = fields,
            .size = sizeof(struct adagrad_config),
            .check = optimizer_check,
        },
    .slots = 1,
    .slot_names = {"accumulator"},
    .start = start,
    .apply = apply,
};
