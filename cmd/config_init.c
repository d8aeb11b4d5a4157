/* cnntrain config init: a config of regular blocks, ((convolution with its activation) x k, pool) x m, then Dense. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/config_init.h"
#include "cmd/document.h"
#include "core/text.h"

enum { BLOCKS_MAX = 64, NUMBER_MAX = 1 << 20, DEFAULT_FILTERS = 32, DEFAULT_BLOCKS = 3 };

struct arguments {
    int blocks, convs, kernel_size, dense, classes;
    const char *filters, *conv, *pool, *activation, *data, *name;
};

/* What the arguments come to. */
struct stack {
    const struct arguments *arguments;
    const struct component_kind *conv, *pool, *activation;
    int blocks, filters[BLOCKS_MAX];
};

/* ---- reading ---- */

static const struct component_kind *find_kind(struct session *session, const char *what, const char *flag,
                                              const char *name) {
    const struct component_registry *registry = registries_find(&session->registries, what);
    const struct component_kind *kind = registry_find(registry, name);
    if (kind) return kind;
    const char *advice = registry_advice(registry, name), *nearest = registry_nearest(registry, name);
    if (advice)
        error_set(&session->error, ERROR_CONFIG, flag, "there is no %s \"%s\"; %s", what, name, advice);
    else if (nearest)
        error_set(&session->error, ERROR_CONFIG, flag, "unknown %s \"%s\"; did you mean \"%s\"?", what, name, nearest);
    else
        error_set(&session->error, ERROR_CONFIG, flag, "unknown %s \"%s\"; `cnntrain layers` lists all there is", what,
                  name);
    return NULL;
}

/* A layer that has this field; else the flag names the wrong sort of layer. */
static const struct component_kind *find_layer(struct session *session, const char *flag, const char *name,
                                               const char *field, const char *sort) {
    const struct component_kind *kind = find_kind(session, "layer", flag, name);
    if (!kind || fields_know(kind->fields, field)) return kind;
    error_set(&session->error, ERROR_CONFIG, flag, "%s has no \"%s\"; give it a %s", name, field, sort);
    return NULL;
}

/* "32,64,128" into stack->filters; returns how many there are, or -1. */
static int read_filters(struct session *session, const char *text, struct stack *stack) {
    int count = 0;
    for (const char *at = text;; at++) {
        char *end = NULL;
        long value = *at >= '0' && *at <= '9' ? strtol(at, &end, 10) : 0;
        if (value < 1 || value > NUMBER_MAX || (*end != ',' && *end))
            return error_set(&session->error, ERROR_CONFIG, "--filters",
                             "must be numbers from 1 to %d with commas between, such as 32,64,128; got \"%s\"",
                             NUMBER_MAX, text);
        if (count == BLOCKS_MAX)
            return error_set(&session->error, ERROR_CONFIG, "--filters", "has more than %d numbers", BLOCKS_MAX);
        stack->filters[count++] = (int)value;
        if (!*end) return count;
        at = end;
    }
}

/* One number for each block: as given, the one that is given, or twice as many from block to block. */
static int read_blocks(struct session *session, const struct arguments *arguments, struct stack *stack) {
    int given = arguments->filters ? read_filters(session, arguments->filters, stack) : 0;
    if (given < 0) return -1;
    const int several = given > 1 ? given : DEFAULT_BLOCKS;
    stack->blocks = arguments->blocks == NOT_GIVEN ? several : arguments->blocks;
    if (given > 1 && given != stack->blocks)
        return error_set(&session->error, ERROR_CONFIG, "--filters",
                         "has %d numbers for %d blocks; give one for each block, or one for all", given, stack->blocks);
    for (int i = given; i < stack->blocks; i++) {
        const double doubled = i ? 2.0 * stack->filters[i - 1] : DEFAULT_FILTERS;
        stack->filters[i] = given ? stack->filters[0] : (int)(doubled < NUMBER_MAX ? doubled : NUMBER_MAX);
    }
    return 0;
}

static int read_stack(struct session *session, const struct arguments *arguments, struct stack *stack) {
    const struct {
        const char *flag;
        int value, least, most;
    } ranges[] = {{"--blocks", arguments->blocks, 1, BLOCKS_MAX},
                  {"--convs", arguments->convs, 1, BLOCKS_MAX},
                  {"--kernel-size", arguments->kernel_size, 1, NUMBER_MAX},
                  {"--dense", arguments->dense, 0, NUMBER_MAX},
                  {"--classes", arguments->classes, 1, NUMBER_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (options_check_range(session, ranges[i].flag, ranges[i].value, ranges[i].least, ranges[i].most) != 0)
            return -1;
    *stack = (struct stack){.arguments = arguments};
    stack->conv = find_layer(session, "--conv", arguments->conv ? arguments->conv : "Conv2D", "kernel_size",
                             "convolution, such as Conv2D");
    if (!stack->conv) return -1;
    stack->pool = find_layer(session, "--pool", arguments->pool ? arguments->pool : "MaxPooling2D", "pool_size",
                             "pool, such as MaxPooling2D");
    if (!stack->pool) return -1;
    stack->activation =
        find_kind(session, "activation", "--activation", arguments->activation ? arguments->activation : "relu");
    return stack->activation ? read_blocks(session, arguments, stack) : -1;
}

/* ---- writing ---- */

static cJSON *add_layer(struct document *document, cJSON *list, const struct component_kind *kind) {
    cJSON *layer = document_add_object(document, list, NULL);
    document_add_string(document, layer, "type", kind->name);
    return layer;
}

/* The list that holds what stands there `times` times: `list` itself for once. */
static cJSON *repeated(struct document *document, cJSON *list, int times) {
    if (times == 1) return list;
    cJSON *repeat = document_add_object(document, list, NULL);
    document_add_number(document, repeat, "repeat", times);
    return document_add_list(document, repeat, "layers");
}

static void add_block(struct document *document, cJSON *list, const struct stack *stack, int filters) {
    const struct arguments *arguments = stack->arguments;
    cJSON *conv = add_layer(document, repeated(document, list, arguments->convs), stack->conv);
    if (fields_know(stack->conv->fields, "filters")) document_add_number(document, conv, "filters", filters);
    document_add_number(document, conv, "kernel_size", arguments->kernel_size);
    document_add_string(document, conv, "padding", "same");
    document_add_string(document, conv, "activation", stack->activation->name);
    document_add_number(document, add_layer(document, list, stack->pool), "pool_size", 2);
}

static bool all_alike(const struct stack *stack) {
    for (int i = 1; i < stack->blocks; i++)
        if (stack->filters[i] != stack->filters[0]) return !fields_know(stack->conv->fields, "filters");
    return true;
}

static void add_dense(struct document *document, cJSON *model, int units, const char *activation) {
    cJSON *layer = document_add_object(document, model, NULL);
    document_add_string(document, layer, "type", "Dense");
    document_add_number(document, layer, "units", units);
    document_add_string(document, layer, "activation", activation);
}

static void add_model(struct document *document, const struct stack *stack) {
    cJSON *model = document_add_list(document, document->root, "model");
    if (all_alike(stack))
        add_block(document, repeated(document, model, stack->blocks), stack, stack->filters[0]);
    else
        for (int i = 0; i < stack->blocks; i++) add_block(document, model, stack, stack->filters[i]);
    document_add_string(document, document_add_object(document, model, NULL), "type", "Flatten");
    if (stack->arguments->dense > 0) add_dense(document, model, stack->arguments->dense, stack->activation->name);
    add_dense(document, model, stack->arguments->classes, "softmax");
}

static void add_data(struct document *document, const char *spec) {
    cJSON *data = document_add_object(document, document->root, "data");
    char source[64];
    const size_t length = spec ? strcspn(spec, ":") : 0;
    snprintf(source, sizeof source, "%.*s", (int)length, spec ? spec : "");
    document_add_string(document, data, "source", spec ? source : "synth");
    if (spec && spec[length]) document_add_string(document, data, "path", spec + length + 1);
}

static void add_training(struct document *document) {
    cJSON *training = document_add_object(document, document->root, "training");
    document_add_number(document, training, "epochs", 10);
    document_add_number(document, training, "batch_size", 64);
    cJSON *optimizer = document_add_object(document, training, "optimizer");
    document_add_string(document, optimizer, "type", "Adam");
    document_add_number(document, optimizer, "learning_rate", 0.001);
}

/* ---- printing ---- */

/* A layer on a line of its own; what repeats, around its layers. */
static void print_layers(const cJSON *list, int indent, struct text *text) {
    for (const cJSON *item = list->child; item; item = item->next) {
        const cJSON *repeat = cJSON_GetObjectItemCaseSensitive(item, "repeat");
        text_repeat(text, " ", indent);
        if (repeat) {
            text_print(text, "{\"repeat\": %d, \"layers\": [\n", repeat->valueint);
            print_layers(cJSON_GetObjectItemCaseSensitive(item, "layers"), indent + 2, text);
            text_repeat(text, " ", indent);
            text_add(text, "]}");
        } else {
            json_write(item, text);
        }
        text_add(text, item->next ? ",\n" : "\n");
    }
}

/* As people write a config by hand. */
static void print_document(const cJSON *root, struct text *text) {
    text_add(text, "{\n");
    for (const cJSON *member = root->child; member; member = member->next) {
        text_print(text, "  \"%s\": ", member->string);
        if (cJSON_IsArray(member)) {
            text_add(text, "[\n");
            print_layers(member, 4, text);
            text_add(text, "  ]");
        } else {
            json_write(member, text);
        }
        text_add(text, member->next ? ",\n" : "\n");
    }
    text_add(text, "}\n");
}

/* ---- checking ---- */

/* What is printed must run: read as a config and, where the size of the images is known, built. */
static int check_text(struct session *session, const char *text) {
    const struct config_request request = session_request(session, NULL);
    struct config config;
    struct shape unknown = {0}, input;
    struct model model;
    struct error none = {0};
    if (config_parse(&config, text, "config-init", &request, &session->error) != 0) return -1;
    int status = 0;
    if (config_input_shape(&config, &unknown, &input, &none) == 0) {
        status = model_plan(&model, &config, &input, &session->error);
        if (status == 0) model_free(&model);
    }
    config_free(&config);
    return status;
}

static int print_config(struct session *session, const struct arguments *arguments) {
    struct stack stack;
    if (read_stack(session, arguments, &stack) != 0) return -1;
    struct document document = document_object();
    if (arguments->name) document_add_string(&document, document.root, "name", arguments->name);
    add_data(&document, arguments->data);
    add_model(&document, &stack);
    add_training(&document);
    struct text text = {0};
    if (!document.failed) print_document(document.root, &text);
    text.failed = text.failed || document.failed;
    document_free(&document);
    if (text.failed || check_text(session, text.bytes) == 0) return session_print_text(session, &text);
    text_free(&text);
    return -1;
}

const struct command config_init_command = {
    .name = "config init",
    .summary = "print a config of regular blocks: ((convolution, activation) x k, pool) x m, Flatten, Dense",
    .usage = "[options] > FILE",
    .examples = "cnntrain config init > my.json\n"
                "cnntrain config init --blocks 3 --convs 2 --filters 32,64,128 --dense 128 > my.json\n"
                "cnntrain config init --conv SeparableConv2D --pool AveragePooling2D --data svhn:data/svhn > my.json\n"
                "cnntrain --config my.json\n",
    .run = run_config_init,
};

int run_config_init(struct session *session, int argc, const char **argv) {
    struct arguments arguments = {.blocks = NOT_GIVEN, .convs = 1, .kernel_size = 3, .classes = 10};
    const struct poptOption table[] = {
        {"blocks", 0, POPT_ARG_INT, &arguments.blocks, 0, "blocks, each ended by a pool (one for each of --filters; 3)",
         "M"},
        {"convs", 0, POPT_ARG_INT, &arguments.convs, 0, "convolutions in a block (1)", "K"},
        {"filters", 0, POPT_ARG_STRING, &arguments.filters, 0,
         "of each block's convolutions, or one number for all (32, twice as many from block to block)", "LIST"},
        {"conv", 0, POPT_ARG_STRING, &arguments.conv, 0, "which convolution (Conv2D)", "LAYER"},
        {"kernel-size", 0, POPT_ARG_INT, &arguments.kernel_size, 0, "its height and width (3)", "N"},
        {"activation", 0, POPT_ARG_STRING, &arguments.activation, 0, "behind it (relu)", "NAME"},
        {"pool", 0, POPT_ARG_STRING, &arguments.pool, 0, "which pool, 2x2 (MaxPooling2D)", "LAYER"},
        {"dense", 0, POPT_ARG_INT, &arguments.dense, 0, "units of a hidden Dense layer (0: none)", "N"},
        {"classes", 0, POPT_ARG_INT, &arguments.classes, 0, "units of the last layer, one a class (10)", "N"},
        {"data", 'd', POPT_ARG_STRING, &arguments.data, 0, "the data (synth)", "SPEC"},
        {"name", 0, POPT_ARG_STRING, &arguments.name, 0, "the run's name (the file's)", "NAME"},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &config_init_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &config_init_command, 0, 0, "nothing");
        if (status == 0) status = print_config(session, &arguments);
    }
    options_free(&options);
    return status;
}
