#include "core/report/summary.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/report/format.h"
#include "core/report/table.h"

enum { COLUMNS = 3 };

/* "conv2d (Conv2D)", behind bars where it is inside of a block, "(None, 30, 30, 32)" and the parameters, with thousands
 * commas where `grouped`. */
static void fill_cells(const struct summary_row *row, bool grouped, struct text cells[COLUMNS]) {
    struct format format;
    text_print(&cells[0], "%.*s%s (%s)", SUMMARY_BARS(row->depth), row->name, row->class_name);
    text_add(&cells[1], format_shape(&format, &row->output));
    if (grouped)
        text_add(&cells[2], text_thousands(format.text, sizeof format.text, row->parameters));
    else
        text_print(&cells[2], "%lld", row->parameters);
}

static void fill_header(struct text cells[COLUMNS]) {
    text_add(&cells[0], "Layer (type)");
    text_add(&cells[1], "Output Shape");
    text_add(&cells[2], "Param #");
}

/* False where memory ran out, which `text` then says too. */
static bool cells_ready(const struct text cells[COLUMNS], struct text *text) {
    for (int i = 0; i < COLUMNS; i++)
        if (cells[i].failed) text->failed = true;
    return !text->failed;
}

static void free_cells(struct text cells[COLUMNS]) {
    for (int i = 0; i < COLUMNS; i++) text_free(&cells[i]);
}

/* Where the code point number `columns` of the string begins, or its end; Keras 2 takes each for a column. */
static const char *skip_columns(const char *string, int columns) {
    for (; *string && columns > 0; columns--) {
        string++;
        while (((unsigned char)*string & 0xC0) == 0x80) string++;
    }
    return string;
}

static int columns_between(const char *from, const char *to) {
    int columns = 0;
    for (; from < to; from++) columns += ((unsigned char)*from & 0xC0) != 0x80;
    return columns;
}

/* Keras 2 */

enum { KERAS2_WIDTH = 65 };

/* One line: each cell starts where the one before ended or at its column, whichever is further right, so that a full
 * first cell, with its leading space, pushes the rest by one. `rests` move on by what was written. */
static void keras2_line(const char *rests[COLUMNS], struct text *text) {
    static const int ends[COLUMNS] = {29, 55, KERAS2_WIDTH};
    int column = 1, start = 0;
    text_add(text, " ");
    for (int i = 0; i < COLUMNS; i++) {
        int gap = i + 1 < COLUMNS ? 2 : 0;
        const char *end = skip_columns(rests[i], ends[i] - start - gap);
        column += columns_between(rests[i], end) + gap;
        text_add_bytes(text, rests[i], (size_t)(end - rests[i]));
        int padding = column < ends[i] ? ends[i] - column : 0;
        text_repeat(text, " ", gap + padding);
        column += padding;
        start = ends[i];
        rests[i] = end;
    }
    text_add(text, "\n");
}

static void keras2_row(struct text cells[COLUMNS], struct text *text) {
    if (cells_ready(cells, text)) {
        const char *rests[COLUMNS] = {cells[0].bytes, cells[1].bytes, cells[2].bytes};
        while (*rests[0] || *rests[1] || *rests[2]) keras2_line(rests, text);
    }
    free_cells(cells);
}

static void rule(const char *character, struct text *text) {
    text_repeat(text, character, KERAS2_WIDTH);
    text_add(text, "\n");
}

void summary_keras2(const struct summary *summary, struct text *text) {
    struct format total, trainable, fixed;
    struct text header[COLUMNS] = {{0}};
    text_print(text, "Model: \"%s\"\n", summary->model_name);
    rule("_", text);
    fill_header(header);
    keras2_row(header, text);
    rule("=", text);
    for (int i = 0; i < summary->count; i++) {
        struct text cells[COLUMNS] = {{0}};
        fill_cells(&summary->rows[i], false, cells);
        keras2_row(cells, text);
        rule(" ", text);
    }
    rule("=", text);
    text_print(text, "Total params: %s\nTrainable params: %s\nNon-trainable params: %s\n",
               text_thousands(total.text, FORMAT_SIZE, summary->trainable + summary->non_trainable),
               text_thousands(trainable.text, FORMAT_SIZE, summary->trainable),
               text_thousands(fixed.text, FORMAT_SIZE, summary->non_trainable));
    rule("_", text);
}

/* Keras 3, whose table is drawn by rich */

enum { KERAS3_WIDTH = 88, KERAS3_TERMINAL_MINIMUM = 20 };

/* Characters of each column without its borders and the space on either side. Keras asks for the shares of the width
 * as cells; with two spaces each and four borders they are ten too wide, which rich takes off evenly: 3, 4 and 3. */
static void keras3_widths(int terminal_width, int widths[COLUMNS]) {
    if (terminal_width < KERAS3_TERMINAL_MINIMUM) terminal_width = KERAS3_TERMINAL_MINIMUM;
    int line = terminal_width - 4 < KERAS3_WIDTH ? terminal_width - 4 : KERAS3_WIDTH;
    int first = (int)(0.45 * line), second = (int)(0.80 * line);
    widths[0] = first - 3;
    widths[1] = second - first - 4;
    widths[2] = line - second - 3;
}

static void keras3_border(const int widths[COLUMNS], const char *left, const char *line, const char *between,
                          const char *right, struct text *text) {
    text_add(text, left);
    for (int i = 0; i < COLUMNS; i++) {
        text_repeat(text, line, widths[i] + 2);
        text_add(text, i + 1 < COLUMNS ? between : right);
    }
    text_add(text, "\n");
}

/* As rich counts: wide characters take two columns. */
static int width_between(const char *from, const char *to) {
    return text_columns_of(from, (size_t)(to - from));
}

/* Where the next line of a cell begins: at the first word that does not fit behind the others. A word wider than the
 * column stands on a line of its own and is cut there. */
static const char *next_line(const char *line, int width) {
    const char *word = line;
    while (*word) {
        const char *end = word + strcspn(word, " ");
        if (word != line && width_between(line, end) > width) return word;
        word = end + strspn(end, " ");
    }
    return word;
}

static int count_lines(const char *cell, int width) {
    int lines = 0;
    for (; *cell; cell = next_line(cell, width)) lines++;
    return lines;
}

/* A line of a cell, without its end of spaces, as wide as the column. */
static void keras3_fill(const char *line, const char *end, int width, bool right, struct text *text) {
    while (end > line && end[-1] == ' ') end--;
    bool cut = width_between(line, end) > width;
    if (cut) end = line + text_cut_columns(line, width - 1);
    int padding = width - width_between(line, end) - cut; /* where cut: half a wide character, at most */
    if (right) text_repeat(text, " ", padding);
    text_add_bytes(text, line, (size_t)(end - line));
    if (!right) text_repeat(text, " ", padding);
    if (cut) text_add(text, "…");
}

/* A row of one or more lines; the names stand at the bottom of theirs, everything else at the top. */
static void keras3_lines(const struct text cells[COLUMNS], const int widths[COLUMNS], bool header, struct text *text) {
    const char *bar = header ? "┃" : "│", *rests[COLUMNS];
    int lines[COLUMNS], height = 0;
    for (int i = 0; i < COLUMNS; i++) {
        rests[i] = cells[i].bytes;
        lines[i] = count_lines(rests[i], widths[i]);
        if (lines[i] > height) height = lines[i];
    }
    for (int line = 0; line < height; line++) {
        text_add(text, bar);
        for (int i = 0; i < COLUMNS; i++) {
            bool blank = header && line < height - lines[i];
            const char *end = blank ? rests[i] : next_line(rests[i], widths[i]);
            text_add(text, " ");
            keras3_fill(rests[i], end, widths[i], i == COLUMNS - 1, text);
            text_print(text, " %s", bar);
            rests[i] = end;
        }
        text_add(text, "\n");
    }
}

static void keras3_row(struct text cells[COLUMNS], const int widths[COLUMNS], bool header, struct text *text) {
    if (cells_ready(cells, text)) keras3_lines(cells, widths, header, text);
    free_cells(cells);
}

static void keras3_total(const char *name, long long parameters, struct text *text) {
    struct format count, size;
    text_print(text, " %s: %s (%s)\n", name, text_thousands(count.text, FORMAT_SIZE, parameters),
               format_bytes(&size, 4 * (double)parameters));
}

void summary_keras3(const struct summary *summary, int terminal_width, struct text *text) {
    int widths[COLUMNS];
    struct text header[COLUMNS] = {{0}};
    keras3_widths(terminal_width, widths);
    text_print(text, "Model: \"%s\"\n", summary->model_name);
    keras3_border(widths, "┏", "━", "┳", "┓", text);
    fill_header(header);
    keras3_row(header, widths, true, text);
    keras3_border(widths, "┡", "━", "╇", "┩", text);
    for (int i = 0; i < summary->count; i++) {
        struct text cells[COLUMNS] = {{0}};
        if (i > 0) keras3_border(widths, "├", "─", "┼", "┤", text);
        fill_cells(&summary->rows[i], true, cells);
        keras3_row(cells, widths, false, text);
    }
    keras3_border(widths, "└", "─", "┴", "┘", text);
    keras3_total("Total params", summary->trainable + summary->non_trainable, text);
    keras3_total("Trainable params", summary->trainable, text);
    keras3_total("Non-trainable params", summary->non_trainable, text);
}
