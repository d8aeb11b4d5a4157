/* Products that are pooled before they are stored: the same bits as the table's own product and pool, one after the
 * other. */
#include "tests/core/kernels/check.h"

#include <stdio.h>

enum { CELLS = 4 };

/* An image of windows, 2*rows by 2*m pixels of `depth` floats, and taps one pixel apart. */
struct pooled_case {
    int rows, m, n, taps, depth;
    bool bias, panels;
    const char *what;
};

struct operands {
    float *a, *b, *panels, *bias;
    size_t a_count;
    ptrdiff_t pixel, line; /* of A: floats from pixel to pixel and from row to row */
    ptrdiff_t offsets[8];
};

static struct operands operands_of(const struct pooled_case *test) {
    struct operands operands = {.pixel = test->depth + 1};
    operands.line = (2 * test->m + test->taps) * operands.pixel;
    operands.a_count = (size_t)(2 * test->rows * operands.line);
    operands.a = random_floats(operands.a_count, 7);
    operands.b = random_floats((size_t)(test->taps * test->depth * test->n), 8);
    operands.bias = random_floats((size_t)test->n, 9);
    for (int t = 0; t < test->taps; t++) operands.offsets[t] = t * operands.pixel;
    return operands;
}

static void operands_free(struct operands *operands) {
    free(operands->a);
    free(operands->b);
    free(operands->bias);
    free(operands->panels);
}

/* B of one tap in panels of the table's vector. */
static float *panels_of(const struct pooled_case *test, const struct operands *operands, int vector) {
    const int n = test->n, panels = (n + vector - 1) / vector;
    float *packed = random_floats((size_t)(panels * test->depth * vector), 10);
    for (int panel = 0; panel < panels; panel++) {
        const int first = n < vector ? 0 : panel * vector < n - vector ? panel * vector : n - vector;
        for (int k = 0; k < test->depth; k++)
            for (int x = 0; x < vector && first + x < n; x++)
                packed[(panel * test->depth + k) * vector + x] = operands->b[k * n + first + x];
    }
    return packed;
}

/* Row r of windows; its pixels' products, or those of the windows' first cells. */
static struct product product_of(const struct pooled_case *test, const struct operands *operands,
                                 const struct kernels *table) {
    return (struct product){.m = test->m,
                            .n = test->n,
                            .taps = test->taps,
                            .depth = test->depth,
                            .a = operands->a,
                            .offsets = test->taps > 1 ? operands->offsets : NULL,
                            .row = 2 * operands->pixel,
                            .column = 1,
                            .b = test->panels ? operands->panels : operands->b,
                            .b_row = test->panels ? table->vector : test->n,
                            .b_panel = test->panels ? (ptrdiff_t)test->depth * table->vector : 0,
                            .b_tap = (ptrdiff_t)test->depth * test->n,
                            .c_row = test->n,
                            .bias = test->bias ? operands->bias : NULL};
}

/* All pixels' products, and then the pool. */
static void pool_afterwards(const struct pooled_case *test, const struct operands *operands,
                            const struct kernels *table, const struct pool *pool, float *y) {
    const size_t line = (size_t)(2 * test->m * test->n);
    float *large = random_floats(2 * (size_t)test->rows * line, 11);
    struct product product = product_of(test, operands, table);
    product.m = 2 * test->m;
    product.row = operands->pixel;
    for (int row = 0; row < 2 * test->rows; row++) {
        product.a = operands->a + row * operands->line;
        product.c = large + (size_t)row * line;
        table->product(&product);
    }
    const ptrdiff_t offsets[CELLS] = {0, test->n, (ptrdiff_t)line, (ptrdiff_t)line + test->n};
    const struct window window = {.rows = test->rows,
                                  .pixels = test->m,
                                  .channels = test->n,
                                  .taps = CELLS,
                                  .offsets = offsets,
                                  .row_step = 2 * (ptrdiff_t)line,
                                  .pixel_step = 2 * test->n,
                                  .apart = true};
    if (pool->largest)
        table->max_forward(&window, large, pool->relu, y, pool->cell);
    else
        table->sum_forward(&window, large, pool->scale, pool->relu, y, pool->cell);
    free(large);
}

static void pool_at_once(const struct pooled_case *test, const struct operands *operands, const struct kernels *table,
                         const struct pool *pool, float *y) {
    struct product product = product_of(test, operands, table);
    const struct cells cells = {
        .along = operands->pixel, .down = operands->line, .rows = test->rows, .row_step = 2 * operands->line};
    product.c = y;
    table->product_pooled(&product, &cells, pool);
}

enum { NOTES_GUARD = 8 };

static void check_pool(const struct pooled_case *test, struct operands *operands, const struct kernels *table,
                       struct pool pool, bool noted) {
    const size_t count = (size_t)(test->rows * test->m * test->n);
    float *start = random_floats(count, 12), *want = output_like(start, count), *got = output_like(start, count);
    uint16_t *want_cells = calloc(count + NOTES_GUARD, sizeof *want_cells);
    uint16_t *got_cells = calloc(count + NOTES_GUARD, sizeof *got_cells);
    assert_non_null(want_cells);
    assert_non_null(got_cells);
    pool.cell = noted ? want_cells : NULL;
    pool_afterwards(test, operands, table, &pool, want);
    pool.cell = noted ? got_cells : NULL;
    pool_at_once(test, operands, table, &pool, got);
    char what[200];
    snprintf(what, sizeof what, "%s %s %s%s%s", table->name, test->what, pool.largest ? "largest" : "sum",
             pool.relu ? " relu" : "", noted ? " noted" : "");
    assert_guarded(got, count);
    assert_same_bits(got, want, count * sizeof *got, what);
    assert_same_bits(got_cells, want_cells, (count + NOTES_GUARD) * sizeof *got_cells, what);
    free(start);
    output_free(want);
    output_free(got);
    free(want_cells);
    free(got_cells);
}

static void check_case(const struct pooled_case *test, struct operands *operands) {
    for (int i = 0; kernels_at(i) != NULL; i++) {
        const struct kernels *table = kernels_at(i);
        if (test->panels) operands->panels = panels_of(test, operands, table->vector);
        for (int mode = 0; mode < 8; mode++) {
            const struct pool pool = {
                .largest = mode & 1, .relu = (mode & 2) != 0, .scale = (mode & 1) != 0 ? 1 : 0.25f};
            check_pool(test, operands, table, pool, (mode & 4) != 0);
        }
        free(operands->panels);
        operands->panels = NULL;
    }
}

static const struct pooled_case cases[] = {
    {2, 3, 32, 1, 5, true, false, "32 columns"},
    {1, 4, 48, 1, 7, false, false, "48 columns without a bias"},
    {2, 2, 96, 1, 6, true, true, "96 columns in panels"},
    {3, 2, 37, 1, 4, true, true, "37 columns in panels"},
    {2, 2, 17, 2, 9, true, false, "17 columns, two taps"},
    {2, 5, 32, 1, 3, true, false, "three terms"},
    {1, 3, 29, 1, 3, false, true, "three terms in panels, 29 columns"},
    {1, 3, 20, 1, 3, true, false, "three terms, 20 columns"},
    {1, 3, 20, 1, 3, true, true, "three terms in panels, 20 columns"},
    {1, 2, 10, 1, 3, true, true, "three terms in panels, 10 columns"},
    {1, 2, 36, 1, 3, true, true, "three terms in panels, 36 columns"},
    {1, 3, 16, 3, 3, true, false, "three terms in three taps"},
    {2, 2, 16, 1, 1, true, false, "one term"},
    {1, 2, 5, 1, 6, true, false, "fewer columns than a vector"},
    {1, 2, 300, 1, 3, true, false, "300 columns"},
    {1, 1, 16, 2, 300, true, false, "600 terms"},
    {0, 3, 16, 1, 2, true, false, "no row"},
};

static void test_as_one_after_the_other(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct operands operands = operands_of(&cases[i]);
        check_case(&cases[i], &operands);
        operands_free(&operands);
    }
}

/* Cells that are equal, not numbers, or too large for one. */
static void test_odd_numbers(void **state) {
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 3e38f};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t kind = 0; kind < sizeof odd / sizeof *odd; kind++) {
            struct operands operands = operands_of(&cases[i]);
            for (size_t at = kind; at < operands.a_count; at += 37) operands.a[at] = odd[kind];
            check_case(&cases[i], &operands);
            operands_free(&operands);
        }
    }
}

/* Two windows worked by hand, of one column: cells 1 -2 / 3 3 and -1 -2 / -4 -3, weight 2, bias 1. */
static void test_by_hand(void **state) {
    (void)state;
    struct error error = {0};
    for (int i = 0; kernels_at(i) != NULL; i++) {
        float *a = memory_allocate(8, sizeof(float), "a", &error), *b = memory_allocate(1, sizeof(float), "b", &error);
        float *bias = memory_allocate(1, sizeof(float), "bias", &error), y[2] = {0};
        memcpy(a, (const float[]){1, -2, -1, -2, 3, 3, -4, -3}, 8 * sizeof *a);
        *b = 2;
        *bias = 1;
        const struct product product = {.m = 2,
                                        .n = 1,
                                        .taps = 1,
                                        .depth = 1,
                                        .a = a,
                                        .row = 2,
                                        .column = 1,
                                        .b = b,
                                        .b_row = 1,
                                        .c = y,
                                        .c_row = 1,
                                        .bias = bias};
        const struct cells cells = {.along = 1, .down = 4, .rows = 1};
        uint16_t cell[2];
        kernels_at(i)->product_pooled(&product, &cells, &(struct pool){true, true, 1, cell});
        assert_float_equal(y[0], 7, 0);
        assert_float_equal(y[1], 0, 0);
        assert_int_equal(cell[0], 2);
        assert_int_equal(cell[1], KERNELS_NO_CELL);
        kernels_at(i)->product_pooled(&product, &cells, &(struct pool){false, false, 0.25f, NULL});
        assert_float_equal(y[0], (3 - 3 + 7 + 7) / 4.0f, 0);
        assert_float_equal(y[1], (-1 - 3 - 7 - 5) / 4.0f, 0);
        kernels_at(i)->product_pooled(&product, &cells, &(struct pool){false, true, 1, cell});
        assert_float_equal(y[0], 3 + 7 + 7, 0);
        assert_int_equal(cell[0], 13);
        assert_int_equal(cell[1], 0);
        free(a);
        free(b);
        free(bias);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_one_after_the_other),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
