#include "core/report/comparison_charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/report/chart.h"
#include "core/report/comparison_tables.h"
#include "core/report/format.h"

enum { GAP = 16, ACCURACY_CHARTS = 3 };

bool comparison_has_accuracy(const struct comparison *comparison) {
    return comparison_best_row(comparison) >= 0;
}

/* Accuracy and its cost */

static struct chart_item item_of(const struct comparison_row *row, double cost) {
    const struct estimate *test = &row->test_accuracy;
    bool known = test->interval != INTERVAL_NONE;
    return (struct chart_item){row->name, cost, test->mean, known ? test->low : NAN, known ? test->high : NAN};
}

/* "conv_avg 90.73 %, conv_max 94.97 %": what those hear who do not see the bars. */
static void describe(const struct comparison *comparison, struct text *text) {
    enum { NAMED = 20 };
    struct format format;
    int count = comparison->input->combinations;
    for (int i = 0; i < count && i < NAMED; i++)
        text_print(text, "%s%s %s", i ? ", " : "", comparison->rows[i].name,
                   format_percent(&format, comparison->rows[i].test_accuracy.mean));
    if (count > NAMED) text_print(text, ", and %d more", count - NAMED);
}

/* The three charts in turn, each between `before` and `behind`; in a file, one beside the other. Returns the height. */
static double add_accuracy(const struct comparison *comparison, struct chart_item *items, const char *description,
                           double step, const char *before, const char *behind, struct text *text) {
    int count = comparison->input->combinations;
    struct chart_items chart = {.items = items, .count = count};
    chart.place = (struct chart_place){"bars", "Test accuracy", description, 0, 0};
    chart.x_name = "Test accuracy";
    for (int i = 0; i < count; i++) items[i] = item_of(&comparison->rows[i], NAN);
    text_add(text, before);
    chart_bars(&chart, text);
    text_add(text, behind);
    chart.y_name = "Test accuracy";
    chart.place = (struct chart_place){"multiplications", "Test accuracy and multiplications", description, step, 0};
    chart.x_name = "Multiplications of one image";
    for (int i = 0; i < count; i++) items[i] = item_of(&comparison->rows[i], comparison->rows[i].multiplications);
    text_add(text, before);
    chart_points(&chart, text);
    text_add(text, behind);
    chart.place = (struct chart_place){"parameters", "Test accuracy and parameters", description, 2 * step, 0};
    chart.x_name = "Parameters";
    for (int i = 0; i < count; i++) {
        long long parameters = comparison->rows[i].parameters;
        items[i] = item_of(&comparison->rows[i], parameters < 0 ? NAN : (double)parameters);
    }
    text_add(text, before);
    chart_points(&chart, text);
    text_add(text, behind);
    return fmax(chart_bars_height(&chart), CHART_POINTS_HEIGHT);
}

static double make_accuracy(const struct comparison *comparison, double step, const char *before, const char *behind,
                            struct text *text) {
    struct chart_item *items = calloc((size_t)comparison->input->combinations + 1, sizeof *items);
    struct text description = {0};
    double height = 0;
    describe(comparison, &description);
    if (!items || description.failed || !description.bytes)
        text->failed = true;
    else
        height = add_accuracy(comparison, items, description.bytes, step, before, behind, text);
    text_free(&description);
    free(items);
    return height;
}

void comparison_accuracy_charts(const struct comparison *comparison, struct text *text) {
    make_accuracy(comparison, 0, "<figure>\n", "</figure>\n", text);
}

/* Drawings side by side, as a file. */
static void add_file(int count, double height, const char *title, const struct text *charts, struct text *text) {
    svg_open_file(count * (CHART_WIDTH + GAP) - GAP, height + 6, title, text);
    if (charts->failed)
        text->failed = true;
    else
        text_add(text, charts->bytes);
    svg_close(text);
}

void comparison_accuracy(const struct comparison *comparison, struct text *text) {
    struct text charts = {0};
    if (!comparison_has_accuracy(comparison)) return;
    double height = make_accuracy(comparison, CHART_WIDTH + GAP, "", "", &charts);
    add_file(ACCURACY_CHARTS, height, "Test accuracy, alone and over its cost", &charts, text);
    text_free(&charts);
}

/* Curves */

static bool has_history(const struct comparison_run *run) {
    return run->history && run->history->count > 0;
}

bool comparison_has_curves(const struct comparison *comparison) {
    const struct comparison_input *input = comparison->input;
    for (int i = 0; i < input->combinations * input->seed_count; i++)
        if (has_history(&input->runs[i])) return true;
    return false;
}

/* Whether any run was validated; the last epoch of all. */
static bool look_at_histories(const struct comparison *comparison, int *last) {
    const struct comparison_input *input = comparison->input;
    bool validated = false;
    *last = 0;
    for (int i = 0; i < input->combinations * input->seed_count; i++) {
        const struct history *history = input->runs[i].history;
        if (!has_history(&input->runs[i])) continue;
        const struct history_row *row = &history->rows[history->count - 1];
        if (row->epoch > *last) *last = row->epoch;
        validated |= !isnan(row->val_loss);
    }
    return validated;
}

/* The combinations that are drawn: all, or where they are too many, those with the best test accuracy, in order. */
static int choose_rows(const struct comparison *comparison, int rows[CHART_SERIES_MAX]) {
    int all = comparison->input->combinations, count = 0;
    for (int i = 0; i < all; i++) {
        int better = 0;
        double mean = comparison->rows[i].test_accuracy.mean;
        for (int k = 0; k < all; k++) {
            double other = comparison->rows[k].test_accuracy.mean;
            bool ahead = other > mean || (isnan(mean) && !isnan(other));
            bool equal = other == mean || (isnan(mean) && isnan(other));
            better += ahead || (equal && k < i);
        }
        if (better < CHART_SERIES_MAX) rows[count++] = i;
    }
    return count;
}

/* The epochs that are drawn: every one, or where there are many every second, third, ... Returns how many. */
static int choose_epochs(int last, double epochs[CHART_POINTS_MAX], int *step) {
    int count = 0;
    *step = 1 + (last - 1) / CHART_POINTS_MAX;
    for (int epoch = *step; count < CHART_POINTS_MAX && epoch <= last; epoch += *step) epochs[count++] = epoch;
    return count;
}

/* One combination's lines. */
struct lines {
    double mean[CHART_POINTS_MAX], low[CHART_POINTS_MAX], high[CHART_POINTS_MAX]; /* NAN: no seed has the epoch */
    int seeds[CHART_POINTS_MAX];
};

/* Mean, least and greatest value of each chosen epoch over the seeds; `offset` is that of the value in its row. */
static void fill_lines(const struct comparison_input *input, int combination, size_t offset, int step, int points,
                       struct lines *lines) {
    for (int i = 0; i < points; i++) {
        lines->seeds[i] = 0;
        lines->mean[i] = 0;
        lines->low[i] = lines->high[i] = NAN;
    }
    for (int seed = 0; seed < input->seed_count; seed++) {
        const struct comparison_run *run = comparison_run_at(input, combination, seed);
        for (int k = 0; has_history(run) && k < run->history->count; k++) {
            const struct history_row *row = &run->history->rows[k];
            double value = *(const double *)(const void *)((const char *)row + offset);
            int at = row->epoch / step - 1;
            if (row->epoch % step != 0 || at < 0 || at >= points || !isfinite(value)) continue;
            lines->seeds[at]++;
            lines->mean[at] += value;
            lines->low[at] = fmin(lines->low[at], value); /* fmin passes over NAN */
            lines->high[at] = fmax(lines->high[at], value);
        }
    }
    for (int i = 0; i < points; i++) lines->mean[i] = lines->seeds[i] ? lines->mean[i] / lines->seeds[i] : NAN;
}

struct curves {
    const char *id, *title, *y_name;
    enum svg_unit unit;
    size_t offset; /* in struct history_row */
};

static double add_curves(const struct comparison *comparison, const struct curves *curves, int last, double x,
                         struct text *text) {
    int rows[CHART_SERIES_MAX], count = choose_rows(comparison, rows), step;
    double epochs[CHART_POINTS_MAX], height = 0;
    struct chart_series series[CHART_SERIES_MAX];
    struct lines *lines = calloc(CHART_SERIES_MAX, sizeof *lines);
    struct chart_lines chart = {.place = {.id = curves->id,
                                          .title = curves->title,
                                          .description = "A line for each combination: its mean over the seeds that "
                                                         "reached the epoch. The area around it spans the seeds.",
                                          .x = x},
                                .y_name = curves->y_name,
                                .unit = curves->unit,
                                .epochs = epochs,
                                .points = choose_epochs(last, epochs, &step),
                                .series = series,
                                .series_count = count};
    for (int i = 0; lines && i < count; i++) {
        fill_lines(comparison->input, rows[i], curves->offset, step, chart.points, &lines[i]);
        series[i] = (struct chart_series){comparison->rows[rows[i]].name, lines[i].mean, lines[i].low, lines[i].high};
    }
    if (lines) {
        chart_lines(&chart, text);
        height = chart_lines_height(&chart);
    } else {
        text->failed = true;
    }
    free(lines);
    return height;
}

enum { CURVE_CHARTS = 2 };

static double make_curves(const struct comparison *comparison, double step, const char *before, const char *behind,
                          struct text *text) {
    int last;
    bool validated = look_at_histories(comparison, &last);
    const struct curves validation[CURVE_CHARTS] = {{"curve-accuracy", "Validation accuracy by epoch",
                                                     "Validation accuracy", SVG_PERCENT,
                                                     offsetof(struct history_row, val_accuracy)},
                                                    {"curve-loss", "Validation loss by epoch", "Validation loss",
                                                     SVG_NUMBER, offsetof(struct history_row, val_loss)}};
    const struct curves train[CURVE_CHARTS] = {
        {"curve-accuracy", "Train accuracy by epoch", "Train accuracy", SVG_PERCENT,
         offsetof(struct history_row, accuracy)},
        {"curve-loss", "Train loss by epoch", "Train loss", SVG_NUMBER, offsetof(struct history_row, loss)}};
    double height = 0;
    for (int i = 0; i < CURVE_CHARTS; i++) {
        text_add(text, before);
        height = fmax(height, add_curves(comparison, validated ? &validation[i] : &train[i], last, i * step, text));
        text_add(text, behind);
    }
    return height;
}

void comparison_curve_charts(const struct comparison *comparison, struct text *text) {
    make_curves(comparison, 0, "<figure>\n", "</figure>\n", text);
}

void comparison_curves(const struct comparison *comparison, struct text *text) {
    struct text charts = {0};
    if (!comparison_has_curves(comparison)) return;
    double height = make_curves(comparison, CHART_WIDTH + GAP, "", "", &charts);
    add_file(CURVE_CHARTS, height, "Accuracy and loss by epoch", &charts, text);
    text_free(&charts);
}

/* Classes */

static const char *class_of(const void *data, int row) {
    return ((const struct comparison *)data)->classes[row].name;
}

static const char *combination_of(const void *data, int column) {
    return ((const struct comparison *)data)->rows[column].name;
}

static double class_cell(const void *data, int row, int column, char label[SVG_TICK_SIZE], struct text *tip) {
    const struct comparison *comparison = data;
    struct format format;
    double share = comparison->rows[column].class_accuracy[row];
    if (isnan(share)) return NAN;
    snprintf(label, SVG_TICK_SIZE, "%.0f", 100 * share);
    text_print(tip, "%s, %s: %s", class_of(data, row), combination_of(data, column), format_percent(&format, share));
    return share * share; /* the levels are those of a square root */
}

void comparison_classes_chart(const struct comparison *comparison, struct text *text) {
    const struct chart_matrix chart = {.place = {.id = "class-map",
                                                 .title = "Test accuracy by class",
                                                 .description = "A row for each class, a column for each combination; "
                                                                "cells are the share of the class's test images that "
                                                                "was classified as it."},
                                       .row_title = "Class",
                                       .column_title = "Combination",
                                       .rows = comparison->class_count,
                                       .columns = comparison->input->combinations,
                                       .row_name = class_of,
                                       .column_name = combination_of,
                                       .cell = class_cell,
                                       .data = comparison};
    chart_matrix_figure(&chart, text);
}
