#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "core/report/comparison.h"

enum { COMBINATIONS = 3, SEEDS = 3, IMAGES = 100 };

static const char *const names[COMBINATIONS] = {"conv_avg", "a,\"b\"|c", "dw"};
static const long long seeds[SEEDS] = {1, 2, 3};
static const struct class_result classes[2] = {{"cat", 50, 0.9, 0.8, 0.85}, {"d|g", 50, 0.7, 0.6, 0.65}};

/* Runs by combination and seed; the first `right` images of a combination's predictions can be set wrong. */
struct batch {
    struct run_result results[COMBINATIONS * SEEDS];
    struct predictions predictions[COMBINATIONS * SEEDS];
    struct comparison_run runs[COMBINATIONS * SEEDS];
    int32_t labels[IMAGES], predicted[COMBINATIONS * SEEDS][IMAGES];
    struct comparison_input input;
};

static void fill_run(struct batch *batch, int index, int combination, int seed) {
    struct run_result *result = &batch->results[index];
    *result = run_result_empty();
    result->name = names[combination];
    result->status = RUN_FINISHED;
    result->seed = seeds[seed];
    result->epochs = 10;
    result->parameters = 72906;
    result->multiplications = 849600;
    result->train_accuracy = 0.9;
    result->validation_accuracy = 0.85;
    result->test_accuracy = 0.80 + 0.02 * seed;
    result->test_loss = 0.5;
    result->test_images = IMAGES;
    result->seconds = 120;
    result->seconds_per_epoch = 12;
    result->images_per_second = 5000.25;
    result->classes = classes;
    result->class_count = 2;
    memcpy(batch->predicted[index], batch->labels, sizeof batch->labels);
    batch->predictions[index] =
        (struct predictions){.count = IMAGES, .labels = batch->labels, .predicted = batch->predicted[index]};
    batch->runs[index] = (struct comparison_run){.result = result, .predictions = &batch->predictions[index]};
}

static void fill_batch(struct batch *batch, int combinations, int seed_count) {
    memset(batch, 0, sizeof *batch);
    for (int i = 0; i < IMAGES; i++) batch->labels[i] = i % 2;
    for (int c = 0; c < combinations; c++)
        for (int s = 0; s < seed_count; s++) fill_run(batch, c * seed_count + s, c, s);
    batch->input = (struct comparison_input){.name = "six",
                                             .command = "cnntrain experiments six.json",
                                             .names = names,
                                             .seeds = seeds,
                                             .combinations = combinations,
                                             .seed_count = seed_count,
                                             .runs = batch->runs};
}

static void answer_wrongly(struct batch *batch, int run, int first, int count) {
    for (int i = first; i < first + count; i++) batch->predicted[run][i] = 1 - batch->labels[i];
}

static struct comparison make(const struct batch *batch) {
    struct comparison comparison;
    struct error error = {0};
    assert_int_equal(comparison_make(&batch->input, &comparison, &error), 0);
    return comparison;
}

static char *written(const struct comparison *comparison, void (*write)(const struct comparison *, struct text *)) {
    struct text text = {0};
    write(comparison, &text);
    assert_false(text.failed);
    return text.bytes;
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part) {
    if (strstr(text, part)) fail_msg("\"%s\" is in:\n%s", part, text);
}

static void assert_near(double value, double expected) {
    if (!(fabs(value - expected) < 1e-6)) fail_msg("%.9g is not %.9g", value, expected);
}

/* Seeds 1 and 2: 12 images only the first, 2 only the second answered rightly; seed 3: 10 and 4. */
static void let_first_win(struct batch *batch, int first, int second) {
    for (int s = 0; s < SEEDS; s++) {
        answer_wrongly(batch, second * SEEDS + s, 0, s == 2 ? 10 : 12);
        answer_wrongly(batch, first * SEEDS + s, 50, s == 2 ? 4 : 2);
    }
}

static void test_estimates(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 2, 3);
    struct comparison comparison = make(&batch);
    const struct comparison_row *row = &comparison.rows[0];
    assert_int_equal(comparison.finished, 6);
    assert_int_equal(comparison.total, 6);
    assert_int_equal(row->parameters, 72906);
    assert_near(row->test_accuracy.mean, 0.82);
    assert_near(row->test_accuracy.deviation, 0.02);
    /* t(.975, 2) = 4.302653, times .02 / sqrt(3) = .049682755 */
    assert_near(row->test_accuracy.low, 0.82 - 0.049682755);
    assert_near(row->test_accuracy.high, 0.82 + 0.049682755);
    assert_int_equal(row->test_accuracy.interval, INTERVAL_STUDENT);
    assert_near(row->train_accuracy.mean, 0.9);
    assert_near(row->train_accuracy.deviation, 0);
    assert_int_equal(comparison.class_count, 2);
    assert_near(row->class_accuracy[1], 0.6);
    comparison_free(&comparison);
}

static void test_interval_stays_within_shares(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 1, 2);
    batch.results[0].test_accuracy = 0.9;
    batch.results[1].test_accuracy = 1;
    struct comparison comparison = make(&batch);
    assert_true(comparison.rows[0].test_accuracy.high == 1);
    comparison_free(&comparison);
}

static void test_significant_pair(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 2, 3);
    let_first_win(&batch, 0, 1);
    struct comparison comparison = make(&batch);
    assert_int_equal(comparison.pair_count, 1);
    const struct comparison_pair *pair = &comparison.pairs[0];
    assert_int_equal(pair->seeds, 3);
    assert_int_equal(pair->only_a_right, 34);
    assert_int_equal(pair->only_b_right, 8);
    /* Of 14 images 2: p = 2 (1 + 14 + 91) / 2^14 = .012939453, the median of the three seeds. */
    assert_near(pair->p, 2 * 0.012939453);
    assert_near(pair->p_holm, pair->p);
    assert_int_equal(pair->better, 0);
    char *text = written(&comparison, comparison_markdown);
    assert_has(text, "Significantly better than a,\"b\"\\|c.");
    free(text);
    comparison_free(&comparison);
}

static void test_second_may_be_better(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 2, 3);
    let_first_win(&batch, 1, 0);
    struct comparison comparison = make(&batch);
    assert_int_equal(comparison.pairs[0].better, 1);
    comparison_free(&comparison);
}

/* The same pair among three: Holm triples its p, .0776 is not significant any more. */
static void test_correction_for_all_pairs(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 3, 3);
    let_first_win(&batch, 0, 1);
    memcpy(batch.predicted[6], batch.predicted[0], 3 * sizeof batch.predicted[0]);
    struct comparison comparison = make(&batch);
    assert_int_equal(comparison.pair_count, 3);
    assert_near(comparison.pairs[0].p_holm, 6 * 0.012939453);
    assert_near(comparison.pairs[1].p, 1);
    for (int i = 0; i < 3; i++) assert_int_equal(comparison.pairs[i].better, -1);
    char *text = written(&comparison, comparison_markdown);
    assert_has(text, "No significant advantage over a,\"b\"\\|c, dw.");
    assert_has(text, "no difference shown");
    free(text);
    comparison_free(&comparison);
}

static void test_one_seed(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 2, 1);
    struct comparison comparison = make(&batch);
    const struct estimate *test = &comparison.rows[0].test_accuracy;
    assert_int_equal(test->interval, INTERVAL_WILSON);
    assert_true(isnan(test->deviation));
    /* Wilson of 80 in 100. */
    assert_near(test->low, 0.711170883);
    assert_near(test->high, 0.866633104);
    char *text = written(&comparison, comparison_markdown);
    assert_has(text, "71.12 to 86.66 %");
    assert_has(text, "The interval of a single run is Wilson's");
    assert_lacks(text, "Student");
    free(text);
    text = written(&comparison, comparison_table);
    assert_has(text, "80.00 ± 7.77 %");
    assert_has(text, "95 % interval over the test images\n");
    free(text);
    comparison_free(&comparison);
}

static void test_one_combination(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 1, 3);
    struct comparison comparison = make(&batch);
    char *text = written(&comparison, comparison_markdown);
    assert_int_equal(comparison.pair_count, 0);
    assert_has(text, "There is only one combination: nothing to compare.");
    assert_lacks(text, "McNemar");
    free(text);
    comparison_free(&comparison);
}

static void test_pending_and_failed(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 3, 3);
    batch.results[1].status = RUN_NOT_FINITE;
    batch.results[1].message = "loss is NaN | epoch 2";
    batch.results[2].status = RUN_INTERRUPTED;
    for (int i = 3; i < 9; i++) batch.runs[i] = (struct comparison_run){0};
    batch.runs[3] = (struct comparison_run){.result = &batch.results[3], .predictions = &batch.predictions[3]};
    struct comparison comparison = make(&batch);
    assert_int_equal(comparison.finished, 2);
    assert_int_equal(comparison.failed, 1);
    assert_int_equal(comparison.rows[0].finished, 1);
    assert_int_equal(comparison.rows[0].test_accuracy.count, 1);
    assert_int_equal(comparison.rows[2].parameters, -1);
    assert_true(isnan(comparison.rows[2].test_accuracy.mean));
    assert_int_equal(comparison.pairs[0].seeds, 1);
    assert_int_equal(comparison.pairs[1].seeds, 0);
    assert_true(isnan(comparison.pairs[1].p_holm));
    char *text = written(&comparison, comparison_markdown);
    assert_has(text, "2 of 9 runs done, 1 failed, 6 pending: 3 combinations, each with 3 seeds (1, 2, 3).");
    assert_has(text, "not finite: loss is NaN \\| epoch 2");
    assert_has(text, "| pending ");
    assert_lacks(text, "nan");
    free(text);
    text = written(&comparison, comparison_csv);
    assert_has(text, "\nconv_avg,2,72906,849600,,,,,,\n");
    assert_lacks(text, "\nconv_avg,3");
    assert_lacks(text, "\ndw");
    free(text);
    comparison_free(&comparison);
}

static void test_no_validation_no_test(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 2, 3);
    for (int i = 0; i < 6; i++) {
        struct run_result *result = &batch.results[i];
        result->validation_accuracy = result->test_accuracy = result->test_loss = NAN;
        result->test_images = result->class_count = 0;
        result->classes = NULL;
        batch.runs[i].predictions = NULL;
    }
    struct comparison comparison = make(&batch);
    assert_int_equal(comparison.class_count, 0);
    char *text = written(&comparison, comparison_markdown);
    assert_has(text, "There is no test accuracy yet.");
    assert_has(text, "nothing can be compared");
    assert_lacks(text, "by class");
    assert_lacks(text, "How the intervals");
    assert_lacks(text, "nan");
    free(text);
    text = written(&comparison, comparison_csv);
    assert_has(text, "\nconv_avg,1,72906,849600,0.9,,,,12,5000.25\n");
    free(text);
    comparison_free(&comparison);
}

static void test_other_test_images(void **state) {
    (void)state;
    struct batch batch;
    int32_t labels[IMAGES] = {1};
    fill_batch(&batch, 2, 1);
    batch.predictions[1].labels = labels;
    struct comparison comparison = make(&batch);
    assert_int_equal(comparison.pairs[0].seeds, 0);
    comparison_free(&comparison);
}

static void test_other_classes(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 2, 1);
    batch.results[1].class_count = 1;
    struct comparison comparison = make(&batch);
    assert_int_equal(comparison.class_count, 0);
    comparison_free(&comparison);
}

static void test_empty(void **state) {
    (void)state;
    const struct comparison_input input = {0};
    struct comparison comparison;
    struct error error = {0};
    assert_int_equal(comparison_make(&input, &comparison, &error), 0);
    char *text = written(&comparison, comparison_markdown);
    assert_has(text, "0 of 0 runs done: 0 combinations, each with 0 seeds.");
    free(text);
    text = written(&comparison, comparison_csv);
    assert_string_equal(text, "name,seed,parameters,multiplications,train_accuracy,val_accuracy,test_accuracy,"
                              "test_loss,seconds_per_epoch,images_per_second\n");
    free(text);
    text = written(&comparison, comparison_table);
    assert_has(text, "name  params");
    free(text);
    comparison_free(&comparison);
}

static void test_too_many(void **state) {
    (void)state;
    const struct comparison_input input = {.name = "big", .combinations = 46342, .seed_count = 46342};
    struct comparison comparison;
    struct error error = {0};
    assert_int_equal(comparison_make(&input, &comparison, &error), -1);
    assert_int_equal(error.code, ERROR_CONFIG);
    assert_string_equal(error.message,
                        "at most 1000 configs and 1000 seeds are compared, got 46342 and 46342; split the experiment");
}

static void test_csv(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 2, 1);
    struct comparison comparison = make(&batch);
    char *text = written(&comparison, comparison_csv);
    assert_string_equal(text, "name,seed,parameters,multiplications,train_accuracy,val_accuracy,test_accuracy,"
                              "test_loss,seconds_per_epoch,images_per_second\n"
                              "conv_avg,1,72906,849600,0.9,0.85,0.8,0.5,12,5000.25\n"
                              "\"a,\"\"b\"\"|c\",1,72906,849600,0.9,0.85,0.8,0.5,12,5000.25\n");
    free(text);
    comparison_free(&comparison);
}

static void test_json(void **state) {
    (void)state;
    struct batch batch;
    struct error error = {0};
    fill_batch(&batch, 2, 3);
    let_first_win(&batch, 0, 1);
    batch.runs[5] = (struct comparison_run){0};
    struct comparison comparison = make(&batch);
    char *text = written(&comparison, comparison_json);
    cJSON *root = json_parse(text, strlen(text), "results.json", &error);
    assert_non_null(root);
    assert_int_equal(cJSON_GetObjectItem(root, "runs_finished")->valueint, 5);
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "combinations"), 0);
    const cJSON *test = cJSON_GetObjectItem(first, "test_accuracy");
    assert_true(cJSON_GetObjectItem(test, "low")->valuedouble == comparison.rows[0].test_accuracy.low);
    assert_string_equal(cJSON_GetObjectItem(test, "interval")->valuestring, "student over seeds");
    const cJSON *pair = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "pairs"), 0);
    assert_int_equal(cJSON_GetObjectItem(pair, "seeds")->valueint, 2);
    assert_string_equal(cJSON_GetObjectItem(pair, "better")->valuestring, "conv_avg");
    const cJSON *runs = cJSON_GetObjectItem(root, "runs"), *last = cJSON_GetArrayItem(runs, 5);
    assert_int_equal(cJSON_GetArraySize(runs), 6);
    assert_string_equal(cJSON_GetObjectItem(last, "status")->valuestring, "pending");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(last, "metrics")));
    const cJSON *metrics = cJSON_GetObjectItem(cJSON_GetArrayItem(runs, 0), "metrics");
    assert_string_equal(cJSON_GetObjectItem(metrics, "status")->valuestring, "finished");
    cJSON_Delete(root);
    free(text);
    comparison_free(&comparison);
}

static void test_table(void **state) {
    (void)state;
    struct batch batch;
    fill_batch(&batch, 1, 3);
    struct comparison comparison = make(&batch);
    char *text = written(&comparison, comparison_table);
    assert_string_equal(text, "name      params  multiplications    train      val            test  s/epoch  images/s\n"
                              "--------  ------  ---------------  -------  -------  --------------  -------  --------\n"
                              "conv_avg  72,906          849,600  90.00 %  85.00 %  82.00 ± 4.97 %    12.00     5,000\n"
                              "test: mean ± half the width of its 95 % interval over the seeds\n");
    free(text);
    comparison_free(&comparison);
}

static void test_files(void **state) {
    (void)state;
    static const char *const files[] = {"results.csv", "results.json", "report.md", "report.html", "accuracy.svg"};
    char folder[] = "/tmp/test_comparison_XXXXXX";
    struct batch batch;
    struct error error = {0};
    fill_batch(&batch, 2, 3);
    struct comparison comparison = make(&batch);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(comparison_write(&comparison, folder, &error), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = file_join(folder, files[i], &error);
        assert_true(file_exists(path));
        unlink(path);
        free(path);
    }
    assert_int_equal(rmdir(folder), 0); /* without a history there are no curves */
    assert_int_equal(comparison_write(&comparison, folder, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
    comparison_free(&comparison);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_estimates),
        cmocka_unit_test(test_interval_stays_within_shares),
        cmocka_unit_test(test_significant_pair),
        cmocka_unit_test(test_second_may_be_better),
        cmocka_unit_test(test_correction_for_all_pairs),
        cmocka_unit_test(test_one_seed),
        cmocka_unit_test(test_one_combination),
        cmocka_unit_test(test_pending_and_failed),
        cmocka_unit_test(test_no_validation_no_test),
        cmocka_unit_test(test_other_test_images),
        cmocka_unit_test(test_other_classes),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
