/* Comma-separated values (RFC 4180). */
#ifndef CNNTRAIN_CORE_CSV_H
#define CNNTRAIN_CORE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/text.h"

/* Adds a cell, quoted where it holds a comma, a quote, a line end or an outer space. The caller adds commas. */
void csv_add_cell(struct text *text, const char *cell);

enum { CSV_CELLS_MAX = 16 };

/* Reads a table without quotes, such as those of numbers, in place. */
struct csv_reader {
    char *at; /* where the next line begins */
    int line; /* number of the line last read, from 1 */
    int count;
    char *cells[CSV_CELLS_MAX]; /* of that line, terminated; more than CSV_CELLS_MAX stay in the last */
};

/* The next line of terminated text; false at its end. A last line without line end is not read. */
bool csv_next(struct csv_reader *reader);

/* A whole cell as a finite or infinite number or NaN; false where it is anything else. */
bool csv_number(const char *cell, double *value);
/* A whole cell as an integer in [minimum, maximum]. */
bool csv_integer(const char *cell, long long minimum, long long maximum, long long *value);

#endif
