#include "core/optimizer.h"

struct sgd_config {
    struct optimizer_common common;
    double momentum;
    bool nesterov;
};

static const struct field fields[] = {
    OPTIMIZER_RATE_FIELD("0.01"),
    {.key = "momentum",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct sgd_config, momentum),
     .fallback = "0.0",
     .minimum = 0,
     .maximum = 1,
     .help = "share of the last step that is taken again"},
    {.key = "nesterov",
     .type = FIELD_BOOL,
     .offset = offsetof(struct sgd_config, nesterov),
     .fallback = "false",
     .help = "look ahead along the momentum"},
    OPTIMIZER_DECAY_FIELD("null"),
    {0},
};

static bool uses_slot(const void *config, int slot) {
    const struct sgd_config *sgd = config;
    return slot == 0 && sgd->momentum != 0;
}

/* w -= rate g */
static void apply_plain(const struct optimizer_step *step) {
    float *restrict weights = step->weights;
    const float *restrict gradient = step->gradient;
    float rate = (float)step->learning_rate;
    for (size_t i = 0; i < step->count; i++) weights[i] -= gradient[i] * rate;
}

/* v = momentum v - rate g; w += v */
static void apply_momentum(const struct optimizer_step *step, float momentum) {
    float *restrict weights = step->weights, *restrict velocity = step->slots[0];
    const float *restrict gradient = step->gradient;
    float rate = (float)step->learning_rate;
    for (size_t i = 0; i < step->count; i++) {
        velocity[i] = velocity[i] * momentum - gradient[i] * rate;
        weights[i] += velocity[i];
    }
}

/* v = momentum v - rate g; w += momentum v - rate g */
static void apply_nesterov(const struct optimizer_step *step, float momentum) {
    float *restrict weights = step->weights, *restrict velocity = step->slots[0];
    const float *restrict gradient = step->gradient;
    float rate = (float)step->learning_rate;
    for (size_t i = 0; i < step->count; i++) {
        float move = gradient[i] * rate;
        velocity[i] = velocity[i] * momentum - move;
        weights[i] += velocity[i] * momentum - move;
    }
}

static void apply(const void *config, const struct optimizer_step *step) {
    const struct sgd_config *sgd = config;
    if (sgd->momentum == 0)
        apply_plain(step);
    else if (sgd->nesterov)
        apply_nesterov(step, (float)sgd->momentum);
    else
        apply_momentum(step, (float)sgd->momentum);
}

extern const struct optimizer_kind optimizer_sgd;
const struct optimizer_kind optimizer_sgd = {
    .component =
        {
            .name = "SGD",
            .alias = "sgd",
            .summary = "Gradient descent, with momentum or Nesterov momentum",
            .fields = fields,
            .size = sizeof(struct sgd_config),
            .check = optimizer_check,
        },
    .slots = 1,
    .slot_names = {"momentum"},
    .uses_slot = uses_slot,
    .apply = apply,
};
