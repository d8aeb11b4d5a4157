#include "core/model_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"
#include "tests/support/tree.h"

static const struct config_request request = {.registries = &test_registries};

/* A model, and where it is saved. */
struct world {
    struct tiny tiny;
    char *folder, *path, *text;
    struct model_facts facts;
    struct error error;
};

static char *class_names[] = {"zero", "one, two", "d\xC3\xA9j\xC3\xA0"};

static int open_world(void **state) {
    struct world *world = calloc(1, sizeof *world);
    if (!world) return -1;
    const struct tiny_setup setup = {.data = "'normalize': 'standardize'", .train = 9, .threads = 1};
    tiny_open(&world->tiny, &setup);
    world->folder = expect_folder();
    world->path = expect_path(world->folder, "m.safetensors");
    world->text = config_text(&world->tiny.config, &test_registries, &world->error);
    world->facts = (struct model_facts){world->text, world->tiny.normalization, TINY_CLASSES, class_names};
    *state = world;
    return world->text ? 0 : -1;
}

static int close_world(void **state) {
    struct world *world = *state;
    tiny_close(&world->tiny);
    free(world->path);
    free(world->text);
    tree_gone(world->folder);
    free(world);
    return 0;
}

static void save(struct world *world, const char *path) {
    model_file_save(path, &world->tiny.model, &world->facts, NULL, 0, NULL, 0, &world->error);
    expect_no_error(&world->error);
}

static void open_good(struct world *world, const char *path, struct saved_model *saved) {
    saved_model_open(saved, path, true, &request, &world->error);
    expect_no_error(&world->error);
}

/* `text` follows the path. */
static void open_bad(struct world *world, const char *path, enum error_code code, const char *text) {
    struct saved_model saved;
    char expected[2048];
    assert_int_equal(saved_model_open(&saved, path, true, &request, &world->error), -1);
    assert_true(!saved.model.layers && !saved.config.json && !saved.class_names);
    snprintf(expected, sizeof expected, "%s: %s", path, text);
    expect_error(&world->error, code, expected);
}

static void test_round_trip(void **state) {
    struct world *world = *state;
    struct saved_model saved;
    save(world, world->path);
    open_good(world, world->path, &saved);
    const struct model *model = &world->tiny.model;
    assert_int_equal(saved.model.layer_count, model->layer_count);
    assert_int_equal(saved.model.parameter_floats, model->parameter_floats);
    assert_memory_equal(saved.model.parameters, model->parameters, model->parameter_floats * sizeof(float));
    assert_true(shape_equal(&saved.model.input, &model->input));
    assert_int_equal(saved.classes, TINY_CLASSES);
    for (int i = 0; i < TINY_CLASSES; i++) assert_string_equal(saved.class_names[i], class_names[i]);
    assert_int_equal(saved.normalization.channels, TINY_CHANNELS);
    assert_memory_equal(&saved.normalization.scale, &world->tiny.normalization.scale, sizeof(float));
    assert_memory_equal(saved.normalization.mean, world->tiny.normalization.mean, TINY_CHANNELS * sizeof(float));
    assert_memory_equal(saved.normalization.std, world->tiny.normalization.std, TINY_CHANNELS * sizeof(float));
    assert_true(saved.normalization.mean[0] > 0);
    assert_string_equal(saved.config.values.name, "tiny");
    saved_model_free(&saved);
    world->facts.class_names = NULL;
    save(world, world->path);
    open_good(world, world->path, &saved);
    assert_null(saved.class_names);
    saved_model_free(&saved);
}

static void test_tensors(void **state) {
    struct world *world = *state;
    struct checkpoint_tensor *tensors = NULL;
    struct tensor_names *names = NULL;
    size_t count = 0;
    static const char *const expected[] = {"conv2d/kernel",
                                           "conv2d/bias",
                                           "batch_normalization/gamma",
                                           "batch_normalization/beta",
                                           "batch_normalization/moving_mean",
                                           "batch_normalization/moving_variance",
                                           "dense/kernel",
                                           "dense/bias"};
    assert_int_equal(model_tensors(&world->tiny.model, &tensors, &names, &count, &world->error), 0);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++) assert_string_equal(tensors[i].name, expected[i]);
    assert_true(shape_equal(&tensors[0].shape, &(struct shape){4, {3, 3, TINY_CHANNELS, 4}}));
    assert_ptr_equal(tensors[0].data, world->tiny.model.parameters);
    free(tensors);
    free(names);
}

/* The folder of a run: best where that is preferred and there, else last. */
static void test_folder(void **state) {
    struct world *world = *state;
    struct saved_model saved;
    char *last = expect_path(world->folder, "last.safetensors"), *best = expect_path(world->folder, "best.safetensors");
    open_bad(world, world->folder, ERROR_IO,
             "holds no last.safetensors; name a run's folder or a .safetensors, .keras or .h5 file");
    float *first = model_parameter(&world->tiny.model, &world->tiny.model.layers[0], 0);
    *first = 1;
    save(world, last);
    open_good(world, world->folder, &saved);
    assert_true(saved.model.parameters[0] == 1);
    saved_model_free(&saved);
    *first = 2;
    save(world, best);
    open_good(world, world->folder, &saved);
    assert_true(saved.model.parameters[0] == 2);
    saved_model_free(&saved);
    saved_model_open(&saved, world->folder, false, &request, &world->error);
    assert_true(saved.model.parameters[0] == 1);
    saved_model_free(&saved);
    assert_int_equal(remove(last), 0);
    saved_model_open(&saved, world->folder, false, &request, &world->error);
    assert_true(saved.model.parameters[0] == 2);
    saved_model_free(&saved);
    free(last);
    free(best);
}

/* ---- damaged and foreign files ---- */

static void test_foreign_file(void **state) {
    struct world *world = *state;
    float value[2] = {1, 2};
    const struct safetensors_source tensor = {"weight", {1, {2}}, value};
    safetensors_write(world->path, &tensor, 1, NULL, 0, &world->error);
    expect_no_error(&world->error);
    open_bad(world, world->path, ERROR_DATA,
             "holds weights without the layers that they belong to; use it with train --config FILE --weights");
    struct text report = {0};
    assert_int_equal(model_load_weights(&world->tiny.model, world->path, &report, &world->error), -1);
    assert_int_equal(world->error.code, ERROR_DATA);
    error_clear(&world->error);
    assert_int_equal(report.length, 0);
    open_bad(world, "/nonexistent.safetensors", ERROR_IO, "cannot open the file: No such file or directory");
}

/* No changed byte and no cut passes: the file has a checksum. */
static void test_damaged_file(void **state) {
    struct world *world = *state;
    size_t length = 0;
    save(world, world->path);
    char *bytes = tree_read(world->folder, "m.safetensors", &length);
    for (size_t i = 0; i < length; i += 1 + length / 60) {
        struct saved_model saved;
        bytes[i] ^= 0x10;
        file_replace(world->path, &(struct file_piece){bytes, length}, 1, &world->error);
        assert_int_equal(saved_model_open(&saved, world->path, true, &request, &world->error), -1);
        assert_int_equal(world->error.code, ERROR_DATA);
        error_clear(&world->error);
        bytes[i] ^= 0x10;
        file_replace(world->path, &(struct file_piece){bytes, i}, 1, &world->error);
        assert_int_equal(saved_model_open(&saved, world->path, true, &request, &world->error), -1);
        assert_int_equal(world->error.code, ERROR_DATA);
        error_clear(&world->error);
    }
    free(bytes);
}

/* Files with a right checksum and wrong metadata. */
static void bad_metadata(struct world *world, const char *config, const char *facts, enum error_code code,
                         const char *text) {
    struct checkpoint_tensor *tensors = NULL;
    struct tensor_names *names = NULL;
    size_t count = 0;
    char *facts_json = tiny_json(facts);
    model_tensors(&world->tiny.model, &tensors, &names, &count, &world->error);
    const struct safetensors_pair pairs[] = {{"config", config ? config : world->text}, {"facts", facts_json}};
    checkpoint_save(world->path, tensors, count, pairs, 2, &world->error);
    expect_no_error(&world->error);
    open_bad(world, world->path, code, text);
    free(facts_json);
    free(tensors);
    free(names);
}

static void test_wrong_metadata(void **state) {
    struct world *world = *state;
    static const char wrong[] = "its metadata is not that of a cnntrain model; name one that cnntrain wrote";
    static const char *const facts[] = {
        "[]",
        "{}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': [0, 0], 'std': [1]}",
        "{'input_shape': [8, 8, 2], 'classes': 0, 'scale': 1, 'mean': [0, 0], 'std': [1, 1]}",
        "{'input_shape': [8, 8, 2], 'classes': 1e9, 'scale': 1, 'mean': [0, 0], 'std': [1, 1]}",
        "{'input_shape': [8, 0, 2], 'classes': 3, 'scale': 1, 'mean': [0], 'std': [1]}",
        "{'input_shape': [8, 8, 2, 1, 1], 'classes': 3, 'scale': 1, 'mean': [0], 'std': [1]}",
        "{'input_shape': [8, 8, 1e99], 'classes': 3, 'scale': 1, 'mean': [0], 'std': [1]}",
        "{'input_shape': [], 'classes': 3, 'scale': 1, 'mean': [0], 'std': [1]}",
        "{'input_shape': [8, 8, 'x'], 'classes': 3, 'scale': 1, 'mean': [0], 'std': [1]}",
        "{'input_shape': [8, 8, 65537], 'classes': 3, 'scale': 1, 'mean': [0], 'std': [1]}",
        "{'input_shape': [8, 8, 2], 'classes': 'x', 'scale': 1, 'mean': [0, 0], 'std': [1, 1]}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': [1e39, 0], 'std': [1, 1]}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': 5, 'std': [1, 1]}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': [0, 0], 'std': [1, 1], 'class_names': 7}",
        "{'input_shape': 8, 'classes': 3, 'scale': 1, 'mean': [0], 'std': [1]}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 'x', 'mean': [0], 'std': [1]}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': ['a'], 'std': [1]}",
        "{'input_shape': [8, 8, 5], 'classes': 3, 'scale': 1, 'mean': [0, 0, 0, 0, 0], 'std': [1, 1, 1, 1, 1]}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': [0, 0, 0], 'std': [1, 1, 1]}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': [0, 0], 'std': [1, 0]}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': [0, 0], 'std': [1, 1], 'class_names': ['a']}",
        "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': [0, 0], 'std': [1, 1], 'class_names': [1,2,3]}",
        "{'input_shape':[8,8,2],'classes':3,'scale':1,'mean':[0,0],'std':[1,1],'class_names':['a','\\u0007','c']}",
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) bad_metadata(world, NULL, facts[i], ERROR_DATA, wrong);
    static const char good[] = "{'input_shape': [8, 8, 2], 'classes': 3, 'scale': 1, 'mean': [0, 0], 'std': [1, 1]}";
    bad_metadata(world, NULL, "{'input_shape': [8, 8, 2], 'classes': 4, 'scale': 1, 'mean': [0, 0], 'std': [1, 1]}",
                 ERROR_DATA, "gives 3 numbers for an image, but names 4 classes; train the model again");
    bad_metadata(world, NULL, "{'a': 1, 'a': 2}", ERROR_DATA, "a: stands twice; keep one of them");
    const struct safetensors_pair alone = {"config", world->text};
    checkpoint_save(world->path, NULL, 0, &alone, 1, &world->error);
    open_bad(world, world->path, ERROR_DATA,
             "holds weights without the layers that they belong to; use it with train --config FILE --weights");
    /* a model without classes as its output */
    bad_metadata(
        world, "{\"model\": [{\"type\": \"Conv2D\", \"filters\": 3, \"kernel_size\": 1}]}", good, ERROR_DATA,
        "gives (8,8,3) for an image; a model with a number for each class is needed, so end it with Flatten and Dense");
    bad_metadata(world, "{\"model\": [\"Flatten\", {\"type\": \"Dense\"}]}", good, ERROR_CONFIG,
                 "model[1].units: is missing; it must be given");
    bad_metadata(world, "{\"model\": [\"Flatten\", {\"type\": \"Dense\", \"units\": 3}]}", good, ERROR_DATA,
                 "dense/kernel: has shape (36,3) in the file, (128,3) in the model; is it a file of this very model?");
    bad_metadata(world, "{\"model\": [\"Flatten\", {\"type\": \"Dense\", \"units\": 3, \"name\": \"x\"}]}", good,
                 ERROR_DATA,
                 "lacks 2 of the model's 2 tensors: x/kernel, x/bias; it has others: conv2d/kernel, conv2d/bias, "
                 "batch_normalization/gamma, batch_normalization/beta, batch_normalization/moving_mean, "
                 "batch_normalization/moving_variance, dense/kernel, dense/bias; is it a file of this very model?");
}

/* ---- weights for another model ---- */

static void test_weights_of_another_model(void **state) {
    struct world *world = *state;
    save(world, world->path);
    struct tiny other;
    struct text report = {0};
    tiny_open(&other, &(struct tiny_setup){
                          .model = "[{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3}, 'Flatten', {'type': 'Dense', "
                                   "'units': 5, 'name': 'head', 'activation': 'softmax'}]",
                          .train = 4,
                          .threads = 1});
    float *head = model_parameter(&other.model, &other.model.layers[2], 0), before = head[7];
    assert_int_equal(model_load_weights(&other.model, world->path, &report, &world->error), 0);
    assert_non_null(strstr(report.bytes, "head/kernel"));
    assert_non_null(strstr(report.bytes, "head/bias"));
    assert_non_null(strstr(report.bytes, "batch_normalization/moving_variance"));
    assert_non_null(strstr(report.bytes, "dense/kernel"));
    assert_null(strstr(report.bytes, "conv2d/kernel"));
    assert_memory_equal(other.model.parameters, world->tiny.model.parameters, 72 * sizeof(float));
    assert_true(head[7] == before);
    text_free(&report);
    tiny_close(&other);
    /* the same name with another shape is refused, and nothing is written */
    tiny_open(&other, &(struct tiny_setup){
                          .model = "[{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3}, 'Flatten', {'type': 'Dense', "
                                   "'units': 5, 'activation': 'softmax'}]",
                          .train = 4,
                          .threads = 1});
    before = other.model.parameters[0] = 42;
    assert_int_equal(model_load_weights(&other.model, world->path, &report, &world->error), -1);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "%s: dense/kernel: has shape (36,3) in the file, (144,5) in the model; dense/bias: has shape (3) in the "
             "file, (5) in the model; give such layers other names, and they begin anew",
             world->path);
    expect_error(&world->error, ERROR_DATA, expected);
    assert_true(other.model.parameters[0] == before);
    tiny_close(&other);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_round_trip),
        WORLD_TEST(test_tensors),
        WORLD_TEST(test_folder),
        WORLD_TEST(test_foreign_file),
        WORLD_TEST(test_damaged_file),
        WORLD_TEST(test_wrong_metadata),
        WORLD_TEST(test_weights_of_another_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
