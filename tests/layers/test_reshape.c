/* Reshape and Flatten: SEMANTICS row 25. */
#include "tests/support/layer_case.h"

static const struct shape image = {3, {28, 28, 3}};

static void accepted(void **state) {
    (void)state;
    assert_output("{\"type\":\"Flatten\"}", image, (struct shape){1, {2352}});
    assert_output("{\"type\":\"Flatten\"}", (struct shape){1, {5}}, (struct shape){1, {5}});
    assert_output("{\"type\":\"Reshape\",\"target_shape\":[3,784]}", image, (struct shape){2, {3, 784}});
    assert_output("{\"type\":\"Reshape\",\"target_shape\":[14,14,12]}", image, (struct shape){3, {14, 14, 12}});
    assert_output("{\"type\":\"Reshape\",\"target_shape\":[-1,14,12]}", image, (struct shape){3, {14, 14, 12}});
}

static void refused(void **state) {
    (void)state;
    assert_refused("{\"type\":\"Reshape\",\"target_shape\":[3,783]}", image,
                   "test.json: model[0].target_shape: (3,783) does not hold the 2352 numbers of the input (28,28,3); a "
                   "size of -1 takes what is left");
    assert_refused("{\"type\":\"Reshape\",\"target_shape\":[-1,5]}", image,
                   "test.json: model[0].target_shape: (-1,5) does not hold the 2352 numbers of the input (28,28,3); a "
                   "size of -1 takes what is left");
    assert_refused("{\"type\":\"Reshape\",\"target_shape\":[-1,2,-1]}", image,
                   "test.json: model[0].target_shape[2]: only one size may be -1; give the others");
    assert_refused("{\"type\":\"Reshape\",\"target_shape\":[2,0]}", image,
                   "test.json: model[0].target_shape[1]: must be 1 or more, or -1 once; got 0");
    assert_refused("{\"type\":\"Reshape\",\"target_shape\":[]}", image,
                   "test.json: model[0].target_shape: must have 1 to 4 sizes, got 0");
    assert_refused("{\"type\":\"Reshape\",\"target_shape\":[1,1,1,1,2352]}", image,
                   "test.json: model[0].target_shape: must have 1 to 4 sizes, got 5");
    assert_refused("{\"type\":\"Reshape\",\"target_shape\":[2147483647,2147483647,2147483647,2]}", image,
                   "test.json: model[0].target_shape: (2147483647,2147483647,2147483647,2) does not hold the 2352 "
                   "numbers of the input (28,28,3); a size of -1 takes what is left");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(accepted), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
