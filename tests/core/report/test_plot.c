/* Curves as text: every line as wide as asked, points where they belong, gaps where there are no values. */
#include "core/report/plot.h"

#include <math.h>
#include <string.h>

#include "tests/support/expect.h"

static const double steps[] = {1, 2, 3, 4, 5}, falling[] = {4, 3, 2, 1, 0}, rising[] = {0, 1, 2, 3, 4};

static struct plot plain_plot(const struct plot_series *series, int count) {
    return (struct plot){.title = "loss",
                         .columns = 28,
                         .rows = 8,
                         .x = steps,
                         .count = 5,
                         .series = series,
                         .series_count = count,
                         .mark_x = NAN};
}

static void expect_plot(const struct plot *plot, const char *expected) {
    struct text text = {0};
    plot_write(plot, &text);
    assert_string_equal(text.bytes, expected);
    text_free(&text);
}

static void characters(void **state) {
    (void)state;
    const struct plot_series series[] = {{.name = "train", .y = falling, .mark = '*'},
                                         {.name = "val", .y = rising, .mark = 'o'}};
    struct plot plot = plain_plot(series, 2);
    plot.mark_x = 3;
    plot.mark_name = "best";
    expect_plot(&plot, "        loss   ** train     \n"
                       "      4|***              ooo\n"
                       "       |   *****    ooooo   \n"
                       "      2|        ####        \n"
                       "       |   ooooo    *****   \n"
                       "      0|ooo              ***\n"
                       "       +----------^---------\n"
                       "        1      best 3      5\n");
}

static void gaps_and_nothing(void **state) {
    (void)state;
    const double holes[] = {4, NAN, INFINITY, -INFINITY, 0};
    const struct plot_series series[] = {{.name = "train", .y = holes, .mark = '*'}};
    struct plot plot = plain_plot(series, 1);
    plot.rows = 5;
    expect_plot(&plot, "        loss   ** train     \n"
                       "      4|*                   \n"
                       "      0|                   *\n"
                       "       +--------------------\n"
                       "        1                  5\n");
    plot.count = 1; /* one epoch: no epochs 0.9 and 1.1 around it */
    expect_plot(&plot, "        loss   ** train     \n"
                       "    4.4|                    \n"
                       "    3.6|         *          \n"
                       "       +--------------------\n"
                       "                 1          \n");
    plot.mark_x = 1;
    plot.mark_name = "best";
    expect_plot(&plot, "        loss   ** train     \n"
                       "    4.4|                    \n"
                       "    3.6|         *          \n"
                       "       +---------^----------\n"
                       "              best 1        \n");
    plot.mark_x = NAN;
    plot.count = 0;
    expect_plot(&plot, "        loss   ** train     \n"
                       "      1|                    \n"
                       "     -1|                    \n"
                       "       +--------------------\n"
                       "                            \n");
    struct text text = {0};
    plot.columns = 10; /* no room: nothing */
    plot_write(&plot, &text);
    assert_null(text.bytes);
}

/* The diagonal from corner to corner; dashes where there are no colours. */
static void braille(void **state) {
    (void)state;
    struct plot_series series[] = {{.name = "a", .y = rising, .mark = '*', .color = "36"}};
    struct plot plot = plain_plot(series, 1);
    plot.has_braille = true;
    plot.rows = 5;
    struct text text = {0};
    plot_write(&plot, &text);
    assert_non_null(strstr(text.bytes, "0\xE2\x94\x82\xE2\xA3\x80\xE2\xA1\xA0"));
    for (const char *at = text.bytes; *at; at += strcspn(at, "\n") + 1) {
        char line[256] = "";
        memcpy(line, at, strcspn(at, "\n"));
        assert_int_equal(text_columns(line), 28);
    }
    struct text dashed = {0}, colored = {0};
    series[0].is_dashed = true;
    plot_write(&plot, &dashed);
    assert_string_not_equal(dashed.bytes, text.bytes);
    plot.has_color = true;
    plot_write(&plot, &colored);
    assert_non_null(strstr(colored.bytes, "\033[36m"));
    text_free(&text);
    text_free(&dashed);
    text_free(&colored);
}

static void logarithms(void **state) {
    (void)state;
    const double tens[] = {1, 10, 100, 1000, 10000};
    const struct plot_series series[] = {{.name = "a", .y = tens, .mark = '*'}};
    struct plot plot = plain_plot(series, 1);
    plot.y_axis = PLOT_LOG;
    struct text text = {0};
    plot_write(&plot, &text);
    assert_non_null(strstr(text.bytes, "  1e+04|"));
    assert_non_null(strstr(text.bytes, "    100|        ****"));
    text_free(&text);
}

static void sparklines(void **state) {
    (void)state;
    struct text text = {0};
    plot_sparkline(rising, 5, 9, false, &text);
    assert_string_equal(text.bytes, ".:=+#");
    text_free(&text);
    plot_sparkline(rising, 5, 2, true, &text);
    assert_string_equal(text.bytes, "\xE2\x96\x81\xE2\x96\x88");
    text_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters), cmocka_unit_test(gaps_and_nothing), cmocka_unit_test(braille),
        cmocka_unit_test(logarithms), cmocka_unit_test(sparklines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
