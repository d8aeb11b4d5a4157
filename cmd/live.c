#include "cmd/live.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/platform.h"

/* Between two drawings the cursor stands at the beginning of the first line, and not behind the last: a terminal that
 * breaks lines anew when its window changes keeps a cursor at the character it stands on, so wherever the lines end up,
 * they are what is behind it. */
static const char clear_lines[] = "\r\033[J";

/* For handlers of signals. */
static volatile sig_atomic_t is_drawn;

void live_abandon(void) {
    if (!is_drawn) return;
    ssize_t written = write(STDERR_FILENO, clear_lines, sizeof clear_lines - 1);
    (void)written;
    is_drawn = 0;
}

/* Ctrl-Z: the shell's prompt does not come to stand among the lines. */
static void pause_drawing(int number) {
    struct sigaction action = {.sa_handler = SIG_DFL}, former;
    sigset_t set;
    live_abandon();
    sigaction(number, &action, &former);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* it stops here, and goes on from here */
    sigaction(number, &former, NULL);
}

static void catch_pause(void) {
    struct sigaction action = {.sa_handler = pause_drawing, .sa_flags = SA_RESTART}, former;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGTSTP, NULL, &former) == 0 && former.sa_handler == SIG_DFL) sigaction(SIGTSTP, &action, NULL);
}

bool live_has_escapes(void) {
    const char *term = getenv("TERM");
    return term && *term && strcmp(term, "dumb") != 0;
}

bool live_is_piped(void) {
    struct stat out;
    return fstat(STDOUT_FILENO, &out) == 0 && S_ISFIFO(out.st_mode);
}

void live_open(struct live *live, bool wanted) {
    *live = (struct live){.is_on = wanted && !live_is_piped() && isatty(STDERR_FILENO) && live_has_escapes()};
    if (live->is_on) catch_pause();
}

static struct winsize window(void) {
    struct winsize size = {0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size.ws_col = 80;
    if (size.ws_row == 0) size.ws_row = 24;
    return size;
}

int live_columns(void) {
    return window().ws_col;
}

int live_rows(void) {
    return window().ws_row;
}

bool live_may_draw(const struct live *live) {
    if (!live->is_on) return false;
    pid_t group = tcgetpgrp(STDERR_FILENO); /* -1: a terminal that controls nobody */
    return group < 0 || group == getpgrp();
}

bool live_is_due(const struct live *live) {
    return platform_seconds() - live->last_draw >= 0.1 && live_may_draw(live);
}

/* The line up to `end`, cut to so many columns; a colour in it is left on no account. */
static void add_cut(struct text *output, const char *line, const char *end, int columns) {
    bool has_color = false;
    while (line < end) {
        const char *escape = memchr(line, '\033', (size_t)(end - line)), *stop = escape ? escape : end;
        struct text plain = {0};
        text_add_bytes(&plain, line, (size_t)(stop - line));
        const size_t fits = plain.bytes ? text_cut_columns(plain.bytes, columns) : 0;
        if (plain.bytes) text_add_bytes(output, plain.bytes, fits);
        columns -= plain.bytes ? text_columns(plain.bytes) : 0;
        text_free(&plain);
        if (columns < 0) columns = 0;
        line = stop;
        if (!escape) break;
        while (line < end && *line != 'm') line++;
        line += line < end;
        text_add_bytes(output, escape, (size_t)(line - escape));
        has_color = true;
    }
    if (has_color) text_add(output, "\033[0m");
}

void live_draw(struct live *live, const struct text *lines) {
    if (!live->is_on || !lines->bytes || lines->failed) return;
    const struct winsize size = window();
    struct text output = {0};
    int count = 0;
    for (const char *at = lines->bytes; *at && count < (size.ws_row > 1 ? size.ws_row - 1 : 1); count++) {
        const char *end = strchr(at, '\n');
        if (!end) end = at + strlen(at);
        text_add(&output, count ? "\r\n" : "\r");
        add_cut(&output, at, end, size.ws_col - 1);
        text_add(&output, "\033[K");
        at = *end ? end + 1 : end;
    }
    text_add(&output, "\033[J");
    if (count > 1) text_print(&output, "\033[%dA", count - 1);
    text_add(&output, "\r");
    is_drawn = 1;
    if (!output.failed) fwrite(output.bytes, 1, output.length, stderr);
    fflush(stderr);
    text_free(&output);
    live->lines = count;
    live->last_draw = platform_seconds();
}

void live_clear(struct live *live) {
    if (live->lines) fputs(clear_lines, stderr);
    fflush(stderr);
    live->lines = 0;
    is_drawn = 0;
}

void live_keep(struct live *live) {
    for (int i = 0; i < live->lines; i++) fputs("\r\n", stderr);
    fflush(stderr);
    live->lines = 0;
    is_drawn = 0;
}
