/* Rows of depthwise convolutions, each table against the reference. */
#include "tests/core/kernels/check.h"

#include <stdio.h>

enum { TAPS_MAX = 30, SURPLUS = 16 };

/* A row of `periods` and `rest` floats more. Every term begins `shift` floats after the one before it. */
struct row_case {
    struct depthwise_row row;
    const float *from[TAPS_MAX];
    size_t input_count, dy_count, kernel_count;
    int width; /* floats from tap to tap of the kernel */
    float *input, *dy, *kernel, *bias;
    char what[120];
};

static void row_case_set(struct row_case *test, int periods, int rest, int period, int repeat, int step, int taps,
                         int shift) {
    *test = (struct row_case){.width = (period + SURPLUS - 1) / SURPLUS * SURPLUS};
    test->row = (struct depthwise_row){.count = periods * period + rest,
                                       .period = period,
                                       .repeat = repeat,
                                       .step = step,
                                       .y_step = period,
                                       .taps = taps,
                                       .from = test->from,
                                       .from_step = period,
                                       .tap = test->width};
    const size_t spread = (size_t)(taps * shift);
    test->input_count = (size_t)((periods + 1) * (step + period)) + spread;
    test->kernel_count = (size_t)(taps * test->width);
    test->input = random_floats(test->input_count, 11);
    test->dy_count = (size_t)test->row.count + spread + SURPLUS;
    test->dy = random_floats(test->dy_count, 12);
    test->kernel = random_floats(test->kernel_count, 13);
    test->bias = random_floats((size_t)period, 14);
    for (int t = 0; t < taps; t++) test->from[t] = test->input + t * shift;
    snprintf(test->what, sizeof test->what, "%d periods of %d, rest %d, repeat %d, step %d, %d taps %d apart", periods,
             period, rest, repeat, step, taps, shift);
}

static void row_case_free(struct row_case *test) {
    free(test->input);
    free(test->dy);
    free(test->kernel);
    free(test->bias);
}

/* The same with every value's magnitude. */
static void row_case_magnitudes(const struct row_case *test, struct row_case *absolute) {
    *absolute = *test;
    const size_t dy_count = test->dy_count;
    absolute->input = magnitudes(test->input, test->input_count);
    absolute->dy = magnitudes(test->dy, dy_count);
    absolute->kernel = magnitudes(test->kernel, test->kernel_count);
    absolute->bias = magnitudes(test->bias, (size_t)test->row.period);
    absolute->row.from = absolute->from;
    for (int t = 0; t < test->row.taps; t++) absolute->from[t] = absolute->input + (test->from[t] - test->input);
}

/* Runs one function of a table over a case and returns its output, guarded, with its number of elements. */
typedef float *row_function(const struct kernels *table, const struct row_case *test, size_t *count);

static float *run_row(const struct kernels *table, const struct row_case *test, const float *bias, size_t *count) {
    float *y = output_like(test->dy, *count = (size_t)test->row.count);
    table->depthwise_row(&test->row, test->kernel, bias, y);
    return y;
}

static float *run_with_bias(const struct kernels *table, const struct row_case *test, size_t *count) {
    return run_row(table, test, test->bias, count);
}

static float *run_without_bias(const struct kernels *table, const struct row_case *test, size_t *count) {
    return run_row(table, test, NULL, count);
}

/* The gradient's surplus may change, what lies before and behind all of it may not. */
static float *run_gradient(const struct kernels *table, const struct row_case *test, size_t *count) {
    struct row_case moved = *test;
    float *gradient = output_like(test->kernel, *count = test->kernel_count);
    moved.row.from = moved.from;
    for (int t = 0; t < test->row.taps; t++) moved.from[t] = test->dy + (test->from[t] - test->input);
    table->depthwise_gradient_row(&moved.row, test->input, gradient);
    for (int t = 0; t < test->row.taps; t++)
        for (int f = test->row.period; f < test->width; f++) gradient[t * test->width + f] = 0;
    return gradient;
}

static const struct {
    const char *name;
    row_function *run;
} functions[] = {
    {"depthwise_row", run_with_bias},
    {"depthwise_row without bias", run_without_bias},
    {"depthwise_gradient_row", run_gradient},
};

static void check_function(const struct row_case *test, const struct row_case *absolute, size_t f) {
    size_t count;
    float *want = functions[f].run(kernels_reference(), test, &count);
    float *scale = functions[f].run(kernels_reference(), absolute, &count);
    float *fused = NULL;
    for (int i = 1; kernels_at(i) != NULL; i++) {
        char what[240];
        snprintf(what, sizeof what, "%s %s %s", kernels_at(i)->name, functions[f].name, test->what);
        float *got = functions[f].run(kernels_at(i), test, &count);
        assert_guarded(got, count);
        assert_close(got, want, scale, count, what);
        assert_fused_alike(kernels_at(i), got, count, &fused, what);
    }
    output_free(fused);
    output_free(want);
    output_free(scale);
}

static void check_row(int periods, int rest, int period, int repeat, int step, int taps, int shift) {
    struct row_case test, absolute;
    row_case_set(&test, periods, rest, period, repeat, step, taps, shift);
    row_case_magnitudes(&test, &absolute);
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) check_function(&test, &absolute, f);
    row_case_free(&test);
    row_case_free(&absolute);
}

/* Periods around the vectors' sizes; terms that come in runs, then not. */
static void test_periods(void **state) {
    (void)state;
    static const int periods[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 33, 48, 100};
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
        const int period = periods[i];
        for (int count = 0; count < 18; count += count < 9 ? 1 : 4) {
            check_row(count, period / 2, period, 1, period, 9, period);
            check_row(count, 0, period, 1, period, 9, 3);
            check_row(count, period - 1, period, 1, 2 * period, 6, period);
        }
    }
}

static void test_lengths(void **state) {
    (void)state;
    for (int count = 1; count < 40; count++) {
        check_row(count, 0, 8, 1, 8, 9, 8);
        check_row(count, 3, 12, 4, 3, 9, 3);
        check_row(count, 0, 21, 1, 21, 3, 21);
    }
}

static void test_repeats(void **state) {
    (void)state;
    for (int repeat = 1; repeat <= 64; repeat *= 2) {
        for (int inputs = 1; inputs < 20; inputs += 3) {
            const int period = inputs * repeat;
            check_row(9, 0, period, repeat, inputs, 9, inputs);
            check_row(5, period / 2, period, repeat, inputs, 4, 1);
            check_row(3, repeat, period, repeat, 2 * inputs, 2, inputs);
        }
    }
}

static void test_taps(void **state) {
    (void)state;
    for (int taps = 0; taps < TAPS_MAX; taps++) {
        check_row(10, 0, 16, 1, 16, taps, 16);
        check_row(3, 5, 10, 2, 5, taps, 5);
    }
}

/* Periods of y and of dy that stand apart: nothing between them is written. */
static void test_steps(void **state) {
    (void)state;
    enum { PERIODS = 11, TAPS = 6 };
    for (int period = 1; period < 40; period += period < 18 ? 1 : 5) {
        const int apart = 2 * period + 1, width = 48;
        float *input = random_floats((size_t)((PERIODS + TAPS) * apart + SURPLUS), 21);
        float *kernel = random_floats(TAPS * (size_t)width, 22), *before = random_floats(PERIODS * (size_t)apart, 23);
        const float *from[TAPS];
        for (int t = 0; t < TAPS; t++) from[t] = input + t / 2 * apart + t % 2;
        const struct depthwise_row row = {.count = PERIODS * period,
                                          .period = period,
                                          .repeat = 1,
                                          .step = apart,
                                          .y_step = apart,
                                          .taps = TAPS,
                                          .from = from,
                                          .from_step = apart - 1,
                                          .tap = width};
        float *want = output_like(before, PERIODS * (size_t)apart),
              *gradient = output_like(kernel, TAPS * (size_t)width);
        kernels_reference()->depthwise_row(&row, kernel, NULL, want);
        kernels_reference()->depthwise_gradient_row(&row, input, gradient);
        for (int i = 1; kernels_at(i) != NULL; i++) {
            float *y = output_like(before, PERIODS * (size_t)apart), *got = output_like(kernel, TAPS * (size_t)width);
            kernels_at(i)->depthwise_row(&row, kernel, NULL, y);
            kernels_at(i)->depthwise_gradient_row(&row, input, got);
            assert_guarded(y, PERIODS * (size_t)apart);
            for (int e = 0; e < PERIODS * apart; e++) {
                assert_float_equal(y[e], want[e], 1e-5);
                if (e % apart >= period) assert_true(y[e] == before[e]);
            }
            for (int t = 0; t < TAPS; t++)
                for (int f = 0; f < period; f++) assert_float_equal(got[t * width + f], gradient[t * width + f], 1e-5);
            output_free(y);
            output_free(got);
        }
        output_free(want);
        output_free(gradient);
        free(input);
        free(kernel);
        free(before);
    }
}

/* Bits as the reference has them: nothing is multiplied. */
static void test_folding(void **state) {
    (void)state;
    for (int channels = 1; channels < 36; channels += channels < 18 ? 1 : 5) {
        for (int pixels = 1; pixels < 20; pixels++) {
            const int taps = 3, tap = pixels * channels + 5;
            const struct folding folding = {taps, pixels, channels, tap};
            float *sums = random_floats((size_t)(taps * tap + SURPLUS), 31);
            float *start = random_floats((size_t)(taps * channels), 32);
            float *want = output_like(start, (size_t)(taps * channels));
            kernels_reference()->fold_sums(&folding, sums, want);
            for (int i = 1; kernels_at(i) != NULL; i++) {
                float *got = output_like(start, (size_t)(taps * channels));
                kernels_at(i)->fold_sums(&folding, sums, got);
                assert_same_bits(got, want, (size_t)(taps * channels) * sizeof *got, "fold_sums");
                assert_guarded(got, (size_t)(taps * channels));
                output_free(got);
            }
            output_free(want);
            free(start);
            free(sums);
        }
    }
}

/* (a+c+e) + b, not a + b + c + e */
static void test_order_of_folding(void **state) {
    (void)state;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        const float sums[32] = {1e8f, 1, 0, 0, -1e8f};
        float gradient[1] = {2};
        const struct folding folding = {1, 5, 1, 5};
        kernels_at(i)->fold_sums(&folding, sums, gradient);
        assert_float_equal(gradient[0], 3, 0);
    }
}

static void check_pixels(const struct pixels *pixels) {
    const ptrdiff_t in = pixels->rows * pixels->from_row + pixels->pixels * pixels->from_pixel + pixels->channels;
    const ptrdiff_t out = pixels->rows * pixels->to_row + pixels->pixels * pixels->to_pixel + pixels->channels;
    float *from = random_floats((size_t)in + SURPLUS, 41), *before = random_floats((size_t)out, 42);
    float *want = output_like(before, (size_t)out);
    kernels_reference()->copy_pixels(pixels, from, want);
    for (int i = 1; kernels_at(i) != NULL; i++) {
        float *got = output_like(before, (size_t)out);
        kernels_at(i)->copy_pixels(pixels, from, got);
        assert_same_bits(got, want, (size_t)out * sizeof *got, "copy_pixels");
        assert_guarded(got, (size_t)out);
        output_free(got);
    }
    output_free(want);
    free(from);
    free(before);
}

/* Pixels side by side and apart, from either to either. */
static void test_copies(void **state) {
    (void)state;
    for (int channels = 1; channels < 40; channels += channels < 18 ? 1 : 7)
        for (int count = 1; count < 20; count += 3)
            for (int from = 1; from < 4; from++)
                for (int to = 1; to < 4; to++) {
                    const struct pixels pixels = {.rows = 3,
                                                  .pixels = count,
                                                  .channels = channels,
                                                  .from_row = (ptrdiff_t)count * from * channels + 2,
                                                  .from_pixel = (ptrdiff_t)from * channels,
                                                  .to_row = (ptrdiff_t)count * to * channels + 1,
                                                  .to_pixel = (ptrdiff_t)to * channels};
                    check_pixels(&pixels);
                }
}

/* Without a tap the sum is its start. */
static void test_no_taps(void **state) {
    (void)state;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        const struct depthwise_row row = {.count = 21, .period = 7, .repeat = 1, .step = 7, .y_step = 7};
        const float bias[32] = {1, 2, 3, 4, 5, 6, 7};
        float y[21] = {9};
        kernels_at(i)->depthwise_row(&row, bias, bias, y);
        for (int e = 0; e < 21; e++) assert_float_equal(y[e], (e % 7 + 1), 0);
        kernels_at(i)->depthwise_row(&row, bias, NULL, y);
        for (int e = 0; e < 21; e++) assert_float_equal(y[e], 0, 0);
    }
}

/* 1e8 swallows a 1 that comes before it, not one after it: terms come in order of t, periods in order of g. */
static void test_order(void **state) {
    (void)state;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        const float input[40] = {1, 1e8f, -1e8f}, ones[40] = {1, 1, 1};
        const float *const from[3] = {input, input + 1, input + 2};
        const struct depthwise_row row = {
            .count = 1, .period = 1, .repeat = 1, .step = 1, .y_step = 1, .taps = 3, .from = from, .tap = 1};
        float y[40] = {7};
        kernels_at(i)->depthwise_row(&row, ones, NULL, y);
        assert_float_equal(y[0], 0, 0);
        const struct depthwise_row along = {
            .count = 3, .period = 1, .repeat = 1, .step = 1, .taps = 1, .from = from, .from_step = 1};
        y[0] = 0;
        kernels_at(i)->depthwise_gradient_row(&along, ones, y);
        assert_float_equal(y[0], 0, 0);
    }
}

static void test_neighbours(void **state) {
    (void)state;
    for (int together = 1; together < 20; together++) {
        for (int count = 1; count < 40; count += together < 10 ? 1 : 7) {
            const size_t wide = (size_t)(count * together);
            float *values = random_floats(wide, 5);
            float *want = output_like(values, (size_t)count), *spread = output_like(values, wide);
            kernels_reference()->sum_neighbours(count, together, values, want);
            kernels_reference()->repeat_neighbours(count, together, values, spread);
            for (int i = 1; kernels_at(i) != NULL; i++) {
                float *got = output_like(values, wide);
                kernels_at(i)->sum_neighbours(count, together, values, got);
                assert_same_bits(got, want, (size_t)count * sizeof *got, "sum_neighbours");
                assert_same_bits(got + count, values + count, (wide - (size_t)count) * sizeof *got, "past the end");
                kernels_at(i)->repeat_neighbours(count, together, values, got);
                assert_same_bits(got, spread, wide * sizeof *got, "repeat_neighbours");
                assert_guarded(got, wide);
                output_free(got);
            }
            output_free(want);
            output_free(spread);
            free(values);
        }
    }
}

/* (a+b) + (c+d), not ((a+b)+c)+d; of three from first to last. */
static void test_order_of_neighbours(void **state) {
    (void)state;
    for (int i = 0; kernels_at(i) != NULL; i++) {
        const float values[4] = {1, 1e8f, -1e8f, 1}, three[3] = {1e8f, -1e8f, 1};
        float sum[8], copies[12];
        kernels_at(i)->sum_neighbours(1, 4, values, sum);
        assert_float_equal(sum[0], 0, 0);
        kernels_at(i)->sum_neighbours(1, 3, three, sum);
        assert_float_equal(sum[0], 1, 0);
        kernels_at(i)->repeat_neighbours(4, 3, values, copies);
        for (int k = 0; k < 12; k++) assert_float_equal(copies[k], values[k / 3], 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_taps),
        cmocka_unit_test(test_no_taps),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_order_of_neighbours),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_order_of_folding),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
