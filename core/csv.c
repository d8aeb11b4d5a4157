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

bool csv_next(struct csv_reader *reader) {
    char *end = strchr(reader->at, '\n');
    if (!end) return false;
    char *at = reader->at;
    reader->at = end + 1;
    if (end > at && end[-1] == '\r') end--;
    *end = '\0';
    reader->line++;
    reader->count = 0;
    while (at && reader->count < CSV_CELLS_MAX) {
        char *comma = reader->count + 1 < CSV_CELLS_MAX ? strchr(at, ',') : NULL;
        reader->cells[reader->count++] = at;
        if (comma) *comma++ = '\0';
        at = comma;
    }
    return true;
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
