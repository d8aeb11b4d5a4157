#include "core/occlusion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/room.h"
#include "tests/support/expect.h"
#include "tests/support/tiny.h"

enum { CELLS = TINY_SIDE * TINY_SIDE, ROW = 2, COLUMN = 3, CLASS = 1 };

/* A model whose class 1 hangs on one pixel of the first channel alone. */
static void open_one_pixel(struct tiny *tiny) {
    tiny_open(tiny, &(struct tiny_setup){
                        .train = 2,
                        .model = "[{'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]"});
    memset(tiny->model.parameters, 0, tiny->model.parameter_floats * sizeof(float));
    float *kernel = model_parameter(&tiny->model, &tiny->model.layers[1], 0);
    kernel[(ROW * TINY_SIDE + COLUMN) * TINY_CHANNELS * TINY_CLASSES + CLASS] = 3;
    uint8_t *pixels = tiny->splits.train.pixels;
    memset(pixels, 40, CELLS * TINY_CHANNELS);
    pixels[(ROW * TINY_SIDE + COLUMN) * TINY_CHANNELS] = 240;
}

static void measure(struct tiny *tiny, int patch, int stride, struct occlusion *occlusion) {
    struct error error = {0};
    struct dataset image = tiny->splits.train;
    image.count = 1;
    const struct occlusion_request request = {.model = &tiny->model,
                                              .kernels = kernels_select(NULL),
                                              .threads = 2,
                                              .room = &data_room,
                                              .source = &tiny->config.values.data,
                                              .normalization = &tiny->normalization,
                                              .image = &image,
                                              .class_index = CLASS,
                                              .patch = patch,
                                              .stride = stride};
    assert_int_equal(occlusion_measure(&request, occlusion, &error), 0);
    expect_no_error(&error);
    assert_int_equal(occlusion->patches, occlusion_patches(TINY_SIDE, TINY_SIDE, stride));
}

static double probability(double value) {
    const double score = exp(3 * value / 255);
    return score / (score + 2);
}

/* Patches of one pixel: the fall is what that pixel is worth, and nothing elsewhere. */
static void one_pixel(void **state) {
    (void)state;
    struct tiny tiny;
    struct occlusion occlusion;
    open_one_pixel(&tiny);
    measure(&tiny, 1, 1, &occlusion);
    const double mean = floor((40.0 * (CELLS - 1) + 240) / CELLS + 0.5), fall = probability(240) - probability(mean);
    assert_float_equal(occlusion.probability, (float)probability(240), 1e-5);
    assert_float_equal(occlusion.largest, (float)fall, 1e-5);
    for (int i = 0; i < CELLS; i++)
        assert_float_equal(occlusion.fall[i], i == ROW * TINY_SIDE + COLUMN ? (float)fall : 0, 1e-5);
    occlusion_free(&occlusion);
    tiny_close(&tiny);
}

/* Larger patches: the mean over those that hide a place, so less with every step away from the pixel. */
static void larger_patches(void **state) {
    (void)state;
    struct tiny tiny;
    struct occlusion occlusion;
    open_one_pixel(&tiny);
    measure(&tiny, 3, 1, &occlusion);
    for (int y = 0; y < TINY_SIDE; y++)
        for (int x = 0; x < TINY_SIDE; x++) {
            const int down = abs(y - ROW), right = abs(x - COLUMN);
            const float fall = occlusion.fall[y * TINY_SIDE + x];
            if (down > 2 || right > 2)
                assert_float_equal(fall, 0, 1e-6);
            else
                assert_true(fall > 0);
        }
    assert_float_equal(occlusion.fall[ROW * TINY_SIDE + COLUMN], occlusion.largest, 1e-5);
    occlusion_free(&occlusion);
    tiny_close(&tiny);
}

/* However far the patches stand apart, every place is under one. */
static void strides(void **state) {
    (void)state;
    struct tiny tiny;
    struct occlusion occlusion;
    open_one_pixel(&tiny);
    for (int patch = 1; patch <= TINY_SIDE; patch++)
        for (int stride = 1; stride <= patch; stride++) {
            measure(&tiny, patch, stride, &occlusion);
            assert_true(occlusion.fall[ROW * TINY_SIDE + COLUMN] > 0);
            occlusion_free(&occlusion);
        }
    tiny_close(&tiny);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pixel),
        cmocka_unit_test(larger_patches),
        cmocka_unit_test(strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
