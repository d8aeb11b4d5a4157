/* ZeroPadding2D and Cropping2D. */
#include "tests/support/layer_case.h"

#define PADDING "{\"type\":\"ZeroPadding2D\""
#define CROPPING "{\"type\":\"Cropping2D\""

static const struct shape image = {3, {4, 5, 2}};

static void shapes(void **state) {
    (void)state;
    assert_output(PADDING "}", image, (struct shape){3, {6, 7, 2}});
    assert_output(PADDING ",\"padding\":[2,0]}", image, (struct shape){3, {8, 5, 2}});
    assert_output(PADDING ",\"padding\":[[1,2],[3,4]]}", image, (struct shape){3, {7, 12, 2}});
    assert_output(PADDING ",\"padding\":[[1,2],3]}", image, (struct shape){3, {7, 11, 2}});
    assert_output(CROPPING "}", image, image);
    assert_output(CROPPING ",\"cropping\":[[0,3],[2,2]]}", image, (struct shape){3, {1, 1, 2}});
}

/* [1 2;3 4] with a row above and two columns to the right; its gradient is what stands there. */
static void padding(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, PADDING ",\"padding\":[[1,0],[0,2]]}", (struct shape){3, {2, 2, 1}}, 2);
    layer_case_input(&test, NULL);
    layer_run_forward(&test.run, true);
    assert_numbers(test.run.y, (const float[]){0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0}, 12, 0);
    assert_numbers(test.run.y + 12, (const float[]){0, 0, 0, 0, 5, 6, 0, 0, 7, 8, 0, 0}, 12, 0);
    for (int i = 0; i < 24; i++) test.run.dy[i] = (float)i;
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){4, 5, 8, 9, 16, 17, 20, 21}, 8, 0);
    layer_case_close(&test);
}

/* The last two columns and the first row of 3x4 go; so does their gradient. */
static void cropping(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, CROPPING ",\"cropping\":[[1,0],[0,2]]}", (struct shape){3, {3, 4, 1}}, 1);
    layer_case_input(&test, NULL);
    layer_run_forward(&test.run, false);
    assert_numbers(test.run.y, (const float[]){5, 6, 9, 10}, 4, 0);
    layer_case_dy(&test, 3);
    layer_run_backward(&test.run);
    assert_numbers(test.run.dx, (const float[]){0, 0, 0, 0, 3, 3, 0, 0, 3, 3, 0, 0}, 12, 0);
    layer_case_close(&test);
}

static void refusals(void **state) {
    (void)state;
    assert_refused(CROPPING ",\"cropping\":[2,0]}", image,
                   "test.json: model[0].cropping: ((2,2),(0,0)) leaves nothing of the input (4,5,2); crop less");
    assert_refused(CROPPING ",\"cropping\":[0,[3,2]]}", image,
                   "test.json: model[0].cropping: ((0,0),(3,2)) leaves nothing of the input (4,5,2); crop less");
    assert_refused(CROPPING "}", (struct shape){1, {8}},
                   "test.json: model[0]: Cropping2D needs an image (height,width,channels), got (8); put it before "
                   "Flatten, or add Reshape");
    assert_refused(PADDING "}", (struct shape){1, {8}},
                   "test.json: model[0]: ZeroPadding2D needs an image (height,width,channels), got (8); put it before "
                   "Flatten, or add Reshape");
    assert_refused(
        PADDING ",\"padding\":[1,2,3]}", image,
        "test.json: model[0].padding: must be an integer, [height, width] or [[top, bottom], [left, right]], "
        "in [0, 65536]; got a list");
    assert_refused(PADDING ",\"padding\":[[1,-2],0]}", image,
                   "test.json: model[0].padding[0][1]: must be an integer, in [0, 65536]; got -2");
    assert_refused(PADDING ",\"padding\":65536}", (struct shape){3, {1, 2147483647, 1}},
                   "test.json: model[0].padding: makes the image larger than 2147483647 numbers; use a smaller one");
    assert_refused(PADDING ",\"padding\":65536}", image,
                   "test.json: model[0]: the output would be (131076,131077,2), more than 2147483647 numbers an image; "
                   "make it smaller");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(padding),
        cmocka_unit_test(cropping),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
