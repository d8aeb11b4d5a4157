/* Configs: the exact words for every mistake, and what `cnntrain config` prints. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"

#define HEAD "{\"model\": [{\"type\": \"Flatten\"}, {\"type\": \"Dense\", \"units\": 10, \"activation\": \"softmax\"}]"

static void mistakes_in_a_config(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"model\": [{\"type\": \"Conv2D\", \"fliters\": 3, \"kernel_size\": 3}]}",
         "c.json: model[0].fliters: unknown field; did you mean \"filters\"?"},
        {"{\"model\": [{\"type\": \"Conv3D\", \"filters\": 3}]}",
         "c.json: model[0].type: there is no layer \"Conv3D\"; use Conv2D with the slices of a volume as channels"},
        {"{\"model\": [{\"repeat\": 0, \"layers\": [\"Flatten\"]}]}",
         "c.json: model[0].repeat: must be an integer, in [1, 1024]; got 0"},
        {"{\"model\": [{\"repeat\": 1.5, \"layers\": [\"Flatten\"]}]}",
         "c.json: model[0].repeat: must be an integer, in [1, 1024]; got 1.5"},
        {"{\"model\": [{\"repeat\": 2}]}", "c.json: model[0].layers: is missing; it holds what is repeated"},
        {"{\"model\": [{\"repeat\": 2, \"layers\": []}]}",
         "c.json: model[0].layers: must be a list of at least one layer; got none"},
        {"{\"model\": [{\"repeat\": 2, \"layers\": \"Flatten\"}]}",
         "c.json: model[0].layers: must be a list of at least one layer; got \"Flatten\""},
        {"{\"model\": [{\"repeat\": 2, \"layers\": [\"Flatten\"], \"times\": 2}]}",
         "c.json: model[0].times: unknown field; known here: repeat, layers"},
        {"{\"model\": [{\"repeat\": 2, \"layers\": [{\"repeat\": 2, \"layers\": [\"Flaten\"]}]}]}",
         "c.json: model[0].layers[0].layers[0]: unknown layer \"Flaten\"; did you mean \"Flatten\"?"},
        {"{\"model\": [{\"repeat\": 1000, \"layers\": [{\"repeat\": 1000, \"layers\": [\"ReLU\"]}]}]}",
         "c.json: model[0]: makes more than 4096 layers, which is the most allowed; leave some out"},
        {"{\"model\": [{\"repeat\": 1000, \"layers\": [{\"type\": \"Residual\", \"layers\": [{\"repeat\": 1000, "
         "\"layers\": [\"ReLU\"]}]}]}]}",
         "c.json: model[0]: makes more than 4096 layers, which is the most allowed; leave some out"},
        {"{\"model\": [{\"type\": \"Residual\", \"layers\": [{\"repeat\": 0, \"layers\": [\"ReLU\"]}]}]}",
         "c.json: model[0].layers[0].repeat: must be an integer, in [1, 1024]; got 0"},
        {"{\"model\": [{\"type\": \"ReLU\", \"repeat\": 2}]}",
         "c.json: model[0].repeat: unknown field; known here: name, trainable, max_value, negative_slope, threshold, "
         "type"},
        {"{\"model\": [{\"type\": \"Dense\"}]}", "c.json: model[0].units: is missing; it must be given"},
        {HEAD ", \"seed\": 1, \"seed\": 2}", "c.json: seed: stands twice; keep one of them"},
        {HEAD ", \"training\": {\"optimizer\": \"Adamm\"}}",
         "c.json: training.optimizer: unknown optimizer \"Adamm\"; did you mean \"Adam\"?"},
        {HEAD ", \"data\": {\"source\": \"sinth\"}}",
         "c.json: data.source: unknown source \"sinth\"; did you mean \"synth\"?"},
        {HEAD ", \"trainning\": {}}", "c.json: trainning: unknown field; did you mean \"training\"?"},
        {HEAD ", \"input_shape\": [28, 28]}", "c.json: input_shape: must be [height, width, channels]; got 2 numbers"},
        {HEAD ", \"name\": \"../up\"}", "c.json: name: must be a file name of 1 to 100 characters, without slashes, "
                                        "control characters or a leading dot"},
        {"{\n  \"seed\": 1,\n  \"model\" []\n}",
         "c.json: line 3, column 11: not valid JSON here; look for a missing comma, quote or bracket at or before this "
         "place"},
        {"[]", "c.json: must hold a JSON object, {...}"},
        {"{\"configs\": [\"a.json\"]}", "c.json: is a batch of configs; run it with: cnntrain experiments c.json"},
        {"{\"extends\": 3}", "c.json: extends: must be the name of a config file"},
        {"{\"extends\": \"c.json\"}", "c.json: extends: c.json extends this file in turn; break the circle"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        command_write(world, "c.json", cases[i].text);
        command_fails(world, "cnntrain config c.json", 2, cases[i].message);
        command_fails(world, "cnntrain --config c.json", 2, cases[i].message);
    }
    assert_false(command_has(world, "runs"));
}

static void values_out_of_range(void **state) {
    struct command_world *world = *state;
    command_write(world, "c.json", HEAD ", \"training\": {\"batch_size\": 0}}");
    assert_int_equal(command(world, "cnntrain config c.json"), 2);
    assert_starts_with(world->err, "error: c.json: training.batch_size: must be ");
    assert_contains(world->err, "got 0\n");
    assert_int_equal(command(world, "cnntrain config c.json --set training.batch_size=many"), 2);
    assert_contains(world->err, "got \"many\"\n");
    assert_int_equal(command(world, "cnntrain config lesson --set training.label_smoothing=2"), 2);
    assert_contains(world->err, "/lesson.json: training.label_smoothing: must be ");
}

/* Repeats are written out, and what is written out reads the same. */
static void repeats_are_written_out(void **state) {
    struct command_world *world = *state;
    command_write(
        world, "r.json",
        "{\"model\": [{\"repeat\": 2, \"layers\": [{\"type\": \"ReLU\"}, {\"type\": \"ELU\"}]}, \"Flatten\"]}");
    cJSON *json = command_json(world, "cnntrain config r.json --set model.0.layers.0.max_value=6");
    static const char *const types[] = {"ReLU", "ELU", "ReLU", "ELU", "Flatten"};
    const cJSON *layer = cJSON_GetObjectItem(json, "model")->child;
    for (int i = 0; i < 5; i++, layer = layer->next)
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(layer, "type")), types[i]);
    assert_null(layer);
    const cJSON *third = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "model"), 2);
    assert_true(cJSON_GetObjectItem(third, "max_value")->valuedouble == 6);
    cJSON_Delete(json);
}

/* What `config init` prints trains as it is. */
static void a_new_config(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain config init --blocks 2 --convs 2 --filters 4,8 --dense 16 --conv SeparableConv2D "
                            "--pool AveragePooling2D > new.json");
    command_succeeds(world, "cnntrain summary new.json --style keras3");
    assert_contains(world->out, "separable_conv2d_3");
    assert_contains(world->out, "average_pooling2d_1");
    assert_contains(world->out, "dense_1");
    assert_int_equal(command(world, "cnntrain train new.json --data synth:64,32 --epochs 1"), 0);
    cJSON *json = command_json(world, "cnntrain config init --filters 8 --blocks 3 --conv DepthwiseConv2D --classes 7");
    const cJSON *model = cJSON_GetObjectItem(json, "model");
    assert_int_equal(cJSON_GetObjectItem(model->child, "repeat")->valueint, 3);
    assert_int_equal(cJSON_GetArraySize(model), 3);
    cJSON_Delete(json);
    command_succeeds(world, "cnntrain config init --help");
    assert_contains(world->out, "\nUsage: cnntrain config init");
    command_fails(world, "cnntrain config init --filters 8,16 --blocks 3", 2,
                  "--filters: has 2 numbers for 3 blocks; give one for each block, or one for all");
    command_fails(world, "cnntrain config init --filters 8,x", 2,
                  "--filters: must be numbers from 1 to 1048576 with commas between, such as 32,64,128; got \"8,x\"");
    command_fails(world, "cnntrain config init --conv Flatten", 2,
                  "--conv: Flatten has no \"kernel_size\"; give it a convolution, such as Conv2D");
    command_fails(
        world, "cnntrain config init --pool MaxPooling1D", 2,
        "--pool: there is no layer \"MaxPooling1D\"; use MaxPooling2D with \"pool_size\": [1, k] on images of "
        "height 1");
    command_fails(world, "cnntrain config init --blocks 0", 2, "--blocks: must be 1 to 64, got 0");
    command_fails(
        world, "cnntrain config init --blocks 6 --filters 8", 2,
        "config-init: model[0].layers[1].pool_size: (2,2) is larger than the input (1,1,8); use a smaller one "
        "or \"padding\": \"same\"");
    command_fails(world, "cnntrain config init --data sinth", 2,
                  "config-init: data.source: unknown source \"sinth\"; did you mean \"synth\"?");
    command_fails(world, "cnntrain config init my.json", 2,
                  "my.json: one argument too many for cnntrain config init; see: cnntrain config init --help");
}

static void file_that_is_not_there(void **state) {
    struct command_world *world = *state;
    static const char *const lines[] = {"cnntrain --config nowhere.json", "cnntrain config nowhere.json",
                                        "cnntrain summary nowhere.json", "cnntrain gradcheck nowhere.json",
                                        "cnntrain experiments nowhere.json"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(command(world, "%s", lines[i]), 4);
        assert_starts_with(world->err, "error: nowhere.json: no such file, here or in /");
        assert_string_equal(world->out, "");
    }
    assert_int_equal(command(world, "cnntrain --config ."), 4);
    assert_string_equal(world->err,
                        "error: .: is a folder; name a JSON file, such as the config.json of a run's folder\n");
}

/* A program beside which two links lead to one folder of configs names it once. */
static void folders_that_are_one(void **state) {
    struct command_world *world = *state;
    command(world, "mkdir -p real bin && cp \"$(command -v cnntrain)\" bin/ && ln -s ../real bin/configs && "
                   "ln -s real configs && bin/cnntrain config absent.json");
    assert_int_equal(world->code, 4);
    const char *first = strstr(world->err, "/real");
    assert_non_null(first);
    assert_null(strstr(first + 1, "/real"));
}

static void model_that_cannot_be_built(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"input_shape\": [32,32,3], \"data\": {\"source\": \"synth\"}, \"model\": [{\"type\": \"Flatten\"}, "
         "{\"type\": "
         "\"Dense\", \"units\": 10}]}",
         "c.json: model[1].activation: must be \"softmax\" in the last layer, for the loss is a cross-entropy of "
         "probabilities"},
        {"{\"input_shape\": [32,32,3], \"data\": {\"source\": \"synth\"}, \"model\": [{\"type\": \"Flatten\"}, "
         "{\"type\": "
         "\"Dense\", \"units\": 7, \"activation\": \"softmax\"}]}",
         "c.json: model[1]: has 7 outputs, but the data have 10 classes; give it 10"},
        {"{\"input_shape\": [28,28,1], \"data\": {\"source\": \"synth\"}, \"model\": [{\"type\": \"Flatten\"}, "
         "{\"type\": "
         "\"Dense\", \"units\": 10, \"activation\": \"softmax\"}]}",
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        command_write(world, "c.json", cases[i].text);
        if (cases[i].message) command_fails(world, "cnntrain --config c.json --data synth:20,10", 2, cases[i].message);
    }
    assert_int_equal(command(world, "cnntrain --config c.json --data synth:20,10"), 2);
    assert_starts_with(world->err, "error: c.json: input_shape: ");
    assert_contains(world->err, "(28,28,1)");
    assert_contains(world->err, "(32,32,3)");
    /* Nothing is left of runs that never began. */
    assert_int_equal(command(world, "test ! -e runs || test -z \"$(ls runs)\""), 0);
}

static void config_without_data(void **state) {
    struct command_world *world = *state;
    command_write(world, "bare.json", HEAD "}");
    command_fails(world, "cnntrain --config bare.json", 2,
                  "bare.json: data: is missing; name a source here, or give --data SPEC");
    command_fails(world, "cnntrain summary bare.json", 2,
                  "bare.json: input_shape: is missing; give [height, width, channels], or data to take it from");
}

static void unknown_sources(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain --config sep_max --data svh:/x", 2,
                  "svh:/x: unknown data source; did you mean \"svhn:/x\"?");
    command_fails(world, "cnntrain --config sep_max --data /some/folder", 2,
                  "/some/folder: unknown data source; write SOURCE:PATH. `cnntrain data` lists the sources");
    command_fails(world, "cnntrain --config sep_max --data :x", 2,
                  ":x: is no data source; write SOURCE or SOURCE:PATH, such as synth or svhn:DIR");
}

static void resolved_config_reads_the_same(void **state) {
    struct command_world *world = *state;
    static const char *const names[] = {"lesson", "sep_max", "deep_conv_avg"};
    for (size_t i = 0; i < 3; i++) {
        command(world, "cnntrain config %s", names[i]);
        assert_string_equal(world->err, "");
        assert_int_equal(world->code, 0);
        char *first = strdup(world->out);
        command_write(world, "resolved.json", first);
        command_succeeds(world, "cnntrain config resolved.json");
        assert_string_equal(world->out, first);
        free(first);
    }
}

static void overrides_are_in_the_resolved_config(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain config sep_max --set training.optimizer=SGD --set model.0.filters=5 --set "
                            "training.label_smoothing=0.1 --data synth:64,32");
    assert_contains(world->out, "\"type\": \"SGD\"");
    assert_contains(world->out, "\"filters\": 5,");
    assert_contains(world->out, "\"label_smoothing\": 0.1,");
    assert_contains(world->out, "\"path\": \"64,32\"");
    command_fails(world, "cnntrain config bare.json --set model.0.typo=5", 2,
                  "bare.json: model[0].typo: unknown field; did you mean \"type\"?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_in_a_config),
        cmocka_unit_test(values_out_of_range),
        cmocka_unit_test(repeats_are_written_out),
        cmocka_unit_test(file_that_is_not_there),
        cmocka_unit_test(folders_that_are_one),
        cmocka_unit_test(model_that_cannot_be_built),
        cmocka_unit_test(config_without_data),
        cmocka_unit_test(unknown_sources),
        cmocka_unit_test(resolved_config_reads_the_same),
        cmocka_unit_test(overrides_are_in_the_resolved_config),
        cmocka_unit_test(a_new_config),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
