/* Names and numbers as C writes them. */
#ifndef CNNTRAIN_CORE_INTEROP_C_NAMES_H
#define CNNTRAIN_CORE_INTEROP_C_NAMES_H

#include "core/error.h"
#include "core/memory.h"
#include "core/text.h"

/* Identifiers that are taken. */
struct c_names {
    struct arena arena;
    struct c_name *last;
};

/* An identifier from any text: letters, digits and underscores, "_2" behind one that is taken. It lives until
 * c_names_free; NULL and ERROR_RUN without memory. */
const char *c_names_take(struct c_names *names, const char *text, struct error *error);
void c_names_free(struct c_names *names);

enum { C_NUMBER_SIZE = 32 };
/* A float as a constant that is read back as the same float: "0.1f", "2.0f". */
char *c_number(double value, char buffer[C_NUMBER_SIZE]);
/* A string constant with its quotes, whatever the bytes. */
void c_add_string(struct text *text, const char *string);

#endif
