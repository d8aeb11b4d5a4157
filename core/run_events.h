/* A run's epochs as TensorBoard's event files, in the run's folder: tensorboard/train and tensorboard/validation, with
 * the names that Keras' TensorBoard callback gives. */
#ifndef CNNTRAIN_CORE_RUN_EVENTS_H
#define CNNTRAIN_CORE_RUN_EVENTS_H

#include <stdbool.h>

#include "core/interop/tensorboard.h"
#include "core/trainer.h"

struct run_events {
    struct tensorboard train, validation; /* path NULL: not written */
    struct error failure;                 /* the first one of an epoch; nothing is written after it */
};

/* Begins new files; `history` is what the run has behind it, which is written too where the folder has no events yet.
 * ERROR_IO, ERROR_RUN. Close them in any case. */
int run_events_open(struct run_events *events, const char *folder, bool validates, const struct history *history,
                    struct error *error);
/* An epoch's end is written; a failure waits for run_events_close, as the training is worth more than its chart. */
void run_events_hear(struct run_events *events, const struct train_event *event);
/* Fails with what went wrong since run_events_open. */
int run_events_close(struct run_events *events, struct error *error);

#endif
