/* How a batch of experiments shows: a table of all runs that changes in place, or plain lines. */
#ifndef CNNTRAIN_CMD_BATCH_VIEW_H
#define CNNTRAIN_CMD_BATCH_VIEW_H

#include "cmd/terminal.h"
#include "core/experiments.h"

struct batch_run; /* a line of the table */

struct batch_view {
    struct terminal *terminal; /* the caller's */
    struct batch_run *runs;    /* (count); NULL before the batch begins, and where there is no memory for it */
    int count, jobs;
    double start; /* seconds */
};

void batch_view_open(struct batch_view *view, struct terminal *terminal);
/* Takes the table away, or leaves its last state on the screen where the batch did not come to its end. */
void batch_view_close(struct batch_view *view, bool finished);

/* A listener of batches; `listener` is a struct batch_view. */
void batch_view_hear(void *listener, const struct experiment_event *event);

#endif
