/* TensorBoard's event files: TFRecords of Event messages with plain scalars, appended one by one. */
#ifndef CNNTRAIN_CORE_INTEROP_TENSORBOARD_H
#define CNNTRAIN_CORE_INTEROP_TENSORBOARD_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct tensorboard {
    char *path;     /* malloc'd; NULL: not open */
    int descriptor; /* appends */
};

struct tensorboard_scalar {
    const char *tag;
    double value; /* written as a float */
};

/* Begins a new event file in the folder, which is made where missing; files that are there stay as they are, and
 * TensorBoard reads all of them in turn. Where the training goes on, `first_step` says from which step on the values of
 * former files no longer count; -1: there are none. ERROR_IO, ERROR_RUN. Close it with tensorboard_close. */
int tensorboard_open(struct tensorboard *file, const char *folder, int64_t first_step, struct error *error);
/* Appends an event for each scalar. On failure (ERROR_IO, ERROR_RUN) the file is as before. */
int tensorboard_add(struct tensorboard *file, int64_t step, const struct tensorboard_scalar *scalars, size_t count,
                    struct error *error);
void tensorboard_close(struct tensorboard *file);

/* CRC-32C (Castagnoli) of the bytes, as records carry it, rotated and with a constant added ("masked"). */
uint32_t tensorboard_masked_crc(const void *bytes, size_t length);

#endif
