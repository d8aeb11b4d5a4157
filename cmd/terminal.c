#include "cmd/terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/platform.h"

static bool is_plain(void) {
    const char *term = getenv("TERM");
    return !term || !*term || strcmp(term, "dumb") == 0;
}

void terminal_open(struct terminal *terminal, const struct session *session) {
    const char *no_color = getenv("NO_COLOR");
    bool is_terminal = isatty(STDERR_FILENO) && !is_plain();
    *terminal = (struct terminal){.session = session,
                                  .has_bar = is_terminal && !session->quiet,
                                  .has_color = is_terminal && !session->no_color && !(no_color && *no_color)};
}

static int columns_of(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int terminal_width(void) {
    return columns_of(STDOUT_FILENO);
}

/* ---- text ---- */

void terminal_print(FILE *file, const char *string) {
    char shown[TEXT_SHOWN_SIZE];
    for (size_t step; (step = text_show(string, shown)) > 0; string += step) fputs(shown, file);
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

static void clear_bar(struct terminal *terminal) {
    if (terminal->bar_shown) fputs("\r\033[K", stderr);
    terminal->bar_shown = false;
}

void terminal_close(struct terminal *terminal) {
    clear_bar(terminal);
    fflush(stderr);
}

void terminal_listen(struct terminal *terminal, struct session *session) {
    session->workshop.listen = terminal_train_event;
    session->workshop.note = terminal_note;
    session->workshop.listener = terminal;
}

void terminal_status(struct terminal *terminal, const char *status) {
    if (!terminal->has_bar) return;
    clear_bar(terminal);
    int width = columns_of(STDERR_FILENO) - 1;
    fprintf(stderr, "%.*s", width > 0 ? width : 79, status);
    fflush(stderr);
    terminal->bar_shown = true;
}

int terminal_load_data(struct terminal *terminal, struct session *session, const struct config *config,
                       struct data_splits *splits) {
    terminal_status(terminal, "Loading the data ...");
    int status = run_load_data(&session->workshop, config, splits, &session->error);
    terminal_close(terminal);
    return status;
}

void terminal_note(void *listener, const char *line) {
    struct terminal *terminal = listener;
    if (terminal->session->quiet) return;
    clear_bar(terminal);
    terminal_print(stderr, line);
    fputc('\n', stderr);
}

/* ---- training ---- */

static void print_duration(char *buffer, size_t size, double seconds) {
    int whole = seconds > 0 && seconds < 1e8 ? (int)(seconds + 0.5) : 0;
    if (whole < 60)
        snprintf(buffer, size, "%ds", whole);
    else if (whole < 3600)
        snprintf(buffer, size, "%d:%02d", whole / 60, whole % 60);
    else
        snprintf(buffer, size, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

/* "123/1031 [===>......] - ETA: 10s - loss: 0.5311 - accuracy: 0.8390", cut to the window. */
static void draw_bar(struct terminal *terminal, const struct train_event *event) {
    enum { BAR = 24 };
    double now = platform_seconds();
    if (now - terminal->last_draw < 0.1) return;
    terminal->last_draw = now;
    char bar[BAR + 1], eta[32], line[512];
    int filled = (int)(BAR * event->step / event->steps);
    for (int i = 0; i < BAR; i++) bar[i] = i < filled ? '=' : i == filled ? '>' : '.';
    bar[BAR] = '\0';
    print_duration(eta, sizeof eta, event->seconds / (double)event->step * (double)(event->steps - event->step));
    snprintf(line, sizeof line, "%lld/%lld [%s] - ETA: %s - loss: %.4f - accuracy: %.4f", (long long)event->step,
             (long long)event->steps, bar, eta, event->loss, event->accuracy);
    int width = columns_of(STDERR_FILENO) - 1;
    fprintf(stderr, "\r%.*s\033[K", width > 0 ? width : 79, line);
    terminal->bar_shown = true;
}

static void print_epoch(struct terminal *terminal, const struct train_event *event) {
    const struct history_row *row = event->row;
    char duration[32];
    print_duration(duration, sizeof duration, row->seconds);
    double step = row->seconds / (double)event->steps;
    fprintf(stderr, "%lld/%lld - %s - %.0f%s/step - loss: %.4f - accuracy: %.4f", (long long)event->steps,
            (long long)event->steps, duration, step >= 1e-3 ? step * 1e3 : step * 1e6, step >= 1e-3 ? "ms" : "us",
            row->loss, row->accuracy);
    if (!isnan(row->val_loss))
        fprintf(stderr, " - val_loss: %.4f - val_accuracy: %.4f", row->val_loss, row->val_accuracy);
    if (terminal->session->verbose)
        fprintf(stderr, " - learning_rate: %.4g - %.0f images/s", row->learning_rate, row->images_per_second);
    fputc('\n', stderr);
}

void terminal_train_event(void *listener, const struct train_event *event) {
    struct terminal *terminal = listener;
    if (terminal->session->quiet) return;
    if (event->kind != TRAIN_STEP) clear_bar(terminal);
    switch (event->kind) {
    case TRAIN_EPOCH_BEGIN:
        fprintf(stderr, "Epoch %d/%d\n", event->epoch, event->epochs);
        break;
    case TRAIN_STEP:
        if (terminal->has_bar) draw_bar(terminal, event);
        break;
    case TRAIN_STEP_SKIPPED:
        fprintf(stderr, "Epoch %d: the loss or a gradient of step %lld is not finite; such steps are skipped\n",
                event->epoch, (long long)event->step + 1);
        break;
    case TRAIN_EPOCH_END:
        print_epoch(terminal, event);
        break;
    case TRAIN_RATE_REDUCED:
        fprintf(stderr, "Epoch %d: ReduceLROnPlateau: the learning rate is now %.4g\n", event->epoch,
                event->learning_rate);
        break;
    case TRAIN_STOPPED_EARLY:
        fprintf(stderr, "Epoch %d: EarlyStopping ends the training\n", event->epoch);
        break;
    case TRAIN_RESTORED:
        fprintf(stderr, "The weights of the best epoch, %d, are restored\n", event->best_epoch);
        break;
    }
    fflush(stderr);
}

/* ---- experiments ---- */

static void print_outcome(const struct run_result *result) {
    if (!result)
        fputs("no result", stderr);
    else if (result->status == RUN_NOT_FINITE)
        fputs("the loss is not finite", stderr);
    else if (!isnan(result->test_accuracy))
        fprintf(stderr, "test accuracy %.2f %%", 100 * result->test_accuracy);
    else
        fprintf(stderr, "train accuracy %.2f %%, no test set", 100 * result->train_accuracy);
}

void terminal_experiment_event(void *listener, const struct experiment_event *event) {
    struct terminal *terminal = listener;
    if (terminal->session->quiet) return;
    clear_bar(terminal);
    const char *bold = terminal->has_color ? "\033[1m" : "", *normal = terminal->has_color ? "\033[0m" : "";
    fprintf(stderr, "%s[%d/%d] %s, seed %d%s: ", bold, event->number, event->total, event->name, event->seed, normal);
    switch (event->kind) {
    case EXPERIMENT_RUN_BEGIN:
        fputs(event->resumed ? "goes on" : "starts", stderr);
        break;
    case EXPERIMENT_RUN_SKIPPED:
        fputs("was finished before, ", stderr);
        print_outcome(event->result);
        break;
    case EXPERIMENT_RUN_END:
        print_outcome(event->result);
        break;
    }
    fputc('\n', stderr);
    fflush(stderr);
}
