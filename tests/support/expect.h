/* Checks that many tests share. Include cmocka's headers through this one. */
#ifndef CNNTRAIN_TESTS_SUPPORT_EXPECT_H
#define CNNTRAIN_TESTS_SUPPORT_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/error.h"

/* The error has this code and reads "path: message" (or "message" where it has no path); it is cleared for the next. */
void expect_error(struct error *error, enum error_code code, const char *text);
/* There is no error; prints the one there is. */
void expect_no_error(const struct error *error);

/* A new folder below the system's temporary folder; the caller frees the path after expect_folder_gone. */
char *expect_folder(void);
/* Removes the folder with the plain files in it, and frees the path. */
void expect_folder_gone(char *folder);
/* folder/name in malloc'd memory. */
char *expect_path(const char *folder, const char *name);
/* Entries of a folder, without "." and "..". */
int expect_entries(const char *folder);

#endif
