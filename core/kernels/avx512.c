#include "core/kernels/tables.h"

#if defined(KERNELS_HALVED) ||                                                                                         \
    (defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512BW__) && defined(__AVX512DQ__))

#define KERNELS_NAME "avx512"
#define KERNELS_TABLE kernels_avx512
#define KERNELS_VECTOR 16
#define KERNELS_TILE_M 14
#define KERNELS_TALL 14
#define KERNELS_WIDE 9
#include "core/kernels/template.h"

#else

const struct kernels *kernels_avx512(void) {
    return NULL;
}

#endif
