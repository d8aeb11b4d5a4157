#include "cmd/watch_frame.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bar.h"
#include "core/report/format.h"
#include "core/report/plot.h"
#include "core/report/table.h"

enum { PLOT_ROWS_LEAST = 5, BOTH_ROWS_LEAST = 14, PLOT_ROWS_MOST = 30, SIDE_BY_SIDE = 110, NARROW = 40 /* columns */ };

static const struct history_row *last_row(const struct watched_run *run) {
    return run->history.count ? &run->history.rows[run->history.count - 1] : NULL;
}

/* The text's lines, cut to the window. */
static void add_lines(struct text *frame, const struct text *lines, const struct watch_window *window) {
    int left = window->rows;
    for (const char *at = lines->bytes; at && *at && left-- > 0;) {
        char line[512];
        size_t length = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, at);
        text_add_bytes(frame, line, text_cut_columns(line, window->columns));
        text_add(frame, "\n");
        at += length + (at[length] == '\n');
    }
}

static int count_lines(const struct text *text) {
    int lines = 0;
    for (const char *at = text->bytes; at && *at; at++) lines += *at == '\n';
    return lines;
}

/* ---- words about a run ---- */

static void add_state(const struct watched_run *run, struct text *text) {
    char duration[DURATION_SIZE];
    const struct history_row *row = last_row(run);
    text_add_shown(text, run->name);
    text_print(text, ": %s", watched_state_name(run->state));
    if (row && run->epochs)
        text_print(text, ", epoch %d/%d", row->epoch, run->epochs);
    else if (row)
        text_print(text, ", epoch %d", row->epoch);
    if (run->seconds_left > 0)
        text_print(text, ", %s %s",
                   run->state == WATCHED_TRAINING ? "ETA" : "to go:", duration_text(run->seconds_left, duration));
    if (row) text_print(text, ", %.1f s an epoch", row->seconds);
    if (!isnan(run->test_accuracy)) text_print(text, ", test accuracy %.2f %%", 100 * run->test_accuracy);
    text_add(text, "\n");
}

static void add_numbers(const struct watched_run *run, const struct watch_window *window, struct text *text) {
    const struct history_row *row = last_row(run);
    if (!row) {
        text_print(text, "%s\n",
                   run->state == WATCHED_STARTING || run->state == WATCHED_TRAINING
                       ? "No epoch has ended yet."
                       : "No epoch has ended, and nothing happens.");
        return;
    }
    text_print(text, "loss %.4f - accuracy %.4f", row->loss, row->accuracy);
    if (!isnan(row->val_loss))
        text_print(text, " - val_loss %.4f - val_accuracy %.4f", row->val_loss, row->val_accuracy);
    text_add(text, window->columns >= SIDE_BY_SIDE ? " - " : "\n");
    if (run->best_epoch) text_print(text, "best %s in epoch %d - ", run->monitor, run->best_epoch);
    text_print(text, "learning rate %.3g\n", row->learning_rate);
}

/* The same in three short lines. */
static void add_short_words(const struct watched_run *run, struct text *text) {
    char duration[DURATION_SIZE];
    const struct history_row *row = last_row(run);
    text_add_shown(text, run->name);
    text_print(text, "\n%d/%d %s\n", row ? row->epoch : 0, run->epochs,
               run->seconds_left > 0 ? duration_text(run->seconds_left, duration) : watched_state_name(run->state));
    if (row && isnan(row->val_accuracy))
        text_print(text, "accuracy %.4f\n", row->accuracy);
    else if (row)
        text_print(text, "val_accuracy %.4f\n", row->val_accuracy);
}

/* ---- curves ---- */

struct curves {
    double *x, *train, *validation; /* (count) */
    bool validates;
};

static int open_curves(const struct watched_run *run, bool accuracy, struct curves *curves) {
    size_t count = (size_t)run->history.count;
    *curves = (struct curves){calloc(count + 1, sizeof(double)), calloc(count + 1, sizeof(double)),
                              calloc(count + 1, sizeof(double)), false};
    if (!curves->x || !curves->train || !curves->validation) return -1;
    for (size_t i = 0; i < count; i++) {
        const struct history_row *row = &run->history.rows[i];
        curves->x[i] = row->epoch;
        curves->train[i] = accuracy ? row->accuracy : row->loss;
        curves->validation[i] = accuracy ? row->val_accuracy : row->val_loss;
        curves->validates |= !isnan(curves->validation[i]);
    }
    return 0;
}

static void free_curves(struct curves *curves) {
    free(curves->x);
    free(curves->train);
    free(curves->validation);
}

/* A loss that falls by orders of magnitude shows on a logarithmic axis. */
static enum plot_axis axis_of(const struct watched_run *run) {
    enum { WIDE = 50 };
    double low = INFINITY, high = 0;
    for (int i = 0; i < run->history.count; i++) {
        const struct history_row *row = &run->history.rows[i];
        double both[] = {row->loss, row->val_loss};
        for (int k = 0; k < 2; k++) {
            if (!isfinite(both[k])) continue;
            if (both[k] <= 0) return PLOT_LINEAR;
            low = fmin(low, both[k]);
            high = fmax(high, both[k]);
        }
    }
    return high > WIDE * low ? PLOT_LOG : PLOT_LINEAR;
}

static void add_plot(const struct watched_run *run, bool accuracy, int columns, int rows,
                     const struct watch_window *window, struct text *text) {
    struct curves curves;
    if (open_curves(run, accuracy, &curves) == 0) {
        const struct plot_series series[] = {
            {.name = "train", .y = curves.train, .mark = '*', .color = "36"},
            {.name = "validation", .y = curves.validation, .is_dashed = true, .mark = 'o', .color = "33"},
        };
        enum plot_axis axis = accuracy ? PLOT_PERCENT : axis_of(run);
        const struct plot plot = {.title = accuracy           ? "accuracy"
                                           : axis == PLOT_LOG ? "loss (logarithmic)"
                                                              : "loss",
                                  .columns = columns,
                                  .rows = rows,
                                  .has_braille = window->has_unicode,
                                  .has_color = window->has_color,
                                  .x = curves.x,
                                  .count = run->history.count,
                                  .y_axis = axis,
                                  .series = series,
                                  .series_count = curves.validates ? 2 : 1,
                                  .mark_x = run->best_epoch ? (double)run->best_epoch : (double)NAN,
                                  .mark_name = "best"};
        plot_write(&plot, text);
    } else {
        text->failed = true;
    }
    free_curves(&curves);
}

/* Lines of the two texts beside each other. */
static void join(const struct text *left, const struct text *right, struct text *text) {
    const char *a = left->bytes, *b = right->bytes;
    while (a && b && *a && *b) {
        size_t first = strcspn(a, "\n"), second = strcspn(b, "\n");
        text_add_bytes(text, a, first);
        text_add(text, "  ");
        text_add_bytes(text, b, second);
        text_add(text, "\n");
        a += first + (a[first] == '\n');
        b += second + (b[second] == '\n');
    }
}

/* Loss and accuracy beside each other, or one above the other, or the loss alone. */
static void add_plots(const struct watched_run *run, int rows, const struct watch_window *window, struct text *text) {
    int columns = window->columns;
    if (rows < PLOT_ROWS_LEAST || run->history.count == 0) return;
    if (columns >= SIDE_BY_SIDE) {
        struct text left = {0}, right = {0};
        int half = (columns - 2) / 2, height = rows < PLOT_ROWS_MOST ? rows : PLOT_ROWS_MOST;
        add_plot(run, false, half, height, window, &left);
        add_plot(run, true, half, height, window, &right);
        join(&left, &right, text);
        text->failed |= left.failed || right.failed;
        text_free(&left);
        text_free(&right);
        return;
    }
    bool both = rows >= BOTH_ROWS_LEAST;
    int height = both ? rows / 2 : rows;
    if (height > PLOT_ROWS_MOST) height = PLOT_ROWS_MOST;
    add_plot(run, false, columns, height, window, text);
    if (both) add_plot(run, true, columns, height, window, text);
}

void watch_run_frame(const struct watched_run *run, const struct watch_window *window, struct text *text) {
    struct text words = {0};
    if (window->columns < NARROW) {
        add_short_words(run, &words);
    } else {
        add_state(run, &words);
        add_numbers(run, window, &words);
    }
    add_lines(text, &words, window);
    text->failed |= words.failed;
    text_free(&words);
    add_plots(run, window->rows - count_lines(text), window, text);
}

/* ---- several runs ---- */

static const struct watched_run *changed_last(const struct watched_run *runs, int count) {
    const struct watched_run *newest = NULL;
    for (int i = 0; i < count; i++)
        if (!newest || runs[i].changed > newest->changed) newest = &runs[i];
    return newest;
}

static void add_history_cell(const struct watched_run *run, const struct watch_window *window, struct table *table) {
    enum { CELLS = 16 };
    struct curves curves;
    struct text line = {0};
    if (open_curves(run, true, &curves) == 0)
        plot_sparkline(curves.validates ? curves.validation : curves.train, run->history.count, CELLS,
                       window->has_unicode, &line);
    table_cell(table, "%s", line.bytes && !line.failed ? line.bytes : "");
    free_curves(&curves);
    text_free(&line);
}

static void add_run_cells(const struct watched_run *run, const struct watch_window *window, struct table *table) {
    const struct history_row *row = last_row(run);
    struct format format;
    char duration[DURATION_SIZE];
    struct text name = {0};
    text_add_shown(&name, run->folder);
    table_cell(table, "%s", name.bytes && !name.failed ? name.bytes : "");
    text_free(&name);
    table_cell(table, "%s", watched_state_name(run->state));
    if (run->epochs)
        table_cell(table, "%d/%d", row ? row->epoch : 0, run->epochs);
    else
        table_cell(table, "%d", row ? row->epoch : 0);
    table_cell(table, "%s", run->seconds_left > 0 ? duration_text(run->seconds_left, duration) : "");
    bool validates = row && !isnan(row->val_accuracy);
    table_cell(table, "%s", row ? format_percent(&format, validates ? row->val_accuracy : row->accuracy) : "");
    table_cell(table, "%s", isnan(run->test_accuracy) ? "" : format_percent(&format, run->test_accuracy));
    add_history_cell(run, window, table);
    table_cell(table, "%s", row ? format_decimal(&format, row->loss, 4) : "");
    table_cell(table, "%s", validates ? format_decimal(&format, row->val_loss, 4) : "");
    if (run->best_epoch)
        table_cell(table, "%d", run->best_epoch);
    else
        table_cell(table, "%s", "");
}

/* Where the last column ends that fits into the window as a whole: the rule under the names tells. */
static int whole_columns(const char *rule, int most) {
    int fitting = 0;
    for (int at = 0; rule[at] == '-' || rule[at] == ' '; at++)
        if (rule[at] == '-' && rule[at + 1] != '-' && at < most) fitting = at + 1;
    return fitting ? fitting : most;
}

/* The table's lines without the columns, the least telling ones, that a narrow window would cut. */
static void add_whole_columns(const struct text *lines, int most, struct text *text) {
    const char *rule = lines->bytes && !lines->failed ? strchr(lines->bytes, '\n') : NULL;
    if (!rule) return;
    const int columns = whole_columns(rule + 1, most);
    for (const char *line = lines->bytes, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const size_t length = (size_t)(end - line), cut = text_cut_columns(line, columns);
        text_add_bytes(text, line, cut < length ? cut : length);
        text_add(text, "\n");
    }
}

static void add_table(const struct watched_run *runs, int first, int count, const struct watch_window *window,
                      struct text *text) {
    static const struct {
        const char *name;
        enum table_alignment alignment;
    } columns[] = {{"run", TABLE_LEFT},       {"state", TABLE_LEFT}, {"epoch", TABLE_RIGHT}, {"ETA", TABLE_RIGHT},
                   {"accuracy", TABLE_RIGHT}, {"test", TABLE_RIGHT}, {"course", TABLE_LEFT}, {"loss", TABLE_RIGHT},
                   {"val_loss", TABLE_RIGHT}, {"best", TABLE_RIGHT}};
    struct table table = {0};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        table_column(&table, columns[i].name, columns[i].alignment);
    for (int i = first; i < first + count; i++) add_run_cells(&runs[i], window, &table);
    struct text lines = {0};
    table_plain(&table, &lines);
    add_whole_columns(&lines, window->columns, text);
    text->failed |= lines.failed;
    text_free(&lines);
}

void watch_runs_frame(const char *folder, const struct watched_run *runs, int count, const struct watch_window *window,
                      struct text *text) {
    struct text words = {0};
    int ended = 0, working = 0, at = 0;
    for (int i = 0; i < count; i++) {
        ended += watched_has_ended(&runs[i]);
        working += runs[i].state == WATCHED_TRAINING || runs[i].state == WATCHED_STARTING;
    }
    const struct watched_run *newest = changed_last(runs, count);
    while (newest && &runs[at] != newest) at++;
    text_add_shown(&words, folder);
    text_print(&words, ": %d run%s, %d ended, %d at work\n", count, count == 1 ? "" : "s", ended, working);
    int room = window->rows - 3, shown = count < room ? count : room > 0 ? room : 0; /* below a head of three lines */
    int first = at - shown / 2 > count - shown ? count - shown : at - shown / 2;
    if (shown > 0) add_table(runs, first > 0 ? first : 0, shown, window, &words);
    add_lines(text, &words, window);
    text->failed |= words.failed;
    text_free(&words);
    int left = window->rows - count_lines(text);
    if (!newest || left < PLOT_ROWS_LEAST + 3) return;
    struct watch_window rest = {window->columns, left - 1, window->has_unicode, window->has_color};
    text_add(text, "\n");
    watch_run_frame(newest, &rest, text);
}
