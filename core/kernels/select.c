#include "core/kernels/kernels.h"

#include <string.h>

#include "core/kernels/tables.h"

enum { TABLES = 4 };

static bool any_processor(void) {
    return true;
}

/* __builtin_cpu_supports asks the processor and whether the operating system saves the wide registers. */
static bool processor_has_avx2(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

static bool processor_has_avx512(void) {
#if defined(KERNELS_HALVED) /* `make check-avx512`: its vectors are two of AVX2 each */
    return processor_has_avx2();
#elif defined(__x86_64__)
    return processor_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#else
    return false;
#endif
}

/* From the slowest to the fastest. */
static const struct {
    const struct kernels *(*table)(void);
    bool (*runs)(void);
} candidates[TABLES] = {
    {kernels_reference, any_processor},
    {kernels_portable, any_processor},
    {kernels_avx2, processor_has_avx2},
    {kernels_avx512, processor_has_avx512},
};

const struct kernels *kernels_at(int index) {
    for (int i = 0; i < TABLES; i++) {
        const struct kernels *table = candidates[i].runs() ? candidates[i].table() : NULL;
        if (table != NULL && index-- == 0) return table;
    }
    return NULL;
}

const struct kernels *kernels_select(const char *name) {
    const struct kernels *found = NULL;
    for (int i = 0;; i++) {
        const struct kernels *table = kernels_at(i);
        if (table == NULL) return found;
        if (name == NULL || strcmp(table->name, name) == 0) found = table;
    }
}
