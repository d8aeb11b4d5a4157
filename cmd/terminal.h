/* What a person sees: progress on stderr, colour where it is wanted, messages without surprises. */
#ifndef CNNTRAIN_CMD_TERMINAL_H
#define CNNTRAIN_CMD_TERMINAL_H

#include <stdio.h>

#include "cmd/session.h"
#include "core/experiments.h"

struct terminal {
    const struct session *session;
    bool has_bar; /* stderr is a terminal that moves its cursor */
    bool has_color;
    double last_draw; /* seconds */
    bool bar_shown;
};

/* Outlives every use of the session's workshop once it listens there. */
void terminal_open(struct terminal *terminal, const struct session *session);
/* The workshop's notes and training events come here from now on. */
void terminal_listen(struct terminal *terminal, struct session *session);
/* What is being done just now, where a person watches: it goes away with the next line. */
void terminal_status(struct terminal *terminal, const char *status);
/* Removes the bar or status, for what is printed next. */
void terminal_close(struct terminal *terminal);

/* run_load_data with a status. */
int terminal_load_data(struct terminal *terminal, struct session *session, const struct config *config,
                       struct data_splits *splits);

/* Listeners of training and of batches: `listener` is a struct terminal. */
void terminal_train_event(void *listener, const struct train_event *event);
void terminal_note(void *listener, const char *line);
void terminal_experiment_event(void *listener, const struct experiment_event *event);

/* The session's error as one line on stderr, and its advice as another. */
void terminal_error(const struct session *session);

/* A string that may come from anywhere, without what a terminal would obey: control characters are shown as escapes. */
void terminal_print(FILE *file, const char *string);

/* Columns of stdout: of the terminal, else 80. */
int terminal_width(void);

#endif
