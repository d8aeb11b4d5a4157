/* Whole files in and out, and paths. */
#ifndef CNNTRAIN_CORE_FILE_H
#define CNNTRAIN_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

/* Reads a whole regular file of at most `limit` bytes; *bytes is free()d by the caller and has a 0 behind its
 * *length bytes. Fails with ERROR_IO where the file cannot be read or is larger. */
int file_read(const char *path, size_t limit, char **bytes, size_t *length, struct error *error);

/* Reads the first bytes of a regular file, at most `most` of them, into `bytes`; *length is how many there were, *size
 * what the whole file has. ERROR_IO. */
int file_read_start(const char *path, char *bytes, size_t most, size_t *length, size_t *size, struct error *error);

/* What stands in the names of temporary files between that of the file and six letters. */
#define FILE_TEMPORARY ".tmp"
enum { FILE_TEMPORARY_LETTERS = 6 };

/* Replaces `path` in one move: temporary file beside it, write, fsync, rename, fsync of the folder. On failure the old
 * file is untouched and the temporary one is gone (only where the last step fails, the new file stands already). The
 * pieces are written one after the other. SIGINT, SIGTERM and SIGHUP wait until it is done. */
struct file_piece {
    const void *bytes;
    size_t length;
};
int file_replace(const char *path, const struct file_piece *pieces, size_t count, struct error *error);
/* The same for one string. */
int file_replace_text(const char *path, const char *text, struct error *error);

/* Creates the folder and its parents where missing. */
int file_make_folder(const char *path, struct error *error);
/* The same, and syncs each new one into its parent: what is synced in them later cannot get lost with them. */
int file_make_lasting_folder(const char *path, struct error *error);
/* Whether errno says that there can be no such file. */
bool file_is_missing(int number);
/* False only where nothing is there: where the system cannot say, opening the file will. */
bool file_exists(const char *path);
/* 1: something is there; 0: nothing; -1 with an error: the system cannot say. */
int file_is_there(const char *path, struct error *error);
/* 1: a folder, or a link to one; 0: something else, or nothing; -1 with an error: the system cannot say. */
int file_is_folder(const char *path, struct error *error);

/* "folder/name" in malloc'd memory ("name" where folder is NULL or "" or name is absolute); NULL and ERROR_RUN. */
char *file_join(const char *folder, const char *name, struct error *error);
/* The folder part of a path ("." where it has none) in malloc'd memory; NULL and ERROR_RUN. */
char *file_folder_of(const char *path, struct error *error);
/* The last component of a path; points into `path`. */
const char *file_name_of(const char *path);

#endif
