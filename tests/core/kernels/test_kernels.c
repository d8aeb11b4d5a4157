/* The tables themselves, the product, and the functions of single elements, each table against the reference. */
#include "tests/core/kernels/check.h"

#include <stdio.h>

static void test_tables(void **state) {
    (void)state;
    assert_string_equal(kernels_at(0)->name, "reference");
    assert_ptr_equal(kernels_at(0), kernels_reference());
    assert_string_equal(kernels_at(1)->name, "portable");
    const struct kernels *last = NULL;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        last = kernels_at(i);
        assert_ptr_equal(kernels_select(last->name), last);
    }
    assert_ptr_equal(kernels_select(NULL), last);
    assert_null(kernels_select("abacus"));
    assert_null(kernels_select(""));
    assert_null(kernels_at(100));
}

static void test_table_facts(void **state) {
    (void)state;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        const struct kernels *table = kernels_at(i);
        assert_in_range(table->vector, 1, 16);
        assert_in_range(table->tile_m, 1, 14);
        assert_int_equal(table->tile_n % table->vector, 0);
    }
}

/* A product worked by hand: two taps, a bias, strides. */
static void test_product_by_hand(void **state) {
    (void)state;
    struct error error = {0};
    for (int i = 0; kernels_at(i) != NULL; i++) {
        float *a = memory_allocate(6, sizeof(float), "a", &error);
        float *b = memory_allocate(8, sizeof(float), "b", &error);
        float *bias = memory_allocate(2, sizeof(float), "bias", &error);
        memcpy(a, (const float[]){1, 2, 3, 4, 5, 6}, 6 * sizeof(float));
        memcpy(b, (const float[]){1, 10, 100, 1000, 2, 20, 200, 2000}, 8 * sizeof(float));
        memcpy(bias, (const float[]){0.5f, -0.5f}, 2 * sizeof(float));
        float c[6] = {UNTOUCHED, UNTOUCHED, UNTOUCHED, UNTOUCHED, UNTOUCHED, UNTOUCHED};
        const ptrdiff_t offsets[2] = {0, 2};
        const struct product product = {.m = 2,
                                        .n = 2,
                                        .taps = 2,
                                        .depth = 2,
                                        .a = a,
                                        .offsets = offsets,
                                        .row = 1,
                                        .column = 1,
                                        .b = b,
                                        .b_tap = 4,
                                        .b_row = 2,
                                        .c = c,
                                        .c_row = 3,
                                        .bias = bias};
        kernels_at(i)->product(&product);
        /* row 0: 1*(1,10) + 2*(100,1000) + 3*(2,20) + 4*(200,2000); row 1: the same from 2, 3, 4, 5 */
        const float expected[6] = {1007.5f, 10069.5f, UNTOUCHED, 1310.5f, 13099.5f, UNTOUCHED};
        for (int e = 0; e < 6; e++) assert_float_equal(c[e], expected[e], 0);
        free(a);
        free(b);
        free(bias);
    }
}

enum { START_ZERO, START_BIAS, START_C, STARTS };

struct product_case {
    struct product product; /* c, a, b, bias are set; c is replaced for each call */
    float *a, *b, *bias, *c;
    ptrdiff_t offsets[8];
    size_t a_count, b_count, c_count;
};

/* A convolution-like product: taps overlap in A; `transposed` runs down A as a weight gradient does. */
static struct product_case product_case(int m, int n, int taps, int depth, bool transposed, int start) {
    struct product_case test = {.product = {.m = m, .n = n, .taps = taps, .depth = depth}};
    struct product *p = &test.product;
    p->row = transposed ? 1 : depth + 1;
    p->column = transposed ? m + 2 : 1;
    for (int t = 0; t < taps; t++) test.offsets[t] = (t * 5) % 7;
    p->b_row = n + 1;
    p->b_tap = depth * p->b_row + 3;
    p->c_row = n + 2;
    p->accumulate = start == START_C;
    test.a_count = (size_t)(m * p->row + depth * p->column + 8);
    test.b_count = (size_t)(taps * p->b_tap);
    test.c_count = (size_t)(m * p->c_row);
    test.a = random_floats(test.a_count, (uint64_t)(m + 100 * n));
    test.b = random_floats(test.b_count, (uint64_t)(taps + 100 * depth));
    test.c = random_floats(test.c_count, 3);
    test.bias = random_floats((size_t)n, 4);
    p->a = test.a;
    p->b = test.b;
    p->bias = start == START_BIAS ? test.bias : NULL;
    return test;
}

static void product_case_free(struct product_case *test) {
    free(test->a);
    free(test->b);
    free(test->c);
    free(test->bias);
}

/* The result in a guarded output. */
static float *product_run(const struct kernels *table, const struct product_case *test) {
    struct product product = test->product;
    product.offsets = product.taps > 1 ? test->offsets : NULL;
    product.c = output_like(test->c, test->c_count);
    table->product(&product);
    assert_guarded(product.c, test->c_count);
    return product.c;
}

/* The sums of the terms' magnitudes, by the reference; between the rows of C, 0. */
static float *product_scale(const struct product_case *test) {
    struct product_case absolute = *test;
    absolute.product.a = absolute.a = magnitudes(test->a, test->a_count);
    absolute.product.b = absolute.b = magnitudes(test->b, test->b_count);
    absolute.c = magnitudes(test->c, test->c_count);
    absolute.bias = magnitudes(test->bias, (size_t)test->product.n);
    if (test->product.bias != NULL) absolute.product.bias = absolute.bias;
    float *scale = product_run(kernels_reference(), &absolute);
    for (size_t i = 0; i < test->c_count; i++) {
        if ((ptrdiff_t)i % test->product.c_row >= test->product.n) scale[i] = 0;
    }
    product_case_free(&absolute);
    return scale;
}

static void check_product(int m, int n, int taps, int depth, bool transposed, int start) {
    struct product_case test = product_case(m, n, taps, depth, transposed, start);
    float *want = product_run(kernels_reference(), &test);
    float *scale = product_scale(&test);
    float *fused = NULL;
    for (int i = 1; kernels_at(i) != NULL; i++) {
        char what[160];
        snprintf(what, sizeof what, "%s product m %d n %d taps %d depth %d transposed %d start %d", kernels_at(i)->name,
                 m, n, taps, depth, transposed, start);
        float *got = product_run(kernels_at(i), &test);
        assert_close(got, want, scale, test.c_count, what);
        assert_fused_alike(kernels_at(i), got, test.c_count, &fused, what);
    }
    output_free(fused);
    output_free(want);
    output_free(scale);
    product_case_free(&test);
}

static void test_product_sizes(void **state) {
    (void)state;
    static const int widths[] = {1, 3, 4, 5, 7, 8, 9, 10, 12, 15, 16, 17, 24, 31, 32, 33, 40, 64, 65};
    for (int m = 1; m <= 30; m++) {
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
            const int kind = m + (int)i;
            check_product(m, widths[i], 1 + kind % 4, 1 + kind * 7 % 11, kind % 2 == 0, kind % STARTS);
        }
    }
}

/* Sums longer than what the kernels keep in the cache at once: many taps, and deep ones. */
static void test_product_long_sums(void **state) {
    (void)state;
    for (int start = 0; start < STARTS; start++) {
        check_product(7, 19, 1, 300, false, start);
        check_product(13, 40, 8, 75, false, start);
        check_product(5, 33, 3, 257, true, start);
        check_product(29, 16, 2, 600, true, start);
    }
}

/* Sums so short that rows of B stay in registers, and rows of C that are shorter than half a vector. */
static void test_product_few_terms_or_columns(void **state) {
    (void)state;
    static const int widths[] = {8, 9, 15, 16, 17, 31, 32, 33, 40, 63, 64, 80};
    for (int start = 0; start < STARTS; start++) {
        for (int taps = 1; taps <= 4; taps++) {
            for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
                check_product(8 + 3 * (int)i, widths[i], taps, 4 / taps, taps % 2 == 0, start);
            check_product(50, 24 + taps, 1, taps, false, start);
        }
        for (int n = 1; n <= 5; n++) {
            for (int m = 16; m <= 70; m += 9) check_product(m, n, 1, 8 + 4 * (m % 5), false, start);
            check_product(33, n, 1, 30, false, start);
        }
    }
}

/* Operands whose rows or columns lie so far apart that the kernels copy them together. */
static void test_product_far_operands(void **state) {
    (void)state;
    for (int start = 0; start < STARTS; start++) {
        check_product(600, 40, 1, 30, true, start);
        check_product(515, 67, 1, 300, true, start);
        check_product(35, 520, 1, 30, false, start);
        check_product(31, 530, 3, 100, false, start);
        check_product(150, 127, 2, 150, false, start);
        check_product(200, 255, 1, 70, false, start);
        check_product(520, 515, 1, 3, true, start);
    }
}

/* No terms leave the start. */
static void test_product_without_terms(void **state) {
    (void)state;
    for (int start = 0; start < STARTS; start++) {
        check_product(5, 11, 3, 0, false, start);
        check_product(5, 11, 0, 3, false, start);
        check_product(0, 11, 1, 3, false, start);
        check_product(5, 0, 1, 3, false, start);
    }
}

/* The bits of an element do not depend on how a caller cuts m and n. */
static void test_product_split(void **state) {
    (void)state;
    for (int i = 1; kernels_at(i) != NULL; i++) {
        struct product_case test = product_case(29, 45, 3, 17, false, START_BIAS);
        float *whole = product_run(kernels_at(i), &test);
        float *parts = output_like(test.c, test.c_count);
        struct product part = test.product;
        part.offsets = test.offsets;
        for (int y = 0, height = 1; y < test.product.m; y += part.m, height = height % 7 + 2) {
            part.m = height < test.product.m - y ? height : test.product.m - y;
            for (int x = 0, width = 3; x < test.product.n; x += part.n, width += 5) {
                part.n = width < test.product.n - x ? width : test.product.n - x;
                part.a = test.product.a + y * test.product.row;
                part.b = test.product.b + x;
                part.bias = test.product.bias + x;
                part.c = parts + y * test.product.c_row + x;
                kernels_at(i)->product(&part);
            }
        }
        assert_same_bits(parts, whole, test.c_count * sizeof(float), kernels_at(i)->name);
        output_free(whole);
        output_free(parts);
        product_case_free(&test);
    }
}

/* B of a product in panels of this many columns, one after another. */
static float *panels_of(const struct product *p, int vector, ptrdiff_t panel) {
    const int count = (p->n + vector - 1) / vector;
    float *panels = random_floats((size_t)(count * panel), 9);
    for (int v = 0; v < count; v++) {
        const int last = p->n > vector ? p->n - vector : 0, start = v * vector < last ? v * vector : last;
        for (int row = 0; row < p->taps * p->depth; row++) {
            const float *from = p->b + row / p->depth * p->b_tap + row % p->depth * p->b_row + start;
            const int width = p->n < vector ? p->n : vector;
            memcpy(panels + v * panel + row * vector, from, (size_t)width * sizeof(float));
        }
    }
    return panels;
}

/* Panels change where B is read from, and no bit of the result. */
static void check_panels(const struct kernels *table, int m, int n, int taps, int depth, int start) {
    char what[160];
    snprintf(what, sizeof what, "%s panels m %d n %d taps %d depth %d start %d", table->name, m, n, taps, depth, start);
    struct product_case test = product_case(m, n, taps, depth, m % 2 == 0, start);
    float *want = product_run(table, &test);
    struct product_case packed = test;
    packed.product.b_panel = (ptrdiff_t)taps * depth * table->vector + 5;
    packed.product.b_tap = (ptrdiff_t)depth * table->vector;
    packed.product.b_row = table->vector;
    float *panels = panels_of(&test.product, table->vector, packed.product.b_panel);
    packed.product.b = panels;
    float *got = product_run(table, &packed);
    assert_same_bits(got, want, test.c_count * sizeof(float), what);
    free(panels);
    output_free(got);
    output_free(want);
    product_case_free(&test);
}

static void test_product_panels(void **state) {
    (void)state;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        for (int m = 1; m <= 30; m += m < 9 ? 1 : 7) {
            for (int n = 1; n <= 70; n += n < 34 ? 1 : 9) {
                check_panels(kernels_at(i), m, n, 1 + n % 3, 1 + (m + n) % 6, (m + n) % STARTS);
            }
        }
        check_panels(kernels_at(i), 4, 50, 1, 700, START_BIAS);
        check_panels(kernels_at(i), 200, 36, 3, 150, START_C);
    }
}

static void test_column_sums(void **state) {
    (void)state;
    for (int columns = 1; columns < 150; columns += columns < 40 ? 1 : 17) {
        for (int rows = 0; rows < 6; rows++) {
            float *x = random_floats((size_t)(rows * columns), (uint64_t)rows);
            float *start = random_floats((size_t)columns, 5);
            float *want = output_like(start, (size_t)columns);
            kernels_reference()->column_sums(rows, columns, x, want);
            for (int i = 1; kernels_at(i) != NULL; i++) {
                float *got = output_like(start, (size_t)columns);
                kernels_at(i)->column_sums(rows, columns, x, got);
                /* additions alone: every table gives the same bits */
                assert_same_bits(got, want, (size_t)columns * sizeof(float), kernels_at(i)->name);
                assert_guarded(got, (size_t)columns);
                output_free(got);
            }
            output_free(want);
            free(start);
            free(x);
        }
    }
}

static void test_elementwise(void **state) {
    (void)state;
    for (size_t count = 0; count < 70; count++) {
        float *x = random_floats(count, 6);
        float *y = random_floats(count, 7);
        for (size_t v = 0; v < count; v += 5) y[v] = v % 3 == 0 ? NAN : v % 3 == 1 ? 0.0f : -0.0f;
        for (int i = 1; kernels_at(i) != NULL; i++) {
            const struct kernels *tables[2] = {kernels_reference(), kernels_at(i)};
            float *sum[2], *forward[2], *backward[2];
            for (int k = 0; k < 2; k++) {
                sum[k] = output_like(y, count);
                forward[k] = output_like(y, count);
                backward[k] = output_like(x, count);
                tables[k]->add(count, x, sum[k]);
                tables[k]->relu_forward(count, forward[k]);
                tables[k]->relu_backward(count, y, backward[k]);
                assert_guarded(sum[k], count);
                assert_guarded(forward[k], count);
                assert_guarded(backward[k], count);
            }
            assert_same_bits(sum[1], sum[0], count * sizeof(float), kernels_at(i)->name);
            assert_same_bits(forward[1], forward[0], count * sizeof(float), kernels_at(i)->name);
            assert_same_bits(backward[1], backward[0], count * sizeof(float), kernels_at(i)->name);
            for (int k = 0; k < 2; k++) {
                output_free(sum[k]);
                output_free(forward[k]);
                output_free(backward[k]);
            }
        }
        free(x);
        free(y);
    }
}

static void test_relu_values(void **state) {
    (void)state;
    const float infinite = INFINITY;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        float y[20] = {-1, 0, 2, NAN, infinite, -infinite, -0.0f, 3, -4, 5, -1, 0, 2, NAN, infinite, -infinite, 1, 2};
        float dy[20];
        for (int v = 0; v < 20; v++) dy[v] = 1;
        kernels_at(i)->relu_backward(20, y, dy);
        kernels_at(i)->relu_forward(20, y);
        for (int v = 0; v < 20; v += 10) {
            assert_float_equal(y[v], 0, 0);
            assert_float_equal(dy[v], 0, 0);
            assert_float_equal(dy[v + 1], 0, 0);
            assert_float_equal(y[v + 2], 2, 0);
            assert_float_equal(dy[v + 2], 1, 0);
            assert_true(isnan(y[v + 3]));
            assert_float_equal(dy[v + 3], 0, 0);
            assert_true(isinf(y[v + 4]) && y[v + 4] > 0);
            assert_float_equal(y[v + 5], 0, 0);
        }
    }
}

/* A whole tile of sums, by the formula; halves are exact in every rounding. */
static void test_multiply_adds(void **state) {
    (void)state;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        const size_t count = (size_t)kernels_at(i)->tile_m * (size_t)kernels_at(i)->tile_n;
        float *start = random_floats(count, 3);
        for (size_t v = 0; v < count; v++) start[v] = (float)(v % 3);
        float *sums = output_like(start, count);
        kernels_at(i)->multiply_adds(3, 0.5f, sums);
        assert_guarded(sums, count);
        for (size_t v = 0; v < count; v++) assert_float_equal(sums[v], start[v] / 8 + 1.75f, 0);
        kernels_at(i)->multiply_adds(0, 0.5f, sums);
        for (size_t v = 0; v < count; v++) assert_float_equal(sums[v], start[v] / 8 + 1.75f, 0);
        output_free(sums);
        free(start);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_table_facts),
        cmocka_unit_test(test_product_by_hand),
        cmocka_unit_test(test_product_sizes),
        cmocka_unit_test(test_product_long_sums),
        cmocka_unit_test(test_product_few_terms_or_columns),
        cmocka_unit_test(test_product_far_operands),
        cmocka_unit_test(test_product_without_terms),
        cmocka_unit_test(test_product_split),
        cmocka_unit_test(test_product_panels),
        cmocka_unit_test(test_column_sums),
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_relu_values),
        cmocka_unit_test(test_multiply_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
