/* What a batch will take, from a few steps of each of its configs. Nothing is written. */
#ifndef CNNTRAIN_CORE_EXPERIMENTS_TRIAL_H
#define CNNTRAIN_CORE_EXPERIMENTS_TRIAL_H

#include "core/experiments_plan.h"
#include "core/run_trial.h"

/* A config of the batch. */
struct batch_trial {
    const char *name;
    long long parameters;
    double multiplications; /* of an image, forward */
    int epochs;
    int runs, runs_left; /* its seeds, and those that are not finished in the batch's folder */
    struct trial trial;
};

/* Builds and times every wanted config in turn and tells the listener of each. ERROR_* as experiments_run. */
int batch_trial_run(const struct experiments_request *request,
                    void (*listen)(void *listener, const struct batch_trial *trial), void *listener,
                    struct error *error);

#endif
