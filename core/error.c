#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

enum { WHOLE_SIZE = 8192 }; /* of a message before it is shortened: it may quote a path of 5000 bytes */

void error_fill(struct error *error, enum error_code code, const char *path, const char *format, ...) {
    if (error->code != ERROR_NONE) return;
    error->code = code;
    text_shorten(path ? path : "", error->path, sizeof error->path);
    char message[WHOLE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    text_shorten(message, error->message, sizeof error->message);
}

int error_set_errno(struct error *error, const char *path, const char *doing) {
    int number = errno;
    if (number == ENOMEM) return error_set(error, ERROR_RUN, path, "not enough memory to %s", doing);
    return error_set(error, ERROR_IO, path, "cannot %s: %s", doing, strerror(number));
}

void error_clear(struct error *error) {
    *error = (struct error){.code = ERROR_NONE};
}
