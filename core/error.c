#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, enum error_code code, const char *path, const char *format, ...) {
    if (error->code != ERROR_NONE) return -1;
    error->code = code;
    snprintf(error->path, sizeof error->path, "%s", path ? path : "");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return -1;
}

int error_set_errno(struct error *error, const char *path, const char *doing) {
    int number = errno;
    if (number == ENOMEM) return error_set(error, ERROR_RUN, path, "not enough memory to %s", doing);
    return error_set(error, ERROR_IO, path, "cannot %s: %s", doing, strerror(number));
}

void error_clear(struct error *error) {
    *error = (struct error){.code = ERROR_NONE};
}
