/* What a run's folder tells of it from outside: for someone who looks on, perhaps from another machine, while it
 * trains. Nothing is written. */
#ifndef CNNTRAIN_CORE_RUN_WATCH_H
#define CNNTRAIN_CORE_RUN_WATCH_H

#include <stdbool.h>

#include "core/error.h"
#include "core/history.h"

enum watched_state {
    WATCHED_STARTING, /* no epoch has ended, and no checkpoint is there */
    WATCHED_TRAINING, /* a process of this machine is at work, or files change as if one of another were */
    WATCHED_IDLE,     /* not finished, and nothing happens */
    WATCHED_ENDED,    /* interrupted or failed, as its log says */
    WATCHED_FINISHED,
    WATCHED_NOT_FINITE,
};

struct watched_run {
    char name[128];   /* the config's, or the folder's where there is no config yet */
    char folder[128]; /* the last part of its path */
    enum watched_state state;
    bool is_at_work; /* a process of this machine holds its lock */
    int epochs;      /* that it is to train; 0: not known yet */
    struct history history;
    int best_epoch;       /* from 1, by the metric that ModelCheckpoint watches; 0: none yet */
    const char *monitor;  /* that metric: "val_loss" */
    double test_accuracy; /* NAN: not tested */
    double changed;       /* when history or log last changed: seconds since 1970; 0: never */
    double seconds_left;  /* as of now; NAN: not known, 0: it has ended */
};

/* Whether the folder looks like a run's, or like that of a batch of experiments, whose runs may be still to come: 1, 0,
 * or -1 with an error. */
int watched_is_run(const char *folder, struct error *error);
int watched_is_batch(const char *folder, struct error *error);
/* Fills `run` with what stands there now; watched_free it. A file that is not there yet is no error. ERROR_IO,
 * ERROR_DATA, ERROR_CONFIG for one that cannot be read. */
int watched_read(const char *folder, struct watched_run *run, struct error *error);
void watched_free(struct watched_run *run);

/* The runs right below a folder, sorted by name: paths in malloc'd memory, ended by NULL; watched_free_list. NULL on
 * failure. */
char **watched_list(const char *folder, struct error *error);
void watched_free_list(char **folders);

/* Whether nothing more is to come, unless someone goes on with it. */
bool watched_has_ended(const struct watched_run *run);
/* "starting", "training", "not at work", "interrupted", "finished", "not finite" */
const char *watched_state_name(enum watched_state state);

#endif
