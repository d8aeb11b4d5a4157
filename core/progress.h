/* How far a long piece of work has come, for whoever wants to show it. */
#ifndef CNNTRAIN_CORE_PROGRESS_H
#define CNNTRAIN_CORE_PROGRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Told often, always from the same thread; a listener that draws chooses when. `tell` NULL: nobody listens. */
struct progress {
    void (*tell)(void *listener, const char *what, int64_t done, int64_t total); /* `what` such as "pictures" */
    void *listener;
    const volatile sig_atomic_t *stop; /* not 0: what takes long shall end now, with ERROR_INTERRUPTED; may be NULL */
};

/* `progress` may be NULL. */
static inline void progress_tell(const struct progress *progress, const char *what, int64_t done, int64_t total) {
    if (progress && progress->tell) progress->tell(progress->listener, what, done, total);
}

static inline bool progress_is_stopped(const struct progress *progress) {
    return progress && progress->stop && *progress->stop;
}

#endif
