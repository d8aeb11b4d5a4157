#include "cmd/signals.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "cmd/live.h"
#include "core/error.h"

static const char usual[] = "interrupted; no file is left half written";

static pthread_t main_thread;
static volatile sig_atomic_t is_guarded, stop_signal;
static const char *volatile sentence = usual;

/* Of a handler: only what may be called there. */
static void put(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

_Noreturn static void end_now(void) {
    live_abandon();
    put("error: ");
    put(sentence);
    put("\n");
    _exit(ERROR_INTERRUPTED);
}

/* The main thread alone decides: it holds signals back while it has a temporary file (core/file.c), and a change of
 * `is_guarded` cannot come between. */
static void handle(int number) {
    if (!pthread_equal(pthread_self(), main_thread)) {
        pthread_kill(main_thread, number);
        return;
    }
    if (!is_guarded) end_now();
    if (stop_signal) {
        live_abandon();
        _exit(128 + number);
    }
    stop_signal = number;
}

void signals_catch(void) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    main_thread = pthread_self();
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* A closed terminal ends a run like Ctrl-C, unless nohup has it ignored. */
    struct sigaction former;
    if (sigaction(SIGHUP, NULL, &former) == 0 && former.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
}

const volatile sig_atomic_t *signals_stop(void) {
    return &stop_signal;
}

void signals_guard(bool is_at_stake) {
    is_guarded = is_at_stake;
    if (!is_at_stake && stop_signal) end_now(); /* nobody has looked at it */
}

void signals_say(const char *new_sentence) {
    sentence = new_sentence ? new_sentence : usual;
}
