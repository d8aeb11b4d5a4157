#include "core/predictions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tests/support/expect.h"

#define HEADER "index,label,prediction,probability\n"

static void expect_file(const char *path, const char *wanted) {
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    file_read(path, 1 << 20, &bytes, &length, &error);
    expect_no_error(&error);
    assert_string_equal(bytes, wanted);
    free(bytes);
}

static void test_round_trip(void **state) {
    (void)state;
    struct error error = {0};
    struct predictions written, read;
    char *folder = expect_folder(), *path = expect_path(folder, "predictions.csv");
    assert_int_equal(predictions_create(&written, 3, &error), 0);
    memcpy(written.labels, (int32_t[]){7, 0, 2}, 3 * sizeof(int32_t));
    memcpy(written.predicted, (int32_t[]){7, 1, 2}, 3 * sizeof(int32_t));
    memcpy(written.probabilities, (float[]){0.1F, 1, 1.0F / 3}, 3 * sizeof(float));
    assert_int_equal(predictions_write(path, &written, &error), 0);
    expect_file(path, HEADER "0,7,7,0.100000001\n1,0,1,1\n2,2,2,0.333333343\n");
    assert_int_equal(predictions_read(path, &read, &error), 0);
    assert_int_equal(read.count, 3);
    assert_memory_equal(read.labels, written.labels, 3 * sizeof(int32_t));
    assert_memory_equal(read.predicted, written.predicted, 3 * sizeof(int32_t));
    assert_memory_equal(read.probabilities, written.probabilities, 3 * sizeof(float));
    predictions_free(&written);
    predictions_free(&read);
    assert_int_equal(predictions_create(&written, 0, &error), 0);
    assert_int_equal(predictions_write(path, &written, &error), 0);
    assert_int_equal(predictions_read(path, &read, &error), 0);
    assert_int_equal(read.count, 0);
    predictions_free(&written);
    predictions_free(&read);
    free(path);
    expect_folder_gone(folder);
}

static void test_malformed(void **state) {
    (void)state;
    static const char again[] = "; remove the run's folder to run it anew";
    static const struct {
        const char *text, *message;
    } rows[] = {
        {HEADER "0,1,1\n", "line 2: must have 4 cells"},
        {HEADER "0,1,1,0.5\n2,1,1,0.5\n", "line 3: indices must count from 0 without a gap"},
        {HEADER "0,-1,1,0.5\n", "line 2: label and prediction must be class numbers"},
        {HEADER "0,1,1.5,0.5\n", "line 2: label and prediction must be class numbers"},
        {HEADER "0,1,99999999999,0.5\n", "line 2: label and prediction must be class numbers"},
        {HEADER "0,1,1,1.5\n", "line 2: the probability must be a number in [0, 1]"},
        {HEADER "0,1,1,nan\n", "line 2: the probability must be a number in [0, 1]"},
        {HEADER "0,1,1,0.5\n1,1,1,0.", "ends within a line"},
        {"index,label,prediction,probability", "ends within a line"},
    };
    char *folder = expect_folder(), *path = expect_path(folder, "predictions.csv");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct predictions predictions;
        char wanted[1024];
        file_replace_text(path, rows[i].text, &error);
        assert_int_equal(predictions_read(path, &predictions, &error), -1);
        snprintf(wanted, sizeof wanted, "%s: %s%s", path, rows[i].message, again);
        expect_error(&error, ERROR_DATA, wanted);
        assert_true(predictions.count == 0 && !predictions.labels);
    }
    struct error error = {0};
    struct predictions predictions;
    file_replace_text(path, "", &error);
    assert_int_equal(predictions_read(path, &predictions, &error), -1);
    assert_string_equal(
        error.message,
        "line 1: is not the header \"index,label,prediction,probability\"; remove the run's folder to run it anew");
    free(path);
    expect_folder_gone(folder);
}

static void test_compare(void **state) {
    (void)state;
    struct error error = {0};
    int32_t labels[] = {0, 1, 2, 3, 4, 5}, other_labels[] = {0, 1, 2, 3, 4, 6};
    int32_t one[] = {0, 1, 2, 0, 0, 0}, two[] = {0, 0, 0, 3, 0, 1};
    struct predictions a = {6, labels, one, NULL}, b = {6, labels, two, NULL}, c = {5, labels, two, NULL},
                       d = {6, other_labels, two, NULL};
    int64_t only_first = -1, only_second = -1;
    assert_int_equal(predictions_compare(&a, &b, &only_first, &only_second, &error), 0);
    assert_int_equal(only_first, 2);
    assert_int_equal(only_second, 1);
    assert_int_equal(predictions_compare(&a, &c, &only_first, &only_second, &error), -1);
    expect_error(&error, ERROR_DATA,
                 "predictions of 6 and of 5 images cannot be compared; both need the same test images");
    assert_int_equal(predictions_compare(&a, &d, &only_first, &only_second, &error), -1);
    expect_error(&error, ERROR_DATA,
                 "predictions cannot be compared: image 5 has label 5 in one and 6 in the other; both need the same "
                 "test images");
}

static void test_confusion(void **state) {
    (void)state;
    struct error error = {0};
    struct confusion confusion;
    char *folder = expect_folder(), *path = expect_path(folder, "confusion.csv");
    confusion_create(&confusion, 3, &error);
    confusion_add(&confusion, (int32_t[]){0, 0, 1, 2}, (int32_t[]){0, 2, 1, 0}, 4);
    assert_int_equal(confusion_write(path, &confusion, NULL, &error), 0);
    expect_file(path, "label,0,1,2\n0,1,0,1\n1,0,1,0\n2,1,0,0\n");
    char *names[] = {"cat, small", "a \"dog\"", "bird"};
    assert_int_equal(confusion_write(path, &confusion, names, &error), 0);
    expect_file(path, "label,\"cat, small\",\"a \"\"dog\"\"\",bird\n\"cat, small\",1,0,1\n\"a \"\"dog\"\"\",0,1,0\n"
                      "bird,1,0,0\n");
    confusion_free(&confusion);
    free(path);
    expect_folder_gone(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_confusion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
