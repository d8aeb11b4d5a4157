/* A training of tests/support/tiny.h with its files, watched and stopped where a test wants it. */
#ifndef CNNTRAIN_TESTS_SUPPORT_TRAINING_CASE_H
#define CNNTRAIN_TESTS_SUPPORT_TRAINING_CASE_H

#include "core/trainer.h"
#include "tests/support/tiny.h"

/* What the listener is to do, and what it heard. */
struct watch {
    volatile sig_atomic_t stop;
    int stop_epoch;        /* from 1; 0: never */
    int64_t stop_step;     /* of that epoch; 0: at its beginning */
    int copy_epoch;        /* the folder is copied when this epoch ends, before its checkpoint is written; 0: never */
    const char *from, *to; /* folders of the copy */
    void (*on_step)(const struct train_event *event); /* NULL: nothing more */
    int begins, ends, reduced, stopped, restored, skipped, best_epoch;
    int64_t steps;
};

struct training {
    struct tiny tiny;
    struct trainer *trainer;
    char *last, *best, *history;
    char *config_text;
};

/* Opens a trainer that writes into `folder`; what went wrong with it stands in `error`. Close it in either case. */
void training_open(struct training *training, const struct tiny_setup *setup, const char *folder, struct watch *watch,
                   struct error *error);
void training_close(struct training *training);

/* Trains in `folder` to the end or to where the watch stops it, from its last.safetensors where `resume`, and fails the
 * test where it does not end with this code. Final weights go into folder/weights. */
void training_run(const struct tiny_setup *setup, const char *folder, struct watch *watch, bool resume,
                  enum error_code expected);

#endif
