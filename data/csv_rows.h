/* Rows of a CSV text: RFC 4180, fields in place. */
#ifndef CNNTRAIN_DATA_CSV_ROWS_H
#define CNNTRAIN_DATA_CSV_ROWS_H

#include "core/error.h"

enum { CSV_FIELDS_MAX = 3 };

struct csv_row {
    int line; /* where it begins, from 1 */
    int count;
    char *fields[CSV_FIELDS_MAX];
};

/* Where the next row begins. */
struct csv_rows {
    const char *path; /* what errors name */
    char *at;
    int line;
};

/* Reads the next row that is not empty: 1 and the row, 0 at the end, -1 and ERROR_DATA with the line. Fields point into
 * the text, which is changed; spaces belong to a field. */
int csv_rows_next(struct csv_rows *reader, struct csv_row *row, struct error *error);

#endif
