/* RMSprop (Hinton 2012) in Keras' form: epsilon stands inside the root. */
#include <math.h>

#include "core/optimizer.h"

struct rmsprop_config {
    struct optimizer_common common;
    double rho, momentum, epsilon;
    bool centered;
};

enum { VELOCITY, MOMENTUM, AVERAGE_GRADIENT };

static const struct field fields[] = {
    OPTIMIZER_RATE_FIELD("0.001"),
    {.key = "rho",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct rmsprop_config, rho),
     .fallback = "0.9",
     .minimum = 0,
     .maximum = 1,
     .help = "decay of the mean of the squared gradients"},
    {.key = "momentum",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct rmsprop_config, momentum),
     .fallback = "0.0",
     .minimum = 0,
     .maximum = 1,
     .help = "share of the last step that is taken again"},
    {.key = "epsilon",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct rmsprop_config, epsilon),
     .fallback = "1e-7",
     .minimum = 0,
     .maximum = 1e300,
     .help = "added under the root"},
    {.key = "centered",
     .type = FIELD_BOOL,
     .offset = offsetof(struct rmsprop_config, centered),
     .fallback = "false",
     .help = "divide by the deviation of the gradients, not by their size"},
    OPTIMIZER_DECAY_FIELD("null"),
    {0},
};

static bool uses_slot(const void *config, int slot) {
    const struct rmsprop_config *rmsprop = config;
    if (slot == MOMENTUM) return rmsprop->momentum > 0;
    return slot == VELOCITY || rmsprop->centered;
}

/* v = rho v + (1 - rho) g^2; centered: a = rho a + (1 - rho) g, and v - a^2 stands for v; i = rate g / sqrt(v +
 * epsilon); momentum: b = momentum b + i, and b stands for i; w -= i. Called with constants, so that each case is its
 * own loop. */
static inline void apply_case(const struct rmsprop_config *rmsprop, const struct optimizer_step *step, bool centered,
                              bool has_momentum) {
    float *restrict weights = step->weights, *restrict velocity = step->slots[VELOCITY];
    float *restrict steps = step->slots[MOMENTUM], *restrict average = step->slots[AVERAGE_GRADIENT];
    const float *restrict gradient = step->gradient;
    float rate = (float)step->learning_rate, epsilon = (float)rmsprop->epsilon, momentum = (float)rmsprop->momentum;
    float rho = (float)rmsprop->rho, share = (float)(1 - rmsprop->rho);
    for (size_t i = 0; i < step->count; i++) {
        float g = gradient[i];
        velocity[i] = rho * velocity[i] + share * (g * g);
        float divisor = velocity[i] + epsilon;
        if (centered) {
            average[i] = rho * average[i] + share * g;
            float variance = velocity[i] - average[i] * average[i];
            divisor = (variance < 0 ? 0 : variance) + epsilon; /* below 0 only by rounding */
        }
        float move = rate * g / sqrtf(divisor);
        if (has_momentum) steps[i] = move = momentum * steps[i] + move;
        weights[i] -= move;
    }
}

static void apply(const void *config, const struct optimizer_step *step) {
    const struct rmsprop_config *rmsprop = config;
    bool has_momentum = rmsprop->momentum > 0;
    if (rmsprop->centered && has_momentum)
        apply_case(rmsprop, step, true, true);
    else if (rmsprop->centered)
        apply_case(rmsprop, step, true, false);
    else if (has_momentum)
        apply_case(rmsprop, step, false, true);
    else
        apply_case(rmsprop, step, false, false);
}

extern const struct optimizer_kind optimizer_rmsprop;
const struct optimizer_kind optimizer_rmsprop = {
    .component =
        {
            .name = "RMSprop",
            .alias = "rmsprop",
            .summary = "Steps divided by the running root mean square of the gradients",
            .fields = fields,
            .size = sizeof(struct rmsprop_config),
            .check = optimizer_check,
        },
    .slots = 3,
    .slot_names = {"velocity", "momentum", "average_gradient"},
    .uses_slot = uses_slot,
    .apply = apply,
};
