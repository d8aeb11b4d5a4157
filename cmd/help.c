#include "cmd/help.h"

#include <stdio.h>
#include <string.h>

#include "cmd/output.h"
#include "cmd/terminal.h"
#include "core/platform.h"

enum { PROSE_WIDTH = 100 };

const struct command *help_find(const char *name) {
    for (const struct command *const *command = commands; *command; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
        else if ((*command)->part && strcmp((*command)->part->name, name) == 0)
            return (*command)->part;
    return NULL;
}

const char *help_part_word(const struct command *part) {
    return strchr(part->name, ' ') + 1;
}

int help_describe(struct session *session, const struct command *command,
                  void (*describe)(void *target, const struct command_description *description), void *target) {
    const char *arguments[] = {command->name, "--help", NULL};
    session->describe = describe;
    session->description_target = target;
    int status = command->run(session, 2, arguments);
    session->describe = help_command;
    session->description_target = NULL;
    return status;
}

/* ---- help ---- */

static int prose_width(void) {
    const int width = terminal_width();
    return width < PROSE_WIDTH ? width : PROSE_WIDTH;
}

static void print_option(const struct poptOption *option) {
    enum { COLUMN = 33 };
    struct text text = {0};
    char letter[8] = "    ", left[64];
    if (option->shortName) snprintf(letter, sizeof letter, "-%c, ", option->shortName);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, option->longName, option->argDescrip ? " " : "",
             option->argDescrip ? option->argDescrip : "");
    text_wrap(&text, option->descrip, prose_width(), COLUMN);
    output_print("  %-30s %s", left, text.failed ? "\n" : text.bytes);
    text_free(&text);
}

static void print_options(const struct poptOption *table) {
    for (; is_option(table); table++) print_option(table);
}

static void print_lines(const char *lines, const char *indent) {
    for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n')
        output_print("%s%.*s\n", indent, (int)strcspn(at, "\n"), at);
}

static void print_prose(const char *paragraphs) {
    struct text text = {0};
    text_add(&text, "\n");
    text_wrap(&text, paragraphs, prose_width(), 0);
    print_lines(text.failed ? paragraphs : text.bytes, "");
    text_free(&text);
}

static void print_usage(const struct command *command) {
    struct text line = {0}, text = {0};
    text_print(&line, "Usage: cnntrain %s %s", command->name, command->usage);
    text_wrap(&text, line.failed ? "" : line.bytes, prose_width(), 4);
    output_print("\n%s", text.failed ? "" : text.bytes);
    text_free(&line);
    text_free(&text);
}

void help_command(void *target, const struct command_description *description) {
    const struct command *command = description->command;
    (void)target;
    output_print("cnntrain %s: %s\n\nExamples:\n", command->name, command->summary);
    print_lines(command->examples, "  ");
    print_usage(command);
    if (command->details) print_prose(command->details);
    if (description->options) {
        output_print("\nOptions:\n");
        print_options(description->options);
    }
    struct text more = {0};
    if (command->more_help) command->more_help(&more);
    if (more.bytes) output_text(more.bytes);
    text_free(&more);
    output_print("\nCommon options:\n");
    print_options(description->common);
}

void help_program(void) {
    output_print("cnntrain: train and compare small convolutional networks, without Python\n\nExamples:\n");
    print_lines("cnntrain experiments demo.json             six combinations on generated digits, with a report\n"
                "cnntrain --config sep_max.json             train one model\n"
                "cnntrain summary --config deep_conv_max    its layers as Keras prints them\n"
                "cnntrain data cifar10:DIR                  what is in a data set\n"
                "cnntrain layers Conv2D                     fields, defaults and ranges of a layer\n",
                "  ");
    output_print("\nCommands:\n");
    for (const struct command *const *command = commands; *command; command++)
        output_print("  %-12s %s\n", (*command)->name, (*command)->summary);
    output_print(
        "\ncnntrain COMMAND --help tells more about each. A config that is not found as given is looked for in the\n"
        "configs/ folder beside the program and in %s.\n",
        CNNTRAIN_SHARE "/configs");
}

/* ---- version ---- */

/* As a command would choose them here; what keeps it from doing so stands in their place. */
static void print_machine(const struct session *session) {
    struct session trial = *session;
    trial.error = (struct error){0};
    const bool started = session_start(&trial) == 0;
    output_print("instruction sets:");
    for (int i = 0; kernels_at(i); i++) output_print(" %s", kernels_at(i)->name);
    output_print("\ninstruction set in use: %s\n", trial.workshop.kernels ? trial.workshop.kernels->name : "none");
    output_print("usable cores: %d\n", platform_cores());
    if (started) output_print("threads: %d\n", trial.workshop.threads);
    if (!started) output_print("but %s: %s\n", trial.error.path, trial.error.message);
}

static void print_folders(const struct session *session) {
    output_print("configs:");
    for (size_t i = 0; session->search.folders[i]; i++) {
        output_print(i ? ", " : " ");
        terminal_print(stdout, session->search.folders[i]);
    }
    output_print("\ndata:");
    if (session->workshop.data_folder) output_text(" ");
    terminal_print(stdout, session->workshop.data_folder ? session->workshop.data_folder : " CNNTRAIN_DATA is not set");
    output_text("\n");
}

void help_version(const struct session *session) {
    output_print("cnntrain %s\n", CNNTRAIN_VERSION);
    if (!session->verbose) return;
    struct platform_version versions[PLATFORM_VERSIONS] = {0};
    print_machine(session);
    print_folders(session);
    output_print("compiler flags: %s\nbuilt with: %s\n", CNNTRAIN_FLAGS, CNNTRAIN_PACKAGES);
    platform_versions(versions);
    for (int i = 0; i < PLATFORM_VERSIONS && versions[i].name; i++)
        output_print("%s: %s\n", versions[i].name, versions[i].version);
}
