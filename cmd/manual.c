/* cnntrain manual: the manual pages as roff, from the tables that help, parsing and the schema are made of. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/help.h"
#include "cmd/roff.h"
#include "core/file.h"

/* ---- pieces ---- */

static void add_capitals(struct text *text, const char *word) {
    for (; *word; word++) text_print(text, *word == '-' ? "\\-" : "%c", toupper((unsigned char)*word));
}

static void begin_page(struct text *text, const char *title, int section, const char *name, const char *summary) {
    text_add(text, ".TH ");
    add_capitals(text, title);
    text_print(text, " %d %s \"cnntrain %s\" \"%s\"\n.nh\n.ad l\n.SH NAME\n", section, CNNTRAIN_DATE, CNNTRAIN_VERSION,
               section == 1 ? "User Commands" : "File Formats");
    roff_add_literal(text, name);
    text_add(text, " \\- ");
    roff_add_prose(text, summary);
}

static void add_section(struct text *text, const char *title, const char *prose) {
    text_print(text, ".SH %s\n", title);
    if (prose) roff_add_prose(text, prose);
}

static void add_options(struct text *text, const struct poptOption *option) {
    for (; is_option(option); option++) {
        text_add(text, ".TP\n");
        if (option->shortName) text_print(text, "\\fB\\-%c\\fR, ", option->shortName);
        text_add(text, "\\fB\\-\\-");
        roff_add_literal(text, option->longName);
        text_add(text, "\\fR");
        if (option->argDescrip) {
            text_add(text, " \\fI");
            roff_add_literal(text, option->argDescrip);
            text_add(text, "\\fR");
        }
        text_add(text, "\n");
        roff_add_prose(text, option->descrip);
    }
}

/* A table of names, or of values, and what they mean. */
struct entry {
    const char *name, *meaning;
};

static void add_entries(struct text *text, const struct entry *entry) {
    for (; entry->name; entry++) {
        text_add(text, ".TP\n\\fB");
        roff_add_literal(text, entry->name);
        text_add(text, "\\fR\n");
        roff_add_prose(text, entry->meaning);
    }
}

static void add_reference(struct text *text, const char *name, int section, bool last) {
    text_add(text, ".BR ");
    roff_add_literal(text, name);
    text_print(text, " (%d)%s\n", section, last ? "" : ",");
}

/* ---- a command's page ---- */

/* "cnntrain-config-init" of "config init". */
enum { PAGE_NAME = 64 };
static void page_name(const struct command *command, char name[PAGE_NAME]) {
    snprintf(name, PAGE_NAME, "cnntrain-%s", command->name);
    for (char *at = name; (at = strchr(at, ' ')) != NULL;) *at = '-';
}

static void add_command_page(void *target, const struct command_description *description) {
    struct text *text = target;
    const struct command *command = description->command;
    char name[PAGE_NAME];
    page_name(command, name);
    begin_page(text, name, 1, name, command->summary);
    text_add(text, ".SH SYNOPSIS\n\\fBcnntrain ");
    roff_add_literal(text, command->name);
    text_add(text, "\\fR ");
    roff_add_usage(text, command->usage);
    text_add(text, "\n");
    if (command->details) add_section(text, "DESCRIPTION", command->details);
    if (description->options) {
        add_section(text, "OPTIONS", NULL);
        add_options(text, description->options);
    }
    add_section(text, "COMMON OPTIONS", NULL);
    add_options(text, description->common);
    add_section(text, "EXAMPLES", NULL);
    roff_add_lines(text, command->examples);
    add_section(text, "EXIT STATUS", NULL);
    text_add(text, "As in\n");
    add_reference(text, "cnntrain", 1, true);
    add_section(text, "SEE ALSO", NULL);
    add_reference(text, "cnntrain", 1, false);
    if (command->part) {
        page_name(command->part, name);
        add_reference(text, name, 1, false);
    }
    add_reference(text, "cnntrain-config", 5, true);
}

/* ---- the program's page ---- */

static const char description[] =
    "A config, a small JSON file with the layer names, fields and defaults of Keras, describes a network, its data and "
    "its training. `cnntrain` checks it, trains the network and leaves a folder with the weights, the history and a "
    "report. Results go to standard output, progress and messages to standard error.\n"
    "\n"
    "A config or experiment that is not found as given is looked for in the folder `configs` beside the program and in "
    "the installed share folder, with or without `.json`. MODEL is a checkpoint or the folder of a run.\n";

static const struct entry files[] = {
    {"config.json", "The resolved config; it repeats the run.\n"},
    {"history.csv", "A row an epoch, written as it ends.\n"},
    {"last.safetensors, best.safetensors", "Checkpoints: the weights, the optimizer's state and the config.\n"},
    {"metrics.json, confusion.csv, predictions.csv", "Results on the test set.\n"},
    {"report.html", "All of it to look at in a browser: one file.\n"},
    {"report.md", "The same for a code host, with the pictures `curves.svg`, `confusion.svg` and `mistakes.png`.\n"},
    {"log.txt", "What happened, epoch by epoch.\n"},
    {NULL, NULL},
};

static const struct entry environment[] = {
    {"CNNTRAIN_DATA", "A folder that relative data paths are looked for in, after the folder of the config.\n"},
    {"CNNTRAIN_CPU", "Forces the kernels of an instruction set: `portable`, `avx2` or `avx512`.\n"},
    {"OMP_NUM_THREADS", "Threads to use where --threads does not say; otherwise as many as there are usable cores.\n"},
    {"NO_COLOR", "Set to anything: no colour.\n"},
    {"TERM", "Not set, or `dumb`: neither colour nor a progress bar.\n"},
    {NULL, NULL},
};

static const struct entry exit_codes[] = {
    {"0", "Done.\n"},
    {"1", "The run failed, for want of memory for example.\n"},
    {"2", "Wrong usage or config.\n"},
    {"3", "Something is wrong with the data.\n"},
    {"4", "A file could not be read or written.\n"},
    {"5", "The loss is not finite any more.\n"},
    {"130", "Interrupted; a training that had begun has a checkpoint.\n"},
    {NULL, NULL},
};

static void add_commands(struct text *text) {
    for (const struct command *const *command = commands; *command; command++) {
        text_add(text, ".TP\n\\fBcnntrain ");
        roff_add_literal(text, (*command)->name);
        text_add(text, "\\fR ");
        roff_add_usage(text, (*command)->usage);
        text_add(text, "\n");
        roff_add_prose(text, (*command)->summary);
    }
}

static void add_common_options(void *target, const struct command_description *description_) {
    add_options(target, description_->common);
}

static void add_sources(struct text *text, const struct session *session) {
    const struct component_registry *sources = registries_find(&session->registries, "source");
    for (const struct component_kind *const *kind = sources->kinds; *kind; kind++) {
        const struct source_kind *source = (const struct source_kind *)*kind;
        text_add(text, ".TP\n\\fB");
        roff_add_literal(text, (*kind)->name);
        text_add(text, source->needs_path ? ":\\fIPATH\\fR\n" : "\\fR\n");
        roff_add_prose(text, (*kind)->summary);
        if (source->layout) text_add(text, ".br\n");
        if (source->layout) roff_add_prose(text, source->layout);
    }
}

/* The first of each command. */
static void add_first_examples(struct text *text) {
    struct text lines = {0};
    for (const struct command *const *command = commands; *command; command++)
        text_add_bytes(&lines, (*command)->examples, strcspn((*command)->examples, "\n") + 1);
    roff_add_lines(text, lines.failed ? "" : lines.bytes);
    text->failed = text->failed || lines.failed;
    text_free(&lines);
}

static int add_program_page(struct session *session, struct text *text) {
    begin_page(text, "cnntrain", 1, "cnntrain", "train convolutional networks for image classification");
    text_add(text, ".SH SYNOPSIS\n\\fBcnntrain \\-\\-config\\fR \\fIFILE\\fR [options]\n.br\n"
                   "\\fBcnntrain\\fR \\fICOMMAND\\fR [arguments] [options]\n");
    add_section(text, "DESCRIPTION", description);
    add_section(text, "COMMANDS", "Each has a page of its own, `cnntrain-COMMAND`, and --help.\n");
    add_commands(text);
    add_section(text, "OPTIONS", "Every command knows these:\n");
    if (help_describe(session, commands[0], add_common_options, text) != 0) return -1;
    add_section(text, "DATA SOURCES", "As SPEC on the command line, or in a config's data section:\n");
    add_sources(text, session);
    add_section(text, "FILES", "A run leaves in `runs/NAME`, `runs/NAME-2` and so on:\n");
    add_entries(text, files);
    add_section(text, "ENVIRONMENT", NULL);
    add_entries(text, environment);
    add_section(text, "EXIT STATUS", NULL);
    add_entries(text, exit_codes);
    add_section(text, "EXAMPLES", NULL);
    add_first_examples(text);
    add_section(text, "SEE ALSO", NULL);
    for (const struct command *const *command = commands; *command; command++) {
        char name[PAGE_NAME];
        page_name(*command, name);
        add_reference(text, name, 1, false);
    }
    add_reference(text, "cnntrain-config", 5, true);
    return 0;
}

/* ---- the page of config files ---- */

static void add_field(struct text *text, const char *prefix, const struct field *field) {
    struct text range = {0};
    field_describe(field, &range);
    text_add(text, ".TP\n\\fB");
    roff_add_literal(text, prefix);
    roff_add_literal(text, field->key);
    text_add(text, "\\fR (");
    roff_add_literal(text, range.failed ? "" : range.bytes);
    if (field->type == FIELD_OBJECT)
        text_add(text, ")\n");
    else if (field->fallback) {
        text_add(text, "; default ");
        roff_add_literal(text, field->fallback);
        text_add(text, ")\n");
    } else
        text_add(text, "; required)\n");
    if (field->help) roff_add_prose(text, field->help);
    if (range.failed) text->failed = true;
    text_free(&range);
}

static void add_fields(struct text *text, const char *prefix, const struct field *field) {
    for (; field && field->key; field++) {
        add_field(text, prefix, field);
        if (field->type != FIELD_OBJECT) continue;
        char deeper[128];
        snprintf(deeper, sizeof deeper, "%s%s.", prefix, field->key);
        add_fields(text, deeper, field->fields);
    }
}

static void add_registry(struct text *text, const struct component_registry *registry) {
    text_add(text, ".SH KINDS OF ");
    add_capitals(text, registry->what);
    text_add(text, "\n");
    if (registry->common && registry->common->key) {
        text_add(text, "All of them have:\n");
        add_fields(text, "", registry->common);
    }
    for (const struct component_kind *const *kind = registry->kinds; *kind; kind++) {
        text_add(text, ".SS ");
        roff_add_literal(text, (*kind)->name);
        text_add(text, "\n");
        roff_add_prose(text, (*kind)->summary ? (*kind)->summary : "");
        if ((*kind)->alias) text_add(text, ".br\nAlso called ");
        if ((*kind)->alias) roff_add_literal(text, (*kind)->alias);
        if ((*kind)->alias) text_add(text, ".\n");
        add_fields(text, "", (*kind)->fields);
    }
}

static const char config_description[] =
    "A config is one JSON object in a file ending in `.json`, or, with comments (`// to the end of the line` and "
    "`/* between */`), in `.jsonc`. Names, values and defaults are those of Keras wherever Keras has the thing.\n"
    "\n"
    "`extends` names another config, which this one is merged over: objects key by key; lists and plain values replace "
    "those of the other. Relative paths of data are looked for beside the config, then in the folder that "
    "`CNNTRAIN_DATA` names. Where a thing is chosen by name, such as an optimizer, the name alone will do, or an "
    "object "
    "with the name under `type` and its fields beside it.\n"
    "\n"
    "`cnntrain config FILE` prints a config with every default spelled out; `cnntrain layers NAME` tells more about a "
    "layer; `cnntrain config --schema` prints the JSON schema for editors.\n";

static void add_config_page(const struct session *session, struct text *text) {
    begin_page(text, "cnntrain-config", 5, "cnntrain-config", "how a network, its data and its training are described");
    add_section(text, "DESCRIPTION", config_description);
    add_section(text, "KEYS", NULL);
    add_fields(text, "", config_fields);
    for (const struct component_registry *const *at = session->registries.items; *at; at++) add_registry(text, *at);
    add_section(text, "SEE ALSO", NULL);
    add_reference(text, "cnntrain", 1, false);
    add_reference(text, "cnntrain-layers", 1, true);
}

/* ---- the pages as a whole ---- */

/* `name` is "cnntrain", a command's name, or "config.5". */
static int make_page(struct session *session, const char *name, struct text *text) {
    const struct command *command = help_find(name);
    if (strcmp(name, "cnntrain") == 0) return add_program_page(session, text);
    if (command) return help_describe(session, command, add_command_page, text);
    if (strcmp(name, "config.5") == 0) {
        add_config_page(session, text);
        return 0;
    }
    return error_set(&session->error, ERROR_CONFIG, name,
                     "is no page of the manual; there are cnntrain, config.5, and one for each command");
}

static int write_page(struct session *session, const char *folder, const char *name, const char *file_name) {
    struct text text = {0};
    char *path = file_join(folder, file_name, &session->error);
    int status = path ? make_page(session, name, &text) : -1;
    if (status == 0 && text.failed)
        status = error_set(&session->error, ERROR_RUN, path, "not enough memory for the page");
    if (status == 0) status = file_replace_text(path, text.bytes, &session->error);
    text_free(&text);
    free(path);
    return status;
}

static int write_command_page(struct session *session, const char *folder, const struct command *command) {
    char name[PAGE_NAME], file_name[PAGE_NAME + 2];
    page_name(command, name);
    snprintf(file_name, sizeof file_name, "%s.1", name);
    return write_page(session, folder, command->name, file_name);
}

static int write_pages(struct session *session, const char *folder) {
    int status = file_make_folder(folder, &session->error);
    if (status == 0) status = write_page(session, folder, "cnntrain", "cnntrain.1");
    if (status == 0) status = write_page(session, folder, "config.5", "cnntrain-config.5");
    for (const struct command *const *command = commands; status == 0 && *command; command++) {
        status = write_command_page(session, folder, *command);
        if (status == 0 && (*command)->part) status = write_command_page(session, folder, (*command)->part);
    }
    return status;
}

static int print_page(struct session *session, const char *name) {
    struct text text = {0};
    if (make_page(session, name, &text) == 0) return session_print_text(session, &text);
    text_free(&text);
    return -1;
}

static int run_manual(struct session *session, int argc, const char **argv);

const struct command manual_command = {
    .name = "manual",
    .summary = "the manual pages as roff, printed or written to a folder",
    .usage = "[PAGE] | --out DIR",
    .examples = "cnntrain manual train | man -l -\n"
                "cnntrain manual config.5 | man -l -\n"
                "cnntrain manual --out build/man            all pages, for make install\n",
    .run = run_manual,
};

static int run_manual(struct session *session, int argc, const char **argv) {
    const char *folder = NULL;
    const struct poptOption table[] = {
        {"out", 'o', POPT_ARG_STRING, &folder, 0, "write all pages into this folder", "DIR"},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &manual_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &manual_command, 0, folder ? 0 : 1, "a page");
        const char *page = options.argument_count ? options.arguments[0] : "cnntrain";
        if (status == 0) status = folder ? write_pages(session, folder) : print_page(session, page);
    }
    options_free(&options);
    return status;
}
