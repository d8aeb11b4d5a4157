#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/report/html.h"
#include "core/report/html_page.h"
#include "core/report/table.h"
#include "tests/support/expect.h"
#include "tests/support/markup.h"

static void assert_text(struct text *text, const char *expected) {
    assert_false(text->failed);
    assert_string_equal(text->bytes ? text->bytes : "", expected);
    text_free(text);
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void test_escape(void **state) {
    (void)state;
    static const struct {
        const char *string, *escaped;
    } rows[] = {
        {"", ""},
        {"conv_max", "conv_max"},
        {"<b>&\"'</b>", "&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;"},
        {"&amp;", "&amp;amp;"},
        {"Käse … 猫", "Käse … 猫"},
        {"a\nb\x01\x7f", "a\\nb\\x01\\x7f"},
        {"\xff\xc3", "\\xff\\xc3"}, /* no UTF-8 */
        {"\xc2\x85", "\\xc2\\x85"}, /* a control character */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = {0};
        html_escape(rows[i].string, &text);
        assert_text(&text, rows[i].escaped);
    }
}

static void test_url(void **state) {
    (void)state;
    static const struct {
        const char *path, *link;
    } rows[] = {
        {"sep_max-seed1/report.html", "sep_max-seed1/report.html"},
        {"a b/c#d?e%f", "a%20b/c%23d%3Fe%25f"},
        {"javascript:alert(1)", "javascript%3Aalert%281%29"},
        {"\"><x", "%22%3E%3Cx"},
        {"ü", "%C3%BC"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = {0};
        html_url(rows[i].path, &text);
        assert_text(&text, rows[i].link);
    }
}

static void test_pieces(void **state) {
    (void)state;
    struct text text = {0};
    html_code("{\n  \"a\": 1 < 2\n}\n", &text);
    assert_text(&text, "<pre tabindex=\"0\"><code>{\n  &quot;a&quot;: 1 &lt; 2\n}\n</code></pre>\n");
    html_paragraph("note", "a & b", &text);
    assert_text(&text, "<p class=\"note\">a &amp; b</p>\n");
    struct text empty = {0};
    html_printed(NULL, &empty, &text);
    assert_text(&text, "");
    /* RFC 4648's own examples */
    static const struct {
        const char *bytes, *digits;
    } rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[128];
        html_picture(rows[i].bytes, strlen(rows[i].bytes), 7, "a \"b\"", &text);
        snprintf(expected, sizeof expected,
                 "<img width=\"7\" alt=\"a &quot;b&quot;\" src=\"data:image/png;base64,%s\">", rows[i].digits);
        assert_text(&text, expected);
    }
}

static void fill(struct table *table, int rows) {
    table_column(table, "Na<me", TABLE_LEFT);
    table_column(table, "Count", TABLE_RIGHT);
    for (int i = 0; i < rows; i++) {
        table_cell(table, "a&b");
        if (i == 1) table_link(table, "x y/report.html");
        table_cell(table, "%d", i);
    }
}

static void test_table(void **state) {
    (void)state;
    struct table table = {0};
    struct text text = {0};
    fill(&table, 3);
    table_html(&table, "A <table>", true, &text);
    assert_false(text.failed);
    assert_has(text.bytes, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"A &lt;table&gt;\">\n"
                           "<table class=\"sortable\">\n<caption><span>A &lt;table&gt;</span></caption>\n"
                           "<thead><tr><th scope=\"col\">Na&lt;me</th><th scope=\"col\" class=\"num\">Count</th>");
    assert_has(text.bytes, "<tr><th scope=\"row\">a&amp;b</th><td class=\"num\">0</td></tr>\n");
    assert_has(text.bytes, "<th scope=\"row\"><a href=\"x%20y/report.html\">a&amp;b</a></th><td class=\"num\">1</td>");
    assert_int_equal(markup_count(text.bytes, "<a "), 1);
    text_free(&text);
    fill(&table, 26);
    table_html(&table, "Many", false, &text);
    assert_has(text.bytes, "<div class=\"scroll tall\" role=\"region\"");
    assert_has(text.bytes, "<table>\n");
    text_free(&text);
    fill(&table, 2);
    table_markdown(&table, &text);
    assert_text(&text, "| Na\\<me                    | Count |\n| ------------------------- | ----: |\n"
                       "| a\\&b                      |     0 |\n| [a\\&b](x%20y/report.html) |     1 |\n");
}

static void test_page(void **state) {
    (void)state;
    static const struct html_part parts[] = {{"one", "One & two"}, {"two", "</style>"}, {NULL, NULL}};
    struct text text = {0};
    html_open("<script>alert('x')</script>", "cnntrain \"0\"", &text);
    html_contents(parts, &text);
    for (int i = 0; i < 2; i++) {
        html_section(&parts[i], &text);
        html_tiles_open(&text);
        html_tile("a<", "b<", i ? "c<" : NULL, &text);
        html_tiles_close(&text);
        html_details("</details>", &text);
        html_details_end(&text);
        html_section_end(&text);
    }
    html_close("cnntrain <0>", &text);
    assert_false(text.failed);
    markup_check(text.bytes, false);
    assert_has(text.bytes, "<html lang=\"en\">");
    assert_has(text.bytes, "<title>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</title>");
    assert_has(text.bytes, "prefers-color-scheme:dark");
    assert_has(text.bytes, "@media print");
    assert_has(text.bytes, "<h2 id=\"one-h\">One &amp; two</h2>");
    text_free(&text);
}

/* Contrast as in WCAG 2: of colours as shares of light. */
static double light(double share) {
    return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4);
}

static double luminance(const double color[3]) {
    return 0.2126 * light(color[0]) + 0.7152 * light(color[1]) + 0.0722 * light(color[2]);
}

static double contrast(const double a[3], const double b[3]) {
    const double first = luminance(a), second = luminance(b);
    return (fmax(first, second) + 0.05) / (fmin(first, second) + 0.05);
}

static void read_color(const char *theme, const char *name, double color[3]) {
    unsigned value = 0;
    const char *at = strstr(theme, name);
    assert_non_null(at);
    const size_t digits = strspn(at + strlen(name) + 1, "0123456789abcdef");
    assert_int_equal(sscanf(at + strlen(name), "#%x", &value), 1);
    if (digits == 3) value = (value >> 8) * 0x110000 + (value >> 4 & 15) * 0x1100 + (value & 15) * 0x11;
    for (int i = 0; i < 3; i++) color[i] = (value >> (16 - 8 * i) & 255) / 255.0;
}

/* Numbers on the cells of a matrix, which are laid over the panel's colour with the opacity of their level, and words
 * on both grounds: at least 4.5 to 1 in both themes. */
static void test_contrast(void **state) {
    (void)state;
    static const char *const words[] = {"--ink:", "--soft:", "--link:", "--warn:"}, *const marks[] = {"--right:",
                                                                                                      "--wrong:"};
    for (int theme = 0; theme < 2; theme++) {
        double paper[3], panel[3], ink[3], color[3], cell[3], opacity;
        read_color(html_page_colors[theme], "--paper:", paper);
        read_color(html_page_colors[theme], "--panel:", panel);
        read_color(html_page_colors[theme], "--ink:", ink);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            read_color(html_page_colors[theme], words[i], color);
            assert_true(contrast(color, paper) >= 4.5 && contrast(color, panel) >= 4.5);
        }
        for (int mark = 0; mark < 2; mark++)
            for (int level = 0; level < 8; level++) {
                char rule[24];
                snprintf(rule, sizeof rule, ".h%d{fill-opacity:", level);
                const char *found = NULL;
                for (int i = 0; !found && html_chart_style[i]; i++) found = strstr(html_chart_style[i], rule);
                assert_non_null(found);
                opacity = strtod(found + strlen(rule), NULL);
                read_color(html_page_colors[theme], marks[mark], color);
                for (int i = 0; i < 3; i++) cell[i] = opacity * color[i] + (1 - opacity) * panel[i];
                assert_true(contrast(level < 5 ? ink : paper, cell) >= 4.5);
            }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape), cmocka_unit_test(test_url),  cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_table),  cmocka_unit_test(test_page), cmocka_unit_test(test_contrast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
