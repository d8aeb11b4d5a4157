/* A trained model as C: a source with its weights that depends on nothing but <math.h>, and its header. C99, and C++ as
 * well. The operations of core/graph.h become a function each (c_functions.h). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/interop/c_functions.h"
#include "core/interop/exchange.h"
#include "core/model_graph.h"

/* What both files say. */
struct writing {
    const struct exchange *exchange;
    struct c_source source;
    struct c_plan plan;
    const char *name;              /* of the header without its folder: "sep_max.h" */
    char prefix[64], capitals[64]; /* of identifiers: "sep_max", "SEP_MAX" */
};

static bool takes_pixels(const struct writing *writing) {
    return (writing->exchange->options & EXCHANGE_PREPROCESSING) != 0;
}

static bool gives_logits(const struct writing *writing) {
    return (writing->exchange->options & EXCHANGE_LOGITS) != 0;
}

/* ---- names ---- */

/* The path with .h for its ending, in malloc'd memory. */
static char *header_path(const char *path, struct error *error) {
    const size_t length = strlen(path), folder = length - strlen(file_name_of(path));
    const char *dot = strrchr(path + folder, '.');
    const size_t stem = dot && dot != path + folder ? (size_t)(dot - path) : length;
    char *header = malloc(stem + 3);
    if (!header) {
        error_set(error, ERROR_RUN, NULL, "not enough memory for a path");
        return NULL;
    }
    memcpy(header, path, stem);
    memcpy(header + stem, ".h", 3);
    return header;
}

/* The file's name stands in an #include and in comments. */
static int set_names(struct writing *writing, const char *header, const char *path, struct error *error) {
    writing->name = file_name_of(header);
    for (const char *at = writing->name; *at; at++)
        if (*at == '"' || *at == '\\' || *at == '*' || iscntrl((unsigned char)*at))
            return error_set(error, ERROR_CONFIG, path,
                             "has a name that C cannot include; name it with letters and digits");
    if (strcmp(header, path) == 0)
        return error_set(error, ERROR_CONFIG, path, "is the header's name; name the source, which ends in .c");
    size_t length = 0;
    if (isdigit((unsigned char)*writing->name)) writing->prefix[length++] = 'n';
    const char *end = strrchr(writing->name, '.');
    for (const char *at = writing->name; at < end && length + 1 < sizeof writing->prefix; at++)
        writing->prefix[length++] = isascii((unsigned char)*at) && isalnum((unsigned char)*at) ? *at : '_';
    for (size_t i = 0; i < length; i++) writing->capitals[i] = (char)toupper((unsigned char)writing->prefix[i]);
    return 0;
}

/* No function or array of a layer may be called as one that the header declares. */
static int take_public_names(struct writing *writing, struct error *error) {
    static const char *const public[] = {"predict", "predict_with", "class_names"};
    for (size_t i = 0; i < sizeof public / sizeof *public; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s_%s", writing->prefix, public[i]);
        if (!c_names_take(&writing->source.names, name, error)) return -1;
    }
    return 0;
}

#define WRITTEN_BY ": a trained network, written by cnntrain"

/* Nobody asked for the header by its name: one that stands there is replaced only where it came from here. */
static int check_header(const char *header, const char *path, struct error *error) {
    char start[512] = "";
    size_t length = 0, size = 0;
    if (!file_exists(header)) return 0;
    if (file_read_start(header, start, sizeof start - 1, &length, &size, error) != 0) return -1;
    start[length] = '\0';
    if (strncmp(start, "/* ", 3) == 0 && strstr(start, WRITTEN_BY)) return 0;
    return error_set(error, ERROR_CONFIG, path,
                     "would have its header in %s, which is there and was not written by cnntrain; choose another name",
                     header);
}

/* ---- the header ---- */

static const char *const sizes_of_image[] = {"HEIGHT", "WIDTH", "CHANNELS"};

static void add_sizes(const struct writing *writing, struct text *text) {
    const struct shape *input = &writing->exchange->model->input;
    size_t count = 0;
    shape_elements(input, &count);
    for (int i = 0; i < input->rank && input->rank == 3; i++)
        text_print(text, "#define %s_%s %d\n", writing->capitals, sizes_of_image[i], input->size[i]);
    text_print(text, "#define %s_INPUTS %zu\n", writing->capitals, count);
    text_print(text, "#define %s_CLASSES %d\n", writing->capitals, writing->exchange->model->output.size[0]);
    text_print(text, "#define %s_WORK %zu /* floats that predicting works with */\n\n", writing->capitals,
               writing->plan.work ? writing->plan.work : 1);
}

static void add_list(struct text *text, const float *values, int count) {
    for (int i = 0; i < count; i++) text_print(text, "%s%.9g", i ? ", " : "", (double)values[i]);
}

static void add_input_comment(const struct writing *writing, struct text *text) {
    const struct normalization *pixels = &writing->exchange->facts->normalization;
    char shape[SHAPE_TEXT_SIZE];
    text_print(text, "/* in %s: an image, row by row, the channels of a pixel together.\n",
               shape_text(&writing->exchange->model->input, shape, sizeof shape));
    if (takes_pixels(writing)) {
        text_add(text, " * Its numbers are pixels as in a picture, 0 to 255.\n");
    } else {
        text_print(text, " * Its numbers are (pixel * %.9g - mean) / deviation, by channel:\n * mean ",
                   (double)pixels->scale);
        add_list(text, pixels->mean, pixels->channels);
        text_add(text, "; deviation ");
        add_list(text, pixels->std, pixels->channels);
        text_add(text, ".\n");
    }
    text_print(text, " * out: the %s of the classes. */\n", gives_logits(writing) ? "logits" : "probabilities");
}

static void add_header(const struct writing *writing, struct text *text) {
    const char *prefix = writing->prefix, *capitals = writing->capitals;
    text_print(text, "/* %s" WRITTEN_BY " %s. */\n", writing->name, writing->exchange->version);
    text_print(text, "#ifndef %s_H\n#define %s_H\n\n", capitals, capitals);
    add_sizes(writing, text);
    text_add(text, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    add_input_comment(writing, text);
    text_print(text, "void %s_predict(const float in[%s_INPUTS], float out[%s_CLASSES]);\n", prefix, capitals,
               capitals);
    text_add(text, "/* The same with memory of the caller's, so that several threads can predict at once. */\n");
    text_print(text, "void %s_predict_with(const float in[%s_INPUTS], float out[%s_CLASSES], float work[%s_WORK]);\n\n",
               prefix, capitals, capitals, capitals);
    text_print(text, "extern const char *const %s_class_names[%s_CLASSES];\n\n", prefix, capitals);
    text_add(text, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}

/* ---- the source ---- */

static void add_class_names(const struct writing *writing, struct text *text) {
    const struct model_facts *facts = writing->exchange->facts;
    text_print(text, "const char *const %s_class_names[%s_CLASSES] = {\n", writing->prefix, writing->capitals);
    for (int i = 0; i < writing->exchange->model->output.size[0]; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        text_add(text, "    ");
        c_add_string(text, facts->class_names && i < facts->classes ? facts->class_names[i] : number);
        text_add(text, ",\n");
    }
    text_add(text, "};\n\n");
}

/* A model of no operation but those that leave the numbers as they are. */
static void add_copy(const struct writing *writing, struct text *text) {
    const struct graph *graph = writing->source.graph;
    if (writing->plan.places[graph->output].room != C_INPUT) return;
    text_print(text, "    for (int i = 0; i < %zu; i++) out[i] = in[i];\n", graph_elements(graph, graph->output));
}

static void add_source(const struct writing *writing, struct text *text) {
    const char *prefix = writing->prefix, *capitals = writing->capitals;
    const struct c_source *source = &writing->source;
    text_print(text, "/* A trained network, written by cnntrain %s; %s says how to use it. C99, without libraries%s.\n",
               writing->exchange->version, writing->name, source->uses_math ? " but <math.h>" : "");
    text_add(text, " * Images are (rows, columns, channels), kernels (rows, columns, channels, filters). */\n");
    text_print(text, "#include \"%s\"\n\n%s", writing->name, source->uses_math ? "#include <math.h>\n\n" : "");
    add_class_names(writing, text);
    if (source->constants.bytes) text_add_bytes(text, source->constants.bytes, source->constants.length);
    if (source->functions.bytes) text_add_bytes(text, source->functions.bytes, source->functions.length);
    text_print(text, "void %s_predict_with(const float in[%s_INPUTS], float out[%s_CLASSES], float work[%s_WORK]) {\n",
               prefix, capitals, capitals, capitals);
    if (!writing->plan.work) text_add(text, "    (void)work;\n");
    if (source->calls.bytes) text_add(text, source->calls.bytes);
    add_copy(writing, text);
    text_print(text, "}\n\nvoid %s_predict(const float in[%s_INPUTS], float out[%s_CLASSES]) {\n", prefix, capitals,
               capitals);
    text_print(text, "    static float work[%s_WORK];\n    %s_predict_with(in, out, work);\n}\n", capitals, prefix);
}

/* ---- the files ---- */

static int write_texts(const char *path, const struct text *text, const char *header_to, const struct text *header,
                       struct error *error) {
    if (text->failed || header->failed) return error_set(error, ERROR_RUN, path, "not enough memory for the source");
    if (file_replace(header_to, &(struct file_piece){header->bytes, header->length}, 1, error) != 0) return -1;
    return file_replace(path, &(struct file_piece){text->bytes, text->length}, 1, error);
}

static int write_files(struct writing *writing, const char *path, const char *header, struct error *error) {
    struct c_source *source = &writing->source;
    struct text text = {0}, header_text = {0};
    for (int i = 0; i < writing->plan.step_count && error->code == ERROR_NONE; i++)
        c_add_step(source, &writing->plan.steps[i]);
    if (source->constants.failed || source->functions.failed || source->calls.failed)
        error_set(error, ERROR_RUN, path, "not enough memory for the source");
    int status = error->code == ERROR_NONE ? 0 : -1;
    if (status == 0) {
        add_source(writing, &text);
        add_header(writing, &header_text);
        status = write_texts(path, &text, header, &header_text, error);
    }
    if (status == 0)
        text_print(writing->exchange->remarks, "%s: its header, with %s_predict(in, out)\n", header, writing->prefix);
    text_free(&text);
    text_free(&header_text);
    return status;
}

static int write_graph(struct writing *writing, const struct graph *graph, const char *path, struct error *error) {
    struct c_source *source = &writing->source;
    char *header = header_path(path, error);
    if (!header) return -1;
    int status = set_names(writing, header, path, error);
    if (status == 0) status = check_header(header, path, error);
    if (status == 0) status = c_plan_make(&writing->plan, graph, error);
    source->graph = graph;
    source->plan = &writing->plan;
    source->error = error;
    if (status == 0) status = take_public_names(writing, error);
    source->arrays =
        status == 0 ? arena_allocate(&source->names.arena, (size_t)graph->value_count * sizeof *source->arrays, error)
                    : NULL;
    if (source->arrays) status = write_files(writing, path, header, error);
    free(header);
    return source->arrays ? status : -1;
}

static int write_c(const struct exchange *exchange, const char *path, struct error *error) {
    struct writing writing = {.exchange = exchange};
    const struct model_graph_options options = {
        .pixels = takes_pixels(&writing) ? &exchange->facts->normalization : NULL, .logits = gives_logits(&writing)};
    struct graph graph;
    int status = model_graph(&graph, exchange->model, &options, error);
    if (status == 0) status = write_graph(&writing, &graph, path, error);
    text_free(&writing.source.constants);
    text_free(&writing.source.functions);
    text_free(&writing.source.calls);
    c_names_free(&writing.source.names);
    c_plan_free(&writing.plan);
    graph_free(&graph);
    return status;
}

const struct exchange_format c_format = {
    .name = "c",
    .extensions = (const char *const[]){".c", NULL},
    .summary = "C source and header without dependencies",
    .honours = EXCHANGE_LOGITS | EXCHANGE_PREPROCESSING,
    .write = write_c,
};
