/* HDF5 files made in memory, through libhdf5: groups, float tensors and texts as attributes. */
#ifndef CNNTRAIN_CORE_INTEROP_HDF5_WRITE_H
#define CNNTRAIN_CORE_INTEROP_HDF5_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/shape.h"

/* The first failure sticks, and what follows does nothing: hdf5_finish tells of it once. */
struct hdf5_writer {
    int64_t file; /* of libhdf5 */
    bool failed;
};

/* An empty file. Every writer is ended by hdf5_finish. */
struct hdf5_writer hdf5_create(void);
/* A group, with those above it where they are missing: "layers/conv2d/vars". */
void hdf5_group(struct hdf5_writer *writer, const char *path);
/* A tensor of floats in a group that there is; groups that its name has before the last slash are made. */
void hdf5_tensor(struct hdf5_writer *writer, const char *path, const struct shape *shape, const float *values);
/* A text as an attribute of the group at `path` ("/": the file); a list of `count` of them. */
void hdf5_text(struct hdf5_writer *writer, const char *path, const char *name, const char *text);
void hdf5_texts(struct hdf5_writer *writer, const char *path, const char *name, const char *const *texts, size_t count);
/* The file's bytes in malloc'd memory, the same for the same calls; `name` is what an error calls it. ERROR_RUN. */
int hdf5_finish(struct hdf5_writer *writer, const char *name, char **bytes, size_t *length, struct error *error);

#endif
