/* cnntrain complete: the candidates for the last word of a command line, for the completions of shells.
 *
 * Shells ask at every press of the tab key, so all there is to know comes from the tables of this program; the scripts
 * in completions/ only pass words to and fro. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/complete_values.h"
#include "cmd/help.h"
#include "cmd/output.h"

/* A command line behind the program's name; the last word is the one to complete. */
struct line {
    struct completion *completion;
    const char *const *words;
    int count;
};

static const struct poptOption *find_option(const struct poptOption *table, const char *word) {
    const bool is_long = word[0] == '-' && word[1] == '-';
    const size_t length = strcspn(word + 2 * is_long, "=");
    for (; is_option(table); table++) {
        if (is_long && strlen(table->longName) == length && strncmp(table->longName, word + 2, length) == 0)
            return table;
        if (!is_long && table->shortName && word[0] == '-' && word[1] == table->shortName && !word[2]) return table;
    }
    return NULL;
}

static const struct poptOption *find_in_both(const struct command_description *description, const char *word) {
    const struct poptOption *found = find_option(description->options, word);
    return found ? found : find_option(description->common, word);
}

static bool takes_value(const struct poptOption *option) {
    return (option->argInfo & POPT_ARG_MASK) != POPT_ARG_NONE;
}

static void offer_options(struct completion *completion, const struct poptOption *table) {
    for (; is_option(table); table++) {
        char name[64];
        snprintf(name, sizeof name, "--%s", table->longName);
        complete_offer(completion, name, table->descrip);
    }
}

/* ---- arguments ---- */

/* Calls complete_value with each word of the usage that argument number `position` may be. Alternatives begin behind
 * "|"; options and what follows them is no argument, but for a config, which --config only announces. */
static void offer_argument(struct completion *completion, const char *usage, int position) {
    int at = 0;
    bool skips = false, repeats = false;
    char word[64], last[64] = "";
    for (const char *from = usage; *from; from += strcspn(from, " "), from += strspn(from, " ")) {
        snprintf(word, sizeof word, "%.*s", (int)strcspn(from, " "), from);
        const char *plain = word + strspn(word, "[");
        if (strcmp(word, "|") == 0) {
            if (repeats && at <= position) complete_value(completion, NULL, last);
            at = 0;
            repeats = false;
        } else if (*plain == '-') {
            skips = strcmp(plain, "--config") != 0 && !strchr(word, ']');
        } else if (skips) {
            skips = isupper((unsigned char)*plain) == 0;
            if (!skips) continue;
        } else if (strcmp(word, "[options]") != 0 && strcmp(word, "[arguments]") != 0) {
            repeats = strstr(word, "...") != NULL;
            if (at == position) complete_value(completion, NULL, word);
            memcpy(last, word, sizeof last);
            at++;
        }
    }
    if (repeats && at <= position) complete_value(completion, NULL, last);
}

/* ---- words of a command ---- */

/* line->words begins behind the command's name. */
static void complete_words(void *target, const struct command_description *description) {
    const struct line *line = target;
    struct completion *completion = line->completion;
    const struct poptOption *pending = NULL;
    const char *word = line->words[line->count - 1], *equals = strchr(word, '=');
    int position = 0;
    for (int i = 0; i + 1 < line->count; i++) {
        const bool is_value = pending != NULL;
        pending = NULL;
        if (is_value) continue;
        const struct poptOption *option = *line->words[i] == '-' ? find_in_both(description, line->words[i]) : NULL;
        if (option && takes_value(option) && !strchr(line->words[i], '=')) pending = option;
        if (*line->words[i] != '-') position++;
    }
    completion->command = description->command;
    completion->word = word;
    if (pending && pending->argDescrip) complete_value(completion, pending->longName, pending->argDescrip);
    const bool optional = pending && pending->argInfo & POPT_ARGFLAG_OPTIONAL;
    if (pending && !(optional && *word == '-')) return;
    const struct poptOption *option = *word == '-' && equals ? find_in_both(description, word) : NULL;
    if (option && option->argDescrip) {
        char prefix[80];
        snprintf(prefix, sizeof prefix, "%.*s", (int)(equals + 1 - word), word);
        completion->prefix = prefix;
        completion->word = equals + 1;
        complete_value(completion, option->longName, option->argDescrip);
        completion->prefix = "";
    } else if (*word == '-') {
        offer_options(completion, description->options);
        offer_options(completion, description->common);
    } else {
        offer_argument(completion, description->command->usage, position);
    }
}

static void offer_commands(struct completion *completion) {
    for (const struct command *const *command = commands; *command; command++)
        complete_offer(completion, (*command)->name, (*command)->summary);
    complete_offer(completion, "help", "what a command does");
}

/* A line without a command is one of `train`. */
static int complete_line(struct session *session, struct completion *completion, const char *const *words, int count) {
    static const char *const flags[] = {"-q", "-v", "--quiet", "--verbose", "--json", "--no-color"};
    int at = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags && at + 1 < count; i++)
        if (strcmp(words[at], flags[i]) == 0) {
            at++;
            i = (size_t)-1;
        }
    completion->word = words[count - 1];
    const bool is_first = at == count - 1, asks_help = !is_first && strcmp(words[at], "help") == 0;
    if ((is_first && *words[at] != '-') || asks_help) {
        if (is_first || at == count - 2) offer_commands(completion);
        return 0;
    }
    const bool without_command = *words[at] == '-';
    const struct command *command = help_find(without_command ? "train" : words[at]);
    if (!command) return 0;
    if (!without_command) at++;
    if (command->part && strcmp(words[at], help_part_word(command->part)) == 0 && at < count - 1) {
        command = command->part;
        at++;
    }
    struct line line = {completion, words + at, count - at};
    return help_describe(session, command, complete_words, &line);
}

static int compare_lines(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order, each once: a config may be found in several folders. */
static int print_lines(struct session *session, struct text *text) {
    size_t count = 0, lines = 0;
    for (size_t i = 0; !text->failed && i < text->length; i++) lines += text->bytes[i] == '\n';
    const char **starts = calloc(lines + 1, sizeof *starts);
    if (text->failed || !starts) {
        free(starts);
        text_free(text);
        return error_set(&session->error, ERROR_RUN, NULL, "not enough memory for the completions");
    }
    for (char *at = text->bytes; count < lines; at += strlen(at) + 1) {
        at[strcspn(at, "\n")] = '\0';
        starts[count++] = at;
    }
    qsort(starts, count, sizeof *starts, compare_lines);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(starts[i], starts[i - 1]) != 0) output_print("%s\n", starts[i]);
    free(starts);
    text_free(text);
    return 0;
}

static int run_complete(struct session *session, int argc, const char **argv);

const struct command complete_command = {
    .name = "complete",
    .summary = "the candidates for the last word of a command line, for the completions of shells",
    .usage = "-- [WORD...]",
    .examples = "cnntrain complete -- train --da           --data\n",
    .run = run_complete,
};

/* The words may look like options of this command. */
static int run_complete(struct session *session, int argc, const char **argv) {
    static const char *const nothing[] = {""};
    const bool has_words = argc > 1 && strcmp(argv[1], "--") == 0;
    if (!has_words) {
        struct options options;
        int status = options_parse(&options, session, &complete_command, NULL, argc, argv);
        if (status == 0 && !options.help_shown)
            status = error_set(&session->error, ERROR_CONFIG, NULL, "cnntrain complete needs -- and the words so far");
        options_free(&options);
        return status;
    }
    struct completion completion = {.session = session, .prefix = ""};
    const int count = argc - 2;
    int status = complete_line(session, &completion, count ? argv + 2 : nothing, count ? count : 1);
    if (status == 0) return print_lines(session, &completion.lines);
    text_free(&completion.lines);
    return -1;
}
