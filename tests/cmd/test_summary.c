/* Summaries through the program: Keras' tables to the byte. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/command.h"

static char root[4096]; /* of the repository, where the tests run */

static void tables_are_keras(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *config, *golden;
    } cases[] = {{"lesson", "lesson_5"}, {"conv_avg", "conv_avg"}, {"conv_max", "conv_max"}, {"dw_avg", "dw_avg"},
                 {"dw_max", "dw_max"},   {"sep_avg", "sep_avg"},   {"sep_max", "sep_max"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int style = 2; style <= 3; style++) {
            command(world, "cat %s/tests/golden/summary/%s.k%d.txt", root, cases[i].golden, style);
            assert_int_equal(world->code, 0);
            char *golden = strdup(world->out);
            command(world, "cnntrain summary --config %s.json --style keras%d", cases[i].config, style);
            assert_string_equal(world->out, golden);
            assert_int_equal(world->code, 0);
            free(golden);
        }
}

/* Models that Keras wrote down stand wherever a config does; the table is that of Keras 3.15 for its own file. */
static void models_of_keras(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *model, *table;
        int style;
    } cases[] = {{"keras_json/sep_max.keras2.json", "summary/sep_max.k2.txt", 2},
                 {"keras_json/sep_max.keras3.json", "summary/sep_max.k3.txt", 3},
                 {"keras_json/every_layer.keras3.json", "keras_json/every_layer.keras3.txt", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        command(world, "cat %s/tests/golden/%s", root, cases[i].table);
        char *golden = strdup(world->out);
        command(world, "cnntrain summary -q %s/tests/golden/%s --style keras%d", root, cases[i].model, cases[i].style);
        assert_string_equal(world->err, "");
        assert_string_equal(world->out, golden);
        free(golden);
    }
}

/* A config may name such a file, which stands beside it, or hold one; its values can be set as any others. */
static void configs_with_models_of_keras(void **state) {
    struct command_world *world = *state;
    command(world, "cp %s/tests/golden/keras_json/sep_max.keras2.json k.json", root);
    command_write(world, "named.json", "{\"seed\": 3, \"model\": \"k.json\"}");
    command_succeeds(world, "cnntrain config named.json --set model.0.filters=7");
    assert_contains(world->out, "\"filters\": 7");
    assert_contains(world->out, "\"input_shape\": [32, 32, 3]");
    assert_contains(world->out, "\"seed\": 3");
    command(world, "printf '{\"input_shape\": [48, 48, 3], \"model\": %%s}' \"$(cat k.json)\" >held.json");
    command_succeeds(world, "cnntrain config held.json");
    assert_contains(world->out, "\"input_shape\": [48, 48, 3]");
    command_write(world, "wrong.json", "{\"model\": {\"layers\": []}}");
    command_fails(world, "cnntrain summary wrong.json", 2,
                  "wrong.json: model: is neither a list of layers nor a model saved by Keras' to_json(); write a list, "
                  "[...]");
    command_write(world, "none.json", "{\"model\": \"gone.json\"}");
    command_fails(world, "cnntrain summary none.json", 4,
                  "./gone.json: cannot open the file: No such file or directory");
}

/* What is dropped at a border is said on stderr, so that stdout stays Keras'. */
static void warnings_are_messages(void **state) {
    struct command_world *world = *state;
    command(world, "cnntrain summary lesson");
    assert_string_equal(world->err, "Warning: max_pooling2d drops the last row and column of 13x19\n");
    command_succeeds(world, "cnntrain summary lesson -q");
}

static void cost_follows_the_table(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain summary lesson --cost");
    assert_starts_with(world->out, "Model: \"sequential\"\n____");
    assert_contains(world->out, "\n\nCost of one image, forward\n\nLayer          Output     Parameters");
    assert_contains(world->out, "\ntotal                            832");
    assert_contains(world->out, "Warning: max_pooling2d drops the last row and column of 13x19\n");
}

static void json_has_the_layers(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain summary conv_max --json");
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "parameters")) == 72906);
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "multiplications")) == 849600);
    const cJSON *layers = cJSON_GetObjectItem(json, "layers");
    assert_int_equal(cJSON_GetArraySize(layers), 4);
    const cJSON *dense = cJSON_GetArrayItem(layers, 3);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(dense, "class_name")), "Dense");
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(dense, "parameters")) == 72010);
    cJSON_Delete(json);
}

/* Bars mark what is inside of a block. */
static void blocks_are_marked(void **state) {
    struct command_world *world = *state;
    command_write(
        world, "block.json",
        "{\"input_shape\": [8,8,2], \"model\": [{\"type\": \"Residual\", \"layers\": [{\"type\": \"Residual\", "
        "\"layers\": [\"ReLU\"]}, {\"type\": \"Conv2D\", \"filters\": 3, \"kernel_size\": 1}]}]}");
    command_succeeds(world, "cnntrain summary block.json --cost");
    assert_contains(world->out, "\n | | re_lu (ReLU)            (None, 8, 8, 2)           0         \n");
    assert_contains(world->out, "\n | conv2d (Conv2D)           (None, 8, 8, 3)           9         \n");
    assert_contains(world->out, "\n residual_1 (Residual)       (None, 8, 8, 3)           9         \n");
    assert_contains(world->out, "\n| conv2d    ");
    cJSON *json = command_json(world, "cnntrain summary block.json --json");
    const cJSON *layers = cJSON_GetObjectItem(json, "layers");
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(cJSON_GetArrayItem(layers, 0), "depth")) == 2);
    assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(layers, 3), "depth"));
    cJSON_Delete(json);
}

static void shape_comes_from_the_data(void **state) {
    struct command_world *world = *state;
    command_write(world, "bare.json", "{\"model\": [{\"type\": \"Flatten\"}, {\"type\": \"Dense\", \"units\": 10}]}");
    command_succeeds(world, "cnntrain summary bare.json --data synth:10,10");
    assert_contains(world->out, "Total params: 30,730\n");
    command_succeeds(world, "cnntrain summary bare.json --set 'input_shape=[3,4,5]'");
    assert_contains(world->out, "Total params: 610\n");
}

static void trained_model(void **state) {
    struct command_world *world = *state;
    command(world, "cnntrain train dw_max --data synth:64,32 --epochs 1 -q --out run");
    command(world, "cnntrain summary dw_max");
    char *table = strdup(world->out);
    static const char *const lines[] = {"cnntrain summary run -q", "cnntrain summary run/best.safetensors -q"};
    for (size_t i = 0; i < 2; i++) {
        command_succeeds(world, lines[i]);
        assert_string_equal(world->out, table);
    }
    free(table);
    command_fails(world, "cnntrain summary run --set seed=3", 2,
                  "run: is a trained model; --data and --set are for configs");
}

static void mistakes(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain summary lesson --style keras4", 2,
                  "--style: must be keras2 or keras3, got \"keras4\"");
    command_fails(world, "cnntrain summary no.safetensors", 4,
                  "no.safetensors: no such model; name a run's folder, such as runs/sep_max, or a .safetensors, .keras "
                  "or .h5 file");
    command(world, "mkdir empty");
    command_fails(world, "cnntrain summary empty", 4,
                  "empty: holds no last.safetensors; name a run's folder or a .safetensors, .keras or .h5 file");
}

/* A shipped config states no shape: it follows the data, and sources of one known shape need not be loaded. */
static void shape_follows_the_data(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain summary --config conv_max --json");
    assert_non_null(strstr(world->out, "72906"));
    command_succeeds(world, "cnntrain summary --config conv_max --data fashion-mnist --json");
    assert_non_null(strstr(world->out, "54410"));
    command_succeeds(world,
                     "cnntrain summary --config conv_max --data cifar10:/nowhere --set data.color=grayscale --json");
    assert_non_null(strstr(world->out, "72330"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_keras),
        cmocka_unit_test(models_of_keras),
        cmocka_unit_test(configs_with_models_of_keras),
        cmocka_unit_test(warnings_are_messages),
        cmocka_unit_test(cost_follows_the_table),
        cmocka_unit_test(json_has_the_layers),
        cmocka_unit_test(blocks_are_marked),
        cmocka_unit_test(shape_comes_from_the_data),
        cmocka_unit_test(shape_follows_the_data),
        cmocka_unit_test(trained_model),
        cmocka_unit_test(mistakes),
    };
    if (!getcwd(root, sizeof root)) return 1;
    return cmocka_run_group_tests(tests, command_open, command_close);
}
