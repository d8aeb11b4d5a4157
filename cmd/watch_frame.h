/* What `cnntrain watch` shows: one run's curves, or a table of several runs, as text for a window of any size. */
#ifndef CNNTRAIN_CMD_WATCH_FRAME_H
#define CNNTRAIN_CMD_WATCH_FRAME_H

#include "core/run_watch.h"
#include "core/text.h"

struct watch_window {
    int columns, rows; /* to fill at most */
    bool has_unicode, has_color;
};

/* Lines of at most the window's size. */
void watch_run_frame(const struct watched_run *run, const struct watch_window *window, struct text *text);
/* A line a run, and below, where there is room, the curves of the one that changed last. */
void watch_runs_frame(const char *folder, const struct watched_run *runs, int count, const struct watch_window *window,
                      struct text *text);

#endif
