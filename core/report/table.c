#include "core/report/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/report/html.h"
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

void table_link(struct table *table, const char *path) {
    assert(table->cell_count > 0);
    for (; table->link_count < table->cell_count - 1; table->link_count++) end_cell(&table->links);
    text_add(&table->links, path);
    end_cell(&table->links);
    table->link_count++;
}

/* How a table looks: what stands before, between and behind the cells of a line. */
struct style {
    const char *before, *between, *behind;
    int width_minimum;
    void (*add)(const char *string, struct text *text);
    void (*add_link)(const char *string, const char *path, struct text *text);
};

/* A cell with its link, "" for none. */
struct spot {
    int index;
    const char *cell, *link;
};

static struct spot first_spot(const struct table *table) {
    return (struct spot){0, table->cells.bytes, table->link_count > 0 ? table->links.bytes : ""};
}

static void next_spot(const struct table *table, struct spot *spot) {
    spot->index++;
    spot->cell += strlen(spot->cell) + 1;
    spot->link = spot->index < table->link_count ? spot->link + strlen(spot->link) + 1 : "";
}

/* The names, then the cells, as the style writes them; each ended by a zero byte. The last row is filled up. */
static int style_cells(const struct table *table, const struct style *style, struct text *cells) {
    for (int i = 0; i < table->columns; i++) {
        style->add(table->names[i], cells);
        end_cell(cells);
    }
    struct spot spot = first_spot(table);
    for (; !table->cells.failed && !table->links.failed && spot.index < table->cell_count; next_spot(table, &spot)) {
        if (*spot.link)
            style->add_link(spot.cell, spot.link, cells);
        else
            style->add(spot.cell, cells);
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

void table_free(struct table *table) {
    text_free(&table->cells);
    text_free(&table->links);
    *table = (struct table){0};
}

static void write_table(struct table *table, const struct style *style, struct text *text) {
    assert(table->columns > 0);
    struct text cells = {0};
    int rows = style_cells(table, style, &cells);
    if (cells.failed || table->cells.failed || table->links.failed)
        text->failed = true;
    else
        write_rows(table, style, cells.bytes, rows, text);
    text_free(&cells);
    table_free(table);
}

static void add_plain(const char *string, struct text *text) {
    text_add(text, string);
}

static void add_plain_link(const char *string, const char *path, struct text *text) {
    (void)path;
    text_add(text, string);
}

void table_markdown(struct table *table, struct text *text) {
    static const struct style style = {"| ", " | ", " |", 3, markdown_escape, markdown_link};
    write_table(table, &style, text);
}

void table_plain(struct table *table, struct text *text) {
    static const struct style style = {"", "  ", "", 1, add_plain, add_plain_link};
    write_table(table, &style, text);
}

/* HTML */

static void add_head(const struct table *table, struct text *text) {
    text_add(text, "<thead><tr>");
    for (int i = 0; i < table->columns; i++) {
        text_print(text, "<th scope=\"col\"%s>", table->alignments[i] == TABLE_RIGHT ? " class=\"num\"" : "");
        html_escape(table->names[i], text);
        text_add(text, "</th>");
    }
    text_add(text, "</tr></thead>\n");
}

static void add_content(const struct spot *spot, struct text *text) {
    if (*spot->link) {
        text_add(text, "<a href=\"");
        html_url(spot->link, text);
        text_add(text, "\">");
    }
    html_escape(spot->cell, text);
    if (*spot->link) text_add(text, "</a>");
}

static void add_rows(const struct table *table, struct text *text) {
    text_add(text, "<tbody>\n");
    struct spot spot = first_spot(table);
    for (; spot.index < table->cell_count; next_spot(table, &spot)) {
        int column = spot.index % table->columns;
        bool right = table->alignments[column] == TABLE_RIGHT, is_long = text_columns(spot.cell) > HTML_LONG_CELL;
        const char *class_name = right ? " class=\"num\"" : is_long ? " class=\"long\"" : "";
        if (column == 0) text_add(text, "<tr>");
        text_print(text, column ? "<td%s>" : "<th scope=\"row\"%s>", class_name);
        add_content(&spot, text);
        text_add(text, column ? "</td>" : "</th>");
        if (column + 1 == table->columns || spot.index + 1 == table->cell_count) text_add(text, "</tr>\n");
    }
    text_add(text, "</tbody>\n");
}

void table_html(struct table *table, const char *caption, bool sortable, struct text *text) {
    assert(table->columns > 0);
    html_table(caption, table->cell_count / table->columns, sortable, text);
    add_head(table, text);
    if (table->cells.failed || table->links.failed)
        text->failed = true;
    else
        add_rows(table, text);
    html_table_end(text);
    table_free(table);
}
