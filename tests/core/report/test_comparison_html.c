/* report.html of a batch of runs, and its charts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/report/comparison.h"
#include "tests/support/expect.h"
#include "tests/support/markup.h"

enum { COMBINATIONS = 12, SEEDS = 2, IMAGES = 40, EPOCHS = 3 };

static const long long seeds[SEEDS] = {1, 2};
static const struct class_result classes[2] = {{"ca<t", 20, 0.9, 0.8, 0.85}, {"d&g", 20, 0.7, 0.6, 0.65}};

struct batch {
    char names[COMBINATIONS][24], folders[COMBINATIONS * SEEDS][32];
    const char *name_list[COMBINATIONS];
    struct run_result results[COMBINATIONS * SEEDS];
    struct predictions predictions[COMBINATIONS * SEEDS];
    struct history_row rows[COMBINATIONS * SEEDS][EPOCHS];
    struct history histories[COMBINATIONS * SEEDS];
    struct comparison_run runs[COMBINATIONS * SEEDS];
    int32_t labels[IMAGES], predicted[COMBINATIONS * SEEDS][IMAGES];
    struct comparison_input input;
};

static void fill_run(struct batch *batch, int combination, int seed) {
    int index = combination * SEEDS + seed;
    struct run_result *result = &batch->results[index];
    *result = run_result_empty();
    result->name = batch->names[combination];
    result->status = RUN_FINISHED;
    result->epochs = EPOCHS;
    result->parameters = 1000 * (1 + combination);
    result->multiplications = 5000 * (1 + combination % 3);
    result->test_accuracy = 0.5 + 0.02 * combination + 0.01 * seed;
    result->test_images = IMAGES;
    result->classes = classes;
    result->class_count = 2;
    for (int i = 0; i < IMAGES; i++) batch->predicted[index][i] = i < 2 * combination ? 0 : i % 2;
    for (int i = 0; i < EPOCHS; i++)
        batch->rows[index][i] = (struct history_row){i + 1, 1.0 / (i + 1), 0.3, 2.0 - seed, 0.2 + 0.1 * i, 0.1, 1, 1};
    batch->histories[index] = (struct history){.count = EPOCHS, .capacity = EPOCHS, .rows = batch->rows[index]};
    batch->predictions[index] =
        (struct predictions){.count = IMAGES, .labels = batch->labels, .predicted = batch->predicted[index]};
    snprintf(batch->folders[index], sizeof batch->folders[index], "net%d a&b-seed%d", combination, seed + 1);
    batch->runs[index] =
        (struct comparison_run){result, &batch->predictions[index], &batch->histories[index], batch->folders[index]};
}

static struct batch *batch_of(int combinations) {
    struct batch *batch = calloc(1, sizeof *batch);
    assert_non_null(batch);
    for (int i = 0; i < IMAGES; i++) batch->labels[i] = i % 2;
    for (int c = 0; c < COMBINATIONS; c++) {
        snprintf(batch->names[c], sizeof batch->names[c], "net%d a&b", c);
        batch->name_list[c] = batch->names[c];
        for (int s = 0; s < SEEDS; s++) fill_run(batch, c, s);
    }
    batch->input = (struct comparison_input){.name = "<six>",
                                             .command = "cnntrain experiments 'a&b.json'",
                                             .names = batch->name_list,
                                             .seeds = seeds,
                                             .combinations = combinations,
                                             .seed_count = SEEDS,
                                             .runs = batch->runs};
    return batch;
}

static char *written(const struct batch *batch, void (*write)(const struct comparison *, struct text *), bool is_xml) {
    struct comparison comparison;
    struct error error = {0};
    struct text text = {0};
    assert_int_equal(comparison_make(&batch->input, &comparison, &error), 0);
    write(&comparison, &text);
    assert_false(text.failed);
    if (text.bytes) markup_check(text.bytes, is_xml);
    comparison_free(&comparison);
    return text.bytes;
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in the document", part);
}

static void assert_lacks(const char *text, const char *part) {
    if (strstr(text, part)) fail_msg("\"%s\" is in the document", part);
}

static void test_page(void **state) {
    (void)state;
    struct batch *batch = batch_of(6);
    char *text = written(batch, comparison_html, false);
    assert_has(text, "<h1>Experiment &lt;six&gt;</h1>");
    assert_has(text, "Highest mean test accuracy: <strong>net5 a&amp;b</strong>, 60.50 %.");
    assert_has(text, "12 of 12 runs done: 6 combinations, each with 2 seeds (1, 2).");
    /* results, classes, pairs and runs can be sorted */
    assert_int_equal(markup_count(text, "<table class=\"sortable\">"), 4);
    assert_has(text, "<a href=\"net0%20a%26b-seed1/report.html\">net0 a&amp;b</a>");
    assert_int_equal(markup_count(text, "/report.html\">"), 12);
    assert_int_equal(markup_count(text, "class=\"bar "), 6);
    assert_int_equal(markup_count(text, "<svg "), 3 + 2 + 1);
    assert_has(text, "<title>net0 a&amp;b: 50.50 %\n95 % interval: ");
    assert_has(text, "\nMultiplications of one image: 5,000</title>");
    assert_has(text, "\nParameters: 6,000</title>");
    assert_has(text, "net0 a&amp;b: 1.5000 (1.0000 to 2.0000)"); /* the loss of two seeds */
    assert_has(text, "<title>ca&lt;t, net0 a&amp;b: 80.00 %</title>");
    assert_has(text, "cnntrain experiments &#39;a&amp;b.json&#39;");
    char *again = written(batch, comparison_html, false);
    assert_string_equal(text, again);
    free(again);
    free(text);
    free(batch);
}

static void test_files(void **state) {
    (void)state;
    struct batch *batch = batch_of(6);
    char *text = written(batch, comparison_accuracy, true);
    assert_int_equal(markup_count(text, "class=\"chart\""), 3);
    free(text);
    text = written(batch, comparison_curves, true);
    assert_int_equal(markup_count(text, "class=\"chart\""), 2);
    free(text);
    text = NULL;
    for (int i = 0; i < COMBINATIONS * SEEDS; i++) batch->runs[i] = (struct comparison_run){0};
    assert_null(written(batch, comparison_accuracy, true));
    assert_null(written(batch, comparison_curves, true));
    free(batch);
}

/* More than there are colours: the best ones are drawn. */
static void test_many(void **state) {
    (void)state;
    struct batch *batch = batch_of(COMBINATIONS);
    char *text = written(batch, comparison_html, false);
    assert_has(text, "Drawn are the 8 combinations with the best test accuracy.");
    assert_lacks(text, "net3 a&amp;b: 1.5000");
    assert_has(text, "net4 a&amp;b: 1.5000");
    assert_int_equal(markup_count(text, "class=\"bar "), COMBINATIONS);
    free(text);
    free(batch);
}

/* Pending, failed and interrupted runs; runs without validation; a history with an absurd epoch. */
static void test_incomplete(void **state) {
    (void)state;
    struct batch *batch = batch_of(2);
    batch->runs[0] = (struct comparison_run){0};
    batch->results[1].status = RUN_NOT_FINITE;
    batch->results[1].message = "the loss is <NaN>";
    batch->runs[2] = (struct comparison_run){.folder = "x"};
    batch->rows[3][2].epoch = 2000000000;
    for (int i = 0; i < EPOCHS; i++) batch->rows[3][i].val_loss = batch->rows[3][i].val_accuracy = NAN;
    for (int i = 0; i < EPOCHS; i++) batch->rows[1][i].val_loss = batch->rows[1][i].val_accuracy = NAN;
    char *text = written(batch, comparison_html, false);
    assert_has(text, "<p class=\"warn\">1 of 4 runs done, 1 failed, 2 pending");
    assert_has(text, "not finite: the loss is &lt;NaN&gt;");
    assert_has(text, "<a href=\"x/report.html\">");
    assert_has(text, "Train accuracy");
    assert_has(text, "nothing can be compared.");
    free(text);
    batch->input = (struct comparison_input){0};
    text = written(batch, comparison_html, false);
    assert_has(text, "<h1>Experiment without a name</h1>");
    assert_has(text, "There is no test accuracy yet.");
    free(text);
    free(batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_incomplete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
