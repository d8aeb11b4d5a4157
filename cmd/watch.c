/* cnntrain watch: the curves of a run while it trains, from the files it leaves. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/document.h"
#include "cmd/live.h"
#include "cmd/terminal.h"
#include "cmd/watch_frame.h"
#include "core/file.h"

/* What is looked at, as it stood at the last look. */
struct watch {
    struct session *session;
    const char *folder;
    bool is_run;              /* else a folder of runs */
    struct watched_run *runs; /* (count) */
    int count;
    bool was_at_work, has_ended;
    bool has_unicode, has_color;
};

/* ---- looking ---- */

static void forget(struct watch *watch) {
    for (int i = 0; i < watch->count; i++) watched_free(&watch->runs[i]);
    free(watch->runs);
    watch->runs = NULL;
    watch->count = 0;
}

static int look_at(struct watch *watch, char *const *folders) {
    int count = 0;
    while (folders[count]) count++;
    watch->runs = calloc((size_t)count + 1, sizeof *watch->runs);
    if (!watch->runs) return error_set(&watch->session->error, ERROR_RUN, NULL, "not enough memory for the runs");
    for (int i = 0; i < count; i++, watch->count++)
        if (watched_read(folders[i], &watch->runs[i], &watch->session->error) != 0) return -1;
    return 0;
}

/* The run, or the batch, has come to an end where its files say so, or where the process that was at work is gone. */
static void judge(struct watch *watch) {
    bool at_work = !watch->is_run && run_is_at_work(watch->folder), all_ended = watch->count > 0;
    for (int i = 0; i < watch->count; i++) {
        all_ended = all_ended && watched_has_ended(&watch->runs[i]);
        at_work = at_work || watch->runs[i].is_at_work;
    }
    watch->has_ended = !at_work && (all_ended || watch->was_at_work);
    watch->was_at_work = watch->was_at_work || at_work;
}

static int look(struct watch *watch) {
    forget(watch);
    int is_run = watched_is_run(watch->folder, &watch->session->error);
    if (is_run < 0) return -1;
    watch->is_run = is_run; /* one that has just been made does not say yet */
    char *const one[] = {(char *)(uintptr_t)watch->folder, NULL};
    char **found = watch->is_run ? NULL : watched_list(watch->folder, &watch->session->error);
    if (!watch->is_run && !found) return -1;
    int status = look_at(watch, watch->is_run ? one : found);
    watched_free_list(found);
    if (status == 0) judge(watch);
    return status;
}

static void add_frame(const struct watch *watch, int columns, int rows, bool has_color, struct text *text) {
    const struct watch_window window = {columns, rows, watch->has_unicode, has_color};
    if (watch->is_run)
        watch_run_frame(&watch->runs[0], &window, text);
    else
        watch_runs_frame(watch->folder, watch->runs, watch->count, &window, text);
}

/* ---- one frame ---- */

static int print_frame(struct watch *watch) {
    struct winsize size;
    struct text text = {0};
    bool is_window = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    add_frame(watch, is_window ? size.ws_col - 1 : 80, is_window ? size.ws_row - 1 : 24, watch->has_color, &text);
    return session_print_text(watch->session, &text);
}

static void add_number(struct document *document, cJSON *item, const char *key, double value) {
    document_add(document, item, key, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

static void add_run(struct document *document, cJSON *item, const struct watched_run *run) {
    const struct history *history = &run->history;
    const struct history_row *row = history->count ? &history->rows[history->count - 1] : NULL;
    document_add_string(document, item, "folder", run->folder);
    document_add_string(document, item, "name", run->name);
    document_add_string(document, item, "state", watched_state_name(run->state));
    document_add_number(document, item, "epoch", row ? row->epoch : 0);
    document_add_number(document, item, "epochs", run->epochs);
    add_number(document, item, "seconds_left", run->seconds_left);
    document_add_string(document, item, "monitor", run->monitor);
    document_add_number(document, item, "best_epoch", run->best_epoch);
    add_number(document, item, "loss", row ? row->loss : NAN);
    add_number(document, item, "accuracy", row ? row->accuracy : NAN);
    add_number(document, item, "val_loss", row ? row->val_loss : NAN);
    add_number(document, item, "val_accuracy", row ? row->val_accuracy : NAN);
    add_number(document, item, "test_accuracy", run->test_accuracy);
}

static int print_json(struct watch *watch) {
    struct document document = watch->is_run ? document_object() : document_list();
    if (watch->is_run) add_run(&document, document.root, &watch->runs[0]);
    for (int i = 0; !watch->is_run && i < watch->count; i++)
        add_run(&document, document_add_object(&document, document.root, NULL), &watch->runs[i]);
    return document_print(watch->session, &document);
}

/* ---- following ---- */

static volatile sig_atomic_t wants_end, wants_pause;

static void note_end(int number) {
    (void)number;
    wants_end = 1;
}

static void note_pause(int number) {
    (void)number;
    wants_pause = 1;
}

/* Only wakes the wait: the next frame asks for the window's size. */
static void note_resize(int number) {
    (void)number;
}

static void catch_signals(void) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = note_end};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) sigaction(ends[i], &action, NULL);
    action.sa_handler = note_pause;
    sigaction(SIGTSTP, &action, NULL);
    action.sa_handler = note_resize;
    sigaction(SIGWINCH, &action, NULL);
}

/* Another screen, so that what stood there comes back; keys come one by one and are not shown. */
static void enter_screen(struct termios *former, bool has_keys) {
    fputs("\033[?1049h\033[?25l", stdout);
    fflush(stdout);
    if (!has_keys) return;
    struct termios now = *former;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
}

static void leave_screen(const struct termios *former, bool has_keys) {
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (has_keys) tcsetattr(STDIN_FILENO, TCSADRAIN, former);
}

static void draw(const struct watch *watch) {
    struct winsize size;
    struct text frame = {0}, output = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    add_frame(watch, size.ws_col - 1, size.ws_row - 2, watch->has_color, &frame);
    text_add(&output, "\033[H");
    for (const char *at = frame.bytes; at && *at;) {
        size_t length = strcspn(at, "\n");
        text_add_bytes(&output, at, length);
        text_add(&output, "\033[K\r\n");
        at += length + (at[length] == '\n');
    }
    static const char hint[] = "q ends";
    text_add_bytes(&output, hint, text_cut_columns(hint, size.ws_col - 1));
    text_add(&output, "\033[J");
    if (!output.failed && !frame.failed) fwrite(output.bytes, 1, output.length, stdout);
    fflush(stdout);
    text_free(&frame);
    text_free(&output);
}

/* Whether someone pressed q within a second, or a signal came that is to be answered. */
static bool wait_for_key(bool has_keys) {
    enum { MILLISECONDS = 1000 };
    struct pollfd keys = {has_keys ? STDIN_FILENO : -1, POLLIN, 0};
    char key = 0;
    if (poll(&keys, 1, MILLISECONDS) <= 0 || !(keys.revents & (POLLIN | POLLHUP))) return false;
    return read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q' || key == '\033';
}

/* Until the run ends, or someone has seen enough. */
static int follow(struct watch *watch) {
    struct termios former;
    bool has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &former) == 0, ended = false;
    int status = 0;
    catch_signals();
    enter_screen(&former, has_keys);
    while (status == 0 && !watch->has_ended && !ended && !wants_end) {
        draw(watch);
        ended = wait_for_key(has_keys);
        if (wants_pause) {
            wants_pause = 0;
            leave_screen(&former, has_keys);
            raise(SIGSTOP);
            enter_screen(&former, has_keys);
        }
        status = look(watch);
    }
    leave_screen(&former, has_keys);
    return status == 0 ? print_frame(watch) : -1;
}

/* ---- the command ---- */

static int check_folder(struct watch *watch) {
    struct error *error = &watch->session->error;
    int is_folder = file_is_folder(watch->folder, error);
    if (is_folder < 0) return -1;
    if (!is_folder)
        return error_set(error, ERROR_IO, watch->folder,
                         "%s; name a run's folder, such as runs/sep_max, or a folder of runs",
                         file_exists(watch->folder) ? "is no folder" : "no such folder");
    return 0;
}

static int watch_folder(struct session *session, const char *folder, bool once) {
    bool obeys = isatty(STDOUT_FILENO) && live_has_escapes();
    struct watch watch = {.session = session,
                          .folder = folder,
                          .has_unicode = terminal_has_unicode(),
                          .has_color = terminal_has_color(session)};
    int status = check_folder(&watch) == 0 ? look(&watch) : -1;
    if (status == 0 && watch.count == 0 && watched_is_batch(folder, &session->error) != 1)
        status = error_set(&session->error, ERROR_IO, folder,
                           "is no run's folder and holds none; name one, such as runs/sep_max");
    if (status == 0 && session->json)
        status = print_json(&watch);
    else if (status == 0)
        status = once || !obeys || watch.has_ended ? print_frame(&watch) : follow(&watch);
    forget(&watch);
    return status;
}

static int run_watch(struct session *session, int argc, const char **argv);

const struct command watch_command = {
    .name = "watch",
    .summary = "a live chart of a run, or of a folder of runs",
    .usage = "[RUN] [options]",
    .details =
        "Draws loss and accuracy, of training and validation, from the history in a run's folder, tells the best "
        "epoch and the time to go, and follows until the run ends; q or Ctrl-C ends it sooner, and the run goes "
        "on. The folder may lie on another machine. A folder of several runs, such as that of a batch of "
        "experiments, shows as a table, with the curves of the run that changed last.\n\n"
        "The curves are of braille where the locale (LC_ALL, LC_CTYPE, LANG) names UTF-8, else of plain "
        "characters. Where its output is no terminal, it prints how the run stands, and ends.\n",
    .examples = "cnntrain watch runs/sep_max               loss and accuracy until the run ends; q ends it sooner\n"
                "cnntrain watch runs/six                   all runs of a batch of experiments\n"
                "cnntrain watch                            all runs below runs\n"
                "cnntrain watch runs/sep_max --once        how it stands now\n",
    .run = run_watch,
};

static int run_watch(struct session *session, int argc, const char **argv) {
    int once = 0;
    const struct poptOption table[] = {
        {"once", 0, POPT_ARG_NONE, &once, 0, "show how it stands now, and end", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &watch_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &watch_command, 0, 1, "a run's folder");
        if (status == 0) status = watch_folder(session, options.argument_count ? options.arguments[0] : "runs", once);
    }
    options_free(&options);
    return status;
}
