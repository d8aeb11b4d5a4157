/* A terminal's screen as a person sees it, from the bytes that were written to it: enough of a VT100 for what the
 * program writes. Anything else fails the test. */
#ifndef CNNTRAIN_TESTS_SUPPORT_SCREEN_H
#define CNNTRAIN_TESTS_SUPPORT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

enum { SCREEN_COLUMNS_MAX = 256, SCREEN_ROWS_MAX = 64 };

struct screen {
    int columns, rows;
    int x, y;             /* of the cursor; x == columns: the next character goes to a new line */
    bool is_cursor_shown; /* else it was hidden */
    bool is_alternate;
    int scrolled;                                       /* lines that left at the top */
    int wrapped;                                        /* times that text ran over the right edge */
    char cells[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX][5]; /* UTF-8; "" behind a wide character */
};

void screen_open(struct screen *screen, int columns, int rows);
void screen_write(struct screen *screen, const char *bytes, size_t length);
/* The text of a line, without trailing spaces, in memory of the screen's until the next call. */
const char *screen_line(const struct screen *screen, int row);
/* The row that begins with this text, -1: none. */
int screen_find(const struct screen *screen, const char *start);

#endif
