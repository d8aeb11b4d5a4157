/* Fixed: kernels from the config. */
#include "core/initializer.h"

#include <math.h>
#include <string.h>

#include "tests/support/component_case.h"

enum { MOST = 200 };

static void assert_filled(const char *json, struct shape shape, const float *expected) {
    struct component_case test;
    float values[MOST];
    size_t count = 0;
    const struct place place = place_document("test.json");
    component_case_open(&test, &initializer_registry, json);
    assert_true(shape_elements(&shape, &count) && count <= MOST);
    if (initializer_check(&test.component, &shape, &place, &test.error) != 0)
        fail_msg("%s: %s", json, test.error.message);
    for (size_t i = 0; i < count; i++) values[i] = NAN;
    assert_int_equal(initializer_fill(&test.component, &shape, (struct rng){0}, values, &test.error), 0);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)values[i] - (double)expected[i]) <= 1e-7))
            fail_msg("%s: number %zu is %g, expected %g", json, i, (double)values[i], (double)expected[i]);
    component_case_close(&test);
}

static const struct shape three = {4, {3, 3, 1, 1}};

#define PRESET(name) "{\"type\":\"Fixed\",\"preset\":\"" name "\"}"

static void presets(void **state) {
    (void)state;
    const float n = 1.0F / 9, s = 1.0F / 16;
    assert_filled(PRESET("blur"), three, (const float[]){n, n, n, n, n, n, n, n, n});
    assert_filled(PRESET("gaussian_blur"), three, (const float[]){s, 2 * s, s, 2 * s, 4 * s, 2 * s, s, 2 * s, s});
    assert_filled(PRESET("identity"), three, (const float[]){0, 0, 0, 0, 1, 0, 0, 0, 0});
    assert_filled(PRESET("sharpen"), three, (const float[]){0, -1, 0, -1, 5, -1, 0, -1, 0});
    assert_filled(PRESET("sobel_x"), three, (const float[]){-1, 0, 1, -2, 0, 2, -1, 0, 1});
    assert_filled(PRESET("sobel_y"), three, (const float[]){-1, -2, -1, 0, 0, 0, 1, 2, 1});
    assert_filled(PRESET("laplace"), three, (const float[]){0, 1, 0, 1, -4, 1, 0, 1, 0});
    assert_filled(PRESET("emboss"), three, (const float[]){-2, -1, 0, -1, 1, 1, 0, 1, 2});
}

static void presets_of_any_size(void **state) {
    (void)state;
    assert_filled(PRESET("blur"), (struct shape){4, {1, 4, 1, 1}}, (const float[]){0.25F, 0.25F, 0.25F, 0.25F});
    assert_filled(PRESET("gaussian_blur"), (struct shape){4, {5, 1, 1, 1}},
                  (const float[]){0.0625F, 0.25F, 0.375F, 0.25F, 0.0625F});
    assert_filled(PRESET("gaussian_blur"), (struct shape){4, {4, 1, 1, 1}},
                  (const float[]){0.125F, 0.375F, 0.375F, 0.125F});
    assert_filled(PRESET("gaussian_blur"), (struct shape){4, {1, 1, 1, 1}}, (const float[]){1});
    assert_filled(PRESET("identity"), (struct shape){4, {2, 4, 1, 1}}, (const float[]){0, 1, 0, 0, 0, 0, 0, 0});
}

/* A gaussian adds up to 1 also where its outer numbers are too small to be any. */
static void wide_gaussian(void **state) {
    (void)state;
    struct component_case test;
    static float values[3001];
    const struct shape shape = {4, {3001, 1, 1, 1}};
    double sum = 0;
    component_case_open(&test, &initializer_registry, PRESET("gaussian_blur"));
    assert_int_equal(initializer_fill(&test.component, &shape, (struct rng){0}, values, &test.error), 0);
    for (int i = 0; i < 3001; i++) {
        sum += (double)values[i];
        assert_true(values[i] == values[3000 - i]);
    }
    assert_true(fabs(sum - 1) < 1e-6);
    component_case_close(&test);
}

/* (1,2,channels,filters): in turn for the filters; for all channels, or for one of them */
static void channels_and_filters(void **state) {
    (void)state;
    assert_filled("{\"type\":\"Fixed\",\"values\":[[1,2]]}", (struct shape){4, {1, 2, 2, 2}},
                  (const float[]){1, 1, 1, 1, 2, 2, 2, 2});
    assert_filled("{\"type\":\"Fixed\",\"values\":[[1,2]],\"channels\":\"diagonal\"}", (struct shape){4, {1, 2, 2, 3}},
                  (const float[]){1, 0, 1, 0, 1, 0, 2, 0, 2, 0, 2, 0});
    assert_filled("{\"type\":\"Fixed\",\"values\":[[[1,2]],[[3,4]]]}", (struct shape){4, {1, 2, 1, 4}},
                  (const float[]){1, 3, 1, 3, 2, 4, 2, 4});
    assert_filled("{\"type\":\"Fixed\",\"preset\":[\"identity\",\"blur\"]}", (struct shape){4, {1, 2, 1, 2}},
                  (const float[]){1, 0.5F, 0, 0.5F});
}

static void whole_weights(void **state) {
    (void)state;
    const float numbers[] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_filled("{\"type\":\"Fixed\",\"values\":[1,2,3,4,5,6,7,8]}", (struct shape){4, {1, 2, 2, 2}}, numbers);
    assert_filled("{\"type\":\"Fixed\",\"values\":[[[[1,2],[3,4]],[[5,6],[7,8]]]]}", (struct shape){4, {1, 2, 2, 2}},
                  numbers);
    assert_filled("{\"type\":\"Fixed\",\"values\":[1,2]}", (struct shape){4, {1, 2, 1, 2}},
                  (const float[]){1, 1, 2, 2});
    assert_filled("{\"type\":\"fixed\",\"values\":[1,2,3]}", (struct shape){1, {3}}, numbers);
    assert_filled("{\"type\":\"Fixed\",\"values\":[[1,2],[3,4]]}", (struct shape){2, {2, 2}}, numbers);
}

static void assert_unfit(const char *json, struct shape shape, const char *expected) {
    struct component_case test;
    const struct place document = place_document("test.json"), place = place_key(&document, "kernel_initializer");
    component_case_open(&test, &initializer_registry, json);
    assert_int_equal(initializer_check(&test.component, &shape, &place, &test.error), -1);
    expect_error(&test.error, ERROR_CONFIG, expected);
    component_case_close(&test);
}

static void unfit_shapes(void **state) {
    (void)state;
    assert_unfit(PRESET("laplace"), (struct shape){4, {3, 5, 1, 1}},
                 "test.json: kernel_initializer.preset: laplace is 3x3, but the kernel is 3x5; give the layer a "
                 "kernel_size of 3");
    assert_unfit(
        PRESET("blur"), (struct shape){1, {5}},
        "test.json: kernel_initializer.preset: is for the kernel of a convolution; give these weights by values");
    assert_unfit("{\"type\":\"Fixed\",\"preset\":[\"sobel_x\",\"sobel_y\"]}", (struct shape){4, {3, 3, 1, 3}},
                 "test.json: kernel_initializer: gives 2 kernels, which 3 filters cannot take in turn evenly; give a "
                 "number that divides them");
    assert_unfit(
        "{\"type\":\"Fixed\",\"values\":[[1,2],[3,4]]}", three,
        "test.json: kernel_initializer.values: has the shape (2,2), but the kernel is (3,3,1,1); give (3,3) for "
        "all channels and filters, a list of such, or the whole kernel");
    assert_unfit("{\"type\":\"Fixed\",\"values\":[1,2]}", (struct shape){1, {3}},
                 "test.json: kernel_initializer.values: has the shape (2), but the weights are (3)");
    assert_unfit(
        "{\"type\":\"Fixed\",\"values\":[1,2,3,4],\"channels\":\"diagonal\"}", (struct shape){4, {1, 1, 2, 2}},
        "test.json: kernel_initializer.channels: is for kernels (height,width); values has all channels already");
}

static void assert_refused(const char *json, const char *expected) {
    struct component_case test;
    assert_false(component_case_try(&test, &initializer_registry, json));
    expect_error(&test.error, ERROR_CONFIG, expected);
    component_case_close(&test);
}

static void refusals(void **state) {
    (void)state;
    assert_refused("\"Fixed\"", "test.json: needs a preset, such as \"sobel_x\", or values");
    assert_refused("{\"type\":\"Fixed\",\"preset\":\"blur\",\"values\":[1]}",
                   "test.json: has both preset and values; leave one out");
    assert_refused(PRESET("sobel"), "test.json: preset: \"sobel\" is not known; did you mean \"sobel_x\"?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets),       cmocka_unit_test(presets_of_any_size),
        cmocka_unit_test(wide_gaussian), cmocka_unit_test(channels_and_filters),
        cmocka_unit_test(whole_weights), cmocka_unit_test(unfit_shapes),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
