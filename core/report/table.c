#include "core/report/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/report/markdown.h"

void table_column(struct table *table, const char *name, enum table_alignment alignment) {
    assert(table->columns < TABLE_COLUMNS_MAX && table->cell_count == 0);
    table->names[table->columns] = name;
    table->alignments[table->columns++] = alignment;
}

static void end_cell(struct text *text) {
    text_add_bytes(text, "", 1);
}

void table_cell(struct table *table, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    /* Grows by the cell's size, then prints into its place. */
    size_t start = table->cells.length;
    text_repeat(&table->cells, " ", length);
    end_cell(&table->cells);
    table->cell_count++;
    if (table->cells.failed) return;
    va_start(arguments, format);
    vsnprintf(table->cells.bytes + start, (size_t)length + 1, format, arguments);
    va_end(arguments);
}

/* How a table looks: what stands before, between and behind the cells of a line. */
struct style {
    const char *before, *between, *behind;
    int width_minimum;
    void (*add)(const char *string, struct text *text);
};

/* The names, then the cells, as the style writes them; each ended by a zero byte. The last row is filled up. */
static int style_cells(const struct table *table, const struct style *style, struct text *cells) {
    for (int i = 0; i < table->columns; i++) {
        style->add(table->names[i], cells);
        end_cell(cells);
    }
    const char *cell = table->cells.bytes;
    for (int i = 0; i < table->cell_count && !table->cells.failed; i++, cell += strlen(cell) + 1) {
        style->add(cell, cells);
        end_cell(cells);
    }
    int rows = (table->cell_count + table->columns - 1) / table->columns;
    for (int i = table->cell_count; i < rows * table->columns; i++) end_cell(cells);
    return rows + 1;
}

static void write_cell(const char *cell, int width, enum table_alignment alignment, bool last, struct text *text) {
    int space = width - text_columns(cell);
    if (alignment == TABLE_RIGHT) text_repeat(text, " ", space);
    text_add(text, cell);
    if (alignment == TABLE_LEFT && !last) text_repeat(text, " ", space);
}

static void write_rule(const struct table *table, const struct style *style, const int *widths, struct text *text) {
    bool markdown = *style->before != '\0';
    text_add(text, style->before);
    for (int i = 0; i < table->columns; i++) {
        bool right = markdown && table->alignments[i] == TABLE_RIGHT;
        text_repeat(text, "-", widths[i] - right);
        if (right) text_add(text, ":");
        text_add(text, i + 1 < table->columns ? style->between : style->behind);
    }
    text_add(text, "\n");
}

static void write_rows(const struct table *table, const struct style *style, const char *cells, int rows,
                       struct text *text) {
    int widths[TABLE_COLUMNS_MAX] = {0};
    const char *cell = cells;
    for (int i = 0; i < rows * table->columns; i++, cell += strlen(cell) + 1) {
        int columns = text_columns(cell), *width = &widths[i % table->columns];
        if (*width < style->width_minimum) *width = style->width_minimum;
        if (*width < columns) *width = columns;
    }
    cell = cells;
    for (int row = 0; row < rows; row++) {
        if (row == 1) write_rule(table, style, widths, text);
        text_add(text, style->before);
        for (int i = 0; i < table->columns; i++, cell += strlen(cell) + 1) {
            bool last = i + 1 == table->columns;
            write_cell(cell, widths[i], table->alignments[i], last && *style->behind == '\0', text);
            text_add(text, last ? style->behind : style->between);
        }
        text_add(text, "\n");
    }
    if (rows == 1) write_rule(table, style, widths, text);
}

static void write_table(struct table *table, const struct style *style, struct text *text) {
    assert(table->columns > 0);
    struct text cells = {0};
    int rows = style_cells(table, style, &cells);
    if (cells.failed || table->cells.failed)
        text->failed = true;
    else
        write_rows(table, style, cells.bytes, rows, text);
    text_free(&cells);
    text_free(&table->cells);
    *table = (struct table){0};
}

static void add_plain(const char *string, struct text *text) {
    text_add(text, string);
}

void table_markdown(struct table *table, struct text *text) {
    static const struct style style = {"| ", " | ", " |", 3, markdown_escape};
    write_table(table, &style, text);
}

void table_plain(struct table *table, struct text *text) {
    static const struct style style = {"", "  ", "", 1, add_plain};
    write_table(table, &style, text);
}
