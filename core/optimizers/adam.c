/* Adam (Kingma and Ba 2015) in Keras' form, and AdamW (Loshchilov and Hutter 2019): the same step with a weight decay
 * unless the config says otherwise. */
#include <math.h>

#include "core/optimizer.h"

struct adam_config {
    struct optimizer_common common;
    double beta_1, beta_2, epsilon;
    bool amsgrad;
};

enum { MOMENTUM, VELOCITY, VELOCITY_HAT };

#define ADAM_FIELDS                                                                                                    \
    {.key = "beta_1",                                                                                                  \
     .type = FIELD_NUMBER,                                                                                             \
     .offset = offsetof(struct adam_config, beta_1),                                                                   \
     .fallback = "0.9",                                                                                                \
     .minimum = 0,                                                                                                     \
     .maximum = 1,                                                                                                     \
     .below = true,                                                                                                    \
     .help = "decay of the mean of the gradients"},                                                                    \
        {.key = "beta_2",                                                                                              \
         .type = FIELD_NUMBER,                                                                                         \
         .offset = offsetof(struct adam_config, beta_2),                                                               \
         .fallback = "0.999",                                                                                          \
         .minimum = 0,                                                                                                 \
         .maximum = 1,                                                                                                 \
         .below = true,                                                                                                \
         .help = "decay of the mean of their squares"},                                                                \
        {.key = "epsilon",                                                                                             \
         .type = FIELD_NUMBER,                                                                                         \
         .offset = offsetof(struct adam_config, epsilon),                                                              \
         .fallback = "1e-7",                                                                                           \
         .minimum = 0,                                                                                                 \
         .maximum = 1e300,                                                                                             \
         .help = "added to the root; not bias-corrected"},                                                             \
        {.key = "amsgrad",                                                                                             \
         .type = FIELD_BOOL,                                                                                           \
         .offset = offsetof(struct adam_config, amsgrad),                                                              \
         .fallback = "false",                                                                                          \
         .help = "divide by the largest velocity so far"},

static const struct field adam_fields[] = {
    OPTIMIZER_RATE_FIELD("0.001"),
    ADAM_FIELDS OPTIMIZER_DECAY_FIELD("null"),
    {0},
};

static const struct field adamw_fields[] = {
    OPTIMIZER_RATE_FIELD("0.001"),
    ADAM_FIELDS OPTIMIZER_DECAY_FIELD("0.004"),
    {0},
};

static bool uses_slot(const void *config, int slot) {
    const struct adam_config *adam = config;
    return slot != VELOCITY_HAT || adam->amsgrad;
}

/* Scalars of one step, ready for the loop over the weights. */
struct adam_scalars {
    float alpha, momentum_share, velocity_share, epsilon;
};

/* alpha = rate sqrt(1 - beta_2^t) / (1 - beta_1^t) */
static struct adam_scalars scalars_of(const struct adam_config *adam, const struct optimizer_step *step) {
    double t = (double)step->iteration;
    double alpha = step->learning_rate * sqrt(1 - pow(adam->beta_2, t)) / (1 - pow(adam->beta_1, t));
    return (struct adam_scalars){
        .alpha = (float)alpha,
        .momentum_share = (float)(1 - adam->beta_1),
        .velocity_share = (float)(1 - adam->beta_2),
        .epsilon = (float)adam->epsilon,
    };
}

/* m += (g - m)(1 - beta_1); v += (g^2 - v)(1 - beta_2); w -= alpha m / (sqrt(v) + epsilon) */
static void apply_plain(const struct optimizer_step *step, struct adam_scalars scalars) {
    float *restrict weights = step->weights;
    float *restrict momentum = step->slots[MOMENTUM], *restrict velocity = step->slots[VELOCITY];
    const float *restrict gradient = step->gradient;
    for (size_t i = 0; i < step->count; i++) {
        float g = gradient[i];
        float m = momentum[i] + (g - momentum[i]) * scalars.momentum_share;
        float v = velocity[i] + (g * g - velocity[i]) * scalars.velocity_share;
        momentum[i] = m;
        velocity[i] = v;
        weights[i] -= m * scalars.alpha / (sqrtf(v) + scalars.epsilon);
    }
}

/* The same with the largest v so far in place of v (Reddi, Kale, Kumar 2018). */
static void apply_amsgrad(const struct optimizer_step *step, struct adam_scalars scalars) {
    float *restrict weights = step->weights, *restrict largest = step->slots[VELOCITY_HAT];
    float *restrict momentum = step->slots[MOMENTUM], *restrict velocity = step->slots[VELOCITY];
    const float *restrict gradient = step->gradient;
    for (size_t i = 0; i < step->count; i++) {
        float g = gradient[i];
        float m = momentum[i] + (g - momentum[i]) * scalars.momentum_share;
        float v = velocity[i] + (g * g - velocity[i]) * scalars.velocity_share;
        momentum[i] = m;
        velocity[i] = v;
        largest[i] = largest[i] > v ? largest[i] : v;
        weights[i] -= m * scalars.alpha / (sqrtf(largest[i]) + scalars.epsilon);
    }
}

static void apply(const void *config, const struct optimizer_step *step) {
    const struct adam_config *adam = config;
    if (adam->amsgrad)
        apply_amsgrad(step, scalars_of(adam, step));
    else
        apply_plain(step, scalars_of(adam, step));
}

extern const struct optimizer_kind optimizer_adam, optimizer_adamw;
const struct optimizer_kind optimizer_adam = {
    .component =
        {
            .name = "Adam",
            .alias = "adam",
            .summary = "Steps scaled by running means of the gradients and of their squares",
            .fields = adam_fields,
            .size = sizeof(struct adam_config),
            .check = optimizer_check,
        },
    .slots = 3,
    .slot_names = {"momentum", "velocity", "velocity_hat"},
    .uses_slot = uses_slot,
    .apply = apply,
};

const struct optimizer_kind optimizer_adamw = {
    .component =
        {
            .name = "AdamW",
            .alias = "adamw",
            .summary = "Adam with weight decay apart from the gradient",
            .fields = adamw_fields,
            .size = sizeof(struct adam_config),
            .check = optimizer_check,
        },
    .slots = 3,
    .slot_names = {"momentum", "velocity", "velocity_hat"},
    .uses_slot = uses_slot,
    .apply = apply,
};
