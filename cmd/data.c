/* cnntrain data: what is in a data set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/data_export.h"
#include "cmd/document.h"
#include "cmd/model_data.h"
#include "cmd/output.h"
#include "cmd/terminal.h"
#include "core/dataset.h"
#include "core/report/table.h"
#include "core/report/visual.h"

struct arguments {
    const char *config, *spec, *folder;
    const char *sheet, *split; /* of the contact sheet; or NULL */
    bool wants_sheet;
    int per_class; /* or NOT_GIVEN */
    int augmented;
};

enum { OPTION_SHEET = 1, PER_CLASS = 10, PER_CLASS_MAX = 256 };

/* Mean and deviation of a channel, on the scale of 0 to 1 for bytes. */
struct moments {
    double mean, deviation;
};

static double pixel_of(const struct dataset *dataset, size_t index) {
    if (dataset->type == PIXEL_UINT8) return ((const uint8_t *)dataset->pixels)[index] / 255.0;
    return (double)((const float *)dataset->pixels)[index];
}

static struct moments channel_moments(const struct dataset *dataset, int channel) {
    size_t step = (size_t)dataset->channels;
    size_t cells = (size_t)dataset->count * (size_t)dataset->height * (size_t)dataset->width;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < cells; i++) {
        double value = pixel_of(dataset, i * step + (size_t)channel);
        sum += value;
        squares += value * value;
    }
    double mean = cells ? sum / (double)cells : 0, variance = cells ? squares / (double)cells - mean * mean : 0;
    return (struct moments){mean, sqrt(fmax(variance, 0))};
}

static long long count_class(const struct dataset *dataset, int class) {
    long long count = 0;
    for (int64_t i = 0; i < dataset->count; i++) count += dataset->labels[i] == class;
    return count;
}

static const char *class_name(const struct data_splits *splits, int index, char *buffer, size_t size) {
    if (splits->class_names) return splits->class_names[index];
    snprintf(buffer, size, "%d", index);
    return buffer;
}

static const char *const split_names[] = {"train", "validation", "test"};

static void get_sets(const struct data_splits *splits, const struct dataset *sets[3]) {
    sets[0] = &splits->train;
    sets[1] = &splits->validation;
    sets[2] = &splits->test;
}

static void fill_split(struct document *document, cJSON *item, const struct data_splits *splits,
                       const struct dataset *dataset) {
    document_add_number(document, item, "images", (double)dataset->count);
    cJSON *counts = document_add_list(document, item, "class_counts");
    for (int k = 0; k < splits->classes; k++)
        document_add_number(document, counts, NULL, (double)count_class(dataset, k));
    cJSON *mean = document_add_list(document, item, "mean"), *deviation = document_add_list(document, item, "std");
    for (int c = 0; c < dataset->channels; c++) {
        struct moments moments = channel_moments(dataset, c);
        document_add_number(document, mean, NULL, moments.mean);
        document_add_number(document, deviation, NULL, moments.deviation);
    }
}

static int print_json(struct session *session, const struct data_splits *splits) {
    const struct dataset *train = &splits->train, *sets[3];
    char number[16];
    get_sets(splits, sets);
    struct document document = document_object();
    cJSON *root = document.root;
    document_add(&document, root, "shape",
                 cJSON_CreateIntArray((int[]){train->height, train->width, train->channels}, 3));
    document_add_string(&document, root, "type", train->type == PIXEL_UINT8 ? "uint8" : "float32");
    cJSON *names = document_add_list(&document, root, "classes");
    for (int k = 0; k < splits->classes; k++)
        document_add_string(&document, names, NULL, class_name(splits, k, number, sizeof number));
    for (int i = 0; i < 3; i++) {
        if (sets[i]->count)
            fill_split(&document, document_add_object(&document, root, split_names[i]), splits, sets[i]);
        else
            document_add(&document, root, split_names[i], cJSON_CreateNull());
    }
    return document_print(session, &document);
}

static int print_classes(struct session *session, const struct data_splits *splits,
                         const struct dataset *const sets[3]) {
    struct table table = {0};
    struct text text = {0};
    char number[16];
    table_column(&table, "class", TABLE_LEFT);
    for (int i = 0; i < 3; i++)
        if (sets[i]->count) table_column(&table, split_names[i], TABLE_RIGHT);
    for (int k = 0; k < splits->classes; k++) {
        table_cell(&table, "%s", class_name(splits, k, number, sizeof number));
        for (int i = 0; i < 3; i++)
            if (sets[i]->count) table_cell(&table, "%lld", count_class(sets[i], k));
    }
    table_plain(&table, &text);
    return session_print_text(session, &text);
}

static int print_splits(struct session *session, const struct data_splits *splits) {
    if (session->json) return print_json(session, splits);
    const struct dataset *train = &splits->train, *sets[3];
    get_sets(splits, sets);
    output_print("images: %d x %d x %d (height x width x channels), %s\n", train->height, train->width, train->channels,
                 train->type == PIXEL_UINT8 ? "bytes" : "floats");
    for (int i = 0; i < 3; i++) {
        if (!sets[i]->count) continue;
        output_print("%s: %lld image%s; mean", split_names[i], (long long)sets[i]->count,
                     sets[i]->count == 1 ? "" : "s");
        struct text deviations = {0};
        for (int c = 0; c < train->channels; c++) {
            struct moments moments = channel_moments(sets[i], c);
            output_print(" %.4f", moments.mean);
            text_print(&deviations, " %.4f", moments.deviation);
        }
        output_print(", deviation");
        if (session_print_text(session, &deviations) != 0) return -1;
        output_print(" by channel%s\n", train->type == PIXEL_UINT8 ? ", bytes as 0 to 1" : "");
    }
    output_print("\n");
    return print_classes(session, splits, sets);
}

static int export(struct terminal *terminal, struct session *session, const struct data_splits *splits,
                  const char *folder) {
    terminal_status(terminal, "Writing the pictures ...");
    int status = data_export(session, splits, folder);
    terminal_close(terminal);
    if (status != 0 || session->json || session->quiet) return status;
    output_print("Wrote %lld pictures of %d classes to ",
                 (long long)(splits->train.count + splits->validation.count + splits->test.count), splits->classes);
    terminal_print(stdout, folder);
    output_print("; read them as folder:");
    terminal_print(stdout, folder);
    output_text("\n");
    return 0;
}

/* ---- contact sheet ---- */

/* The same images once more, as augmentation changes them. */
static int add_augmented(struct session *session, const struct config *config, const struct dataset *dataset,
                         const struct visual_classes *classes, int per_class, struct album *album) {
    const struct data_room *room = session->workshop.data_room;
    const struct data_common *common = config->values.data.config;
    const struct normalization plain = {
        .channels = dataset->channels, .scale = dataset->type == PIXEL_UINT8 ? 1.0F / 255 : 1, .std = {1, 1, 1, 1}};
    struct feed feed = {0};
    if (common->augment.count == 0)
        return error_set(&session->error, ERROR_CONFIG, "--augmented",
                         "needs a config whose data section has \"augment\"; give it with --config");
    if (room->open(&config->values.data, &plain, dataset, (uint64_t)config->values.seed, &feed, &session->error) != 0)
        return -1;
    const int status =
        visual_sheet(album, "The same after augmentation", dataset, &feed, classes, per_class, &session->error);
    room->close(&feed);
    return status;
}

static int draw_sheet(struct session *session, const struct arguments *arguments, const struct config *config,
                      const struct data_splits *splits, struct album *album) {
    const char *split = arguments->split ? arguments->split : "train";
    const int per_class = arguments->per_class == NOT_GIVEN ? PER_CLASS : arguments->per_class;
    const struct visual_classes classes = {splits->classes, splits->class_names ? splits->classes : 0,
                                           splits->class_names};
    const struct dataset *dataset = choose_split(session, splits, split);
    char title[ALBUM_TITLE_SIZE];
    if (!dataset) return -1;
    snprintf(title, sizeof title, "%s: %s", config->values.data.kind->name, split);
    if (visual_sheet(album, title, dataset, NULL, &classes, per_class, &session->error) != 0) return -1;
    return arguments->augmented ? add_augmented(session, config, dataset, &classes, per_class, album) : 0;
}

static int write_sheet(struct session *session, const struct arguments *arguments, const struct config *config,
                       const struct data_splits *splits) {
    struct album album = {0};
    struct picture picture = {0};
    char name[128];
    snprintf(name, sizeof name, "%.100s-sheet.png", config->values.data.kind->name);
    const char *path = arguments->sheet ? arguments->sheet : name;
    int status = draw_sheet(session, arguments, config, splits, &album);
    if (status == 0) status = album_bind(&album, &picture, &session->error);
    if (status == 0) status = picture_write(&picture, path, &session->error);
    if (status == 0 && !session->quiet) {
        fprintf(stderr, "The contact sheet is ");
        terminal_print(stderr, path);
        fprintf(stderr, " (%d x %d pixels)\n", picture.width, picture.height);
    }
    picture_free(&picture);
    album_free(&album);
    return status;
}

/* --sheet may stand alone: what follows it and is no picture's name is then the SPEC. */
static int check_sheet(struct session *session, const struct options *options, struct arguments *arguments) {
    const char *sheet = arguments->sheet;
    const size_t length = sheet ? strlen(sheet) : 0;
    arguments->wants_sheet = options->seen >> OPTION_SHEET & 1;
    if (!arguments->wants_sheet) {
        const bool others = arguments->split || arguments->augmented || arguments->per_class != NOT_GIVEN;
        return others ? error_set(&session->error, ERROR_CONFIG, "--sheet",
                                  "is missing; --split, --per-class and --augmented go with it: add --sheet FILE.png, "
                                  "or leave them out")
                      : 0;
    }
    if (options_check_range(session, "--per-class", arguments->per_class, 1, PER_CLASS_MAX) != 0) return -1;
    if (!sheet || (length > 4 && strcmp(sheet + length - 4, ".png") == 0)) return 0;
    if (arguments->spec || arguments->config)
        return error_set(&session->error, ERROR_CONFIG, "--sheet", "must be a file ending in .png, got \"%s\"", sheet);
    arguments->spec = sheet;
    arguments->sheet = NULL;
    return 0;
}

static int show_data(struct session *session, const struct arguments *arguments) {
    struct config config;
    struct data_splits splits;
    struct terminal terminal;
    terminal_open(&terminal, session);
    struct config_request request = session_request(session, arguments->config);
    request.data_spec = arguments->spec;
    /* A bare SPEC is a config of one layer that is never built. */
    static const char bare[] = "{\"model\": []}";
    int status = arguments->config ? config_read(&config, &request, &session->error)
                                   : config_parse(&config, bare, "data", &request, &session->error);
    if (status != 0) return -1;
    status = config_locate_data(&config, session->workshop.data_folder, arguments->spec != NULL, &session->error);
    if (status == 0) status = terminal_load_data(&terminal, session, &config, &splits);
    if (status == 0) {
        status =
            arguments->folder ? export(&terminal, session, &splits, arguments->folder) : print_splits(session, &splits);
        if (status == 0 && arguments->wants_sheet) status = write_sheet(session, arguments, &config, &splits);
        data_splits_free(&splits);
    }
    config_free(&config);
    return status;
}

static int run_data(struct session *session, int argc, const char **argv);

const struct command data_command = {
    .name = "data",
    .summary = "what is in a data set: counts, shape, classes, mean and deviation",
    .usage = "SPEC [options]",
    .details = "Without a name it lists the sources there are, with what each expects to find.\n"
               "--sheet also writes a contact sheet: a row for each class with its name and the number of its images, "
               "which are taken from all over the data, always the same ones.\n",
    .examples = "cnntrain data synth\n"
                "cnntrain data cifar10:DIR\n"
                "cnntrain data folder:DIR --json\n"
                "cnntrain data --config sep_max.json        the data of a config\n"
                "cnntrain data svhn:DIR --sheet svhn.png    a picture of images of each class\n"
                "cnntrain data --config augmented.json --sheet --augmented\n"
                "cnntrain data synth:600,200 --export digits    800 pictures in digits/train and digits/test\n"
                "cnntrain data                              every source there is\n",
    .run = run_data,
};

static int sources_json(struct session *session, const struct component_registry *sources) {
    struct document document = document_list();
    for (const struct component_kind *const *kind = sources->kinds; *kind; kind++) {
        const struct source_kind *source = (const struct source_kind *)*kind;
        cJSON *item = document_add_object(&document, document.root, NULL);
        document_add_string(&document, item, "name", (*kind)->name);
        document_add_string(&document, item, "summary", (*kind)->summary);
        document_add(&document, item, "needs_path", cJSON_CreateBool(source->needs_path));
        document_add_string(&document, item, "layout", source->layout ? source->layout : "");
    }
    return document_print(session, &document);
}

static int list_sources(struct session *session) {
    const struct component_registry *sources = registries_find(&session->registries, "source");
    if (session->json) return sources_json(session, sources);
    output_print("Sources, as SPEC or in a config's data section:\n\n");
    for (const struct component_kind *const *kind = sources->kinds; *kind; kind++) {
        const struct source_kind *source = (const struct source_kind *)*kind;
        char spec[64];
        snprintf(spec, sizeof spec, "%s%s", (*kind)->name, source->needs_path ? ":PATH" : "");
        output_print("  %-16s %s\n", spec, (*kind)->summary);
        if (source->layout) output_print("  %-16s %s\n", "", source->layout);
    }
    return 0;
}

static int run_data(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {.per_class = NOT_GIVEN};
    char *sheet = NULL;
    const struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &arguments.config, 0, "show the data of this config", "FILE"},
        {"export", 0, POPT_ARG_STRING, &arguments.folder, 0,
         "write the images into this folder, a folder for each class", "DIR"},
        {"sheet", 0, POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, &sheet, OPTION_SHEET,
         "write a contact sheet (default file: SOURCE-sheet.png)", "[FILE.png]"},
        {"per-class", 0, POPT_ARG_INT, &arguments.per_class, 0, "images of a class on the sheet (default 10)", "N"},
        {"split", 0, POPT_ARG_STRING, &arguments.split, 0, "of which images (train is the default)",
         "train|validation|test"},
        {"augmented", 0, POPT_ARG_NONE, &arguments.augmented, 0, "and the same images after augmentation", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &data_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &data_command, 0, 1, "a SPEC");
        if (status == 0 && options.argument_count) arguments.spec = options.arguments[0];
        if (status == 0 && arguments.folder && !arguments.spec && !arguments.config)
            status = error_set(&session->error, ERROR_CONFIG, "--export", "needs the data: a SPEC, or --config FILE");
        arguments.sheet = sheet;
        if (status == 0) status = check_sheet(session, &options, &arguments);
        if (status == 0)
            status = arguments.spec || arguments.config ? show_data(session, &arguments) : list_sources(session);
    }
    options_free(&options);
    return status;
}
