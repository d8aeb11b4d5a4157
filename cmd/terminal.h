/* What a person sees: progress on stderr, colour where it is wanted, messages without surprises. */
#ifndef CNNTRAIN_CMD_TERMINAL_H
#define CNNTRAIN_CMD_TERMINAL_H

#include <stdio.h>

#include "cmd/live.h"
#include "cmd/session.h"

/* Where a training stands, for its bar. */
struct training_clock {
    int64_t first_step;   /* of the epoch: not the first one where it was gone on with */
    double phase_start;   /* of validation or test: seconds on platform_seconds' clock */
    double epoch_seconds; /* what the last whole epoch took with its validation; NAN: none yet */
    double after_steps;   /* what its validation took; 0: none yet */
    double step_seconds;  /* what the steps of this epoch took */
};

struct terminal {
    const struct session *session;
    struct live live;
    bool has_color;
    struct training_clock clock;
    const char *doing;    /* what long work is: "Loading", "Evaluating" */
    double loading_since; /* seconds: this part of it */
    int64_t loaded;
};

/* Outlives every use of the session's workshop once it listens there. */
void terminal_open(struct terminal *terminal, const struct session *session);
/* The workshop's notes, details, training and loading come here from now on. */
void terminal_listen(struct terminal *terminal, struct session *session);
/* What is being done just now, where a person watches: it goes away with the next line. */
void terminal_status(struct terminal *terminal, const char *status);
/* Removes the bar or status, for what is printed next. */
void terminal_close(struct terminal *terminal);

/* run_load_data with a bar, where it takes long. */
int terminal_load_data(struct terminal *terminal, struct session *session, const struct config *config,
                       struct data_splits *splits);

/* Listeners; `listener` is a struct terminal. */
void terminal_train_event(void *listener, const struct train_event *event);
/* Writes a table of results to standard output; where the locale is not UTF-8, ± becomes +/-. */
void terminal_print_table(const char *table);
void terminal_note(void *listener, const char *line);
void terminal_detail(void *listener, const char *line);
/* Of data that are loaded, images that are evaluated: a bar, unless it is done at once. */
void terminal_progress(void *listener, const char *what, int64_t done, int64_t total);

/* The bar's line of a step, validation or test, in so many columns, with `label` (or NULL) in front. The clock is kept
 * by training_clock_hear, which wants every event. */
void training_clock_hear(struct training_clock *clock, const struct train_event *event);
void training_bar(const struct training_clock *clock, const struct train_event *event, const char *label, int columns,
                  struct text *line);
/* Seconds to the end of the whole training; NAN: not known yet. */
double training_seconds_left(const struct training_clock *clock, const struct train_event *event);
/* What is printed for good of an event, each line with `label` (or NULL) in front; nothing for most. */
void training_lines(const struct train_event *event, const char *label, bool verbose, struct text *text);

/* The session's error as one line on stderr, and its advice as another. */
void terminal_error(const struct session *session);
/* The last words of -v: what the command took. */
void terminal_farewell(const struct session *session, double seconds);

/* A string that may come from anywhere, without what a terminal would obey: control characters are shown as escapes. */
void terminal_print(FILE *file, const char *string);

/* Whether stdout shows colours, and whether the locale that the terminal is set to writes Unicode. */
bool terminal_has_color(const struct session *session);
bool terminal_has_unicode(void);

/* Columns of stdout: of the terminal, else 80. */
int terminal_width(void);

#endif
