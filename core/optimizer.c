#include "core/optimizer.h"

#include <math.h>
#include <stdio.h>

#define OPTIMIZER(name) extern const struct optimizer_kind optimizer_##name;
#include "core/optimizers/registry.def"
#undef OPTIMIZER

static const struct component_kind *const kinds[] = {
#define OPTIMIZER(name) &optimizer_##name.component,
#include "core/optimizers/registry.def"
#undef OPTIMIZER
    NULL,
};

static const struct field common_fields[] = {
    {.key = "clipnorm",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct optimizer_common, clipnorm),
     .fallback = "null",
     .nullable = true,
     .minimum = 0,
     .maximum = 1e300,
     .help = "largest norm of one variable's gradient; null or 0: off"},
    {.key = "clipvalue",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct optimizer_common, clipvalue),
     .fallback = "null",
     .nullable = true,
     .minimum = 0,
     .maximum = 1e300,
     .help = "largest magnitude of one gradient element; null or 0: off"},
    {.key = "global_clipnorm",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct optimizer_common, global_clipnorm),
     .fallback = "null",
     .nullable = true,
     .minimum = 0,
     .maximum = 1e300,
     .help = "largest norm of all gradients together; null or 0: off"},
    {0},
};

const struct component_registry optimizer_registry = {
    .what = "optimizer",
    .kinds = kinds,
    .common = common_fields,
};

static const struct optimizer_kind *kind_of(const struct component *optimizer) {
    return (const struct optimizer_kind *)optimizer->kind; /* its first member */
}

const struct optimizer_common *optimizer_common_of(const struct component *optimizer) {
    return optimizer->config;
}

bool optimizer_uses_slot(const struct component *optimizer, int slot) {
    const struct optimizer_kind *kind = kind_of(optimizer);
    if (slot < 0 || slot >= kind->slots) return false;
    return !kind->uses_slot || kind->uses_slot(optimizer->config, slot);
}

void optimizer_start(const struct component *optimizer, float *const *slots, size_t count) {
    const struct optimizer_kind *kind = kind_of(optimizer);
    for (int slot = 0; slot < kind->slots; slot++)
        for (size_t i = 0; slots[slot] && i < count; i++) slots[slot][i] = 0;
    if (kind->start) kind->start(optimizer->config, slots, count);
}

static void decay_weights(float *restrict weights, size_t count, double share) {
    float decay = (float)share;
    for (size_t i = 0; i < count; i++) weights[i] -= weights[i] * decay;
}

void optimizer_apply(const struct component *optimizer, const struct optimizer_step *step) {
    double decay = optimizer_common_of(optimizer)->weight_decay;
    if (decay > 0) decay_weights(step->weights, step->count, decay * step->learning_rate);
    kind_of(optimizer)->apply(optimizer->config, step);
}

/* ---- clipping ---- */

enum { LANES = 8 };

/* Lane i % LANES sums every LANES-th square: a fixed order that vectorizes. */
static double sum_of_squares(const float *values, size_t count) {
    double lanes[LANES] = {0};
    size_t whole = count - count % LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += (double)values[i + lane] * (double)values[i + lane];
    for (size_t i = whole; i < count; i++) lanes[i - whole] += (double)values[i] * (double)values[i];
    double sum = 0;
    for (size_t lane = 0; lane < LANES; lane++) sum += lanes[lane];
    return sum;
}

/* What brings a gradient of this norm down to `limit`; NaN for a norm that is not finite. */
static double norm_scale(double sum_squares, double limit) {
    double norm = sqrt(sum_squares);
    if (norm <= limit) return 1;
    return isfinite(norm) ? limit / norm : NAN;
}

static void scale_values(float *restrict values, size_t count, double scale) {
    float factor = (float)scale;
    if (scale == 1) return;
    for (size_t i = 0; i < count; i++) values[i] *= factor;
}

/* A NaN passes: it is neither above nor below. */
static void clamp_values(float *restrict values, size_t count, double limit) {
    float top = (float)limit;
    for (size_t i = 0; i < count; i++) {
        float value = values[i];
        value = value > top ? top : value;
        values[i] = value < -top ? -top : value;
    }
}

bool optimizer_clips(const struct component *optimizer) {
    const struct optimizer_common *common = optimizer_common_of(optimizer);
    return common->clipnorm > 0 || common->clipvalue > 0 || common->global_clipnorm > 0;
}

static void clip_globally(double limit, float *gradient, const struct optimizer_range *variables, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += sum_of_squares(gradient + variables[i].offset, variables[i].size);
    double scale = norm_scale(sum, limit);
    for (size_t i = 0; i < count; i++) scale_values(gradient + variables[i].offset, variables[i].size, scale);
}

void optimizer_clip(const struct component *optimizer, float *gradient, const struct optimizer_range *variables,
                    size_t count) {
    const struct optimizer_common *common = optimizer_common_of(optimizer);
    if (common->global_clipnorm > 0) {
        clip_globally(common->global_clipnorm, gradient, variables, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float *values = gradient + variables[i].offset;
        size_t size = variables[i].size;
        if (common->clipnorm > 0)
            scale_values(values, size, norm_scale(sum_of_squares(values, size), common->clipnorm));
        if (common->clipvalue > 0) clamp_values(values, size, common->clipvalue);
    }
}

int optimizer_check(const void *config, const struct place *place, struct error *error) {
    const struct optimizer_common *common = config;
    const struct {
        const char *name;
        double value;
    } clips[] = {
        {"clipnorm", common->clipnorm}, {"clipvalue", common->clipvalue}, {"global_clipnorm", common->global_clipnorm}};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        if (clips[i].value <= 0) continue;
        if (first)
            return place_error(place, error,
                               "%s and %s are both set; only one of clipnorm, clipvalue and "
                               "global_clipnorm may be: remove the others",
                               first, clips[i].name);
        first = clips[i].name;
    }
    return 0;
}
