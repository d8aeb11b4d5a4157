/* SpatialDropout2D and GaussianNoise. */
#include <math.h>
#include <string.h>

#include "tests/support/layer_case.h"

enum { CHANNELS = 400, PIXELS = 6 };

static void open_image(struct layer_case *test, const char *json, int images) {
    layer_case_open(test, json, (struct shape){3, {2, 3, CHANNELS}}, images);
    for (size_t i = 0; i < (size_t)images * PIXELS * CHANNELS; i++) test->run.x[i] = 3;
    test->run.seed = 11;
}

/* A channel is dropped on every pixel or on none, forward and back. */
static void channels_are_dropped_whole(void **state) {
    (void)state;
    struct layer_case test;
    open_image(&test, "{\"type\":\"SpatialDropout2D\",\"rate\":0.25}", 1);
    layer_run_forward(&test.run, true);
    layer_case_dy(&test, 3);
    layer_run_backward(&test.run);
    int dropped = 0;
    for (int v = 0; v < CHANNELS; v++) {
        assert_true(test.run.y[v] == 0 || test.run.y[v] == 4);
        for (int p = 0; p < PIXELS; p++) assert_true(test.run.y[p * CHANNELS + v] == test.run.y[v]);
        for (int p = 0; p < PIXELS; p++) assert_true(test.run.dx[p * CHANNELS + v] == test.run.y[v]);
        dropped += test.run.y[v] == 0;
    }
    assert_in_range(dropped, CHANNELS / 4 - 35, CHANNELS / 4 + 35); /* four standard deviations */
    layer_case_close(&test);
    assert_refused("{\"type\":\"SpatialDropout2D\",\"rate\":0.5}", (struct shape){1, {4}},
                   "test.json: model[0]: SpatialDropout2D needs an image (height,width,channels), got (4); put it "
                   "before Flatten, or add Reshape");
}

/* Mean 0 and the deviation asked for; the gradient passes as it is. */
static void noise_is_normal(void **state) {
    (void)state;
    struct layer_case test;
    open_image(&test, "{\"type\":\"GaussianNoise\",\"stddev\":0.5}", 1);
    layer_run_forward(&test.run, true);
    double sum = 0, squares = 0;
    const int count = PIXELS * CHANNELS;
    for (int i = 0; i < count; i++) {
        const double noise = (double)test.run.y[i] - 3;
        sum += noise;
        squares += noise * noise;
    }
    assert_true(fabs(sum / count) < 4 * 0.5 / sqrt(count));
    assert_true(fabs(sqrt(squares / count) - 0.5) < 4 * 0.5 / sqrt(2.0 * count));
    layer_case_dy(&test, 2);
    layer_run_backward(&test.run);
    for (int i = 0; i < count; i++) assert_true(test.run.dx[i] == 2);
    layer_case_close(&test);
}

/* Nothing at inference; in training the numbers follow the image and the seed, not the shards. */
static void assert_follows_the_image(const char *json) {
    const size_t size = PIXELS * CHANNELS * sizeof(float);
    struct layer_case one, four;
    open_image(&one, json, 2); /* shards of 1 and 1 */
    open_image(&four, json, 4);
    layer_run_forward(&one.run, false);
    assert_memory_equal(one.run.y, one.run.x, size);
    layer_run_forward(&one.run, true);
    layer_run_forward(&four.run, true);
    assert_memory_equal(one.run.y, four.run.y, 2 * size);
    assert_true(memcmp(one.run.y, one.run.y + PIXELS * CHANNELS, size) != 0);
    one.run.seed = 12;
    layer_run_forward(&one.run, true);
    assert_true(memcmp(one.run.y, four.run.y, size) != 0);
    layer_case_close(&one);
    layer_case_close(&four);
}

static void numbers_follow_the_image(void **state) {
    (void)state;
    assert_follows_the_image("{\"type\":\"SpatialDropout2D\",\"rate\":0.5}");
    assert_follows_the_image("{\"type\":\"GaussianNoise\",\"stddev\":1}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_are_dropped_whole),
        cmocka_unit_test(noise_is_normal),
        cmocka_unit_test(numbers_follow_the_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
