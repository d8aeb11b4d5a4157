#include <math.h>

#include "tests/support/layer_case.h"

/* SEMANTICS row 32 */
static void shapes(void **state) {
    (void)state;
    assert_output("{\"type\":\"GlobalMaxPooling2D\"}", (struct shape){3, {7, 5, 4}}, (struct shape){1, {4}});
    assert_output("{\"type\":\"GlobalAveragePooling2D\",\"keepdims\":true}", (struct shape){3, {7, 5, 4}},
                  (struct shape){3, {1, 1, 4}});
    assert_refused("{\"type\":\"GlobalMaxPooling2D\"}", (struct shape){1, {4}},
                   "test.json: model[0]: GlobalMaxPooling2D needs an image (height,width,channels), got (4); put it "
                   "before Flatten, or add Reshape");
}

static void maximum(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"GlobalMaxPooling2D\"}", (struct shape){3, {2, 2, 2}}, 2);
    layer_case_input(&test, (const float[]){-4, 7, -1, 7, -1, 2, -8, 3, 1, 2, 3, 4, 5, 6, 7, 8});
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){-1, 7, 7, 8}, 4, 0);
    layer_case_dy(&test, 2);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2}, 16, 0);
    test.run.x[2] = NAN;
    layer_run_forward(&test.run, false);
    assert_true(isnan(test.run.y[0]));
    layer_case_close(&test);
}

/* Of equal numbers the first pixel counts, by rows and not by columns; of NaNs the first one too. */
static void first_of_equals(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"GlobalMaxPooling2D\"}", (struct shape){3, {3, 5, 17}}, 1);
    layer_case_input(&test, NULL);
    layer_case_dy(&test, 1);
    for (int i = 0; kernels_at(i); i++) {
        test.run.kernels = kernels_at(i);
        for (int v = 0; v < 17; v++) {
            const int first = v % 14, second = v % 2 ? first / 5 * 5 + 5 : first + 1;
            const float largest = v % 3 ? 100 : NAN;
            for (int pixel = 0; pixel < 15; pixel++)
                test.run.x[pixel * 17 + v] = pixel == first || pixel == second ? largest : (float)(pixel % 4 - v);
        }
        layer_run_forward(&test.run, true);
        layer_run_backward(&test.run);
        for (int pixel = 0; pixel < 15; pixel++)
            for (int v = 0; v < 17; v++) assert_true(test.run.dx[pixel * 17 + v] == (pixel == v % 14 ? 1.0F : 0.0F));
        for (int v = 0; v < 17; v++) assert_true(v % 3 ? test.run.y[v] == 100 : isnan(test.run.y[v]));
    }
    layer_case_close(&test);
}

/* Columns that 16 bits cannot count. */
static void wide_image(void **state) {
    (void)state;
    enum { WIDTH = 70000 };
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"GlobalMaxPooling2D\"}", (struct shape){3, {2, WIDTH, 1}}, 1);
    test.run.x[WIDTH + 69000] = 3;
    layer_case_dy(&test, 5);
    layer_run_forward(&test.run, true);
    layer_run_backward(&test.run);
    assert_true(test.run.y[0] == 3);
    assert_true(test.run.dx[WIDTH + 69000] == 5);
    layer_case_close(&test);
}

static void average(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, "{\"type\":\"GlobalAveragePooling2D\"}", (struct shape){3, {2, 2, 2}}, 1);
    layer_case_input(&test, NULL);
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){4, 5}, 2, 0);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    for (int i = 0; i < 8; i++) assert_true(test.run.dx[i] == 0.25F);
    layer_case_close(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),     cmocka_unit_test(maximum), cmocka_unit_test(first_of_equals),
        cmocka_unit_test(wide_image), cmocka_unit_test(average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
