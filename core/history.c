#include "core/history.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/csv.h"
#include "core/file.h"

static const char header[] = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,images_per_second";

enum { COLUMNS = 7, COLUMNS_UNTIMED = 5, HISTORY_SIZE_MAX = 64 << 20 };

/* The columns behind the epoch, in the file's order. */
static const struct column {
    const char *name;
    size_t offset;
    int digits;
    bool fixed;    /* that many behind the point; else that many in all */
    bool optional; /* NaN is an empty cell */
} columns[COLUMNS] = {
    {"loss", offsetof(struct history_row, loss), 9, false, false},
    {"accuracy", offsetof(struct history_row, accuracy), 9, false, false},
    {"val_loss", offsetof(struct history_row, val_loss), 9, false, true},
    {"val_accuracy", offsetof(struct history_row, val_accuracy), 9, false, true},
    {"learning_rate", offsetof(struct history_row, learning_rate), 9, false, false},
    {"seconds", offsetof(struct history_row, seconds), 3, true, false},
    {"images_per_second", offsetof(struct history_row, images_per_second), 1, true, false},
};

enum { CELL_SIZE = 400 }; /* the largest double with 3 digits behind the point has 313 characters */

static double *value_of(struct history_row *row, const struct column *column) {
    return (double *)(void *)((char *)row + column->offset);
}

static const char *cell_text(const struct column *column, double value, char cell[CELL_SIZE]) {
    if (isnan(value)) return column->optional ? "" : "nan"; /* printf may write -nan */
    snprintf(cell, CELL_SIZE, column->fixed ? "%.*f" : "%.*g", column->digits, value);
    return cell;
}

static bool cell_value(const struct column *column, const char *cell, double *value) {
    *value = NAN;
    return (column->optional && *cell == '\0') || csv_number(cell, value);
}

/* The epoch and the first `count` columns. */
static void add_row(struct text *text, const struct history_row *row, int count) {
    struct history_row copy = *row;
    char cell[CELL_SIZE];
    text_print(text, "%d", row->epoch);
    for (int i = 0; i < count; i++)
        text_print(text, ",%s", cell_text(&columns[i], *value_of(&copy, &columns[i]), cell));
    text_add(text, "\n");
}

void history_free(struct history *history) {
    free(history->rows);
    *history = (struct history){0};
}

static int reserve(struct history *history, struct error *error) {
    if (history->count < history->capacity) return 0;
    int capacity = history->capacity ? history->capacity * 2 : 64;
    struct history_row *rows = NULL;
    /* untaken: so many epochs are neither read nor trained */
    if (history->capacity <= INT_MAX / 4) rows = realloc(history->rows, (size_t)capacity * sizeof *rows);
    if (!rows) return error_set(error, ERROR_RUN, NULL, "not enough memory for the history of %d epochs", capacity);
    history->rows = rows;
    history->capacity = capacity;
    return 0;
}

int history_add(struct history *history, const struct history_row *row, struct error *error) {
    if (reserve(history, error) != 0) return -1;
    struct history_row *added = &history->rows[history->count++];
    *added = *row;
    for (int i = 0; i < COLUMNS; i++) {
        char cell[CELL_SIZE];
        double *value = value_of(added, &columns[i]);
        cell_value(&columns[i], cell_text(&columns[i], *value, cell), value);
    }
    return 0;
}

void history_truncate(struct history *history, int epoch) {
    while (history->count > 0 && history->rows[history->count - 1].epoch > epoch) history->count--;
}

int history_checksum(const struct history *history, char digits[CHECKSUM_DIGITS + 1], struct error *error) {
    struct text text = {0};
    for (int i = 0; i < history->count; i++) add_row(&text, &history->rows[i], COLUMNS_UNTIMED);
    struct file_piece piece = {text.bytes, text.length};
    int status = text.failed ? error_set(error, ERROR_RUN, NULL, "not enough memory for the history's checksum")
                             : checksum_pieces(&piece, 1, digits, error);
    text_free(&text);
    return status;
}

/* ---- files ---- */

static int no_memory(const char *path, struct error *error) {
    return error_set(error, ERROR_RUN, path, "not enough memory to write the history");
}

static int write_all(int descriptor, const char *path, const struct text *text, struct error *error) {
    for (size_t at = 0; at < text->length;) {
        ssize_t put = write(descriptor, text->bytes + at, text->length - at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return error_set_errno(error, path, "write the file");
        at += (size_t)put;
    }
    return 0;
}

int history_append(const char *path, const struct history_row *row, struct error *error) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0) return error_set_errno(error, path, "open the file");
    struct stat status;
    struct text text = {0};
    int result = fstat(descriptor, &status) == 0 ? 0 : error_set_errno(error, path, "look at the file");
    if (result == 0 && status.st_size == 0) text_print(&text, "%s\n", header);
    add_row(&text, row, COLUMNS);
    if (result == 0 && text.failed) result = no_memory(path, error);
    if (result == 0) result = write_all(descriptor, path, &text, error);
    if (result == 0 && fsync(descriptor) != 0) result = error_set_errno(error, path, "sync the file");
    text_free(&text);
    /* untaken: two calls would have to fail */
    if (close(descriptor) != 0 && result == 0) result = error_set_errno(error, path, "close the file");
    return result;
}

int history_write(const char *path, const struct history *history, struct error *error) {
    struct text text = {0};
    text_print(&text, "%s\n", header);
    for (int i = 0; i < history->count; i++) add_row(&text, &history->rows[i], COLUMNS);
    int status = text.failed ? no_memory(path, error) : file_replace_text(path, text.bytes, error);
    text_free(&text);
    return status;
}

static int read_row(const struct csv_row *cells, const char *path, int last_epoch, struct history_row *row,
                    struct error *error) {
    long long epoch = 0;
    if (cells->count != COLUMNS + 1)
        return error_set(error, ERROR_DATA, path, "line %d: has %d cell%s, %d are needed; restore or remove the file",
                         cells->line, cells->count, cells->count == 1 ? "" : "s", COLUMNS + 1);
    if (!csv_integer(cells->cells[0], 1, INT_MAX, &epoch) || epoch <= last_epoch)
        return error_set(error, ERROR_DATA, path,
                         "line %d: epoch must be an integer above %d, got \"%.40s\"; restore or remove the file",
                         cells->line, last_epoch, cells->cells[0]);
    row->epoch = (int)epoch;
    for (int i = 0; i < COLUMNS; i++)
        if (!cell_value(&columns[i], cells->cells[i + 1], value_of(row, &columns[i])))
            return error_set(error, ERROR_DATA, path,
                             "line %d: %s must be a number, got \"%.40s\"; restore or remove the file", cells->line,
                             columns[i].name, cells->cells[i + 1]);
    return 0;
}

static int read_rows(char *bytes, const char *path, struct history *history, struct error *error) {
    struct csv_row cells;
    size_t length = strcspn(bytes, "\r\n");
    if (length != strlen(header) || strncmp(bytes, header, length) != 0)
        return error_set(error, ERROR_DATA, path, "line 1: is not the header \"%s\"; restore or remove the file",
                         header);
    char *last_end = strrchr(bytes, '\n');
    if (!last_end) return 0;
    last_end[1] = '\0'; /* what a crash left of a row is not read */
    struct csv_reader reader = csv_open(path, bytes);
    int more = csv_next(&reader, &cells, error);
    /* untaken: the header is a row */
    while (more > 0 && (more = csv_next(&reader, &cells, error)) > 0) {
        struct history_row row = {0};
        int last = history->count ? history->rows[history->count - 1].epoch : 0;
        if (read_row(&cells, path, last, &row, error) != 0) return -1;
        if (history_add(history, &row, error) != 0) return -1;
    }
    return more;
}

int history_read(const char *path, struct history *history, struct error *error) {
    char *bytes = NULL;
    size_t length = 0;
    *history = (struct history){0};
    if (file_read(path, HISTORY_SIZE_MAX, &bytes, &length, error) != 0) return -1;
    int status = strlen(bytes) == length
                     ? read_rows(bytes, path, history, error)
                     : error_set(error, ERROR_DATA, path, "holds zero bytes; it is no CSV file: restore or remove it");
    free(bytes);
    if (status != 0) history_free(history);
    return status;
}
