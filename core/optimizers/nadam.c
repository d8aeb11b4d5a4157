/* Nadam (Dozat 2015) in Keras' form: Adam with Nesterov momentum and a momentum that warms up. */
#include <math.h>

#include "core/optimizer.h"

struct nadam_config {
    struct optimizer_common common;
    double beta_1, beta_2, epsilon;
};

enum { MOMENTUM, VELOCITY };

static const struct field fields[] = {
    OPTIMIZER_RATE_FIELD("0.001"),
    {.key = "beta_1",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct nadam_config, beta_1),
     .fallback = "0.9",
     .minimum = 0,
     .maximum = 1,
     .below = true,
     .help = "decay of the mean of the gradients"},
    {.key = "beta_2",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct nadam_config, beta_2),
     .fallback = "0.999",
     .minimum = 0,
     .maximum = 1,
     .below = true,
     .help = "decay of the mean of their squares"},
    {.key = "epsilon",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct nadam_config, epsilon),
     .fallback = "1e-7",
     .minimum = 0,
     .maximum = 1e300,
     .help = "added to the root"},
    OPTIMIZER_DECAY_FIELD("null"),
    {0},
};

static const double warmup = 0.96;

/* The momentum of step t: u(t) = beta_1 (1 - 0.5 * 0.96^t). */
static double momentum_at(double beta_1, double t) {
    return beta_1 * (1 - 0.5 * pow(warmup, t));
}

/* u(1) u(2) ... u(t), from t alone so that it is no state: beta_1^t times factors that are 1 in double from the 1000th
 * on (0.96^1000 < 2^-58). */
static double momentum_product(double beta_1, int64_t t) {
    double product = 1, power = 1;
    for (int64_t i = 1; i <= t && i < 1000; i++) {
        power *= warmup;
        product *= 1 - 0.5 * power;
    }
    return product * pow(beta_1, (double)t);
}

/* m += (g - m)(1 - beta_1); v += (g^2 - v)(1 - beta_2);
 * w -= rate (u(t+1) m / (1 - u(1)...u(t+1)) + (1 - u(t)) g / (1 - u(1)...u(t))) / (sqrt(v / (1 - beta_2^t)) + epsilon)
 */
static void apply(const void *config, const struct optimizer_step *step) {
    const struct nadam_config *nadam = config;
    double t = (double)step->iteration;
    double now = momentum_at(nadam->beta_1, t), next = momentum_at(nadam->beta_1, t + 1);
    double product = momentum_product(nadam->beta_1, step->iteration);
    float momentum_factor = (float)(next / (1 - product * next)), gradient_factor = (float)((1 - now) / (1 - product));
    float correction = (float)(1 / (1 - pow(nadam->beta_2, t)));
    float momentum_share = (float)(1 - nadam->beta_1), velocity_share = (float)(1 - nadam->beta_2);
    float rate = (float)step->learning_rate, epsilon = (float)nadam->epsilon;

    float *restrict weights = step->weights;
    float *restrict momentum = step->slots[MOMENTUM], *restrict velocity = step->slots[VELOCITY];
    const float *restrict gradient = step->gradient;
    for (size_t i = 0; i < step->count; i++) {
        float g = gradient[i];
        momentum[i] += (g - momentum[i]) * momentum_share;
        velocity[i] += (g * g - velocity[i]) * velocity_share;
        float mean = momentum_factor * momentum[i] + gradient_factor * g;
        weights[i] -= mean * rate / (sqrtf(velocity[i] * correction) + epsilon);
    }
}

extern const struct optimizer_kind optimizer_nadam;
const struct optimizer_kind optimizer_nadam = {
    .component =
        {
            .name = "Nadam",
            .alias = "nadam",
            .summary = "Adam with Nesterov momentum",
            .fields = fields,
            .size = sizeof(struct nadam_config),
            .check = optimizer_check,
        },
    .slots = 2,
    .slot_names = {"momentum", "velocity"},
    .apply = apply,
};
