#include "core/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tests/support/expect.h"

#define HEADER "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,images_per_second\n"
#define ROW_1 "1,2.30258509,0.1,2.2,0.125,0.001,12.346,5340.1\n"
#define ROW_2 "2,0.333333333,0.666666667,,,0.0001,12.000,5500.0\n"

static const struct history_row first = {1, 2.302585092994046, 0.1, 2.2, 0.125, 0.001, 12.3456, 5340.125};
static const struct history_row second = {2, 1.0 / 3, 2.0 / 3, NAN, NAN, 1e-4, 12, 5500};

static void expect_file(const char *path, const char *wanted) {
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    file_read(path, 1 << 20, &bytes, &length, &error);
    expect_no_error(&error);
    assert_string_equal(bytes, wanted);
    free(bytes);
}

static void write_file(const char *path, const char *text) {
    struct error error = {0};
    file_replace_text(path, text, &error);
    expect_no_error(&error);
}

static void test_append(void **state) {
    (void)state;
    struct error error = {0};
    char *folder = expect_folder(), *path = expect_path(folder, "history.csv");
    assert_int_equal(history_append(path, &first, &error), 0);
    expect_file(path, HEADER ROW_1);
    assert_int_equal(history_append(path, &second, &error), 0);
    expect_file(path, HEADER ROW_1 ROW_2);
    write_file(path, "");
    assert_int_equal(history_append(path, &second, &error), 0);
    expect_file(path, HEADER ROW_2);
    free(path);
    expect_folder_gone(folder);
}

/* What is read, and what was added, is what the file says: both write the same bytes again. */
static void test_round_trip(void **state) {
    (void)state;
    struct error error = {0};
    struct history added = {0}, read = {0};
    char *folder = expect_folder(), *path = expect_path(folder, "history.csv");
    for (int epoch = 1; epoch <= 200; epoch++) {
        struct history_row row = {epoch,        1.0 / epoch, 1 - 1.0 / epoch, sqrt(epoch), epoch % 2 ? 0.5 : NAN,
                                  1e-3 / epoch, epoch / 7.0, 1e4 / 3};
        assert_int_equal(history_add(&added, &row, &error), 0);
    }
    assert_int_equal(history_write(path, &added, &error), 0);
    assert_int_equal(history_read(path, &read, &error), 0);
    assert_int_equal(read.count, 200);
    for (int i = 0; i < 200; i++) {
        const struct history_row *a = &added.rows[i], *b = &read.rows[i];
        assert_true(a->epoch == b->epoch && a->loss == b->loss && a->accuracy == b->accuracy);
        assert_true(a->val_loss == b->val_loss && a->learning_rate == b->learning_rate);
        assert_true(a->seconds == b->seconds && a->images_per_second == b->images_per_second);
        assert_true(isnan(b->val_accuracy) ? isnan(a->val_accuracy) && i % 2 : a->val_accuracy == 0.5);
    }
    char *bytes = NULL;
    size_t length = 0;
    file_read(path, 1 << 20, &bytes, &length, &error);
    assert_int_equal(history_write(path, &read, &error), 0);
    expect_file(path, bytes);
    free(bytes);
    history_free(&added);
    history_free(&read);
    free(path);
    expect_folder_gone(folder);
}

/* A crash within an append leaves a torn line; resuming reads what is whole, drops later epochs and rewrites. */
static void test_resume(void **state) {
    (void)state;
    struct error error = {0};
    struct history history;
    char *folder = expect_folder(), *path = expect_path(folder, "history.csv");
    write_file(path, HEADER ROW_1 ROW_2 "3,0.25,0.");
    assert_int_equal(history_read(path, &history, &error), 0);
    assert_int_equal(history.count, 2);
    history_truncate(&history, 5);
    assert_int_equal(history.count, 2);
    history_truncate(&history, 1);
    assert_int_equal(history.count, 1);
    assert_int_equal(history_write(path, &history, &error), 0);
    assert_int_equal(history_append(path, &second, &error), 0);
    expect_file(path, HEADER ROW_1 ROW_2);
    history_truncate(&history, 0);
    assert_int_equal(history.count, 0);
    history_free(&history);
    write_file(path, HEADER);
    assert_int_equal(history_read(path, &history, &error), 0);
    assert_int_equal(history.count, 0);
    free(path);
    expect_folder_gone(folder);
}

static void test_not_finite(void **state) {
    (void)state;
    struct error error = {0};
    struct history history;
    char *folder = expect_folder(), *path = expect_path(folder, "history.csv");
    struct history_row row = {1, -NAN, 0, INFINITY, -NAN, 1, 1, 1};
    assert_int_equal(history_append(path, &row, &error), 0);
    expect_file(path, HEADER "1,nan,0,inf,,1,1.000,1.0\n");
    assert_int_equal(history_read(path, &history, &error), 0);
    assert_true(isnan(history.rows[0].loss) && isinf(history.rows[0].val_loss) && isnan(history.rows[0].val_accuracy));
    history_free(&history);
    free(path);
    expect_folder_gone(folder);
}

static void test_malformed(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "line 1: is not the header \"epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,"
             "images_per_second\"; restore or remove the file"},
        {"epoch,loss\n1,2\n", "line 1: is not the header \"epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,"
                              "seconds,images_per_second\"; restore or remove the file"},
        {HEADER "1,2\n", "line 2: has 2 cells, 8 are needed; restore or remove the file"},
        {HEADER "1,2,3,4,5,6,7,8,9\n", "line 2: has 9 cells, 8 are needed; restore or remove the file"},
        {HEADER ROW_1 "\nx\n", "line 4: has 1 cell, 8 are needed; restore or remove the file"},
        {HEADER ROW_1 "2,\"1\n", "line 3: a quoted field does not end; close it with a quote"},
        {HEADER ROW_1 ROW_1, "line 3: epoch must be an integer above 1, got \"1\"; restore or remove the file"},
        {HEADER "0,1,1,1,1,1,1,1\n", "line 2: epoch must be an integer above 0, got \"0\"; restore or remove the file"},
        {HEADER "x,1,1,1,1,1,1,1\n", "line 2: epoch must be an integer above 0, got \"x\"; restore or remove the file"},
        {HEADER ROW_1 "2,1,1,1,1x,1,1,1\n",
         "line 3: val_accuracy must be a number, got \"1x\"; restore or remove the file"},
        {HEADER "1,,1,1,1,1,1,1\n", "line 2: loss must be a number, got \"\"; restore or remove the file"},
    };
    char *folder = expect_folder(), *path = expect_path(folder, "history.csv");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct history history;
        char wanted[1024];
        write_file(path, rows[i].text);
        assert_int_equal(history_read(path, &history, &error), -1);
        snprintf(wanted, sizeof wanted, "%s: %s", path, rows[i].message);
        expect_error(&error, ERROR_DATA, wanted);
        assert_true(history.count == 0 && !history.rows);
    }
    free(path);
    expect_folder_gone(folder);
}

static void test_zero_bytes(void **state) {
    (void)state;
    struct error error = {0};
    struct history history;
    char *folder = expect_folder(), *path = expect_path(folder, "history.csv");
    file_replace(path, &(struct file_piece){HEADER ROW_1 "\0" ROW_2, sizeof HEADER ROW_1 "\0" ROW_2 - 1}, 1, &error);
    assert_int_equal(history_read(path, &history, &error), -1);
    assert_int_equal(error.code, ERROR_DATA);
    assert_string_equal(error.message, "holds zero bytes; it is no CSV file: restore or remove it");
    free(path);
    expect_folder_gone(folder);
}

static void test_missing_folder(void **state) {
    (void)state;
    struct error error = {0};
    struct history history = {0};
    const char *path = "/nonexistent/history.csv";
    assert_int_equal(history_append(path, &first, &error), -1);
    expect_error(&error, ERROR_IO, "/nonexistent/history.csv: cannot open the file: No such file or directory");
    assert_int_equal(history_read(path, &history, &error), -1);
    expect_error(&error, ERROR_IO, "/nonexistent/history.csv: cannot open the file: No such file or directory");
    assert_int_equal(history_write(path, &history, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),         cmocka_unit_test(test_round_trip), cmocka_unit_test(test_resume),
        cmocka_unit_test(test_not_finite),     cmocka_unit_test(test_malformed),  cmocka_unit_test(test_zero_bytes),
        cmocka_unit_test(test_missing_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
