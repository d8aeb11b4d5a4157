#include "core/metrics.h"

#include <math.h>

#include "tests/support/expect.h"

static void expect_class(const struct confusion *confusion, int index, struct class_scores wanted) {
    struct class_scores found = confusion_class(confusion, index);
    assert_true(fabs(found.precision - wanted.precision) < 1e-15 && fabs(found.recall - wanted.recall) < 1e-15);
    assert_true(fabs(found.f1 - wanted.f1) < 1e-15);
    assert_int_equal(found.support, wanted.support);
}

static void test_scores(void **state) {
    (void)state;
    struct error error = {0};
    struct confusion confusion;
    assert_int_equal(confusion_create(&confusion, 4, &error), 0);
    const int32_t labels[] = {0, 0, 0, 1, 1, 2, 2, 2}, predictions[] = {0, 0, 1, 1, 0, 0, 1, 1};
    confusion_add(&confusion, labels, predictions, 5);
    confusion_add(&confusion, labels + 5, predictions + 5, 3);
    const int64_t counts[16] = {2, 1, 0, 0, 1, 1, 0, 0, 1, 2, 0, 0};
    assert_memory_equal(confusion.counts, counts, sizeof counts);
    expect_class(&confusion, 0, (struct class_scores){0.5, 2 / 3.0, 4 / 7.0, 3});
    expect_class(&confusion, 1, (struct class_scores){0.25, 0.5, 1 / 3.0, 2});
    expect_class(&confusion, 2, (struct class_scores){0, 0, 0, 3}); /* never predicted */
    expect_class(&confusion, 3, (struct class_scores){0, 0, 0, 0}); /* neither there nor predicted */
    struct scores scores = confusion_scores(&confusion);
    assert_int_equal(scores.images, 8);
    assert_int_equal(scores.correct, 3);
    assert_true(scores.accuracy == 0.375);
    assert_true(fabs(scores.precision - 0.75 / 4) < 1e-15);
    assert_true(fabs(scores.recall - (2 / 3.0 + 0.5) / 4) < 1e-15);
    assert_true(fabs(scores.f1 - (4 / 7.0 + 1 / 3.0) / 4) < 1e-15);
    confusion_free(&confusion);
    assert_null(confusion.counts);
}

static void test_empty(void **state) {
    (void)state;
    struct error error = {0};
    struct confusion confusion;
    assert_int_equal(confusion_create(&confusion, 3, &error), 0);
    struct scores scores = confusion_scores(&confusion);
    assert_true(scores.images == 0 && scores.accuracy == 0 && scores.f1 == 0);
    confusion_free(&confusion);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scores), cmocka_unit_test(test_empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
