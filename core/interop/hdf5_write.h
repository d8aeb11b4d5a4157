/* HDF5 files made in memory, through libhdf5: groups, float tensors and texts as attributes. */
#ifndef CNNTRAIN_CORE_INTEROP_HDF5_WRITE_H
#define CNNTRAIN_CORE_INTEROP_HDF5_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/shape.h"

/* The first failure sticks, and what follows does nothing: hdf5_write tells of it once. */
struct hdf5_writer {
    int64_t file; /* of libhdf5 */
    bool failed;
};

/* A group, with those above it where they are missing: "layers/conv2d/vars". */
void hdf5_group(struct hdf5_writer *writer, const char *path);
/* A tensor of floats in a group that there is; groups that its name has before the last slash are made. */
void hdf5_tensor(struct hdf5_writer *writer, const char *path, const struct shape *shape, const float *values);
/* A text as an attribute of the group at `path` ("/": the file); a list of `count` of them. */
void hdf5_text(struct hdf5_writer *writer, const char *path, const char *name, const char *text);
void hdf5_texts(struct hdf5_writer *writer, const char *path, const char *name, const char *const *texts, size_t count);
/* The bytes of the file that `fill` makes, malloc'd, the same for the same calls; `path` is what an error calls it. It
 * is made in a process of its own (core/isolate.h), for libhdf5 keeps memory, and without memory it crashes. ERROR_RUN.
 */
int hdf5_write(const char *path, void (*fill)(struct hdf5_writer *writer, const void *context), const void *context,
               char **bytes, size_t *length, struct error *error);

#endif
