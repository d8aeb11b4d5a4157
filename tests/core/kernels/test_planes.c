/* Products whose B has offsets, sums along rows, and transposing, each table against the reference. */
#include "tests/core/kernels/check.h"

#include <stdio.h>

enum { TAPS_MOST = 300 };

/* B in planes of `plane` floats, whose taps overlap. */
struct planes_case {
    struct product product;
    float *a, *b, *c, *row_bias;
    ptrdiff_t offsets[TAPS_MOST], starts[TAPS_MOST];
    size_t a_count, b_count, c_count;
};

static void planes_case(struct planes_case *test, int m, int n, int taps, int depth, bool along, int start) {
    const ptrdiff_t plane = n + 40;
    *test = (struct planes_case){.product = {.m = m, .n = n, .taps = taps, .depth = depth}};
    struct product *p = &test->product;
    for (int t = 0; t < taps; t++) {
        test->offsets[t] = (ptrdiff_t)t * m * depth;
        test->starts[t] = t * 7 % 11;
    }
    p->row = 1;
    p->column = m;
    p->b_row = along ? 2 : plane;
    p->c_row = n + 3;
    p->accumulate = start == 2;
    test->a_count = (size_t)(taps * depth * m);
    test->b_count = (size_t)(11 + n + depth * p->b_row);
    test->c_count = (size_t)(m * p->c_row);
    test->a = random_floats(test->a_count, (uint64_t)(m + 100 * n));
    test->b = random_floats(test->b_count, (uint64_t)(taps + 100 * depth));
    test->c = random_floats(test->c_count, 3);
    test->row_bias = random_floats((size_t)m, 4);
    p->row_bias = start == 1 ? test->row_bias : NULL;
    p->a = test->a;
    p->b = test->b;
}

static void planes_case_free(struct planes_case *test) {
    free(test->a);
    free(test->b);
    free(test->c);
    free(test->row_bias);
}

static float *planes_run(const struct kernels *table, const struct planes_case *test) {
    struct product product = test->product;
    product.offsets = test->offsets;
    product.b_offsets = test->starts;
    product.c = output_like(test->c, test->c_count);
    table->product(&product);
    assert_guarded(product.c, test->c_count);
    return product.c;
}

static void check_planes(int m, int n, int taps, int depth, bool along, int start) {
    struct planes_case test;
    planes_case(&test, m, n, taps, depth, along, start);
    float *want = planes_run(kernels_reference(), &test), *fused = NULL;
    float *scale = random_floats(test.c_count, 0);
    for (size_t i = 0; i < test.c_count; i++)
        scale[i] = (ptrdiff_t)i % test.product.c_row < n ? (float)(taps * depth + 1) : 0;
    for (int i = 1; kernels_at(i) != NULL; i++) {
        char what[160];
        snprintf(what, sizeof what, "%s planes m %d n %d taps %d depth %d along %d start %d", kernels_at(i)->name, m, n,
                 taps, depth, along, start);
        float *got = planes_run(kernels_at(i), &test);
        assert_close(got, want, scale, test.c_count, what);
        assert_fused_alike(kernels_at(i), got, test.c_count, &fused, what);
    }
    output_free(fused);
    output_free(want);
    free(scale);
    planes_case_free(&test);
}

/* Heights and widths around every tile, with all that can begin a sum. */
static void test_product_by_planes(void **state) {
    (void)state;
    for (int m = 1; m <= 15; m++)
        for (int n = 1; n < 280; n += n < 20 ? 1 : n < 150 ? 7 : 61)
            check_planes(m, n, 1 + (m + n) % 5, 1 + n % 4, n % 2 == 0, (m + n) % 3);
}

static void test_product_by_planes_long_sums(void **state) {
    (void)state;
    for (int start = 0; start < 3; start++) {
        check_planes(3, 77, 9, 40, false, start);
        check_planes(2, 50, 270, 1, false, start);
        check_planes(5, 19, 2, 300, true, start);
        check_planes(70, 33, 9, 12, false, start);
    }
}

/* A product with few columns gives the bits of one with many, of which they are a part. */
static void test_product_of_few_columns(void **state) {
    (void)state;
    enum { WIDE = 40, DEPTH = 50 };
    for (int i = 1; kernels_at(i) != NULL; i++)
        for (int m = 4; m < 600; m += m < 40 ? 3 : 211)
            for (int n = 1; n <= 20; n++) {
                const size_t count = (size_t)m * WIDE;
                float *a = random_floats((size_t)m * DEPTH, 1), *b = random_floats((size_t)DEPTH * WIDE, 2);
                float *c = random_floats(count, 3), *bias = random_floats(WIDE, 4);
                float *whole = output_like(c, count), *few = output_like(c, count);
                struct product product = {.m = m,
                                          .n = WIDE,
                                          .taps = 1,
                                          .depth = DEPTH,
                                          .a = a,
                                          .row = 1,
                                          .column = m,
                                          .b = b,
                                          .b_row = WIDE,
                                          .c = whole,
                                          .c_row = WIDE,
                                          .bias = bias,
                                          .accumulate = n % 2 == 0};
                kernels_at(i)->product(&product);
                product.n = n;
                product.c = few;
                kernels_at(i)->product(&product);
                assert_guarded(few, count);
                for (int y = 0; y < m; y++) {
                    assert_same_bits(few + y * WIDE, whole + y * WIDE, (size_t)n * sizeof(float), kernels_at(i)->name);
                    assert_same_bits(few + y * WIDE + n, c + y * WIDE + n, (size_t)(WIDE - n) * sizeof(float),
                                     "beside");
                }
                output_free(whole);
                output_free(few);
                free(a);
                free(b);
                free(c);
                free(bias);
            }
}

static void check_dots(int m, int n, int depth, int start) {
    const ptrdiff_t b_row = depth + 2, c_row = n + 3;
    const size_t count = (size_t)(m * c_row);
    ptrdiff_t offsets[32];
    for (int i = 0; i < m; i++) offsets[i] = i * 5 % 7;
    float *a = random_floats((size_t)(m * (depth + 1) + 7), 5), *b = random_floats((size_t)(n * b_row), 6);
    float *c = random_floats(count, 7), *bias = random_floats((size_t)n, 8), *fused = NULL, *want = NULL;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        char what[120];
        snprintf(what, sizeof what, "%s dots m %d n %d depth %d start %d", kernels_at(i)->name, m, n, depth, start);
        float *got = output_like(c, count);
        const struct dots dots = {.m = m,
                                  .n = n,
                                  .depth = depth,
                                  .a = a,
                                  .offsets = depth % 2 == 0 ? offsets : NULL,
                                  .row = depth + 1,
                                  .b = b,
                                  .b_row = b_row,
                                  .c = got,
                                  .c_row = c_row,
                                  .bias = start == 1 ? bias : NULL,
                                  .accumulate = start == 2};
        kernels_at(i)->dots(&dots);
        assert_guarded(got, count);
        if (want == NULL) {
            want = got;
            continue;
        }
        for (size_t e = 0; e < count; e++) {
            const bool inside = (ptrdiff_t)e % c_row < n;
            assert_true(fabsf(got[e] - want[e]) <= (inside ? 1e-6f * (float)(depth + 1) : 0));
        }
        assert_fused_alike(kernels_at(i), got, count, &fused, what);
    }
    output_free(fused);
    output_free(want);
    free(a);
    free(b);
    free(c);
    free(bias);
}

static void test_dots(void **state) {
    (void)state;
    for (int m = 1; m <= 8; m++)
        for (int n = 1; n <= 9; n++)
            for (int depth = 0; depth < 70; depth += 1 + (m + n) % 3) check_dots(m, n, depth, (m + n + depth) % 3);
    check_dots(5, 3, 1000, 2);
}

/* The order of the sums: 2^24 + 1 is 2^24, so that it shows what is added to what; and nothing behind the last term
 * counts. */
static void test_dots_order(void **state) {
    (void)state;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        float *a = random_floats(64, 1), *b = random_floats(64, 1), c[1];
        for (int k = 0; k < 64; k++) a[k] = b[k] = k < 20 ? 1 : NAN;
        a[0] = 16777216;
        const struct dots dots = {.m = 1, .n = 1, .depth = 20, .a = a, .b = b, .c = c};
        kernels_at(i)->dots(&dots);
        /* sum 0 is 2^24 + 1 = 2^24, sums 1 to 3 are 2, the others 1. To 2^24 is added 1 (sum 8; lost), then 2 (4 and
         * 12), then 5 (2, 10, 6 and 14; an odd number becomes even), then 10 (all that are odd) */
        float expected = 16777216.0f + 2;
        expected += 5;
        expected += 5 + 5;
        assert_float_equal(c[0], expected, 0);
        free(a);
        free(b);
    }
}

static void test_transpose(void **state) {
    (void)state;
    for (int rows = 0; rows < 20; rows++)
        for (int columns = 0; columns < 20; columns++)
            for (int far = 0; far < 2; far++) {
                const ptrdiff_t from_row = columns + 3 * far, to_row = rows + 5 * far;
                const size_t count = (size_t)(columns * to_row);
                float *from = random_floats((size_t)(rows * from_row), 9), *to = random_floats(count, 10);
                for (int i = 0; kernels_at(i) != NULL; i++) {
                    float *got = output_like(to, count);
                    kernels_at(i)->transpose(rows, columns, from, from_row, got, to_row);
                    assert_guarded(got, count);
                    for (int x = 0; x < columns; x++)
                        for (int y = 0; y < to_row; y++) {
                            const float expected = y < rows ? from[y * from_row + x] : to[x * to_row + y];
                            assert_float_equal(got[x * to_row + y], expected, 0);
                        }
                    output_free(got);
                }
                free(from);
                free(to);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_by_planes),
        cmocka_unit_test(test_product_by_planes_long_sums),
        cmocka_unit_test(test_product_of_few_columns),
        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_dots_order),
        cmocka_unit_test(test_transpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
