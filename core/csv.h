/* Comma-separated values (RFC 4180). */
#ifndef CNNTRAIN_CORE_CSV_H
#define CNNTRAIN_CORE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/text.h"

/* Adds a cell, quoted where it holds a comma, a quote, a line end or an outer space. The caller adds commas. */
void csv_add_cell(struct text *text, const char *cell);

enum { CSV_CELLS_MAX = 16 };

struct csv_row {
    int line;                   /* where it begins, from 1 */
    int count;                  /* cells found; those beyond CSV_CELLS_MAX are not kept */
    char *cells[CSV_CELLS_MAX]; /* terminated; spaces belong to a cell */
};

/* Terminated text that is read row by row, in place. */
struct csv_reader {
    const char *path; /* what errors name */
    char *at;         /* where the next row begins */
    int line;         /* its number, from 1 */
};

struct csv_reader csv_open(const char *path, char *text);
/* Reads the next row that is not empty: 1 and the row, 0 at the end, -1 and ERROR_DATA with the line where quotes are
 * misplaced. Cells point into the text, which is changed. */
int csv_next(struct csv_reader *reader, struct csv_row *row, struct error *error);

/* A whole cell as a finite or infinite number or NaN; false where it is anything else. */
bool csv_number(const char *cell, double *value);
/* A whole cell as an integer in [minimum, maximum]. */
bool csv_integer(const char *cell, long long minimum, long long maximum, long long *value);

#endif
