#include <math.h>

#include "tests/support/layer_case.h"

enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE };

static void set(struct layer_case *test, int index, float value) {
    for (size_t i = 0; i < test->run.sizes[index]; i++) test->run.parameters[index][i] = value;
}

static void start(struct layer_case *test) {
    set(test, GAMMA, 1);
    set(test, BETA, 0);
    set(test, MOVING_MEAN, 0);
    set(test, MOVING_VARIANCE, 1);
}

static void parameters(void **state) {
    (void)state;
    struct layer_case test;
    char text[SHAPE_TEXT_SIZE];
    layer_case_open(&test, "{\"type\":\"BatchNormalization\"}", (struct shape){3, {4, 4, 5}}, 1);
    const char *names[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    const char *initializers[] = {"Ones", "Zeros", "Zeros", "Ones"};
    assert_int_equal(test.layer.parameter_count, 4);
    for (int i = 0; i < 4; i++) {
        const struct parameter *parameter = &test.layer.parameters[i];
        assert_string_equal(parameter->name, names[i]);
        assert_string_equal(parameter->initializer.kind->name, initializers[i]);
        assert_int_equal(parameter->trainable, i < 2);
        assert_string_equal(shape_text(&parameter->shape, text, sizeof text), "(5)");
    }
    layer_case_close(&test);
    layer_case_open(&test, "{\"type\":\"BatchNormalization\",\"center\":false,\"scale\":false}", (struct shape){1, {5}},
                    1);
    assert_int_equal(test.layer.parameter_count, 2);
    assert_string_equal(test.layer.parameters[0].name, "moving_mean");
    assert_false(test.layer.parameters[1].trainable);
    layer_case_close(&test);
}

/* 1..10 in shards of 3 and 2 images of two pixels: mean 5.5, population variance 8.25; SEMANTICS section 4 */
static void training_uses_the_whole_batch(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"BatchNormalization\"}", (struct shape){3, {1, 2, 1}}, 5);
    layer_case_input(&test, (const float[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    start(&test);
    set(&test, GAMMA, 2);
    set(&test, BETA, -1);
    layer_run_forward(&test.run, true);
    const double mean = 5.5, variance = 8.25;
    for (int i = 0; i < 10; i++) {
        double expected = 2 * ((double)test.run.x[i] - mean) / sqrt(variance + 1e-3) - 1;
        assert_true(fabs((double)test.run.y[i] - expected) < 1e-6);
    }
    assert_true(fabs((double)test.run.parameters[MOVING_MEAN][0] - 0.01 * mean) < 1e-7);
    assert_true(fabs((double)test.run.parameters[MOVING_VARIANCE][0] - (0.99 + 0.01 * variance)) < 1e-6);
    layer_case_close(&test);
}

/* A large mean does not swallow a small variance. */
static void no_cancellation(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"BatchNormalization\",\"momentum\":0}", (struct shape){1, {1}}, 4);
    layer_case_input(&test, (const float[]){4096, 4097, 4098, 4099});
    start(&test);
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.parameters[MOVING_MEAN], (const float[]){4097.5F}, 1, 0);
    assert_numbers(test.run.parameters[MOVING_VARIANCE], (const float[]){1.25F}, 1, 1e-6);
    layer_case_close(&test);
}

static void inference_uses_the_moving_averages(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"BatchNormalization\",\"epsilon\":1}", (struct shape){1, {2}}, 2);
    layer_case_input(&test, (const float[]){1, 2, 3, 4});
    start(&test);
    set(&test, MOVING_MEAN, 1);
    set(&test, MOVING_VARIANCE, 3);
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, (const float[]){0, 0.5F, 1, 1.5F}, 4, 1e-6);
    assert_numbers(test.run.parameters[MOVING_MEAN], (const float[]){1, 1}, 2, 0);
    layer_case_close(&test);
}

/* Adding a number to a channel, or scaling it, changes nothing: so dx sums to 0 over the batch, also against x. */
static void gradient_is_centred(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"BatchNormalization\",\"epsilon\":1e-9}", (struct shape){3, {1, 3, 1}}, 3);
    layer_case_input(&test, (const float[]){1, 5, -2, 0.5F, 3, 7, -1, 2, 4});
    start(&test);
    layer_run_forward(&test.run, true);
    for (int i = 0; i < 9; i++) test.run.dy[i] = (float)((i * 5) % 7) - 2;
    layer_run_backward(&test.run);
    double sum = 0, against = 0, size = 0;
    for (int i = 0; i < 9; i++) {
        sum += (double)test.run.dx[i];
        against += (double)test.run.dx[i] * (double)test.run.x[i];
        size += fabs((double)test.run.dx[i]);
    }
    assert_true(size > 1);
    assert_true(fabs(sum) < 1e-6 && fabs(against) < 1e-5);
    layer_case_close(&test);
}

static void refusals(void **state) {
    (void)state;
    assert_refused("{\"type\":\"BatchNormalization\",\"epsilon\":0}", (struct shape){1, {2}},
                   "test.json: model[0].epsilon: must be a number, above 0; got 0");
    assert_refused("{\"type\":\"BatchNormalization\",\"momentum\":1.5}", (struct shape){1, {2}},
                   "test.json: model[0].momentum: must be a number, in [0, 1]; got 1.5");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters),          cmocka_unit_test(training_uses_the_whole_batch),
        cmocka_unit_test(no_cancellation),     cmocka_unit_test(inference_uses_the_moving_averages),
        cmocka_unit_test(gradient_is_centred), cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
