#include "core/kernels/tables.h"

#if defined(__AVX2__) && defined(__FMA__)

#define KERNELS_NAME "avx2"
#define KERNELS_TABLE kernels_avx2
#define KERNELS_VECTOR 8
#define KERNELS_TILE_M 6
#define KERNELS_TALL 12
#define KERNELS_WIDE 4
#include "core/kernels/template.h"

#else

const struct kernels *kernels_avx2(void) {
    return NULL;
}

#endif
