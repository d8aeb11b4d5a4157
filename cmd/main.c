/* The table of subcommands, and the one place that turns an error into a message and an exit code. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/ending.h"
#include "cmd/help.h"
#include "cmd/output.h"
#include "cmd/signals.h"
#include "cmd/terminal.h"
#include "core/file.h"
#include "core/platform.h"
#include "core/text.h"

#define COMMAND(symbol) extern const struct command symbol##_command;
#define HIDDEN_COMMAND(symbol) COMMAND(symbol)
#include "cmd/registry.def"
#undef HIDDEN_COMMAND
#undef COMMAND

#define COMMAND(symbol) &symbol##_command,
#define HIDDEN_COMMAND(symbol)
const struct command *const commands[] = {
#include "cmd/registry.def"
    NULL,
};
#undef HIDDEN_COMMAND
#undef COMMAND

#define COMMAND(symbol)
#define HIDDEN_COMMAND(symbol) &symbol##_command,
const struct command *const hidden_commands[] = {
#include "cmd/registry.def"
    NULL,
};
#undef HIDDEN_COMMAND
#undef COMMAND

static const struct command *find_command(const char *name) {
    for (const struct command *const *command = hidden_commands; *command; command++)
        if (strcmp((*command)->name, name) == 0) return *command;
    return help_find(name);
}

static int unknown_command(struct session *session, const char *name) {
    const char *words[32];
    size_t count = 0;
    for (const struct command *const *command = commands; *command && count < 32; command++)
        words[count++] = (*command)->name;
    const char *nearest = text_nearest(name, words, count);
    struct error ignored = {0};
    if (file_exists(name) && file_is_folder(name, &ignored) == 0)
        return error_set(&session->error, ERROR_CONFIG, name,
                         "unknown command; to train this config: cnntrain --config %s", name);
    if (nearest)
        return error_set(&session->error, ERROR_CONFIG, name, "unknown command; did you mean \"%s\"?", nearest);
    return error_set(&session->error, ERROR_CONFIG, name, "unknown command; `cnntrain --help` lists them");
}

static bool is_any(const char *word, const char *a, const char *b) {
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static bool is_common_flag(const char *word) {
    return is_any(word, "-q", "--quiet") || is_any(word, "-v", "--verbose") || is_any(word, "--json", "--no-color");
}

/* `cnntrain -q data synth` is `cnntrain data -q synth`. */
static void put_command_first(int argc, const char **argv) {
    int at = 1;
    while (at < argc && is_common_flag(argv[at])) at++;
    if (at == argc || !find_command(argv[at])) return;
    const char *command = argv[at];
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = command;
}

/* `cnntrain --config F` is `cnntrain train --config F`. */
static int dispatch(struct session *session, int argc, const char **argv) {
    put_command_first(argc, argv);
    const char *first = argc > 1 ? argv[1] : "--help";
    if (is_any(first, "-h", "--help") || (strcmp(first, "help") == 0 && argc == 2)) {
        help_program();
        if (argc > 1) return 0;
        return error_set(&session->error, ERROR_CONFIG, NULL,
                         "no command given; to train a config: cnntrain --config FILE");
    }
    if (strcmp(first, "--version") == 0) {
        session->verbose = argc > 2 && is_any(argv[2], "-v", "--verbose");
        help_version(session);
        return 0;
    }
    if (strcmp(first, "help") == 0) {
        const struct command *command = find_command(argv[2]);
        const char *arguments[] = {argv[2], "--help", NULL};
        return command ? command->run(session, 2, arguments) : unknown_command(session, argv[2]);
    }
    const struct command *command = find_command(*first == '-' ? "train" : first);
    if (!command) return unknown_command(session, first);
    int skipped = *first == '-' ? 0 : 1;
    const double start = platform_seconds();
    int status = command->run(session, argc - skipped, argv + skipped);
    terminal_farewell(session, platform_seconds() - start);
    return status;
}

/* Descriptors that the caller closed: without this, a file that the program opens would get the number of stdout. */
static void fill_descriptors(void) {
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null",
                 descriptor == STDOUT_FILENO ? O_RDONLY : O_RDWR); /* results must not get lost unnoticed */
}

int main(int argc, char **argv) {
    struct session session;
    ending_says(NULL);
    fill_descriptors();
    signals_catch();
    signal(SIGCHLD, SIG_DFL); /* where the caller ignores it, nobody learns how a process ended */
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit is an error of the write */
    int status = session_open(&session);
    session.describe = help_command;
    if (status == 0) status = dispatch(&session, argc, (const char **)(void *)argv);
    output_end(&session.error);
    if (status != 0 || session.error.code != ERROR_NONE) terminal_error(&session);
    int code = session.error.code != ERROR_NONE ? (int)session.error.code : status == 0 ? 0 : ERROR_RUN;
    session_close(&session);
    return code;
}
