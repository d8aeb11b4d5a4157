/* Pages about models and data: what they say, and how large they become. */
#include "core/report/visual.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/text.h"
#include "core/trace.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"

/* A model by itself, from layers with single quotes. */
struct world {
    struct config config;
    struct model model;
    struct album album;
    struct error error;
};

static void open_world(struct world *world, const char *layers, struct shape input) {
    char *json = malloc(strlen(layers) + 64);
    assert_non_null(json);
    sprintf(json, "{'model': %s}", layers);
    char *text = tiny_json(json);
    *world = (struct world){0};
    struct config_request request = {.registries = &test_registries};
    config_parse(&world->config, text, "test.json", &request, &world->error);
    expect_no_error(&world->error);
    model_build(&world->model, &world->config, &input, &world->error);
    expect_no_error(&world->error);
    model_initialize(&world->model, 1, &world->error);
    expect_no_error(&world->error);
    free(text);
    free(json);
}

static void close_world(struct world *world) {
    expect_no_error(&world->error);
    album_free(&world->album);
    model_free(&world->model);
    config_free(&world->config);
}

static void expect_page(const struct world *world, int page, const char *title, const char *note) {
    assert_true(page < world->album.count);
    assert_string_equal(world->album.pages[page].title, title);
    assert_string_equal(world->album.pages[page].note, note);
    assert_true(world->album.pages[page].picture.width > 0);
}

/* The whole picture can be looked at. */
static void expect_bound(struct world *world) {
    struct picture picture = {0};
    assert_int_equal(album_bind(&world->album, &picture, &world->error), 0);
    assert_in_range(picture.height, 1, 16384);
    assert_in_range(picture.width, 1, 2000);
    picture_free(&picture);
}

static void kernels_of_each_kind(void **state) {
    (void)state;
    struct world world;
    open_world(&world,
               "[{'type': 'Conv2D', 'filters': 100, 'kernel_size': 3},"
               " {'type': 'Conv2D', 'filters': 4, 'kernel_size': 3}, {'type': 'DepthwiseConv2D', 'kernel_size': 2},"
               " {'type': 'Conv2D', 'filters': 6, 'kernel_size': 1}]",
               (struct shape){3, {12, 12, 3}});
    const struct visual_scale scale = {.most = 64};
    assert_int_equal(visual_kernels(&world.album, &world.model, &scale, &world.error), 0);
    assert_int_equal(world.album.count, 4);
    expect_page(
        &world, 0, "conv2d: kernel (3,3,3,100)",
        "64 of 100 kernels; red, green and blue are the weights of these input channels, gray is 0; each kernel "
        "by itself");
    expect_page(
        &world, 1, "conv2d_1: kernel (3,3,100,4)",
        "a column for each of 64 input channels, a row for each of 4 filters (there are 100 input channels and 4 "
        "filters); blue is negative, white 0, red positive; each kernel by itself");
    expect_page(&world, 2, "depthwise_conv2d: kernel (2,2,4,1)",
                "blue is negative, white 0, red positive; each kernel by itself");
    expect_page(&world, 3, "conv2d_2: kernel (1,1,4,6)",
                "a column for each of 6 filters, a row for each of 4 input channels; blue is negative, white 0, red "
                "positive; each kernel by itself");
    expect_bound(&world);
    close_world(&world);
}

/* One scale: a weak kernel is pale, while by itself it has full colours. */
static void scales(void **state) {
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        struct world world;
        open_world(&world, "[{'type': 'Conv2D', 'filters': 2, 'kernel_size': 1}]", (struct shape){3, {2, 2, 1}});
        float *kernel = model_parameter(&world.model, &world.model.layers[0], 0);
        kernel[0] = 1;
        kernel[1] = 0.01F;
        const struct visual_scale scale = {.shared = shared, .most = 64};
        assert_int_equal(visual_kernels(&world.album, &world.model, &scale, &world.error), 0);
        const struct picture *picture = &world.album.pages[0].picture;
        const uint8_t *weak = picture->pixels + 3 * (picture->width - 1);
        assert_int_equal(picture->pixels[1], 20);
        if (shared)
            assert_true(weak[1] > 240);
        else
            assert_int_equal(weak[1], 20);
        close_world(&world);
    }
}

static void run(struct world *world, struct trace *trace, float value) {
    size_t inputs = 0;
    shape_elements(&world->model.input, &inputs);
    assert_int_equal(trace_open(trace, &world->model, kernels_select(NULL), false, &world->error), 0);
    for (size_t i = 0; i < inputs; i++) trace->outputs[0][i] = value * (float)(i % 7);
    trace_forward(trace);
}

static void show_features(struct world *world, struct trace *trace, int most) {
    struct picture image = {0};
    char *names[] = {"cat", "a dog"};
    const struct visual_classes classes = {world->model.output.size[world->model.output.rank - 1], 2, names};
    const struct visual_scale scale = {.most = most};
    assert_int_equal(
        picture_open(&image, world->model.input.size[0], world->model.input.size[1], PICTURE_INK, &world->error), 0);
    assert_int_equal(
        visual_features(&world->album, &world->model, trace->outputs, &image, &classes, &scale, &world->error), 0);
    picture_free(&image);
}

static void features_of_each_layer(void **state) {
    (void)state;
    struct world world;
    struct trace trace;
    open_world(
        &world,
        "[{'type': 'Conv2D', 'filters': 40, 'kernel_size': 3, 'activation': 'relu', 'kernel_initializer': 'ones'},"
        " {'type': 'Conv2D', 'filters': 3, 'kernel_size': 1, 'kernel_initializer': 'ones'},"
        " {'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
        (struct shape){3, {10, 8, 1}});
    run(&world, &trace, 1);
    show_features(&world, &trace, 32);
    assert_int_equal(world.album.count, 5);
    expect_page(&world, 0, "input (10,8,1)", "");
    expect_page(&world, 1, "conv2d: Conv2D (8,6,40)", "32 of 40 maps; values 16 to 38; each map by itself");
    expect_page(&world, 2, "conv2d_1: Conv2D (8,6,3)",
                "values 640 to 1.52e+03; each map by itself; first all three as red, green and blue");
    expect_page(&world, 3, "flatten: Flatten (144)", "values 640 to 1.52e+03");
    expect_page(&world, 4, "dense: Dense (3)", "");
    expect_bound(&world);
    trace_close(&trace);
    close_world(&world);
}

/* Numbers that are none are counted, and drawn. */
static void features_that_are_not_finite(void **state) {
    (void)state;
    struct world world;
    struct trace trace;
    open_world(&world,
               "[{'type': 'Conv2D', 'filters': 2, 'kernel_size': 3, 'kernel_initializer': 'ones'},"
               " {'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
               (struct shape){3, {5, 4, 1}});
    run(&world, &trace, NAN);
    show_features(&world, &trace, 32);
    expect_page(&world, 1, "conv2d: Conv2D (3,2,2)",
                "values 0 to 0; 12 of 12 are not finite, those that are no number are pink; each map by itself; 2 of 2 "
                "without contrast");
    const uint8_t *pixel = world.album.pages[1].picture.pixels;
    assert_int_equal(pixel[0], 255);
    assert_int_equal(pixel[1], 0);
    assert_string_equal(world.album.pages[3].note, "the probabilities are not finite");
    expect_bound(&world);
    trace_close(&trace);
    close_world(&world);
}

/* Hundreds of layers, thousands of channels: what does not fit is left out, and the page says so. */
static void deep_and_wide(void **state) {
    (void)state;
    struct text layers = {0};
    struct world world;
    struct trace trace;
    text_add(&layers, "[{'type': 'Conv2D', 'filters': 600, 'kernel_size': 3, 'padding': 'same'}");
    text_add(&layers, ", {'type': 'Conv2D', 'filters': 8, 'kernel_size': 3, 'padding': 'same'}");
    text_repeat(&layers, ", {'type': 'Conv2D', 'filters': 8, 'kernel_size': 3, 'padding': 'same'}", 200);
    text_add(&layers,
             ", {'type': 'GlobalAveragePooling2D'}, {'type': 'Dense', 'units': 300, 'activation': 'softmax'}]");
    open_world(&world, layers.bytes, (struct shape){3, {6, 6, 3}});
    const struct visual_scale scale = {.most = 1024};
    assert_int_equal(visual_kernels(&world.album, &world.model, &scale, &world.error), 0);
    const struct album_page *last = &world.album.pages[world.album.count - 1];
    assert_non_null(strstr(last->note, "more convolutions are not shown: the picture would be too high"));
    struct picture picture = {0};
    assert_int_equal(album_bind(&world.album, &picture, &world.error), 0);
    assert_true(picture.height < 20000);
    picture_free(&picture);
    album_free(&world.album);
    run(&world, &trace, 1);
    show_features(&world, &trace, 32);
    last = &world.album.pages[world.album.count - 1];
    assert_string_equal(last->title, "dense: Dense (300)");
    assert_non_null(strstr(last->note, "the likeliest 10 of 300 classes"));
    assert_non_null(strstr(last->note, "layers in front of this one are left out: the picture would be too high"));
    expect_bound(&world);
    trace_close(&trace);
    close_world(&world);
    text_free(&layers);
}

static void mistakes_in_order(void **state) {
    (void)state;
    int32_t labels[] = {0, 1, 2, 0, 1, 2, 0}, predicted[] = {1, 1, 0, 2, 0, 0, 1};
    float probabilities[] = {0.5F, 0.99F, 0.9F, 0.7F, 0.9F, NAN, 0.95F};
    const struct predictions predictions = {7, labels, predicted, probabilities};
    int64_t samples[8];
    assert_int_equal(visual_find_mistakes(&predictions, 8, samples), 5);
    const int64_t all[] = {6, 2, 4, 3, 0};
    assert_memory_equal(samples, all, sizeof all);
    assert_int_equal(visual_find_mistakes(&predictions, 3, samples), 3);
    assert_memory_equal(samples, all, 3 * sizeof *all);
    assert_int_equal(visual_find_mistakes(&predictions, 0, samples), 0);
}

static struct dataset bright_dataset(int count, const int32_t *labels) {
    struct error error = {0};
    struct dataset dataset = {.count = count, .height = 2, .width = 2, .channels = 1};
    dataset.pixels = memory_allocate((size_t)count, 4, "images", &error);
    dataset.labels = memory_allocate((size_t)count, sizeof *labels, "labels", &error);
    expect_no_error(&error);
    memcpy(dataset.labels, labels, (size_t)count * sizeof *labels);
    for (int i = 0; i < 4 * count; i++) ((uint8_t *)dataset.pixels)[i] = (uint8_t)(i / 4);
    return dataset;
}

/* A class with fewer images than there is room for shows them all; one with more shows some from everywhere. */
static void sheet_of_classes(void **state) {
    (void)state;
    const int32_t labels[] = {0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0};
    struct dataset dataset = bright_dataset(11, labels);
    struct album album = {0};
    struct error error = {0};
    const struct visual_classes classes = {.count = 3};
    assert_int_equal(visual_sheet(&album, "Title", &dataset, NULL, &classes, 3, &error), 0);
    assert_string_equal(album.pages[0].title, "Title");
    assert_string_equal(album.pages[0].note, "11 images of 3 classes, 2 x 2 pixels");
    /* Class 0 has the samples 0 1 3 4 5 6 7 9 10, of which number 1, 4 and 7 are shown. */
    const int expected[3][3] = {{1, 5, 9}, {2, 8, 255}, {255, 255, 255}};
    const struct picture *picture = &album.pages[0].picture;
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 3; column++) {
            const int x = picture->width - 1 - (2 - column) * 70, y = row * 70 + 1;
            assert_int_equal(picture->pixels[3 * (y * picture->width + x)], expected[row][column]);
        }
    album_free(&album);
    dataset_free(&dataset);
}

static void sheet_of_many_classes(void **state) {
    (void)state;
    const int32_t labels[] = {0, 999, 1};
    struct dataset dataset = bright_dataset(3, labels);
    struct album album = {0};
    struct error error = {0};
    struct picture picture = {0};
    char name[2000], *names[1000];
    memset(name, 'w', sizeof name);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 1000; i++) names[i] = name;
    const struct visual_classes classes = {1000, 1000, names};
    assert_int_equal(visual_sheet(&album, "Title", &dataset, NULL, &classes, 10, &error), 0);
    assert_string_equal(album.pages[0].note, "3 images of 1000 classes, 2 x 2 pixels; the first 200 classes are shown");
    assert_int_equal(album_bind(&album, &picture, &error), 0);
    assert_true(picture.width < 6000 && picture.height < 6000);
    picture_free(&picture);
    album_free(&album);
    dataset_free(&dataset);
}

/* Large images are shrunk, small ones enlarged by whole numbers. */
static void sizes(void **state) {
    (void)state;
    struct error error = {0};
    const int sides[][2] = {{1, 64}, {3, 63}, {64, 64}, {65, 33}, {4096, 64}};
    for (int i = 0; i < 5; i++) {
        struct picture picture = {0};
        assert_int_equal(picture_open(&picture, 1, sides[i][0], PICTURE_INK, &error), 0);
        assert_int_equal(visual_resize(&picture, 64, &error), 0);
        assert_int_equal(picture.width, sides[i][1]);
        picture_free(&picture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_of_each_kind),
        cmocka_unit_test(scales),
        cmocka_unit_test(features_of_each_layer),
        cmocka_unit_test(features_that_are_not_finite),
        cmocka_unit_test(deep_and_wide),
        cmocka_unit_test(mistakes_in_order),
        cmocka_unit_test(sheet_of_classes),
        cmocka_unit_test(sheet_of_many_classes),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
