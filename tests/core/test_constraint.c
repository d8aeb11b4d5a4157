#include "core/constraint.h"

#include <math.h>

#include "tests/support/component_case.h"

enum { MOST = 16 };

static void assert_constrained(const char *json, struct shape shape, const float *weights, const float *expected) {
    struct component_case test;
    float found[MOST];
    size_t count = 0;
    assert_true(shape_elements(&shape, &count) && count <= MOST);
    for (size_t i = 0; i < count; i++) found[i] = weights[i];
    component_case_open(&test, &constraint_registry, json);
    constraint_apply(&test.component, &shape, found);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)found[i] - (double)expected[i]) <= 1e-6))
            fail_msg("%s: weight %zu is %.9g, not %.9g", json, i, (double)found[i], (double)expected[i]);
    component_case_close(&test);
}

/* Numbers of Keras 3.15. */
static void as_keras(void **state) {
    (void)state;
    const struct shape matrix = {2, {2, 3}}, kernel = {4, {2, 1, 2, 2}}, bias = {1, {2}};
    const float w[] = {3, -1, 0, 4, 0.5F, -0.25F}, k[] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_constrained("\"max_norm\"", matrix, w, (const float[]){1.2F, -1, 0, 1.6F, 0.5F, -0.25F});
    assert_constrained("{\"type\":\"MaxNorm\",\"max_value\":2,\"axis\":1}", matrix, w,
                       (const float[]){1.8973665F, -0.63245553F, 0, 1.9807502F, 0.24759378F, -0.12379689F});
    assert_constrained("{\"type\":\"MaxNorm\",\"max_value\":1,\"axis\":[0,1]}", matrix, w,
                       (const float[]){0.58484423F, -0.19494808F, 0, 0.77979231F, 0.09747404F, -0.04873702F});
    assert_constrained("\"non_neg\"", matrix, w, (const float[]){3, 0, 0, 4, 0.5F, 0});
    assert_constrained("\"UnitNorm\"", matrix, w, (const float[]){0.6F, -0.89442706F, 0, 0.8F, 0.44721353F, -1});
    assert_constrained("{\"class_name\":\"UnitNorm\",\"config\":{\"axis\":-1}}", matrix, w,
                       (const float[]){0.94868326F, -0.31622776F, 0, 0.99037516F, 0.12379689F, -0.06189844F});
    assert_constrained("{\"type\":\"min_max_norm\",\"min_value\":1,\"max_value\":2,\"rate\":0.5}", matrix, w,
                       (const float[]){2.1F, -1, 0, 2.8F, 0.5F, -0.62499976F});
    assert_constrained("{\"type\":\"MaxNorm\",\"max_value\":3,\"axis\":[0,1,2]}", kernel, k,
                       (const float[]){0.32732683F, 0.54772252F, 0.98198050F, 1.09544504F, 1.63663411F, 1.6431675F,
                                       2.29128790F, 2.19089007F});
    assert_constrained(
        "{\"type\":\"UnitNorm\",\"axis\":2}", kernel, k,
        (const float[]){0.31622776F, 0.44721359F, 0.94868326F, 0.89442718F, 0.58123821F, 0.6F, 0.81373346F, 0.8F});
    assert_constrained("{\"type\":\"MaxNorm\",\"max_value\":3}", bias, (const float[]){3, 4},
                       (const float[]){1.8F, 2.4F});
}

/* More columns than are taken at a time: each has a norm of its own. */
static void wide_matrix(void **state) {
    (void)state;
    enum { COLUMNS = 150 };
    struct component_case test;
    float weights[2 * COLUMNS];
    for (int i = 0; i < 2 * COLUMNS; i++) weights[i] = (float)(i % COLUMNS + 1) * (i < COLUMNS ? 3 : 4);
    component_case_open(&test, &constraint_registry, "\"unit_norm\"");
    constraint_apply(&test.component, &(struct shape){2, {2, COLUMNS}}, weights);
    for (int i = 0; i < 2 * COLUMNS; i++) assert_true(fabsf(weights[i] - (i < COLUMNS ? 0.6F : 0.8F)) < 1e-6F);
    component_case_close(&test);
}

static void none(void **state) {
    (void)state;
    const struct component nothing = {0};
    float weights[] = {-1, 2};
    constraint_apply(&nothing, &(struct shape){1, {2}}, weights);
    assert_true(weights[0] == -1 && weights[1] == 2);
}

static void refusals(void **state) {
    (void)state;
    struct component_case test;
    struct error error = {0};
    const struct place document = place_document("m.json");
    component_case_open(&test, &constraint_registry, "{\"type\":\"MaxNorm\",\"axis\":[0,2]}");
    assert_int_equal(constraint_check(&test.component, "kernel", &(struct shape){4, {3, 3, 1, 8}}, &document, &error),
                     0);
    constraint_check(&test.component, "kernel", &(struct shape){2, {5, 8}}, &document, &error);
    expect_error(&error, ERROR_CONFIG,
                 "m.json: the MaxNorm of kernel has axis 2, but kernel has the shape (5,8); give it -2 to 1");
    component_case_close(&test);
    assert_false(component_case_try(&test, &constraint_registry, "{\"type\":\"MaxNorm\",\"max_value\":-1}"));
    expect_error(&test.error, ERROR_CONFIG, "test.json: max_value: must be a number, 0 or more; got -1");
    component_case_close(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_keras),
        cmocka_unit_test(wide_matrix),
        cmocka_unit_test(none),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
