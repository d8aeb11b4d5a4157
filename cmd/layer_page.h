/* A page about one thing that a config names: a layer, an optimizer, ... */
#ifndef CNNTRAIN_CMD_LAYER_PAGE_H
#define CNNTRAIN_CMD_LAYER_PAGE_H

#include "cmd/document.h"
#include "core/layer.h"

/* The page for a terminal of that many columns: what it is, its fields with types, defaults and ranges; of a layer also
 * shapes, weights and cost, worked out on an example. */
void layer_page_add(struct session *session, const struct component_registry *registry,
                    const struct component_kind *kind, int width, struct text *text);
/* The same as an object of JSON. */
void layer_page_fill(struct session *session, struct document *document, cJSON *item,
                     const struct component_registry *registry, const struct component_kind *kind);

#endif
