#include "tests/support/layer_case.h"

#define UP "{\"type\":\"UpSampling2D\""

/* SEMANTICS row 26: MaxPooling 2 of 15x15, then 2 times as large */
static void shapes(void **state) {
    (void)state;
    assert_output("{\"type\":\"MaxPooling2D\"}", (struct shape){3, {15, 15, 1}}, (struct shape){3, {7, 7, 1}});
    assert_output(UP "}", (struct shape){3, {7, 7, 1}}, (struct shape){3, {14, 14, 1}});
    assert_output(UP ",\"size\":[1,3],\"interpolation\":\"bilinear\"}", (struct shape){3, {7, 5, 4}},
                  (struct shape){3, {7, 15, 4}});
}

/* 1 to 6 in (2,3) through the layer, where dy is 1 everywhere */
static void assert_enlarged(const char *json, const float *expected, size_t count, const float *gradient) {
    struct layer_case test;
    layer_case_open(&test, json, (struct shape){3, {2, 3, 1}}, 1);
    layer_case_input(&test, NULL);
    assert_int_equal(test.run.output, count);
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, expected, count, 1e-6);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, gradient, 6, 1e-6);
    layer_case_close(&test);
}

static void nearest(void **state) {
    (void)state;
    assert_enlarged(UP "}", (const float[]){1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 4, 4, 5, 5, 6, 6}, 24,
                    (const float[]){4, 4, 4, 4, 4, 4});
    assert_enlarged(UP ",\"size\":[1,3]}", (const float[]){1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6}, 18,
                    (const float[]){3, 3, 3, 3, 3, 3});
}

/* The numbers of PyTorch's interpolate with align_corners=False. */
static void bilinear(void **state) {
    (void)state;
    assert_enlarged(UP ",\"interpolation\":\"bilinear\"}",
                    (const float[]){1,     1.25F, 1.75F, 2.25F, 2.75F, 3,     1.75F, 2,     2.5F,  3,     3.5F,  3.75F,
                                    3.25F, 3.5F,  4,     4.5F,  5,     5.25F, 4,     4.25F, 4.75F, 5.25F, 5.75F, 6},
                    24, (const float[]){4, 4, 4, 4, 4, 4});
    assert_enlarged(UP ",\"size\":[3,1],\"interpolation\":\"bilinear\"}",
                    (const float[]){1, 2, 3, 1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5, 6, 4, 5, 6}, 18,
                    (const float[]){3, 3, 3, 3, 3, 3});
}

static void refusals(void **state) {
    (void)state;
    assert_refused(UP ",\"interpolation\":\"bicubic\"}", (struct shape){3, {7, 5, 4}},
                   "test.json: model[0].interpolation: must be one of nearest, bilinear; got \"bicubic\"");
    assert_refused(UP ",\"size\":65536}", (struct shape){3, {65536, 1, 1}},
                   "test.json: model[0].size: makes the image larger than 2147483647 numbers; use a smaller one");
    assert_refused(UP "}", (struct shape){1, {8}},
                   "test.json: model[0]: UpSampling2D needs an image (height,width,channels), got (8); put it before "
                   "Flatten, or add Reshape");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(nearest),
        cmocka_unit_test(bilinear),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
