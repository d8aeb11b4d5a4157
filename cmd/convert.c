/* cnntrain convert: a trained model in another program's format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/document.h"
#include "cmd/output.h"
#include "cmd/terminal.h"
#include "core/file.h"
#include "core/interop/exchange.h"

struct arguments {
    const char *format, *layout;
    int logits, nchw, preprocessing;
};

/* One conversion: where from, where to, and how. */
struct conversion {
    const char *model, *out;
    const struct exchange_format *format;
    unsigned options;
};

/* ---- what is asked for ---- */

static const struct {
    enum exchange_option option;
    const char *flag;
} flags[] = {
    {EXCHANGE_TORCH, "--layout torch"},
    {EXCHANGE_LOGITS, "--logits"},
    {EXCHANGE_NCHW, "--nchw"},
    {EXCHANGE_PREPROCESSING, "--preprocessing"},
};

/* ".safetensors, .json": the extensions that there are; or the names of the formats that honour an option. */
static void list_extensions(struct text *list) {
    for (const struct exchange_format *const *format = exchange_formats; *format; format++)
        for (const char *const *extension = (*format)->extensions; *extension; extension++)
            text_print(list, list->length ? ", %s" : "%s", *extension);
}

static void list_names(unsigned option, struct text *list) {
    for (const struct exchange_format *const *format = exchange_formats; *format; format++)
        if (((*format)->honours & option) == option) text_print(list, list->length ? ", %s" : "%s", (*format)->name);
}

static const char *listed(const struct text *list) {
    return list->failed || !list->bytes ? "none" : list->bytes;
}

static int choose_format(struct session *session, const char *name, struct conversion *conversion) {
    struct text known = {0};
    conversion->format = name ? exchange_named(name) : exchange_for_path(conversion->out);
    if (conversion->format) return 0;
    if (name) {
        list_names(0, &known);
        error_set(&session->error, ERROR_CONFIG, "--format", "must be one of %s; got \"%s\"", listed(&known), name);
    } else {
        list_extensions(&known);
        error_set(&session->error, ERROR_CONFIG, conversion->out,
                  "has no ending that says the format; known are %s (or give --format NAME)", listed(&known));
    }
    text_free(&known);
    return -1;
}

static int choose_layout(struct session *session, const char *layout, unsigned *options) {
    if (!layout || strcmp(layout, "keras") == 0) return 0;
    if (strcmp(layout, "torch") != 0)
        return error_set(&session->error, ERROR_CONFIG, "--layout", "must be keras or torch, got \"%s\"", layout);
    *options |= EXCHANGE_TORCH;
    return 0;
}

static int choose_options(struct session *session, const struct arguments *arguments, struct conversion *conversion) {
    if (choose_layout(session, arguments->layout, &conversion->options) != 0) return -1;
    if (arguments->logits) conversion->options |= EXCHANGE_LOGITS;
    if (arguments->nchw) conversion->options |= EXCHANGE_NCHW;
    if (arguments->preprocessing) conversion->options |= EXCHANGE_PREPROCESSING;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (!(conversion->options & flags[i].option & ~conversion->format->honours)) continue;
        struct text able = {0};
        list_names(flags[i].option, &able);
        int status = error_set(&session->error, ERROR_CONFIG, flags[i].flag,
                               "does not go with the format %s, only with %s; leave it out", conversion->format->name,
                               listed(&able));
        text_free(&able);
        return status;
    }
    return 0;
}

/* Nothing but a plain file is replaced, and not the one that the model comes from. */
static int check_out(struct session *session, const struct conversion *conversion) {
    struct stat from, to;
    if (stat(conversion->out, &to) != 0) return 0;
    if (S_ISDIR(to.st_mode))
        return error_set(&session->error, ERROR_IO, conversion->out, "is a folder; name a file in it");
    if (!S_ISREG(to.st_mode))
        return error_set(&session->error, ERROR_IO, conversion->out,
                         "is a device or a pipe, in whose place the file would come; name a file");
    if (stat(conversion->model, &from) == 0 && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        return error_set(&session->error, ERROR_CONFIG, conversion->out,
                         "is the model itself; give the result another name");
    return 0;
}

/* ---- doing it ---- */

/* " - [0.49, 0.48, 0.45]", or nothing where every number is `neutral`. */
static void add_numbers(struct text *text, const char *sign, const float *numbers, int count, float neutral) {
    bool all = true;
    for (int i = 0; i < count; i++) all = all && numbers[i] == neutral;
    for (int i = 0; i < count && !all; i++) text_print(text, "%s%.9g", i ? ", " : sign, (double)numbers[i]);
    if (!all) text_add(text, "]");
}

/* How its user prepares an image: without this the best model guesses. */
static void add_preparation(struct text *text, const struct conversion *conversion, const struct model *model,
                            const struct model_facts *facts) {
    const struct normalization *normalization = &facts->normalization;
    const struct shape *input = &model->input;
    const bool is_nchw = input->rank == 3 && conversion->options & (EXCHANGE_NCHW | EXCHANGE_TORCH);
    struct shape shape = *input;
    char buffer[SHAPE_TEXT_SIZE];
    if (is_nchw) shape = (struct shape){3, {input->size[2], input->size[0], input->size[1]}};
    text_print(text, "input: images %s of ", shape_text(&shape, buffer, sizeof buffer));
    if (conversion->options & EXCHANGE_PREPROCESSING) {
        text_add(text, "pixels 0 to 255\n");
        return;
    }
    text_add(text, normalization->scale == 1 ? "pixel" : "pixel * ");
    if (normalization->scale != 1) text_print(text, "%.9g", (double)normalization->scale);
    add_numbers(text, " - [", normalization->mean, normalization->channels, 0);
    add_numbers(text, ", divided by [", normalization->std, normalization->channels, 1);
    text_add(text, "\n");
}

static int tell(struct session *session, const struct conversion *conversion, struct text *remarks) {
    struct stat written;
    if (stat(conversion->out, &written) != 0) return error_set_errno(&session->error, conversion->out, "look at");
    if (session->json) {
        struct document document = document_object();
        document_add_string(&document, document.root, "file", conversion->out);
        document_add_string(&document, document.root, "format", conversion->format->name);
        document_add_number(&document, document.root, "bytes", (double)written.st_size);
        return document_print(session, &document);
    }
    if (session->quiet) return 0;
    char bytes[32];
    terminal_print(stdout, conversion->out);
    output_print(": %s, %s bytes\n", conversion->format->name,
                 text_thousands(bytes, sizeof bytes, (long long)written.st_size));
    return session_print_text(session, remarks);
}

static int write_model(struct session *session, const struct conversion *conversion, const struct model *model,
                       const struct model_facts *facts) {
    struct text remarks = {0};
    const struct exchange exchange = {.model = model,
                                      .facts = facts,
                                      .registries = &session->registries,
                                      .options = conversion->options,
                                      .version = CNNTRAIN_VERSION,
                                      .remarks = &remarks};
    int status = conversion->format->write(&exchange, conversion->out, &session->error);
    if (!conversion->format->without_weights) add_preparation(&remarks, conversion, model, facts);
    if (status == 0) status = tell(session, conversion, &remarks);
    text_free(&remarks);
    return status;
}

static int convert_saved(struct session *session, const struct conversion *conversion) {
    struct saved_model saved;
    struct config_request request = session_request(session, conversion->model);
    if (session_check_model(session, conversion->model) != 0) return -1;
    if (saved_model_open(&saved, conversion->model, false, &request, &session->error) != 0) return -1;
    char *text = config_text(&saved.config, &session->registries, &session->error);
    const struct model_facts facts = {text, saved.normalization, saved.classes, saved.class_names};
    int status = text ? write_model(session, conversion, &saved.model, &facts) : -1;
    free(text);
    saved_model_free(&saved);
    return status;
}

static int convert_planned(struct session *session, const struct conversion *conversion, struct config *config) {
    const struct train_options none = TRAIN_OPTIONS_NONE;
    struct shape input;
    struct model model;
    if (read_input_shape(session, &none, config, &input) != 0) return -1;
    if (model_plan(&model, config, &input, &session->error) != 0) return -1;
    char *text = config_text(config, &session->registries, &session->error);
    const struct model_facts facts = {.config_text = text};
    int status = text ? write_model(session, conversion, &model, &facts) : -1;
    free(text);
    model_free(&model);
    return status;
}

static int convert_config(struct session *session, const struct conversion *conversion) {
    const struct train_options none = TRAIN_OPTIONS_NONE;
    struct config config;
    if (read_config(session, &none, conversion->model, &config) != 0) return -1;
    int status = conversion->format->without_weights
                     ? convert_planned(session, conversion, &config)
                     : error_set(&session->error, ERROR_CONFIG, conversion->model,
                                 "is a config, which has no weights; train it, then convert the run");
    config_free(&config);
    return status;
}

/* ---- the command ---- */

static void add_formats(struct text *text) {
    text_add(text, "\nFormats, chosen by the ending of OUT or by --format:\n");
    for (const struct exchange_format *const *format = exchange_formats; *format; format++) {
        struct text extensions = {0};
        for (const char *const *extension = (*format)->extensions; *extension; extension++)
            text_print(&extensions, extensions.length ? " %s" : "%s", *extension);
        text_print(text, "  %-14s%-17s%s\n", (*format)->name, extensions.failed ? "" : extensions.bytes,
                   (*format)->summary);
        text_free(&extensions);
    }
}

static int run_convert(struct session *session, int argc, const char **argv);

const struct command convert_command = {
    .name = "convert",
    .summary = "write a trained model in another program's format",
    .usage = "MODEL OUT [options]",
    .examples = "cnntrain convert runs/sep_max sep_max.keras\n"
                "cnntrain convert runs/sep_max sep_max.onnx --preprocessing\n"
                "cnntrain convert runs/sep_max sep_max.safetensors --layout torch\n"
                "cnntrain convert runs/sep_max sep_max.c\n"
                "cnntrain convert model.keras model.onnx\n",
    .more_help = add_formats,
    .run = run_convert,
};

static int act(struct session *session, const struct options *options, const struct arguments *arguments) {
    if (options_expect(options, session, &convert_command, 2, 2, "a model and the file to write") != 0) return -1;
    struct conversion conversion = {.model = options->arguments[0], .out = options->arguments[1]};
    if (check_out(session, &conversion) != 0 || choose_format(session, arguments->format, &conversion) != 0 ||
        choose_options(session, arguments, &conversion) != 0)
        return -1;
    int is_saved = session_is_model(session, conversion.model);
    if (is_saved < 0) return -1;
    return is_saved ? convert_saved(session, &conversion) : convert_config(session, &conversion);
}

static int run_convert(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {0};
    const struct poptOption table[] = {
        {"format", 0, POPT_ARG_STRING, &arguments.format, 0, "the format, whatever the ending of OUT", "NAME"},
        {"layout", 0, POPT_ARG_STRING, &arguments.layout, 0, "names and order of the weights: keras (default) or torch",
         "NAME"},
        {"logits", 0, POPT_ARG_NONE, &arguments.logits, 0, "leave out the softmax at the end", NULL},
        {"nchw", 0, POPT_ARG_NONE, &arguments.nchw, 0, "images with channels first, (n,c,h,w)", NULL},
        {"preprocessing", 0, POPT_ARG_NONE, &arguments.preprocessing, 0,
         "take pixels of 0 to 255: scale, mean and deviation become part of the model", NULL},
        {"preprocess", 0, POPT_ARG_NONE, &arguments.preprocessing, 0, "the same as --preprocessing", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &convert_command, table, argc, argv);
    if (status == 0 && !options.help_shown) status = act(session, &options, &arguments);
    options_free(&options);
    return status;
}
