#include "core/regularizer.h"

#include <math.h>

#include "tests/support/component_case.h"

static const float weights[] = {1, -2, 0, 0.5F};

static void assert_regularizer(const char *json, double penalty, const double gradient[4]) {
    struct component_case test;
    float found[] = {10, 10, 10, 10};
    component_case_open(&test, &regularizer_registry, json);
    assert_true(fabs(regularizer_penalty(&test.component, weights, 4) - penalty) < 1e-12);
    regularizer_gradient(&test.component, 1, weights, found, 4);
    for (int i = 0; i < 4; i++) assert_true(fabs((double)found[i] - 10 - gradient[i]) < 1e-5);
    component_case_close(&test);
}

/* SEMANTICS section 4: L2 is l2 * sum(w^2) with no half, L1 is l1 * sum|w| */
static void penalties_and_gradients(void **state) {
    (void)state;
    assert_regularizer("\"L2\"", 0.0525, (const double[]){0.02, -0.04, 0, 0.01});
    assert_regularizer("{\"type\":\"l2\",\"l2\":1}", 5.25, (const double[]){2, -4, 0, 1});
    assert_regularizer("\"l1\"", 0.035, (const double[]){0.01, -0.01, 0, 0.01});
    assert_regularizer("{\"class_name\":\"L1\",\"config\":{\"l1\":1}}", 3.5, (const double[]){1, -1, 0, 1});
    assert_regularizer("{\"l1\":1,\"l2\":1}", 8.75, (const double[]){3, -5, 0, 2});
    assert_regularizer("{\"type\":\"l1_l2\",\"l2\":0.5}", 2.625, (const double[]){1, -2, 0, 0.5});
    assert_regularizer("\"L1L2\"", 0, (const double[]){0, 0, 0, 0});
}

static void none(void **state) {
    (void)state;
    const struct component nothing = {0};
    float gradient[] = {1, 2, 3, 4};
    assert_true(regularizer_penalty(&nothing, weights, 4) == 0);
    regularizer_gradient(&nothing, 1, weights, gradient, 4);
    assert_true(gradient[0] == 1 && gradient[3] == 4);
}

static void refusals(void **state) {
    (void)state;
    struct component_case test;
    assert_false(component_case_try(&test, &regularizer_registry, "{\"type\":\"L2\",\"l1\":1}"));
    expect_error(&test.error, ERROR_CONFIG, "test.json: l1: unknown field; did you mean \"l2\"?");
    component_case_close(&test);
    assert_false(component_case_try(&test, &regularizer_registry, "{\"l2\":-1}"));
    expect_error(&test.error, ERROR_CONFIG, "test.json: l2: must be a number, 0 or more; got -1");
    component_case_close(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(penalties_and_gradients),
        cmocka_unit_test(none),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
