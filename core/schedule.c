#include "core/schedule.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static const double pi = 3.14159265358979323846;

static const struct field common_fields[] = {
    {.key = "warmup_epochs",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct schedule_common, warmup_epochs),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .help = "epochs, or a fraction, in which the rate climbs linearly from 0"},
    {0},
};

static double constant_factor(const void *config, const struct schedule_time *time) {
    (void)config;
    (void)time;
    return 1;
}

static const struct schedule_kind constant = {
    .component =
        {
            .name = "Constant",
            .alias = "constant",
            .summary = "The same rate throughout",
            .size = sizeof(struct schedule_common),
        },
    .factor = constant_factor,
};

struct step_decay {
    struct schedule_common common;
    double step_epochs, factor;
};

static const struct field step_decay_fields[] = {
    {.key = "step_epochs",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct step_decay, step_epochs),
     .minimum = 0,
     .maximum = 1e9,
     .above = true,
     .help = "epochs from one drop to the next"},
    {.key = "factor",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct step_decay, factor),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 1,
     .above = true,
     .help = "what a drop multiplies the rate by"},
    {0},
};

static double step_factor(const void *config, const struct schedule_time *time) {
    const struct step_decay *decay = config;
    return pow(decay->factor, floor(time->step / (decay->step_epochs * time->epoch)));
}

static const struct schedule_kind step_decay = {
    .component =
        {
            .name = "StepDecay",
            .alias = "step",
            .summary = "The rate drops by a factor every few epochs",
            .fields = step_decay_fields,
            .size = sizeof(struct step_decay),
        },
    .factor = step_factor,
};

struct exponential_decay {
    struct schedule_common common;
    double decay_rate, decay_epochs;
    bool staircase;
};

static const struct field exponential_decay_fields[] = {
    {.key = "decay_rate",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct exponential_decay, decay_rate),
     .minimum = 0,
     .maximum = 1,
     .above = true,
     .help = "what the rate is multiplied by in decay_epochs"},
    {.key = "decay_epochs",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct exponential_decay, decay_epochs),
     .fallback = "1",
     .minimum = 0,
     .maximum = 1e9,
     .above = true,
     .help = "epochs in which decay_rate applies once"},
    {.key = "staircase",
     .type = FIELD_BOOL,
     .offset = offsetof(struct exponential_decay, staircase),
     .fallback = "false",
     .help = "fall in steps of decay_epochs, not smoothly"},
    {0},
};

static double exponential_factor(const void *config, const struct schedule_time *time) {
    const struct exponential_decay *decay = config;
    double periods = time->step / (decay->decay_epochs * time->epoch);
    return pow(decay->decay_rate, decay->staircase ? floor(periods) : periods);
}

static const struct schedule_kind exponential_decay = {
    .component =
        {
            .name = "ExponentialDecay",
            .alias = "exponential",
            .summary = "The rate falls by the same share every epoch",
            .fields = exponential_decay_fields,
            .size = sizeof(struct exponential_decay),
        },
    .factor = exponential_factor,
};

struct cosine_decay {
    struct schedule_common common;
    double alpha, decay_epochs;
};

static const struct field cosine_decay_fields[] = {
    {.key = "alpha",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct cosine_decay, alpha),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1,
     .help = "share of the base rate that is left at the end"},
    {.key = "decay_epochs",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct cosine_decay, decay_epochs),
     .fallback = "null",
     .nullable = true,
     .minimum = 0,
     .maximum = 1e9,
     .help = "epochs until the end of the decay; null or 0: until the end of the run"},
    {0},
};

/* (1 - alpha) (1 + cos(pi part)) / 2 + alpha: Loshchilov and Hutter 2017 without restarts, as Keras' CosineDecay. */
static double cosine_factor(const void *config, const struct schedule_time *time) {
    const struct cosine_decay *decay = config;
    double steps = decay->decay_epochs > 0 ? decay->decay_epochs * time->epoch : time->remaining;
    double part = time->step < steps ? time->step / steps : 1;
    return (1 - decay->alpha) * 0.5 * (1 + cos(pi * part)) + decay->alpha;
}

static const struct schedule_kind cosine_decay = {
    .component =
        {
            .name = "CosineDecay",
            .alias = "cosine",
            .summary = "The rate falls along half a cosine",
            .fields = cosine_decay_fields,
            .size = sizeof(struct cosine_decay),
        },
    .factor = cosine_factor,
};

static const struct component_kind *const kinds[] = {
    &constant.component, &step_decay.component, &exponential_decay.component, &cosine_decay.component, NULL,
};

const struct component_registry schedule_registry = {
    .what = "schedule",
    .kinds = kinds,
    .common = common_fields,
};

double schedule_rate(const struct component *schedule, double base, int64_t step, int64_t steps_per_epoch, int epochs) {
    assert(step >= 0 && steps_per_epoch >= 1 && epochs >= 0);
    if (!schedule->kind) return base;
    const struct schedule_common *common = schedule->config;
    double epoch = (double)steps_per_epoch, at = (double)step;
    double warmup = round(common->warmup_epochs * epoch);
    if (at < warmup) return base * ((at + 1) / warmup);
    struct schedule_time time = {
        .step = at - warmup,
        .remaining = fmax(1, (double)epochs * epoch - warmup),
        .epoch = epoch,
    };
    const struct schedule_kind *kind = (const struct schedule_kind *)schedule->kind; /* its first member */
    return base * kind->factor(schedule->config, &time);
}
