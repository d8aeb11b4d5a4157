/* What is in a folder: its folders, or its pictures. */
#ifndef CNNTRAIN_DATA_ENTRIES_H
#define CNNTRAIN_DATA_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/memory.h"

/* Names or paths; the strings are an arena's, the list is the caller's to free(). Starts as {0}. */
struct name_list {
    const char **names;
    size_t count, capacity;
};

/* Room for one more item; ERROR_RUN without memory. */
int entries_grow(void **items, size_t *capacity, size_t count, size_t size, struct error *error);

/* Adds the visible entries of a folder, sorted by byte: its folders, or the files whose names end like a picture's
 * (.png, .jpg, .jpeg, .bmp in any case). ERROR_IO, ERROR_RUN. */
int entries_list(const char *folder, bool folders, struct arena *arena, struct name_list *list, struct error *error);
/* Adds the paths of all pictures in the folder, and then of those in its folders, and so on; links to folders are not
 * followed below the first. */
int entries_list_pictures(const char *folder, struct arena *arena, struct name_list *list, struct error *error);

/* For qsort and bsearch. */
int entries_compare(const void *a, const void *b);

#endif
