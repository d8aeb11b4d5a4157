#include "tests/support/paints.h"

#include <stdlib.h>
#include <string.h>

static int check_oil(const void *config, const struct place *place, struct error *error) {
    const struct oil *oil = config;
    if (oil->coats[0] * oil->coats[1] <= 50) return 0;
    struct place here = place_key(place, "coats");
    return place_error(&here, error, "%d by %d coats are too many", oil->coats[0], oil->coats[1]);
}

static const struct field common_fields[] = {
    {.key = "label", .type = FIELD_STRING, .offset = 0, .fallback = "null", .nullable = true},
    {0},
};
const struct field oil_fields[] = {
    {.key = "thickness",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct oil, thickness),
     .fallback = "0.1",
     .maximum = 1,
     .above = true,
     .help = "millimetres"},
    {.key = "coats",
     .type = FIELD_PAIR,
     .offset = offsetof(struct oil, coats),
     .fallback = "1",
     .minimum = 1,
     .maximum = 1e300},
    {0},
};
static const struct field mix_fields[] = {
    {.key = "parts", .type = FIELD_NUMBERS, .offset = offsetof(struct mix, parts)},
    {0},
};
const struct component_kind oil_kind = {.name = "Oil",
                                        .alias = "oil",
                                        .summary = "slow to dry",
                                        .fields = oil_fields,
                                        .size = sizeof(struct oil),
                                        .check = check_oil};
const struct component_kind plain_kind = {.name = "Plain", .size = sizeof(struct plain)};
const struct component_kind mix_kind = {.name = "mix", .fields = mix_fields, .size = sizeof(struct mix)};
static const struct component_kind *const paint_kinds[] = {&oil_kind, &plain_kind, NULL};
const struct component_registry paints = {
    .what = "paint", .kinds = paint_kinds, .untyped = &mix_kind, .common = common_fields};

static const struct field tool_fields[] = {
    {.key = "size", .type = FIELD_INT, .offset = 0, .minimum = 1, .maximum = 1e300},
    {0},
};
const struct component_kind brush_kind = {.name = "Brush", .fields = tool_fields, .size = sizeof(int)};
static const struct component_kind *const tool_kinds[] = {&brush_kind, NULL};
const struct component_registry tools = {.what = "tool", .type_key = "kind", .kinds = tool_kinds};

static const struct component_registry *const all[] = {&paints, &tools, NULL};
const struct registries registries = {all};

static const struct field inner_fields[] = {
    {.key = "depth", .type = FIELD_INT, .fallback = "7"},
    {0},
};
static const char *const paddings[] = {"valid", "same", NULL};
#define AT(member) .offset = offsetof(struct wall, member)
const struct field wall_fields[] = {
    {.key = "dry", .type = FIELD_BOOL, AT(dry), .fallback = "true"},
    {.key = "filters", .type = FIELD_INT, AT(filters), .minimum = 1, .maximum = 1000, .help = "how many"},
    {.key = "rate", .type = FIELD_NUMBER, AT(rate), .fallback = "0.5", .minimum = 0, .maximum = 1, .below = true},
    {.key = "name", .type = FIELD_STRING, AT(name), .fallback = "null", .nullable = true},
    {.key = "padding", .type = FIELD_CHOICE, AT(padding), .fallback = "\"valid\"", .choices = paddings},
    {.key = "kernel_size", .type = FIELD_PAIR, AT(kernel), .fallback = "[3, 5]", .minimum = 1, .maximum = 1e300},
    {.key = "sizes", .type = FIELD_INTS, AT(sizes), .fallback = "[1, 2]"},
    {.key = "weights", .type = FIELD_NUMBERS, AT(weights), .fallback = "[]"},
    {.key = "words", .type = FIELD_STRINGS, AT(words), .fallback = "[\"a\"]"},
    {.key = "paint", .type = FIELD_COMPONENT, AT(paint), .fallback = "null", .nullable = true, .of = "paint"},
    {.key = "coats", .type = FIELD_COMPONENTS, AT(coats), .fallback = "[]", .of = "paint"},
    {.key = "inner", .type = FIELD_OBJECT, AT(inner), .fields = inner_fields},
    {.key = "any", .type = FIELD_ANY, AT(any)},
    {.key = "limit",
     .type = FIELD_INT,
     AT(limit),
     .fallback = "null",
     .nullable = true,
     .minimum = 1,
     .maximum = 1e300},
    {0},
};

int paints_setup(void **state) {
    *state = calloc(1, sizeof(struct world));
    return *state ? 0 : -1;
}

int paints_teardown(void **state) {
    struct world *world = *state;
    arena_free(&world->arena);
    cJSON_Delete(world->json);
    free(world);
    return 0;
}

int read_wall(struct world *world, const char *text) {
    struct field_reader reader = {&registries, &world->arena, &world->error};
    struct place place = place_document("cfg.json");
    cJSON_Delete(world->json);
    memset(&world->wall, 0, sizeof world->wall);
    world->json = json_parse(text, strlen(text), "cfg.json", &world->error);
    assert_non_null(world->json);
    return fields_read(&reader, wall_fields, NULL, NULL, world->json, &place, &world->wall);
}

int read_paint(struct world *world, const char *text, struct component *paint) {
    struct field_reader reader = {&registries, &world->arena, &world->error};
    struct place document = place_document("cfg.json"), list = place_key(&document, "model");
    struct place place = place_item(&list, 2);
    cJSON_Delete(world->json);
    world->json = cJSON_Parse(text);
    assert_non_null(world->json);
    return component_read(&reader, &paints, world->json, &place, paint);
}

const char everything[] =
    "{\"dry\": false, \"filters\": 1, \"rate\": 0.30000000000000004, \"name\": \"N\\u00fc \\\"x\\\"\", \"padding\": "
    "\"same\", \"kernel_size\": 4, \"sizes\": [5, -6], \"weights\": [0.25, 1e-300], \"words\": [], \"paint\": \"oil\", "
    "\"coats\": [{\"type\": \"Oil\", \"thickness\": 1, \"coats\": [2, 3], \"label\": \"top\"}, \"Plain\", {\"parts\": "
    "[1, 2]}], \"inner\": {\"depth\": 9}, \"any\": {\"deep\": [true]}, \"limit\": 4}";

void expect_written(cJSON *json, const char *expected) {
    assert_non_null(json);
    struct text text = {0};
    json_write(json, &text);
    assert_string_equal(text.bytes, expected);
    text_free(&text);
    cJSON_Delete(json);
}
