/* The learning-rate range test (L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017): a
 * training whose rate grows from step to step, to see where the loss falls and where it breaks away. */
#ifndef CNNTRAIN_CORE_RUN_RATES_H
#define CNNTRAIN_CORE_RUN_RATES_H

#include <stdbool.h>

#include "core/progress.h"
#include "core/run_parts.h"

enum { RATES_STEPS_LEAST = 10, RATES_STEPS_MOST = 100000 };

struct rates_request {
    struct run_parts *parts;  /* opened; its weights are used up */
    double from, to;          /* above 0, from < to: the rate grows by the same factor each step */
    int steps;                /* RATES_STEPS_LEAST to RATES_STEPS_MOST */
    struct progress progress; /* hears of steps */
};

struct rates_point {
    double rate, loss; /* of a batch, before the step with this rate */
    double smooth;     /* mean of the losses around it, nearer ones weighing more */
};

struct rates {
    int count;
    struct rates_point *points; /* (count), malloc'd: rates_free */
    bool has_diverged;          /* it ended before the last step: the loss was four times its least, or not finite */
    int steepest, least;        /* points: where `smooth` falls fastest by the logarithm of the rate, and where it is
                                   least; -1: it never falls */
};

/* Runs it. ERROR_INTERRUPTED where the workshop wants to stop, ERROR_NOT_FINITE where the first loss is not finite,
 * ERROR_RUN. */
int rates_run(const struct rates_request *request, struct rates *rates, struct error *error);
void rates_free(struct rates *rates);

#endif
