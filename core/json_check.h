/* What is looked at before a JSON text is parsed. */
#ifndef CNNTRAIN_CORE_JSON_CHECK_H
#define CNNTRAIN_CORE_JSON_CHECK_H

#include <stddef.h>

#include "core/error.h"

enum {
    JSON_DEPTH_MAX = 64,
    JSON_VALUES_MAX = 1 << 21, /* as parsed, each takes some 80 bytes, thirty times what it may take in the text */
};

/* An error at byte `offset`, by line and column; returns -1. */
int json_syntax_error(const char *text, size_t offset, const char *name, const char *what, struct error *error);

/* Fails for what the parser, which is recursive and reads more than JSON, must not see: depth beyond JSON_DEPTH_MAX,
 * more values than JSON_VALUES_MAX, bytes that are not UTF-8, zero characters, control characters, numbers that are not
 * JSON's or that no double holds.
 */
int json_check_text(const char *text, size_t length, const char *name, struct error *error);

/* Overwrites comments with spaces, so that places in the text stay what they were: // up to the end of the line, and
 * from a slash and a star to a star and a slash. Fails where the latter does not end. */
int json_blank_comments(char *text, size_t length, const char *name, struct error *error);

#endif
