/* history.csv: an epoch a row. */
#ifndef CNNTRAIN_CORE_HISTORY_H
#define CNNTRAIN_CORE_HISTORY_H

#include "core/checksum.h"

struct history_row {
    int epoch; /* from 1, as on the terminal */
    double loss, accuracy;
    double val_loss, val_accuracy; /* NaN: no validation; an empty cell */
    double learning_rate, seconds, images_per_second;
};

struct history {
    int count;
    int capacity;
    struct history_row *rows; /* (count), epochs rising */
};

void history_free(struct history *history);
/* Adds a row with its values rounded as the file has them, so that a resumed run, which reads them from there, reports
 * the same. ERROR_RUN without memory. */
int history_add(struct history *history, const struct history_row *row, struct error *error);
/* Drops the rows behind epoch `epoch`; 0 drops all. */
void history_truncate(struct history *history, int epoch);
/* Of all columns but the times. ERROR_RUN without memory. */
int history_checksum(const struct history *history, char digits[CHECKSUM_DIGITS + 1], struct error *error);

/* Appends one row to the file, which begins with its header when it was missing or empty; the row is on the disk when
 * this returns. ERROR_IO. */
int history_append(const char *path, const struct history_row *row, struct error *error);
/* Replaces the file in one move by the header and all rows. ERROR_IO, ERROR_RUN. */
int history_write(const char *path, const struct history *history, struct error *error);
/* Reads the file into an empty history. A last line without its line end, as a crash leaves it, is not read. ERROR_IO;
 * ERROR_DATA naming the line for another header, a wrong number of cells, a cell that is no number, epochs that do not
 * rise. On failure the history is empty. */
int history_read(const char *path, struct history *history, struct error *error);

#endif
