#include "core/statistics.h"

#include <math.h>
#include <stdbool.h>

#include "tests/support/expect.h"

/* Expected values are those of scipy 1.17 and statsmodels 0.15 (proportion_confint, t.ppf, mcnemar, multipletests). */

static bool near(double found, double wanted, double relative) {
    return fabs(found - wanted) <= relative * fmax(fabs(wanted), 1e-290);
}

static void test_wilson(void **state) {
    (void)state;
    static const struct {
        int64_t hits, trials;
        double low, high;
    } rows[] = {{0, 10, 0, 0.277532799863},
                {10, 10, 0.722467200137, 1},
                {7, 10, 0.396778147461, 0.892208732594},
                {1, 3, 0.0614919447204, 0.792340399198},
                {23940, 26032, 0.916272717025, 0.922878190948},
                {0, 0, 0, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct interval found = wilson_interval(rows[i].hits, rows[i].trials);
        assert_true(near(found.low, rows[i].low, 1e-11) && near(found.high, rows[i].high, 1e-11));
    }
}

static void test_moments(void **state) {
    (void)state;
    const double values[] = {0.8, 0.82, 0.79, 0.85};
    assert_true(near(statistics_mean(values, 4), 0.815, 1e-15));
    assert_true(near(statistics_deviation(values, 4), 0.026457513110645873, 1e-13));
    assert_true(near(statistics_median(values, 4), 0.81, 1e-15) && statistics_median(values, 3) == 0.8);
    assert_true(statistics_mean(values, 0) == 0 && statistics_median(values, 0) == 0);
    assert_true(statistics_deviation(values, 1) == 0 && statistics_deviation(values, 0) == 0);
    const double tied[] = {3, 1, 1, 3, 3, 2};
    assert_true(statistics_median(tied, 6) == 2.5);
}

static void test_student(void **state) {
    (void)state;
    static const struct {
        int degrees;
        double two_sided_95, two_sided_999;
    } rows[] = {{1, 12.7062047362, 636.619248769},   {2, 4.30265272975, 31.5990545764},
                {3, 3.18244630528, 12.9239786367},   {4, 2.7764451052, 8.61030158138},
                {9, 2.2621571628, 4.78091258593},    {30, 2.0422724563, 3.64595863504},
                {100, 1.98397151852, 3.39049131116}, {1000, 1.96233908083, 3.30028264842}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(near(student_quantile(0.975, rows[i].degrees), rows[i].two_sided_95, 1e-10));
        assert_true(near(student_quantile(0.9995, rows[i].degrees), rows[i].two_sided_999, 1e-10));
    }
    assert_true(near(student_quantile(0.6, 5), 0.267180865704, 1e-10));
    assert_true(fabs(student_quantile(0.5, 3)) < 1e-12);
}

static void test_student_interval(void **state) {
    (void)state;
    const double values[] = {0.8, 0.82, 0.79, 0.85};
    struct interval found = student_interval(values, 4);
    assert_true(near(found.low, 0.7729001925770149, 1e-11) && near(found.high, 0.8570998074229852, 1e-11));
    found = student_interval(values, 1);
    assert_true(found.low == 0.8 && found.high == 0.8);
}

static void test_mcnemar(void **state) {
    (void)state;
    static const struct {
        int64_t only_first, only_second;
        double p;
    } rows[] = {{0, 0, 1},
                {5, 5, 1},
                {1, 0, 1},
                {10, 2, 0.03857421875},
                {0, 8, 0.0078125},
                {59, 121, 4.43444926376e-06},
                {480, 520, 0.217448293204},
                {400, 600, 2.72846415607e-10},
                {0, 1000, 1.86652723701e-301}, /* the last exact row */
                {480, 521, 0.206129874691},    /* the first by chi-square */
                {1000, 1200, 2.20852228944e-05},
                {0, 5000, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double p = mcnemar_p(rows[i].only_first, rows[i].only_second);
        if (!near(p, rows[i].p, 1e-9)) fail_msg("row %d: %.12g, not %.12g", (int)i, p, rows[i].p);
        assert_true(mcnemar_p(rows[i].only_second, rows[i].only_first) == p);
    }
}

static void test_rueger(void **state) {
    (void)state;
    assert_true(rueger_p((double[]){0.03}, 1) == 0.03);
    assert_true(near(rueger_p((double[]){0.9, 0.01, 0.02}, 3), 0.04, 1e-15));
    assert_true(near(rueger_p((double[]){0.04, 0.01}, 2), 0.05, 1e-15));
    assert_true(rueger_p((double[]){0.9, 0.8, 0.02}, 3) == 1);
}

static void expect_holm(const double *p, int count, const double *wanted) {
    double adjusted[8];
    holm_adjust(p, count, adjusted);
    for (int i = 0; i < count; i++)
        if (!near(adjusted[i], wanted[i], 1e-14)) fail_msg("p %d becomes %.9g, not %.9g", i, adjusted[i], wanted[i]);
}

static void test_holm(void **state) {
    (void)state;
    expect_holm((double[]){0.01, 0.04, 0.03, 0.005}, 4, (double[]){0.03, 0.06, 0.06, 0.02});
    expect_holm((double[]){0.5, 0.5, 0.02, 0.02, 0.9}, 5, (double[]){1, 1, 0.1, 0.1, 1});
    expect_holm((double[]){0.2}, 1, (double[]){0.2});
    expect_holm(NULL, 0, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wilson),  cmocka_unit_test(test_moments),
        cmocka_unit_test(test_student), cmocka_unit_test(test_student_interval),
        cmocka_unit_test(test_mcnemar), cmocka_unit_test(test_rueger),
        cmocka_unit_test(test_holm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
