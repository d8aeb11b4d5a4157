/* MaxPooling2D, AveragePooling2D and SumPooling2D. */
#include "tests/support/layer_case.h"

#define MAX "{\"type\":\"MaxPooling2D\""
#define AVERAGE "{\"type\":\"AveragePooling2D\""
#define SUM "{\"type\":\"SumPooling2D\""

static void assert_pooled(const char *json, struct shape input, const float *expected, size_t count) {
    struct layer_case test;
    layer_case_open(&test, json, input, 1);
    layer_case_input(&test, NULL);
    assert_int_equal(test.run.output, count);
    for (int training = 0; training < 2; training++) {
        layer_run_forward(&test.run, training);
        assert_numbers(test.run.y, expected, count, 1e-6);
    }
    layer_case_close(&test);
}

/* SEMANTICS rows 26, 38, 39 and the lesson model */
static void output_shapes(void **state) {
    (void)state;
    assert_output(MAX "}", (struct shape){3, {15, 15, 4}}, (struct shape){3, {7, 7, 4}});
    assert_output(AVERAGE ",\"pool_size\":3,\"strides\":2}", (struct shape){3, {13, 13, 4}},
                  (struct shape){3, {6, 6, 4}});
    assert_output(MAX ",\"pool_size\":3}", (struct shape){3, {13, 19, 5}}, (struct shape){3, {4, 6, 5}});
    assert_output(MAX ",\"pool_size\":2,\"strides\":null,\"padding\":\"same\"}", (struct shape){3, {15, 14, 1}},
                  (struct shape){3, {8, 7, 1}});
}

static void assert_note(const char *json, struct shape input, const char *note) {
    struct layer_case test;
    assert_true(layer_case_try(&test, json, input));
    assert_string_equal(test.layer.note, note);
    layer_case_close(&test);
}

/* row 39: a dropped row or column is said */
static void notes(void **state) {
    (void)state;
    assert_note(MAX "}", (struct shape){3, {15, 15, 4}}, "drops the last row and column of 15x15");
    assert_note(AVERAGE "}", (struct shape){3, {15, 14, 4}}, "drops the last row of 15x14");
    assert_note(MAX ",\"pool_size\":3}", (struct shape){3, {12, 14, 4}}, "drops the last 2 columns of 12x14");
    assert_note(MAX "}", (struct shape){3, {14, 14, 4}}, "");
    assert_note(MAX ",\"padding\":\"same\"}", (struct shape){3, {15, 15, 4}}, "");
}

/* row 33 and section 4 */
static void numbers(void **state) {
    (void)state;
    const struct shape five = {3, {5, 5, 1}};
    assert_pooled(MAX ",\"padding\":\"same\"}", five, (const float[]){7, 9, 10, 17, 19, 20, 22, 24, 25}, 9);
    assert_pooled(AVERAGE ",\"padding\":\"same\"}", five, (const float[]){4, 6, 7.5F, 14, 16, 17.5F, 21.5F, 23.5F, 25},
                  9);
    assert_pooled(MAX "}", five, (const float[]){7, 9, 17, 19}, 4);
    assert_pooled(AVERAGE "}", five, (const float[]){4, 6, 14, 16}, 4);
    assert_pooled(AVERAGE ",\"pool_size\":3,\"strides\":2}", five, (const float[]){7, 9, 17, 19}, 4);
    /* cut off on every side: 3x3 windows around the four corners of 2x2 see all of it */
    assert_pooled(AVERAGE ",\"pool_size\":3,\"strides\":1,\"padding\":\"same\"}", (struct shape){3, {2, 2, 1}},
                  (const float[]){2.5F, 2.5F, 2.5F, 2.5F}, 4);
}

static void assert_one_window(const char *json, float expected) {
    struct layer_case test;
    layer_case_open(&test, json, (struct shape){3, {2, 2, 1}}, 1);
    layer_case_input(&test, (const float[]){1, 2, 4, 5});
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, &expected, 1, 0);
    layer_case_close(&test);
}

/* row 33: [1 2;4 5] has the average 3, the maximum 5 and the sum 12 */
static void one_window(void **state) {
    (void)state;
    assert_one_window(AVERAGE "}", 3);
    assert_one_window(MAX "}", 5);
    assert_one_window(SUM "}", 12);
}

/* Padding never wins, even over negative numbers. */
static void padding_never_wins(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, MAX ",\"pool_size\":3,\"strides\":1,\"padding\":\"same\"}", (struct shape){3, {2, 2, 1}}, 1);
    layer_case_input(&test, (const float[]){-4, -3, -2, -1});
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){-1, -1, -1, -1}, 4, 0);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){0, 0, 0, 4}, 4, 0);
    layer_case_close(&test);
}

/* row 31 */
static void a_tie_goes_to_the_first(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, MAX "}", (struct shape){3, {2, 2, 1}}, 1);
    layer_case_input(&test, (const float[]){1, 1, 1, 1});
    layer_run_forward(&test.run, true);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){1, 0, 0, 0}, 4, 0);
    layer_case_close(&test);
}

/* The gradient of an average is shared by the cells the window has. */
static void average_gradient(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, AVERAGE ",\"padding\":\"same\"}", (struct shape){3, {3, 3, 1}}, 1);
    layer_run_forward(&test.run, true);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){0.25F, 0.25F, 0.5F, 0.25F, 0.25F, 0.5F, 0.5F, 0.5F, 1}, 9, 0);
    layer_case_close(&test);
}

/* The gradient of a sum goes to each of its cells whole. */
static void sum_gradient(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, SUM ",\"pool_size\":2,\"strides\":1}", (struct shape){3, {3, 3, 1}}, 1);
    layer_run_forward(&test.run, true);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){1, 2, 1, 2, 4, 2, 1, 2, 1}, 9, 0);
    layer_case_close(&test);
}

static void refusals(void **state) {
    (void)state;
    assert_refused(MAX ",\"pool_size\":[2,9]}", (struct shape){3, {8, 8, 3}},
                   "test.json: model[0].pool_size: (2,9) is larger than the input (8,8,3); use a smaller one or "
                   "\"padding\": \"same\"");
    assert_refused(AVERAGE "}", (struct shape){1, {8}},
                   "test.json: model[0]: AveragePooling2D needs an image (height,width,channels), got (8); put it "
                   "before Flatten, or add Reshape");
    assert_refused(MAX ",\"pool_size\":257,\"padding\":\"same\"}", (struct shape){3, {300, 300, 3}},
                   "test.json: model[0].pool_size: (257,257) has more than 65535 cells; use a smaller one, or global "
                   "pooling");
    assert_refused(MAX ",\"pool_size\":2,\"strides\":0}", (struct shape){3, {8, 8, 3}},
                   "test.json: model[0].strides: must be an integer or [height, width], 1 or more, or null; got 0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_shapes),
        cmocka_unit_test(notes),
        cmocka_unit_test(numbers),
        cmocka_unit_test(one_window),
        cmocka_unit_test(padding_never_wins),
        cmocka_unit_test(a_tie_goes_to_the_first),
        cmocka_unit_test(average_gradient),
        cmocka_unit_test(sum_gradient),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
