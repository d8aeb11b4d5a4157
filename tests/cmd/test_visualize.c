/* visualize: pictures of a model, as files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image.h"
#include "tests/support/command.h"

static int open_world(void **state) {
    if (command_open(state) != 0) return -1;
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train conv_max --data synth:64,32 --epochs 1 -q --out runs/first");
    command_write_picture(world, "a.png", 40, 50, 3);
    command_write_picture(world, "grey.png", 1, 1, 1);
    command_write(
        world, "plain.json",
        "{\"input_shape\": [12, 10, 1], \"model\": [{\"type\": \"Conv2D\", \"filters\": 2, \"kernel_size\": 3}]}");
    return 0;
}

/* The picture is there, and of about this size. */
static void expect_picture(struct command_world *world, const char *name, int least, int most) {
    struct error error = {0};
    struct image image = {0};
    char *path = expect_path(world->folder, name);
    assert_int_equal(image_read(path, &image, &error), 0);
    expect_no_error(&error);
    assert_int_equal(image.channels, 3);
    assert_in_range(image.width, least, most);
    assert_in_range(image.height, 100, most);
    image_free(&image);
    free(path);
}

static void every_view_at_once(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain visualize runs/first --kernels --features a.png --mistakes --saliency test:3 "
                            "--occlusion test:3 --out pictures/first");
    assert_starts_with(world->out, "pictures/first/first-kernels.png: ");
    static const char *const views[] = {"kernels", "features", "mistakes", "saliency", "occlusion"};
    for (size_t i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "pictures/first/first-%s.png", views[i]);
        expect_picture(world, name, 300, 4000);
    }
}

/* Here by default, under the name of the run or of the config. */
static void names_of_files(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain visualize runs/first/ --kernels | cut -d : -f 1");
    assert_string_equal(world->out, "first-kernels.png\n");
    command_succeeds(world, "cnntrain visualize runs/first/last.safetensors --kernels | cut -d : -f 1");
    assert_string_equal(world->out, "conv_max-kernels.png\n");
    command_succeeds(world, "cd runs/first && cnntrain visualize . --kernels | cut -d : -f 1");
    assert_string_equal(world->out, "conv_max-kernels.png\n");
    command_succeeds(world, "cnntrain visualize plain.json --kernels --out k.png | cut -d : -f 1");
    assert_string_equal(world->out, "k.png\n");
    command_fails(world, "cnntrain visualize runs/first --kernels --mistakes --out k.png", 2,
                  "--out: is one file, but 2 pictures are asked for; name a folder");
}

/* The same bytes whatever the threads; another class, scale or image is another picture. */
static void same_bytes(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "for t in 1 3; do cnntrain visualize runs/first --kernels --features test:1 --mistakes "
                            "--saliency test:1 --occlusion test:1 --out threads$t --threads $t >/dev/null; done; "
                            "diff -r threads1 threads3");
    command_succeeds(world,
                     "v() { cnntrain visualize runs/first \"$@\" --out same.png >/dev/null; cksum <same.png; }; "
                     "{ v --saliency test:1 --class 2; v --saliency test:1 --class 3; v --saliency test:2 --class 2; "
                     "v --kernels; v --kernels --scale shared; v --features test:1; v --features test:1 --maps 5; "
                     "v --features test:1 --scale shared; v --mistakes --count 3; v --mistakes --split train; "
                     "v --occlusion test:1 --class 2; v --occlusion test:1 --class 2 --patch 3 --stride 3; "
                     "v --saliency a.png --resize crop; v --saliency a.png --resize fit; v --saliency a.png; } | "
                     "sort -u | wc -l");
    assert_int_equal(atoi(world->out), 15);
}

static void json_tells_the_parts(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain visualize runs/first --features test:0 --kernels --json --out j");
    assert_int_equal(cJSON_GetArraySize(json), 2);
    const cJSON *features = cJSON_GetArrayItem(json, 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(features, "view")), "features");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(features, "file")), "j/first-features.png");
    assert_true(cJSON_GetObjectItem(features, "width")->valueint > 300);
    const cJSON *first = cJSON_GetObjectItem(features, "parts")->child;
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(first, "title")), "input (32,32,3)");
    assert_starts_with(cJSON_GetStringValue(cJSON_GetObjectItem(first->next, "title")), "conv2d: Conv2D (");
    cJSON_Delete(json);
}

/* A config's model as it is before training: no data are needed for a picture from a file. */
static void untrained(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain visualize plain.json --features grey.png --kernels");
    expect_picture(world, "plain-features.png", 100, 1000);
    command_succeeds(world, "cnntrain visualize conv_max --features a.png --data cifar10:nowhere");
    command_succeeds(world, "cnntrain visualize conv_max --features test:2 --data synth:10,5 --set "
                            "data.normalize=standardize --saliency test:2");
    command_fails(world, "cnntrain visualize plain.json --features test:0", 2,
                  "plain.json: data: is missing; name a source here, or give --data SPEC");
    command_fails(
        world, "cnntrain visualize plain.json --saliency grey.png", 3,
        "plain.json: puts out (10,8,2), not a number for each class; --features shows what it makes of an image");
    command_fails(world, "cnntrain visualize conv_max --mistakes --data synth:10,5", 2,
                  "--mistakes: needs a trained model; conv_max is a config, whose model guesses");
}

static void mistakes_of_the_user(void **state) {
    struct command_world *world = *state;
    const struct {
        const char *arguments;
        int code;
        const char *message;
    } cases[] = {
        {"runs/first", 2,
         "nothing to show; give --kernels, --features IMAGE, --mistakes, --saliency IMAGE or --occlusion IMAGE"},
        {"runs/first --kernels --scale both", 2, "--scale: must be kernel or shared, got \"both\""},
        {"runs/first --kernels --maps 0", 2, "--maps: must be 1 to 1024, got 0"},
        {"runs/first --mistakes --count 0", 2, "--count: must be 1 to 1024, got 0"},
        {"runs/first --mistakes --split all", 2, "--split: must be test, validation or train, got \"all\""},
        {"runs/first --mistakes --split validation", 3,
         "the data have no validation images; choose another --split, or other data"},
        {"runs/first --features test:32", 2, "--features: must be test:0 to test:31, got \"test:32\""},
        {"runs/first --features test:99999999999999999999", 2,
         "--features: must be test:0 to test:31, got \"test:99999999999999999999\""},
        {"runs/first --features test:x", 4, "test:x: cannot open the file: No such file or directory"},
        {"runs/first --saliency test:1 --class 10", 2,
         "--class: \"10\" is no class; give a name or a number from 0 to 9"},
        {"runs/first --saliency test:1 --class cat", 2,
         "--class: \"cat\" is no class; give a name or a number from 0 to 9"},
        {"runs/first --occlusion test:1 --patch 33", 2, "--patch: must be 1 to 32, got 33"},
        {"runs/first --occlusion test:1 --patch 4 --stride 5", 2, "--stride: must be 1 to 4, got 5"},
        {"runs/first --kernels --set seed=3", 2, "runs/first: is a trained model; --set is for configs"},
        {"runs/first --kernels --out grey.png/x.png", 4,
         "grey.png/x.png: there is no folder grey.png to write it in; create it"},
        {"nowhere.safetensors --kernels", 4,
         "nowhere.safetensors: no such model; name a run's folder, such as runs/sep_max, or a .safetensors, .keras or "
         ".h5 file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[256];
        snprintf(line, sizeof line, "cnntrain visualize %s", cases[i].arguments);
        command_fails(world, line, cases[i].code, cases[i].message);
    }
}

/* Weights that are no numbers: features and kernels are shown as they are, the rest says why it cannot. */
static void broken_weights(void **state) {
    struct command_world *world = *state;
    command_write(
        world, "broken.json",
        "{\"input_shape\": [8, 8, 1], \"model\": [{\"type\": \"Conv2D\", \"filters\": 2, \"kernel_size\": 3, "
        "\"kernel_initializer\": {\"type\": \"Constant\", \"value\": 3e38}}, {\"type\": \"Flatten\"}, {\"type\": "
        "\"Dense\", \"units\": 3, \"activation\": \"softmax\"}]}");
    command_succeeds(world, "cnntrain visualize broken.json --features a.png --kernels");
    command_fails(world, "cnntrain visualize broken.json --saliency a.png", 5,
                  "broken.json: the output for this image is not finite, first in the layer conv2d; --features shows "
                  "where");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_at_once), cmocka_unit_test(names_of_files),
        cmocka_unit_test(same_bytes),         cmocka_unit_test(json_tells_the_parts),
        cmocka_unit_test(untrained),          cmocka_unit_test(mistakes_of_the_user),
        cmocka_unit_test(broken_weights),
    };
    return cmocka_run_group_tests(tests, open_world, command_close);
}
