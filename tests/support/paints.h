/* A small world for the tests of fields: paints and tools (registries with every trick), and a wall with a field of
 * every type. */
#ifndef CNNTRAIN_TESTS_SUPPORT_PAINTS_H
#define CNNTRAIN_TESTS_SUPPORT_PAINTS_H

#include "core/fields.h"
#include "core/text.h"
#include "tests/support/expect.h"

struct paint_common {
    const char *label;
};

struct oil {
    struct paint_common common;
    double thickness;
    int coats[2];
};

struct plain {
    struct paint_common common;
};

struct mix {
    struct paint_common common;
    struct number_list parts;
};

struct wall {
    bool dry;
    int filters;
    double rate;
    const char *name;
    int padding;
    int kernel[2];
    struct int_list sizes;
    struct number_list weights;
    struct string_list words;
    struct component paint;
    struct component_list coats;
    struct {
        int depth;
    } inner;
    const cJSON *any;
    int limit;
};

struct world {
    struct arena arena;
    struct error error;
    cJSON *json;
    struct wall wall;
};

extern const struct component_kind oil_kind, plain_kind, mix_kind, brush_kind;
extern const struct component_registry paints, tools;
extern const struct registries registries;
extern const struct field oil_fields[], wall_fields[];
/* A wall with every field given. */
extern const char everything[];

/* For cmocka: *state becomes a struct world. */
int paints_setup(void **state);
int paints_teardown(void **state);
/* Reads into world->wall, from "cfg.json". */
int read_wall(struct world *world, const char *text);
/* Reads a paint that stands at "cfg.json: model[2]". */
int read_paint(struct world *world, const char *text, struct component *paint);
/* Checks what the JSON looks like on one line, and frees it. */
void expect_written(cJSON *json, const char *expected);

#endif
