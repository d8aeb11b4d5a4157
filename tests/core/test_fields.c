#include "tests/support/paints.h"

static void expect_refused(struct world *world, const char *text, const char *message) {
    assert_int_equal(read_wall(world, text), -1);
    expect_error(&world->error, ERROR_CONFIG, message);
}

static void expect_paint_refused(struct world *world, const char *text, const char *message) {
    struct component paint;
    assert_int_equal(read_paint(world, text, &paint), -1);
    expect_error(&world->error, ERROR_CONFIG, message);
}

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
    expect_refused(world, "{\"filters\": 0}", "cfg.json: filters: must be an integer, in [1, 1000]; got 0");
    expect_refused(world, "{\"filters\": 1.5}", "cfg.json: filters: must be an integer, in [1, 1000]; got 1.5");
    expect_refused(world, "{\"filters\": \"3\"}", "cfg.json: filters: must be an integer, in [1, 1000]; got \"3\"");
    expect_refused(world, "{\"filters\": null}", "cfg.json: filters: must be an integer, in [1, 1000]; got null");
    expect_refused(world, "{\"filters\": 1e308}", "cfg.json: filters: must be an integer, in [1, 1000]; got 1e+308");
    expect_refused(world, "{\"filters\": 1, \"rate\": 1}", "cfg.json: rate: must be a number, in [0, 1); got 1");
    expect_refused(world, "{\"filters\": 1, \"dry\": 0}", "cfg.json: dry: must be true or false; got 0");
    expect_refused(world, "{\"filters\": 1, \"name\": 5}", "cfg.json: name: must be a string, or null; got 5");
    expect_refused(world, "{\"filters\": 1, \"padding\": \"sam\"}",
                   "cfg.json: padding: \"sam\" is not known; did you mean \"same\"?");
    expect_refused(world, "{\"filters\": 1, \"padding\": \"reflection\"}",
                   "cfg.json: padding: must be one of valid, same; got \"reflection\"");
    expect_refused(world, "{\"filters\": 1, \"kernel_size\": 0}",
                   "cfg.json: kernel_size: must be an integer or [height, width], 1 or more; got 0");
    expect_refused(world, "{\"filters\": 1, \"kernel_size\": [3]}",
                   "cfg.json: kernel_size: must be an integer or [height, width], 1 or more; got a list");
    expect_refused(world, "{\"filters\": 1, \"kernel_size\": [3, -1]}",
                   "cfg.json: kernel_size[1]: must be an integer, 1 or more; got -1");
    expect_refused(world, "{\"filters\": 1, \"sizes\": [1, true]}", "cfg.json: sizes[1]: must be an integer; got true");
    expect_refused(world, "{\"filters\": 1, \"sizes\": [2147483648]}",
                   "cfg.json: sizes[0]: must be at most 2147483647, got 2147483648");
    expect_refused(world, "{\"filters\": 1, \"words\": [1]}", "cfg.json: words[0]: must be a string; got 1");
    expect_refused(world, "{\"filters\": 1, \"inner\": 3}", "cfg.json: inner: must be an object; got 3");
    expect_refused(world, "{\"filters\": 1, \"inner\": {\"dept\": 3}}",
                   "cfg.json: inner.dept: unknown field; did you mean \"depth\"?");
}

static void test_long_lists(void **state) {
    struct world *world = *state;
    struct text text = {0};
    text_add(&text, "{\"filters\": 1, \"sizes\": [0");
    text_repeat(&text, ", 0", FIELD_LIST_MAX - 1);
    size_t full = text.length;
    text_add(&text, "]}");
    assert_int_equal(read_wall(world, text.bytes), 0);
    assert_int_equal(world->wall.sizes.count, 64);
    text.length = full;
    text_add(&text, ", 0]}");
    expect_refused(world, text.bytes, "cfg.json: sizes: has 65 items, at most 64 are allowed; leave some out");
    text_free(&text);
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
                         "cfg.json: model[2].thickness: must be a number, in (0, 1]; got 0");
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
    expect_error(&world->error, ERROR_CONFIG, "cfg.json: kind: is missing; it names the tool: Brush");
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
    assert_string_equal(text.bytes, "number, in (0, 1]; paint, or null; list of paints");
    text_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_everything_given, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_values, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_long_lists, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_unknown_fields, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_components, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_type_key, paints_setup, paints_teardown),
        cmocka_unit_test(test_finding),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
