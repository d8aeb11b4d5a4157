#include "cmd/layer_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model.h"
#include "core/report/summary.h"
#include "core/run.h"

enum { WIDTH_MOST = 100, WIDTH_LEAST = 24, WIDTH_NARROW = 64, KEY_COLUMN = 26 };

static bool is_layer(const struct component_registry *registry) {
    return strcmp(registry->what, "layer") == 0;
}

/* ---- an example, worked out ---- */

struct worked {
    struct config config;
    struct model model;
    struct summary summary;
    struct summary_row *rows;
    char *entry; /* the layer's place in a config */
};

static const struct layer_example *example_of(const struct layer_kind *layer) {
    return layer->page && layer->page->example.config ? &layer->page->example : layer->examples;
}

/* {"type": "Conv2D", "filters": 32}; malloc'd, NULL without memory */
static char *entry_of(const char *name, const char *fields) {
    struct text text = {0};
    const bool has_fields = strcmp(fields, "{}") != 0;
    text_print(&text, "{\"type\": \"%s\"%s%s", name, has_fields ? ", " : "", has_fields ? fields + 1 : "}");
    if (!text.failed) return text.bytes;
    text_free(&text);
    return NULL;
}

static void work_free(struct worked *worked) {
    free(worked->entry);
    free(worked->rows);
    model_free(&worked->model);
    config_free(&worked->config);
}

/* A model of this layer alone; free it. False where the example does not fit, or there is no memory, which is `failed`
 * then. */
static bool work_out(struct session *session, const struct layer_kind *layer, struct worked *worked, bool *failed) {
    const struct layer_example *example = example_of(layer);
    const struct config_request request = session_request(session, NULL);
    struct error error = {0};
    struct text text = {0};
    *worked = (struct worked){.entry = entry_of(layer->component.name, example->config)};
    text_print(&text, "{\"model\": [%s]}", worked->entry ? worked->entry : "");
    bool fits =
        worked->entry && !text.failed && config_parse(&worked->config, text.bytes, "example", &request, &error) == 0;
    *failed = *failed || !worked->entry || text.failed || error.code == ERROR_RUN;
    text_free(&text);
    if (!fits) {
        free(worked->entry);
        return false;
    }
    fits = model_plan(&worked->model, &worked->config, &example->input, &error) == 0;
    if (fits) worked->rows = run_summary_rows(&worked->model, &worked->summary, &error);
    if (fits && worked->rows) return true;
    *failed = *failed || error.code == ERROR_RUN;
    work_free(worked);
    return false;
}

/* ---- text ---- */

/* Lines with two spaces before each; those that begin with a space stay as they are. */
static void add_lines(struct text *text, const char *lines, int width) {
    for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        struct text line = {0};
        text_add_bytes(&line, at, strcspn(at, "\n"));
        if (line.length > 0) text_add(text, "  ");
        text_wrap(text, line.failed || line.length == 0 ? "\n" : line.bytes, width, 4);
        text->failed = text->failed || line.failed;
        text_free(&line);
    }
}

static void add_section(struct text *text, const char *title, const char *lines, int width) {
    if (!lines) return;
    text_print(text, "\n%s:\n", title);
    add_lines(text, lines, width);
}

static void add_field(struct text *text, const struct field *field, int width) {
    struct text type = {0};
    const int indent = width < WIDTH_NARROW ? 4 : KEY_COLUMN;
    const bool on_own_line = (int)strlen(field->key) + 3 > indent;
    field_describe(field, &type);
    if (field->fallback)
        text_print(&type, "; default %s", field->fallback);
    else if (field->type != FIELD_OBJECT)
        text_add(&type, "; required");
    text_print(text, "  %-*s", on_own_line ? 0 : indent - 2, field->key);
    if (on_own_line) text_print(text, "\n%*s", indent, "");
    text_wrap(text, type.failed ? "" : type.bytes, width, indent);
    if (field->help) text_repeat(text, " ", indent);
    if (field->help) text_wrap(text, field->help, width, indent);
    text->failed = text->failed || type.failed;
    text_free(&type);
}

static void add_fields(struct text *text, const struct field *field, int width) {
    for (; field && field->key; field++) add_field(text, field, width);
}

static void add_arguments(struct text *text, const struct component_registry *registry,
                          const struct component_kind *kind, int width) {
    const bool has_own = kind->fields && kind->fields->key, has_common = registry->common && registry->common->key;
    if (is_layer(registry) && (has_own || has_common))
        text_add(text, "\nArguments:\n");
    else if (has_own || has_common)
        text_add(text, "\n");
    add_fields(text, kind->fields, width);
    add_fields(text, registry->common, width);
}

static void add_weights(struct text *text, const struct layer *layer, int width) {
    enum { INDENT = 11 };
    text_add(text, layer->parameter_count ? "  weights  " : "  weights  none\n");
    for (int i = 0; i < layer->parameter_count; i++) {
        const struct parameter *parameter = &layer->parameters[i];
        char shape[SHAPE_TEXT_SIZE], size[32], line[LAYER_NAME_SIZE + SHAPE_TEXT_SIZE + 64];
        snprintf(line, sizeof line, "%s %s: %s number%s%s", parameter->name,
                 shape_text(&parameter->shape, shape, sizeof shape),
                 text_thousands(size, sizeof size, (long long)parameter->size), parameter->size == 1 ? "" : "s",
                 parameter->trainable ? "" : ", not trained");
        if (i) text_repeat(text, " ", INDENT);
        text_wrap(text, line, width, INDENT + 2);
    }
}

static void add_reach(struct text *text, const struct summary_row *row) {
    if (row->receptive_field[0] < 0)
        text_add(text, "the whole input");
    else
        text_print(text, "%d x %d", row->receptive_field[0], row->receptive_field[1]);
}

/* The layer itself: those inside of it come before. */
static const struct layer *layer_of(const struct worked *worked) {
    return &worked->model.layers[worked->model.layer_count - 1];
}

static const struct summary_row *row_of(const struct worked *worked) {
    return &worked->rows[worked->model.layer_count - 1];
}

/* The part of Keras' table that tells of the layer: its head and its row, and those of layers inside. */
static void add_row(struct text *text, const struct summary *summary) {
    struct text table = {0};
    summary_keras2(summary, &table);
    const char *from = table.failed ? NULL : strchr(table.bytes, '\n'); /* the model's name */
    const char *to = from ? strstr(from, "====") : NULL;
    to = to ? strchr(to, '\n') : NULL;
    to = to ? strstr(to, "\n ") : NULL;
    const char *end = to ? strstr(to + 1, "\n====") : NULL;
    for (const char *at = from ? from + 1 : ""; end && at < end; at += strcspn(at, "\n") + 1) {
        size_t length = strcspn(at, "\n");
        while (length > 0 && at[length - 1] == ' ') length--;
        if (length > 0) text_print(text, "  %.*s\n", (int)length, at);
    }
    text->failed = text->failed || table.failed;
    text_free(&table);
}

static void add_example(struct text *text, struct worked *worked, int width) {
    const struct layer *layer = layer_of(worked);
    char input[SHAPE_TEXT_SIZE], output[SHAPE_TEXT_SIZE], number[32];
    text_add(text, "\nExample:\n");
    add_lines(text, worked->entry, width);
    text_print(text, "\n  input    %s\n  output   %s\n", shape_text(&worked->model.input, input, sizeof input),
               shape_text(&layer->output, output, sizeof output));
    add_weights(text, layer, width);
    text_print(text, "  multiplications an image: %s\n  an output looks at: ",
               text_thousands(number, sizeof number, (long long)model_multiplications(&worked->model)));
    add_reach(text, row_of(worked));
    text_add(text, "\n");
    if (*layer->note) add_lines(text, layer->note, width);
    if (width < WIDTH_NARROW + 4) return;
    text_add(text, "\n");
    add_row(text, &worked->summary);
}

static void add_layer(struct session *session, const struct layer_kind *layer, int width, struct text *text) {
    const struct layer_page *page = layer->page;
    struct worked worked;
    if (page) {
        add_section(text, "Shapes", page->shapes, width);
        add_section(text, "Cost", page->cost, width);
    }
    if (work_out(session, layer, &worked, &text->failed)) {
        add_example(text, &worked, width);
        work_free(&worked);
    }
    if (!page) return;
    add_section(text, "References", page->references, width);
    add_section(text, "See also", page->see_also, width);
}

void layer_page_add(struct session *session, const struct component_registry *registry,
                    const struct component_kind *kind, int width, struct text *text) {
    const struct layer_kind *layer = is_layer(registry) ? (const struct layer_kind *)kind : NULL;
    struct text title = {0};
    width = width > WIDTH_MOST ? WIDTH_MOST : width < WIDTH_LEAST ? WIDTH_LEAST : width;
    text_print(&title, "%s (%s%s%s): %s", kind->name, registry->what, kind->alias ? ", also " : "",
               kind->alias ? kind->alias : "", kind->summary);
    text_wrap(text, title.failed ? kind->name : title.bytes, width, 2);
    text->failed = text->failed || title.failed;
    text_free(&title);
    if (layer && layer->page && layer->page->text) {
        text_add(text, "\n");
        text_wrap(text, layer->page->text, width, 0);
    }
    add_arguments(text, registry, kind, width);
    if (layer) add_layer(session, layer, width, text);
}

/* ---- JSON ---- */

static void fill_fields(struct document *document, cJSON *list, const struct field *fields) {
    for (; fields && fields->key; fields++) {
        struct text type = {0};
        field_describe(fields, &type);
        cJSON *item = document_add_object(document, list, NULL);
        document_add_string(document, item, "name", fields->key);
        document_add_string(document, item, "type", type.bytes && !type.failed ? type.bytes : "");
        document_add(document, item, "default", fields->fallback ? cJSON_Parse(fields->fallback) : cJSON_CreateNull());
        document_add(document, item, "required", cJSON_CreateBool(!fields->fallback));
        document_add_string(document, item, "help", fields->help ? fields->help : "");
        document->failed = document->failed || type.failed;
        text_free(&type);
    }
}

static void fill_shape(struct document *document, cJSON *item, const char *key, const struct shape *shape) {
    document_add(document, item, key, cJSON_CreateIntArray(shape->size, shape->rank));
}

static void fill_example(struct session *session, struct document *document, cJSON *item,
                         const struct layer_kind *kind) {
    struct worked worked;
    if (!work_out(session, kind, &worked, &document->failed)) return;
    const struct layer *layer = layer_of(&worked);
    cJSON *example = document_add_object(document, item, "example");
    document_add(document, example, "config", cJSON_Parse(worked.entry));
    fill_shape(document, example, "input_shape", &worked.model.input);
    fill_shape(document, example, "output_shape", &layer->output);
    cJSON *weights = document_add_list(document, example, "weights");
    for (int i = 0; i < layer->parameter_count; i++) {
        cJSON *weight = document_add_object(document, weights, NULL);
        document_add_string(document, weight, "name", layer->parameters[i].name);
        fill_shape(document, weight, "shape", &layer->parameters[i].shape);
        document_add(document, weight, "trainable", cJSON_CreateBool(layer->parameters[i].trainable));
    }
    document_add_number(document, example, "parameters", (double)row_of(&worked)->parameters);
    document_add_number(document, example, "multiplications", model_multiplications(&worked.model));
    work_free(&worked);
}

static void fill_page(struct document *document, cJSON *item, const struct layer_page *page) {
    const char *const parts[][2] = {{"text", page->text},
                                    {"shapes", page->shapes},
                                    {"cost", page->cost},
                                    {"references", page->references},
                                    {"see_also", page->see_also}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i][1]) document_add_string(document, item, parts[i][0], parts[i][1]);
}

void layer_page_fill(struct session *session, struct document *document, cJSON *item,
                     const struct component_registry *registry, const struct component_kind *kind) {
    document_add_string(document, item, "name", kind->name);
    document_add_string(document, item, "kind", registry->what);
    if (kind->alias) document_add_string(document, item, "alias", kind->alias);
    document_add_string(document, item, "summary", kind->summary);
    cJSON *fields = document_add_list(document, item, "fields");
    fill_fields(document, fields, kind->fields);
    fill_fields(document, fields, registry->common);
    if (!is_layer(registry)) return;
    const struct layer_kind *layer = (const struct layer_kind *)kind;
    if (layer->page) fill_page(document, item, layer->page);
    fill_example(session, document, item, layer);
}
