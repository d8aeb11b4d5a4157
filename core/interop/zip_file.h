/* Zip archives in memory, through libzip. */
#ifndef CNNTRAIN_CORE_INTEROP_ZIP_FILE_H
#define CNNTRAIN_CORE_INTEROP_ZIP_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

/* A file in an archive. */
struct zip_member {
    const char *name;
    size_t most; /* bytes that zip_read takes of it */
    char *bytes; /* with a 0 behind them */
    size_t length;
};

/* Whether the bytes begin as a zip archive does. */
bool zip_is_file(const char *bytes, size_t length);

/* Fills the members that the archive has, of those named; the others' bytes stay NULL. Free each with free(), on
 * failure too. `path` is what errors call the archive. ERROR_DATA where it is damaged or a member is larger than
 * `most`. */
int zip_read(const char *path, const char *archive, size_t archive_length, struct zip_member *members, size_t count,
             struct error *error);

/* An archive of the members, stored as they are, in malloc'd memory: the same bytes for the same members. ERROR_RUN. */
int zip_write(const char *path, const struct zip_member *members, size_t count, char **archive, size_t *length,
              struct error *error);

#endif
