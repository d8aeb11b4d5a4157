/* convert, and models of other programs in the place of one's own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "tests/support/command.h"

static int open_world(void **state) {
    if (command_open(state) != 0) return -1;
    struct command_world *world = *state;
    struct text line = {0};
    char *here = getcwd(NULL, 0);
    text_print(&line, "cp %s/tests/golden/exchange/* .", here);
    command_succeeds(world, line.bytes);
    free(here);
    text_free(&line);
    command_succeeds(world, "cnntrain train sep_max --data synth:64,32 --epochs 1 -q --out run >log");
    command_write_picture(world, "8.png", 8, 8, 3);
    command_write_picture(world, "6.png", 6, 6, 1);
    command_write_picture(world, "32.png", 32, 32, 3);
    return 0;
}

/* ---- what Keras saved ---- */

static void expect_probabilities(struct command_world *world, const char *line, const char *model) {
    char *text = command_read(world, "probabilities.json");
    cJSON *expected = cJSON_Parse(text), *json = command_json(world, line);
    const cJSON *numbers = cJSON_GetObjectItem(expected, model);
    const cJSON *guess = cJSON_GetObjectItem(json->child, "top")->child;
    assert_int_equal(cJSON_GetArraySize(numbers), cJSON_GetArraySize(cJSON_GetObjectItem(json->child, "top")));
    for (; guess; guess = guess->next) {
        const double wanted =
            cJSON_GetArrayItem(numbers, atoi(cJSON_GetObjectItem(guess, "label")->valuestring))->valuedouble;
        assert_true(fabs(cJSON_GetObjectItem(guess, "probability")->valuedouble - wanted) < 1e-5);
    }
    cJSON_Delete(json);
    cJSON_Delete(expected);
    free(text);
}

static void predictions_are_keras(void **state) {
    struct command_world *world = *state;
    expect_probabilities(world, "cnntrain predict -q mixed.keras 8.png --top 5 --json", "mixed");
    expect_probabilities(world, "cnntrain predict -q mixed.h5 8.png --top 5 --json", "mixed");
    expect_probabilities(world, "cnntrain predict -q counted.keras 6.png --top 3 --json", "counted");
    expect_probabilities(world, "cnntrain predict -q counted.h5 6.png --top 3 --json", "counted");
    expect_probabilities(world, "cnntrain predict -q keras2.h5 6.png --top 3 --json", "counted");
}

static void wherever_a_model_is(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain summary mixed.keras");
    assert_contains(world->out, " first (SeparableConv2D) ");
    command(world, "cnntrain predict counted.keras 6.png");
    assert_string_equal(world->err,
                        "note: counted.keras does not say how its images were prepared: pixels are fed as 0 "
                        "to 1\n");
    command_succeeds(world, "cnntrain convert run whole.keras -q && cnntrain evaluate whole.keras --data synth:64,32");
    command_succeeds(world, "cnntrain evaluate run >a; cnntrain evaluate whole.keras >b; cmp a b");
    command_fails(world, "cnntrain evaluate mixed.keras", 2,
                  "mixed.keras: data: is missing; name a source here, or give --data SPEC");
    command_fails(world, "cnntrain summary keras2-weights.h5", 3,
                  "keras2-weights.h5: holds weights without the layers that they belong to; use it with train --config "
                  "FILE --weights");
}

/* State dicts that PyTorch saved, the modules called by number or by what they are. */
static void weights_of_pytorch(void **state) {
    struct command_world *world = *state;
    static const char config[] =
        "{\"data\": {\"source\": \"synth\", \"train\": 20, \"test\": 10, \"resize\": 8}, \"model\": ["
        "{\"type\": \"Conv2D\", \"filters\": 4, \"kernel_size\": 3, \"padding\": \"same\", \"activation\": \"relu\"}, "
        "\"MaxPooling2D\", {\"type\": \"Conv2D\", \"filters\": 6, \"kernel_size\": 3, \"groups\": 2, \"use_bias\": "
        "false}, "
        "{\"type\": \"BatchNormalization\", \"trainable\": false}, \"ReLU\", \"Flatten\", "
        "{\"type\": \"Dense\", \"units\": 10, \"activation\": \"softmax\"}], "
        "\"training\": {\"epochs\": 1, \"optimizer\": {\"type\": \"SGD\", \"learning_rate\": 0}}}";
    static const char *const files[][2] = {{"torch-sequential", "the names"}, {"torch-named", "the order and shapes"}};
    command_write(world, "torch.json", config);
    for (size_t i = 0; i < 2; i++) {
        struct text said = {0};
        text_print(&said, "%s.safetensors: weights of PyTorch, taken by %s of their modules", files[i][0], files[i][1]);
        command(world, "cnntrain train torch.json --weights %s.safetensors --out %s", files[i][0], files[i][0]);
        assert_int_equal(world->code, 0);
        assert_contains(world->err, said.bytes);
        if (i == 1) assert_contains(world->err, "module 3 of the model from features.3\n");
        text_free(&said);
        said = (struct text){0};
        text_print(&said, "cnntrain predict -q %s 8.png --top 10 --json", files[i][0]);
        expect_probabilities(world, said.bytes, "torch");
        text_free(&said);
    }
    command_fails(
        world, "cnntrain train torch.json --weights torch-named.safetensors --set model.2.groups=1", 3,
        "torch-named.safetensors: is a state dict of PyTorch without a module for \"3.weight\" of the model, whose "
        "first tensor has the shape (6,4,3,3); describe the same network, layer for layer");
    command_fails(
        world,
        "cnntrain train torch.json --weights torch-named.safetensors --set "
        "'model.2={\"type\": \"Reshape\", \"target_shape\": [16, 4]}'",
        2,
        "torch-named.safetensors: is a state dict of PyTorch, but no module of PyTorch stands for the model's "
        "layer \"batch_normalization\"; give the weights in Keras' layout");
    command_fails(world, "cnntrain train torch.json --weights torch-named.safetensors --set 'model.3=\"ReLU\"'", 3,
                  "torch-named.safetensors: is a state dict of PyTorch whose module \"features.4\" has no place in the "
                  "model; describe the same network, layer for layer");
}

/* ---- what is written ---- */

static void every_form_is_the_same_model(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain predict run 32.png --top 10 >wanted");
    static const char *const endings[] = {"keras", "h5", "safetensors"};
    for (size_t i = 0; i < 3; i++) {
        command(world, "cnntrain convert run m.%s && cnntrain predict m.%s 32.png --top 10 | cmp - wanted", endings[i],
                endings[i]);
        assert_string_equal(world->err, "");
        assert_int_equal(world->code, 0);
        assert_contains(world->out, "\ninput: images (32,32,3) of pixel * 0.00392156886\n");
    }
    /* The same model is the same file, with the names of the layers spelled out from the first time on. */
    command_succeeds(world, "cnntrain convert m.keras n.keras -q && cnntrain convert n.keras o.keras -q && "
                            "cmp n.keras o.keras");
    command_succeeds(world, "cnntrain convert run w.weights.h5 -q && cnntrain train sep_max --data synth:64,32 "
                            "--epochs 1 -q --weights w.weights.h5 --out again >log");
}

static void layers_alone(void **state) {
    struct command_world *world = *state;
    command_succeeds(world,
                     "cnntrain convert sep_max s.json -q && cnntrain convert run r.json -q && cmp s.json r.json");
    command_succeeds(world, "cnntrain summary sep_max >a; cnntrain summary s.json >b; cmp a b");
    command_succeeds(world, "cnntrain convert sep_max s.py -q && cnntrain convert run r.py -q && cmp s.py r.py");
    char *script = command_read(world, "s.py");
    assert_starts_with(script,
                       "# A network for PyTorch, untrained. Images are float32 (n, 3, 32, 32), channels first.\n"
                       "from torch import nn\n\nmodel = nn.Sequential(\n    nn.Conv2d(3, 3, (3, 3), groups=3, ");
    assert_contains(script, "    nn.Softmax(dim=1),  # 6: output\n)\n");
    free(script);
    command_succeeds(world, "cnntrain convert sep_max s.py --logits -q && ! grep Softmax s.py");
    command_fails(world, "cnntrain convert sep_max s.keras", 2,
                  "sep_max: is a config, which has no weights; train it, then convert the run");
}

static void torch_layout(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain convert run t.safetensors --layout torch");
    assert_contains(world->out, "\nt.py: the nn.Sequential that takes these weights\n");
    assert_contains(world->out, "input: images (3,32,32) of ");
    char *script = command_read(world, "t.py");
    assert_contains(script, "\n    nn.Linear(7200, 10),  # 5: dense\n");
    assert_contains(script, "with_name(\"t.safetensors\")");
    free(script);
    command_fails(world, "cnntrain predict t.safetensors 32.png", 3,
                  "t.safetensors: holds weights without the layers that they belong to; use it with train --config "
                  "FILE --weights");
    command_succeeds(world,
                     "cnntrain train sep_max --data synth:64,32 --epochs 1 --weights t.safetensors -q --out back --set "
                     "'training.optimizer={\"type\": \"SGD\", \"learning_rate\": 0}'");
    command_succeeds(world,
                     "cnntrain predict run 32.png --top 10 >a; cnntrain predict back 32.png --top 10 >b; cmp a b");
}

static void what_is_printed(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain convert run m.keras -q");
    assert_string_equal(world->out, "");
    cJSON *json = command_json(world, "cnntrain convert run elsewhere --format keras --json");
    assert_string_equal(cJSON_GetObjectItem(json, "file")->valuestring, "elsewhere");
    assert_string_equal(cJSON_GetObjectItem(json, "format")->valuestring, "keras");
    assert_true(cJSON_GetObjectItem(json, "bytes")->valuedouble > 280000);
    cJSON_Delete(json);
    command_succeeds(world, "cnntrain predict run 32.png >a; cp elsewhere e.keras; cnntrain predict e.keras 32.png >b; "
                            "cmp a b");
}

static void what_cannot_be_asked(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command(world, "cnntrain convert run m.foo"), 2);
    assert_starts_with(world->err, "error: m.foo: has no ending that says the format; known are .keras, .weights.h5, ");
    assert_int_equal(command(world, "cnntrain convert run m.keras --format foo"), 2);
    assert_starts_with(world->err, "error: --format: must be one of keras, keras-weights, ");
    command_fails(world, "cnntrain convert run m.safetensors --layout tf", 2,
                  "--layout: must be keras or torch, got \"tf\"");
    command_fails(world, "cnntrain convert run m.keras --layout torch", 2,
                  "--layout torch: does not go with the format keras, only with safetensors; leave it out");
    command_fails(world, "cnntrain convert run .", 4, ".: is a folder; name a file in it");
    command_fails(world, "mkfifo pipe; cnntrain convert run pipe --format onnx", 4,
                  "pipe: is a device or a pipe, in whose place the file would come; name a file");
    command_fails(world, "cnntrain convert run m.c --nchw", 2,
                  "--nchw: does not go with the format c, only with onnx; leave it out");
    command_fails(world, "cp run/last.safetensors l.safetensors; cnntrain convert l.safetensors l.safetensors", 2,
                  "l.safetensors: is the model itself; give the result another name");
    command_fails(world, "cnntrain convert run", 2,
                  "cnntrain convert needs a model and the file to write; see: cnntrain convert --help");
    command_fails(world, "cnntrain convert none.keras m.keras", 4,
                  "none.keras: no such model; name a run's folder, such as runs/sep_max, or a .safetensors, .keras or "
                  ".h5 file");
    assert_int_equal(command(world, "cnntrain convert run none/m.keras"), 4);
}

/* ---- files that are none ---- */

static void damaged_files(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "head -c 20000 mixed.keras >cut.keras; head -c 20000 mixed.h5 >cut.h5; "
                            "printf 'PK\\003\\004' >short.keras; : >empty.keras; cp 8.png picture.keras");
    static const char *const names[] = {"cut.keras", "cut.h5", "short.keras", "empty.keras", "picture.keras"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        command(world, "cnntrain summary %s", names[i]);
        assert_int_equal(world->code, 3);
        assert_contains(world->err, names[i]);
    }
    command_fails(world, "cnntrain summary picture.keras", 3,
                  "picture.keras: is not what its ending says, a file of the format keras; save or copy it again");
    command_fails(world, "cnntrain summary cut.h5", 3,
                  "cut.h5: cannot be read: the file is damaged; save or copy it again");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_keras), cmocka_unit_test(wherever_a_model_is),
        cmocka_unit_test(weights_of_pytorch),    cmocka_unit_test(every_form_is_the_same_model),
        cmocka_unit_test(layers_alone),          cmocka_unit_test(torch_layout),
        cmocka_unit_test(what_is_printed),       cmocka_unit_test(what_cannot_be_asked),
        cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests(tests, open_world, command_close);
}
