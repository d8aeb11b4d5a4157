/* report.html of a run, and its pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/report/run_pictures.h"
#include "core/report/run_tables.h"
#include "tests/support/expect.h"
#include "tests/support/markup.h"

enum { IMAGES = 60, SIDE = 8, CLASSES = 3 };

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in the page", part);
}

static void assert_lacks(const char *text, const char *part) {
    if (strstr(text, part)) fail_msg("\"%s\" is in the page", part);
}

/* A whole run, in parts that a test may change. */
struct world {
    struct run_result result;
    struct class_result classes[CLASSES];
    struct data_splits splits;
    struct predictions predictions;
    struct confusion confusion;
    struct history_row rows[4];
    struct history history;
    struct run_report report;
};

static void fill_images(struct dataset *dataset, struct error *error) {
    *dataset = (struct dataset){.count = IMAGES, .height = SIDE, .width = SIDE, .channels = 3};
    dataset->pixels = memory_allocate(IMAGES, (size_t)SIDE * SIDE * 3, "images", error);
    dataset->labels = memory_allocate(IMAGES, sizeof *dataset->labels, "labels", error);
    assert_true(dataset->pixels && dataset->labels);
    for (int i = 0; i < IMAGES * SIDE * SIDE * 3; i++) ((uint8_t *)dataset->pixels)[i] = (uint8_t)(i * 7);
    for (int i = 0; i < IMAGES; i++) dataset->labels[i] = i % CLASSES;
}

/* Every fifth answer is wrong, with falling probability. */
static void fill_answers(struct world *world, struct error *error) {
    assert_int_equal(predictions_create(&world->predictions, IMAGES, error), 0);
    assert_int_equal(confusion_create(&world->confusion, CLASSES, error), 0);
    for (int i = 0; i < IMAGES; i++) {
        world->predictions.labels[i] = i % CLASSES;
        world->predictions.predicted[i] = i % 5 == 2 ? (i + 1) % CLASSES : i % CLASSES;
        world->predictions.probabilities[i] = 0.99F - (float)i / 1000;
    }
    confusion_add(&world->confusion, world->predictions.labels, world->predictions.predicted, IMAGES);
}

static void open_world(struct world *world) {
    struct error error = {0};
    static const char *const names[CLASSES] = {"<b>cat</b>", "a \"dog\" & 'more'", "houses and other buildings"};
    *world = (struct world){.result = run_result_empty()};
    fill_images(&world->splits.train, &error);
    fill_images(&world->splits.test, &error);
    fill_answers(world, &error);
    world->splits.classes = CLASSES;
    world->splits.class_names = calloc(CLASSES, sizeof *world->splits.class_names);
    assert_non_null(world->splits.class_names);
    for (int i = 0; i < CLASSES; i++) world->splits.class_names[i] = strdup(names[i]);
    for (int i = 0; i < CLASSES; i++) world->classes[i] = (struct class_result){names[i], 20, 0.8, 0.8, NAN};
    for (int i = 0; i < 4; i++)
        world->rows[i] = (struct history_row){i + 1, 2.0 / (i + 1), 0.2 * i, 2.1, 0.1 * i, 0.001, 1.5, 100};
    world->history = (struct history){.count = 4, .capacity = 4, .rows = world->rows};
    world->result.name = "a<b>";
    world->result.status = RUN_FINISHED;
    world->result.data = "folder:/x&y";
    world->result.best_epoch = 3;
    world->result.epochs = 4;
    world->result.parameters = 72165;
    world->result.test_accuracy = 0.8;
    world->result.test_images = IMAGES;
    world->result.test_low = 0.68;
    world->result.test_high = 0.88;
    world->result.classes = world->classes;
    world->result.class_count = CLASSES;
    world->report = (struct run_report){.result = &world->result,
                                        .history = &world->history,
                                        .confusion = &world->confusion,
                                        .command = "cnntrain train --config 'a&b.json'",
                                        .config = "{\"name\": \"a<b>\"}\n",
                                        .splits = &world->splits,
                                        .predictions = &world->predictions};
}

static void close_world(struct world *world) {
    predictions_free(&world->predictions);
    confusion_free(&world->confusion);
    data_splits_free(&world->splits);
}

static char *page_of(const struct world *world) {
    struct text text = {0};
    run_report_html(&world->report, &text);
    assert_false(text.failed);
    markup_check(text.bytes, false);
    return text.bytes;
}

static void test_whole_page(void **state) {
    (void)state;
    struct world world;
    open_world(&world);
    char *text = page_of(&world), *again = page_of(&world);
    assert_string_equal(text, again);
    free(again);
    assert_has(text, "<h1>Run a&lt;b&gt;</h1>");
    assert_has(text, "48 of 60 test images classified correctly. The 95 % interval of the test accuracy is 68.00 to "
                     "88.00 % (Wilson 1927)");
    assert_has(text, "<dt>Test accuracy</dt><dd>80.00 %<small>68.00 to 88.00 %</small></dd>");
    assert_has(text, "best: epoch 3");
    assert_has(text, "<title>Epoch 3 (best)\ntrain: 0.6667\nvalidation: 2.1000</title>");
    assert_has(text, "<th scope=\"row\">&lt;b&gt;cat&lt;/b&gt;</th><td class=\"num\">20</td>");
    assert_has(text, "&lt;b&gt;cat&lt;/b&gt; taken for a &quot;dog&quot; &amp; &#39;more&#39;: 4 (20.00 %)</title>");
    assert_has(text, "<b>houses and other buildings</b>");
    assert_has(text, "&quot;name&quot;: &quot;a&lt;b&gt;&quot;");
    assert_has(text, "cnntrain train --config &#39;a&amp;b.json&#39;");
    assert_has(text, "folder:/x&amp;y: 3 classes of 8 x 8 images with 3 channels; 60 for training");
    assert_has(text, "alt=\"training images of &lt;b&gt;cat&lt;/b&gt;\"");
    assert_int_equal(markup_count(text, "<h1"), 1);
    /* mistakes, right answers, and a row of images for each class */
    assert_int_equal(markup_count(text, "<img "), 12 + 12 + CLASSES);
    assert_int_equal(markup_count(text, " alt=\"\""), 0);
    assert_true(strlen(text) < 200000);
    free(text);
    close_world(&world);
}

static void test_nothing_measured(void **state) {
    (void)state;
    struct world world = {.result = run_result_empty()};
    world.result.status = RUN_NOT_FINITE;
    world.result.message = "the loss is NaN in layer <conv2d>.";
    world.report.result = &world.result;
    char *text = page_of(&world);
    assert_has(text, "<h1>Run without a name</h1>");
    assert_has(text, "<p class=\"warn\">The run is not complete (not finite): the loss is NaN in layer &lt;conv2d&gt;."
                     "</p>");
    assert_has(text, "The model was not tested: there is no test accuracy.");
    assert_lacks(text, "<svg");
    assert_lacks(text, "<img");
    assert_lacks(text, "kept weights");
    free(text);
}

/* Interrupted in the first epoch, and with values that are not finite. */
static void test_parts_missing(void **state) {
    (void)state;
    struct world world;
    open_world(&world);
    world.result.status = RUN_INTERRUPTED;
    world.result.test_accuracy = NAN;
    world.result.classes = NULL;
    world.report.confusion = NULL;
    world.report.predictions = NULL;
    world.history.count = 0;
    char *text = page_of(&world);
    assert_lacks(text, "id=\"curves\"");
    assert_lacks(text, "id=\"mistakes\"");
    assert_lacks(text, "id=\"confusion\"");
    assert_has(text, "The run is not complete (interrupted).");
    assert_has(text, "id=\"data\"");
    free(text);
    world.history.count = 1;
    world.rows[0] = (struct history_row){1, NAN, 1, NAN, NAN, 0, 1, 1};
    text = page_of(&world);
    assert_has(text, "id=\"curves\"");
    free(text);
    dataset_free(&world.splits.test);
    world.splits.test = (struct dataset){0};
    free(page_of(&world));
    close_world(&world);
}

/* Each warning of the summary is a paragraph; a class without images has no recall; a percentage stays whole. */
static void test_warnings_and_absent_classes(void **state) {
    (void)state;
    struct world world;
    static const struct summary_row rows[] = {
        {.name = "one", .class_name = "P", .output = {1, {2}}, .note = "drops a row"},
        {.name = "two", .class_name = "P", .output = {1, {2}}, .note = "drops a column"}};
    const struct summary summary = {.model_name = "sequential", .input = {3, {2, 2, 3}}, .rows = rows, .count = 2};
    open_world(&world);
    world.report.summary = &summary;
    world.classes[2] = (struct class_result){world.classes[2].name, 0, 0.25, 0, 0};
    char *text = page_of(&world);
    assert_has(text,
               "<p class=\"warn\">Warning: one drops a row</p>\n<p class=\"warn\">Warning: two drops a column</p>");
    assert_lacks(text, "\\n</p>");
    assert_has(text, ">houses and other buildings</th><td class=\"num\">0</td><td class=\"num\">25.00 %"
                     "</td><td class=\"num\">-</td><td class=\"num\">-</td>");
    assert_has(text, "</b> <span class=\"whole\">98.80 %</span>");
    free(text);
    close_world(&world);
}

static void test_one_class_without_mistakes(void **state) {
    (void)state;
    struct world world;
    int64_t counts[] = {IMAGES};
    const struct confusion one = {.classes = 1, .counts = counts};
    open_world(&world);
    for (int i = 0; i < IMAGES; i++) {
        world.predictions.labels[i] = world.predictions.predicted[i] = 0;
        world.splits.train.labels[i] = world.splits.test.labels[i] = 0;
    }
    for (int i = 1; i < CLASSES; i++) free(world.splits.class_names[i]);
    world.splits.classes = world.result.class_count = 1;
    world.report.confusion = &one;
    char *text = page_of(&world);
    assert_has(text, "There is no mistake on the test set.");
    assert_lacks(text, "id=\"mistakes\"");
    free(text);
    struct text picture = {0};
    run_report_mistakes(&world.report, &picture);
    assert_true(picture.length == 0 && !picture.failed);
    close_world(&world);
}

static void test_samples(void **state) {
    (void)state;
    struct world world;
    struct run_samples samples;
    open_world(&world);
    run_find_mistakes(&world.report, &samples);
    assert_int_equal(samples.count, 12);
    for (int i = 0; i < 12; i++) assert_int_equal(samples.images[i], 2 + 5 * i);
    world.predictions.probabilities[57] = 1; /* the last becomes the first; equal ones keep their order */
    world.predictions.probabilities[12] = 1;
    run_find_mistakes(&world.report, &samples);
    assert_true(samples.images[0] == 12 && samples.images[1] == 57 && samples.images[2] == 2);
    run_find_right(&world.report, &samples);
    assert_int_equal(samples.count, 12);
    assert_int_equal(samples.images[0], 0);
    for (int i = 1; i < 12; i++) assert_int_equal(samples.images[i] - samples.images[i - 1], 5);
    for (int i = 0; i < IMAGES; i++) world.predictions.predicted[i] = (world.predictions.labels[i] + 1) % CLASSES;
    run_find_mistakes(&world.report, &samples);
    assert_int_equal(samples.count, RUN_SAMPLES_MAX);
    run_find_right(&world.report, &samples);
    assert_int_equal(samples.count, 0);
    world.predictions.count = IMAGES - 1; /* of other images */
    run_find_mistakes(&world.report, &samples);
    assert_int_equal(samples.count, 0);
    close_world(&world);
}

static void test_images(void **state) {
    (void)state;
    struct error error = {0};
    struct picture picture;
    uint8_t bytes[4 * 2] = {0, 100, 200, 100, 50, 50, 255, 1};
    const struct dataset small = {.count = 1, .height = 4, .width = 2, .channels = 1, .pixels = bytes};
    assert_int_equal(run_image(&small, 0, 9, &picture, &error), 0);
    assert_true(picture.height == 4 && picture.width == 2);
    for (int i = 0; i < 8; i++) assert_int_equal(picture.pixels[3 * i + 1], bytes[i]);
    picture_free(&picture);
    assert_int_equal(run_image(&small, 0, 2, &picture, &error), 0);
    assert_true(picture.height == 2 && picture.width == 1);
    assert_true(picture.pixels[0] == 100 && picture.pixels[3] == 89);
    picture_free(&picture);
    float floats[2 * 3] = {-1, 0, 1, 1, -1, NAN};
    const struct dataset colored = {
        .count = 1, .height = 1, .width = 2, .channels = 3, .type = PIXEL_FLOAT32, .pixels = floats};
    assert_int_equal(run_image(&colored, 0, 1, &picture, &error), 0);
    assert_true(picture.height == 1 && picture.width == 1);
    picture_free(&picture);
    assert_int_equal(run_image(&colored, 0, 9, &picture, &error), 0);
    assert_true(picture.pixels[0] == 0 && picture.pixels[1] == 128 && picture.pixels[2] == 255);
    picture_free(&picture);
}

/* Whether a pixel has that much red and green. */
static bool has_color(const struct picture *picture, int red, int green) {
    for (int i = 0; i < picture->height * picture->width; i++)
        if (picture->pixels[3 * i] == red && picture->pixels[3 * i + 1] == green) return true;
    return false;
}

/* The kernels' own picture: red, green and blue of a filter over three channels, else every channel alone. */
static void test_kernels(void **state) {
    (void)state;
    struct error error = {0};
    struct picture picture;
    float values[3 * 3 * 3 * 2] = {0};
    struct layer layer = {.name = "conv", .output = {3, {6, 6, 2}}, .parameter_count = 1};
    layer.parameters[0] = (struct parameter){.name = "kernel", .shape = {4, {3, 3, 3, 2}}};
    struct model model = {.layer_count = 1, .layers = &layer, .parameters = values};
    values[0] = 1;
    struct run_kernels kernels = run_find_kernels(&model);
    assert_true(kernels.is_color && kernels.total == 2 && kernels.count == 2);
    assert_int_equal(run_draw_kernels(&kernels, &picture, &error), 0);
    assert_true(has_color(&picture, 255, 128) && !has_color(&picture, 0, 128));
    picture_free(&picture);
    layer.output.size[2] = 6; /* depthwise */
    kernels = run_find_kernels(&model);
    assert_true(!kernels.is_color && kernels.total == 6);
    model.parameters = NULL; /* planned only */
    assert_null(run_find_kernels(&model).layer);
    assert_null(run_find_kernels(NULL).layer);
    layer.parameters[0].shape.rank = 2;
    model.parameters = values;
    assert_null(run_find_kernels(&model).layer);
}

static void test_files(void **state) {
    (void)state;
    struct world world;
    void (*const writers[])(const struct run_report *, struct text *) = {run_report_curves, run_report_confusion};
    open_world(&world);
    for (int i = 0; i < 2; i++) {
        struct text text = {0};
        writers[i](&world.report, &text);
        assert_false(text.failed);
        markup_check(text.bytes, true);
        text_free(&text);
    }
    struct text png = {0};
    run_report_mistakes(&world.report, &png);
    assert_true(png.length > 100 && memcmp(png.bytes, "\x89PNG\r\n\x1a\n", 8) == 0);
    text_free(&png);
    close_world(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_page),
        cmocka_unit_test(test_nothing_measured),
        cmocka_unit_test(test_parts_missing),
        cmocka_unit_test(test_warnings_and_absent_classes),
        cmocka_unit_test(test_one_class_without_mistakes),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
