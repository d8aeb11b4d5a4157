/* What the tests of the kernels share: buffers with guards, random numbers, comparisons. */
#ifndef CNNTRAIN_TESTS_CORE_KERNELS_CHECK_H
#define CNNTRAIN_TESTS_CORE_KERNELS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/rng.h"

enum { GUARD = 32 }; /* floats before and after an output that must keep their value */

#define UNTOUCHED 1234.5f

/* `count` floats in (-1, 1), with room for whole-vector reads behind them. */
static inline float *random_floats(size_t count, uint64_t seed) {
    struct error error = {0};
    float *values = memory_allocate(count, sizeof(float), "test values", &error);
    assert_non_null(values);
    struct rng rng = rng_stream(seed, RNG_CHECK, 0, 0, 0);
    for (size_t i = 0; i < count; i++) values[i] = 2 * rng_uniform(&rng) - 1;
    return values;
}

static inline float *magnitudes(const float *values, size_t count) {
    float *result = random_floats(count, 0);
    for (size_t i = 0; i < count; i++) result[i] = fabsf(values[i]);
    return result;
}

/* An output: `count` floats copied from `start`, between guards. Free it with output_free. */
static inline float *output_like(const float *start, size_t count) {
    float *block = random_floats(count + 2 * GUARD, 1);
    for (size_t i = 0; i < GUARD; i++) block[i] = block[GUARD + count + i] = UNTOUCHED;
    memcpy(block + GUARD, start, count * sizeof(float));
    return block + GUARD;
}

static inline void output_free(float *output) {
    if (output != NULL) free(output - GUARD);
}

static inline void assert_guarded(const float *output, size_t count) {
    for (size_t i = 1; i <= GUARD; i++) {
        assert_float_equal(output[-(ptrdiff_t)i], UNTOUCHED, 0);
        assert_float_equal(output[count + i - 1], UNTOUCHED, 0);
    }
}

/* |got - want| <= 1e-6 * scale, element by element; scale is the sum of the terms' magnitudes. */
static inline void assert_close(const float *got, const float *want, const float *scale, size_t count,
                                const char *what) {
    for (size_t i = 0; i < count; i++) {
        if (fabsf(got[i] - want[i]) <= 1e-6f * scale[i]) continue;
        fail_msg("%s: element %zu of %zu is %.9g, expected %.9g, terms add to %g", what, i, count, (double)got[i],
                 (double)want[i], (double)scale[i]);
    }
}

static inline void assert_same_bits(const void *got, const void *want, size_t bytes, const char *what) {
    if (memcmp(got, want, bytes) != 0) fail_msg("%s: other bits", what);
}

/* True for tables that fuse multiply and add; they all give the same bits. */
static inline bool fuses(const struct kernels *table) {
    return strncmp(table->name, "avx", 3) == 0;
}

/* Takes the output of one table. Of the tables that fuse the first is kept in *fused, and the others must equal it;
 * output_free(*fused) at the end. */
static inline void assert_fused_alike(const struct kernels *table, float *got, size_t count, float **fused,
                                      const char *what) {
    if (fuses(table) && *fused == NULL) {
        *fused = got;
        return;
    }
    if (fuses(table)) assert_same_bits(got, *fused, count * sizeof *got, what);
    output_free(got);
}

#endif
