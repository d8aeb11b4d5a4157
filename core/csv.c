#include "core/csv.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool needs_quotes(const char *cell) {
    size_t length = strlen(cell);
    if (length == 0) return false;
    return strpbrk(cell, ",\"\r\n") || cell[0] == ' ' || cell[length - 1] == ' ';
}

void csv_add_cell(struct text *text, const char *cell) {
    if (!needs_quotes(cell)) {
        text_add(text, cell);
        return;
    }
    text_add(text, "\"");
    for (; *cell; cell++) {
        if (*cell == '"') text_add(text, "\"");
        text_add_bytes(text, cell, 1);
    }
    text_add(text, "\"");
}

struct csv_reader csv_open(const char *path, char *text) {
    return (struct csv_reader){.path = path, .at = text, .line = 1};
}

static int line_error(const struct csv_reader *reader, int line, const char *what, struct error *error) {
    return error_set(error, ERROR_DATA, reader->path, "line %d: %s", line, what);
}

/* Ends the cell before the delimiter at `at` and steps over it. 1: another cell follows, 0: the row is over. */
static int end_cell(struct csv_reader *reader, char *end) {
    char delimiter = *reader->at;
    if (delimiter == '\r' && reader->at[1] == '\n') reader->at++;
    if (*reader->at) reader->at++;
    *end = '\0';
    if (delimiter == ',') return 1;
    if (delimiter) reader->line++;
    return 0;
}

static bool ends_cell(char letter) {
    return letter == ',' || letter == '\n' || letter == '\r' || letter == '\0';
}

static int plain_cell(struct csv_reader *reader, struct error *error) {
    char *at = reader->at;
    for (; !ends_cell(*at); at++)
        if (*at == '"')
            return line_error(
                reader, reader->line,
                "a quote within a field that is not quoted; quote the whole field, and write \"\" for the quote",
                error);
    reader->at = at;
    return end_cell(reader, at);
}

/* reader->at is behind the opening quote; the cell moves left where doubled quotes become one. */
static int quoted_cell(struct csv_reader *reader, struct error *error) {
    int line = reader->line;
    char *from = reader->at, *to = reader->at;
    for (;; from++) {
        if (*from == '\0') return line_error(reader, line, "a quoted field does not end; close it with a quote", error);
        if (*from == '\n') reader->line++;
        if (*from == '"' && *++from != '"') break;
        *to++ = *from;
    }
    if (!ends_cell(*from))
        return line_error(reader, reader->line, "text behind a quoted field; end the field with its quote", error);
    reader->at = from;
    return end_cell(reader, to);
}

int csv_next(struct csv_reader *reader, struct csv_row *row, struct error *error) {
    while (*reader->at == '\n' || *reader->at == '\r')
        if (*reader->at++ == '\n') reader->line++;
    if (*reader->at == '\0') return 0;
    *row = (struct csv_row){.line = reader->line};
    for (int more = 1; more; row->count++) {
        char *cell = reader->at;
        bool quoted = *cell == '"';
        if (quoted) reader->at = ++cell;
        more = quoted ? quoted_cell(reader, error) : plain_cell(reader, error);
        if (more < 0) return -1;
        if (row->count < CSV_CELLS_MAX) row->cells[row->count] = cell;
    }
    return 1;
}

bool csv_number(const char *cell, double *value) {
    char *end = NULL;
    if (*cell == '\0' || isspace((unsigned char)*cell)) return false;
    *value = strtod(cell, &end);
    return end != cell && *end == '\0';
}

bool csv_integer(const char *cell, long long minimum, long long maximum, long long *value) {
    char *end = NULL;
    if (*cell == '\0' || isspace((unsigned char)*cell)) return false;
    errno = 0;
    *value = strtoll(cell, &end, 10);
    return errno == 0 && *end == '\0' && *value >= minimum && *value <= maximum;
}
