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
    assert_string_equal(world->err, "error: .: is a folder; a JSON file is needed\n");
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
         "c.json: model[1]: has 7 outputs, but the data has 10 classes; give it 10"},
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
    assert_int_equal(command(world, "ls runs 2>/dev/null"), command(world, "test ! -e runs || test -z \"$(ls runs)\""));
    assert_int_equal(world->code, 0);
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
        cmocka_unit_test(file_that_is_not_there),
        cmocka_unit_test(model_that_cannot_be_built),
        cmocka_unit_test(config_without_data),
        cmocka_unit_test(unknown_sources),
        cmocka_unit_test(resolved_config_reads_the_same),
        cmocka_unit_test(overrides_are_in_the_resolved_config),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
