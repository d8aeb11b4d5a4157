/* The tables of this folder by name; select.c chooses among them. */
#ifndef CNNTRAIN_CORE_KERNELS_TABLES_H
#define CNNTRAIN_CORE_KERNELS_TABLES_H

#include "core/kernels/kernels.h"

/* Each returns NULL where its file was built without its instruction set. Whether this processor runs it is for
 * select.c to say. */
const struct kernels *kernels_portable(void);
const struct kernels *kernels_avx2(void);
const struct kernels *kernels_avx512(void);

#endif
