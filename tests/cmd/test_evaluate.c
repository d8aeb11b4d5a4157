/* evaluate: a trained model on its own data, on others, and on what does not fit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"

static void train_once(struct command_world *world) {
    if (command_has(world, "run")) return;
    command_succeeds(world, "cnntrain train dw_max --data synth:64,32 --set data.validation_split=0.25 --epochs 2 -q "
                            "--out run");
}

static void table_of_the_test_set(void **state) {
    struct command_world *world = *state;
    train_once(world);
    command_succeeds(world, "cnntrain evaluate run");
    assert_starts_with(world->out, "32 images: loss ");
    assert_contains(world->out, " % (95 % interval ");
    assert_contains(world->out, "\n\nclass  images  precision  recall      f1\n-----  ");
    command_succeeds(world, "cnntrain evaluate run | tail -n +3 | wc -l");
    assert_int_equal(atoi(world->out), 12);
}

static double number(const cJSON *json, const char *key) {
    return cJSON_GetNumberValue(cJSON_GetObjectItem(json, key));
}

static void json_agrees_with_the_run(void **state) {
    struct command_world *world = *state;
    train_once(world);
    command(world, "cat run/metrics.json");
    cJSON *metrics = cJSON_Parse(world->out), *json = command_json(world, "cnntrain evaluate run --json");
    assert_true(number(json, "images") == 32);
    assert_true(number(json, "accuracy") == number(metrics, "test_accuracy"));
    assert_true(fabs(number(json, "loss") - number(metrics, "test_loss")) < 1e-6);
    const cJSON *interval = cJSON_GetObjectItem(json, "interval");
    assert_true(cJSON_GetArrayItem(interval, 0)->valuedouble == number(metrics, "test_accuracy_low"));
    assert_true(cJSON_GetArrayItem(interval, 1)->valuedouble == number(metrics, "test_accuracy_high"));
    const cJSON *classes = cJSON_GetObjectItem(json, "classes");
    assert_int_equal(cJSON_GetArraySize(classes), 10);
    double images = 0;
    for (const cJSON *item = classes->child; item; item = item->next) images += number(item, "images");
    assert_true(images == 32);
    cJSON_Delete(json);
    cJSON_Delete(metrics);
}

static void splits_and_other_data(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *line, *start;
    } cases[] = {
        {"cnntrain evaluate run --split train", "48 images: "},
        {"cnntrain evaluate run --split validation", "16 images: "},
        {"cnntrain evaluate run --split test", "32 images: "},
        {"cnntrain evaluate run/best.safetensors --data synth:64,100", "100 images: "},
    };
    train_once(world);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        command_succeeds(world, cases[i].line);
        assert_starts_with(world->out, cases[i].start);
    }
}

static void data_that_do_not_fit(void **state) {
    struct command_world *world = *state;
    train_once(world);
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "small/test/%d/x.png", i % 2);
        command_write_picture(world, name, 16, 20, 3);
        snprintf(name, sizeof name, "small/train/%d/%d.png", i % 2, i);
        command_write_picture(world, name, 16, 20, 3);
    }
    command_fails(
        world, "cnntrain evaluate run --data folder:small", 3,
        "the images are (16,20,3), but the model takes (32,32,3); give data with such images, or train a model "
        "on these");
    command_fails(world,
                  "cnntrain train dw_max --data synth:20,10 --epochs 1 -q --out plain >/dev/null && "
                  "cnntrain evaluate plain --split validation",
                  3, "the data have no validation images; choose another --split, or other data");
}

static void mistakes(void **state) {
    struct command_world *world = *state;
    train_once(world);
    command_fails(world, "cnntrain evaluate run --split all", 2,
                  "--split: must be test, validation or train, got \"all\"");
    command_fails(
        world, "cnntrain evaluate nowhere", 4,
        "nowhere: no such model; name a run's folder, such as runs/sep_max, or a .safetensors, .keras or .h5 file");
    command_fails(world, "mkdir -p runs && cp -r run runs/mine && cnntrain evaluate mine", 4,
                  "mine: no such model; did you mean \"runs/mine\"?");
    command_fails(world, "mkdir -p empty && cnntrain evaluate empty", 4,
                  "empty: holds no last.safetensors; name a run's folder or a .safetensors, .keras or .h5 file");
    assert_int_equal(command(world, "cnntrain evaluate run/history.csv"), 3);
    assert_starts_with(world->err, "error: run/history.csv: is no safetensors file, or damaged: ");
    assert_int_equal(command(world, "head -c 3000 run/last.safetensors >cut.safetensors; "
                                    "cnntrain evaluate cut.safetensors"),
                     3);
    assert_starts_with(world->err, "error: cut.safetensors: ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_the_test_set),
        cmocka_unit_test(json_agrees_with_the_run),
        cmocka_unit_test(splits_and_other_data),
        cmocka_unit_test(data_that_do_not_fit),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
