/* Speed of the kernels at the shapes of the three deep networks (32x32x3; 32, 64, 128 filters; multiplier 4), one
 * thread. Usage: bench_kernels [TABLE]; prints GFLOP/s and the share of the multiply-add peak measured beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/kernels/kernels.h"
#include "core/memory.h"

enum { ROOM = 1 << 21, TRIALS = 40 };

/* of this thread, so that other programs disturb less; the best of TRIALS counts */
static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Twelve chains of multiply-adds that never leave the registers; contraction is off in this file, hence asm. */
#if defined(__x86_64__)
#define STEP(type, i) __asm__ volatile("vfmadd231ps %1, %1, %0" : "+x"(sum##i) : "x"(factor));
#define STEP_16(type, i)                                                                                               \
    __asm__ volatile("mulps %1, %0" : "+x"(sum##i) : "x"(factor));                                                     \
    __asm__ volatile("addps %1, %0" : "+x"(sum##i) : "x"(factor));
#elif defined(__aarch64__)
#define STEP_16(type, i) __asm__ volatile("fmla %0.4s, %1.4s, %1.4s" : "+w"(sum##i) : "w"(factor));
#else
#define STEP_16(type, i) sum##i = sum##i * factor + factor;
#endif
#define TWELVE(step, type)                                                                                             \
    step(type, 0) step(type, 1) step(type, 2) step(type, 3) step(type, 4) step(type, 5) step(type, 6) step(type, 7)    \
        step(type, 8) step(type, 9) step(type, 10) step(type, 11)
#define DECLARE(type, i) type sum##i = {0};
#define PEAK(name, bytes, step, attribute)                                                                             \
    attribute static double name(void) {                                                                               \
        typedef float wide __attribute__((vector_size(bytes)));                                                        \
        TWELVE(DECLARE, wide)                                                                                          \
        const wide factor = 0.5f - (wide){0};                                                                          \
        const int rounds = 200000;                                                                                     \
        const double start = seconds();                                                                                \
        for (int i = 0; i < rounds; i++) {                                                                             \
            TWELVE(step, wide)                                                                                         \
        }                                                                                                              \
        return 2.0 * 12 * (bytes / 4) * rounds / (seconds() - start) * 1e-9;                                           \
    }

PEAK(peak_16, 16, STEP_16, )
#if defined(__x86_64__)
PEAK(peak_32, 32, STEP, __attribute__((target("avx2,fma"))))
PEAK(peak_64, 64, STEP, __attribute__((target("avx512f,fma"))))
#endif

static double peak(const struct kernels *table) {
    double best = 0;
    for (int i = 0; i < TRIALS; i++) {
        double found = 0;
        if (table->vector <= 4) found = peak_16();
#if defined(__x86_64__)
        if (table->vector == 8) found = peak_32();
        if (table->vector == 16) found = peak_64();
#endif
        if (found > best) best = found;
    }
    return best;
}

struct bench {
    const struct kernels *table;
    double peak;
    float *x, *y, *z;
    uint16_t *cell;
};

struct call {
    const char *name;
    struct product product;
    ptrdiff_t offset_step; /* from tap to tap in A */
};

/* Images of one shape after another, as a shard does: the operands come from the second-level cache. */
static double product_gflops(const struct bench *bench, const struct call *call) {
    ptrdiff_t offsets[64];
    struct product p = call->product;
    for (int t = 0; t < p.taps; t++) offsets[t] = t * call->offset_step;
    p.a = bench->x;
    p.b = bench->y;
    p.c = bench->z;
    p.c_row = p.n;
    p.offsets = offsets;
    const double work = 2.0 * p.m * p.n * p.taps * p.depth;
    const int rounds = (int)(4e7 / work) + 1;
    double best = 1e9;
    for (int trial = 0; trial < TRIALS; trial++) {
        const double start = seconds();
        for (int i = 0; i < rounds; i++) {
            p.a = bench->x + (i % 4) * 4096;
            bench->table->product(&p);
        }
        const double elapsed = (seconds() - start) / rounds;
        if (elapsed < best) best = elapsed;
    }
    return work / best * 1e-9;
}

static void bench_products(const struct bench *bench) {
    static const struct call calls[] = {
        {"forward 3->32, a row of 32",
         {.m = 32, .n = 32, .taps = 3, .depth = 9, .row = 3, .column = 1, .b_row = 32},
         102},
        {"forward 32->64, a row of 32",
         {.m = 32, .n = 64, .taps = 3, .depth = 96, .row = 32, .column = 1, .b_row = 64},
         1088},
        {"forward 64->64, a row of 32",
         {.m = 32, .n = 64, .taps = 3, .depth = 192, .row = 64, .column = 1, .b_row = 64},
         2176},
        {"forward 32->64, a row of 16",
         {.m = 16, .n = 64, .taps = 3, .depth = 96, .row = 32, .column = 1, .b_row = 64},
         576},
        {"forward 64->128, a row of 8",
         {.m = 8, .n = 128, .taps = 3, .depth = 192, .row = 64, .column = 1, .b_row = 128},
         640},
        {"data gradient 64->32, a row of 16",
         {.m = 16, .n = 32, .taps = 3, .depth = 192, .row = 64, .column = 1, .b_row = 32},
         1152},
        {"data gradient 128->64, a row of 8",
         {.m = 8, .n = 64, .taps = 3, .depth = 384, .row = 128, .column = 1, .b_row = 64},
         1280},
        {"weight gradient 3->32, 32 rows",
         {.m = 9,
          .n = 32,
          .taps = 32,
          .depth = 32,
          .row = 1,
          .column = 3,
          .b_tap = 1024,
          .b_row = 32,
          .accumulate = true},
         102},
        {"weight gradient 32->64, 16 rows",
         {.m = 96,
          .n = 64,
          .taps = 16,
          .depth = 16,
          .row = 1,
          .column = 32,
          .b_tap = 1024,
          .b_row = 64,
          .accumulate = true},
         576},
        {"weight gradient 64->128, 8 rows",
         {.m = 192,
          .n = 128,
          .taps = 8,
          .depth = 8,
          .row = 1,
          .column = 64,
          .b_tap = 1024,
          .b_row = 128,
          .accumulate = true},
         640},
        {"pointwise 32->64, 256 pixels",
         {.m = 256, .n = 64, .taps = 1, .depth = 32, .row = 32, .column = 1, .b_row = 64},
         0},
        {"pointwise 64->128, 64 pixels",
         {.m = 64, .n = 128, .taps = 1, .depth = 64, .row = 64, .column = 1, .b_row = 128},
         0},
        {"pointwise gradient 32->64",
         {.m = 32, .n = 64, .taps = 1, .depth = 256, .row = 1, .column = 32, .b_row = 64, .accumulate = true},
         0},
        {"dense 2048->128, batch 64",
         {.m = 64, .n = 128, .taps = 1, .depth = 2048, .row = 2048, .column = 1, .b_row = 128},
         0},
        {"dense gradient 2048->128, batch 64",
         {.m = 2048, .n = 128, .taps = 1, .depth = 64, .row = 1, .column = 2048, .b_row = 128, .accumulate = true},
         0},
        {"dense data gradient 128->2048",
         {.m = 64, .n = 2048, .taps = 1, .depth = 128, .row = 128, .column = 1, .b_row = 2048},
         0},
        {"dense 128->10, batch 64",
         {.m = 64, .n = 10, .taps = 1, .depth = 128, .row = 128, .column = 1, .b_row = 10},
         0},
        {"dense gradient 128->10, batch 64",
         {.m = 128, .n = 10, .taps = 1, .depth = 64, .row = 1, .column = 128, .b_row = 10, .accumulate = true},
         0},
        {"Winograd 32->64, 16 tiles",
         {.m = 16, .n = 64, .taps = 1, .depth = 32, .row = 32, .column = 1, .b_row = 64},
         0},
        {"Winograd 64->128, 64 tiles",
         {.m = 64, .n = 128, .taps = 1, .depth = 64, .row = 64, .column = 1, .b_row = 128},
         0},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct call call = calls[i];
        if (call.product.b_tap == 0) call.product.b_tap = call.product.depth * call.product.b_row;
        const double found = product_gflops(bench, &call);
        printf("%-38s m %4d n %4d sum %4d  %7.1f GFLOP/s  %5.1f %%\n", call.name, call.product.m, call.product.n,
               call.product.taps * call.product.depth, found, 100 * found / bench->peak);
    }
}

typedef void window_call(const struct bench *bench, const struct window *window);

static void call_max_forward(const struct bench *bench, const struct window *window) {
    bench->table->max_forward(window, bench->x, true, bench->y, bench->cell);
}

static void call_max_backward(const struct bench *bench, const struct window *window) {
    bench->table->max_backward(window, bench->y, bench->cell, bench->x);
}

static void call_sum_forward(const struct bench *bench, const struct window *window) {
    bench->table->sum_forward(window, bench->x, 0.25f, true, bench->y, bench->cell);
}

static void call_sum_backward(const struct bench *bench, const struct window *window) {
    bench->table->sum_backward(window, bench->y, 0.25f, bench->cell, bench->x);
}

/* Microseconds for one image: `side` x `side` positions, a kernel of `kernel` cells a side. */
static double window_microseconds(const struct bench *bench, window_call *call, int side, int channels, int kernel,
                                  int stride) {
    const ptrdiff_t width = (ptrdiff_t)(side - 1) * stride + kernel;
    ptrdiff_t offsets[64];
    for (int t = 0; t < kernel * kernel; t++) offsets[t] = (t / kernel * width + t % kernel) * channels;
    const struct window window = {.rows = side,
                                  .pixels = side,
                                  .channels = channels,
                                  .taps = kernel * kernel,
                                  .offsets = offsets,
                                  .row_step = stride * width * channels,
                                  .pixel_step = (ptrdiff_t)stride * channels};
    double best = 1e9;
    for (int trial = 0; trial < TRIALS; trial++) {
        memset(bench->x, 0, ROOM / 8 * sizeof(float));
        memset(bench->z, 0, 65536 * sizeof(float));
        const double start = seconds();
        for (int i = 0; i < 20; i++) call(bench, &window);
        const double elapsed = (seconds() - start) / 20;
        if (elapsed < best) best = elapsed;
    }
    return 1e6 * best;
}

static void bench_windows(const struct bench *bench) {
    static const struct {
        const char *name;
        window_call *call;
        int kernel, stride;
    } functions[] = {
        {"max forward", call_max_forward, 2, 2},
        {"max backward", call_max_backward, 2, 2},
        {"average forward", call_sum_forward, 2, 2},
        {"average backward", call_sum_backward, 2, 2},
    };
    static const int shapes[][2] = {{32, 3}, {32, 12}, {16, 48}, {8, 192}, {16, 32}, {8, 64}};
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            const int side = shapes[i][0];
            const int channels = shapes[i][1];
            const double time =
                window_microseconds(bench, functions[f].call, side, channels, functions[f].kernel, functions[f].stride);
            const double work = 2.0 * side * side * channels * functions[f].kernel * functions[f].kernel;
            printf("%-26s %2dx%2dx%3d  %8.2f us an image", functions[f].name, side, side, channels, time);
            printf("  %7.1f GFLOP/s  %5.1f %%\n", work / time * 1e-3, 100 * work / time * 1e-3 / bench->peak);
        }
    }
}

int main(int count, char **arguments) {
    struct error error = {0};
    struct bench bench = {
        .table = kernels_select(count > 1 ? arguments[1] : NULL),
        .x = memory_allocate(ROOM, sizeof(float), "the input", &error),
        .y = memory_allocate(ROOM, sizeof(float), "the second operand", &error),
        .z = memory_allocate(ROOM, sizeof(float), "the output", &error),
        .cell = memory_allocate(ROOM, sizeof(uint16_t), "the cells", &error),
    };
    if (bench.table == NULL) {
        fprintf(stderr, "bench_kernels: no table \"%s\" here\n", arguments[1]);
        return 2;
    }
    if (bench.x == NULL || bench.y == NULL || bench.z == NULL || bench.cell == NULL) return 1;
    bench.peak = peak(bench.table);
    printf("%s: multiply-add peak %.1f GFLOP/s a core\n", bench.table->name, bench.peak);
    bench_products(&bench);
    bench_windows(&bench);
    free(bench.x);
    free(bench.y);
    free(bench.z);
    free(bench.cell);
    return 0;
}
