/* Winograd's transforms, each table against the reference. */
#include "tests/core/kernels/check.h"

#include <stdio.h>

enum { SIDE = 6 }; /* of the image a tile lies in */

/* A tile with its image (SIDE,SIDE,channels) and its matrices of one row. */
struct tile_case {
    struct winograd_tile tile;
    size_t image_count, spectrum_count, written; /* written: the part of a matrix that a transform writes */
    float *image, *spectrum, *bias;
};

static struct tile_case whole_case_of(int outputs, int taps, int points, int channels, int top, int left, int bottom,
                                      int right) {
    struct tile_case test = {.tile = {.taps = taps,
                                      .outputs = outputs,
                                      .channels = channels,
                                      .row = (ptrdiff_t)SIDE * channels,
                                      .pixel = channels,
                                      .top = top,
                                      .left = left,
                                      .bottom = bottom,
                                      .right = right}};
    test.written = (size_t)(channels + WINOGRAD_CHANNELS - 1) / WINOGRAD_CHANNELS * WINOGRAD_CHANNELS;
    test.tile.matrix = (ptrdiff_t)test.written;
    test.image_count = (size_t)(SIDE * SIDE * channels);
    test.spectrum_count = (size_t)(points * points) * test.written;
    test.image = random_floats(test.image_count, 21);
    test.spectrum = random_floats(test.spectrum_count, 22);
    test.bias = random_floats((size_t)channels, 23);
    return test;
}

static struct tile_case tile_case_of(int taps, int channels, int top, int left, int bottom, int right) {
    return whole_case_of(WINOGRAD_OUTPUTS, taps, WINOGRAD_OUTPUTS + taps - 1, channels, top, left, bottom, right);
}

static void tile_case_free(struct tile_case *test) {
    free(test->image);
    free(test->spectrum);
    free(test->bias);
}

/* Runs one transform and returns its output, guarded; *spectra tells which of the two it is. */
typedef float *transform(const struct kernels *table, const struct tile_case *test, bool *spectra);

#define TO_SPECTRUM(name)                                                                                              \
    static float *run_##name(const struct kernels *table, const struct tile_case *test, bool *spectra) {               \
        *spectra = true;                                                                                               \
        float *result = output_like(test->spectrum, test->spectrum_count);                                             \
        table->name(&test->tile, test->image, result);                                                                 \
        assert_guarded(result, test->spectrum_count);                                                                  \
        return result;                                                                                                 \
    }

TO_SPECTRUM(winograd_input)
TO_SPECTRUM(winograd_kernel)
TO_SPECTRUM(winograd_output_gradient)

static float *run_winograd_output(const struct kernels *table, const struct tile_case *test, bool *spectra) {
    *spectra = false;
    float *result = output_like(test->image, test->image_count);
    table->winograd_output(&test->tile, test->spectrum, test->tile.right % 2 ? test->bias : NULL, result);
    assert_guarded(result, test->image_count);
    return result;
}

static float *run_winograd_kernel_gradient(const struct kernels *table, const struct tile_case *test, bool *spectra) {
    *spectra = false;
    float *result = output_like(test->image, test->image_count);
    table->winograd_kernel_gradient(&test->tile, test->spectrum, result);
    assert_guarded(result, test->image_count);
    return result;
}

/* Numbers of magnitude 1 and less, of which up to 36 are added with factors that multiply to 100 at most. */
static void assert_alike(const struct tile_case *test, const float *got, const float *want, bool spectra, bool exact,
                         const char *what) {
    const size_t count = spectra ? test->spectrum_count : test->image_count;
    for (size_t i = 0; i < count; i++) {
        if (spectra && i % test->written >= (size_t)test->tile.channels) continue;
        if (exact && memcmp(&got[i], &want[i], sizeof *got) != 0) fail_msg("%s: other bits at %zu", what, i);
        if (!(fabsf(got[i] - want[i]) <= 4e-5f))
            fail_msg("%s: number %zu is %.9g, expected %.9g", what, i, (double)got[i], (double)want[i]);
    }
}

static void check_case(transform *run, const char *name, struct tile_case test) {
    const struct winograd_tile *tile = &test.tile;
    bool spectra = false;
    float *want = run(kernels_reference(), &test, &spectra), *fused = NULL;
    for (int i = 1; kernels_at(i) != NULL; i++) {
        char what[160];
        snprintf(what, sizeof what, "%s %s outputs %d taps %d channels %d rows %d to %d columns %d to %d",
                 kernels_at(i)->name, name, tile->outputs, tile->taps, tile->channels, tile->top, tile->bottom,
                 tile->left, tile->right);
        float *got = run(kernels_at(i), &test, &spectra);
        assert_alike(&test, got, want, spectra, false, what);
        if (fused != NULL && fuses(kernels_at(i))) assert_alike(&test, got, fused, spectra, true, what);
        if (fused == NULL && fuses(kernels_at(i))) {
            fused = got;
            continue;
        }
        output_free(got);
    }
    if (fused != NULL) output_free(fused);
    output_free(want);
    tile_case_free(&test);
}

static void check_transform(transform *run, const char *name, int taps, int channels, const int *cut) {
    check_case(run, name, tile_case_of(taps, channels, cut[0], cut[1], cut[2], cut[3]));
}

static const int channel_counts[] = {1, 3, 4, 7, 8, 9, 16, 17, 31, 33, 64};
enum { CHANNEL_COUNTS = sizeof channel_counts / sizeof *channel_counts };

static void check_inputs(int taps) {
    static const int cuts[][4] = {{0, 0, 6, 6}, {0, 0, 5, 5}, {1, 1, 6, 6}, {2, 0, 6, 6}, {0, 2, 5, 6}, {1, 1, 2, 2},
                                  {2, 2, 3, 3}, {0, 0, 1, 4}, {0, 3, 6, 4}, {4, 0, 5, 5}, {0, 0, 0, 1}};
    const int points = WINOGRAD_OUTPUTS + taps - 1;
    for (size_t c = 0; c < CHANNEL_COUNTS; c++)
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
            if (cuts[i][2] <= points && cuts[i][3] <= points)
                check_transform(run_winograd_input, "input", taps, channel_counts[c], cuts[i]);
}

static void test_inputs(void **state) {
    (void)state;
    check_inputs(2);
    check_inputs(3);
}

static void check_kernels(int taps, int channels) {
    for (int i = 0; i < taps * taps * taps * taps; i++) {
        const int cut[4] = {i % taps, i / taps % taps, 1 + i / taps / taps % taps, 1 + i / taps / taps / taps};
        if (cut[0] >= cut[2] || cut[1] >= cut[3]) continue;
        check_transform(run_winograd_kernel, "kernel", taps, channels, cut);
        if (cut[0] > 0 || cut[1] > 0) continue;
        check_transform(run_winograd_kernel_gradient, "kernel gradient", taps, channels, cut);
    }
}

static void test_kernels(void **state) {
    (void)state;
    for (size_t c = 0; c < CHANNEL_COUNTS; c++) {
        check_kernels(2, channel_counts[c]);
        check_kernels(3, channel_counts[c]);
    }
}

static void check_outputs(int taps, int channels) {
    for (int i = 0; i < 20; i++) {
        const int cut[4] = {0, 0, i / 4, 1 + i % 4};
        check_transform(run_winograd_output, "output", taps, channels, cut);
        check_transform(run_winograd_output_gradient, "output gradient", taps, channels, cut);
    }
}

static void test_outputs(void **state) {
    (void)state;
    for (size_t c = 0; c < CHANNEL_COUNTS; c++) {
        check_outputs(2, channel_counts[c]);
        check_outputs(3, channel_counts[c]);
    }
}

/* The image's hidden cells are not read: no NaN among them reaches the spectrum. */
static void check_hidden_cells(int taps) {
    static const int cut[4] = {1, 2, 4, 5};
    for (int i = 0; kernels_at(i) != NULL; i++) {
        struct tile_case test = tile_case_of(taps, 16, cut[0], cut[1], cut[2], cut[3]);
        for (int cell = 0; cell < SIDE * SIDE; cell++) {
            const int row = cell / SIDE, column = cell % SIDE;
            if (row >= cut[0] && row < cut[2] && column >= cut[1] && column < cut[3]) continue;
            for (int v = 0; v < 16; v++) test.image[cell * 16 + v] = NAN;
        }
        kernels_at(i)->winograd_input(&test.tile, test.image, test.spectrum);
        for (size_t k = 0; k < test.spectrum_count; k++) assert_true(test.spectrum[k] == test.spectrum[k]);
        tile_case_free(&test);
    }
}

static void test_hidden_cells(void **state) {
    (void)state;
    check_hidden_cells(2);
    check_hidden_cells(3);
}

/* What kernels.h says of rows 0 and of the last ones: products with them may be left out. */
static void test_short_kernels(void **state) {
    (void)state;
    for (int taps = 2; taps <= 3; taps++)
        for (int i = 0; kernels_at(i) != NULL; i++) {
            const int points = WINOGRAD_OUTPUTS + taps - 1;
            struct tile_case first = tile_case_of(taps, 16, 1, 0, taps, taps),
                             last = tile_case_of(taps, 16, 0, 0, taps, taps - 1);
            kernels_at(i)->winograd_kernel(&first.tile, first.image, first.spectrum);
            kernels_at(i)->winograd_kernel(&last.tile, last.image, last.spectrum);
            for (int k = 0; k < points * 16; k++) {
                assert_true(first.spectrum[k] == 0);
                assert_true(last.spectrum[(k / 16 * points + points - 1) * 16 + k % 16] == 0);
            }
            tile_case_free(&first);
            tile_case_free(&last);
        }
}

/* Tiles of 3x3 outputs, cut as they are at the image's border. */
static void test_three_outputs(void **state) {
    (void)state;
    for (size_t c = 0; c < CHANNEL_COUNTS; c++)
        for (int high = 1; high <= 3; high++)
            for (int wide = 1; wide <= 3; wide++) {
                const int channels = channel_counts[c];
                check_case(run_winograd_input, "input", whole_case_of(3, 3, 5, channels, 3 - high, 1, 5, 2 + wide));
                check_case(run_winograd_kernel, "kernel", whole_case_of(3, 3, 5, channels, 3 - high, 0, 3, wide));
                check_case(run_winograd_kernel_gradient, "kernel gradient",
                           whole_case_of(3, 3, 5, channels, 0, 0, high, wide));
                check_case(run_winograd_output, "output", whole_case_of(3, 3, 5, channels, 0, 0, high - 1, wide));
                check_case(run_winograd_output_gradient, "output gradient",
                           whole_case_of(3, 3, 5, channels, 0, 0, high, wide));
            }
}

/* Of whole images, 2x2 or of one pixel. */
static void test_whole_images(void **state) {
    (void)state;
    for (size_t c = 0; c < CHANNEL_COUNTS; c++)
        for (int outputs = 1; outputs <= 2; outputs++) {
            const int taps = 2 * outputs - 1, points = taps, channels = channel_counts[c];
            check_case(run_winograd_input, "input",
                       whole_case_of(outputs, taps, points, channels, 0, 0, outputs, outputs));
            check_case(run_winograd_kernel, "kernel", whole_case_of(outputs, taps, points, channels, 0, 0, taps, taps));
            check_case(run_winograd_kernel_gradient, "kernel gradient",
                       whole_case_of(outputs, taps, points, channels, 0, 0, taps, taps));
            check_case(run_winograd_output, "output",
                       whole_case_of(outputs, taps, points, channels, 0, 0, outputs, outputs));
            check_case(run_winograd_output_gradient, "output gradient",
                       whole_case_of(outputs, taps, points, channels, 0, 0, outputs, outputs));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs),        cmocka_unit_test(test_kernels),       cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_hidden_cells),  cmocka_unit_test(test_short_kernels), cmocka_unit_test(test_whole_images),
        cmocka_unit_test(test_three_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
