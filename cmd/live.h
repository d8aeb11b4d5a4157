/* A few lines at the bottom of the terminal that change in place: progress on stderr. What is printed for good goes
 * above them. */
#ifndef CNNTRAIN_CMD_LIVE_H
#define CNNTRAIN_CMD_LIVE_H

#include <stdbool.h>

#include "core/text.h"

struct live {
    bool is_on;
    int lines;        /* that stand there now */
    double last_draw; /* seconds */
};

/* On where `wanted` and stderr is a terminal that moves its cursor (TERM is set, and is not dumb), unless stdout is a
 * pipe: a pager at its other end draws on the same screen. */
void live_open(struct live *live, bool wanted);
/* Whether it is on and this process is not in the background. */
bool live_may_draw(const struct live *live);
/* And a tenth of a second has passed since the last drawing. */
bool live_is_due(const struct live *live);
/* Puts these lines, each ended by a newline, in place of those that stand there. Lines are cut to the window's columns
 * less one, and lines beyond its height left out; they may hold colours (ESC[...m) but no other controls. */
void live_draw(struct live *live, const struct text *lines);
/* Takes the lines away; the cursor is where they began. */
void live_clear(struct live *live);
/* Leaves the lines where they are, with the cursor below. */
void live_keep(struct live *live);
/* For a signal's handler that ends the program: whoever draws, the lines are gone. */
void live_abandon(void);

/* Columns and lines of stderr's window, 80 and 24 where it does not say. */
int live_columns(void);
int live_rows(void);
/* Whether TERM names a terminal that obeys escape sequences. */
bool live_has_escapes(void);
/* Whether standard output is a pipe: who reads it (a pager) may draw on the same screen. */
bool live_is_piped(void);

#endif
