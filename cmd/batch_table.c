#include "cmd/batch_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cmd/bar.h"

/* ---- time ---- */

/* The mean time of an epoch over the runs of this config (-1: of all) that have ended one. */
static double epoch_seconds(const struct batch_run *runs, int count, int config) {
    double sum = 0;
    int known = 0;
    for (int i = 0; i < count; i++) {
        if ((config >= 0 && runs[i].config != config) || isnan(runs[i].clock.epoch_seconds)) continue;
        sum += runs[i].clock.epoch_seconds;
        known++;
    }
    return known ? sum / known : NAN;
}

double batch_seconds_left(const struct batch_run *runs, int count, const struct batch_run *run) {
    if (run->state == BATCH_RUNNING && run->epoch > 0) {
        double left = training_seconds_left(&run->clock, &run->last);
        if (!isnan(left)) return left;
    }
    if (run->state != BATCH_RUNNING && run->state != BATCH_WAITING) return 0;
    double seconds = epoch_seconds(runs, count, run->config);
    if (isnan(seconds)) seconds = epoch_seconds(runs, count, -1);
    return seconds * run->epochs;
}

/* ---- cells ---- */

enum { COLUMNS = 9, CELL_SIZE = 160, NAME_LEAST = 8, NARROW = 40 };

/* In the order they stand; the ones with the lowest rank go first where there is no room. */
static const struct column {
    const char *name;
    bool right;
    int rank;
} columns[COLUMNS] = {
    {"run", false, 9},  {"seed", true, 6}, {"state", false, 8}, {"epoch", true, 7}, {"loss", true, 1},
    {"train", true, 2}, {"val", true, 3},  {"test", true, 5},   {"time", true, 4},
};

static const char *state_name(enum batch_state state) {
    static const char *const names[] = {
        [BATCH_WAITING] = "waiting",       [BATCH_RUNNING] = "running", [BATCH_DONE] = "done",
        [BATCH_NOT_FINITE] = "not finite", [BATCH_FAILED] = "failed",   [BATCH_INTERRUPTED] = "interrupted"};
    return names[state];
}

static void percent(char cell[CELL_SIZE], double share) {
    *cell = '\0';
    if (!isnan(share)) snprintf(cell, CELL_SIZE, "%.2f %%", 100 * share);
}

static void fill_cells(const struct batch_run *runs, int count, const struct batch_run *run,
                       char cells[COLUMNS][CELL_SIZE]) {
    char duration[DURATION_SIZE];
    for (int i = 0; i < COLUMNS; i++) *cells[i] = '\0';
    snprintf(cells[0], CELL_SIZE, "%s", run->name);
    snprintf(cells[1], CELL_SIZE, "%d", run->seed);
    snprintf(cells[2], CELL_SIZE, "%s", state_name(run->state));
    if (run->state == BATCH_WAITING) return;
    if (run->epoch) snprintf(cells[3], CELL_SIZE, "%d/%d", run->epoch, run->epochs);
    if (!isnan(run->last.loss) && run->epoch) snprintf(cells[4], CELL_SIZE, "%.4f", run->last.loss);
    if (run->epoch) percent(cells[5], run->last.accuracy);
    percent(cells[6], run->val_accuracy);
    percent(cells[7], run->test_accuracy);
    double left = batch_seconds_left(runs, count, run);
    if (run->state != BATCH_RUNNING)
        snprintf(cells[8], CELL_SIZE, "%s", duration_text(run->seconds, duration));
    else if (!isnan(left))
        snprintf(cells[8], CELL_SIZE, "ETA %s", duration_text(left, duration));
}

/* ---- layout ---- */

struct layout {
    int widths[COLUMNS]; /* 0: left out */
};

static int width_of(const struct layout *layout) {
    int width = -2;
    for (int i = 0; i < COLUMNS; i++) width += layout->widths[i] ? layout->widths[i] + 2 : 0;
    return width;
}

static void widen(struct layout *layout, char cells[COLUMNS][CELL_SIZE]) {
    for (int i = 0; i < COLUMNS; i++) {
        int width = text_columns(cells[i]);
        if (width > layout->widths[i]) layout->widths[i] = width;
    }
}

/* Columns are as wide as they may ever become, so that nothing jumps; names give way, then whole columns. */
static void lay_out(const struct batch_run *runs, int count, int room, struct layout *layout) {
    static const int usual[COLUMNS] = {0, 4, 7, 0, 6, 7, 7, 7, 7};
    char cells[COLUMNS][CELL_SIZE];
    for (int i = 0; i < COLUMNS; i++) {
        layout->widths[i] = usual[i] > (int)strlen(columns[i].name) ? usual[i] : (int)strlen(columns[i].name);
    }
    for (int i = 0; i < count; i++) {
        if (!runs[i].is_wanted) continue;
        fill_cells(runs, count, &runs[i], cells);
        snprintf(cells[3], CELL_SIZE, "%d/%d", runs[i].epochs, runs[i].epochs);
        widen(layout, cells);
    }
    for (int rank = 1; rank < 9 && width_of(layout) > room; rank++) {
        int over = width_of(layout) - room;
        if (layout->widths[0] - over >= NAME_LEAST * 2) layout->widths[0] -= over;
        for (int i = 0; i < COLUMNS && width_of(layout) > room; i++)
            if (columns[i].rank == rank) layout->widths[i] = 0;
    }
    int over = width_of(layout) - room;
    if (over > 0) layout->widths[0] = layout->widths[0] - over > NAME_LEAST ? layout->widths[0] - over : NAME_LEAST;
}

static void add_cell(struct text *text, const char *cell, int width, bool right) {
    char cut[CELL_SIZE];
    snprintf(cut, sizeof cut, "%.*s", (int)text_cut_columns(cell, width), cell);
    int space = width - text_columns(cut);
    if (right) text_repeat(text, " ", space);
    text_add(text, cut);
    if (!right) text_repeat(text, " ", space);
}

static void add_row(struct text *text, char cells[COLUMNS][CELL_SIZE], const struct layout *layout, const char *color) {
    text_add(text, color);
    for (int i = 0, shown = 0; i < COLUMNS; i++) {
        if (!layout->widths[i]) continue;
        if (shown++) text_add(text, "  ");
        add_cell(text, cells[i], layout->widths[i], columns[i].right);
    }
    text_add(text, *color ? "\033[0m\n" : "\n");
}

static const char *color_of(enum batch_state state) {
    static const char *const colors[] = {
        [BATCH_WAITING] = "\033[2m",     [BATCH_RUNNING] = "\033[1m", [BATCH_DONE] = "\033[32m",
        [BATCH_NOT_FINITE] = "\033[31m", [BATCH_FAILED] = "\033[31m", [BATCH_INTERRUPTED] = "\033[33m"};
    return colors[state];
}

/* ---- the whole ---- */

static const struct batch_run *first_running(const struct batch_run *runs, int count) {
    for (int i = 0; i < count; i++)
        if (runs[i].state == BATCH_RUNNING) return &runs[i];
    return NULL;
}

/* Of many runs those from a few before the first that is not done. Counts wanted ones alone. */
static int first_shown(const struct batch_run *runs, int count, int wanted, int rows) {
    int before = 0;
    for (int i = 0; i < count; i++) {
        if (!runs[i].is_wanted) continue;
        if (runs[i].state == BATCH_RUNNING || runs[i].state == BATCH_WAITING) break;
        before++;
    }
    int first = before - rows / 3;
    if (first > wanted - rows) first = wanted - rows;
    return first > 0 ? first : 0;
}

static void add_rows(const struct batch_run *runs, int count, const struct batch_window *window, int wanted, int rows,
                     struct text *text) {
    struct layout layout;
    char cells[COLUMNS][CELL_SIZE];
    int first = first_shown(runs, count, wanted, rows), at = 0;
    lay_out(runs, count, window->columns, &layout);
    for (int i = 0; i < COLUMNS; i++) snprintf(cells[i], CELL_SIZE, "%s", columns[i].name);
    add_row(text, cells, &layout, window->has_color ? "\033[4m" : "");
    for (int i = 0; i < count; i++) {
        if (!runs[i].is_wanted || at++ < first || at > first + rows) continue;
        fill_cells(runs, count, &runs[i], cells);
        add_row(text, cells, &layout, window->has_color ? color_of(runs[i].state) : "");
    }
}

static void add_bar(const struct batch_run *run, const struct batch_window *window, struct text *text) {
    struct text label = {0};
    bool has_bar =
        run && (run->last.kind == TRAIN_STEP || run->last.kind == TRAIN_VALIDATION || run->last.kind == TRAIN_TEST) &&
        run->last.steps > 0;
    if (!has_bar) {
        text_add(text, run ? "...\n" : "\n");
        return;
    }
    text_print(&label, "%.*s:", (int)text_cut_columns(run->name, 40), run->name);
    training_bar(&run->clock, &run->last, label.failed ? NULL : label.bytes, window->columns, text);
    text_add(text, "\n");
    text_free(&label);
}

static void add_summary(const struct batch_run *runs, int count, const struct batch_window *window, int wanted,
                        struct text *text) {
    char left_text[DURATION_SIZE], taken[DURATION_SIZE];
    int states[BATCH_INTERRUPTED + 1] = {0};
    double left = 0;
    for (int i = 0; i < count; i++) {
        if (!runs[i].is_wanted) continue;
        states[runs[i].state]++;
        left += batch_seconds_left(runs, count, &runs[i]);
    }
    int failed = states[BATCH_FAILED] + states[BATCH_NOT_FINITE] + states[BATCH_INTERRUPTED];
    if (window->columns < NARROW) {
        text_print(text, "%d/%d - ETA: %s\n", states[BATCH_DONE], wanted,
                   duration_text(left / window->jobs, left_text));
        return;
    }
    text_print(text, "%d of %d done", states[BATCH_DONE], wanted);
    if (states[BATCH_RUNNING] || states[BATCH_WAITING])
        text_print(text, " - ETA: %s", duration_text(left / window->jobs, left_text));
    text_print(text, " - %d running, %d waiting", states[BATCH_RUNNING], states[BATCH_WAITING]);
    if (failed) text_print(text, ", %d failed", failed);
    text_print(text, " - %s so far\n", duration_text(window->seconds, taken));
}

void batch_table_write(const struct batch_run *runs, int count, const struct batch_window *window, struct text *text) {
    int wanted = 0;
    for (int i = 0; i < count; i++) wanted += runs[i].is_wanted;
    const bool has_bar = window->jobs == 1 && window->rows > 5;
    int room = window->rows - 2 - has_bar, rows = wanted < room ? wanted : room;
    if (rows > 0) add_rows(runs, count, window, wanted, rows, text);
    if (has_bar) add_bar(first_running(runs, count), window, text);
    add_summary(runs, count, window, wanted, text);
}
