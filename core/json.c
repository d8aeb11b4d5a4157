#include "core/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"

struct place place_document(const char *name) {
    return (struct place){.parent = NULL, .key = name, .index = 0};
}

struct place place_key(const struct place *parent, const char *key) {
    return (struct place){.parent = parent, .key = key, .index = 0};
}

struct place place_item(const struct place *parent, int index) {
    return (struct place){.parent = parent, .key = NULL, .index = index};
}

static void place_write(const struct place *place, struct text *text) {
    if (place->parent) place_write(place->parent, text);
    if (!place->parent)
        text_add(text, place->key);
    else if (!place->key)
        text_print(text, "[%d]", place->index);
    else
        text_print(text, "%s%s", place->parent->parent ? "." : ": ", place->key);
}

char *place_text(const struct place *place, char *buffer, size_t size) {
    struct text text = {0};
    place_write(place, &text);
    text_shorten(text.failed ? "" : text.bytes, buffer, size);
    text_free(&text);
    return buffer;
}

void place_fill_error(const struct place *place, struct error *error, const char *format, ...) {
    char path[ERROR_PATH_SIZE], message[8 * ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    error_fill(error, ERROR_CONFIG, place_text(place, path, sizeof path), "%s", message);
}

static int compare_keys(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that a header of a hundred thousand keys takes no time either. */
static int check_keys(const cJSON *object, const struct place *place, struct error *error) {
    size_t count = (size_t)cJSON_GetArraySize(object), at = 0;
    if (count < 2) return 0;
    const char **keys = malloc(count * sizeof *keys);
    if (!keys) {
        char path[ERROR_PATH_SIZE];
        return error_set(error, ERROR_RUN, place_text(place, path, sizeof path),
                         "not enough memory for the JSON document");
    }
    for (const cJSON *child = object->child; child; child = child->next) keys[at++] = child->string;
    qsort(keys, count, sizeof *keys, compare_keys);
    const char *twice = NULL;
    for (size_t i = 1; i < count && !twice; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0) twice = keys[i];
    free(keys);
    if (!twice) return 0;
    struct place here = place_key(place, twice);
    return place_error(&here, error, "stands twice; keep one of them");
}

static int check_duplicates(const cJSON *value, const struct place *place, struct error *error) {
    int index = 0;
    if (cJSON_IsObject(value) && check_keys(value, place, error) != 0) return -1;
    for (const cJSON *child = value->child; child; child = child->next, index++) {
        struct place here = cJSON_IsObject(value) ? place_key(place, child->string) : place_item(place, index);
        if (check_duplicates(child, &here, error) != 0) return -1;
    }
    return 0;
}

/* The first character at or after `text` that is not white space. */
static const char *skip_space(const char *text, const char *end) {
    while (text < end && (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n')) text++;
    return text;
}

cJSON *json_parse(const char *text, size_t length, const char *name, struct error *error) {
    if (length > JSON_SIZE_MAX) {
        error_set(error, ERROR_CONFIG, name, "has %zu bytes; at most %d are read", length, JSON_SIZE_MAX);
        return NULL;
    }
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        length -= 3;
    }
    if (skip_space(text, text + length) == text + length) {
        error_set(error, ERROR_CONFIG, name, "is empty; a JSON document is needed");
        return NULL;
    }
    if (json_check_text(text, length, name, error) != 0) return NULL;
    const char *end = text;
    errno = 0;
    cJSON *root = cJSON_ParseWithLengthOpts(text, length, &end, 0);
    if (!root && errno == ENOMEM) { /* the library does not tell */
        error_set(error, ERROR_RUN, name, "not enough memory for the JSON document");
        return NULL;
    }
    if (!root) {
        json_syntax_error(text, (size_t)(end - text), name,
                          "not valid JSON here; look for a missing comma, quote or bracket at or before this place",
                          error);
        return NULL;
    }
    struct place place = place_document(name);
    end = skip_space(end, text + length);
    if (end != text + length)
        json_syntax_error(text, (size_t)(end - text), name, "text after the end of the document; remove it", error);
    else if (check_duplicates(root, &place, error) == 0)
        return root;
    cJSON_Delete(root);
    return NULL;
}

cJSON *json_read_file(const char *path, size_t limit, struct error *error) {
    char *text = NULL;
    size_t length = 0;
    if (file_read(path, limit, &text, &length, error) != 0) return NULL;
    cJSON *root = json_parse(text, length, path, error);
    free(text);
    return root;
}

cJSON *json_read_commented_file(const char *path, size_t limit, struct error *error) {
    char *text = NULL;
    size_t length = 0;
    cJSON *root = NULL;
    if (file_read(path, limit, &text, &length, error) != 0) return NULL;
    if (json_blank_comments(text, length, path, error) == 0) root = json_parse(text, length, path, error);
    free(text);
    return root;
}

static int no_memory(struct error *error) {
    return error_set(error, ERROR_RUN, NULL, "not enough memory for a JSON document");
}

/* Puts `value` (owned by the object from here on) under `key`, replacing what was there. */
static int put(cJSON *object, const char *key, cJSON *value, struct error *error) {
    if (!value) return no_memory(error);
    cJSON *old = cJSON_GetObjectItemCaseSensitive(object, key);
    if (old) { /* the library's own function does not notice where it has no memory for the key */
        char *own_key = value->string;
        value->string = old->string;
        old->string = own_key;
        cJSON_ReplaceItemViaPointer(object, old, value);
        return 0;
    }
    return json_add(object, key, value) ? 0 : no_memory(error);
}

int json_merge(cJSON *base, const cJSON *over, struct error *error) {
    enum { KEYS_MAX = 4096 }; /* looking up each of n keys among n takes n * n steps */
    if (cJSON_GetArraySize(base) > KEYS_MAX || cJSON_GetArraySize(over) > KEYS_MAX)
        return error_set(error, ERROR_CONFIG, NULL, "an object has more than %d keys; remove some", KEYS_MAX);
    for (const cJSON *child = over->child; child; child = child->next) {
        cJSON *old = cJSON_GetObjectItemCaseSensitive(base, child->string);
        bool deeper = cJSON_IsObject(old) && cJSON_IsObject(child);
        int status =
            deeper ? json_merge(old, child, error) : put(base, child->string, cJSON_Duplicate(child, 1), error);
        if (status != 0) return -1;
    }
    return 0;
}

/* The value a --set argument stands for: JSON where it is such, else the text itself as a string. What begins like an
 * object or a list is meant to be one. */
static cJSON *value_of(const char *text, struct error *error) {
    struct error inner = {0};
    cJSON *value = json_parse(text, strlen(text), "--set", &inner);
    if (value) return value;
    if (inner.code == ERROR_RUN) {
        error_set(error, inner.code, inner.path, "%s", inner.message);
        return NULL;
    }
    if (*text == '{' || *text == '[') {
        error_set(error, inner.code, inner.path, "in the value %.*s: %s", (int)text_cut(text, 60), text, inner.message);
        return NULL;
    }
    value = cJSON_CreateString(text);
    if (!value) no_memory(error);
    return value;
}

static int set_list_item(cJSON *list, const char *key, const char *rest, const char *value, struct error *error) {
    char *end = NULL;
    long index = strtol(key, &end, 10);
    if (end > key && *end == ']') end++; /* of "model[0]" */
    if (end == key || *end || index < 0 || index >= cJSON_GetArraySize(list))
        return error_set(error, ERROR_CONFIG, "--set",
                         "\"%s\" is not the number of one of the list's %d items, counted from 0", key,
                         cJSON_GetArraySize(list));
    if (rest) return json_set_path(cJSON_GetArrayItem(list, (int)index), rest, value, error);
    cJSON *item = value_of(value, error);
    if (!item) return -1;
    cJSON_ReplaceItemInArray(list, (int)index, item);
    return 0;
}

static int set_member(cJSON *object, const char *key, const char *rest, const char *value, struct error *error) {
    if (!rest) {
        cJSON *item = value_of(value, error);
        return item ? put(object, key, item, error) : -1;
    }
    cJSON *child = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsString(child)) { /* "optimizer": "Adam" becomes {"type": "Adam"}, so that its fields can be set */
        cJSON *typed = cJSON_CreateObject();
        if (!typed || !cJSON_AddStringToObject(typed, "type", child->valuestring)) {
            cJSON_Delete(typed);
            return no_memory(error);
        }
        /* untaken: what stands in another's place takes no memory */
        if (put(object, key, typed, error) != 0) return -1;
    } else if (!child || cJSON_IsNull(child)) {
        if (put(object, key, cJSON_CreateObject(), error) != 0) return -1;
    }
    return json_set_path(cJSON_GetObjectItemCaseSensitive(object, key), rest, value, error);
}

static size_t count_levels(const char *path) {
    size_t levels = 1;
    for (; *path; path++) levels += *path == '.' || *path == '[';
    return levels;
}

int json_set_path(cJSON *root, const char *path, const char *value, struct error *error) {
    char key[128];
    size_t length = strcspn(path, ".[");
    if (count_levels(path) > JSON_DEPTH_MAX)
        return error_set(error, ERROR_CONFIG, "--set", "\"%.*s...\" has more than %d keys; no config is that deep",
                         (int)text_cut(path, 60), path, JSON_DEPTH_MAX);
    if (!text_is_utf8(path) || !text_is_utf8(value))
        return error_set(error, ERROR_CONFIG, "--set", "is not UTF-8 text; check the terminal's encoding");
    if (length == 0 || length >= sizeof key)
        return error_set(error, ERROR_CONFIG, "--set", "\"%s\" is not a path of keys such as training.epochs", path);
    memcpy(key, path, length);
    key[length] = '\0';
    const char *rest = path[length] ? path + length + 1 : NULL;
    if (cJSON_IsArray(root)) return set_list_item(root, key, rest, value, error);
    if (cJSON_IsObject(root)) return set_member(root, key, rest, value, error);
    return error_set(error, ERROR_CONFIG, "--set",
                     "\"%s\" cannot be set, for what stands before it is no object or list; set that first", path);
}

char *json_describe(const cJSON *value, char *buffer, size_t size) {
    if (cJSON_IsString(value))
        snprintf(buffer, size, "\"%.*s\"", (int)text_cut(value->valuestring, 60), value->valuestring);
    else if (cJSON_IsNumber(value))
        snprintf(buffer, size, "%.10g", value->valuedouble);
    else if (cJSON_IsBool(value))
        snprintf(buffer, size, "%s", cJSON_IsTrue(value) ? "true" : "false");
    else
        snprintf(buffer, size, "%s", cJSON_IsArray(value) ? "a list" : cJSON_IsObject(value) ? "an object" : "null");
    return buffer;
}
