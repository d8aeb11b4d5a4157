/* What every subcommand shares: registries, kernels, how to print, and the error that becomes the exit code. */
#ifndef CNNTRAIN_CMD_SESSION_H
#define CNNTRAIN_CMD_SESSION_H

#include <limits.h>
#include <popt.h>
#include <stdbool.h>

#include "core/config.h"
#include "core/run.h"

/* A command with all its options: what its help, its manual page and completions are made of. */
struct command_description {
    const struct command *command;
    const struct poptOption *options; /* its own, or NULL */
    const struct poptOption *common;  /* those of every command */
};

struct session {
    struct registries registries;
    struct workshop workshop;
    struct config_search search;
    char *search_paths[4]; /* what search points to, owned */
    struct error error;
    struct text advice; /* what to do now, a line of its own after the error; may be empty */
    bool quiet, verbose, json, no_color;
    int threads; /* --threads, or NOT_GIVEN */
    /* Answers --help: prints the help, unless somebody else wants to know the options (cmd/help.h). */
    void (*describe)(void *target, const struct command_description *description);
    void *description_target;
};

/* A number that was not on the command line. */
enum { NOT_GIVEN = INT_MIN };

/* A subcommand. `run` returns 0, or -1 with session->error set. */
struct command {
    const char *name, *summary;
    const char *usage;    /* what follows "cnntrain NAME" */
    const char *details;  /* a paragraph or several, each ended by a newline, for help and manual; or NULL */
    const char *examples; /* lines, each ended by a newline */
    void (*more_help)(struct text *text); /* adds what its help says behind the options; NULL: nothing */
    int (*run)(struct session *session, int argc, const char **argv);
    const struct command *part; /* whose name begins with this one's and a space, with options of its own; or NULL */
};

/* The subcommands of cmd/registry.def, ended by NULL: those that help lists, and those that it does not. */
extern const struct command *const commands[], *const hidden_commands[];

/* Registries, search folders and the environment; kernels and threads come with session_start. */
int session_open(struct session *session);
void session_close(struct session *session);
/* Chooses kernels (CNNTRAIN_CPU) and the number of threads (--threads, OMP_NUM_THREADS, the usable cores). */
int session_start(struct session *session);
/* Starts the threads that engines will use: now, for without memory or processes for them the program ends. */
void session_start_threads(int threads);

/* A config request with the session's registries and search folders. */
struct config_request session_request(const struct session *session, const char *path);

/* Prints a JSON document to stdout and deletes it; NULL is "no memory". */
int session_print_json(struct session *session, cJSON *json);
/* Prints a text to stdout and frees it. */
int session_print_text(struct session *session, struct text *text);
/* Whether a path that may be a config or a trained model looks like the latter: 1 or 0; -1 where nobody can say. */
int session_is_model(struct session *session, const char *path);
struct saved_model;
/* Says on stderr how images are fed to a model of another program whose file does not say it. */
void session_note_guess(const struct session *session, const struct saved_model *saved, const char *path);
/* Fails unless `path` is there, with advice to someone who looks for a trained model. */
int session_check_model(struct session *session, const char *path);

/* ---- options ---- */

/* Arguments that are no options, after options_parse; the array ends with NULL and lives until options_free. */
struct options {
    poptContext context;
    const char **arguments;
    int argument_count;
    bool help_shown; /* --help or --version was answered: nothing more to do */
    unsigned seen;   /* bit N: an option with the val N (1 to 31) was given */
    const struct poptOption *table;
};

/* Parses argv (argv[0] is the command's name) by the command's table and the common options. Unknown flags are
 * ERROR_CONFIG with the nearest known one. Strings that popt fills in belong to options_free. */
int options_parse(struct options *options, struct session *session, const struct command *command,
                  const struct poptOption *table, int argc, const char **argv);
void options_free(struct options *options);
/* Fails unless there are `least` to `most` arguments (most -1: any number); `what` names them in the message. */
int options_expect(const struct options *options, struct session *session, const struct command *command, int least,
                   int most, const char *what);
/* The config that `--config FILE` names, or else the one argument; NULL with the session's error where there is none,
 * or both. */
const char *options_config(const struct options *options, struct session *session, const struct command *command,
                           const char *given, const char *what);
/* Fails where the number is given and out of range. */
int options_check_range(struct session *session, const char *flag, int value, int least, int most);

/* Options of all commands that read a config; filled by popt. Start with TRAIN_OPTIONS_NONE. */
struct train_options {
    const char *config, *data;
    int epochs, batch_size, seed; /* or NOT_GIVEN */
    const char **set;             /* --set KEY=VALUE, ended by NULL; popt owns it */
    const char **freeze;          /* --freeze PATTERN, likewise */
    int tensorboard;              /* --tensorboard */
};
#define TRAIN_OPTIONS_NONE                                                                                             \
    { .epochs = NOT_GIVEN, .batch_size = NOT_GIVEN, .seed = NOT_GIVEN }

/* The overrides that these options stand for; free with free_overrides. -1 with the session's error. */
struct override_list {
    struct config_override *items;
    char **texts;
    size_t count;
};
int make_overrides(struct session *session, const struct train_options *options, struct override_list *list);
void free_overrides(struct override_list *list);
/* Reads the config at `path` with what the options say about it; config_free it. */
int read_config(struct session *session, const struct train_options *options, const char *path, struct config *config);
/* The input shape of that config's model. The data are loaded only where neither the config nor its source states it.
 */
int read_input_shape(struct session *session, const struct train_options *options, struct config *config,
                     struct shape *shape);

#endif
