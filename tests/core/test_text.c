#include <limits.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/expect.h"

static void test_growing(void **state) {
    (void)state;
    struct text text = {0};
    text_add(&text, "");
    assert_string_equal(text.bytes, "");
    for (int i = 0; i < 1000; i++) text_print(&text, "%03d,", i);
    assert_int_equal(text.length, 4000);
    assert_int_equal(strlen(text.bytes), 4000);
    assert_memory_equal(text.bytes + 3992, "998,999,", 8);
    assert_false(text.failed);
    text_free(&text);
    assert_null(text.bytes);
    text_repeat(&text, "ab", 3);
    text_repeat(&text, "no", 0);
    text_add_bytes(&text, "c\0d", 3);
    assert_int_equal(text.length, 9);
    assert_memory_equal(text.bytes, "abababc\0d", 10);
    text_free(&text);
}

static void test_failed(void **state) {
    (void)state;
    struct text text = {.failed = true};
    text_add(&text, "x");
    text_print(&text, "%d", 1);
    assert_null(text.bytes);
    assert_true(text.failed);
}

static void test_columns(void **state) {
    (void)state;
    assert_int_equal(text_columns(""), 0);
    assert_int_equal(text_columns("abc"), 3);
    assert_int_equal(text_columns("\xE2\x94\x80\xE2\x94\x80\xC3\xA9 \xF0\x9F\x98\x80"), 6);
    assert_int_equal(text_columns("e\xCC\x81 \xE6\x97\xA5\xE6\x9C\xAC \xff"), 8);
    assert_int_equal((int)text_cut_columns("abc", 2), 2);
    assert_int_equal((int)text_cut_columns("abc", 9), 3);
    assert_int_equal((int)text_cut_columns("\xE6\x97\xA5\xE6\x9C\xAC", 3), 3);
    assert_int_equal((int)text_cut_columns("e\xCC\x81x", 1), 3);
}

static void test_utf8(void **state) {
    (void)state;
    assert_int_equal(text_utf8_sequence("", 0), 0);
    assert_int_equal(text_utf8_sequence("a", 1), 1);
    assert_int_equal(text_utf8_sequence("\xF0\x9F\x98\x80", 4), 4);
    assert_int_equal(text_utf8_sequence("\xF0\x9F\x98\x80", 3), 0);
    assert_int_equal(text_utf8_sequence("\x80", 1), 0);
    assert_int_equal(text_utf8_sequence("\xC1\xBF", 2), 0);
    assert_true(text_is_utf8("caf\xC3\xA9 \xE2\x82\xAC"));
    assert_false(text_is_utf8("caf\xC3"));
    assert_false(text_is_utf8("caf\xE9 au lait"));
}

static void test_thousands(void **state) {
    (void)state;
    char buffer[32], tiny[4];
    assert_string_equal(text_thousands(buffer, sizeof buffer, 0), "0");
    assert_string_equal(text_thousands(buffer, sizeof buffer, 999), "999");
    assert_string_equal(text_thousands(buffer, sizeof buffer, 1000), "1,000");
    assert_string_equal(text_thousands(buffer, sizeof buffer, 72906), "72,906");
    assert_string_equal(text_thousands(buffer, sizeof buffer, -1234567), "-1,234,567");
    assert_string_equal(text_thousands(buffer, sizeof buffer, LLONG_MAX), "9,223,372,036,854,775,807");
    assert_string_equal(text_thousands(buffer, sizeof buffer, LLONG_MIN), "-9,223,372,036,854,775,808");
    text_thousands(tiny, sizeof tiny, 123456);
    assert_true(strlen(tiny) < sizeof tiny);
}

static void test_nearest(void **state) {
    (void)state;
    static const char *const words[] = {"filters", "kernel_size", "stride", "strides", "padding", "use_bias"};
    assert_string_equal(text_nearest("fliters", words, 6), "filters");
    assert_string_equal(text_nearest("FILTERS", words, 6), "filters");
    assert_string_equal(text_nearest("kernelsize", words, 6), "kernel_size");
    assert_string_equal(text_nearest("strid", words, 6), "stride");
    assert_string_equal(text_nearest("strides", words, 6), "strides");
    assert_null(text_nearest("padding", words, 0));
    assert_null(text_nearest("activation", words, 6));
    assert_null(text_nearest("", words, 6));
    char longest[400];
    memset(longest, 'f', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(text_nearest(longest, words, 6));
}

static void expect_shown(const char *string, const char *expected) {
    struct text text = {0};
    char shown[TEXT_SHOWN_SIZE];
    for (size_t step; (step = text_show(string, shown)) > 0; string += step) text_add(&text, shown);
    assert_string_equal(text.bytes ? text.bytes : "", expected);
    text_free(&text);
}

static void test_show(void **state) {
    (void)state;
    expect_shown("", "");
    expect_shown("caf\xC3\xA9 \xE2\x82\xAC", "caf\xC3\xA9 \xE2\x82\xAC");
    expect_shown("a\nb\t\x1B[31m\x7F", "a\\nb\\x09\\x1b[31m\\x7f");
    expect_shown("\xC2\x9B\xFFz\xE2\x82", "\\xc2\\x9b\\xffz\\xe2\\x82");
}

static void test_printable(void **state) {
    (void)state;
    assert_true(text_is_printable(""));
    assert_true(text_is_printable("caf\xC3\xA9 \xC2\xA0"));
    static const char *const bad[] = {"\n", "a\x1B", "\x7F", "\xC2\x80", "\xC2\x9F", "\xFF", "a\xC3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(text_is_printable(bad[i]));
}

/* No character is cut in two. */
static void test_cut_and_shorten(void **state) {
    (void)state;
    char buffer[16];
    assert_int_equal(text_cut("abc", 5), 3);
    assert_int_equal(text_cut("abcdef", 5), 5);
    assert_int_equal(text_cut("abcd\xC3\xA9", 5), 4);
    assert_int_equal(text_cut("ab\xF0\x9F\x98\x80", 5), 2);
    assert_int_equal(text_cut("\x80\x80\x80\x80\x80\x80", 5), 5);
    assert_string_equal(text_shorten("fifteen letters", buffer, sizeof buffer), "fifteen letters");
    assert_string_equal(text_shorten("more than fifteen letters", buffer, sizeof buffer), "more t...etters");
    assert_string_equal(text_shorten("12345\xC3\xA9 and so on \xC3\xA9"
                                     "12345",
                                     buffer, sizeof buffer),
                        "12345...\xC3\xA9"
                        "12345");
}

/* What a shell makes of the words is what they were. */
static void test_shell_words(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"runs/sep_max-2", "runs/sep_max-2"},
                                          {"--set=a.b=0.1,2", "--set=a.b=0.1,2"},
                                          {"", "''"},
                                          {"a b", "'a b'"},
                                          {"it's", "'it'\\''s'"},
                                          {"$HOME*~", "'$HOME*~'"},
                                          {"\303\244", "'\303\244'"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = {0};
        text_add_shell_word(&text, rows[i][0]);
        assert_string_equal(text.bytes, rows[i][1]);
        text_free(&text);
    }
}

static void test_wrap(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        int width, indent;
    } rows[] = {
        {"", "", 10, 0},
        {"one", "one\n", 10, 0},
        {"one two three four", "one two\nthree four\n", 10, 0},
        {"one two three four", "one two\n  three\n  four\n", 9, 2},
        {"unbreakable\nx", "unbreakable\nx\n", 4, 0},
        {"a\n\nb c\n", "a\n\nb\nc\n", 2, 0},
        {"is:\n  y = a * x + b\nthere", "is:\n  y = a * x + b\nthere\n", 15, 0},
        {"x\n  y = a * x + b\n", "x\n  y =\n    a *\n    x +\n    b\n", 7, 0},
        {"\303\244\303\244 \303\266\303\266", "\303\244\303\244 \303\266\303\266\n", 5, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = {0};
        text_add(&text, "");
        text_wrap(&text, rows[i].from, rows[i].width, rows[i].indent);
        assert_string_equal(text.bytes, rows[i].to);
        text_free(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growing),     cmocka_unit_test(test_failed),    cmocka_unit_test(test_columns),
        cmocka_unit_test(test_utf8),        cmocka_unit_test(test_thousands), cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_show),        cmocka_unit_test(test_printable), cmocka_unit_test(test_cut_and_shorten),
        cmocka_unit_test(test_shell_words), cmocka_unit_test(test_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
