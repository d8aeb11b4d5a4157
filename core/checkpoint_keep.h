/* The last few checkpoints of a run, beside the last one. */
#ifndef CNNTRAIN_CORE_CHECKPOINT_KEEP_H
#define CNNTRAIN_CORE_CHECKPOINT_KEEP_H

#include <stdint.h>

#include "core/error.h"

/* Keeps the checkpoint at `path`, just written after step `step` of the whole training, under a second name too,
 * step-<step>.safetensors beside it, and removes those of later steps, which a former attempt left, and all but the
 * last `keep` of the others. Does nothing where `keep` is 1. ERROR_IO, ERROR_RUN. */
int checkpoint_keep(const char *path, int64_t step, int keep, struct error *error);

#endif
