/* data: what is in a data set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"

static void sources_are_listed(void **state) {
    struct command_world *world = *state;
    static const char *const names[] = {"synth",         "svhn:PATH",   "cifar10:PATH", "cifar100:PATH", "idx:PATH",
                                        "fashion-mnist", "folder:PATH", "csv:PATH",     "npy:PATH"};
    command_succeeds(world, "cnntrain data");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n  %s ", names[i]);
        assert_contains(world->out, line);
    }
    cJSON *json = command_json(world, "cnntrain data --json");
    assert_int_equal(cJSON_GetArraySize(json), 9);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json->child, "name")), "synth");
    cJSON_Delete(json);
}

static void counts_shape_and_classes(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain data synth:30,20");
    assert_starts_with(world->out, "images: 32 x 32 x 3 (height x width x channels), bytes\ntrain: 30 images; mean 0.");
    assert_contains(world->out, " by channel, bytes as 0 to 1\ntest: 20 images; ");
    assert_contains(world->out, "\n\nclass  train  test\n-----  -----  ----\n0  ");
}

static void json_adds_up(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain data synth:30,20 --json");
    assert_int_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(json, "shape"), 2)->valueint, 3);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "type")), "uint8");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "classes")), 10);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "validation")));
    const cJSON *train = cJSON_GetObjectItem(json, "train");
    int sum = 0;
    for (const cJSON *item = cJSON_GetObjectItem(train, "class_counts")->child; item; item = item->next)
        sum += item->valueint;
    assert_int_equal(sum, 30);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(train, "mean")), 3);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(train, "std")), 3);
    cJSON_Delete(json);
}

/* The sheet is a file beside what is printed anyway; its name may follow, or not. */
static void contact_sheet(void **state) {
    struct command_world *world = *state;
    command_write(world, "augmented.json",
                  "{\"data\": {\"source\": \"synth\", \"augment\": [{\"type\": \"RandomFlip\"}]}, \"model\": []}");
    command_write(world, "plain.json", "{\"data\": {\"source\": \"synth\"}, \"model\": []}");
    command_succeeds(world,
                     "cnntrain data synth:30,20 -q >plain.txt; cnntrain data synth:30,20 --sheet -q | cmp - plain.txt "
                     "&& cmp synth-sheet.png synth-sheet.png");
    command_succeeds(world, "cnntrain data -q --sheet synth:30,20 | cmp - plain.txt");
    command_succeeds(world, "cnntrain data -q synth:30,20 --sheet a.png >/dev/null; cmp a.png synth-sheet.png");
    command_succeeds(world, "cnntrain data -q --sheet b.png synth:30,20 --split test >/dev/null; ! cmp -s a.png b.png");
    command_succeeds(world,
                     "cnntrain data -q --sheet=c.png synth:30,20 --per-class 3 >/dev/null; ! cmp -s a.png c.png");
    command_succeeds(
        world, "cnntrain data -q --config augmented.json --sheet d.png >/dev/null; "
               "cnntrain data -q --config augmented.json --sheet e.png --augmented >/dev/null; ! cmp -s d.png e.png");
    assert_int_equal(command(world, "cnntrain data synth:30,20 --sheet >/dev/null"), 0);
    assert_starts_with(world->err, "The contact sheet is synth-sheet.png (");
}

static void contact_sheet_mistakes(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain data synth:30 --sheet x.gif", 2,
                  "--sheet: must be a file ending in .png, got \"x.gif\"");
    command_fails(world, "cnntrain data synth:30 --sheet --per-class 0", 2, "--per-class: must be 1 to 256, got 0");
    command_fails(world, "cnntrain data synth:30 --augmented", 2,
                  "--sheet: is missing; --split, --per-class and --augmented go with it: add --sheet FILE.png, or "
                  "leave them out");
    assert_int_equal(command(world, "cnntrain data --config plain.json --sheet --augmented"), 2);
    assert_string_equal(world->err,
                        "error: --augmented: needs a config whose data section has \"augment\"; give it with "
                        "--config\n");
    assert_int_equal(command(world, "cnntrain data synth:30 --sheet nowhere/s.png"), 4);
    assert_starts_with(world->err, "error: nowhere/s.png: cannot ");
}

/* Two pictures of known bytes: the figures are exact. */
static void moments_of_a_folder(void **state) {
    struct command_world *world = *state;
    command_write_picture(world, "pictures/cat/1.png", 8, 8, 1);
    command_write_picture(world, "pictures/dog/1.png", 8, 8, 1);
    cJSON *json = command_json(world, "cnntrain data folder:pictures --json");
    double sum = 0, squares = 0;
    for (int i = 0; i < 64; i++) {
        double value = (unsigned char)(i * 7 + i / 8 * 3) / 255.0;
        sum += value / 64;
        squares += value * value / 64;
    }
    const cJSON *train = cJSON_GetObjectItem(json, "train");
    double mean = cJSON_GetArrayItem(cJSON_GetObjectItem(train, "mean"), 0)->valuedouble;
    double deviation = cJSON_GetArrayItem(cJSON_GetObjectItem(train, "std"), 0)->valuedouble;
    assert_true(mean > sum - 1e-12 && mean < sum + 1e-12);
    assert_true(deviation * deviation > squares - sum * sum - 1e-12);
    assert_true(deviation * deviation < squares - sum * sum + 1e-12);
    assert_string_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(json, "classes"), 1)->valuestring, "dog");
    cJSON_Delete(json);
}

static void data_of_a_config(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain data --config conv_max");
    assert_starts_with(world->out, "images: 32 x 32 x 3");
    command_write(world, "bare.json", "{\"model\": []}");
    command_fails(world, "cnntrain data --config bare.json", 2,
                  "bare.json: data: is missing; name a source here, or give --data SPEC");
}

static void mistakes(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain data sinth", 2, "sinth: unknown data source; did you mean \"synth\"?");
    command_fails(world, "cnntrain data pictures", 2,
                  "pictures: unknown data source; write SOURCE:PATH. `cnntrain data` lists the sources");
    assert_int_equal(command(world, "cnntrain data svhn"), 2);
    assert_contains(world->err, "data.path: is missing; svhn needs a folder with train_32x32.mat");
    assert_int_equal(command(world, "cnntrain data svhn:nowhere"), 4);
    assert_starts_with(
        world->err, "error: nowhere: is not there, nor is CNNTRAIN_DATA set to a folder that has it; check the name\n");
    command_fails(world, "cnntrain data svhn:", 2, "data.path: is empty; name a file or a folder");
    command_fails(world, "cnntrain data npy:,b.npy", 2, "data.path: is empty; name a file or a folder");
    assert_int_equal(command(world, "mkdir -p none && cnntrain data cifar10:none"), 3);
    assert_contains(world->err, "/none: holds no data_batch_*.bin; name the folder of CIFAR-10's binary version");
    assert_int_equal(command(world, "cnntrain data npy:a.npy,b.npy"), 4);
    assert_starts_with(world->err, "error: a.npy");
}

/* ---- real data ---- */

static void real_data(void **state, const char *spec, const char *start) {
    struct command_world *world = *state;
    const char *folder = getenv("REAL_DATA");
    if (!folder) skip();
    command(world, "cnntrain data %s", spec);
    assert_string_equal(world->err, "");
    assert_starts_with(world->out, start);
    assert_int_equal(world->code, 0);
}

static void svhn(void **state) {
    real_data(state, "svhn:$REAL_DATA/svhn",
              "images: 32 x 32 x 3 (height x width x channels), bytes\ntrain: 801 images;");
}

static void cifar10(void **state) {
    real_data(state, "cifar10:$REAL_DATA/cifar10",
              "images: 32 x 32 x 3 (height x width x channels), bytes\ntrain: 4660 images;");
}

static void cifar100(void **state) {
    real_data(state, "cifar100:$REAL_DATA/cifar100",
              "images: 32 x 32 x 3 (height x width x channels), bytes\ntrain: 540 images;");
}

/* CNNTRAIN_DATA is the folder behind relative paths. */
static void relative_to_the_data_folder(void **state) {
    real_data(state, "--config conv_max >/dev/null && CNNTRAIN_DATA=$REAL_DATA cnntrain data svhn:svhn",
              "images: 32 x 32 x 3 (height x width x channels), bytes\ntrain: 801 images;");
}

static void truncated_archive(void **state) {
    struct command_world *world = *state;
    if (!getenv("REAL_DATA")) skip();
    assert_int_equal(command(world, "cnntrain data svhn:$REAL_DATA/svhn/truncated_32x32.mat"), 3);
    assert_contains(world->err, "/truncated_32x32.mat: is truncated: ");
    assert_contains(world->err, "fetch the file again\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_are_listed),
        cmocka_unit_test(counts_shape_and_classes),
        cmocka_unit_test(json_adds_up),
        cmocka_unit_test(contact_sheet),
        cmocka_unit_test(contact_sheet_mistakes),
        cmocka_unit_test(moments_of_a_folder),
        cmocka_unit_test(data_of_a_config),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(svhn),
        cmocka_unit_test(cifar10),
        cmocka_unit_test(cifar100),
        cmocka_unit_test(relative_to_the_data_folder),
        cmocka_unit_test(truncated_archive),
    };
    const char *real = getenv("CNNTRAIN_DATA"); /* the world's environment is without it */
    if (real && *real) setenv("REAL_DATA", real, 1);
    return cmocka_run_group_tests(tests, command_open, command_close);
}
