/* Conv2D with few channels or filters a group. */
#include "tests/support/convolution_case.h"

/* channels, filters, groups */
static const int channel_list[][3] = {{1, 1, 1},   {1, 10, 1},   {3, 3, 1},   {3, 17, 1}, {20, 3, 1},
                                      {7, 7, 1},   {8, 8, 4},    {6, 9, 3},   {9, 6, 3},  {16, 32, 8},
                                      {32, 16, 8}, {33, 33, 11}, {10, 40, 5}, {12, 4, 2}};

static void with_kernel(int height, int width, bool same) {
    static const int kernels[][2] = {{1, 1}, {3, 3}, {5, 5}, {2, 2}, {3, 7}, {1, 7}, {7, 1}};
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
        for (size_t i = 0; i < sizeof channel_list / sizeof *channel_list; i++) {
            const int *size = channel_list[i];
            if (!same && (kernels[k][0] > height || kernels[k][1] > width)) continue;
            assert_convolution(&(struct convolution){height,
                                                     width,
                                                     size[0],
                                                     size[1],
                                                     size[2],
                                                     {kernels[k][0], kernels[k][1]},
                                                     {1, 1},
                                                     {1, 1},
                                                     same ? "same" : "valid"},
                               "direct");
        }
}

static void kernels_and_maps(void **state) {
    (void)state;
    with_kernel(9, 7, true);
    with_kernel(7, 9, false);
    with_kernel(5, 3, true);
}

static void strides(void **state) {
    (void)state;
    static const int strides[][2] = {{2, 2}, {3, 3}, {1, 2}, {3, 1}};
    for (size_t s = 0; s < sizeof strides / sizeof *strides; s++)
        for (size_t i = 0; i < sizeof channel_list / sizeof *channel_list; i++)
            for (int size = 1; size <= 5; size += 2) {
                const int *channels = channel_list[i];
                assert_convolution(&(struct convolution){13,
                                                         11,
                                                         channels[0],
                                                         channels[1],
                                                         channels[2],
                                                         {size, size},
                                                         {strides[s][0], strides[s][1]},
                                                         {1, 1},
                                                         (i + s) % 2 == 0 ? "same" : "valid"},
                                   "direct");
            }
}

static void dilation(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof channel_list / sizeof *channel_list; i++) {
        const int *channels = channel_list[i];
        assert_convolution(
            &(struct convolution){10, 12, channels[0], channels[1], channels[2], {3, 3}, {1, 1}, {2, 3}, "same"},
            "direct");
        assert_convolution(
            &(struct convolution){10, 12, channels[0], channels[1], channels[2], {2, 3}, {1, 1}, {3, 1}, "valid"},
            "direct");
    }
}

/* More rows than a band has. */
static void large_images(void **state) {
    (void)state;
    assert_convolution(&(struct convolution){60, 61, 16, 16, 8, {3, 3}, {1, 1}, {1, 1}, "same"}, "direct");
    assert_convolution(&(struct convolution){61, 60, 40, 2, 1, {3, 3}, {2, 2}, {1, 1}, "same"}, "direct");
    assert_convolution(&(struct convolution){90, 70, 3, 5, 1, {5, 5}, {1, 1}, {1, 1}, "valid"}, "direct");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(kernels_and_maps), cmocka_unit_test(strides),
                                       cmocka_unit_test(dilation), cmocka_unit_test(large_images)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
