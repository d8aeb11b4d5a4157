#include "data/csv_rows.h"

#include <stddef.h>

static int line_error(const struct csv_rows *reader, int line, const char *what, struct error *error) {
    return error_set(error, ERROR_DATA, reader->path, "line %d: %s", line, what);
}

/* Ends the field before the delimiter at `at` and steps over it. 1: another field follows, 0: the row is over. */
static int end_field(struct csv_rows *reader, char *end) {
    char delimiter = *reader->at;
    if (delimiter == '\r' && reader->at[1] == '\n') reader->at++;
    if (*reader->at) reader->at++;
    *end = '\0';
    if (delimiter == ',') return 1;
    if (delimiter) reader->line++;
    return 0;
}

static int ends_field(char letter) {
    return letter == ',' || letter == '\n' || letter == '\r' || letter == '\0';
}

static int plain_field(struct csv_rows *reader, struct error *error) {
    char *at = reader->at;
    for (; !ends_field(*at); at++)
        if (*at == '"') return line_error(reader, reader->line, "a quote within a field that is not quoted", error);
    reader->at = at;
    return end_field(reader, at);
}

/* reader->at is behind the opening quote; the field moves left where doubled quotes become one. */
static int quoted_field(struct csv_rows *reader, struct error *error) {
    int line = reader->line;
    char *from = reader->at, *to = reader->at;
    for (;; from++) {
        if (*from == '\0') return line_error(reader, line, "a quoted field does not end", error);
        if (*from == '\n') reader->line++;
        if (*from == '"' && *++from != '"') break;
        *to++ = *from;
    }
    if (!ends_field(*from)) return line_error(reader, reader->line, "text behind a quoted field", error);
    reader->at = from;
    return end_field(reader, to);
}

int csv_rows_next(struct csv_rows *reader, struct csv_row *row, struct error *error) {
    while (*reader->at == '\n' || *reader->at == '\r')
        if (*reader->at++ == '\n') reader->line++;
    if (*reader->at == '\0') return 0;
    *row = (struct csv_row){.line = reader->line};
    for (int more = 1; more;) {
        if (row->count == CSV_FIELDS_MAX)
            return line_error(reader, row->line, "more than 3 fields; path,label[,split] is expected", error);
        char *field = reader->at;
        int quoted = *field == '"';
        if (quoted) reader->at = ++field;
        more = quoted ? quoted_field(reader, error) : plain_field(reader, error);
        if (more < 0) return -1;
        row->fields[row->count++] = field;
    }
    return 1;
}
