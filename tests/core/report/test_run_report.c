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
#include "core/report/format.h"
#include "core/report/run_report.h"

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part) {
    if (strstr(text, part)) fail_msg("\"%s\" is in:\n%s", part, text);
}

static char *markdown(const struct run_report *report) {
    struct text text = {0};
    run_report_markdown(report, &text);
    assert_false(text.failed);
    return text.bytes;
}

static const struct class_result classes[2] = {{"cat", 60, 0.75, 0.5, 0.6}, {"a|b", 40, 0.5, 1, NAN}};

static struct run_result finished(void) {
    struct run_result result = run_result_empty();
    result.name = "sep_max";
    result.status = RUN_FINISHED;
    result.config_path = "configs/sep_max.json";
    result.data = "svhn:data|svhn";
    result.seed = 7;
    result.epochs = 2;
    result.parameters = 72165;
    result.multiplications = 182700;
    result.train_images = 1000;
    result.train_loss = 0.25;
    result.train_accuracy = 0.9;
    result.test_images = 100;
    result.test_loss = 0.5;
    result.test_accuracy = 0.7;
    result.test_low = 0.604;
    result.test_high = 0.78111;
    result.seconds = 65;
    result.images_per_second = 5000.4;
    result.classes = classes;
    result.class_count = 2;
    result.version_count = 1;
    result.versions[0] = (struct result_version){"cnntrain", "0.1.0"};
    return result;
}

static void test_whole_report(void **state) {
    (void)state;
    struct run_result result = finished();
    static const struct summary_row rows[] = {
        {.name = "flatten", .class_name = "Flatten", .output = {1, {12}}, .note = "is a test"}};
    const struct summary summary = {.model_name = "sequential", .input = {3, {2, 2, 3}}, .rows = rows, .count = 1};
    struct history_row epochs[] = {{1, 1.5, 0.5, NAN, NAN, 0.001, 32.5, 5000},
                                   {2, 0.25, 0.9, NAN, NAN, 1e-5, 32.5, 5000}};
    const struct history history = {.count = 2, .capacity = 2, .rows = epochs};
    int64_t counts[] = {30, 30, 0, 40};
    const struct confusion confusion = {.classes = 2, .counts = counts};
    const struct run_report report = {.result = &result,
                                      .summary = &summary,
                                      .history = &history,
                                      .confusion = &confusion,
                                      .command = "cnntrain train --config c.json"};
    char *text = markdown(&report);
    assert_int_equal(strncmp(text, "# Run sep_max\n\n", 15), 0);
    assert_has(text, "Test accuracy: **70.00 %**, 70 of 100 test images classified correctly. The 95 % interval is "
                     "60.40 to 78.11 % (Wilson 1927)");
    assert_has(text, "| Data                              | svhn:data\\|svhn      |");
    assert_has(text, "| Seed                              | 7                    |");
    assert_has(text, "| Multiplications an image, forward | 182,700              |");
    assert_has(text, "| Training time                     | 1 min 05 s           |");
    assert_has(text, "| test   |   100 | 0.5000 |  70.00 % |");
    assert_lacks(text, "| validation");
    assert_has(text, "![Loss and accuracy by epoch](curves.svg)\n");
    assert_has(text, "![Confusion matrix](confusion.svg)\n");
    assert_lacks(text, "mistakes.png");
    assert_has(text, "```\nModel: \"sequential\"\n____");
    assert_has(text, "Warning: flatten is a test\n```\n");
    assert_has(text, "|     2 | 0.2500 |  90.00 % |               - |                   - |         1e-05 |   32.50 |");
    assert_has(text, "| cat   |          60 |   75.00 % |  50.00 % | 60.00 % |");
    assert_has(text, "| a\\|b  |          40 |   50.00 % | 100.00 % |       - |");
    assert_has(text, "| True | cat | a\\|b |\n| ---- | --: | ---: |\n| cat  |  30 |   30 |\n| a\\|b |   0 |   40 |\n");
    assert_has(text, "## To repeat it\n\n```\ncnntrain train --config c.json\n```\n");
    assert_lacks(text, "nan");
    free(text);
}

static void test_nothing_measured(void **state) {
    (void)state;
    struct run_result result = run_result_empty();
    const struct run_report report = {.result = &result};
    result.name = "a";
    result.status = RUN_NOT_FINITE;
    result.message = "the loss is NaN at step 3 of conv2d *";
    char *text = markdown(&report);
    assert_has(text, "The run is not complete (not finite): the loss is NaN at step 3 of conv2d \\*.\n");
    assert_has(text, "The model was not tested");
    assert_lacks(text, "## Model");
    assert_lacks(text, "## History");
    assert_lacks(text, "## Classes");
    assert_lacks(text, "nan");
    free(text);
}

/* 25 classes: the table of mistakes replaces the matrix, the most frequent first. */
static void test_many_classes(void **state) {
    (void)state;
    enum { CLASSES = 25 };
    static struct class_result many[CLASSES];
    static char class_names[CLASSES][16];
    static int64_t counts[CLASSES * CLASSES];
    for (int i = 0; i < CLASSES; i++) {
        snprintf(class_names[i], sizeof class_names[i], "c%d", i);
        many[i] = (struct class_result){class_names[i], 100, 0.5, 0.5, 0.5};
        counts[i * CLASSES + (i + 1) % CLASSES] = i; /* c<i> taken for the next i times */
        counts[i * CLASSES + i] = 1000;
    }
    struct run_result result = finished();
    result.classes = many;
    result.class_count = CLASSES;
    const struct confusion confusion = {.classes = CLASSES, .counts = counts};
    const struct run_report report = {.result = &result, .confusion = &confusion};
    char *text = markdown(&report);
    assert_has(text, "whole matrix of 25 classes is in `confusion.csv`");
    assert_has(text, "| True | Predicted | Images |\n| ---- | --------- | -----: |\n"
                     "| c24  | c0        |     24 |\n| c23  | c24       |     23 |\n");
    assert_has(text, "| c5   | c6        |      5 |\n\n");
    assert_lacks(text, "1000");
    free(text);
}

static void test_files(void **state) {
    (void)state;
    char folder[] = "/tmp/test_run_report_XXXXXX";
    struct run_result result = finished();
    struct error error = {0};
    const struct run_report report = {.result = &result};
    assert_non_null(mkdtemp(folder));
    assert_int_equal(run_report_write(&report, folder, &error), 0);
    char *path = file_join(folder, "report.md", &error);
    assert_true(file_exists(path));
    unlink(path);
    free(path);
    path = file_join(folder, "report.html", &error);
    assert_true(file_exists(path));
    unlink(path);
    free(path);
    assert_int_equal(rmdir(folder), 0); /* no file of what there is nothing to show of */
    assert_int_equal(run_report_write(&report, folder, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
}

static void test_numbers(void **state) {
    (void)state;
    struct format f;
    assert_string_equal(format_percent(&f, 0.832149), "83.21 %");
    assert_string_equal(format_percent(&f, NAN), "-");
    assert_string_equal(format_count(&f, 6031234), "6,031,234");
    assert_string_equal(format_count(&f, -1), "-");
    assert_string_equal(format_count(&f, 3.6e20), "3.600e+20");
    assert_string_equal(format_bytes(&f, 0), "0.00 B");
    assert_string_equal(format_bytes(&f, 1023), "1023.00 B");
    assert_string_equal(format_bytes(&f, 1024), "1.00 KB");
    assert_string_equal(format_bytes(&f, 4.0 * 138357544), "527.79 MB");
    assert_string_equal(format_bytes(&f, 4e12), "3.64 TB");
    assert_string_equal(format_seconds(&f, 0.4249), "0.42 s");
    assert_string_equal(format_seconds(&f, 9.996), "10.0 s");
    assert_string_equal(format_seconds(&f, 59.96), "1 min 00 s");
    assert_string_equal(format_seconds(&f, 3599.7), "1 h 00 min");
    assert_string_equal(format_seconds(&f, 7380), "2 h 03 min");
    assert_string_equal(format_p(&f, 0.0004), "< 0.001");
    assert_string_equal(format_p(&f, 0.0314), "0.031");
    assert_string_equal(format_exact(&f, 0.1), "0.1");
    assert_string_equal(format_exact(&f, 0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(format_exact(&f, INFINITY), "");
    assert_string_equal(format_shape(&f, &(struct shape){0}), "(None,)");
    assert_string_equal(format_shape(&f, &(struct shape){1, {10}}), "(None, 10)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_report), cmocka_unit_test(test_nothing_measured),
        cmocka_unit_test(test_many_classes), cmocka_unit_test(test_files),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
