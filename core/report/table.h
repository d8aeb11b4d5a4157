/* Tables of text: filled cell by cell, written as aligned Markdown, as aligned plain text or as HTML. */
#ifndef CNNTRAIN_CORE_REPORT_TABLE_H
#define CNNTRAIN_CORE_REPORT_TABLE_H

#include <stdbool.h>

#include "core/text.h"

enum { TABLE_COLUMNS_MAX = 64 };

enum table_alignment { TABLE_LEFT, TABLE_RIGHT };

/* Starts as {0}: first all columns, then the cells row by row. Runs out of memory as struct text does: the table then
 * comes out empty and the text it is written to has failed. */
struct table {
    int columns;
    const char *names[TABLE_COLUMNS_MAX]; /* the caller's, until the table is written */
    enum table_alignment alignments[TABLE_COLUMNS_MAX];
    struct text cells; /* each ended by a zero byte */
    int cell_count;
    struct text links; /* those of all cells up to the last that has one, "" for none, each ended by a zero byte */
    int link_count;
};

void table_column(struct table *table, const char *name, enum table_alignment alignment);
/* The next cell, as printf. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes the last cell a link to a file beside the document, by its path. */
void table_link(struct table *table, const char *path);

/* All write the table, a newline behind every row, and free it. Missing cells of the last row are empty. */
void table_markdown(struct table *table, struct text *text); /* cells escaped */
void table_plain(struct table *table, struct text *text);    /* two spaces between columns, a line under the names */
/* With a caption, which also names it to those who hear it, and the first column as the rows' names; columns can be
 * sorted where `sortable`. */
void table_html(struct table *table, const char *caption, bool sortable, struct text *text);
void table_free(struct table *table); /* without writing it */

#endif
