/* The steps of a plan as functions of C. */
#ifndef CNNTRAIN_CORE_INTEROP_C_FUNCTIONS_H
#define CNNTRAIN_CORE_INTEROP_C_FUNCTIONS_H

#include "core/interop/c_parts.h"

/* Adds a step: its constants, its function and the call. The source's error tells of failures. */
void c_add_step(struct c_source *source, const struct c_step *step);

#endif
