#include "core/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/optimizer.h"
#include "tests/support/config_world.h"

/* ---- values ---- */

static void test_defaults(void **state) {
    struct world *world = *state;
    put(world, "plain.name.json", "{" DENSE "}");
    read_good(world, "plain.name.json");
    const struct config_values *values = &world->config.values;
    assert_string_equal(values->name, "plain.name");
    assert_int_equal(values->seed, 1);
    assert_null(values->data.kind);
    assert_int_equal(values->input_shape.count, 0);
    assert_int_equal(values->model.count, 2);
    assert_int_equal(values->training.epochs, 1);
    assert_int_equal(values->training.batch_size, 32);
    assert_true(values->training.shuffle);
    assert_string_equal(values->training.optimizer.kind->name, "RMSprop");
    assert_true(optimizer_common_of(&values->training.optimizer)->learning_rate == 0.001);
    assert_null(values->training.schedule.kind);
    assert_true(values->training.label_smoothing == 0);
    assert_int_equal(values->training.callbacks.count, 0);
    assert_string_equal(world->config.folder, world->folder);
}

static void test_refused_values(void **state) {
    struct world *world = *state;
    bad_text(world, "{}", "c.json: model: is missing; it must be given");
    bad_text(world, "[]", "c.json: must hold a JSON object, {...}");
    bad_text(world, "{" DENSE ", 'trainig': {}}", "c.json: trainig: unknown field; did you mean \"training\"?");
    bad_text(world, "{" DENSE ", 'training': {'epoch': 3}}",
             "c.json: training.epoch: unknown field; did you mean \"epochs\"?");
    bad_text(world, "{'model': [{'type': 'Dense', 'unit': 3}]}",
             "c.json: model[0].unit: unknown field; did you mean \"units\"?");
    bad_text(world, "{'model': [{'type': 'Dens', 'units': 3}]}",
             "c.json: model[0].type: unknown layer \"Dens\"; did you mean \"Dense\"?");
    bad_text(world, "{" DENSE ", 'training': {'epochs': 0}}",
             "c.json: training.epochs: must be an integer, in [1, 1000000]; got 0");
    bad_text(world, "{" DENSE ", 'training': {'epochs': '3'}}",
             "c.json: training.epochs: must be an integer, in [1, 1000000]; got \"3\"");
    bad_text(world, "{" DENSE ", 'training': {'epochs': 1.5}}",
             "c.json: training.epochs: must be an integer, in [1, 1000000]; got 1.5");
    bad_text(world, "{" DENSE ", 'training': []}", "c.json: training: must be an object; got a list");
    bad_text(world, "{" DENSE ", 'training': {'label_smoothing': 1.5}}",
             "c.json: training.label_smoothing: must be a number, in [0, 1]; got 1.5");
    bad_text(world, "{" DENSE ", 'training': {'loss': 'mse'}}",
             "c.json: training.loss: must be sparse_categorical_crossentropy; got \"mse\"");
    bad_text(world, "{'model': [{'type': 'Residual', 'layers': 3}]}",
             "c.json: model[0].layers: must be a list of layers; got 3");
    bad_text(world, "{" DENSE ", 'seed': -1}", "c.json: seed: must be an integer, 0 or more; got -1");
    bad_text(world, "{" DENSE ", 'seed': 1, 'seed': 2}", "c.json: seed: stands twice; keep one of them");
    bad_text(
        world, "{" DENSE ",}",
        "c.json: line 1, column 54: not valid JSON here; look for a missing comma, quote or bracket at or before this "
        "place");
}

static void test_names(void **state) {
    struct world *world = *state;
    static const char *const bad[] = {"''", "'a/b'", "'.hidden'", "'..'", "'a\\\\b'", "'a\\nb'"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[256];
        snprintf(json, sizeof json, "{" DENSE ", 'name': %s}", bad[i]);
        bad_text(world, json,
                 "c.json: name: must be a file name of 1 to 100 characters, without slashes, control characters or a "
                 "leading dot");
    }
    put(world, "c.json", "{" DENSE ", 'name': 'two words'}");
    read_good(world, "c.json");
    assert_string_equal(world->config.values.name, "two words");
}

/* ---- extends ---- */

static void test_extends(void **state) {
    struct world *world = *state;
    put(world, "base.json",
        "{'seed': 5, 'training': {'epochs': 7, 'batch_size': 3, 'optimizer': {'type': 'SGD', "
        "'momentum': 0.5}}, 'input_shape': [8, 8, 1], " DENSE "}");
    put(world, "middle.json", "{'extends': 'base.json', 'training': {'epochs': 8, 'optimizer': {'momentum': 0.25}}}");
    put(world, "sub.json", "{'extends': 'middle', 'name': 'mine', 'model': ['Flatten']}");
    read_good(world, "sub.json");
    const struct config_values *values = &world->config.values;
    assert_int_equal(values->seed, 5);
    assert_int_equal(values->training.epochs, 8);
    assert_int_equal(values->training.batch_size, 3);
    assert_string_equal(values->training.optimizer.kind->name, "SGD");
    char *text = config_text(&world->config, &test_registries, &world->error);
    assert_non_null(strstr(text, "\"momentum\": 0.25"));
    free(text);
    assert_int_equal(values->model.count, 1); /* lists replace */
    assert_int_equal(values->input_shape.count, 3);
    assert_string_equal(values->name, "mine");
}

/* A base is looked for beside its file, then in the search folders; each file's own base beside that. */
static void test_extends_elsewhere(void **state) {
    struct world *world = *state;
    put(world, "other/root.json", "{'seed': 9, " DENSE "}");
    put(world, "other/far.json", "{'extends': 'root.json', 'training': {'epochs': 4}}");
    put(world, "c.json", "{'extends': 'far.json'}");
    read_good(world, "c.json");
    assert_int_equal(world->config.values.seed, 9);
    assert_int_equal(world->config.values.training.epochs, 4);
    assert_string_equal(world->config.folder, world->folder);
    put(world, "far.json", "{'seed': 2, " DENSE "}");
    read_good(world, "c.json");
    assert_int_equal(world->config.values.seed, 2);
}

static void test_extends_refused(void **state) {
    struct world *world = *state;
    char text[1024];
    put(world, "a.json", "{'extends': 'b.json', " DENSE "}");
    put(world, "b.json", "{'extends': 'a.json'}");
    read_bad(world, "a.json", ERROR_CONFIG, "b.json: extends: a.json extends this file in turn; break the circle");
    put(world, "a.json", "{'extends': 'a.json', " DENSE "}");
    read_bad(world, "a.json", ERROR_CONFIG, "a.json: extends: a.json extends this file in turn; break the circle");
    put(world, "a.json", "{'extends': 3, " DENSE "}");
    read_bad(world, "a.json", ERROR_CONFIG, "a.json: extends: must be the name of a config file");
    put(world, "a.json", "{'extends': 'none.json', " DENSE "}");
    snprintf(text, sizeof text, "a.json: extends: there is no none.json beside this file or in %s; check the name",
             world->other);
    read_bad(world, "a.json", ERROR_IO, text);
    put(world, "a.json", "{'extends': 'b.json', " DENSE "}");
    put(world, "b.json", "{'training': }");
    read_bad(world, "a.json", ERROR_CONFIG,
             "b.json: line 1, column 14: not valid JSON here; look for a missing comma, quote or bracket at or before "
             "this place");
    put(world, "b.json", "[]");
    read_bad(world, "a.json", ERROR_CONFIG, "b.json: must hold a JSON object, {...}");
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "n%d.json", i);
        snprintf(text, sizeof text, "{'extends': 'n%d.json'}", i + 1);
        put(world, name, text);
    }
    put(world, "n20.json", "{" DENSE "}");
    read_bad(world, "n0.json", ERROR_CONFIG, "n15.json: extends: more than 16 files extend each other; merge some");
    read_good(world, "n5.json");
}

/* ---- where files are ---- */

static void test_find(void **state) {
    struct world *world = *state;
    char text[1024], *path = expect_path(world->folder, "c"), *here = expect_path(world->folder, "c.json");
    put(world, "c.json", "{" DENSE "}");
    char *found = config_find(path, &world->search, &world->error);
    assert_string_equal(found, here);
    free(found);
    put(world, "other/only.json", "{" DENSE "}");
    found = config_find("only", &world->search, &world->error);
    assert_non_null(found);
    assert_string_equal(file_name_of(found), "only.json");
    free(found);
    found = config_find("only.json", &world->search, &world->error);
    assert_non_null(found);
    free(found);
    assert_null(config_find("absent.json", &world->search, &world->error));
    snprintf(text, sizeof text, "absent.json: no such file, here or in %s; check the name", world->other);
    expect_error(&world->error, ERROR_IO, text);
    assert_null(config_find("absent.json", NULL, &world->error));
    expect_error(&world->error, ERROR_IO, "absent.json: no such file; check the name");
    assert_null(config_find("/only.json", &world->search, &world->error)); /* absolute: nowhere else */
    expect_error(&world->error, ERROR_IO, "/only.json: no such file; check the name");
    assert_null(config_find(world->folder, &world->search, &world->error));
    snprintf(text, sizeof text, "%s: is a folder; name a JSON file, such as the config.json of a run's folder",
             world->folder);
    expect_error(&world->error, ERROR_IO, text);
    free(path);
    free(here);
}

/* Several ways may lead to one folder, which is looked into, and named, once. */
static void test_search(void **state) {
    (void)state;
    struct config_search search = {{NULL}};
    char again[] = "a";
    config_search_add(&search, "a");
    config_search_add(&search, again);
    config_search_add(&search, "b");
    config_search_add(&search, "b");
    config_search_add(&search, "a");
    assert_string_equal(search.folders[0], "a");
    assert_string_equal(search.folders[1], "b");
    assert_null(search.folders[2]);
    static const char *const more[] = {"c", "d", "e", "f"};
    for (int i = 0; i < 4; i++) config_search_add(&search, more[i]);
    assert_string_equal(search.folders[4], "e");
    assert_null(search.folders[CONFIG_SEARCH_MAX]);
}

/* What is said of a name that no config has, and of a config whose name is none. */
static void test_names_of_files(void **state) {
    struct world *world = *state;
    char text[2048], name[160];
    memset(name, 'n', sizeof name);
    strcpy(name + 140, ".json");
    put(world, name, "{}");
    put(world, "base.jsonc", "{}");
    put(world, "base.json.bak", "{}");
    put(world, "c.json", "{\"extends\": \"bsae.json\"}");
    char *path = expect_path(world->folder, "c.json"), *slip = expect_path(world->folder, "bsae.json");
    struct config config;
    struct config_request request = {.path = path, .registries = &test_registries};
    assert_int_equal(config_read(&config, &request, &world->error), -1);
    snprintf(text, sizeof text, "%s: extends: there is no bsae.json beside this file; did you mean \"base.json\"?",
             path);
    expect_error(&world->error, ERROR_IO, text);
    assert_null(config_find(slip, NULL, &world->error));
    snprintf(text, sizeof text, "%s: no such file; did you mean \"%s/base.json\"?", slip, world->folder);
    expect_error(&world->error, ERROR_IO, text);
    free(path);
    free(slip);
    static const struct {
        const char *file, *name; /* NULL: refused */
    } names[] = {{".hidden", ".hidden"}, {"plain", "plain"}, {"a\tb", NULL}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put(world, names[i].file, "{" DENSE "}");
        path = expect_path(world->folder, names[i].file);
        request.path = path;
        assert_int_equal(config_read(&config, &request, &world->error), names[i].name ? 0 : -1);
        if (names[i].name) {
            assert_string_equal(config.values.name, names[i].name);
            config_free(&config);
        } else {
            assert_int_equal(world->error.code, ERROR_CONFIG);
            assert_string_equal(world->error.message,
                                "would be the file's name, which is not UTF-8 text without control "
                                "characters; give a name here");
            error_clear(&world->error);
        }
        free(path);
    }
}

/* ---- overrides ---- */

static void test_overrides(void **state) {
    struct world *world = *state;
    put(world, "c.json", "{" DENSE "}");
    const struct config_override good[] = {{"training.epochs", "3"},
                                           {"training.optimizer", "Adam"},
                                           {"model.1.units", "5"},
                                           {"training.epochs", "4"},
                                           {"training.optimizer", "{\"type\": \"SGD\"}"},
                                           {"training.optimizer.momentum", "0.5"}};
    override(world, good, 6);
    read_good(world, "c.json");
    assert_int_equal(world->config.values.training.epochs, 4);
    assert_string_equal(world->config.values.training.optimizer.kind->name, "SGD");
    const struct config_override unknown[] = {{"training.epoch", "3"}};
    override(world, unknown, 1);
    read_bad(world, "c.json", ERROR_CONFIG, "c.json: training.epoch: unknown field; did you mean \"epochs\"?");
    const struct config_override outside[] = {{"model.7.units", "3"}};
    override(world, outside, 1);
    assert_int_equal(try_read(world, "c.json"), -1);
    expect_error(&world->error, ERROR_CONFIG,
                 "--set: \"7\" is not the number of one of the list's 2 items, counted from 0");
}

/* ---- writing ---- */

/* What is written reads back to the same values: its text is the same again, digits and all. */
static void test_write_and_parse(void **state) {
    struct world *world = *state;
    put(world, "c.json",
        "{'name': 'x', 'seed': 3, 'input_shape': [8, 9, 2], 'data': {'source': 'synth', 'validation_split': 0.1, "
        "'normalize': {'mean': [0.1, 0.7], 'std': [0.30000000000000004, 1e-30]}, 'augment': ['RandomFlip', {'type': "
        "'RandomCrop', 'padding': 3}]}, 'model': [{'type': 'Conv2D', 'filters': 3, 'kernel_size': [3, 2], "
        "'kernel_regularizer': {'type': 'L2', 'l2': 0.0005}, 'kernel_initializer': {'type': 'RandomNormal', 'stddev': "
        "0.012345678901234567}}, 'Flatten', {'type': 'Dense', 'units': 4, 'activation': {'type': 'leaky_relu'}}], "
        "'training': {'epochs': 2, 'label_smoothing': 0.1, 'optimizer': {'type': 'Nadam', 'clipnorm': 3}, 'schedule': "
        "{'type': 'CosineDecay', 'warmup_epochs': 0.3}, 'callbacks': ['EarlyStopping']}}");
    read_good(world, "c.json");
    char *first = config_text(&world->config, &test_registries, &world->error);
    struct config again;
    config_parse(&again, first, "again.json", &world->request, &world->error);
    expect_no_error(&world->error);
    char *second = config_text(&again, &test_registries, &world->error);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "0.30000000000000004"));
    assert_string_equal(again.values.name, "x");
    assert_int_equal(again.values.training.callbacks.count, 1);
    assert_string_equal(again.path, "again.json");
    config_free(&again);
    free(first);
    free(second);
}

static void test_parse_refused(void **state) {
    struct world *world = *state;
    struct config config;
    assert_int_equal(config_parse(&config, "{\"model\": 3}", "ck: config", &world->request, &world->error), -1);
    expect_error(&world->error, ERROR_CONFIG, "ck: config: model: must be a list of layers; got 3");
    assert_int_equal(config_parse(&config, "{", "ck", &world->request, &world->error), -1);
    assert_int_equal(world->error.code, ERROR_CONFIG);
    error_clear(&world->error);
}

static void test_schema(void **state) {
    (void)state;
    cJSON *schema = config_schema(&test_registries);
    assert_non_null(schema);
    const cJSON *properties = cJSON_GetObjectItem(schema, "properties");
    assert_non_null(cJSON_GetObjectItem(properties, "extends"));
    assert_non_null(cJSON_GetObjectItem(properties, "model"));
    assert_null(cJSON_GetObjectItem(schema, "required"));
    assert_non_null(cJSON_GetObjectItem(cJSON_GetObjectItem(schema, "definitions"), "layer"));
    cJSON_Delete(schema);
}

static void test_input_shape(void **state) {
    struct world *world = *state;
    const struct shape none = {0}, data = {3, {8, 8, 3}};
    struct shape shape;
    char text[1024];
    put(world, "c.json", "{" DENSE "}");
    read_good(world, "c.json");
    assert_int_equal(config_input_shape(&world->config, &data, &shape, &world->error), 0);
    assert_true(shape_equal(&shape, &data));
    assert_int_equal(config_input_shape(&world->config, &none, &shape, &world->error), -1);
    snprintf(text, sizeof text,
             "%s/c.json: input_shape: is missing; give [height, width, channels], or data to take it from",
             world->folder);
    expect_error(&world->error, ERROR_CONFIG, text);
    put(world, "c.json", "{" DENSE ", 'input_shape': [8, 9, 3]}");
    read_good(world, "c.json");
    assert_int_equal(config_input_shape(&world->config, &none, &shape, &world->error), 0);
    assert_true(shape_equal(&shape, &(struct shape){3, {8, 9, 3}}));
    assert_int_equal(config_input_shape(&world->config, &data, &shape, &world->error), -1);
    snprintf(text, sizeof text,
             "%s/c.json: input_shape: says (8,9,3), but the data's images are (8,8,3); correct it, or resize the "
             "images with data.resize",
             world->folder);
    expect_error(&world->error, ERROR_CONFIG, text);
    bad_text(world, "{" DENSE ", 'input_shape': [8, 9]}",
             "c.json: input_shape: must be [height, width, channels]; got 2 numbers");
    bad_text(world, "{" DENSE ", 'input_shape': [8, 0, 3]}",
             "c.json: input_shape[1]: must be an integer, in [1, 65536]; got 0");
}

static void test_repeats_refused(void **state) {
    struct world *world = *state;
    bad_text(world, "{'model': [{'repeat': 'x', 'layers': ['ReLU']}]}",
             "c.json: model[0].repeat: must be an integer, in [1, 1024]; got \"x\"");
    bad_text(world, "{'model': [{'repeat': 0, 'layers': ['ReLU']}]}",
             "c.json: model[0].repeat: must be an integer, in [1, 1024]; got 0");
    bad_text(world, "{'model': [{'repeat': 1.5, 'layers': ['ReLU']}]}",
             "c.json: model[0].repeat: must be an integer, in [1, 1024]; got 1.5");
    bad_text(world, "{'model': [{'repeat': 1025, 'layers': ['ReLU']}]}",
             "c.json: model[0].repeat: must be an integer, in [1, 1024]; got 1025");
    bad_text(world, "{'model': [{'repeat': 2}]}", "c.json: model[0].layers: is missing; it holds what is repeated");
    bad_text(world, "{'model': [{'repeat': 2, 'layers': 3}]}",
             "c.json: model[0].layers: must be a list of at least one layer; got 3");
    bad_text(world, "{'model': [{'repeat': 2, 'layers': []}]}",
             "c.json: model[0].layers: must be a list of at least one layer; got none");
    bad_text(world, "{'model': [{'repeat': 2, 'layers': ['ReLU'], 'x': 1}]}",
             "c.json: model[0].x: unknown field; known here: repeat, layers");
    bad_text(world,
             "{'model': [{'repeat': 2, 'class_name': 'ReLU', 'config': {}, 'layers': ['ReLU']}, 'Flatten', {'repeat': "
             "2, 'type': "
             "'Dense'}]}",
             "c.json: model[2].repeat: unknown field; known here: name, trainable, units, activation, use_bias, "
             "kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, "
             "kernel_constraint, bias_constraint, type");
    bad_text(world, "{'model': [{'repeat': 1024, 'layers': [{'repeat': 5, 'layers': ['ReLU']}]}]}",
             "c.json: model[0]: makes more than 4096 layers, which is the most allowed; leave some out");
    bad_text(world, "{'model': [{'repeat': 1024, 'layers': ['ReLU', 'ReLU', 'ReLU', 'ReLU']}, 'ReLU']}",
             "c.json: model: makes more than 4096 layers, which is the most allowed; leave some out");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_defaults),
        WORLD_TEST(test_refused_values),
        WORLD_TEST(test_names),
        WORLD_TEST(test_extends),
        WORLD_TEST(test_extends_elsewhere),
        WORLD_TEST(test_extends_refused),
        cmocka_unit_test(test_search),
        WORLD_TEST(test_find),
        WORLD_TEST(test_repeats_refused),
        WORLD_TEST(test_names_of_files),
        WORLD_TEST(test_overrides),
        WORLD_TEST(test_write_and_parse),
        WORLD_TEST(test_parse_refused),
        WORLD_TEST(test_schema),
        WORLD_TEST(test_input_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
