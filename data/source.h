/* What the sources share: room for images, names of classes, finding and sizing files. */
#ifndef CNNTRAIN_DATA_SOURCE_H
#define CNNTRAIN_DATA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/dataset.h"

/* Zeroed pixels and labels for `count` images; sizes are checked (sides 1..DATASET_SIDE_MAX, channels 1..4). `path` is
 * the file that errors name. On failure the dataset is empty. */
int source_allocate(struct dataset *dataset, int64_t count, int height, int width, int channels, enum pixel_type type,
                    const char *path, struct error *error);

/* Copies `count` names into splits->class_names, which must be NULL; sets splits->classes. A name that is not UTF-8
 * text or has control characters is ERROR_DATA of the file `path`. */
int source_name_classes(struct data_splits *splits, const char *const *names, int count, const char *path,
                        struct error *error);
/* The same with the lines of a text file; a file that does not hold exactly `count` names is ERROR_DATA. */
int source_read_class_names(struct data_splits *splits, const char *path, int count, struct error *error);

/* splits->classes = highest label of the training set + 1. */
void source_count_classes(struct data_splits *splits);

/* The first of the file names (ended by NULL) that exists in `folder`, as a path to free(); NULL, without an error,
 * where there is none, and NULL with an error without memory and where the system does not tell. */
char *source_find(const char *folder, const char *const *names, struct error *error);

/* For source_kind.recognize: 1 where `path` is a folder that holds one of the file names (ended by NULL), or a file
 * whose name ends in `ending` (NULL: none does), and a copy of it in *found; 0; -1 with an error. */
int source_recognize(const char *path, const char *const *names, const char *ending, char **found, struct error *error);

/* Whether a file may unpack to so many bytes: up to 256 MiB any may, beyond that no more than a hundred times its own
 * size, which real pictures stay far below. */
bool source_may_unpack(size_t packed, uint64_t unpacked);

/* Reads `length` bytes. Where they cannot be read: ERROR_IO; where the file ends before, ERROR_DATA that says
 * `shorter`. */
int source_read(FILE *file, const char *path, void *bytes, size_t length, const char *shorter, struct error *error);

/* ERROR_INTERRUPTED where whoever waits for the data wants the loading to end. */
int source_go_on(const struct progress *progress, struct error *error);

/* Bytes of a regular file; ERROR_IO where it cannot be looked at, ERROR_DATA where it is something else. */
int source_file_size(const char *path, size_t *size, struct error *error);

/* The comma of "IMAGES.npy,LABELS.npy": the one behind the first ".npy", or else the first; NULL where there is none.
 */
const char *source_pair_comma(const char *path);

#endif
