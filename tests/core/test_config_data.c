/* Where a config's data are: --data, paths, shapes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/room.h"
#include "tests/support/config_world.h"

static void expect_data(struct world *world, const char *spec, const char *source, const char *path) {
    world->request.data_spec = spec;
    read_good(world, "c.json");
    const struct component *data = &world->config.values.data;
    const struct data_common *common = data->config;
    assert_string_equal(data->kind->name, source);
    if (path)
        assert_string_equal(common->path, path);
    else
        assert_null(common->path);
}

static void test_data_spec(void **state) {
    struct world *world = *state;
    put(world, "c.json", "{" DENSE ", 'data': {'source': 'synth', 'train': 50, 'validation_split': 0.25}}");
    expect_data(world, "svhn:some/where", "svhn", "some/where");
    assert_true(((const struct data_common *)world->config.values.data.config)->validation_split == 0.25);
    expect_data(world, "npy:a.npy,b.npy", "npy", "a.npy,b.npy");
    expect_data(world, "svhn:C:odd", "svhn", "C:odd");
    expect_data(world, "synth", "synth", NULL);
    char *text = config_text(&world->config, &test_registries, &world->error);
    assert_non_null(strstr(text, "\"train\": 50")); /* the same source keeps its fields */
    free(text);
    put(world, "c.json", "{" DENSE ", 'data': {'source': 'svhn', 'path': 'x'}}");
    expect_data(world, "svhn:y", "svhn", "y");
    put(world, "c.json", "{" DENSE "}");
    expect_data(world, "cifar10:z", "cifar10", "z");
    put(world, "c.json", "{" DENSE ", 'data': 'synth'}");
    expect_data(world, "cifar10:z", "cifar10", "z");
}

static void test_data_spec_refused(void **state) {
    struct world *world = *state;
    static const char *const rows[][2] = {
        {"svh:x", "svh:x: unknown data source; did you mean \"svhn:x\"?"},
        {"zzzzzzzzz", "zzzzzzzzz: unknown data source; write SOURCE:PATH. `cnntrain data` lists the sources"},
        {":x", ":x: is no data source; write SOURCE or SOURCE:PATH, such as synth or svhn:DIR"},
        {"", "--data: is no data source; write SOURCE or SOURCE:PATH, such as synth or svhn:DIR"},
    };
    put(world, "c.json", "{" DENSE "}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world->request.data_spec = rows[i][0];
        assert_int_equal(try_read(world, "c.json"), -1);
        expect_error(&world->error, ERROR_CONFIG, rows[i][1]);
    }
}

/* ---- data path and input shape ---- */

static const char *located(struct world *world, const char *fallback, bool from_user) {
    config_locate_data(&world->config, fallback, from_user, &world->error);
    expect_no_error(&world->error);
    return ((const struct data_common *)world->config.values.data.config)->path;
}

static void test_locate_data(void **state) {
    struct world *world = *state;
    char *folder = realpath(world->folder, NULL), expected[1024];
    assert_non_null(folder);
    tree_write(world->folder, "other/x.npy", "x");
    tree_write(world->folder, "y.npy", "y");
    put(world, "c.json", "{" DENSE ", 'data': {'source': 'npy', 'path': 'y.npy'}}");
    read_good(world, "c.json");
    snprintf(expected, sizeof expected, "%s/y.npy", folder);
    assert_string_equal(located(world, NULL, false), expected);
    assert_string_equal(located(world, world->other, true), expected); /* absolute: stays */
    put(world, "c.json", "{" DENSE ", 'data': {'source': 'npy', 'path': 'x.npy'}}");
    read_good(world, "c.json");
    assert_string_equal(located(world, NULL, false), "x.npy"); /* nowhere: left to the source */
    snprintf(expected, sizeof expected, "%s/other/x.npy", folder);
    assert_string_equal(located(world, world->other, false), expected);
    put(world, "c.json", "{" DENSE ", 'data': {'source': 'npy', 'path': 'x.npy,y.npy'}}");
    read_good(world, "c.json");
    snprintf(expected, sizeof expected, "%s/other/x.npy,%s/y.npy", folder, folder);
    assert_string_equal(located(world, world->other, false), expected);
    tree_write(world->folder, "x.npy,y.npy", "a name with a comma");
    read_good(world, "c.json");
    snprintf(expected, sizeof expected, "%s/x.npy,y.npy", folder);
    assert_string_equal(located(world, world->other, false), expected);
    put(world, "c.json", "{" DENSE ", 'data': {'source': 'npy', 'path': 'Makefile'}}");
    read_good(world, "c.json");
    assert_string_equal(located(world, NULL, false), "Makefile");         /* the working folder is not looked at */
    assert_string_equal(located(world, world->other, false), "Makefile"); /* nor is it where the user said */
    put(world, "c.json", "{" DENSE ", 'data': {'source': 'npy', 'path': '/nowhere/x.npy'}}");
    read_good(world, "c.json");
    assert_string_equal(located(world, world->other, false), "/nowhere/x.npy");
    put(world, "c.json", "{" DENSE ", 'data': 'synth'}");
    read_good(world, "c.json");
    assert_null(located(world, NULL, false));
    put(world, "c.json", "{" DENSE "}");
    read_good(world, "c.json");
    assert_int_equal(config_locate_data(&world->config, NULL, false, &world->error), 0);
    free(folder);
}

static void test_folder_without_a_text(void **state) {
    struct world *world = *state;
    char *link = expect_path(world->folder, "link"), *folder = expect_path(world->folder, "\xff");
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(symlink(folder, link), 0);
    put(world, "c.json", "{" DENSE ", 'data': {'source': 'npy', 'path': 'link'}}");
    read_good(world, "c.json");
    assert_int_equal(config_locate_data(&world->config, NULL, false, &world->error), -1);
    assert_int_equal(world->error.code, ERROR_CONFIG);
    assert_string_equal(world->error.message,
                        "is not UTF-8 text, so the run could not note where its data were; rename the folder");
    error_clear(&world->error);
    unlink(link);
    rmdir(folder);
    free(folder);
    free(link);
}

static void test_source_shape(void **state) {
    struct world *world = *state;
    struct shape shape;
    static const struct {
        const char *data;
        int size[3];
    } cases[] = {{"{'source': 'fashion-mnist'}", {28, 28, 1}},
                 {"{'source': 'fashion-mnist', 'color': 'rgb'}", {28, 28, 3}},
                 {"{'source': 'cifar10', 'path': 'x', 'color': 'grayscale', 'resize': [16, 17]}", {16, 17, 1}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text, "{" DENSE ", 'data': %s}", cases[i].data);
        put(world, "c.json", text);
        read_good(world, "c.json");
        assert_true(config_source_shape(&world->config, &shape));
        assert_memory_equal(shape.size, cases[i].size, sizeof cases[i].size);
    }
}

/* A path typed on the command line starts from the working folder, not from the config's. */
static void test_locate_data_from_user(void **state) {
    struct world *world = *state;
    tree_write(world->folder, "Makefile", "not this one");
    put(world, "c.json", "{" DENSE "}");
    world->request.data_spec = "npy:Makefile";
    read_good(world, "c.json");
    char *expected = realpath("Makefile", NULL);
    assert_non_null(expected);
    assert_string_equal(located(world, NULL, true), expected);
    free(expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_data_spec),    WORLD_TEST(test_data_spec_refused),
        WORLD_TEST(test_locate_data),  WORLD_TEST(test_folder_without_a_text),
        WORLD_TEST(test_source_shape), WORLD_TEST(test_locate_data_from_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
