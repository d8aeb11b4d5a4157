/* A folder with configs, and what becomes of them: for tests of config.h. */
#ifndef CNNTRAIN_TESTS_SUPPORT_CONFIG_WORLD_H
#define CNNTRAIN_TESTS_SUPPORT_CONFIG_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/file.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"
#include "tests/support/tree.h"

#define DENSE "'model': ['Flatten', {'type': 'Dense', 'units': 3}]"

/* A folder with configs. */
struct world {
    char *folder, *other; /* other: a search folder below it */
    struct config config;
    struct config_search search;
    struct config_request request;
    struct error error;
};

static inline int open_world(void **state) {
    struct world *world = calloc(1, sizeof *world);
    if (!world) return -1;
    world->folder = expect_folder();
    world->other = expect_path(world->folder, "other");
    if (file_make_folder(world->other, &world->error) != 0) return -1;
    world->search = (struct config_search){{world->other}};
    world->request = (struct config_request){.registries = &test_registries, .search = &world->search};
    *state = world;
    return 0;
}

static inline int close_world(void **state) {
    struct world *world = *state;
    config_free(&world->config);
    free(world->other);
    tree_gone(world->folder);
    free(world);
    return 0;
}

static inline void put(const struct world *world, const char *name, const char *json) {
    char *text = tiny_json(json);
    tree_write(world->folder, name, text);
    free(text);
}

static inline int try_read(struct world *world, const char *name) {
    char *path = expect_path(world->folder, name);
    config_free(&world->config);
    world->request.path = path;
    int status = config_read(&world->config, &world->request, &world->error);
    free(path);
    return status;
}

static inline void read_good(struct world *world, const char *name) {
    int status = try_read(world, name);
    expect_no_error(&world->error);
    assert_int_equal(status, 0);
}

/* `text` follows the folder's path and a slash. */
static inline void read_bad(struct world *world, const char *name, enum error_code code, const char *text) {
    char expected[2048];
    assert_int_equal(try_read(world, name), -1);
    assert_true(!world->config.json && !world->config.path && !world->config.folder);
    snprintf(expected, sizeof expected, "%s/%s", world->folder, text);
    expect_error(&world->error, code, expected);
}

static inline void bad_text(struct world *world, const char *json, const char *text) {
    put(world, "c.json", json);
    read_bad(world, "c.json", ERROR_CONFIG, text);
}

static inline void override(struct world *world, const struct config_override *overrides, size_t count) {
    world->request.overrides = overrides;
    world->request.override_count = count;
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

#endif
