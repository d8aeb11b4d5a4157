/* Elementwise steps as functions of C. */
#ifndef CNNTRAIN_CORE_INTEROP_C_ELEMENTWISE_H
#define CNNTRAIN_CORE_INTEROP_C_ELEMENTWISE_H

#include "core/interop/c_parts.h"

void c_add_elementwise(struct c_source *source, const struct c_step *step);

#endif
