/* What a person sees: progress on stderr, colour where it is wanted, messages without surprises. */
#ifndef CNNTRAIN_CMD_TERMINAL_H
#define CNNTRAIN_CMD_TERMINAL_H

#include "cmd/session.h"
#include "core/experiments.h"

struct terminal {
    const struct session *session;
    bool has_bar; /* stderr is a terminal that moves its cursor */
    bool has_color;
    double last_draw; /* seconds */
    bool bar_shown;
};

void terminal_open(struct terminal *terminal, const struct session *session);

/* Listeners of training and of batches: `listener` is a struct terminal. */
void terminal_train_event(void *listener, const struct train_event *event);
void terminal_note(void *listener, const char *line);
void terminal_experiment_event(void *listener, const struct experiment_event *event);

/* The session's error as one line on stderr, and its advice as another; control characters in names are shown as
 * escapes. */
void terminal_error(const struct session *session);

/* Columns of stdout: of the terminal, else 80. */
int terminal_width(void);

#endif
