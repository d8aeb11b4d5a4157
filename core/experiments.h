/* A batch of runs: every config for every seed, in order, with a comparison that is rewritten after each run. */
#ifndef CNNTRAIN_CORE_EXPERIMENTS_H
#define CNNTRAIN_CORE_EXPERIMENTS_H

#include "core/report/comparison.h"
#include "core/run.h"

enum experiment_event_kind {
    EXPERIMENT_RUN_BEGIN,
    EXPERIMENT_RUN_SKIPPED, /* finished before */
    EXPERIMENT_RUN_END,
};

struct experiment_event {
    enum experiment_event_kind kind;
    const char *name; /* of the config */
    int seed;
    int number, total; /* from 1 */
    bool resumed;
    const struct run_result *result; /* RUN_SKIPPED and RUN_END; NULL where the run left none */
};

struct experiments_request {
    const struct workshop *workshop;
    const struct config_request *config; /* registries, search, overrides and data of all configs; its path is unused */
    const char *path;                    /* the experiment file, as the user wrote it */
    int seeds;                           /* --seeds: 1..N; 0: as the file says */
    const char *only;                    /* --only: names joined by commas; NULL: all */
    const char *out;                     /* --out; NULL: runs/<name>, numbered on where that holds other runs */
    int jobs;                            /* runs at a time, each a process of its own; 1: one after the other, here */
    bool data_from_user;                 /* the data path was typed on the command line */
    const char *command;                 /* what repeats the batch, for the report */
    void (*listen)(void *listener, const struct experiment_event *event); /* NULL: nobody */
    void *listener;
};

/* What is left when all is done; free it with experiments_free. */
struct experiments_outcome {
    char *folder;      /* malloc'd */
    struct text table; /* the closing table */
    int finished, total;
};

/* Runs what is not finished yet. Everything that can be checked before the first run is. A diverged run is recorded and
 * the batch goes on; any other error ends it, with the report true to what is there. The outcome is filled as far as it
 * got, on failure too. */
int experiments_run(const struct experiments_request *request, struct experiments_outcome *outcome,
                    struct error *error);
void experiments_free(struct experiments_outcome *outcome);

/* The fields of an experiment file, for help and the schema. */
extern const struct field experiment_fields[];

#endif
