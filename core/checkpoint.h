/* Checkpoints: named float tensors in a safetensors file, loaded back into given memory by name and shape.
 * Weights are called "conv2d/kernel", the optimizer's slots "optimizer/conv2d/kernel/momentum". */
#ifndef CNNTRAIN_CORE_CHECKPOINT_H
#define CNNTRAIN_CORE_CHECKPOINT_H

#include <stddef.h>

#include "core/error.h"
#include "core/interop/safetensors.h"
#include "core/shape.h"
#include "core/text.h"

struct checkpoint_tensor {
    const char *name;
    struct shape shape;
    float *data; /* shape's elements, owned by the caller */
};

enum checkpoint_match {
    CHECKPOINT_STRICT,  /* every tensor must be in the file */
    CHECKPOINT_LENIENT, /* at least one must be: for --weights */
};

/* Writes the tensors and the metadata in one move; see safetensors_write. */
int checkpoint_save(const char *path, const struct checkpoint_tensor *tensors, size_t count,
                    const struct safetensors_pair *metadata, size_t metadata_count, struct error *error);

/* What checkpoint_apply checks, without writing anything: the tensors' data may be NULL. */
int checkpoint_check(const struct safetensors *file, const struct checkpoint_tensor *tensors, size_t count,
                     enum checkpoint_match match, struct error *error);

/* Copies the file's tensors into those of the same name, converted to float. Nothing is written before everything has
 * been checked: shapes that differ, all of which are named, are an error in both modes, so are missing names in strict
 * mode, and no name in common in lenient mode. `report` (NULL: not wanted) gets one line for the names that were not
 * found and one for the file's tensors that were not used, nothing where there are none; slots of an optimizer count as
 * unused only where `tensors` has some. Errors are ERROR_DATA. */
int checkpoint_apply(const struct safetensors *file, const struct checkpoint_tensor *tensors, size_t count,
                     enum checkpoint_match match, struct text *report, struct error *error);

/* Reads the file, then checkpoint_apply. */
int checkpoint_load_into(const char *path, const struct checkpoint_tensor *tensors, size_t count,
                         enum checkpoint_match match, struct text *report, struct error *error);

#endif
