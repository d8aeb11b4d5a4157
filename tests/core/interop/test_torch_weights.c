/* State dicts of PyTorch whose names, order and numbers are not those that this program writes. */
#include "core/interop/torch_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/interop/exchange.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"

/* 0: BatchNormalization of two channels without gamma, 1: Flatten, 2 and 3: Dense. */
static const struct tiny_setup setup = {
    .model = "[{'type': 'BatchNormalization', 'scale': false}, 'Flatten', {'type': 'Dense', 'units': 4}, "
             "{'type': 'Dense', 'units': 3}]",
    .train = 8,
    .inference = true};

struct world {
    struct tiny tiny;
    char *folder, *path;
    struct safetensors file;
    float *before; /* the model's parameters as they were written */
    struct error error;
};

static int open_with(void **state, const struct tiny_setup *given) {
    struct world *world = calloc(1, sizeof *world);
    struct text remarks = {0};
    if (!world) return -1;
    tiny_open(&world->tiny, given);
    world->folder = expect_folder();
    world->path = expect_path(world->folder, "t.safetensors");
    char *text = tiny_config_text(given);
    const struct model *model = &world->tiny.model;
    const struct model_facts facts = {text, world->tiny.normalization, TINY_CLASSES, NULL};
    const struct exchange exchange = {.model = model,
                                      .facts = &facts,
                                      .registries = &test_registries,
                                      .options = EXCHANGE_TORCH,
                                      .version = "1",
                                      .remarks = &remarks};
    for (size_t i = 0; i < model->parameter_floats; i++) model->parameters[i] = (float)i;
    exchange_named("safetensors")->write(&exchange, world->path, &world->error);
    expect_no_error(&world->error);
    safetensors_read(world->path, &world->file, &world->error);
    expect_no_error(&world->error);
    world->before = malloc(model->parameter_floats * sizeof(float));
    memcpy(world->before, model->parameters, model->parameter_floats * sizeof(float));
    memset(model->parameters, 0, model->parameter_floats * sizeof(float));
    text_free(&remarks);
    free(text);
    *state = world;
    return 0;
}

static int open_world(void **state) {
    return open_with(state, &setup);
}

#define UNITS "{'type': 'Dense', 'units': 3}"
/* Modules whose names are of one digit, and of two. */
static int open_long_world(void **state) {
    const struct tiny_setup many = {.model = "['Flatten', " UNITS ", " UNITS ", " UNITS ", " UNITS ", " UNITS ", " UNITS
                                             ", " UNITS ", " UNITS ", " UNITS ", " UNITS ", " UNITS "]",
                                    .train = 8,
                                    .inference = true};
    return open_with(state, &many);
}

static int close_world(void **state) {
    struct world *world = *state;
    safetensors_free(&world->file);
    tiny_close(&world->tiny);
    free(world->before);
    free(world->path);
    expect_folder_gone(world->folder);
    free(world);
    return 0;
}

static struct safetensors_tensor *tensor(struct world *world, const char *name) {
    const struct safetensors_tensor *found = safetensors_find(&world->file, name);
    if (!found) fail_msg("no tensor %s", name);
    return &world->file.tensors[found - world->file.tensors];
}

/* All parameters that the layers have, which stand at cache lines. */
static void expect_all_taken(const struct world *world) {
    const struct model *model = &world->tiny.model;
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            const struct parameter *parameter = &model->layers[i].parameters[k];
            size_t count = 0;
            assert_true(shape_elements(&parameter->shape, &count));
            assert_memory_equal(model->parameters + parameter->offset, world->before + parameter->offset,
                                count * sizeof(float));
        }
}

static void expect_taken(struct world *world, const char *by) {
    struct text report = {0};
    char expected[256];
    torch_weights_load(&world->file, &world->tiny.model, &report, &world->error);
    expect_no_error(&world->error);
    snprintf(expected, sizeof expected, "%s: weights of PyTorch, taken by %s", world->path, by);
    assert_memory_equal(report.bytes, expected, strlen(expected));
    text_free(&report);
    expect_all_taken(world);
}

static void expect_refused(struct world *world, const char *message) {
    char expected[512];
    assert_int_equal(torch_weights_load(&world->file, &world->tiny.model, NULL, &world->error), -1);
    snprintf(expected, sizeof expected, "%s: %s", world->path, message);
    expect_error(&world->error, ERROR_DATA, expected);
    for (size_t i = 0; i < world->tiny.model.parameter_floats; i++)
        assert_true(world->tiny.model.parameters[i] >= 0 && world->tiny.model.parameters[i] <= 0);
}

static void test_by_names(void **state) {
    expect_taken(*state, "the names of their modules");
    assert_int_equal(torch_weights_load(&((struct world *)*state)->file, &((struct world *)*state)->tiny.model, NULL,
                                        &((struct world *)*state)->error),
                     0);
}

/* A number within a name counts by its value, and a name that another one begins with comes first. */
static void test_by_order(void **state) {
    struct world *world = *state;
    tensor(world, "0.weight")->name = "b.2.weight";
    tensor(world, "0.bias")->name = "b.2.bias";
    tensor(world, "0.running_mean")->name = "b.2.running_mean";
    tensor(world, "0.running_var")->name = "b.2.running_var";
    tensor(world, "2.weight")->name = "b.10.weight";
    tensor(world, "2.bias")->name = "b.10.bias";
    tensor(world, "3.weight")->name = "b.10.a.weight";
    tensor(world, "3.bias")->name = "b.10.a.bias";
    expect_taken(world, "the order and shapes of their modules");
}

static void test_a_module_too_many(void **state) {
    struct world *world = *state;
    tensor(world, "0.bias")->name = "c.bias";
    expect_refused(world, "is a state dict of PyTorch without a module for \"0.weight\" of the model, whose first "
                          "tensor has the shape (2); describe the same network, layer for layer");
}

static void test_a_role_that_is_missing(void **state) {
    struct world *world = *state;
    tensor(world, "3.bias")->name = "3.offset";
    expect_refused(world, "is a state dict of PyTorch without a module for \"3.weight\" of the model, whose first "
                          "tensor has the shape (3,4); describe the same network, layer for layer");
}

/* What has no parameter here stands for what it does here. */
static void test_a_weight_that_the_layer_lacks(void **state) {
    struct world *world = *state;
    struct safetensors_tensor *gamma = tensor(world, "0.weight");
    float *values = (float *)(uintptr_t)gamma->data;
    assert_true(values[0] >= 1 && values[0] <= 1);
    values[1] = 2;
    expect_refused(world, "0.weight: holds 2 where the model's layer has no weight, which stands for 1; give the "
                          "layer that weight");
    values[1] = 0.5F;
    expect_refused(world, "0.weight: holds 0.5 where the model's layer has no weight, which stands for 1; give the "
                          "layer that weight");
}

/* Without what has no parameter here the module is the same. */
static void test_without_constants(void **state) {
    struct world *world = *state;
    struct safetensors_tensor *gamma = tensor(world, "0.weight");
    struct safetensors file = world->file;
    const size_t last = --file.tensor_count;
    *gamma = file.tensors[last];
    torch_weights_load(&file, &world->tiny.model, NULL, &world->error);
    expect_no_error(&world->error);
    expect_all_taken(world);
}

/* Nor may something else stand in the place of a constant. */
static void test_another_in_place_of_a_constant(void **state) {
    struct world *world = *state;
    tensor(world, "0.weight")->name = "0.extra";
    expect_refused(world, "is a state dict of PyTorch without a module for \"0.weight\" of the model, whose first "
                          "tensor has the shape (2); describe the same network, layer for layer");
}

/* A module with nothing but a counter has no weights that a model could lack. */
static void test_a_counter_alone(void **state) {
    struct world *world = *state;
    struct safetensors file = world->file;
    static const int64_t batches = 5;
    file.tensors = calloc(file.tensor_count + 1, sizeof *file.tensors);
    memcpy(file.tensors, world->file.tensors, file.tensor_count * sizeof *file.tensors);
    file.tensors[file.tensor_count++] = (struct safetensors_tensor){
        .name = "9.num_batches_tracked", .type = SAFETENSORS_I64, .elements = 1, .data = (const void *)&batches};
    torch_weights_load(&file, &world->tiny.model, NULL, &world->error);
    expect_no_error(&world->error);
    expect_all_taken(world);
    free(file.tensors);
}

static void test_names_of_two_digits(void **state) {
    struct world *world = *state;
    assert_non_null(safetensors_find(&world->file, "11.bias"));
    expect_taken(world, "the names of their modules");
}

static void test_other_models(void **state) {
    struct world *world = *state;
    struct model large = world->tiny.model;
    large.parameter_floats = 1 << 24;
    assert_int_equal(torch_weights_load(&world->file, &large, NULL, &world->error), -1);
    assert_int_equal(world->error.code, ERROR_CONFIG);
    assert_memory_equal(world->error.message, "is a state dict of PyTorch; such can be taken by models of up to", 64);
    error_clear(&world->error);
    const struct tiny_setup noisy = {.model = "[{'type': 'Reshape', 'target_shape': [64, 2]}, {'type': "
                                              "'BatchNormalization'}, 'Flatten', {'type': 'Dense', 'units': 3}]",
                                     .train = 8};
    struct tiny tiny;
    tiny_open(&tiny, &noisy);
    assert_int_equal(torch_weights_load(&world->file, &tiny.model, NULL, &world->error), -1);
    assert_int_equal(world->error.code, ERROR_CONFIG);
    assert_non_null(
        strstr(world->error.message, "no module of PyTorch stands for the model's layer \"batch_normalization\""));
    error_clear(&world->error);
    tiny_close(&tiny);
}

/* A module of the file that is none of the model's, one without weights, and one with one weight too few. */
static void test_odd_modules(void **state) {
    struct world *world = *state;
    static const char *const renamed[][3] = {
        {"2.bias", "2.num_batches_tracked",
         "is a state dict of PyTorch without a module for \"2.weight\" of the model, "
         "whose first tensor has the shape (4,128); describe the same network, layer "
         "for layer"},
        {"0.running_var", "1a.num_batches_tracked",
         "is a state dict of PyTorch without a module for \"0.weight\" of the "
         "model, whose first tensor has the shape (2); describe the same "
         "network, layer for layer"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct safetensors_tensor *changed = tensor(world, renamed[i][0]);
        const char *was = changed->name;
        changed->name = renamed[i][1];
        expect_refused(world, renamed[i][2]);
        changed->name = was;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_names, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_by_order, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_a_module_too_many, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_a_role_that_is_missing, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_a_weight_that_the_layer_lacks, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_without_constants, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_another_in_place_of_a_constant, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_a_counter_alone, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_names_of_two_digits, open_long_world, close_world),
        cmocka_unit_test_setup_teardown(test_other_models, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_odd_modules, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
