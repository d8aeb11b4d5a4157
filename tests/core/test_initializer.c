#include "core/initializer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/component_case.h"

struct filled {
    size_t count;
    float *values;
    double mean, deviation, largest; /* largest: of the magnitudes */
};

static struct filled fill(const char *json, struct shape shape, uint64_t seed) {
    struct component_case test;
    struct filled filled = {0};
    component_case_open(&test, &initializer_registry, json);
    assert_true(shape_elements(&shape, &filled.count));
    filled.values = calloc(filled.count, sizeof *filled.values);
    assert_non_null(filled.values);
    const struct rng rng = rng_stream(seed, RNG_INITIALIZE, 0, 0, 0);
    assert_int_equal(initializer_fill(&test.component, &shape, rng, filled.values, &test.error), 0);
    double squares = 0;
    for (size_t i = 0; i < filled.count; i++) {
        filled.mean += (double)filled.values[i] / (double)filled.count;
        squares += (double)filled.values[i] * (double)filled.values[i] / (double)filled.count;
        filled.largest = fmax(filled.largest, fabs((double)filled.values[i]));
    }
    filled.deviation = sqrt(squares - filled.mean * filled.mean);
    component_case_close(&test);
    return filled;
}

/* A uniform distribution on +-limit: nothing beyond, the ends nearly reached, the deviation limit/sqrt(3). */
static void assert_uniform(const char *json, struct shape shape, double limit) {
    struct filled filled = fill(json, shape, 1);
    assert_true(filled.largest <= limit * (1 + 1e-6));
    assert_true(filled.largest > limit * 0.95);
    if (filled.count > 5000) {
        assert_true(fabs(filled.deviation / (limit / sqrt(3)) - 1) < 0.03);
        assert_true(fabs(filled.mean) < 0.03 * limit);
    }
    free(filled.values);
}

/* A normal distribution of this deviation, cut off at `cut` deviations of the underlying normal (0: not cut). */
static void assert_normal(const char *json, struct shape shape, double mean, double deviation, double cut) {
    struct filled filled = fill(json, shape, 1);
    assert_true(fabs(filled.deviation / deviation - 1) < 0.03);
    assert_true(fabs(filled.mean - mean) < 0.03 * deviation);
    if (cut > 0)
        assert_true(filled.largest <= cut + fabs(mean));
    else
        assert_true(filled.largest > 3 * deviation);
    free(filled.values);
}

/* SEMANTICS section 4: depthwise 3x3x3x1 has fans 27 and 9, limit 0.40825 */
static void glorot_of_a_depthwise_kernel(void **state) {
    (void)state;
    assert_uniform("\"glorot_uniform\"", (struct shape){4, {3, 3, 3, 1}}, 0.40825);
    double largest = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct filled filled = fill("\"glorot_uniform\"", (struct shape){4, {3, 3, 3, 1}}, seed);
        largest = fmax(largest, filled.largest);
        free(filled.values);
    }
    assert_true(largest > 0.408 && largest <= 0.408249);
}

/* fans 3*3*16 = 144 and 3*3*64 = 576; a Dense kernel (100,200); a bias (6000) counts itself on both sides */
static void fans(void **state) {
    (void)state;
    const struct shape kernel = {4, {3, 3, 16, 64}}, dense = {2, {100, 200}}, bias = {1, {6000}};
    assert_uniform("\"GlorotUniform\"", kernel, sqrt(6.0 / 720));
    assert_uniform("\"he_uniform\"", kernel, sqrt(6.0 / 144));
    assert_uniform("\"lecun_uniform\"", kernel, sqrt(3.0 / 144));
    assert_uniform("\"glorot_uniform\"", dense, sqrt(6.0 / 300));
    assert_uniform("\"glorot_uniform\"", bias, sqrt(6.0 / 12000));
    const double corrected = 2 / 0.87962566103423978;
    assert_normal("\"glorot_normal\"", kernel, 0, sqrt(2.0 / 720), corrected * sqrt(2.0 / 720));
    assert_normal("\"HeNormal\"", kernel, 0, sqrt(2.0 / 144), corrected * sqrt(2.0 / 144));
    assert_normal("\"lecun_normal\"", kernel, 0, sqrt(1.0 / 144), corrected * sqrt(1.0 / 144));
    assert_uniform("{\"type\":\"VarianceScaling\",\"scale\":3,\"mode\":\"fan_out\",\"distribution\":\"uniform\"}",
                   kernel, sqrt(9.0 / 576));
    assert_normal("{\"type\":\"VarianceScaling\",\"distribution\":\"untruncated_normal\"}", kernel, 0, sqrt(1.0 / 144),
                  0);
}

static void plain_distributions(void **state) {
    (void)state;
    const struct shape shape = {2, {100, 100}};
    assert_normal("\"random_normal\"", shape, 0, 0.05, 0);
    assert_normal("{\"type\":\"RandomNormal\",\"mean\":3,\"stddev\":2}", shape, 3, 2, 0);
    assert_uniform("\"RandomUniform\"", shape, 0.05);
    assert_normal("{\"type\":\"truncated_normal\",\"stddev\":1}", shape, 0, 0.87962566, 2);
    struct filled filled = fill("{\"type\":\"random_uniform\",\"minval\":2,\"maxval\":3}", shape, 1);
    assert_true(fabs(filled.mean - 2.5) < 0.02 && filled.largest <= 3);
    free(filled.values);
}

static void constants(void **state) {
    (void)state;
    const char *const names[] = {"\"zeros\"", "\"Ones\"", "{\"type\":\"constant\",\"value\":-2.5}", "\"Constant\""};
    const float expected[] = {0, 1, -2.5F, 0};
    for (int i = 0; i < 4; i++) {
        struct filled filled = fill(names[i], (struct shape){1, {3}}, 1);
        for (size_t k = 0; k < 3; k++) assert_true(filled.values[k] == expected[i]);
        free(filled.values);
    }
}

/* Rows or columns, whichever are fewer, are orthonormal times gain. */
static void assert_orthogonal(struct shape shape, size_t rows, size_t columns) {
    struct filled filled = fill("{\"type\":\"Orthogonal\",\"gain\":2}", shape, 1);
    const bool tall = rows >= columns;
    const size_t vectors = tall ? columns : rows, length = tall ? rows : columns;
    for (size_t a = 0; a < vectors; a++)
        for (size_t b = 0; b <= a; b++) {
            double dot = 0;
            for (size_t k = 0; k < length; k++) {
                size_t at_a = tall ? k * columns + a : a * columns + k, at_b = tall ? k * columns + b : b * columns + k;
                dot += (double)filled.values[at_a] * (double)filled.values[at_b];
            }
            assert_true(fabs(dot - (a == b ? 4 : 0)) < 1e-5);
        }
    free(filled.values);
}

static void orthogonal(void **state) {
    (void)state;
    assert_orthogonal((struct shape){2, {20, 7}}, 20, 7);
    assert_orthogonal((struct shape){2, {7, 20}}, 7, 20);
    assert_orthogonal((struct shape){4, {3, 3, 2, 8}}, 18, 8);
    struct component_case test;
    component_case_open(&test, &initializer_registry, "\"orthogonal\"");
    const struct shape bias = {1, {4}};
    const struct place document = place_document("test.json"), place = place_key(&document, "bias_initializer");
    assert_int_equal(initializer_check(&test.component, &bias, &place, &test.error), -1);
    expect_error(&test.error, ERROR_CONFIG,
                 "test.json: bias_initializer: Orthogonal needs a tensor of two or more axes; use another initializer "
                 "here");
    component_case_close(&test);
}

static void streams(void **state) {
    (void)state;
    const struct shape shape = {2, {8, 8}};
    struct filled a = fill("\"he_normal\"", shape, 5), b = fill("\"he_normal\"", shape, 5),
                  c = fill("\"he_normal\"", shape, 6);
    assert_memory_equal(a.values, b.values, 64 * sizeof(float));
    assert_true(memcmp(a.values, c.values, 64 * sizeof(float)) != 0);
    free(a.values);
    free(b.values);
    free(c.values);
}

static void refusals(void **state) {
    (void)state;
    struct component_case test;
    assert_false(component_case_try(&test, &initializer_registry, "{\"type\":\"RandomUniform\",\"minval\":1}"));
    expect_error(&test.error, ERROR_CONFIG, "test.json: minval 1 is above maxval 0.05; swap them");
    component_case_close(&test);
    assert_false(component_case_try(&test, &initializer_registry, "\"glorot_unifrom\""));
    expect_error(&test.error, ERROR_CONFIG,
                 "test.json: unknown initializer \"glorot_unifrom\"; did you mean \"glorot_uniform\"?");
    component_case_close(&test);
    assert_false(component_case_try(&test, &initializer_registry, "{\"type\":\"TruncatedNormal\",\"stddev\":-1}"));
    expect_error(&test.error, ERROR_CONFIG, "test.json: stddev: must be a number, 0 or more; got -1");
    component_case_close(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glorot_of_a_depthwise_kernel),
        cmocka_unit_test(fans),
        cmocka_unit_test(plain_distributions),
        cmocka_unit_test(constants),
        cmocka_unit_test(orthogonal),
        cmocka_unit_test(streams),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
