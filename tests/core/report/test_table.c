#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/report/markdown.h"
#include "core/report/table.h"

static struct table two_columns(void) {
    struct table table = {0};
    table_column(&table, "Name", TABLE_LEFT);
    table_column(&table, "Count", TABLE_RIGHT);
    return table;
}

static void test_markdown(void **state) {
    (void)state;
    struct table table = two_columns();
    struct text text = {0};
    table_cell(&table, "conv_avg");
    table_cell(&table, "%d", 12345678);
    table_cell(&table, "a|b\nc");
    table_cell(&table, "±1");
    table_cell(&table, "short row");
    table_markdown(&table, &text);
    assert_string_equal(text.bytes, "| Name      |    Count |\n"
                                    "| --------- | -------: |\n"
                                    "| conv_avg  | 12345678 |\n"
                                    "| a\\|b c    |       ±1 |\n"
                                    "| short row |          |\n");
    assert_null(table.cells.bytes);
    text_free(&text);
}

static void test_plain(void **state) {
    (void)state;
    struct table table = two_columns();
    struct text text = {0};
    table_cell(&table, "a|b");
    table_cell(&table, "7");
    table_plain(&table, &text);
    assert_string_equal(text.bytes, "Name  Count\n"
                                    "----  -----\n"
                                    "a|b       7\n");
    text_free(&text);
}

static void test_no_rows(void **state) {
    (void)state;
    struct table table = two_columns();
    struct text text = {0};
    table_markdown(&table, &text);
    assert_string_equal(text.bytes, "| Name | Count |\n| ---- | ----: |\n");
    text_free(&text);
}

static void test_long_cell(void **state) {
    (void)state;
    char word[1001];
    memset(word, 'x', 1000);
    word[1000] = '\0';
    struct table table = two_columns();
    struct text text = {0};
    table_cell(&table, "%s!", word);
    table_cell(&table, "1");
    table_plain(&table, &text);
    const char *row = strstr(text.bytes, "xxx");
    assert_non_null(row);
    assert_int_equal(strspn(row, "x"), 1000);
    assert_string_equal(row + 1000, "!      1\n");
    text_free(&text);
}

static void test_out_of_memory_is_passed_on(void **state) {
    (void)state;
    struct table table = two_columns();
    struct text text = {0};
    table_cell(&table, "a");
    table.cells.failed = true;
    table_markdown(&table, &text);
    assert_true(text.failed);
    text_free(&text);
}

static void test_escape(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"sep_max", "sep_max"},
        {"_a_", "\\_a\\_"},
        {"*bold*", "\\*bold\\*"},
        {"<b> < 1 &amp;", "\\<b> < 1 \\&amp;"},
        {"[x](y)", "\\[x\\](y)"},
        {"a\tb\r\nc", "a b  c"},
        {"`c:\\x`", "\\`c:\\\\x\\`"},
        {"caf\xC3\xA9_1", "caf\xC3\xA9_1"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text text = {0};
        text_add(&text, "");
        markdown_escape(cases[i][0], &text);
        assert_string_equal(text.bytes, cases[i][1]);
        text_free(&text);
    }
}

static void test_code_and_heading(void **state) {
    (void)state;
    struct text text = {0};
    markdown_heading(2, "Run *1*", &text);
    markdown_code("plain", &text);
    markdown_code("a ```` b\n", &text);
    assert_string_equal(text.bytes, "## Run \\*1\\*\n\n```\nplain\n```\n\n`````\na ```` b\n`````\n\n");
    text_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_long_cell),
        cmocka_unit_test(test_out_of_memory_is_passed_on),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_code_and_heading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
