/* Axes, drawings and whole charts: of anything that a run may hold, a well-formed drawing within its frame. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/report/chart.h"
#include "tests/support/expect.h"
#include "tests/support/markup.h"

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in:\n%.4000s", part, text);
}

static void assert_lacks(const char *text, const char *part) {
    if (strstr(text, part)) fail_msg("\"%s\" is in:\n%.4000s", part, text);
}

static void test_axes(void **state) {
    (void)state;
    static const struct {
        double low, high;
        enum svg_unit unit;
        double first, last;
        const char *labels; /* all of them, with spaces */
    } rows[] = {
        {0.12, 2.31, SVG_NUMBER, 0, 2.5, "0.0 0.5 1.0 1.5 2.0 2.5 "},
        {0.83, 0.9, SVG_PERCENT, 0.82, 0.9, "82 % 84 % 86 % 88 % 90 % "},
        {0.2, 1, SVG_PERCENT, 0.2, 1, "20 % 40 % 60 % 80 % 100 % "},
        {1, 1, SVG_PERCENT, 0.94, 1, "94 % 96 % 98 % 100 % "},
        {1, 6, SVG_EPOCH, 1, 6, "1 2 3 4 5 6 "},
        {1, 1, SVG_EPOCH, 0, 2, "0 1 2 "},
        {1, 2, SVG_EPOCH, 1, 2, "1 2 "},
        {0, 0.001, SVG_NUMBER, 0, 0.001, "0 0.0002 0.0004 0.0006 0.0008 0.001 "},
        {NAN, NAN, SVG_NUMBER, -1, 1, "-1.0 -0.5 0.0 0.5 1.0 "},
        {3, 3, SVG_NUMBER, 2.6, 3.4, "2.6 2.8 3.0 3.2 3.4 "},
        {0, 4500000, SVG_COUNT, 0, 5e6, "0 1M 2M 3M 4M 5M "},
        {-INFINITY, 5, SVG_NUMBER, 4.4, 5.6, "4.4 4.6 4.8 5.0 5.2 5.4 5.6 "},
        {-1e308, 1e308, SVG_NUMBER, 0, 1, "0.0 0.2 0.4 0.6 0.8 1.0 "}, /* wider than a double */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct svg_axis axis = svg_axis(rows[i].low, rows[i].high, rows[i].unit);
        struct text labels = {0};
        char label[SVG_TICK_SIZE];
        for (int k = 0; k < axis.tick_count; k++)
            text_print(&labels, "%s ", svg_axis_label(&axis, axis.ticks[k], label));
        assert_string_equal(labels.bytes, rows[i].labels);
        if (fabs(axis.low - rows[i].first) > 1e-9 || fabs(axis.high - rows[i].last) > 1e-9 * rows[i].last)
            fail_msg("row %d: from %g to %g", (int)i, axis.low, axis.high);
        assert_true(svg_axis_share(&axis, axis.low) == 0 && svg_axis_share(&axis, axis.high) == 1);
        text_free(&labels);
    }
}

static void test_logarithmic_axes(void **state) {
    (void)state;
    struct svg_axis axis = svg_axis_logarithmic(31050, 849600, SVG_COUNT);
    char label[SVG_TICK_SIZE];
    assert_true(axis.logarithmic && axis.low < 31050 && axis.high > 849600 && axis.tick_count == 5);
    assert_string_equal(svg_axis_label(&axis, axis.ticks[0], label), "50k");
    assert_string_equal(svg_axis_label(&axis, axis.ticks[4], label), "1M");
    axis = svg_axis_logarithmic(1e-6, 1e-1, SVG_NUMBER);
    assert_int_equal(axis.tick_count, 6);
    assert_string_equal(svg_axis_label(&axis, axis.ticks[0], label), "1e-06");
    assert_false(svg_axis_logarithmic(0, 5, SVG_COUNT).logarithmic);
    assert_false(svg_axis_logarithmic(NAN, NAN, SVG_COUNT).logarithmic);
    axis = svg_axis_logarithmic(7, 7, SVG_COUNT);
    assert_true(axis.low < 7 && axis.high > 7);
}

static void test_words(void **state) {
    (void)state;
    char label[SVG_LABEL_SIZE];
    struct text text = {0};
    assert_string_equal(svg_short("conv_max", 8, label), "conv_max");
    assert_string_equal(svg_short("conv_max2", 8, label), "conv_ma…");
    assert_string_equal(svg_short("äöüäöüäöü", 4, label), "äöü…");
    assert_string_equal(svg_short("", 4, label), "");
    char *many = calloc(1, 5001);
    assert_non_null(many);
    memset(many, 'x', 5000);
    assert_true(strlen(svg_short(many, 6000, label)) < SVG_LABEL_SIZE);
    free(many);
    svg_title("a<b\nc&d\n", &text);
    assert_string_equal(text.bytes, "<title>a&lt;b\nc&amp;d\n</title>");
    text_free(&text);
    svg_number(-0.04, &text);
    svg_number(12.34, &text);
    svg_number(-7, &text);
    assert_string_equal(text.bytes, "012.3-7");
    text_free(&text);
}

/* A file with one drawing is well formed; returns it. */
static char *file_of(void (*draw)(const void *, struct text *), const void *chart) {
    struct text text = {0};
    svg_open_file(500, 400, "a \"file\" & more", &text);
    draw(chart, &text);
    svg_close(&text);
    assert_false(text.failed);
    markup_check(text.bytes, true);
    return text.bytes;
}

static void draw_lines(const void *chart, struct text *text) {
    chart_lines(chart, text);
}

static void draw_bars(const void *chart, struct text *text) {
    chart_bars(chart, text);
}

static void draw_points(const void *chart, struct text *text) {
    chart_points(chart, text);
}

static void draw_matrix(const void *chart, struct text *text) {
    chart_matrix(chart, text);
}

static void test_lines(void **state) {
    (void)state;
    const double epochs[] = {1, 2, 3, 4, 5}, a[] = {2, 1, NAN, 0.5, 0.4}, b[] = {NAN, 3, NAN, INFINITY, 0.25};
    const struct chart_series series[] = {{"train", a, NULL, NULL}, {"<val>", b, a, a}};
    struct chart_lines chart = {.place = {"loss", "Loss", "It \"falls\"", 0, 0},
                                .y_name = "Loss",
                                .epochs = epochs,
                                .points = 5,
                                .series = series,
                                .series_count = 2,
                                .best_epoch = 2};
    char *text = file_of(draw_lines, &chart);
    assert_has(text, "best: epoch 2");
    assert_has(text, "<title>Epoch 2 (best)\ntrain: 1.0000\n&lt;val&gt;: 3.0000</title>");
    assert_has(text, "<title>Epoch 3\ntrain: -\n&lt;val&gt;: -</title>");
    assert_has(text, "role=\"img\" aria-labelledby=\"loss-t loss-d\"");
    /* the line of the first series: two pieces */
    const char *line = strstr(text, "class=\"line s0\" d=\"");
    assert_non_null(line);
    char *copy = strndup(line, strcspn(line, ">"));
    assert_int_equal(markup_count(copy, "M"), 2);
    assert_int_equal(markup_count(copy, "L"), 2);
    free(copy);
    free(text);
    chart.points = 1; /* a line of one point */
    chart.best_epoch = 1;
    text = file_of(draw_lines, &chart);
    assert_has(text, "class=\"mark s0\"");
    assert_int_equal(markup_count(text, "class=\"hit\""), 1);
    free(text);
    chart.points = 0;
    free(file_of(draw_lines, &chart));
}

static void test_many_points(void **state) {
    (void)state;
    enum { POINTS = 10001 };
    double *epochs = calloc(POINTS, sizeof *epochs), *values = calloc(POINTS, sizeof *values);
    assert_true(epochs && values);
    for (int i = 0; i < POINTS; i++) {
        epochs[i] = i + 1;
        values[i] = 1.0 / (i + 1);
    }
    const struct chart_series series[] = {{"rate", values, NULL, NULL}};
    const struct chart_lines chart = {.place = {"rate", "Rate", "", 0, 0},
                                      .y_name = "Rate",
                                      .logarithmic = true,
                                      .epochs = epochs,
                                      .points = POINTS,
                                      .series = series,
                                      .series_count = 1,
                                      .has_no_legend = true};
    char *text = file_of(draw_lines, &chart);
    assert_true(markup_count(text, "class=\"hit\"") <= CHART_POINTS_MAX);
    assert_true(strlen(text) < 100000);
    assert_lacks(text, "class=\"label\"");
    free(text);
    free(epochs);
    free(values);
}

static void test_items(void **state) {
    (void)state;
    enum { ITEMS = 30 };
    struct chart_item items[ITEMS];
    for (int i = 0; i < ITEMS; i++)
        items[i] = (struct chart_item){"a <very> long name & more of it", 1e6, 0.5, 0.4, 0.6};
    items[1] = (struct chart_item){"b", NAN, 0.25, NAN, NAN};
    items[2] = (struct chart_item){"c", 10, NAN, NAN, NAN};
    items[3] = (struct chart_item){"", 0, 1, 1, 1};
    struct chart_items chart = {.place = {"bars", "Accuracy", "", 0, 0},
                                .x_name = "Parameters",
                                .y_name = "Accuracy",
                                .items = items,
                                .count = ITEMS};
    char *text = file_of(draw_bars, &chart);
    assert_int_equal(markup_count(text, "class=\"bar"), ITEMS - 1);
    assert_has(text, "a &lt;very&gt; long name &amp; …");
    assert_has(text, "<title>b: 25.00 %</title>");
    assert_has(text, ": 50.00 %\n95 % interval: 40.00 to 60.00 %</title>");
    free(text);
    text = file_of(draw_points, &chart);
    assert_int_equal(markup_count(text, "class=\"mark"), ITEMS - 2);
    assert_has(text, "\nParameters: 1,000,000</title>");
    free(text);
    for (chart.count = 0; chart.count < 3; chart.count++) {
        free(file_of(draw_bars, &chart));
        free(file_of(draw_points, &chart));
    }
}

/* Labels of points at one place do not lie on each other. */
static void test_labels_apart(void **state) {
    (void)state;
    const struct chart_item items[] = {{"first", 1000, 0.5, 0.45, 0.55},
                                       {"second", 1000, 0.5, 0.45, 0.55},
                                       {"third", 1000, 0.501, 0.45, 0.55},
                                       {"fourth", 90000, 0.9, NAN, NAN}};
    const struct chart_items chart = {
        .place = {"p", "P", "", 0, 0}, .x_name = "x", .y_name = "y", .items = items, .count = 4};
    char *text = file_of(draw_points, &chart);
    static const char *const names[] = {">first<", ">second<", ">third<", ">fourth<"};
    double x[4], y[4];
    for (int i = 0; i < 4; i++) {
        const char *name = strstr(text, names[i]), *element = name;
        assert_non_null(name);
        while (strncmp(element, "<text", 5) != 0) element--;
        assert_int_equal(sscanf(strstr(element, " x="), " x=\"%lf\" y=\"%lf\"", &x[i], &y[i]), 2);
        for (int k = 0; k < i; k++)
            if (fabs(x[i] - x[k]) < svg_text_width("first") && fabs(y[i] - y[k]) < 11)
                fail_msg("%s lies on %s", names[i], names[k]);
    }
    free(text);
}

static const char *class_name(const void *data, int index) {
    static char name[32];
    snprintf(name, sizeof name, "%s%d", (const char *)data, index);
    return name;
}

static double half(const void *data, int row, int column, char label[SVG_TICK_SIZE], struct text *tip) {
    (void)data;
    if (row != column && (row + column) % 7 != 0) return NAN;
    snprintf(label, SVG_TICK_SIZE, "%d", row);
    text_print(tip, "row %d, column %d", row, column);
    return row == column ? 1 : 0.01;
}

static void test_matrix(void **state) {
    (void)state;
    struct chart_matrix chart = {.place = {"m", "Matrix", "", 0, 0},
                                 .row_title = "True",
                                 .column_title = "Predicted",
                                 .rows = 10,
                                 .columns = 10,
                                 .row_name = class_name,
                                 .column_name = class_name,
                                 .cell = half,
                                 .diagonal_is_right = true,
                                 .data = "c<"};
    char *text = file_of(draw_matrix, &chart);
    assert_int_equal(markup_count(text, "class=\"cell right h7\""), 10);
    assert_int_equal(markup_count(text, "class=\"cell wrong h0\""), 12);
    assert_has(text, "<title>row 3, column 3</title>");
    assert_has(text, ">c&lt;9</text>");
    assert_lacks(text, "class=\"dense\"");
    free(text);
    double small = chart_matrix_width(&chart);
    chart.rows = chart.columns = 100;
    text = file_of(draw_matrix, &chart);
    assert_has(text, "class=\"dense\"");
    assert_has(text, "<title>row 99, column 99</title>");
    assert_true(chart_matrix_width(&chart) > small && chart_matrix_width(&chart) < 1300);
    free(text);
    chart.rows = chart.columns = 1;
    free(file_of(draw_matrix, &chart));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes),         cmocka_unit_test(test_logarithmic_axes), cmocka_unit_test(test_words),
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_many_points),      cmocka_unit_test(test_items),
        cmocka_unit_test(test_labels_apart), cmocka_unit_test(test_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
