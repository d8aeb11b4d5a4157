#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ending.h"
#include "cmd/help.h"
#include "core/text.h"

enum { OPTION_HELP = 1000, OPTION_VERSION, FLAGS_MAX = 96 /* vals of options, below: 1 to 31 */ };

static const char memory_message[] = "not enough memory for the command line";

/* Options of every command; popt writes into the session. */
struct common_table {
    struct poptOption options[9];
    int quiet, verbose, json, no_color, threads;
};

static void fill_common(struct common_table *common) {
    const struct poptOption options[] = {
        {"threads", 0, POPT_ARG_INT, &common->threads, 0,
         "threads to use (default: OMP_NUM_THREADS, or all usable cores)", "N"},
        {"json", 0, POPT_ARG_NONE, &common->json, 0, "one JSON document on stdout, where the command has results",
         NULL},
        {"quiet", 'q', POPT_ARG_NONE, &common->quiet, 0, "no progress, results and errors only", NULL},
        {"verbose", 'v', POPT_ARG_NONE, &common->verbose, 0, "more about what happens", NULL},
        {"no-color", 0, POPT_ARG_NONE, &common->no_color, 0, "no colour on the terminal", NULL},
        {"help", 'h', POPT_ARG_NONE, NULL, OPTION_HELP, "this help", NULL},
        {"version", 0, POPT_ARG_NONE, NULL, OPTION_VERSION, "version, instruction sets and libraries", NULL},
        POPT_TABLEEND,
    };
    memcpy(common->options, options, sizeof options);
}

static size_t collect_flags(const struct poptOption *table, const char **words, size_t count) {
    for (; table && (table->longName || table->shortName); table++)
        if (table->longName && count < FLAGS_MAX) words[count++] = table->longName;
    return count;
}

/* `word` is "--epochs=x", or the "x" that follows "--epochs". */
static int bad_number(struct session *session, const char **argv, const char *word) {
    char flag[64];
    const char *value = strchr(word, '=');
    snprintf(flag, sizeof flag, "%.*s", (int)strcspn(word, "="), word);
    while (!value && argv[1] && argv[1] != word) argv++;
    const char *where = value ? flag : *argv, *found = value ? value + 1 : word;
    const size_t sign = *found == '-' || *found == '+', digits = strspn(found + sign, "0123456789");
    if (digits > 0 && found[sign + digits] == '\0')
        return error_set(&session->error, ERROR_CONFIG, where, "%s is too large a number; the largest is %d", found,
                         INT_MAX);
    return error_set(&session->error, ERROR_CONFIG, where, "must be a whole number, got \"%s\"", found);
}

/* What is wrong with an option that is known. */
static const char *fault_of(int code) {
    if (code == POPT_ERROR_NOARG) return "needs a value";
    return code == POPT_ERROR_UNWANTEDARG ? "takes no value" : "cannot be used so";
}

static int bad_option(struct session *session, const struct command *command, const struct poptOption *table,
                      const struct common_table *common, poptContext context, int code, const char **argv) {
    const char *flag = poptBadOption(context, POPT_BADOPTION_NOALIAS);
    if (code == POPT_ERROR_BADNUMBER || code == POPT_ERROR_OVERFLOW) return bad_number(session, argv, flag);
    if (code != POPT_ERROR_BADOPT)
        return error_set(&session->error, ERROR_CONFIG, flag, "%s; see: cnntrain %s --help", fault_of(code),
                         command->name);
    const char *words[FLAGS_MAX], *name = flag + strspn(flag, "-");
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(name, "="), name);
    size_t count = collect_flags(common->options, words, collect_flags(table, words, 0));
    const char *nearest = text_nearest(word, words, count);
    if (nearest)
        return error_set(&session->error, ERROR_CONFIG, flag, "unknown option of cnntrain %s; did you mean \"--%s\"?",
                         command->name, nearest);
    return error_set(&session->error, ERROR_CONFIG, flag, "unknown option of cnntrain %s, whose --help lists them",
                     command->name);
}

static int no_memory(struct session *session) {
    return error_set(&session->error, ERROR_RUN, NULL, "%s", memory_message);
}

static int read_options(struct options *options, struct session *session, const struct command *command,
                        const struct poptOption *table, struct common_table *common, const char **argv) {
    int code = 0;
    while ((code = poptGetNextOpt(options->context)) > 0 && errno != ENOMEM) {
        if (code < OPTION_HELP) {
            options->seen |= 1u << code;
            continue;
        }
        if (code == OPTION_HELP) {
            const struct command_description description = {command, table, common->options};
            session->describe(session->description_target, &description);
        }
        if (code == OPTION_VERSION) {
            session->verbose = common->verbose;
            help_version(session);
        }
        options->help_shown = true;
        return 0;
    }
    if (errno == ENOMEM) return no_memory(session);
    return code < -1 ? bad_option(session, command, table, common, options->context, code, argv) : 0;
}

/* An empty name is a mistake in a script, such as an unset variable: it must not mean "here". */
static int check_empty(const struct options *options, struct session *session) {
    for (const struct poptOption *option = options->table; option && option->longName; option++) {
        const char *value = (option->argInfo & POPT_ARG_MASK) == POPT_ARG_STRING ? *(const char **)option->arg : NULL;
        char flag[64];
        snprintf(flag, sizeof flag, "--%s", option->longName);
        if (value && !*value) return error_set(&session->error, ERROR_CONFIG, flag, "is empty; give it a value");
    }
    for (const char *const *argument = options->arguments; argument && *argument; argument++)
        if (!**argument)
            return error_set(&session->error, ERROR_CONFIG, NULL,
                             "an argument is empty; give it a value, or leave it out");
    return 0;
}

static int parse(struct options *options, struct session *session, const struct command *command,
                 const struct poptOption *table, int argc, const char **argv) {
    struct common_table common = {.threads = NOT_GIVEN};
    fill_common(&common);
    *options = (struct options){.table = table};
    const struct poptOption end = POPT_TABLEEND;
    const struct poptOption both[] = {
        {NULL, 0, POPT_ARG_INCLUDE_TABLE, common.options, 0, NULL, NULL},
        {NULL, 0, POPT_ARG_INCLUDE_TABLE, table ? (void *)(uintptr_t)table : common.options, 0, NULL, NULL},
        end,
    };
    errno = 0; /* some of popt's functions leave out arguments that they have no memory for */
    options->context = poptGetContext("cnntrain", argc, argv, both, 0);
    if (!options->context || errno == ENOMEM) return no_memory(session);
    int status = read_options(options, session, command, table, &common, argv);
    session->quiet = session->quiet || common.quiet;
    session->verbose = session->verbose || common.verbose;
    session->json = session->json || common.json;
    session->no_color = session->no_color || common.no_color;
    session->threads = common.threads;
    if (status != 0) return -1;
    options->arguments = poptGetArgs(options->context);
    while (options->arguments && options->arguments[options->argument_count]) options->argument_count++;
    return options->help_shown ? 0 : check_empty(options, session);
}

/* popt ends the program where it gets no memory. */
int options_parse(struct options *options, struct session *session, const struct command *command,
                  const struct poptOption *table, int argc, const char **argv) {
    ending_says(memory_message);
    int status = parse(options, session, command, table, argc, argv);
    ending_says(NULL);
    return status;
}

static void free_strings(char **strings) {
    for (size_t i = 0; strings && strings[i]; i++) free(strings[i]);
    free(strings);
}

void options_free(struct options *options) {
    poptFreeContext(options->context);
    for (const struct poptOption *option = options->table; option && option->longName; option++) {
        unsigned type = option->argInfo & POPT_ARG_MASK;
        if (type == POPT_ARG_STRING) free(*(char **)option->arg);
        if (type == POPT_ARG_ARGV) free_strings(*(char ***)option->arg);
    }
}

int options_expect(const struct options *options, struct session *session, const struct command *command, int least,
                   int most, const char *what) {
    int count = options->argument_count;
    if (count < least)
        return error_set(&session->error, ERROR_CONFIG, NULL, "cnntrain %s needs %s; see: cnntrain %s --help",
                         command->name, what, command->name);
    if (most >= 0 && count > most)
        return error_set(&session->error, ERROR_CONFIG, options->arguments[most],
                         "one argument too many for cnntrain %s; see: cnntrain %s --help", command->name,
                         command->name);
    return 0;
}

const char *options_config(const struct options *options, struct session *session, const struct command *command,
                           const char *given, const char *what) {
    int count = given ? 0 : 1;
    if (options_expect(options, session, command, count, count, what) != 0) return NULL;
    return given ? given : options->arguments[0];
}

int options_check_range(struct session *session, const char *flag, int value, int least, int most) {
    if (value == NOT_GIVEN || (value >= least && value <= most)) return 0;
    if (most == INT_MAX)
        return error_set(&session->error, ERROR_CONFIG, flag, "must be %d or more, got %d", least, value);
    return error_set(&session->error, ERROR_CONFIG, flag, "must be %d to %d, got %d", least, most, value);
}

/* ---- overrides ---- */

static bool add_override(struct override_list *list, const char *path, const char *value) {
    size_t size = strlen(path) + strlen(value) + 2;
    char *text = malloc(size);
    if (!text) return false;
    snprintf(text, size, "%s%c%s", path, '\0', value);
    memcpy(text + strlen(path) + 1, value, strlen(value) + 1);
    list->texts[list->count] = text;
    list->items[list->count++] = (struct config_override){text, text + strlen(path) + 1};
    return true;
}

static bool add_number(struct override_list *list, const char *path, int value) {
    char number[16];
    snprintf(number, sizeof number, "%d", value);
    return add_override(list, path, number);
}

/* Patterns as a JSON list. */
static bool add_list(struct override_list *list, const char *path, const char *const *items) {
    struct text text = {0};
    text_add(&text, "[");
    for (size_t i = 0; items[i]; i++) {
        if (i) text_add(&text, ", ");
        json_write_string(items[i], &text);
    }
    text_add(&text, "]");
    const bool added = !text.failed && add_override(list, path, text.bytes);
    text_free(&text);
    return added;
}

static int add_setting(struct session *session, struct override_list *list, const char *setting) {
    char key[160];
    size_t length = strcspn(setting, "=");
    if (setting[length] != '=' || length == 0 || length >= sizeof key)
        return error_set(&session->error, ERROR_CONFIG, "--set",
                         "\"%s\" is not KEY.PATH=VALUE, such as training.epochs=5", setting);
    snprintf(key, sizeof key, "%.*s", (int)length, setting);
    if (add_override(list, key, setting + length + 1)) return 0;
    return error_set(&session->error, ERROR_RUN, "--set", "not enough memory");
}

int make_overrides(struct session *session, const struct train_options *options, struct override_list *list) {
    size_t count = 5;
    if (options_check_range(session, "--epochs", options->epochs, 1, INT_MAX) != 0 ||
        options_check_range(session, "--batch-size", options->batch_size, 1, INT_MAX) != 0 ||
        options_check_range(session, "--seed", options->seed, 0, INT_MAX) != 0)
        return -1;
    for (size_t i = 0; options->set && options->set[i]; i++) count++;
    *list = (struct override_list){calloc(count, sizeof *list->items), calloc(count, sizeof *list->texts), 0};
    bool whole = list->items && list->texts;
    if (whole && options->epochs != NOT_GIVEN) whole = add_number(list, "training.epochs", options->epochs);
    if (whole && options->batch_size != NOT_GIVEN) whole = add_number(list, "training.batch_size", options->batch_size);
    if (whole && options->seed != NOT_GIVEN) whole = add_number(list, "seed", options->seed);
    if (whole && options->tensorboard) whole = add_override(list, "training.tensorboard", "true");
    if (whole && options->freeze) whole = add_list(list, "training.freeze", options->freeze);
    if (!whole) no_memory(session);
    for (size_t i = 0; whole && options->set && options->set[i]; i++)
        whole = add_setting(session, list, options->set[i]) == 0;
    if (whole) return 0;
    free_overrides(list);
    return -1;
}

void free_overrides(struct override_list *list) {
    for (size_t i = 0; i < list->count; i++) free(list->texts[i]);
    free(list->texts);
    free(list->items);
    *list = (struct override_list){0};
}

int read_config(struct session *session, const struct train_options *options, const char *path, struct config *config) {
    struct override_list overrides;
    struct config_request request = session_request(session, path);
    if (make_overrides(session, options, &overrides) != 0) return -1;
    request.overrides = overrides.items;
    request.override_count = overrides.count;
    request.data_spec = options->data;
    int status = config_read(config, &request, &session->error);
    free_overrides(&overrides);
    return status;
}

/* The shape of the data's images; rank 0 where nobody needs it. */
static int shape_of_data(struct session *session, struct config *config, bool from_user, struct shape *shape) {
    struct data_splits splits;
    *shape = (struct shape){0};
    struct shape known;
    if (config->values.input_shape.count || !config->values.data.kind || config_source_shape(config, &known)) return 0;
    if (config_locate_data(config, session->workshop.data_folder, from_user, &session->error) != 0) return -1;
    if (run_load_data(&session->workshop, config, &splits, &session->error) != 0) return -1;
    *shape = run_image_shape(&splits.train);
    data_splits_free(&splits);
    return 0;
}

int read_input_shape(struct session *session, const struct train_options *options, struct config *config,
                     struct shape *shape) {
    struct shape data;
    if (shape_of_data(session, config, options->data != NULL, &data) != 0) return -1;
    return config_input_shape(config, &data, shape, &session->error);
}
