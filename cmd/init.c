/* cnntrain init: looks at a data set and writes a first config for it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/document.h"
#include "cmd/init_config.h"
#include "cmd/terminal.h"
#include "core/file.h"

struct arguments {
    const char *place; /* a folder, a file or a SPEC */
    const char *out;
    int force;
};

/* ---- which data ---- */

struct found {
    const struct source_kind *source;
    char *path;  /* malloc'd; NULL: the source needs none */
    char *place; /* the file or folder that was recognized, malloc'd; NULL: a SPEC named the source */
};

static void found_free(struct found *found) {
    free(found->path);
    free(found->place);
    *found = (struct found){0};
}

/* The first source that knows what stands at `path`: 1, 0 or -1. */
static int recognize(struct session *session, const char *path, struct found *found) {
    const struct component_registry *sources = registries_find(&session->registries, "source");
    for (const struct component_kind *const *kind = sources->kinds; *kind; kind++) {
        const struct source_kind *source = (const struct source_kind *)*kind;
        int known = source->recognize ? source->recognize(path, &found->path, &session->error) : 0;
        if (known == 0) continue;
        found->source = source;
        found->place = known > 0 ? file_join(NULL, path, &session->error) : NULL;
        return found->place ? 1 : -1;
    }
    return 0;
}

/* "svhn:DIR", "synth": 1, or 0 where no source is called so. */
static int read_spec(struct session *session, const char *spec, struct found *found) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(spec, ":"), spec);
    const struct component_kind *kind = registry_find(registries_find(&session->registries, "source"), name);
    if (!kind) return 0;
    const char *colon = strchr(spec, ':');
    found->source = (const struct source_kind *)kind;
    found->path = colon && colon[1] ? file_join(NULL, colon + 1, &session->error) : NULL;
    return session->error.code == ERROR_NONE ? 1 : -1;
}

/* Takes over what was found in one more folder, unless something was found before: then that is an error. */
static int add_found(struct session *session, const char *path, struct found *found, struct found *other) {
    if (found->path)
        return error_set(&session->error, ERROR_CONFIG, path,
                         "holds several data sets, %s and %s among them; name one: cnntrain init DIR", found->place,
                         other->place);
    *found = *other;
    *other = (struct found){0};
    return 0;
}

static int recognize_entry(struct session *session, const char *path, const char *name, struct found *found) {
    struct found other = {0};
    if (*name == '.') return 0;
    char *inner = file_join(strcmp(path, ".") != 0 ? path : NULL, name, &session->error);
    int known = inner ? file_is_folder(inner, &session->error) : -1;
    if (known > 0) known = recognize(session, inner, &other);
    int status = known > 0 ? add_found(session, path, found, &other) : known;
    free(inner);
    found_free(&other);
    return status;
}

/* What is known among the folders in this one: 1, 0 or -1. */
static int recognize_inside(struct session *session, const char *path, struct found *found) {
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, NULL, alphasort);
    int status = count < 0 ? error_set_errno(&session->error, path, "read the folder") : 0;
    for (int i = 0; i < count; i++) {
        if (status == 0) status = recognize_entry(session, path, entries[i]->d_name, found);
        free(entries[i]);
    }
    free(entries);
    return status == 0 ? found->path != NULL : -1;
}

static int find_data(struct session *session, const char *place, struct found *found) {
    int is_there = file_is_there(place, &session->error);
    if (is_there < 0) return -1;
    if (!is_there) {
        if (read_spec(session, place, found) == 1) return 0;
        return error_set(&session->error, ERROR_IO, place,
                         "is no folder, file or data source; name the folder of a data set, or SOURCE:PATH "
                         "(`cnntrain data` lists the sources)");
    }
    int known = recognize(session, place, found);
    if (known == 0 && file_is_folder(place, &session->error) == 1) known = recognize_inside(session, place, found);
    if (known != 0) return known > 0 ? 0 : -1;
    return error_set(&session->error, ERROR_DATA, place,
                     "holds no data set that is known by its files; `cnntrain data` lists what is, and SOURCE:PATH "
                     "names one");
}

/* ---- loading them ---- */

/* {"data": ..., "model": []}: a config that is never built, for loading. */
static char *loading_config(struct session *session, const struct init_facts *facts) {
    static const char *const colors[] = {[COLOR_AS_IS] = "as_is", [COLOR_RGB] = "rgb", [COLOR_GRAYSCALE] = "grayscale"};
    struct text text = {0};
    text_print(&text, "{\"model\": [], \"data\": {\"source\": \"%s\", \"color\": \"%s\"", facts->source->component.name,
               colors[facts->color]);
    if (facts->path) text_add(&text, ", \"path\": ");
    if (facts->path) json_write_string(facts->path, &text);
    if (facts->resize[0]) text_print(&text, ", \"resize\": [%d, %d]", facts->resize[0], facts->resize[1]);
    text_add(&text, "}}");
    if (!text.failed) return text.bytes;
    text_free(&text);
    error_set(&session->error, ERROR_RUN, NULL, "not enough memory for the config");
    return NULL;
}

/* Reads the config for loading, with its data located. */
static int read_loading_config(struct session *session, const struct init_facts *facts, struct config *config) {
    const struct config_request request = session_request(session, NULL);
    char *text = loading_config(session, facts);
    int status = text ? config_parse(config, text, "data", &request, &session->error) : -1;
    free(text);
    if (status != 0) return -1;
    if (config_locate_data(config, session->workshop.data_folder, true, &session->error) == 0) return 0;
    config_free(config);
    return -1;
}

static int measure(struct session *session, struct terminal *terminal, struct init_facts *facts) {
    if (!facts->source->measure || !facts->path || !file_exists(facts->path)) return 0;
    terminal_status(terminal, "Looking at the pictures ...");
    int status = facts->source->measure(facts->path, &facts->sizes, &session->error);
    terminal_close(terminal);
    init_choose_form(facts);
    return status;
}

/* ---- names ---- */

/* "flowers" of flowers.jsonc and data/flowers/; `fallback` where that is no name for a run. */
static char *name_of(struct session *session, const char *path, bool has_ending, const char *fallback) {
    char *name = strdup(path ? file_name_of(path) : fallback);
    char *dot = name && has_ending ? strrchr(name, '.') : NULL;
    if (dot && dot != name) *dot = '\0';
    if (name && !config_is_name(name)) {
        free(name);
        name = strdup(fallback);
    }
    if (!name) error_set(&session->error, ERROR_RUN, NULL, "not enough memory for the config's name");
    return name;
}

/* After the file to write, or else after the data. */
static char *choose_name(struct session *session, const char *out, const struct found *found) {
    const char *fallback = found->source->component.name;
    if (out) return name_of(session, out, true, fallback);
    const char *place = found->place ? found->place : found->path;
    char *real = place ? realpath(place, NULL) : NULL;
    if (place && !real && !file_is_missing(errno)) {
        error_set_errno(&session->error, place, "look at the file");
        return NULL;
    }
    int is_folder = real ? file_is_folder(real, &session->error) : 0;
    char *name = is_folder < 0 ? NULL : name_of(session, real, !is_folder, fallback);
    free(real);
    return name;
}

static char *out_of(struct session *session, const char *name) {
    struct text text = {0};
    text_print(&text, "%s.jsonc", name);
    if (!text.failed) return text.bytes;
    text_free(&text);
    error_set(&session->error, ERROR_RUN, NULL, "not enough memory for the file's name");
    return NULL;
}

/* The schema beside the configs that are found by name; NULL where there is none. */
static char *find_schema(struct session *session) {
    for (size_t i = 0; session->search.folders[i]; i++) {
        char *path = file_join(session->search.folders[i], "schema.json", &session->error);
        if (!path || file_exists(path)) return path;
        free(path);
    }
    return NULL;
}

/* ---- the command ---- */

static int tell_json(struct session *session, const struct init_facts *facts) {
    const struct dataset *train = &facts->splits->train;
    struct document document = document_object();
    cJSON *root = document.root;
    document_add_string(&document, root, "config", facts->file);
    document_add_string(&document, root, "source", facts->source->component.name);
    document_add(&document, root, "path", facts->path ? cJSON_CreateString(facts->path) : cJSON_CreateNull());
    document_add(&document, root, "input_shape",
                 cJSON_CreateIntArray((int[]){train->height, train->width, train->channels}, 3));
    document_add_number(&document, root, "classes", facts->splits->classes);
    document_add_number(&document, root, "train_images", (double)train->count);
    document_add_number(&document, root, "val_images", (double)facts->splits->validation.count);
    document_add_number(&document, root, "test_images", (double)facts->splits->test.count);
    return document_print(session, &document);
}

static int tell(struct session *session, const struct init_facts *facts) {
    if (session->json) return tell_json(session, facts);
    const struct dataset *train = &facts->splits->train;
    struct text text = {0}, word = {0};
    text_add_shell_word(&word, facts->file);
    const char *file = word.failed ? facts->file : word.bytes;
    if (!session->quiet) {
        text_print(&text, "Found %s: %s\n", facts->source->component.name, facts->source->component.summary);
        text_print(&text, "%lld training and %lld test images of %d x %d x %d%s, %d class%s\n", (long long)train->count,
                   (long long)facts->splits->test.count, train->height, train->width, train->channels,
                   facts->resize[0] ? " (resized)" : "", facts->splits->classes,
                   facts->splits->classes == 1 ? "" : "es");
        text_print(&text, "Wrote %s. Next:\n\n  cnntrain summary %s   the network\n  cnntrain train %s     trains it\n",
                   facts->file, file, file);
    }
    text.failed = text.failed || word.failed;
    text_free(&word);
    return session_print_text(session, &text);
}

static int write_config(struct session *session, struct init_facts *facts) {
    struct text text = {0};
    init_write_config(facts, &text);
    int status = text.failed ? error_set(&session->error, ERROR_RUN, facts->file, "not enough memory for the config")
                             : file_replace_text(facts->file, text.bytes, &session->error);
    text_free(&text);
    return status == 0 ? tell(session, facts) : -1;
}

/* A config elsewhere than here names its data from the root on. */
static int load_and_write(struct session *session, struct init_facts *facts) {
    struct config config = {0};
    struct data_splits splits = {0};
    struct terminal terminal;
    terminal_open(&terminal, session);
    if (measure(session, &terminal, facts) != 0 || read_loading_config(session, facts, &config) != 0) return -1;
    int status = terminal_load_data(&terminal, session, &config, &splits);
    const struct data_common *common = config.values.data.config;
    if (status == 0) {
        if (strchr(facts->file, '/') && common->path) facts->path = common->path;
        facts->splits = &splits;
        status = write_config(session, facts);
        facts->splits = NULL;
        data_splits_free(&splits);
    }
    config_free(&config);
    return status;
}

static int check_out(struct session *session, const char *path, bool force) {
    int is_folder = file_is_folder(path, &session->error), is_there = file_is_there(path, &session->error);
    if (is_folder < 0 || is_there < 0) return -1;
    if (is_folder) return error_set(&session->error, ERROR_CONFIG, path, "is a folder; --out names the file to write");
    if (force || !is_there) return 0;
    return error_set(&session->error, ERROR_CONFIG, path,
                     "is there already; --force replaces it, --out FILE writes another");
}

static int make_config(struct session *session, const struct arguments *arguments, const struct found *found) {
    struct init_facts facts = {.source = found->source, .path = found->path, .file = arguments->out};
    char *name = choose_name(session, arguments->out, found);
    char *out = name && !arguments->out ? out_of(session, name) : NULL;
    char *schema = find_schema(session);
    facts.name = name;
    facts.schema = schema;
    if (!facts.file) facts.file = out;
    int status = session->error.code == ERROR_NONE && facts.file ? 0 : -1;
    if (status == 0) status = check_out(session, facts.file, arguments->force);
    if (status == 0) status = load_and_write(session, &facts);
    free(name);
    free(out);
    free(schema);
    return status;
}

static int run_init(struct session *session, int argc, const char **argv);

const struct command init_command = {
    .name = "init",
    .summary = "look at a data set and write a first config for it",
    .usage = "[DIR | SPEC] [options]",
    .details = "Recognizes folders of pictures, SVHN, CIFAR, IDX, CSV and NumPy files by their names, here or in the "
               "folder DIR, loads them, and writes a config that runs at once, with comments: input shape, classes, a "
               "network that fits the size of the images, batch size, validation split.\n",
    .examples = "cnntrain init pictures                     writes pictures.jsonc\n"
                "cnntrain init svhn:data/svhn --out configs/svhn.jsonc\n"
                "cnntrain init synth                        digits drawn by the program\n",
    .run = run_init,
};

static int run_init(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {.place = "."};
    const struct poptOption table[] = {
        {"out", 'o', POPT_ARG_STRING, &arguments.out, 0, "the file to write (default: NAME.jsonc)", "FILE"},
        {"force", 'f', POPT_ARG_NONE, &arguments.force, 0, "replace the file where it is there", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &init_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        struct found found = {0};
        status = options_expect(&options, session, &init_command, 0, 1, "a folder");
        if (status == 0 && options.argument_count) arguments.place = options.arguments[0];
        if (status == 0) status = find_data(session, arguments.place, &found);
        if (status == 0) status = make_config(session, &arguments, &found);
        found_free(&found);
    }
    options_free(&options);
    return status;
}
