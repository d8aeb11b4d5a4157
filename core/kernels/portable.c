/* Vectors of four floats: SSE2 on every x86-64, NEON on every arm64, plain code elsewhere. */
#define KERNELS_NAME "portable"
#define KERNELS_TABLE kernels_portable
#define KERNELS_VECTOR 4
#if defined(__aarch64__)
/* 32 registers: 16 sums, two vectors of B, the elements of A as they arrive */
#define KERNELS_TILE_M 8
#define KERNELS_TALL 12
#define KERNELS_WIDE 5
#else
#define KERNELS_TILE_M 4
#define KERNELS_TALL 8
#define KERNELS_WIDE 3
#endif
#include "core/kernels/template.h"
