/* The fast kernels, written once over vectors of KERNELS_VECTOR floats. portable.c, avx2.c and avx512.c each define
 *   KERNELS_NAME, KERNELS_TABLE    the table's name and the function that returns it
 *   KERNELS_VECTOR                 floats a vector, a power of two
 *   KERNELS_TILE_M                 rows of the product's register tile with two vectors a row
 *   KERNELS_TALL, KERNELS_WIDE     and with one, with three
 * and include this file, whose functions are all static: no code built for one instruction set reaches another.
 *
 * A multiply-add is written sum + a * b and contracted by the compiler (-ffp-contract=fast). */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/kernels/kernels.h"
#include "core/kernels/tables.h"

#define KERNEL_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define KERNEL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define KERNEL_UNROLL _Pragma("GCC unroll 16")
#endif

enum { VECTOR = KERNELS_VECTOR };

typedef float vector __attribute__((vector_size(KERNELS_VECTOR * 4)));
typedef int32_t mask __attribute__((vector_size(KERNELS_VECTOR * 4)));
typedef uint16_t marks __attribute__((vector_size(KERNELS_VECTOR * 2)));
/* The same in memory, at any address. */
typedef float vector_memory __attribute__((vector_size(KERNELS_VECTOR * 4), aligned(4), may_alias));
typedef uint16_t marks_memory __attribute__((vector_size(KERNELS_VECTOR * 2), aligned(2), may_alias));

KERNEL_INLINE vector load(const float *from) {
    return *(const vector_memory *)from;
}

KERNEL_INLINE void store(float *to, vector value) {
    *(vector_memory *)to = value;
}

/* x - 0 is x for every x, -0 included, so that nothing but the broadcast remains. */
KERNEL_INLINE vector broadcast(float x) {
    return x - (vector){0};
}

/* The first `lanes` elements, exactly; the rest is 0. Halving pieces rather than a call of memcpy. Not inlined:
 * they stand at many edges. */
static __attribute__((noinline)) vector load_part(const float *from, int lanes) {
    float value[KERNELS_VECTOR] = {0};
    int done = 0;
    KERNEL_UNROLL for (int piece = VECTOR; piece > 0; piece /= 2) {
        if ((lanes & piece) == 0) continue;
        memcpy(value + done, from + done, (size_t)piece * sizeof(float));
        done += piece;
    }
    return load(value);
}

static __attribute__((noinline)) void store_part(float *to, vector value, int lanes) {
    float from[KERNELS_VECTOR];
    store(from, value);
    int done = 0;
    KERNEL_UNROLL for (int piece = VECTOR; piece > 0; piece /= 2) {
        if ((lanes & piece) == 0) continue;
        memcpy(to + done, from + done, (size_t)piece * sizeof(float));
        done += piece;
    }
}

KERNEL_INLINE mask every(int x) {
    return x - (mask){0};
}

/* The same value, which the compiler takes for a new one. Without it, addresses in inner loops become chains of
 * additions; with it, they stay base and index registers. */
KERNEL_INLINE const float *opaque(const float *pointer) {
    __asm__("" : "+r"(pointer));
    return pointer;
}

KERNEL_INLINE ptrdiff_t opaque_step(ptrdiff_t step) {
    __asm__("" : "+r"(step));
    return step;
}

/* The same for a vector that is to stay in a register. */
KERNEL_INLINE vector opaque_vector(vector value) {
#if defined(KERNELS_HALVED) /* a vector in two registers */
    return value;
#elif defined(__AVX512F__)
    __asm__("" : "+v"(value));
#elif defined(__x86_64__)
    __asm__("" : "+x"(value));
#elif defined(__aarch64__)
    __asm__("" : "+w"(value));
#endif
    return value;
}

/* Lanes from channel v on: a whole vector or what is left. */
KERNEL_INLINE int lanes_left(int channels, int v) {
    return channels - v < VECTOR ? channels - v : VECTOR;
}

/* value where chosen (all bits set), else other */
KERNEL_INLINE vector choose(mask chosen, vector value, vector other) {
    return (vector)((chosen & (mask)value) | (~chosen & (mask)other));
}

/* a where a > b, else b. On x86 that is one instruction, which compilers do not find in the comparison. */
KERNEL_INLINE vector larger_of(vector a, vector b) {
#if defined(__AVX512F__)
    return _mm512_max_ps(a, b);
#elif defined(__AVX__) && !defined(KERNELS_HALVED)
    return _mm256_max_ps(a, b);
#elif defined(__SSE__) && !defined(__AVX__)
    return _mm_max_ps(a, b);
#else
    return choose(a > b, a, b);
#endif
}

KERNEL_INLINE int smaller(int a, int b) {
    return a < b ? a : b;
}

KERNEL_INLINE int larger(int a, int b) {
    return a > b ? a : b;
}

/* `total` cut into as few parts of at most `most` as possible, all nearly equal: 16 by 6 is 6, 5, 5. */
struct parts {
    int count, size;
    int longer; /* the first parts, which are one longer */
};

KERNEL_INLINE int parts_count(int total, int most) {
    return (total + most - 1) / most;
}

KERNEL_INLINE struct parts parts_of(int total, int most) {
    if (total <= most) return (struct parts){total > 0, total, 0};
    const int count = parts_count(total, most);
    return (struct parts){count, total / count, total % count};
}

KERNEL_INLINE int part_size(struct parts parts, int index) {
    return parts.size + (index < parts.longer ? 1 : 0);
}

/* Goes through the positions: its window begins at large[x], its channels at small[y]. */
#define FOR_EACH_POSITION(window, x, y)                                                                                \
    for (int r = 0; r < (window)->rows; r++)                                                                           \
        for (ptrdiff_t p = 0, x = r * (window)->row_step, y = (ptrdiff_t)r * (window)->pixels * (window)->channels;    \
             p < (window)->pixels; p++, x += (window)->pixel_step, y += (window)->channels)

#include "core/kernels/template_transpose.h"

#include "core/kernels/template_depthwise.h"

#include "core/kernels/template_copy.h"

#include "core/kernels/template_planes.h"

#include "core/kernels/template_product_few.h"

#include "core/kernels/template_product.h"

#include "core/kernels/template_winograd.h"

#include "core/kernels/template_pool.h"

#include "core/kernels/template_product_pooled.h"

#include "core/kernels/template_elementwise.h"

const struct kernels *KERNELS_TABLE(void) {
    static const struct kernels table = {
        .name = KERNELS_NAME,
        .vector = VECTOR,
        .tile_m = KERNELS_TILE_M,
        .tile_n = TILE_N,
        .product = product,
        .product_pooled = product_pooled,
        .dots = dots,
        .transpose = transpose,
        .depthwise_row = depthwise_row,
        .depthwise_gradient_row = depthwise_gradient_row,
        .fold_sums = fold_sums,
        .sum_neighbours = sum_neighbours,
        .repeat_neighbours = repeat_neighbours,
        .copy_pixels = copy_pixels,
        .winograd_input = winograd_input,
        .winograd_kernel = winograd_kernel,
        .winograd_output = winograd_output,
        .winograd_output_gradient = winograd_output_gradient,
        .winograd_kernel_gradient = winograd_kernel_gradient,
        .max_forward = max_forward,
        .max_backward = max_backward,
        .sum_forward = sum_forward,
        .sum_backward = sum_backward,
        .column_sums = column_sums,
        .add = add,
        .relu_forward = relu_forward,
        .relu_backward = relu_backward,
        .multiply_adds = multiply_adds,
    };
    return &table;
}
