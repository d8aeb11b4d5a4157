/* cnntrain layers: every layer (and optimizer, schedule, ...) with its fields. */
#include <stdio.h>
#include <string.h>

#include "cmd/layer_page.h"
#include "cmd/output.h"
#include "cmd/terminal.h"

static int registry_json(struct session *session, const struct component_registry *registry) {
    struct document document = document_list();
    for (const struct component_kind *const *kind = registry->kinds; *kind; kind++)
        layer_page_fill(session, &document, document_add_object(&document, document.root, NULL), registry, *kind);
    return document_print(session, &document);
}

static int list_layers(struct session *session) {
    const struct component_registry *layers = registries_find(&session->registries, "layer");
    if (session->json) return registry_json(session, layers);
    for (const struct component_kind *const *kind = layers->kinds; *kind; kind++)
        output_print("%-24s %s\n", (*kind)->name, (*kind)->summary);
    output_print("\nMore about one: cnntrain layers NAME. Also by name: ");
    for (const struct component_registry *const *at = session->registries.items; *at; at++)
        if (*at != layers) output_print("%s%s", (*at)->what, at[1] ? ", " : ".\n");
    return 0;
}

/* A registry's name lists its kinds: `cnntrain layers optimizer`. */
static int list_registry(struct session *session, const struct component_registry *registry) {
    if (session->json) return registry_json(session, registry);
    struct text text = {0};
    for (const struct component_kind *const *kind = registry->kinds; *kind; kind++) {
        if (kind != registry->kinds) text_add(&text, "\n");
        layer_page_add(session, registry, *kind, terminal_width(), &text);
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
            layer_page_fill(session, &document, document.root, *at, kind);
            return document_print(session, &document);
        }
        struct text text = {0};
        layer_page_add(session, *at, kind, terminal_width(), &text);
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
