/* cnntrain data: what is in a data set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/data_export.h"
#include "cmd/document.h"
#include "cmd/terminal.h"
#include "core/dataset.h"
#include "core/report/table.h"

struct arguments {
    const char *config, *spec, *folder;
};

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
    printf("images: %d x %d x %d (height x width x channels), %s\n", train->height, train->width, train->channels,
           train->type == PIXEL_UINT8 ? "bytes" : "floats");
    for (int i = 0; i < 3; i++) {
        if (!sets[i]->count) continue;
        printf("%s: %lld images; mean", split_names[i], (long long)sets[i]->count);
        struct text deviations = {0};
        for (int c = 0; c < train->channels; c++) {
            struct moments moments = channel_moments(sets[i], c);
            printf(" %.4f", moments.mean);
            text_print(&deviations, " %.4f", moments.deviation);
        }
        printf(", deviation");
        if (session_print_text(session, &deviations) != 0) return -1;
        printf(" by channel%s\n", train->type == PIXEL_UINT8 ? ", bytes as 0 to 1" : "");
    }
    printf("\n");
    return print_classes(session, splits, sets);
}

static int export(struct terminal *terminal, struct session *session, const struct data_splits *splits,
                  const char *folder) {
    terminal_status(terminal, "Writing the pictures ...");
    int status = data_export(session, splits, folder);
    terminal_close(terminal);
    if (status != 0 || session->json || session->quiet) return status;
    printf("Wrote %lld pictures of %d classes to ",
           (long long)(splits->train.count + splits->validation.count + splits->test.count), splits->classes);
    terminal_print(stdout, folder);
    printf("; read them as folder:");
    terminal_print(stdout, folder);
    putchar('\n');
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
    .details = "Without a name it lists the sources there are, with what each expects to find.\n",
    .examples = "cnntrain data synth\n"
                "cnntrain data cifar10:DIR\n"
                "cnntrain data folder:DIR --json\n"
                "cnntrain data --config sep_max.json        the data of a config\n"
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
    printf("Sources, as SPEC or in a config's data section:\n\n");
    for (const struct component_kind *const *kind = sources->kinds; *kind; kind++) {
        const struct source_kind *source = (const struct source_kind *)*kind;
        char spec[64];
        snprintf(spec, sizeof spec, "%s%s", (*kind)->name, source->needs_path ? ":PATH" : "");
        printf("  %-16s %s\n", spec, (*kind)->summary);
        if (source->layout) printf("  %-16s %s\n", "", source->layout);
    }
    return 0;
}

static int run_data(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {0};
    const struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &arguments.config, 0, "show the data of this config", "FILE"},
        {"export", 0, POPT_ARG_STRING, &arguments.folder, 0,
         "write the images into this folder, a folder for each class", "DIR"},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &data_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &data_command, 0, 1, "a SPEC");
        if (status == 0 && options.argument_count) arguments.spec = options.arguments[0];
        if (status == 0 && arguments.folder && !arguments.spec && !arguments.config)
            status = error_set(&session->error, ERROR_CONFIG, "--export", "needs the data: a SPEC, or --config FILE");
        if (status == 0)
            status = arguments.spec || arguments.config ? show_data(session, &arguments) : list_sources(session);
    }
    options_free(&options);
    return status;
}
