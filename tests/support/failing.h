/* Work that is done again and again while each call that it makes into the system fails once. The test program starts
 * itself anew with the library that tests/faults/preload.c becomes. */
#ifndef CNNTRAIN_TESTS_SUPPORT_FAILING_H
#define CNNTRAIN_TESTS_SUPPORT_FAILING_H

#include "tests/support/expect.h"

/* What main does first: comes back in a process that has the library, or where it cannot be had. */
void failing_begin(char **arguments);

/* What a test does first, before it takes anything: skips it where the library is not there. */
void failing_needed(void);

/* Some work: 0, or -1 and an error. It frees and closes all it took in either case. */
struct failing_work {
    const char *name;
    int (*run)(void *context, struct error *error);
    void *context;
    const char *library; /* in whose functions a leak is not ours, such as "libzip"; NULL: none */
    long calls;          /* how many calls of a class fail at the most; 0: all */
    long last;           /* only so many calls of a class fail, the last ones; 0: from the first one on */
};

/* Does the work with its first, second, ... call of `class` (a name of preload.c's, such as "memory" or "read") failing
 * with this errno, until there is none left to fail. Each time the work fails with this code and a message, or succeeds
 * all the same, and keeps neither memory nor open files. Reads that fail with 0 come to the end of their file, which
 * may be an ERROR_DATA too. */
void failing_each(const struct failing_work *work, const char *class, int number, enum error_code code);
/* Memory, and all that readers of files call. */
void failing_read(const struct failing_work *work);

#endif
