/* The folders of runs: who owns one, and which of them are finished. */
#ifndef CNNTRAIN_CORE_RUN_FOLDER_H
#define CNNTRAIN_CORE_RUN_FOLDER_H

#include <stdbool.h>

#include "core/error.h"

/* Makes a folder for a new run: `path`, or path-2, path-3, ... where that is taken; parents are made too. The name is
 * malloc'd; NULL on failure. A folder is taken once it holds a log.txt. */
char *run_claim_folder(const char *path, struct error *error);
/* Gives a claimed folder back: one without a checkpoint and with nothing in its log.txt is removed, unless other files
 * are in it. Works without memory. */
void run_release_folder(const char *folder);
/* Whether run_claim_folder would find a place now; leaves nothing behind. */
int run_try_folder(const char *path, struct error *error);
/* Claims exactly this folder, making it where missing; a run that is in it stays as it is. */
int run_make_folder(const char *path, struct error *error);
/* The newest run in `folder` that has a checkpoint, no metrics.json that says it finished, and nobody at work in it;
 * malloc'd, NULL and ERROR_CONFIG where there is none. */
char *run_find_unfinished(const char *folder, struct error *error);
/* Whether the folder's metrics.json says the run came to its end. */
bool run_is_finished(const char *folder);

/* Keeps others out of a folder that holds a log.txt as long as the descriptor is open: a process that was killed keeps
 * nobody out. Then removes temporary files that one left. -1 and ERROR_CONFIG where another process works there. */
int run_lock_folder(const char *folder, struct error *error);

/* Whether a process on this machine holds the folder's lock; nothing is written, and nobody kept out for long. */
bool run_is_at_work(const char *folder);

/* What the last line of the log.txt of a run that did not come to its end begins with. */
#define RUN_LOG_ENDED "ended: "

/* A file of a run's folder, such as "history.csv"; malloc'd. */
char *run_file(const char *folder, const char *name, struct error *error);

#endif
