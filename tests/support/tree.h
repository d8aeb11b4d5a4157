/* Whole folders, for tests of what runs leave. */
#ifndef CNNTRAIN_TESTS_SUPPORT_TREE_H
#define CNNTRAIN_TESTS_SUPPORT_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* Removes the folder with everything below it, and frees the path. */
void tree_gone(char *folder);
/* Makes the folder `to` and copies the plain files of `from` into it. */
void tree_copy(const char *from, const char *to);
/* The bytes of folder/name, terminated; the caller frees them. Fails the test where there is no such file. */
char *tree_read(const char *folder, const char *name, size_t *length);
/* Writes folder/name. */
void tree_write(const char *folder, const char *name, const char *text);
bool tree_has(const char *folder, const char *name);
/* Fails the test unless folder_a/name and folder_b/name hold the same bytes. */
void tree_same(const char *folder_a, const char *folder_b, const char *name);

#endif
