#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void error_fill(struct error *error, enum error_code code, const char *path, const char *format, ...) {
    if (error->code != ERROR_NONE) return;
    error->code = code;
    snprintf(error->path, sizeof error->path, "%s", path ? path : "");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
}

int error_set_errno(struct error *error, const char *path, const char *doing) {
    int number = errno;
    return error_set(error, ERROR_IO, path, "cannot %s: %s", doing, strerror(number));
}

void error_clear(struct error *error) {
    *error = (struct error){.code = ERROR_NONE};
}
