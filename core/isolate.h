/* Work that may crash, loop or ask for endless memory, such as a library's reading of a hostile file, in a process of
 * its own. */
#ifndef CNNTRAIN_CORE_ISOLATE_H
#define CNNTRAIN_CORE_ISOLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

struct isolated_work {
    const char *path; /* the file it is about, for errors */
    /* Runs in the child, which sees all memory as it is now and keeps what it changes to itself. Hands on what it makes
     * by isolate_send; 0, or -1 with the error. It ends with the child: nothing needs to be freed. */
    int (*run)(void *context, struct error *error);
    void *context;
    size_t memory;    /* bytes that the child may take beyond what it starts with */
    unsigned seconds; /* of the processor's time */
    size_t most;      /* bytes that it may send */
    /* What it means that the child crashes, runs out of its time or sends too much. */
    enum error_code blame;
    const char *meaning; /* "the file is damaged; save or copy it again" */
};

/* Does the work and takes what it sends: *bytes is free()d by the caller and has a 0 behind its *length bytes. The
 * child's own error is handed on. ERROR_RUN where no process can be started, or where it is killed or lacks memory that
 * it may take; ERROR_IO where nothing can be sent or heard. */
int isolate(const struct isolated_work *work, char **bytes, size_t *length, struct error *error);
/* In the child: hands `length` bytes to the parent; false where it does not listen any more. */
bool isolate_send(const void *bytes, size_t length);
/* In the child, when the allocation of so many bytes has failed: ends it, for ERROR_RUN, where the work may take them.
 * Comes back where they are beyond its bounds, which is the work's own fault, and outside of a child. */
void isolate_starves(size_t bytes);

#endif
