/* JSON documents (cJSON) with the place of every error. */
#ifndef CNNTRAIN_CORE_JSON_H
#define CNNTRAIN_CORE_JSON_H

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/json_check.h"

enum { JSON_SIZE_MAX = 16 << 20 }; /* JSON_DEPTH_MAX: see json_check.h */

/* Where in a document we are: a chain on the stack from the innermost key up to the file. */
struct place {
    const struct place *parent; /* NULL for the document itself */
    const char *key;            /* the document's name, or an object's key, or NULL for a list item */
    int index;                  /* the list item's number when key is NULL */
};

struct place place_document(const char *name);
struct place place_key(const struct place *parent, const char *key);
struct place place_item(const struct place *parent, int index);
/* "sep_max.json: model[3].kernel_size" into buffer; returns it. */
char *place_text(const struct place *place, char *buffer, size_t size);
/* An error of the config at this place; a macro that is -1, as error_set. */
void place_fill_error(const struct place *place, struct error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define place_error(...) (place_fill_error(__VA_ARGS__), error_status())

/* Parses exactly one document: size and depth are capped, syntax errors give line and column, and duplicate keys,
 * trailing text and bytes that are not UTF-8 are errors (ERROR_CONFIG). `name` is what errors call the document.
 * The result is freed with cJSON_Delete; NULL on failure. */
cJSON *json_parse(const char *text, size_t length, const char *name, struct error *error);
/* Reads and parses a file of at most `limit` bytes; the name is the path. */
cJSON *json_read_file(const char *path, size_t limit, struct error *error);

/* The same where people write: comments, from // to the end of the line and from a slash and a star to a star and a
 * slash, are read as spaces. */
cJSON *json_read_commented_file(const char *path, size_t limit, struct error *error);

/* Merges `over` into `base` key by key; lists and plain values replace. `base` takes copies. Fails without memory. */
int json_merge(cJSON *base, const cJSON *over, struct error *error);

/* Sets the value at a path such as "training.optimizer.learning_rate", "model.3.filters" or, as messages write it,
 * "model[3].filters", making objects on the way. `value` is JSON, or else a plain string (so that
 * training.optimizer=Adam works). */
int json_set_path(cJSON *root, const char *path, const char *value, struct error *error);

/* "\"same\"", "3", "true", "null", "a list", "an object": how errors name what they found. */
char *json_describe(const cJSON *value, char *buffer, size_t size);

/* Adds `value` to an object under a key that it does not have, or to a list. The object or list owns it from here on;
 * a value of NULL (no memory when it was made) or no memory now: false, and the value is freed. */
bool json_add(cJSON *object, const char *key, cJSON *value);
bool json_append(cJSON *list, cJSON *value);

/* The document as text, indented by two spaces, lists of plain values on one line; ends with a newline. Numbers have as
 * many digits as give the same double when read again (cJSON_Print rounds to 15). free() it; NULL without memory. */
char *json_print(const cJSON *value);
struct text;
/* Appends the document on one line, or a string in quotes with JSON's escapes. */
void json_write(const cJSON *value, struct text *text);
void json_write_string(const char *string, struct text *text);

#endif
