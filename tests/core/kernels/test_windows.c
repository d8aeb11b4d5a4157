/* Pooling, each table against the reference. */
#include "tests/core/kernels/check.h"

#include <stdio.h>

/* A window of kernel_y x kernel_x cells that moves by stride over an input with its halo. */
struct window_case {
    struct window window;
    ptrdiff_t offsets[128];
    size_t large_count, small_count;
    float *large, *small;
    char what[120];
};

static void window_case_set(struct window_case *test, int rows, int pixels, int channels, int kernel_y, int kernel_x,
                            int stride) {
    const ptrdiff_t width = (ptrdiff_t)(pixels - 1) * stride + kernel_x;
    const ptrdiff_t height = (ptrdiff_t)(rows - 1) * stride + kernel_y;
    *test = (struct window_case){.window = {rows, pixels, channels, kernel_y * kernel_x, test->offsets,
                                            stride * width * channels, (ptrdiff_t)stride * channels, false}};
    for (int t = 0; t < test->window.taps; t++) {
        test->offsets[t] = (t / kernel_x * width + t % kernel_x) * channels;
    }
    test->large_count = (size_t)(width * height * channels);
    test->small_count = (size_t)(rows * pixels * channels);
    test->large = random_floats(test->large_count, 11);
    test->small = random_floats(test->small_count, 12);
    snprintf(test->what, sizeof test->what, "rows %d pixels %d channels %d kernel %dx%d stride %d", rows, pixels,
             channels, kernel_y, kernel_x, stride);
}

static void window_case_free(struct window_case *test) {
    free(test->large);
    free(test->small);
}

/* The same with every value's magnitude. */
static struct window_case window_case_magnitudes(const struct window_case *test) {
    struct window_case absolute = *test;
    absolute.large = magnitudes(test->large, test->large_count);
    absolute.small = magnitudes(test->small, test->small_count);
    return absolute;
}

/* Runs one function of a table over a case and returns its output, guarded, with its number of elements. */
typedef float *window_function(const struct kernels *table, const struct window_case *test, size_t *count);

static float *run_sum_forward(const struct kernels *table, const struct window_case *test, size_t *count) {
    float *y = output_like(test->small, *count = test->small_count);
    table->sum_forward(&test->window, test->large, 0.3f, false, y, NULL);
    return y;
}

static float *run_sum_backward(const struct kernels *table, const struct window_case *test, size_t *count) {
    float *dx = output_like(test->large, *count = test->large_count);
    table->sum_backward(&test->window, test->small, 0.3f, NULL, dx);
    return dx;
}

static const struct {
    const char *name;
    window_function *run;
} functions[] = {
    {"sum_forward", run_sum_forward},
    {"sum_backward", run_sum_backward},
};

static void check_function(const struct window_case *test, size_t f) {
    struct window_case absolute = window_case_magnitudes(test);
    size_t count;
    float *want = functions[f].run(kernels_reference(), test, &count);
    float *scale = functions[f].run(kernels_reference(), &absolute, &count);
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
    window_case_free(&absolute);
}

/* What a pool leaves: its result, what it notes of the cells, and the gradient it gives back. */
struct pooled {
    float *y, *dx;
    uint16_t cell[4096];
};

static void pool(const struct kernels *table, const struct window_case *test, bool largest, bool relu,
                 struct pooled *pooled) {
    const struct window *window = &test->window;
    assert_in_range(test->small_count, 0, 4095);
    memset(pooled->cell, 0xee, sizeof pooled->cell);
    pooled->y = output_like(test->small, test->small_count);
    pooled->dx = output_like(test->large, test->large_count);
    if (largest) {
        table->max_forward(window, test->large, relu, pooled->y, pooled->cell);
        table->max_backward(window, test->small, pooled->cell, pooled->dx);
    } else {
        table->sum_forward(window, test->large, 0.25f, relu, pooled->y, relu ? pooled->cell : NULL);
        table->sum_backward(window, test->small, 0.25f, relu ? pooled->cell : NULL, pooled->dx);
    }
    assert_guarded(pooled->y, test->small_count);
    assert_guarded(pooled->dx, test->large_count);
}

static void pooled_free(struct pooled *pooled) {
    output_free(pooled->y);
    output_free(pooled->dx);
}

/* Every table leaves the same bits as the reference. */
static void check_pool(const struct window_case *test, bool largest, bool relu) {
    struct pooled want, got;
    pool(kernels_reference(), test, largest, relu, &want);
    for (int i = 1; kernels_at(i) != NULL; i++) {
        pool(kernels_at(i), test, largest, relu, &got);
        assert_same_bits(got.cell, want.cell, sizeof want.cell, test->what);
        assert_same_bits(got.y, want.y, test->small_count * sizeof(float), test->what);
        assert_same_bits(got.dx, want.dx, test->large_count * sizeof(float), test->what);
        pooled_free(&got);
    }
    pooled_free(&want);
}

/* A ReLU taken over leaves what a ReLU by itself, in front, leaves; for windows side by side, dx too. */
static void check_relu(const struct window_case *test, bool largest) {
    struct window_case after = *test;
    const size_t bytes = test->large_count * sizeof(float);
    struct pooled merged, alone;
    after.large = magnitudes(test->large, test->large_count);
    memcpy(after.large, test->large, bytes);
    kernels_reference()->relu_forward(test->large_count, after.large);
    pool(kernels_reference(), test, largest, true, &merged);
    pool(kernels_reference(), &after, largest, false, &alone);
    assert_same_bits(merged.y, alone.y, test->small_count * sizeof(float), test->what);
    const bool side_by_side =
        test->window.rows * test->window.pixels * test->window.taps * test->window.channels == (int)test->large_count;
    if (test->window.apart && side_by_side) {
        kernels_reference()->relu_backward(test->large_count, after.large, alone.dx);
        for (size_t k = 0; k < test->large_count; k++) assert_float_equal(merged.dx[k], alone.dx[k], 0);
    }
    pooled_free(&merged);
    pooled_free(&alone);
    free(after.large);
}

static void check_pools(const struct window_case *test) {
    for (int largest = 0; largest < 2; largest++) {
        for (int relu = 0; relu < 2; relu++) {
            if (largest || !relu || test->window.taps <= KERNELS_POSITIVE_TAPS) check_pool(test, largest, relu);
        }
        if (largest || test->window.taps <= KERNELS_POSITIVE_TAPS) check_relu(test, largest);
    }
}

static void check_window(int rows, int pixels, int channels, int kernel_y, int kernel_x, int stride) {
    struct window_case test;
    window_case_set(&test, rows, pixels, channels, kernel_y, kernel_x, stride);
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) check_function(&test, f);
    const bool apart = stride >= kernel_y && stride >= kernel_x;
    for (int pass = 0; pass < 4; pass++) { /* ties and both zeros for the maximum; from the third pass on NaN too */
        for (size_t i = 0; i < test.large_count; i++) {
            test.large[i] = roundf(2 * test.large[i]) / 2;
            if (pass == 2 && i % 41 == 5) test.large[i] = NAN;
        }
        test.window.apart = pass % 2 == 1;
        if (!test.window.apart || apart) check_pools(&test);
    }
    window_case_free(&test);
}

static void test_channels(void **state) {
    (void)state;
    static const int channels[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 33, 48, 100};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        check_window(2, 9, channels[i], 3, 3, 1);
        check_window(2, 3, channels[i], 3, 3, 2);
        check_window(3, 4, channels[i], 2, 2, 2);
    }
}

static void test_pixels(void **state) {
    (void)state;
    for (int pixels = 1; pixels < 20; pixels++) {
        check_window(2, pixels, 3, 3, 3, 1);
        check_window(1, pixels, 12, 2, 3, 1);
        check_window(2, pixels, 20, 3, 2, 1);
        check_window(1, pixels, 16, 3, 3, 2);
    }
    check_window(3, 32, 3, 3, 3, 1);
    check_window(1, 67, 1, 1, 5, 1);
}

static void test_kernel_sizes(void **state) {
    (void)state;
    for (int y = 1; y <= 5; y++) {
        for (int x = 1; x <= 7; x++) {
            check_window(3, 5, 10, y, x, 1);
            check_window(2, 3, 16, y, x, x);
        }
    }
}

/* More taps than are summed in one go. */
static void test_many_taps(void **state) {
    (void)state;
    check_window(2, 3, 11, 9, 9, 1);
    check_window(2, 9, 3, 11, 11, 1);
    check_window(1, 2, 32, 8, 10, 2);
}

/* Taps that do not grow: the order of terms is that of positions, and every table keeps it. */
static void test_shuffled_taps(void **state) {
    (void)state;
    static const int channels[] = {3, 8, 21};
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
        struct window_case test;
        window_case_set(&test, 3, 10, channels[c], 3, 3, 1);
        for (int t = 0; t + 1 < test.window.taps; t += 2) {
            const ptrdiff_t other = test.offsets[t];
            test.offsets[t] = test.offsets[t + 1];
            test.offsets[t + 1] = other;
        }
        for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) check_function(&test, f);
        check_pools(&test);
        window_case_free(&test);
    }
}

/* Rows of SEMANTICS: the first of equal cells, average of 1 2 4 5. */
static void test_known_values(void **state) {
    (void)state;
    const ptrdiff_t offsets[4] = {0, 1, 2, 3};
    const struct window window = {.rows = 1, .pixels = 1, .channels = 1, .taps = 4, .offsets = offsets};
    for (int i = 0; kernels_at(i) != NULL; i++) {
        float x[40] = {1, 1, 1, 1};
        float dx[40] = {0};
        float y[40] = {7};
        uint16_t cell[40] = {9};
        kernels_at(i)->max_forward(&window, x, false, y, cell);
        kernels_at(i)->max_backward(&window, y, cell, dx);
        assert_float_equal(y[0], 1, 0);
        assert_int_equal(cell[0], 0);
        for (int t = 0; t < 4; t++) assert_float_equal(dx[t], t == 0, 0);
        memcpy(x, (const float[]){1, 2, 4, 5}, 4 * sizeof(float));
        kernels_at(i)->sum_forward(&window, x, 0.25f, false, y, NULL);
        assert_float_equal(y[0], 3, 0);
        kernels_at(i)->max_forward(&window, x, false, y, cell);
        assert_int_equal(cell[0], 3);
        x[1] = NAN;
        x[2] = NAN;
        kernels_at(i)->max_forward(&window, x, false, y, cell);
        assert_true(isnan(y[0]));
        assert_int_equal(cell[0], 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channels),  cmocka_unit_test(test_pixels),        cmocka_unit_test(test_kernel_sizes),
        cmocka_unit_test(test_many_taps), cmocka_unit_test(test_shuffled_taps), cmocka_unit_test(test_known_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
