#include "core/schedule.h"

#include <math.h>

#include "tests/support/component.h"
#include "tests/support/expect.h"

/* 4 steps an epoch, 10 epochs, base rate 2. */
static double rate(const char *config, int64_t step) {
    struct arena arena = {0};
    struct component schedule;
    struct error error = {0};
    component_from_text(&schedule_registry, config, &arena, &schedule, &error);
    expect_no_error(&error);
    double result = schedule_rate(&schedule, 2, step, 4, 10);
    arena_free(&arena);
    return result;
}

static void expect_rates(const char *config, const int64_t *steps, const double *rates, int count) {
    for (int i = 0; i < count; i++)
        if (!(fabs(rate(config, steps[i]) - rates[i]) <= 1e-15))
            fail_msg("%s at step %d: %.17g, not %.17g", config, (int)steps[i], rate(config, steps[i]), rates[i]);
}

static void test_constant(void **state) {
    (void)state;
    const int64_t steps[] = {0, 39, 1000};
    expect_rates("\"Constant\"", steps, (double[]){2, 2, 2}, 3);
    struct component none = {0};
    assert_true(schedule_rate(&none, 0.125, 7, 4, 10) == 0.125);
}

static void test_warmup(void **state) {
    (void)state;
    const int64_t steps[] = {0, 1, 3, 4, 5, 6};
    expect_rates("{\"type\": \"Constant\", \"warmup_epochs\": 1.5}", steps,
                 (double[]){2 / 6.0, 4 / 6.0, 8 / 6.0, 10 / 6.0, 2, 2}, 6);
    /* Decay counts from the end of the warm-up: steps 4 to 7 are its first epoch. */
    const int64_t after[] = {3, 4, 7, 8};
    expect_rates("{\"type\": \"StepDecay\", \"warmup_epochs\": 1, \"step_epochs\": 1, \"factor\": 0.5}", after,
                 (double[]){2, 2, 2, 1}, 4);
}

static void test_step(void **state) {
    (void)state;
    const int64_t steps[] = {0, 7, 8, 15, 16, 39};
    expect_rates("{\"type\": \"step\", \"step_epochs\": 2}", steps,
                 (double[]){2, 2, 2 * 0.1, 2 * 0.1, 2 * pow(0.1, 2), 2 * pow(0.1, 4)}, 6);
}

static void test_exponential(void **state) {
    (void)state;
    const int64_t steps[] = {0, 4, 6, 8};
    expect_rates("{\"type\": \"ExponentialDecay\", \"decay_rate\": 0.25}", steps, (double[]){2, 0.5, 0.25, 0.125}, 4);
    expect_rates("{\"type\": \"ExponentialDecay\", \"decay_rate\": 0.25, \"staircase\": true}", steps,
                 (double[]){2, 0.5, 0.5, 0.125}, 4);
    expect_rates("{\"type\": \"ExponentialDecay\", \"decay_rate\": 0.25, \"decay_epochs\": 2}", steps,
                 (double[]){2, 1, 2 * pow(0.25, 0.75), 0.5}, 4);
}

static void test_cosine(void **state) {
    (void)state;
    const int64_t steps[] = {0, 10, 20, 30, 40, 50};
    double quarter = sqrt(0.5);
    expect_rates("\"CosineDecay\"", steps, (double[]){2, 1 + quarter, 1, 1 - quarter, 0, 0}, 6);
    expect_rates("{\"type\": \"CosineDecay\", \"alpha\": 0.5, \"decay_epochs\": 5}", steps,
                 (double[]){2, 1.5, 1, 1, 1, 1}, 6);
    const int64_t warm[] = {19, 20, 30, 39, 40};
    expect_rates("{\"type\": \"CosineDecay\", \"warmup_epochs\": 5}", warm,
                 (double[]){2, 2, 1, 1 - cos(3.14159265358979323846 / 20), 0}, 5);
    /* A warm-up as long as the run leaves nothing to decay. */
    assert_true(rate("{\"type\": \"CosineDecay\", \"warmup_epochs\": 10}", 39) == 2);
    assert_true(rate("{\"type\": \"CosineDecay\", \"warmup_epochs\": 20}", 39) == 1);
}

static void test_bad_configs(void **state) {
    (void)state;
    static const struct {
        const char *config, *text;
    } rows[] = {
        {"\"StepDecay\"", "test: step_epochs: is missing; it must be given"},
        {"{\"type\": \"StepDecay\", \"step_epochs\": 0}",
         "test: step_epochs: must be a number, in (0, 1000000000]; got 0"},
        {"{\"type\": \"CosineDecay\", \"warmup_epochs\": -1}",
         "test: warmup_epochs: must be a number, in [0, 1000000000]; got -1"},
        {"\"Cosine\"", "test: unknown schedule \"Cosine\"; did you mean \"cosine\"?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena = {0};
        struct component component;
        struct error error = {0};
        assert_int_equal(component_from_text(&schedule_registry, rows[i].config, &arena, &component, &error), -1);
        expect_error(&error, ERROR_CONFIG, rows[i].text);
        arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant),    cmocka_unit_test(test_warmup), cmocka_unit_test(test_step),
        cmocka_unit_test(test_exponential), cmocka_unit_test(test_cosine), cmocka_unit_test(test_bad_configs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
