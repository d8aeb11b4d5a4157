#include "cmd/terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/bar.h"
#include "cmd/output.h"
#include "core/platform.h"

static bool shows_color(const struct session *session, int descriptor) {
    const char *no_color = getenv("NO_COLOR");
    return isatty(descriptor) && live_has_escapes() && !session->no_color && !(no_color && *no_color);
}

bool terminal_has_color(const struct session *session) {
    return shows_color(session, STDOUT_FILENO);
}

/* The names of locales tell. */
bool terminal_has_unicode(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *locale = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && (!locale || !*locale); i++) locale = getenv(names[i]);
    for (const char *at = locale; at && *at; at++)
        if (strncasecmp(at, "UTF-8", 5) == 0 || strncasecmp(at, "UTF8", 4) == 0) return true;
    return false;
}

void terminal_open(struct terminal *terminal, const struct session *session) {
    *terminal = (struct terminal){.session = session,
                                  .has_color = !live_is_piped() && shows_color(session, STDERR_FILENO),
                                  .clock = {.epoch_seconds = NAN},
                                  .doing = "Loading"};
    live_open(&terminal->live, !session->quiet);
}

int terminal_width(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* ---- text ---- */

void terminal_print(FILE *file, const char *string) {
    char shown[TEXT_SHOWN_SIZE];
    for (size_t step; (step = text_show(string, shown)) > 0; string += step)
        if (file == stdout)
            output_text(shown);
        else
            fputs(shown, file);
}

void terminal_print_table(const char *table) {
    static const char sign[] = " \xc2\xb1 "; /* as wide as what takes its place, so that columns stay columns */
    const char *found = NULL;
    while (!terminal_has_unicode() && (found = strstr(table, sign)) != NULL) {
        output_print("%.*s+/-", (int)(found - table), table);
        table = found + strlen(sign);
    }
    output_text(table);
}

void terminal_error(const struct session *session) {
    const struct error *error = &session->error;
    struct terminal terminal;
    terminal_open(&terminal, session);
    fflush(stdout);
    fputs(terminal.has_color ? "\033[31merror:\033[0m " : "error: ", stderr);
    if (*error->path) {
        terminal_print(stderr, error->path);
        fputs(": ", stderr);
    }
    terminal_print(stderr, *error->message ? error->message : "failed without a message");
    fputc('\n', stderr);
    if (!session->advice.length || session->advice.failed) return;
    terminal_print(stderr, session->advice.bytes);
    fputc('\n', stderr);
}

void terminal_farewell(const struct session *session, double seconds) {
    if (!session->verbose || session->quiet) return;
    fflush(stdout);
    fprintf(stderr, "took %.2f s, at most %.1f MB of memory\n", seconds, (double)platform_peak_memory() / 1e6);
}

void terminal_close(struct terminal *terminal) {
    live_clear(&terminal->live);
}

void terminal_listen(struct terminal *terminal, struct session *session) {
    session->workshop.listen = terminal_train_event;
    session->workshop.note = terminal_note;
    session->workshop.detail = session->verbose && !session->quiet ? terminal_detail : NULL;
    session->workshop.listener = terminal;
    session->workshop.loading = (struct progress){.tell = terminal_progress, .listener = terminal};
}

void terminal_status(struct terminal *terminal, const char *status) {
    struct text line = {0};
    text_add(&line, status);
    live_draw(&terminal->live, &line);
    text_free(&line);
}

static void print_line(struct terminal *terminal, const char *line) {
    if (terminal->session->quiet) return;
    live_clear(&terminal->live);
    terminal_print(stderr, line);
    fputc('\n', stderr);
}

void terminal_note(void *listener, const char *line) {
    print_line(listener, line);
}

void terminal_detail(void *listener, const char *line) {
    print_line(listener, line);
}

/* ---- long work ---- */

void terminal_progress(void *listener, const char *what, int64_t done, int64_t total) {
    struct terminal *terminal = listener;
    static const double patience = 0.05; /* seconds: what is done sooner needs no bar */
    if (!terminal->live.is_on) return;
    const double now = platform_seconds();
    if (done <= terminal->loaded || terminal->loaded == 0) terminal->loading_since = now;
    terminal->loaded = done < total ? done : 0;
    double taken = now - terminal->loading_since;
    if (taken < patience || !live_is_due(&terminal->live)) return;
    struct text line = {0}, label = {0};
    text_print(&label, "%s %s", terminal->doing, what);
    struct bar bar = {.label = label.failed ? NULL : label.bytes,
                      .done = done,
                      .total = total,
                      .left = total ? taken / (double)done * (double)(total - done) : NAN,
                      .run_left = NAN,
                      .loss = NAN,
                      .accuracy = NAN};
    bar_write(&bar, live_columns() - 1, &line);
    live_draw(&terminal->live, &line);
    text_free(&line);
    text_free(&label);
}

int terminal_load_data(struct terminal *terminal, struct session *session, const struct config *config,
                       struct data_splits *splits) {
    const double start = platform_seconds();
    session->workshop.loading = (struct progress){.tell = terminal_progress, .listener = terminal};
    int status = run_load_data(&session->workshop, config, splits, &session->error);
    terminal_close(terminal);
    session->workshop.loading = (struct progress){0};
    if (status != 0 || !session->verbose) return status;
    struct text line = {0};
    text_print(&line, "data: %lld images loaded in %.2f s",
               (long long)(splits->train.count + splits->validation.count + splits->test.count),
               platform_seconds() - start);
    if (!line.failed) terminal_note(terminal, line.bytes);
    text_free(&line);
    return 0;
}
