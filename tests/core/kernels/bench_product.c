/* Speed of the product at odd sizes, one thread, operands in the caches. Usage: bench_product [TABLE].
 * Prints GFLOP/s by columns of B, for some heights and sums. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/kernels/kernels.h"
#include "core/memory.h"

enum { ROOM = 1 << 19, TRIALS = 20 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct shape_of_sum {
    const char *name;
    int m, taps, depth;
    bool transposed; /* a weight gradient: A runs down its columns, C is added to */
};

struct operands {
    float *a, *b, *c;
};

static double gflops(const struct kernels *table, const struct operands *operands, const struct shape_of_sum *shape,
                     int n) {
    ptrdiff_t offsets[16];
    for (int t = 0; t < shape->taps; t++) offsets[t] = (ptrdiff_t)t * 64;
    const struct product product = {.m = shape->m,
                                    .n = n,
                                    .taps = shape->taps,
                                    .depth = shape->depth,
                                    .a = operands->a,
                                    .offsets = offsets,
                                    .row = shape->transposed ? 1 : shape->depth,
                                    .column = shape->transposed ? shape->m : 1,
                                    .b = operands->b,
                                    .b_tap = (ptrdiff_t)shape->depth * n,
                                    .b_row = n,
                                    .c = operands->c,
                                    .c_row = n,
                                    .accumulate = shape->transposed};
    const double work = 2.0 * shape->m * n * shape->taps * shape->depth;
    const int rounds = (int)(4e6 / work) + 1;
    table->product(&product);
    const double start = seconds();
    for (int i = 0; i < rounds; i++) table->product(&product);
    return work * rounds / (seconds() - start) * 1e-9;
}

static const int widths[] = {1,  2,  3,  4,  6,  8,  9,  10, 12, 15,  16,  17, 20,
                             24, 25, 31, 32, 33, 40, 48, 64, 96, 128, 256, 512};
static const struct shape_of_sum shapes[] = {
    {"m 16, 256", 16, 1, 256, false},    {"m 1, 64", 1, 1, 64, false},        {"m 2, 64", 2, 1, 64, false},
    {"m 3, 64", 3, 1, 64, false},        {"m 4, 64", 4, 1, 64, false},        {"m 5, 64", 5, 1, 64, false},
    {"m 7, 64", 7, 1, 64, false},        {"m 8, 64", 8, 1, 64, false},        {"m 13, 64", 13, 1, 64, false},
    {"m 16, 64", 16, 1, 64, false},      {"m 16, 16", 16, 1, 16, false},      {"m 64, 128", 64, 1, 128, false},
    {"m 32, 3", 32, 1, 3, false},        {"m 32, 9", 32, 1, 9, false},        {"m 32, 3x9", 32, 3, 9, false},
    {"m 32, 9x1", 32, 9, 1, false},      {"m 32, 9x3", 32, 9, 3, false},      {"m 32, 3x96", 32, 3, 96, false},
    {"m 9, 16x16 T", 9, 16, 16, true},   {"m 27, 16x16 T", 27, 16, 16, true}, {"m 32, 1x256", 32, 1, 256, false},
    {"m 96, 16x16 T", 96, 16, 16, true}, {"m 128, 64 T", 128, 1, 64, true},
};
enum { WIDTHS = sizeof widths / sizeof *widths, SHAPES = sizeof shapes / sizeof *shapes };

static void print(const struct kernels *table, double best[SHAPES][WIDTHS]) {
    printf("%-14s", table->name);
    for (size_t w = 0; w < WIDTHS; w++) printf("%5d", widths[w]);
    printf("\n");
    for (size_t i = 0; i < SHAPES; i++) {
        printf("%-14s", shapes[i].name);
        for (size_t w = 0; w < WIDTHS; w++) printf("%5.0f", best[i][w]);
        printf("\n");
    }
}

/* Trials of one shape lie far apart in time: what slows the machine for a while does not hide a shape. */
static void bench_shapes(const struct kernels *table, const struct operands *operands) {
    static double best[SHAPES][WIDTHS];
    for (int trial = 0; trial < TRIALS; trial++)
        for (size_t i = 0; i < SHAPES; i++)
            for (size_t w = 0; w < WIDTHS; w++) {
                const double found = gflops(table, operands, &shapes[i], widths[w]);
                if (found > best[i][w]) best[i][w] = found;
            }
    print(table, best);
}

int main(int argc, char **argv) {
    struct error error = {0};
    const struct kernels *table = kernels_select(argc > 1 ? argv[1] : NULL);
    struct operands operands = {memory_allocate(ROOM, sizeof(float), "A", &error),
                                memory_allocate(ROOM, sizeof(float), "B", &error),
                                memory_allocate(ROOM, sizeof(float), "C", &error)};
    if (table != NULL && operands.a != NULL && operands.b != NULL && operands.c != NULL)
        bench_shapes(table, &operands);
    else
        fprintf(stderr, "%s\n", table == NULL ? "no such table, or this processor cannot run it" : error.message);
    free(operands.a);
    free(operands.b);
    free(operands.c);
    return table != NULL && operands.c != NULL ? 0 : 2;
}
