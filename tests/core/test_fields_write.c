#include <stdlib.h>

#include "tests/support/paints.h"

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

struct frame {
    int sides[4];
    struct int_list axis;
};
static const struct field frame_fields[] = {
    {.key = "sides", .type = FIELD_SIDES, .offset = offsetof(struct frame, sides), .fallback = "1"},
    {.key = "axis", .type = FIELD_INTS, .single = true, .offset = offsetof(struct frame, axis), .fallback = "-1"},
    {0},
};

static void expect_frame(struct world *world, const char *given, const char *written) {
    struct frame frame = {0};
    cJSON *json = cJSON_Parse(given);
    const struct place document = place_document("cfg.json");
    const struct field_reader reader = {&registries, &world->arena, &world->error};
    assert_int_equal(fields_read(&reader, frame_fields, NULL, NULL, json, &document, &frame), 0);
    expect_written(fields_write(&registries, frame_fields, &frame), written);
    cJSON_Delete(json);
}

/* However sides are given, all four are written. */
static void test_write_sides(void **state) {
    struct world *world = *state;
    expect_frame(world, "{}", "{\"sides\": [[1, 1], [1, 1]], \"axis\": [-1]}");
    expect_frame(world, "{\"sides\": [2, 3], \"axis\": [1, 2]}", "{\"sides\": [[2, 2], [3, 3]], \"axis\": [1, 2]}");
    expect_frame(world, "{\"sides\": [[1, 2], [3, 4]]}", "{\"sides\": [[1, 2], [3, 4]], \"axis\": [-1]}");
}

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
    cJSON *json = NULL;
    int allowed = 0;
    for (; !json && allowed < 5000; allowed++) {
        allocations_left = allowed;
        json = fields_write(&registries, wall_fields, &world->wall);
    }
    assert_non_null(json);
    assert_true(allowed > 50);
    cJSON_Delete(json);
    cJSON_InitHooks(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write_defaults, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_write_everything, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_write_component, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_write_sides, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_without_memory, paints_setup, paints_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
