#include "cmd/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static bool has_failed;
static int first_errno; /* of the first call that failed; 0: it did not say */

static void note_failure(void) {
    if (!has_failed) first_errno = errno;
    has_failed = true;
}

void output_print(const char *format, ...) {
    va_list arguments;
    errno = 0;
    va_start(arguments, format);
    int printed = vprintf(format, arguments);
    va_end(arguments);
    if (printed < 0) note_failure();
}

void output_text(const char *text) {
    errno = 0;
    if (fputs(text, stdout) == EOF) note_failure();
}

int output_end(struct error *error) {
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) note_failure();
    if (!has_failed) return 0;
    errno = first_errno;
    return errno ? error_set_errno(error, "stdout", "write")
                 : error_set(error, ERROR_IO, "stdout", "cannot write all of the results");
}
