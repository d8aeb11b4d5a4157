/* A few steps of a training that leave nothing behind: to see that it works, and how long all of it will take. */
#ifndef CNNTRAIN_CORE_RUN_TRIAL_H
#define CNNTRAIN_CORE_RUN_TRIAL_H

#include "core/run_parts.h"

struct trial {
    int steps;           /* taken */
    double loss;         /* of the first batch, before any step */
    double step_seconds; /* median, but for the first step */
    int64_t steps_per_epoch;
    double validation_seconds, test_seconds; /* of all their images, from one batch; 0: there are none */
    double epoch_seconds, total_seconds;     /* with validation; of all epochs and the test */
    size_t parameter_bytes, work_bytes;      /* of the weights; of the engine */
    size_t optimizer_bytes;                  /* of the optimizer's state */
};

/* One step, then more, for at most `seconds` and as many as an epoch has. The parts are opened; their weights are
 * moved. ERROR_INTERRUPTED where the workshop wants to stop, ERROR_NOT_FINITE, ERROR_RUN. */
int trial_run(struct run_parts *parts, double seconds, struct trial *trial, struct error *error);

#endif
