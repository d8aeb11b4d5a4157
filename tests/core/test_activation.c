#include "core/activation.h"

#include <math.h>
#include <string.h>

#include "tests/support/component_case.h"

enum { COUNT = 5 };
static const float inputs[COUNT] = {-2, -0.5F, 0, 0.5F, 2};

static const struct activation_kind *kind_of(const struct component_case *test) {
    return (const struct activation_kind *)(const void *)test->component.kind;
}

static void assert_values(const char *json, const double expected[COUNT]) {
    struct component_case test;
    float values[COUNT];
    component_case_open(&test, &activation_registry, json);
    memcpy(values, inputs, sizeof values);
    kind_of(&test)->forward(kernels_reference(), test.component.config, 1, COUNT, values);
    for (int i = 0; i < COUNT; i++)
        if (!(fabs((double)values[i] - expected[i]) < 1e-6))
            fail_msg("%s of %g is %.9g, expected %.9g", json, (double)inputs[i], (double)values[i], expected[i]);
    component_case_close(&test);
}

static void values(void **state) {
    (void)state;
    assert_values("\"relu\"", (const double[]){0, 0, 0, 0.5, 2});
    assert_values("\"linear\"", (const double[]){-2, -0.5, 0, 0.5, 2});
    assert_values("\"leaky_relu\"", (const double[]){-0.4, -0.1, 0, 0.5, 2});
    assert_values("{\"type\":\"LeakyReLU\",\"negative_slope\":0.5}", (const double[]){-1, -0.25, 0, 0.5, 2});
    assert_values("\"elu\"", (const double[]){-0.86466472, -0.39346934, 0, 0.5, 2});
    assert_values("{\"type\":\"elu\",\"alpha\":2}", (const double[]){-1.72932943, -0.78693868, 0, 0.5, 2});
    assert_values("\"gelu\"", (const double[]){-0.04550026, -0.15426877, 0, 0.34573123, 1.95449974});
    assert_values("{\"type\":\"gelu\",\"approximate\":true}",
                  (const double[]){-0.04540231, -0.15428599, 0, 0.34571401, 1.95459769});
    assert_values("\"swish\"", (const double[]){-0.23840584, -0.18877033, 0, 0.31122967, 1.76159416});
    assert_values("\"tanh\"", (const double[]){-0.96402758, -0.46211716, 0, 0.46211716, 0.96402758});
    assert_values("\"relu6\"", (const double[]){0, 0, 0, 0.5, 2});
    assert_values("\"selu\"", (const double[]){-1.52016652, -0.69175816, 0, 0.52535051, 2.10140204});
    assert_values("\"softplus\"", (const double[]){0.12692800, 0.47407699, 0.69314718, 0.97407699, 2.12692809});
    assert_values("\"softsign\"", (const double[]){-0.66666669, -0.33333334, 0, 0.33333334, 0.66666669});
    assert_values("\"sigmoid\"", (const double[]){0.11920292, 0.37754067, 0.5, 0.62245933, 0.88079708});
}

/* SEMANTICS section 4: softmax(1000,1001,1002) = .09003 .24473 .66524, and rows sum to 1 */
static void softmax(void **state) {
    (void)state;
    struct component_case test;
    float rows[] = {1000, 1001, 1002, -1e30F, 0, 0};
    component_case_open(&test, &activation_registry, "\"softmax\"");
    assert_true(kind_of(&test)->is_softmax);
    kind_of(&test)->forward(kernels_reference(), test.component.config, 2, 3, rows);
    const double expected[] = {0.09003057, 0.24472847, 0.66524096, 0, 0.5, 0.5};
    for (int i = 0; i < 6; i++) assert_true(fabs((double)rows[i] - expected[i]) < 1e-6);
    component_case_close(&test);
}

/* Where an exponential would overflow, and where the ceiling is. */
static void far_away(void **state) {
    (void)state;
    static const struct {
        const char *json;
        float x, y, slope;
    } rows[] = {{"\"softplus\"", 200, 200, 1},
                {"\"softplus\"", -200, 0, 0},
                {"\"selu\"", -200, -1.7580993F, 0},
                {"\"relu6\"", 7, 6, 0},
                {"\"relu6\"", 5, 5, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct component_case test;
        float y = rows[i].x, slope = 1;
        component_case_open(&test, &activation_registry, rows[i].json);
        kind_of(&test)->forward(kernels_reference(), test.component.config, 1, 1, &y);
        kind_of(&test)->backward(kernels_reference(), test.component.config, 1, 1, &y, &slope);
        assert_true(fabsf(y - rows[i].y) < 1e-6F && fabsf(slope - rows[i].slope) < 1e-6F);
        component_case_close(&test);
    }
}

/* Every slope against a central difference of its own forward pass, away from 0 where some have a kink. */
static void slopes(void **state) {
    (void)state;
    const char *const names[] = {
        "\"relu\"", "\"leaky_relu\"", "\"elu\"",     "\"gelu\"",   "{\"type\":\"gelu\",\"approximate\":true}",
        "\"silu\"", "\"tanh\"",       "\"sigmoid\"", "\"linear\"", "\"relu6\"",
        "\"selu\"", "\"softplus\"",   "\"softsign\""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int k = 0; k < COUNT; k++) {
            struct component_case test;
            if (inputs[k] == 0) continue;
            component_case_open(&test, &activation_registry, names[i]);
            const struct activation_kind *kind = kind_of(&test);
            const void *config = test.component.config;
            float after = inputs[k], above = inputs[k] + 0.01F, below = inputs[k] - 0.01F, slope = 1;
            kind->forward(kernels_reference(), config, 1, 1, &after);
            kind->forward(kernels_reference(), config, 1, 1, &above);
            kind->forward(kernels_reference(), config, 1, 1, &below);
            kind->backward(kernels_reference(), config, 1, 1, kind->keeps_input ? &inputs[k] : &after, &slope);
            if (!(fabs((double)(above - below) / 0.02 - (double)slope) < 1e-4))
                fail_msg("%s at %g: slope %g", names[i], (double)inputs[k], (double)slope);
            component_case_close(&test);
        }
}

/* dx = y * (dy - sum of dy*y) for y = (1/4, 3/4), dy = (1, 0) */
static void softmax_slope(void **state) {
    (void)state;
    struct component_case test;
    const float kept[] = {0.25F, 0.75F};
    float dy[] = {1, 0};
    component_case_open(&test, &activation_registry, "\"softmax\"");
    kind_of(&test)->backward(kernels_reference(), test.component.config, 1, 2, kept, dy);
    assert_true(dy[0] == 0.1875F && dy[1] == -0.1875F);
    component_case_close(&test);
}

/* A NaN must reach the loss, where it is noticed. */
static void not_a_number_stays(void **state) {
    (void)state;
    for (const struct component_kind *const *at = activation_registry.kinds; *at; at++) {
        struct component_case test;
        char json[32] = "\"";
        strcat(strcat(json, (*at)->name), "\"");
        component_case_open(&test, &activation_registry, json);
        float value[] = {NAN, 1};
        kind_of(&test)->forward(kernels_reference(), test.component.config, 1, 2, value);
        if (!isnan(value[0])) fail_msg("%s hides a NaN", json);
        component_case_close(&test);
    }
}

static void refusals(void **state) {
    (void)state;
    struct component_case test;
    assert_false(component_case_try(&test, &activation_registry, "\"rellu\""));
    expect_error(&test.error, ERROR_CONFIG, "test.json: unknown activation \"rellu\"; did you mean \"relu\"?");
    component_case_close(&test);
    assert_false(component_case_try(&test, &activation_registry, "{\"type\":\"leaky_relu\",\"negative_slope\":-1}"));
    expect_error(&test.error, ERROR_CONFIG, "test.json: negative_slope: must be a number, 0 or more; got -1");
    component_case_close(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),   cmocka_unit_test(softmax),       cmocka_unit_test(far_away),
        cmocka_unit_test(slopes),   cmocka_unit_test(softmax_slope), cmocka_unit_test(not_a_number_stays),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
