#include "core/loss.h"

#include <math.h>
#include <stdbool.h>

#include "tests/support/expect.h"

enum { IMAGES = 3, CLASSES = 3 };

static const float logits[IMAGES * CLASSES] = {1, 2, 3, 0, 0, 0, 1000, 1001, 1002};
static const int32_t labels[IMAGES] = {2, 0, 1};

static void expect_values(const float *found, const double *wanted, int count, double tolerance) {
    for (int i = 0; i < count; i++)
        if (!(fabs((double)found[i] - wanted[i]) <= tolerance))
            fail_msg("value %d is %.9g, not %.9g", i, (double)found[i], wanted[i]);
}

/* Values by scipy.special.log_softmax. */
static void test_values(void **state) {
    (void)state;
    float dlogits[IMAGES * CLASSES], probabilities[IMAGES * CLASSES];
    int64_t correct = -1;
    double loss = loss_softmax_cross_entropy(logits, IMAGES, CLASSES, labels, 0, 1, dlogits, probabilities, &correct);
    assert_true(fabs(loss - 2.91382421755687) < 1e-13);
    assert_int_equal(correct, 2); /* the tie of the second image goes to class 0, its label */
    const double a = 0.0900305731703805, b = 0.244728471054798, c = 0.665240955774822, d = 1.0 / 3;
    expect_values(probabilities, (double[]){a, b, c, d, d, d, a, b, c}, 9, 6e-8);
    expect_values(dlogits, (double[]){a, b, c - 1, d - 1, d, d, a, b - 1, c}, 9, 6e-8);
}

static void test_smoothing(void **state) {
    (void)state;
    float dlogits[IMAGES * CLASSES];
    double loss = loss_softmax_cross_entropy(logits, IMAGES, CLASSES, labels, 0.1, 1.0 / 3, dlogits, NULL, NULL);
    assert_true(fabs(loss - 3.01382421755687) < 1e-13);
    expect_values(dlogits,
                  (double[]){0.0188990799456824, 0.0704650459071548, -0.0893641258528372, -0.2, 0.1, 0.1,
                             0.0188990799456824, -0.229534954092845, 0.210635874147163},
                  9, 2e-8);
}

static double one(const float *row, int32_t label, float *dlogits) {
    return loss_softmax_cross_entropy(row, 1, CLASSES, &label, 0, 1, dlogits, NULL, NULL);
}

static void test_extremes(void **state) {
    (void)state;
    float dlogits[CLASSES];
    assert_true(one((float[]){1e30F, 0, 0}, 0, dlogits) == 0);
    expect_values(dlogits, (double[]){0, 0, 0}, 3, 0);
    assert_true(fabs(one((float[]){1e30F, 0, 0}, 1, dlogits) / 1e30 - 1) < 1e-7);
    expect_values(dlogits, (double[]){1, -1, 0}, 3, 0);
    assert_true(fabs(one((float[]){-INFINITY, 0, 0}, 1, dlogits) - log(2)) < 1e-15);
    expect_values(dlogits, (double[]){0, -0.5, 0.5}, 3, 0);
    assert_true(isinf(one((float[]){-INFINITY, 0, 0}, 0, dlogits)));
    expect_values(dlogits, (double[]){-1, 0.5, 0.5}, 3, 0);
    assert_true(one((float[]){-3e38F, -3e38F, 3e38F}, 2, dlogits) == 0);
}

static void test_not_finite(void **state) {
    (void)state;
    for (int at = 0; at < CLASSES; at++)
        for (int32_t label = 0; label < CLASSES; label++) {
            float row[CLASSES] = {1, 2, 3};
            row[at] = NAN;
            assert_true(isnan(one(row, label, NULL)));
            row[at] = INFINITY;
            assert_true(isnan(one(row, label, NULL)));
        }
    assert_true(isnan(one((float[]){-INFINITY, -INFINITY, -INFINITY}, 0, NULL)));
}

static void test_gradient(void **state) {
    (void)state;
    const float row[CLASSES] = {0.5F, -1, 2};
    const int32_t label = 1;
    float dlogits[CLASSES];
    loss_softmax_cross_entropy(row, 1, CLASSES, &label, 0.2, 1, dlogits, NULL, NULL);
    for (int k = 0; k < CLASSES; k++) {
        const float step = 1.0F / 1024;
        float up[CLASSES] = {row[0], row[1], row[2]}, down[CLASSES] = {row[0], row[1], row[2]};
        up[k] += step;
        down[k] -= step;
        double slope = loss_softmax_cross_entropy(up, 1, CLASSES, &label, 0.2, 1, NULL, NULL, NULL) -
                       loss_softmax_cross_entropy(down, 1, CLASSES, &label, 0.2, 1, NULL, NULL, NULL);
        assert_true(fabs(slope / (2 * (double)step) - (double)dlogits[k]) < 1e-6);
        assert_true(fabs((double)dlogits[k]) > 1e-3);
    }
}

static void test_edges(void **state) {
    (void)state;
    int64_t correct = -1;
    assert_true(loss_softmax_cross_entropy(NULL, 0, CLASSES, NULL, 0, 1, NULL, NULL, &correct) == 0);
    assert_int_equal(correct, 0);
    const int32_t only = 0;
    float dlogit = 7;
    assert_true(loss_softmax_cross_entropy(&(float){-3}, 1, 1, &only, 0, 1, &dlogit, NULL, &correct) == 0);
    assert_true(dlogit == 0 && correct == 1);
    /* A tie of the last two: the first of them counts. */
    const int32_t tied[2] = {1, 2};
    loss_softmax_cross_entropy((float[]){0, 5, 5, 0, 5, 5}, 2, CLASSES, tied, 0, 1, NULL, NULL, &correct);
    assert_int_equal(correct, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_smoothing), cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_gradient),  cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
