/* The table of a batch's runs as text for a window of any size. */
#ifndef CNNTRAIN_CMD_BATCH_TABLE_H
#define CNNTRAIN_CMD_BATCH_TABLE_H

#include "cmd/terminal.h"

enum batch_state { BATCH_WAITING, BATCH_RUNNING, BATCH_DONE, BATCH_NOT_FINITE, BATCH_FAILED, BATCH_INTERRUPTED };

struct batch_run {
    char name[128]; /* of the config, which is the config-th */
    int config, seed;
    bool is_wanted;
    enum batch_state state;
    int epoch, epochs;
    double start, seconds;   /* when it began, on platform_seconds' clock; how long it has run */
    struct train_event last; /* of a running one: means and steps */
    double val_accuracy, test_accuracy;
    struct training_clock clock;
};

struct batch_window {
    int columns, rows; /* to fill at most */
    bool has_color;
    double seconds; /* since the batch began */
    int jobs;
};

/* A line a run (of many, those around the running ones), then a bar where one run goes on, then what is left. */
void batch_table_write(const struct batch_run *runs, int count, const struct batch_window *window, struct text *text);

/* Seconds that a run still takes, by what is known of it, of others of its config, or of all; NAN: nothing is. */
double batch_seconds_left(const struct batch_run *runs, int count, const struct batch_run *run);

#endif
