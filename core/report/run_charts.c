/* The charts of a run, in its page and as files of their own: curves.svg and confusion.svg. */
#include <math.h>
#include <stdlib.h>

#include "core/report/chart.h"
#include "core/report/format.h"
#include "core/report/run_pictures.h"
#include "core/report/run_tables.h"

enum { CONFUSION_CLASSES_MAX = 200, GAP = 16 };

/* The history by column. */
struct columns {
    int count;
    double *epochs, *loss, *accuracy, *val_loss, *val_accuracy, *rate; /* (count), one block */
    bool is_validated;
};

static bool fill_columns(const struct history *history, struct columns *columns) {
    size_t count = (size_t)history->count;
    double *block = calloc(6 * count + 1, sizeof *block);
    if (!block) return false;
    *columns = (struct columns){
        history->count,    block, block + count, block + 2 * count, block + 3 * count, block + 4 * count,
        block + 5 * count, false};
    for (int i = 0; i < history->count; i++) {
        const struct history_row *row = &history->rows[i];
        columns->epochs[i] = row->epoch;
        columns->loss[i] = row->loss;
        columns->accuracy[i] = row->accuracy;
        columns->val_loss[i] = row->val_loss;
        columns->val_accuracy[i] = row->val_accuracy;
        columns->rate[i] = row->learning_rate;
        columns->is_validated |= !isnan(row->val_loss);
    }
    return true;
}

/* "From 1.8460 in epoch 1 to 0.2384 in epoch 6": what those hear who do not see the lines. */
static void describe(const struct columns *columns, const double *train, const double *validation, enum svg_unit unit,
                     struct text *text) {
    const char *names[] = {"Train", "Validation"};
    const double *series[] = {train, validation};
    int last = columns->count - 1;
    for (int i = 0; i < 2 && series[i]; i++) {
        struct format first, end;
        const char *(*print)(struct format *, double) = unit == SVG_PERCENT ? format_percent : format_significant;
        text_print(text, "%s%s: from %s in epoch %.0f to %s in epoch %.0f.", i ? " " : "", names[i],
                   print(&first, series[i][0]), columns->epochs[0], print(&end, series[i][last]),
                   columns->epochs[last]);
    }
}

struct curve {
    const char *id, *title, *y_name;
    enum svg_unit unit;
    const double *train, *validation; /* NULL: none */
    bool logarithmic, begins_at_zero;
    int best_epoch;
};

static double add_curve(const struct columns *columns, const struct curve *curve, double x, struct text *text) {
    const struct chart_series series[] = {{.name = curve->validation ? "train" : curve->y_name, .values = curve->train},
                                          {.name = "validation", .values = curve->validation}};
    struct text description = {0};
    describe(columns, curve->train, curve->validation, curve->unit, &description);
    struct chart_lines chart = {
        .place = {.id = curve->id, .title = curve->title, .x = x, .description = description.bytes},
        .y_name = curve->y_name,
        .unit = curve->unit,
        .logarithmic = curve->logarithmic,
        .begins_at_zero = curve->begins_at_zero,
        .epochs = columns->epochs,
        .points = columns->count,
        .series = series,
        .series_count = curve->validation ? 2 : 1,
        .best_epoch = curve->best_epoch,
        .has_no_legend = !curve->validation};
    if (description.failed)
        text->failed = true;
    else
        chart_lines(&chart, text);
    text_free(&description);
    return chart_lines_height(&chart);
}

/* Whether the rates span so much that a linear axis hides the small ones. */
static bool spans_decades(const double *values, int count) {
    double least = INFINITY, most = 0;
    for (int i = 0; i < count; i++) {
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
    }
    return least > 0 && most / least > 8;
}

enum { CURVES = 3 };

static void list_curves(const struct columns *columns, int best_epoch, struct curve curves[CURVES]) {
    curves[0] = (struct curve){.id = "loss",
                               .title = "Loss by epoch",
                               .y_name = "Loss",
                               .train = columns->loss,
                               .validation = columns->val_loss,
                               .best_epoch = best_epoch};
    curves[1] = (struct curve){.id = "accuracy",
                               .title = "Accuracy by epoch",
                               .y_name = "Accuracy",
                               .unit = SVG_PERCENT,
                               .train = columns->accuracy,
                               .validation = columns->val_accuracy,
                               .best_epoch = best_epoch};
    curves[2] = (struct curve){.id = "rate",
                               .title = "Learning rate by epoch",
                               .y_name = "Learning rate",
                               .train = columns->rate,
                               .logarithmic = spans_decades(columns->rate, columns->count),
                               .begins_at_zero = true};
    for (int i = 0; i < CURVES && !columns->is_validated; i++) curves[i].validation = NULL;
}

void run_curve_charts(const struct history *history, int best_epoch, struct text *text) {
    struct columns columns;
    struct curve curves[CURVES];
    if (!fill_columns(history, &columns)) {
        text->failed = true;
        return;
    }
    list_curves(&columns, best_epoch, curves);
    for (int i = 0; i < CURVES; i++) {
        text_add(text, "<figure>\n");
        add_curve(&columns, &curves[i], 0, text);
        text_add(text, "</figure>\n");
    }
    free(columns.epochs);
}

void run_report_curves(const struct run_report *report, struct text *text) {
    struct columns columns;
    struct curve curves[CURVES];
    struct text charts = {0};
    double height = 0;
    if (!report->history || report->history->count == 0) return;
    if (!fill_columns(report->history, &columns)) {
        text->failed = true;
        return;
    }
    list_curves(&columns, report->result->best_epoch, curves);
    for (int i = 0; i < CURVES; i++)
        height = fmax(height, add_curve(&columns, &curves[i], i * (CHART_WIDTH + GAP), &charts));
    svg_open_file(CURVES * (CHART_WIDTH + GAP) - GAP, height + 6, "Loss, accuracy and learning rate by epoch", text);
    if (charts.failed)
        text->failed = true;
    else
        text_add(text, charts.bytes);
    svg_close(text);
    text_free(&charts);
    free(columns.epochs);
}

/* Confusion */

struct confusion_data {
    const struct run_result *result;
    const struct confusion *confusion;
    int64_t *images; /* (classes) of each true class */
};

static const char *name_of(const void *data, int index) {
    return ((const struct confusion_data *)data)->result->classes[index].name;
}

static double confusion_cell(const void *data, int label, int prediction, char shown[SVG_TICK_SIZE], struct text *tip) {
    const struct confusion_data *matrix = data;
    int64_t images = run_confusion_at(matrix->confusion, label, prediction);
    struct format count, share;
    if (images == 0) return NAN;
    double part = (double)images / (double)matrix->images[label];
    svg_axis_label(&(struct svg_axis){.unit = SVG_COUNT}, (double)images, shown);
    if (label == prediction)
        text_print(tip, "%s: %s right", name_of(data, label), format_count(&count, (double)images));
    else
        text_print(tip, "%s taken for %s: %s", name_of(data, label), name_of(data, prediction),
                   format_count(&count, (double)images));
    text_print(tip, " (%s)", format_percent(&share, part));
    return part;
}

bool run_confusion_is_drawn(const struct confusion *confusion) {
    return confusion->classes <= CONFUSION_CLASSES_MAX;
}

/* The matrix as a chart, in a file of its own or in a page. */
static void add_matrix(const struct run_result *result, const struct confusion *confusion, bool is_file,
                       struct text *text) {
    struct confusion_data data = {result, confusion, calloc((size_t)confusion->classes + 1, sizeof(int64_t))};
    if (!data.images) {
        text->failed = true;
        return;
    }
    for (int label = 0; label < confusion->classes; label++)
        for (int i = 0; i < confusion->classes; i++) data.images[label] += run_confusion_at(confusion, label, i);
    const struct chart_matrix chart = {.place = {.id = "matrix",
                                                 .title = "Confusion matrix",
                                                 .description = "A row for each true class, a column for each "
                                                                "predicted class; cells count test images. Right "
                                                                "answers are on the diagonal."},
                                       .row_title = "True class",
                                       .column_title = "Predicted class",
                                       .rows = confusion->classes,
                                       .columns = confusion->classes,
                                       .row_name = name_of,
                                       .column_name = name_of,
                                       .cell = confusion_cell,
                                       .diagonal_is_right = true,
                                       .data = &data};
    if (is_file) {
        svg_open_file(chart_matrix_width(&chart), chart_matrix_height(&chart), "Confusion matrix", text);
        chart_matrix(&chart, text);
        svg_close(text);
    } else {
        chart_matrix_figure(&chart, text);
    }
    free(data.images);
}

void run_confusion_chart(const struct run_result *result, const struct confusion *confusion, struct text *text) {
    add_matrix(result, confusion, false, text);
}

void run_report_confusion(const struct run_report *report, struct text *text) {
    if (!run_has_confusion(report) || !run_confusion_is_drawn(report->confusion)) return;
    add_matrix(report->result, report->confusion, true, text);
}
