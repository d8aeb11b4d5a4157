#include "tests/support/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/expect.h"

void screen_open(struct screen *screen, int columns, int rows) {
    assert_in_range(columns, 1, SCREEN_COLUMNS_MAX);
    assert_in_range(rows, 1, SCREEN_ROWS_MAX);
    memset(screen, 0, sizeof *screen);
    screen->columns = columns;
    screen->rows = rows;
    screen->is_cursor_shown = true;
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++) strcpy(screen->cells[y][x], " ");
}

static void erase(struct screen *screen, int y, int from) {
    for (int x = from; x < screen->columns; x++) strcpy(screen->cells[y][x], " ");
}

static void line_feed(struct screen *screen) {
    if (screen->y + 1 < screen->rows) {
        screen->y++;
        return;
    }
    memmove(screen->cells[0], screen->cells[1], sizeof screen->cells[0] * (size_t)(screen->rows - 1));
    erase(screen, screen->rows - 1, 0);
    screen->scrolled++;
}

static void put(struct screen *screen, const char *sequence, size_t size) {
    char character[5] = "";
    memcpy(character, sequence, size);
    int width = text_columns(character);
    if (width == 0) return; /* a mark on the character before it */
    if (screen->x + width > screen->columns) {
        screen->x = 0;
        screen->wrapped++;
        line_feed(screen);
    }
    strcpy(screen->cells[screen->y][screen->x], character);
    if (width == 2) *screen->cells[screen->y][screen->x + 1] = '\0';
    screen->x += width;
}

/* ESC [ parameters letter; returns its bytes. */
static size_t control(struct screen *screen, const char *at) {
    size_t length = 2 + strspn(at + 2, "0123456789;?");
    int number = atoi(at + 2 + (at[2] == '?'));
    const char letter = at[length];
    bool is_private = at[2] == '?';
    if (at[1] != '[' || !strchr(is_private ? "hl" : "KJAHm", letter))
        fail_msg("a sequence the screen does not know: ESC %.8s", at + 1);
    if (letter == 'm') return length + 1;
    if (is_private) {
        assert_true(number == 25 || number == 1049);
        if (number == 25) screen->is_cursor_shown = letter == 'h';
        if (number == 1049) screen->is_alternate = letter == 'h';
        return length + 1;
    }
    if (screen->x == screen->columns) screen->x--;
    if (letter == 'K' || letter == 'J') erase(screen, screen->y, screen->x);
    for (int y = screen->y + 1; letter == 'J' && y < screen->rows; y++) erase(screen, y, 0);
    if (letter == 'A') screen->y -= number > screen->y ? screen->y : number ? number : 1;
    if (letter == 'H') screen->x = screen->y = 0;
    return length + 1;
}

void screen_write(struct screen *screen, const char *bytes, size_t length) {
    for (size_t at = 0; at < length;) {
        size_t size = text_utf8_sequence(bytes + at, length - at);
        assert_true(size > 0);
        if (bytes[at] == '\r')
            screen->x = 0;
        else if (bytes[at] == '\n')
            line_feed(screen);
        else if (bytes[at] == '\033')
            size = control(screen, bytes + at);
        else
            put(screen, bytes + at, size);
        at += size;
    }
}

const char *screen_line(const struct screen *screen, int row) {
    static char line[SCREEN_COLUMNS_MAX * 4 + 1];
    size_t length = 0;
    for (int x = 0; x < screen->columns; x++) {
        size_t size = strlen(screen->cells[row][x]);
        memcpy(line + length, screen->cells[row][x], size);
        length += size;
    }
    while (length > 0 && line[length - 1] == ' ') length--;
    line[length] = '\0';
    return line;
}

int screen_find(const struct screen *screen, const char *start) {
    for (int y = 0; y < screen->rows; y++)
        if (strncmp(screen_line(screen, y), start, strlen(start)) == 0) return y;
    return -1;
}
