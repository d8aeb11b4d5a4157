/* What a batch of runs consists of: the experiment file, its configs with every seed, and their folders. */
#ifndef CNNTRAIN_CORE_EXPERIMENTS_PLAN_H
#define CNNTRAIN_CORE_EXPERIMENTS_PLAN_H

#include "core/config.h"
#include "core/run.h"

struct experiment_event;

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

/* One run. */
struct experiment_entry {
    struct config config;
    char *folder;
    bool is_wanted; /* not left out by --only */
};

struct experiments_plan {
    const struct experiments_request *request;
    const char *name; /* of the batch */
    int config_count, seed_count, total;
    int seeds[FIELD_LIST_MAX];
    const char **names;               /* (config_count), from the configs */
    struct experiment_entry *entries; /* (config_count, seed_count) */
    char *folder;                     /* malloc'd; NULL before experiments_plan_folders */
    cJSON *json;
    struct arena arena;
};

/* Reads the file and all its configs; the request must outlive the plan. Free it with experiments_plan_free, after a
 * failure too. ERROR_CONFIG, ERROR_IO, ERROR_RUN. */
int experiments_plan_read(struct experiments_plan *plan, const struct experiments_request *request,
                          struct error *error);
/* Chooses the batch's folder and its runs' folders: the one asked for, or the first of runs/<name>, runs/<name>-2, ...
 * whose runs have the same configs. Makes nothing. ERROR_CONFIG where the folder asked for holds a run with another
 * config. */
int experiments_plan_folders(struct experiments_plan *plan, struct error *error);
/* Fails where a run in the chosen folders has another config, saying what differs: asked again once the folder is
 * locked, for another process may have begun there. */
int experiments_plan_check(const struct experiments_plan *plan, struct error *error);
void experiments_plan_free(struct experiments_plan *plan);

/* The fields of an experiment file, for help and the schema. */
extern const struct field experiment_fields[];

#endif
