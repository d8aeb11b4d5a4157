#include <string.h>

#include "tests/support/layer_case.h"

enum { COUNT = 2000 };

static void open_half(struct layer_case *test, int images) {
    layer_case_open(test, "{\"type\":\"Dropout\",\"rate\":0.25}", (struct shape){1, {COUNT}}, images);
    for (size_t i = 0; i < (size_t)images * COUNT; i++) test->run.x[i] = 3;
    test->run.seed = 11;
}

/* Kept numbers are scaled by 1/(1 - rate), about a quarter is dropped, and the gradient passes the same places. */
static void drops_and_scales(void **state) {
    (void)state;
    struct layer_case test;
    open_half(&test, 1);
    layer_run_forward(&test.run, true);
    layer_case_dy(&test, 1);
    layer_run_backward(&test.run);
    int dropped = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(test.run.y[i] == 0 || test.run.y[i] == 4);
        assert_true((test.run.y[i] == 0) == (test.run.dx[i] == 0));
        dropped += test.run.y[i] == 0;
    }
    assert_in_range(dropped, COUNT / 4 - 80, COUNT / 4 + 80); /* four standard deviations */
    layer_case_close(&test);
}

static void does_nothing_at_inference(void **state) {
    (void)state;
    struct layer_case test;
    open_half(&test, 1);
    layer_run_forward(&test.run, false);
    assert_memory_equal(test.run.y, test.run.x, COUNT * sizeof(float));
    layer_case_close(&test);
}

/* What an image loses depends on its place in the batch, not on the shards; images lose different numbers. */
static void mask_follows_the_image(void **state) {
    (void)state;
    struct layer_case one, four;
    open_half(&one, 2); /* shards of 1 and 1 */
    open_half(&four, 4);
    layer_run_forward(&one.run, true);
    layer_run_forward(&four.run, true);
    assert_memory_equal(one.run.y, four.run.y, 2 * COUNT * sizeof(float));
    assert_true(memcmp(one.run.y, one.run.y + COUNT, COUNT * sizeof(float)) != 0);
    one.run.seed = 12;
    layer_run_forward(&one.run, true);
    assert_true(memcmp(one.run.y, four.run.y, COUNT * sizeof(float)) != 0);
    layer_case_close(&one);
    layer_case_close(&four);
}

static void rates(void **state) {
    (void)state;
    assert_refused("{\"type\":\"Dropout\",\"rate\":1}", (struct shape){1, {4}},
                   "test.json: model[0].rate: must be a number, in [0, 1); got 1");
    assert_refused("{\"type\":\"Dropout\",\"rate\":-0.1}", (struct shape){1, {4}},
                   "test.json: model[0].rate: must be a number, in [0, 1); got -0.1");
    assert_refused("{\"type\":\"Dropout\"}", (struct shape){1, {4}},
                   "test.json: model[0].rate: is missing; it must be given");
    assert_output("{\"type\":\"Dropout\",\"rate\":0.5}", (struct shape){3, {4, 5, 6}}, (struct shape){3, {4, 5, 6}});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops_and_scales),
        cmocka_unit_test(does_nothing_at_inference),
        cmocka_unit_test(mask_follows_the_image),
        cmocka_unit_test(rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
