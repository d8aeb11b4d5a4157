#include "cmd/complete_values.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

static bool begins_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), size = strlen(end);
    return length > size && strcmp(text + length - size, end) == 0;
}

void complete_offer(struct completion *completion, const char *candidate, const char *meaning) {
    if (!begins_with(candidate, completion->word) || !text_is_printable(candidate)) return;
    text_print(&completion->lines, "%s%s%s%s\n", completion->prefix, candidate, meaning ? "\t" : "",
               meaning ? meaning : "");
}

/* ---- files ---- */

enum { FOLDER_DEPTH_MAX = 3, FOLDER_ENTRIES_MAX = 2000 };

struct wanted_files {
    const char *const *endings; /* ended by NULL; NULL: all files */
    bool no_files;              /* folders alone */
};

static bool is_wanted(const char *name, const struct wanted_files *wanted) {
    if (wanted->no_files) return false;
    if (!wanted->endings) return true;
    char lower[256];
    snprintf(lower, sizeof lower, "%s", name);
    for (char *at = lower; *at; at++) *at = (char)tolower((unsigned char)*at);
    for (const char *const *ending = wanted->endings; *ending; ending++)
        if (ends_with(lower, *ending)) return true;
    return false;
}

/* "~/x" is x in the home folder. */
static void print_real_folder(struct text *text, const char *word, size_t length) {
    const char *home = getenv("HOME");
    if (length >= 2 && word[0] == '~' && word[1] == '/' && home) {
        text_add(text, home);
        word++;
        length--;
    }
    if (length == 0) text_add(text, ".");
    text_add_bytes(text, word, length);
}

static void offer_entry(struct completion *completion, const char *folder, size_t folder_length, const char *real,
                        const char *name, const struct wanted_files *wanted) {
    struct error ignored = {0};
    struct text shown = {0}, path = {0};
    text_add_bytes(&shown, folder, folder_length);
    text_add(&shown, name);
    text_print(&path, "%s/%s", real, name);
    const bool is_folder = !path.failed && file_is_folder(path.bytes, &ignored) == 1;
    if (is_folder) text_add(&shown, "/");
    if (!shown.failed && (is_folder || is_wanted(name, wanted))) complete_offer(completion, shown.bytes, NULL);
    text_free(&shown);
    text_free(&path);
}

/* Names in the folder that the word names so far. Hidden ones must be asked for. */
static void offer_paths(struct completion *completion, const struct wanted_files *wanted) {
    const char *word = completion->word, *slash = strrchr(word, '/'), *last = slash ? slash + 1 : word;
    struct text real = {0};
    print_real_folder(&real, word, (size_t)(last - word));
    DIR *folder = real.failed ? NULL : opendir(real.bytes);
    for (const struct dirent *entry = folder ? readdir(folder) : NULL; entry; entry = readdir(folder)) {
        const char *name = entry->d_name;
        if (!begins_with(name, last) || (*name == '.' && *last != '.')) continue;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        offer_entry(completion, word, (size_t)(last - word), real.bytes, name, wanted);
    }
    if (folder) closedir(folder);
    text_free(&real);
}

static void offer_files(struct completion *completion) {
    offer_paths(completion, &(struct wanted_files){0});
}

static void offer_folders(struct completion *completion) {
    offer_paths(completion, &(struct wanted_files){.no_files = true});
}

static void offer_images(struct completion *completion) {
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".bmp", NULL};
    offer_paths(completion, &(struct wanted_files){.endings = endings});
}

/* ---- configs ---- */

static bool holds(const char *folder, const char *name, const char *words[2]) {
    struct error ignored = {0};
    char *path = file_join(folder, name, &ignored), *bytes = NULL;
    size_t length = 0;
    const bool read = path && file_read(path, CONFIG_SIZE_MAX, &bytes, &length, &ignored) == 0;
    const bool found = read && (strstr(bytes, words[0]) || (words[1] && strstr(bytes, words[1])));
    free(path);
    free(bytes);
    return found;
}

static void offer_configs_in(struct completion *completion, const char *path, const char *words[2]) {
    DIR *folder = opendir(path);
    for (const struct dirent *entry = folder ? readdir(folder) : NULL; entry; entry = readdir(folder)) {
        const char *name = entry->d_name;
        const bool is_config = ends_with(name, ".json") || ends_with(name, ".jsonc");
        if (is_config && begins_with(name, completion->word) && strcmp(name, "schema.json") != 0 &&
            holds(path, name, words))
            complete_offer(completion, name, NULL);
    }
    if (folder) closedir(folder);
}

/* Those that are found by name, and JSON files here. */
static void offer_configs(struct completion *completion) {
    const bool experiments = completion->command && strcmp(completion->command->name, "experiments") == 0;
    const char *words[2] = {experiments ? "\"configs\"" : "\"model\"", experiments ? NULL : "\"extends\""};
    static const char *const endings[] = {".json", ".jsonc", NULL};
    const struct config_search *search = &completion->session->search;
    for (size_t i = 0; search->folders[i]; i++) offer_configs_in(completion, search->folders[i], words);
    offer_paths(completion, &(struct wanted_files){.endings = endings});
}

/* ---- trained models ---- */

/* Folders of runs below `path`, which is shown as it is. */
static void offer_runs(struct completion *completion, const char *path, int depth) {
    DIR *folder = depth < FOLDER_DEPTH_MAX ? opendir(path) : NULL;
    int left = FOLDER_ENTRIES_MAX;
    for (const struct dirent *entry = folder ? readdir(folder) : NULL; entry && left > 0; entry = readdir(folder)) {
        struct error ignored = {0};
        struct text run = {0}, weights = {0};
        if (*entry->d_name == '.') continue;
        left--;
        text_print(&run, "%s/%s", path, entry->d_name);
        text_print(&weights, "%s/%s/last.safetensors", path, entry->d_name);
        const bool known = !run.failed && !weights.failed && file_is_folder(run.bytes, &ignored) == 1;
        if (known && file_exists(weights.bytes))
            complete_offer(completion, run.bytes, NULL);
        else if (known)
            offer_runs(completion, run.bytes, depth + 1);
        text_free(&run);
        text_free(&weights);
    }
    if (folder) closedir(folder);
}

static void offer_models(struct completion *completion) {
    static const char *const endings[] = {".safetensors", NULL};
    offer_runs(completion, "runs", 0);
    if (!begins_with(completion->word, "runs/") || strchr(completion->word + 5, '/'))
        offer_paths(completion, &(struct wanted_files){.endings = endings});
}

/* ---- data, layers ---- */

static void offer_data(struct completion *completion) {
    const struct component_registry *sources = registries_find(&completion->session->registries, "source");
    const char *colon = strchr(completion->word, ':');
    if (colon) { /* what follows is a path */
        char prefix[128];
        struct completion path = *completion;
        const size_t length = (size_t)(colon + 1 - completion->word);
        if (snprintf(prefix, sizeof prefix, "%s%.*s", completion->prefix, (int)length, completion->word) >=
            (int)sizeof prefix)
            return;
        path.prefix = prefix;
        path.word = colon + 1;
        offer_files(&path);
        completion->lines = path.lines;
        return;
    }
    for (const struct component_kind *const *kind = sources->kinds; *kind; kind++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", (*kind)->name, ((const struct source_kind *)*kind)->needs_path ? ":" : "");
        complete_offer(completion, name, (*kind)->summary);
    }
}

static void offer_names_of(struct completion *completion, const struct component_registry *registry) {
    for (const struct component_kind *const *kind = registry->kinds; *kind; kind++)
        complete_offer(completion, (*kind)->name, (*kind)->summary);
}

/* Layers, and all else that a config names. */
static void offer_kinds(struct completion *completion) {
    for (const struct component_registry *const *at = completion->session->registries.items; *at; at++)
        offer_names_of(completion, *at);
    for (const struct component_registry *const *at = completion->session->registries.items; *at; at++)
        complete_offer(completion, (*at)->what, "all of them");
}

/* Those of the registry that an option, or a word, is called after; nothing where there is none. */
static void offer_kinds_of(struct completion *completion, const char *what) {
    for (const struct component_registry *const *at = completion->session->registries.items; *at; at++)
        if (strcmp((*at)->what, what) == 0) offer_names_of(completion, *at);
}

/* ---- settings ---- */

/* What may stand behind "KEY.PATH=". */
static void offer_setting_values(struct completion *completion, const struct field *field) {
    if (field->type == FIELD_BOOL) {
        complete_offer(completion, "true", NULL);
        complete_offer(completion, "false", NULL);
    }
    for (int i = 0; field->type == FIELD_CHOICE && field->choices[i]; i++)
        complete_offer(completion, field->choices[i], NULL);
    if (field->type == FIELD_COMPONENT)
        offer_names_of(completion, registries_find(&completion->session->registries, field->of));
    if (field->nullable) complete_offer(completion, "null", NULL);
    if (field->type == FIELD_INT || field->type == FIELD_NUMBER)
        if (field->fallback && !*completion->word) complete_offer(completion, field->fallback, "the default");
}

static void offer_settings_of(struct completion *completion, const char *path, const struct field *fields);

/* One key: itself, its values where it stands whole before a "=", and what is below it. */
static void offer_setting(struct completion *completion, const char *path, const struct field *field) {
    char key[160];
    const int length = snprintf(key, sizeof key, "%s%s=", path, field->key);
    if (length >= (int)sizeof key) return;
    if (begins_with(completion->word, key)) {
        char prefix[256];
        struct completion value = *completion;
        if (snprintf(prefix, sizeof prefix, "%s%s", completion->prefix, key) >= (int)sizeof prefix) return;
        value.prefix = prefix;
        value.word = completion->word + length;
        offer_setting_values(&value, field);
        completion->lines = value.lines;
        return;
    }
    if (field->type != FIELD_OBJECT) complete_offer(completion, key, field->help);
    key[length - 1] = '.';
    if (field->type == FIELD_OBJECT) offer_settings_of(completion, key, field->fields);
    if (field->type != FIELD_COMPONENT || !begins_with(completion->word, key)) return;
    const struct component_registry *registry = registries_find(&completion->session->registries, field->of);
    if (registry->common) offer_settings_of(completion, key, registry->common);
    for (const struct component_kind *const *kind = registry->kinds; *kind; kind++)
        offer_settings_of(completion, key, (*kind)->fields);
}

static void offer_settings_of(struct completion *completion, const char *path, const struct field *fields) {
    for (; fields && fields->key; fields++) offer_setting(completion, path, fields);
}

static void offer_settings(struct completion *completion) {
    offer_settings_of(completion, "", config_fields);
}

/* ---- all of them ---- */

/* What one word of capitals stands for; any other word stands for itself. */
static void offer_word(struct completion *completion, const char *option, const char *word) {
    static const struct {
        const char *word;
        void (*offer)(struct completion *completion);
    } offers[] = {
        {"SPEC", offer_data},      {"MODEL", offer_models}, {"RUN", offer_models}, {"DIR", offer_folders},
        {"FOLDER", offer_folders}, {"IMAGE", offer_images}, {"OUT", offer_files},
    };
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++)
        if (strcmp(word, offers[i].word) == 0) offers[i].offer(completion);
    const bool is_file = strcmp(word, "FILE") == 0;
    if (is_file && (!option || strcmp(option, "config") == 0))
        offer_configs(completion);
    else if (is_file)
        offer_files(completion);
    if (strcmp(word, "NAME") == 0 && !option) offer_kinds(completion);
    if (strcmp(word, "NAME") == 0 && option) offer_kinds_of(completion, option);
    if (strcmp(word, "LAYER") == 0) offer_kinds_of(completion, "layer");
    if (islower((unsigned char)*word)) complete_offer(completion, word, NULL);
}

void complete_value(struct completion *completion, const char *option, const char *placeholder) {
    if (strcmp(placeholder, "KEY.PATH=VALUE") == 0) {
        offer_settings(completion);
        return;
    }
    for (const char *at = placeholder; *at; at += strcspn(at, "|"), at += *at == '|') {
        char word[64];
        at += strspn(at, "[");
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, "|].,"), at);
        offer_word(completion, option, word);
    }
}
