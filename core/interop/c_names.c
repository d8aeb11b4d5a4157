#include "core/interop/c_names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct c_name {
    struct c_name *before;
    const char *text;
};

enum { NAME_SIZE = 192 };

static bool is_taken(const struct c_names *names, const char *text) {
    for (const struct c_name *name = names->last; name; name = name->before)
        if (strcmp(name->text, text) == 0) return true;
    return false;
}

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

const char *c_names_take(struct c_names *names, const char *text, struct error *error) {
    char base[NAME_SIZE - 16], name[NAME_SIZE];
    size_t length = 0;
    if (*text >= '0' && *text <= '9') base[length++] = 'n';
    for (; *text && length + 1 < sizeof base; text++) base[length++] = is_plain(*text) ? *text : '_';
    base[length] = '\0';
    snprintf(name, sizeof name, "%s", base);
    for (int i = 2; is_taken(names, name); i++) snprintf(name, sizeof name, "%s_%d", base, i);
    struct c_name *entry = arena_allocate(&names->arena, sizeof *entry, error);
    char *copy = entry ? arena_string(&names->arena, name, error) : NULL;
    if (!copy) return NULL;
    *entry = (struct c_name){names->last, copy};
    names->last = entry;
    return copy;
}

void c_names_free(struct c_names *names) {
    arena_free(&names->arena);
    *names = (struct c_names){0};
}

char *c_number(double value, char buffer[C_NUMBER_SIZE]) {
    snprintf(buffer, C_NUMBER_SIZE - 4, "%.9g", value);
    const size_t length = strlen(buffer);
    snprintf(buffer + length, C_NUMBER_SIZE - length, "%s", strpbrk(buffer, ".e") ? "f" : ".0f");
    return buffer;
}

/* A question mark may begin a trigraph; an escape of three octal digits ends where it ends. */
void c_add_string(struct text *text, const char *string) {
    text_add(text, "\"");
    for (; *string; string++) {
        if (*string == '"' || *string == '\\' || *string == '?')
            text_print(text, "\\%c", *string);
        else if (isascii((unsigned char)*string) && isprint((unsigned char)*string))
            text_add_bytes(text, string, 1);
        else
            text_print(text, "\\%03o", (unsigned)(unsigned char)*string);
    }
    text_add(text, "\"");
}
