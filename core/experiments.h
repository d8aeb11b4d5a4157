/* A batch of runs: every config for every seed, in order, with a comparison that is rewritten after each run. */
#ifndef CNNTRAIN_CORE_EXPERIMENTS_H
#define CNNTRAIN_CORE_EXPERIMENTS_H

#include "core/experiments_plan.h"
#include "core/report/comparison.h"
#include "core/text.h"

enum experiment_event_kind {
    EXPERIMENT_BATCH_BEGIN, /* folders are chosen; only `plan` and `total` are filled */
    EXPERIMENT_RUN_BEGIN,
    EXPERIMENT_RUN_SKIPPED, /* finished before */
    EXPERIMENT_RUN_TRAINS,  /* `train` says what happened in it */
    EXPERIMENT_RUN_END,
    EXPERIMENT_RUN_FAILED, /* `error` says why: an interruption, or what ends the batch */
    EXPERIMENT_WAITING,    /* side by side: about ten times a second; only `plan` and `total` are filled */
};

struct experiment_event {
    enum experiment_event_kind kind;
    const struct experiments_plan *plan;
    const char *name; /* of the config */
    int seed;
    int number, total; /* from 1 */
    bool resumed;
    const struct run_result *result; /* RUN_SKIPPED and RUN_END; NULL where the run left none */
    const struct train_event *train;
    const struct error *error;
};

/* What is left when all is done; free it with experiments_free. */
struct experiments_outcome {
    char *folder;      /* malloc'd */
    struct text table; /* the closing table */
    int finished, total;
};

/* Runs what is not finished yet. Everything that can be checked before the first run is. A diverged run is recorded and
 * the batch goes on; any other error ends it, with the report true to what is there. The outcome is filled as far as it
 * got, on failure too. What training tells goes to the request's listener, from runs side by side ten times a second at
 * most, and in the process of the run to the workshop's. With more than one job, runs are processes forked from this
 * one: call it before anything here has run on several threads. */
int experiments_run(const struct experiments_request *request, struct experiments_outcome *outcome,
                    struct error *error);
void experiments_free(struct experiments_outcome *outcome);

#endif
