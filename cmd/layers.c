/* cnntrain layers: every layer (and optimizer, schedule, ...) with its fields. */
#include <stdio.h>
#include <string.h>

#include "cmd/document.h"
#include "core/layer.h"

static void add_field_lines(const struct field *fields, struct text *text) {
    for (; fields && fields->key; fields++) {
        text_print(text, "  %-22s %s\n  %-22s ", fields->key, fields->help ? fields->help : "", "");
        field_describe(fields, text);
        text_print(text, "; %s%s\n", fields->fallback ? "default " : "required",
                   fields->fallback ? fields->fallback : "");
    }
}

static void add_kind(const struct component_registry *registry, const struct component_kind *kind, struct text *text) {
    bool has_fields = (kind->fields && kind->fields->key) || (registry->common && registry->common->key);
    text_print(text, "%s (%s%s%s): %s\n%s", kind->name, registry->what, kind->alias ? ", also " : "",
               kind->alias ? kind->alias : "", kind->summary, has_fields ? "\n" : "");
    add_field_lines(kind->fields, text);
    add_field_lines(registry->common, text);
    if (strcmp(registry->what, "layer") != 0) return;
    const struct layer_example *example = ((const struct layer_kind *)kind)->examples;
    char shape[SHAPE_TEXT_SIZE];
    text_add(text, "\nExamples:\n");
    for (; example && example->config; example++)
        text_print(text, "  {\"type\": \"%s\"%s%s   on %s\n", kind->name,
                   strcmp(example->config, "{}") == 0 ? "" : ", ",
                   strcmp(example->config, "{}") == 0 ? "}" : example->config + 1,
                   shape_text(&example->input, shape, sizeof shape));
}

static void add_fields(struct document *document, cJSON *list, const struct field *fields) {
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

static void fill_kind(struct document *document, cJSON *item, const struct component_registry *registry,
                      const struct component_kind *kind) {
    document_add_string(document, item, "name", kind->name);
    document_add_string(document, item, "kind", registry->what);
    document_add_string(document, item, "summary", kind->summary);
    cJSON *fields = document_add_list(document, item, "fields");
    add_fields(document, fields, kind->fields);
    add_fields(document, fields, registry->common);
}

static int registry_json(struct session *session, const struct component_registry *registry) {
    struct document document = document_list();
    for (const struct component_kind *const *kind = registry->kinds; *kind; kind++)
        fill_kind(&document, document_add_object(&document, document.root, NULL), registry, *kind);
    return document_print(session, &document);
}

static int list_layers(struct session *session) {
    const struct component_registry *layers = registries_find(&session->registries, "layer");
    if (session->json) return registry_json(session, layers);
    for (const struct component_kind *const *kind = layers->kinds; *kind; kind++)
        printf("%-24s %s\n", (*kind)->name, (*kind)->summary);
    printf("\nMore about one: cnntrain layers NAME. Also by name: ");
    for (const struct component_registry *const *at = session->registries.items; *at; at++)
        if (*at != layers) printf("%s%s", (*at)->what, at[1] ? ", " : ".\n");
    return 0;
}

/* A registry's name lists its kinds: `cnntrain layers optimizer`. */
static int list_registry(struct session *session, const struct component_registry *registry) {
    if (session->json) return registry_json(session, registry);
    struct text text = {0};
    for (const struct component_kind *const *kind = registry->kinds; *kind; kind++) {
        if (kind != registry->kinds) text_add(&text, "\n");
        add_kind(registry, *kind, &text);
    }
    return session_print_text(session, &text);
}

static int show(struct session *session, const char *name) {
    const struct component_registry *whole = registries_find(&session->registries, name);
    if (whole) return list_registry(session, whole);
    for (const struct component_registry *const *at = session->registries.items; *at; at++) {
        const struct component_kind *kind = registry_find(*at, name);
        if (!kind) continue;
        if (session->json) {
            struct document document = document_object();
            fill_kind(&document, document.root, *at, kind);
            return document_print(session, &document);
        }
        struct text text = {0};
        add_kind(*at, kind, &text);
        return session_print_text(session, &text);
    }
    for (const struct component_registry *const *at = session->registries.items; *at; at++) {
        const char *advice = registry_advice(*at, name);
        if (advice)
            return error_set(&session->error, ERROR_CONFIG, name, "there is no such %s; %s", (*at)->what, advice);
    }
    for (const struct component_registry *const *at = session->registries.items; *at; at++) {
        const char *nearest = registry_nearest(*at, name);
        if (nearest) return error_set(&session->error, ERROR_CONFIG, name, "unknown; did you mean \"%s\"?", nearest);
    }
    return error_set(&session->error, ERROR_CONFIG, name, "unknown; `cnntrain layers` lists all there is");
}

static int run_layers(struct session *session, int argc, const char **argv);

const struct command layers_command = {
    .name = "layers",
    .summary = "every layer, its fields, defaults and ranges",
    .usage = "[NAME]",
    .details = "Optimizers, schedules, data sources and all else that a config names are known too.\n",
    .examples = "cnntrain layers\n"
                "cnntrain layers SeparableConv2D\n"
                "cnntrain layers optimizer                  every optimizer\n"
                "cnntrain layers Adam\n",
    .run = run_layers,
};

static int run_layers(struct session *session, int argc, const char **argv) {
    struct options options;
    int status = options_parse(&options, session, &layers_command, NULL, argc, argv);
    if (status == 0 && !options.help_shown) {
        status = options_expect(&options, session, &layers_command, 0, 1, "a name");
        if (status == 0) status = options.argument_count ? show(session, options.arguments[0]) : list_layers(session);
    }
    options_free(&options);
    return status;
}
