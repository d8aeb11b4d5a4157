#include "core/csv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/expect.h"

static void test_quoting(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"plain", "plain"},         {"", ""},
        {"two words", "two words"}, {"a,b", "\"a,b\""},
        {"\"", "\"\"\"\""},         {" x", "\" x\""},
        {"x ", "\"x \""},           {"a\nb", "\"a\nb\""},
        {"a\rb", "\"a\rb\""},       {"\xC3\xA9", "\xC3\xA9"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = {0};
        csv_add_cell(&text, rows[i][0]);
        assert_string_equal(text.bytes, rows[i][1]);
        text_free(&text);
    }
}

static void expect_row(struct csv_reader *reader, int line, int count, const char *const *cells) {
    struct csv_row row;
    struct error error = {0};
    assert_int_equal(csv_next(reader, &row, &error), 1);
    assert_int_equal(row.line, line);
    assert_int_equal(row.count, count);
    for (int i = 0; i < count; i++) assert_string_equal(row.cells[i], cells[i]);
}

static void expect_end(struct csv_reader *reader) {
    struct csv_row row;
    struct error error = {0};
    assert_int_equal(csv_next(reader, &row, &error), 0);
    expect_no_error(&error);
}

static void test_rows(void **state) {
    (void)state;
    char bytes[] = "a,b,,c\r\n\nlast,1\n, \rtorn,2";
    struct csv_reader reader = csv_open("t", bytes);
    expect_row(&reader, 1, 4, (const char *const[]){"a", "b", "", "c"});
    expect_row(&reader, 3, 2, (const char *const[]){"last", "1"});
    expect_row(&reader, 4, 2, (const char *const[]){"", " "});
    expect_row(&reader, 5, 2, (const char *const[]){"torn", "2"});
    expect_end(&reader);
    expect_end(&reader);
    struct csv_reader empty = csv_open("t", (char[]){"\n\r\n"});
    expect_end(&empty);
}

static void test_quoted_rows(void **state) {
    (void)state;
    char bytes[] = "\"a,b\",\"say \"\"no\"\"\",\"\"\n\"two\nlines\",x\nend,\"last\"";
    struct csv_reader reader = csv_open("t", bytes);
    expect_row(&reader, 1, 3, (const char *const[]){"a,b", "say \"no\"", ""});
    expect_row(&reader, 2, 2, (const char *const[]){"two\nlines", "x"});
    expect_row(&reader, 4, 2, (const char *const[]){"end", "last"});
    expect_end(&reader);
}

/* What is written is read back. */
static void test_round_trip(void **state) {
    (void)state;
    static const char *const cells[] = {"plain", "a,b", "\"", " x", "a\nb", "a\rb", "", "\"\"q"};
    enum { COUNT = sizeof cells / sizeof *cells };
    struct text text = {0};
    for (int i = 0; i < COUNT; i++) {
        if (i) text_add(&text, ",");
        csv_add_cell(&text, cells[i]);
    }
    struct csv_reader reader = csv_open("t", text.bytes);
    expect_row(&reader, 1, COUNT, cells);
    expect_end(&reader);
    text_free(&text);
}

static void test_bad_rows(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"a,b\nc,\"d\n", "t: line 2: a quoted field does not end; close it with a quote"},
        {"a,b\nc,d\"e\"\n",
         "t: line 2: a quote within a field that is not quoted; quote the whole field, and write \"\" for the quote"},
        {"\"a\"b,c\n", "t: line 1: text behind a quoted field; end the field with its quote"},
        {"\"", "t: line 1: a quoted field does not end; close it with a quote"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char bytes[64];
        snprintf(bytes, sizeof bytes, "%s", rows[i][0]);
        struct csv_reader reader = csv_open("t", bytes);
        struct csv_row row;
        struct error error = {0};
        int more = 1;
        while (more > 0) more = csv_next(&reader, &row, &error);
        assert_int_equal(more, -1);
        expect_error(&error, ERROR_DATA, rows[i][1]);
    }
}

/* More cells than a row keeps are counted all the same. */
static void test_many_cells(void **state) {
    (void)state;
    char bytes[] = "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,\"17\"\nx\n";
    struct csv_reader reader = csv_open("t", bytes);
    struct csv_row row;
    struct error error = {0};
    assert_int_equal(csv_next(&reader, &row, &error), 1);
    assert_int_equal(row.count, CSV_CELLS_MAX + 2);
    assert_string_equal(row.cells[CSV_CELLS_MAX - 1], "15");
    expect_row(&reader, 2, 1, (const char *const[]){"x"});
}

static void test_numbers(void **state) {
    (void)state;
    double value = 0;
    assert_true(csv_number("-1.5e3", &value) && value == -1500);
    assert_true(csv_number("inf", &value) && isinf(value));
    assert_true(csv_number("nan", &value) && isnan(value));
    static const char *const bad[] = {"", " 1", "1 ", "1x", "x", "1,2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(csv_number(bad[i], &value));
    long long integer = 0;
    assert_true(csv_integer("-7", -7, 7, &integer) && integer == -7);
    static const char *const not_integers[] = {"", " 1", "1.0", "8", "-8", "99999999999999999999", "0x1"};
    for (size_t i = 0; i < sizeof not_integers / sizeof *not_integers; i++)
        assert_false(csv_integer(not_integers[i], -7, 7, &integer));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quoting),    cmocka_unit_test(test_rows),     cmocka_unit_test(test_quoted_rows),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bad_rows), cmocka_unit_test(test_many_cells),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
