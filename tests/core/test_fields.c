#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fields.h"
#include "core/text.h"
#include "tests/support/expect.h"

/* A small world: paints (a registry with every trick) and a struct with a field of every type. */

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
static const struct field oil_fields[] = {
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
static const struct component_kind oil_kind = {.name = "Oil",
                                               .alias = "oil",
                                               .summary = "slow to dry",
                                               .fields = oil_fields,
                                               .size = sizeof(struct oil),
                                               .check = check_oil};
static const struct component_kind plain_kind = {.name = "Plain", .size = sizeof(struct plain)};
static const struct component_kind mix_kind = {.name = "mix", .fields = mix_fields, .size = sizeof(struct mix)};
static const struct component_kind *const paint_kinds[] = {&oil_kind, &plain_kind, NULL};
static const struct component_registry paints = {
    .what = "paint", .kinds = paint_kinds, .untyped = &mix_kind, .common = common_fields};

static const struct field tool_fields[] = {
    {.key = "size", .type = FIELD_INT, .offset = 0, .minimum = 1, .maximum = 1e300},
    {0},
};
static const struct component_kind brush_kind = {.name = "Brush", .fields = tool_fields, .size = sizeof(int)};
static const struct component_kind *const tool_kinds[] = {&brush_kind, NULL};
static const struct component_registry tools = {.what = "tool", .type_key = "kind", .kinds = tool_kinds};

static const struct component_registry *const all[] = {&paints, &tools, NULL};
static const struct registries registries = {all};

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

static const struct field inner_fields[] = {
    {.key = "depth", .type = FIELD_INT, .fallback = "7"},
    {0},
};
static const char *const paddings[] = {"valid", "same", NULL};
#define AT(member) .offset = offsetof(struct wall, member)
static const struct field wall_fields[] = {
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

struct world {
    struct arena arena;
    struct error error;
    cJSON *json;
    struct wall wall;
};

static int setup(void **state) {
    *state = calloc(1, sizeof(struct world));
    return *state ? 0 : -1;
}

static int teardown(void **state) {
    struct world *world = *state;
    arena_free(&world->arena);
    cJSON_Delete(world->json);
    free(world);
    return 0;
}

static int read_wall(struct world *world, const char *text) {
    struct field_reader reader = {&registries, &world->arena, &world->error};
    struct place place = place_document("cfg.json");
    cJSON_Delete(world->json);
    memset(&world->wall, 0, sizeof world->wall);
    world->json = json_parse(text, strlen(text), "cfg.json", &world->error);
    assert_non_null(world->json);
    return fields_read(&reader, wall_fields, NULL, NULL, world->json, &place, &world->wall);
}

static int read_paint(struct world *world, const char *text, struct component *paint) {
    struct field_reader reader = {&registries, &world->arena, &world->error};
    struct place document = place_document("cfg.json"), list = place_key(&document, "model");
    struct place place = place_item(&list, 2);
    cJSON_Delete(world->json);
    world->json = cJSON_Parse(text);
    assert_non_null(world->json);
    return component_read(&reader, &paints, world->json, &place, paint);
}

static void expect_refused(struct world *world, const char *text, const char *message) {
    assert_int_equal(read_wall(world, text), -1);
    expect_error(&world->error, ERROR_CONFIG, message);
}

static void expect_paint_refused(struct world *world, const char *text, const char *message) {
    struct component paint;
    assert_int_equal(read_paint(world, text, &paint), -1);
    expect_error(&world->error, ERROR_CONFIG, message);
}

/* ---- reading ---- */

static void test_defaults(void **state) {
    struct world *world = *state;
    assert_int_equal(read_wall(world, "{\"filters\": 32}"), 0);
    const struct wall *wall = &world->wall;
    assert_true(wall->dry);
    assert_int_equal(wall->filters, 32);
    assert_true(wall->rate == 0.5);
    assert_null(wall->name);
    assert_int_equal(wall->padding, 0);
    assert_int_equal(wall->kernel[0], 3);
    assert_int_equal(wall->kernel[1], 5);
    assert_int_equal(wall->sizes.count, 2);
    assert_int_equal(wall->sizes.values[1], 2);
    assert_int_equal(wall->weights.count, 0);
    assert_int_equal(wall->words.count, 1);
    assert_string_equal(wall->words.values[0], "a");
    assert_null(wall->paint.kind);
    assert_int_equal(wall->coats.count, 0);
    assert_int_equal(wall->inner.depth, 7);
    assert_null(wall->any);
}

static const char everything[] =
    "{\"dry\": false, \"filters\": 1, \"rate\": 0.30000000000000004, \"name\": \"N\\u00fc \\\"x\\\"\", \"padding\": "
    "\"same\", \"kernel_size\": 4, \"sizes\": [5, -6], \"weights\": [0.25, 1e-300], \"words\": [], \"paint\": \"oil\", "
    "\"coats\": [{\"type\": \"Oil\", \"thickness\": 1, \"coats\": [2, 3], \"label\": \"top\"}, \"Plain\", {\"parts\": "
    "[1, 2]}], \"inner\": {\"depth\": 9}, \"any\": {\"deep\": [true]}, \"limit\": 4}";

static void test_everything_given(void **state) {
    struct world *world = *state;
    assert_int_equal(read_wall(world, everything), 0);
    const struct wall *wall = &world->wall;
    assert_false(wall->dry);
    assert_true(wall->rate == 0.30000000000000004);
    assert_string_equal(wall->name, "N\xC3\xBC \"x\"");
    assert_int_equal(wall->padding, 1);
    assert_int_equal(wall->kernel[0], 4);
    assert_int_equal(wall->kernel[1], 4);
    assert_int_equal(wall->sizes.values[1], -6);
    assert_true(wall->weights.values[1] == 1e-300);
    assert_int_equal(wall->words.count, 0);
    assert_ptr_equal(wall->paint.kind, &oil_kind);
    assert_true(((const struct oil *)wall->paint.config)->thickness == 0.1);
    assert_int_equal(wall->coats.count, 3);
    const struct oil *top = wall->coats.items[0].config;
    assert_true(top->thickness == 1);
    assert_int_equal(top->coats[1], 3);
    assert_string_equal(top->common.label, "top");
    assert_ptr_equal(wall->coats.items[1].kind, &plain_kind);
    assert_ptr_equal(wall->coats.items[2].kind, &mix_kind);
    assert_true(((const struct mix *)wall->coats.items[2].config)->parts.values[1] == 2);
    assert_int_equal(wall->inner.depth, 9);
    assert_true(cJSON_IsObject(wall->any));
    assert_int_equal(wall->limit, 4);
}

static void test_wrong_values(void **state) {
    struct world *world = *state;
    expect_refused(world, "{}", "cfg.json: filters: is missing; it must be given");
    expect_refused(world, "[]", "cfg.json: must be an object; got a list");
    expect_refused(world, "{\"filters\": 0}", "cfg.json: filters: must be integer, in [1, 1000]; got 0");
    expect_refused(world, "{\"filters\": 1.5}", "cfg.json: filters: must be integer, in [1, 1000]; got 1.5");
    expect_refused(world, "{\"filters\": \"3\"}", "cfg.json: filters: must be integer, in [1, 1000]; got \"3\"");
    expect_refused(world, "{\"filters\": null}", "cfg.json: filters: must be integer, in [1, 1000]; got null");
    expect_refused(world, "{\"filters\": 1e999}", "cfg.json: filters: must be integer, in [1, 1000]; got inf");
    expect_refused(world, "{\"filters\": 1, \"rate\": 1}", "cfg.json: rate: must be number, in [0, 1); got 1");
    expect_refused(world, "{\"filters\": 1, \"dry\": 0}", "cfg.json: dry: must be true or false; got 0");
    expect_refused(world, "{\"filters\": 1, \"name\": 5}", "cfg.json: name: must be string, or null; got 5");
    expect_refused(world, "{\"filters\": 1, \"padding\": \"sam\"}",
                   "cfg.json: padding: \"sam\" is not known; did you mean \"same\"?");
    expect_refused(world, "{\"filters\": 1, \"padding\": \"reflection\"}",
                   "cfg.json: padding: must be one of valid, same; got \"reflection\"");
    expect_refused(world, "{\"filters\": 1, \"kernel_size\": 0}",
                   "cfg.json: kernel_size: must be integer or [height, width], 1 or more; got 0");
    expect_refused(world, "{\"filters\": 1, \"kernel_size\": [3]}",
                   "cfg.json: kernel_size: must be integer or [height, width], 1 or more; got a list");
    expect_refused(world, "{\"filters\": 1, \"kernel_size\": [3, -1]}",
                   "cfg.json: kernel_size[1]: must be integer or [height, width], 1 or more; got -1");
    expect_refused(world, "{\"filters\": 1, \"sizes\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
                   "cfg.json: sizes: has 17 items, at most 16 are allowed");
    expect_refused(world, "{\"filters\": 1, \"sizes\": [1, true]}",
                   "cfg.json: sizes[1]: must be list of integers; got true");
    expect_refused(world, "{\"filters\": 1, \"sizes\": [2147483648]}",
                   "cfg.json: sizes[0]: must be list of integers; got 2147483648");
    expect_refused(world, "{\"filters\": 1, \"words\": [1]}", "cfg.json: words[0]: must be list of strings; got 1");
    expect_refused(world, "{\"filters\": 1, \"inner\": 3}", "cfg.json: inner: must be object; got 3");
    expect_refused(world, "{\"filters\": 1, \"inner\": {\"dept\": 3}}",
                   "cfg.json: inner.dept: unknown field; did you mean \"depth\"?");
}

static void test_unknown_fields(void **state) {
    struct world *world = *state;
    expect_refused(world, "{\"fliters\": 1}", "cfg.json: fliters: unknown field; did you mean \"filters\"?");
    expect_refused(world, "{\"Filters\": 1}", "cfg.json: Filters: unknown field; did you mean \"filters\"?");
    expect_refused(world, "{\"zzzzzzzz\": 1}",
                   "cfg.json: zzzzzzzz: unknown field; known here: dry, filters, rate, name, padding, kernel_size, "
                   "sizes, weights, words, paint, coats, inner, any, limit");
    expect_paint_refused(world, "{\"type\": \"Oil\", \"thicknes\": 1}",
                         "cfg.json: model[2].thicknes: unknown field; did you mean \"thickness\"?");
    expect_paint_refused(world, "{\"tpye\": \"Oil\"}",
                         "cfg.json: model[2].tpye: unknown field; did you mean \"type\"?");
}

static void test_components(void **state) {
    struct world *world = *state;
    struct component paint;
    assert_int_equal(read_paint(world, "\"Oil\"", &paint), 0);
    assert_ptr_equal(paint.kind, &oil_kind);
    assert_int_equal(
        read_paint(world, "{\"class_name\": \"oil\", \"config\": {\"coats\": 2}, \"module\": \"x\"}", &paint), 0);
    assert_int_equal(((const struct oil *)paint.config)->coats[1], 2);
    expect_paint_refused(world, "\"Oli\"", "cfg.json: model[2]: unknown paint \"Oli\"; did you mean \"Oil\"?");
    expect_paint_refused(world, "{\"type\": \"water\"}",
                         "cfg.json: model[2].type: unknown paint \"water\"; known: oil, Plain");
    expect_paint_refused(world, "5",
                         "cfg.json: model[2]: must be the name of a paint, or an object with its \"type\"; got 5");
    expect_paint_refused(world, "{\"type\": 5}",
                         "cfg.json: model[2].type: must be the name of a paint, or an object with its \"type\"; got 5");
    expect_paint_refused(world, "{\"class_name\": \"Oil\", \"config\": {\"coat\": 2}}",
                         "cfg.json: model[2].config.coat: unknown field; did you mean \"coats\"?");
    expect_paint_refused(world, "{\"class_name\": \"Oil\", \"config\": [1]}",
                         "cfg.json: model[2].config: must be an object; got a list");
    expect_paint_refused(world, "{\"type\": \"Oil\", \"coats\": [10, 6]}",
                         "cfg.json: model[2].coats: 10 by 6 coats are too many");
    expect_paint_refused(world, "{\"type\": \"Oil\", \"thickness\": 0}",
                         "cfg.json: model[2].thickness: must be number, in (0, 1]; got 0");
}

static void test_type_key(void **state) {
    struct world *world = *state;
    struct field_reader reader = {&registries, &world->arena, &world->error};
    struct place place = place_document("cfg.json");
    struct component tool;
    world->json = cJSON_Parse("[{\"kind\": \"Brush\", \"size\": 3}, {\"size\": 3}, \"Brush\", {\"type\": \"Brush\"}]");
    assert_int_equal(component_read(&reader, &tools, cJSON_GetArrayItem(world->json, 0), &place, &tool), 0);
    assert_int_equal(*(const int *)tool.config, 3);
    assert_int_equal(component_read(&reader, &tools, cJSON_GetArrayItem(world->json, 1), &place, &tool), -1);
    expect_error(&world->error, ERROR_CONFIG, "cfg.json: kind: is missing; it names the tool");
    assert_int_equal(component_read(&reader, &tools, cJSON_GetArrayItem(world->json, 2), &place, &tool), -1);
    expect_error(&world->error, ERROR_CONFIG, "cfg.json: size: is missing; it must be given");
    assert_int_equal(component_read(&reader, NULL, cJSON_GetArrayItem(world->json, 2), &place, &tool), -1);
    expect_error(&world->error, ERROR_RUN, "a registry is missing");
}

static void test_finding(void **state) {
    (void)state;
    assert_ptr_equal(registries_find(&registries, "tool"), &tools);
    assert_null(registries_find(&registries, "toll"));
    assert_ptr_equal(registry_find(&paints, "oil"), &oil_kind);
    assert_null(registry_find(&paints, "OIL"));
    assert_string_equal(registry_nearest(&paints, "pLian"), "Plain");
    assert_null(registry_nearest(&paints, "charcoal"));
    assert_string_equal(registry_type_key(&paints), "type");
    assert_string_equal(registry_type_key(&tools), "kind");
}

static void test_describe(void **state) {
    (void)state;
    struct text text = {0};
    field_describe(&oil_fields[0], &text);
    text_add(&text, "; ");
    field_describe(&wall_fields[9], &text);
    text_add(&text, "; ");
    field_describe(&wall_fields[10], &text);
    assert_string_equal(text.bytes, "number, in (0, 1]; paint, or null; list of paint");
    text_free(&text);
}

/* ---- writing ---- */

static void expect_written(cJSON *json, const char *expected) {
    assert_non_null(json);
    struct text text = {0};
    json_write(json, &text);
    assert_string_equal(text.bytes, expected);
    text_free(&text);
    cJSON_Delete(json);
}

static void test_write_defaults(void **state) {
    struct world *world = *state;
    assert_int_equal(read_wall(world, "{\"filters\": 32}"), 0);
    expect_written(fields_write(&registries, wall_fields, &world->wall),
                   "{\"dry\": true, \"filters\": 32, \"rate\": 0.5, \"name\": null, \"padding\": \"valid\", "
                   "\"kernel_size\": [3, 5], \"sizes\": [1, 2], \"weights\": [], \"words\": [\"a\"], \"paint\": null, "
                   "\"coats\": [], \"inner\": {\"depth\": 7}, \"limit\": null}");
}

static const char everything_written[] =
    "{\"dry\": false, \"filters\": 1, \"rate\": 0.30000000000000004, \"name\": \"N\xC3\xBC \\\"x\\\"\", \"padding\": "
    "\"same\", \"kernel_size\": [4, 4], \"sizes\": [5, -6], \"weights\": [0.25, 1e-300], \"words\": [], \"paint\": "
    "{\"type\": \"Oil\", \"label\": null, \"thickness\": 0.1, \"coats\": [1, 1]}, \"coats\": [{\"type\": \"Oil\", "
    "\"label\": \"top\", \"thickness\": 1, \"coats\": [2, 3]}, {\"type\": \"Plain\", \"label\": null}, {\"label\": "
    "null, "
    "\"parts\": [1, 2]}], \"inner\": {\"depth\": 9}, \"any\": {\"deep\": [true]}, \"limit\": 4}";

static void test_write_everything(void **state) {
    struct world *world = *state;
    assert_int_equal(read_wall(world, everything), 0);
    expect_written(fields_write(&registries, wall_fields, &world->wall), everything_written);
    /* what was written reads back and is written alike: the run's config.json reruns the run */
    assert_int_equal(read_wall(world, everything_written), 0);
    expect_written(fields_write(&registries, wall_fields, &world->wall), everything_written);
}

static void test_write_component(void **state) {
    struct world *world = *state;
    (void)world;
    int size = 4;
    struct component tool = {&brush_kind, &size}, none = {NULL, NULL};
    expect_written(component_write(&registries, &tools, &tool), "{\"kind\": \"Brush\", \"size\": 4}");
    expect_written(component_write(&registries, &tools, &none), "null");
}

/* ---- schema ---- */

static void test_fields_schema(void **state) {
    (void)state;
    expect_written(
        fields_schema(wall_fields),
        "{\"type\": \"object\", \"properties\": {"
        "\"dry\": {\"type\": \"boolean\", \"default\": true}, "
        "\"filters\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"description\": \"how many\"}, "
        "\"rate\": {\"type\": \"number\", \"minimum\": 0, \"exclusiveMaximum\": 1, \"default\": 0.5}, "
        "\"name\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}], \"default\": null}, "
        "\"padding\": {\"enum\": [\"valid\", \"same\"], \"default\": \"valid\"}, "
        "\"kernel_size\": {\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1}, {\"type\": \"array\", \"items\": "
        "{\"type\": \"integer\", \"minimum\": 1}, \"minItems\": 2, \"maxItems\": 2}], \"default\": [3, 5]}, "
        "\"sizes\": {\"type\": \"array\", \"items\": {\"type\": \"integer\"}, \"maxItems\": 16, \"default\": [1, 2]}, "
        "\"weights\": {\"type\": \"array\", \"items\": {\"type\": \"number\"}, \"maxItems\": 16, \"default\": []}, "
        "\"words\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}, \"maxItems\": 4096, \"default\": "
        "[\"a\"]}, "
        "\"paint\": {\"anyOf\": [{\"allOf\": [{\"$ref\": \"#/definitions/paint\"}]}, {\"type\": \"null\"}], "
        "\"default\": null}, "
        "\"coats\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/definitions/paint\"}, \"maxItems\": 4096, "
        "\"default\": []}, "
        "\"inner\": {\"type\": \"object\", \"properties\": {\"depth\": {\"type\": \"integer\", \"default\": 7}}, "
        "\"additionalProperties\": false}, "
        "\"any\": {}, "
        "\"limit\": {\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1}, {\"type\": \"null\"}], \"default\": null}}, "
        "\"required\": [\"filters\"], \"additionalProperties\": false}");
}

static void test_definitions(void **state) {
    (void)state;
    expect_written(
        schema_definitions(&registries),
        "{\"paint\": {\"anyOf\": [{\"enum\": [\"Oil\", \"oil\", \"Plain\"]}, "
        "{\"type\": \"object\", \"properties\": {\"type\": {\"enum\": [\"Oil\", \"oil\"]}, "
        "\"label\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}], \"default\": null}, "
        "\"thickness\": {\"type\": \"number\", \"exclusiveMinimum\": 0, \"maximum\": 1, \"description\": "
        "\"millimetres\", \"default\": 0.1}, "
        "\"coats\": {\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1}, {\"type\": \"array\", \"items\": {\"type\": "
        "\"integer\", \"minimum\": 1}, \"minItems\": 2, \"maxItems\": 2}], \"default\": 1}}, "
        "\"required\": [\"type\"], \"additionalProperties\": false, \"description\": \"slow to dry\"}, "
        "{\"type\": \"object\", \"properties\": {\"type\": {\"const\": \"Plain\"}, "
        "\"label\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}], \"default\": null}}, "
        "\"required\": [\"type\"], \"additionalProperties\": false}, "
        "{\"type\": \"object\", \"properties\": {"
        "\"label\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"null\"}], \"default\": null}, "
        "\"parts\": {\"type\": \"array\", \"items\": {\"type\": \"number\"}, \"maxItems\": 16}}, "
        "\"required\": [\"parts\"], \"additionalProperties\": false}, "
        "{\"type\": \"object\", \"properties\": {\"class_name\": {\"enum\": [\"Oil\", \"oil\", \"Plain\"]}, "
        "\"config\": "
        "{\"type\": \"object\"}}, \"required\": [\"class_name\"]}]}, "
        "\"tool\": {\"anyOf\": [{\"type\": \"object\", \"properties\": {\"kind\": {\"const\": \"Brush\"}, \"size\": "
        "{\"type\": \"integer\", \"minimum\": 1}}, \"required\": [\"kind\", \"size\"], \"additionalProperties\": "
        "false}, "
        "{\"type\": \"object\", \"properties\": {\"class_name\": {\"enum\": [\"Brush\"]}, \"config\": {\"type\": "
        "\"object\"}}, \"required\": [\"class_name\"]}]}}");
}

/* ---- no memory ---- */

static int allocations_left;

static void *failing_malloc(size_t size) {
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Each cJSON allocation in turn fails: NULL and nothing lost (the address sanitizer looks). */
static void test_without_memory(void **state) {
    struct world *world = *state;
    assert_int_equal(read_wall(world, everything), 0);
    cJSON_Hooks hooks = {failing_malloc, free};
    cJSON_InitHooks(&hooks);
    for (int kind = 0; kind < 3; kind++) {
        cJSON *json = NULL;
        int allowed = 0;
        for (; !json && allowed < 5000; allowed++) {
            allocations_left = allowed;
            json = kind == 0   ? fields_write(&registries, wall_fields, &world->wall)
                   : kind == 1 ? fields_schema(wall_fields)
                               : schema_definitions(&registries);
        }
        assert_non_null(json);
        assert_true(allowed > 50);
        cJSON_Delete(json);
    }
    cJSON_InitHooks(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_everything_given, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_components, setup, teardown),
        cmocka_unit_test_setup_teardown(test_type_key, setup, teardown),
        cmocka_unit_test(test_finding),
        cmocka_unit_test(test_describe),
        cmocka_unit_test_setup_teardown(test_write_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_component, setup, teardown),
        cmocka_unit_test(test_fields_schema),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
