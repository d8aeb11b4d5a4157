/* Learning rate schedules: the rate as a pure function of the step, so that a resumed run needs no state of them. */
#ifndef CNNTRAIN_CORE_SCHEDULE_H
#define CNNTRAIN_CORE_SCHEDULE_H

#include <stdint.h>

#include "core/fields.h"

/* Fields every schedule has; the first member of every schedule's config struct. */
struct schedule_common {
    double warmup_epochs; /* the rate climbs linearly from 0 to the base rate over them; 0: no warm-up */
};

/* Where training stands, counted from the end of the warm-up. */
struct schedule_time {
    double step;      /* steps since the warm-up, 0 or more */
    double remaining; /* steps of the whole run after the warm-up, 1 or more */
    double epoch;     /* steps of one epoch */
};

struct schedule_kind {
    struct component_kind component;
    /* What the base rate is multiplied by after the warm-up. */
    double (*factor)(const void *config, const struct schedule_time *time);
};

/* Constant, StepDecay, ExponentialDecay, CosineDecay. */
extern const struct component_registry schedule_registry;

/* The learning rate of step `step` (0 for the first of the whole training) of a run of `epochs` epochs with
 * steps_per_epoch (1 or more) steps each. With W = round(warmup_epochs * steps_per_epoch), step s < W has the rate
 * base * (s + 1) / W; every decay counts its steps from the end of the warm-up. A schedule without kind is constant. */
double schedule_rate(const struct component *schedule, double base, int64_t step, int64_t steps_per_epoch, int epochs);

#endif
