/* Errors as values: a function that can fail returns 0 or -1 and fills a struct error. */
#ifndef CNNTRAIN_CORE_ERROR_H
#define CNNTRAIN_CORE_ERROR_H

#include <stdarg.h>

/* The codes are the program's exit codes. */
enum error_code {
    ERROR_NONE = 0,
    ERROR_RUN = 1,        /* the run failed: out of memory, a broken invariant of the machine */
    ERROR_CONFIG = 2,     /* usage or config */
    ERROR_DATA = 3,       /* a data set's content */
    ERROR_IO = 4,         /* open, read, write, rename */
    ERROR_NOT_FINITE = 5, /* the loss is NaN or infinite */
    ERROR_INTERRUPTED = 130,
};

enum { ERROR_PATH_SIZE = 512, ERROR_MESSAGE_SIZE = 1024 };

struct error {
    enum error_code code;
    /* Both are shortened in the middle where they do not fit: the field and the next step stand at their ends. */
    char path[ERROR_PATH_SIZE];       /* the file and field at fault, "" if there is none */
    char message[ERROR_MESSAGE_SIZE]; /* what was found and what to do about it */
};

/* Fills `error` unless it holds one already (the first error wins). `path` may be NULL. */
void error_fill(struct error *error, enum error_code code, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static inline int error_status(void) {
    return -1;
}

/* error_fill, and -1, so that a function can end with `return error_set(...)`. A macro, so that compilers and analyzers
 * see what it returns. */
#define error_set(...) (error_fill(__VA_ARGS__), error_status())

/* Like error_set with ERROR_IO, ending the message with what errno says: "path: cannot open: No such file". ENOMEM is
 * ERROR_RUN. */
int error_set_errno(struct error *error, const char *path, const char *doing);

/* Back to "no error", for callers that handle a failure themselves. */
void error_clear(struct error *error);

#endif
