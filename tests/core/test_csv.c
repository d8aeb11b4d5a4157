#include "core/csv.h"

#include <math.h>
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

static void test_lines(void **state) {
    (void)state;
    char bytes[] = "a,b,,c\r\n\nlast,1\ntorn,2";
    struct csv_reader reader = {.at = bytes};
    assert_true(csv_next(&reader));
    assert_int_equal(reader.line, 1);
    assert_int_equal(reader.count, 4);
    assert_string_equal(reader.cells[2], "");
    assert_string_equal(reader.cells[3], "c");
    assert_true(csv_next(&reader));
    assert_int_equal(reader.count, 1);
    assert_string_equal(reader.cells[0], "");
    assert_true(csv_next(&reader));
    assert_int_equal(reader.line, 3);
    assert_string_equal(reader.cells[1], "1");
    assert_false(csv_next(&reader));
}

static void test_many_cells(void **state) {
    (void)state;
    char bytes[] = "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n";
    struct csv_reader reader = {.at = bytes};
    assert_true(csv_next(&reader));
    assert_int_equal(reader.count, CSV_CELLS_MAX);
    assert_string_equal(reader.cells[CSV_CELLS_MAX - 1], "15,16");
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
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_many_cells),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
