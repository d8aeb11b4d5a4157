/* init: data sets recognized by their files, and configs that run at once; data --export, which makes such a set. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"

/* What `cnntrain config` makes of the file that init wrote. */
static cJSON *resolved(struct command_world *world, const char *file) {
    command(world, "cnntrain config %s --json", file);
    if (world->code != 0) fail_msg("%s: %s", file, world->err);
    cJSON *json = cJSON_Parse(world->out);
    assert_non_null(json);
    return json;
}

static const char *string_of(const cJSON *json, const char *section, const char *key) {
    const cJSON *value = cJSON_GetObjectItem(section ? cJSON_GetObjectItem(json, section) : json, key);
    return cJSON_IsString(value) ? value->valuestring : "";
}

static double number_of(const cJSON *json, const char *section, const char *key) {
    return cJSON_GetNumberValue(cJSON_GetObjectItem(section ? cJSON_GetObjectItem(json, section) : json, key));
}

static void a_folder_of_pictures(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain data synth:120,40 --export digits");
    assert_string_equal(world->out, "Wrote 160 pictures of 10 classes to digits; read them as folder:digits\n");
    command_succeeds(world, "cnntrain init digits");
    assert_starts_with(world->out, "Found folder: pictures in a folder for each class\n"
                                   "120 training and 40 test images of 32 x 32 x 3, 10 classes\n"
                                   "Wrote digits.jsonc. Next:\n\n  cnntrain summary digits.jsonc ");
    cJSON *json = resolved(world, "digits.jsonc");
    assert_string_equal(string_of(json, NULL, "name"), "digits");
    assert_string_equal(string_of(json, "data", "source"), "folder");
    assert_string_equal(string_of(json, "data", "path"), "digits");
    assert_float_equal(number_of(json, "data", "validation_split"), 0.2, 0);
    assert_float_equal(number_of(json, "training", "batch_size"), 32, 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "model")), 9); /* three blocks, and the end */
    cJSON_Delete(json);
    char *text = command_read(world, "digits.jsonc");
    assert_contains(text, "/schema.json\",\n");
    assert_contains(text, ": 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n");
    free(text);
    command(world, "cnntrain train --config digits.jsonc --epochs 1 -q");
    assert_int_equal(world->code, 0);
    assert_true(command_has(world, "runs/digits/metrics.json"));
}

/* The pictures are what they were. */
static void export_loses_nothing(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain data synth:60,20");
    char *before = strdup(world->out);
    command_succeeds(world, "cnntrain data synth:60,20 --export same -q && cnntrain data folder:same");
    assert_string_equal(world->out, before);
    free(before);
    command_fails(world, "cnntrain data synth:60,20 --export same", 2,
                  "same: is not empty; --export needs a new folder");
    command_write(world, "file", "");
    command_fails(world, "cnntrain data synth:60,20 --export file", 2, "file: is a file; --export needs a new folder");
    command_fails(world, "cnntrain data --export new", 2, "--export: needs the data: a SPEC, or --config FILE");
    assert_int_equal(command(world, "cnntrain data synth:60,20 --export file/new"), 4);
}

static void pictures_of_many_sizes(void **state) {
    struct command_world *world = *state;
    command(world, "mkdir -p mixed/cats mixed/dogs");
    command_write_picture(world, "mixed/cats/a.png", 120, 300, 3);
    command_write_picture(world, "mixed/cats/b.png", 40, 90, 1);
    command_write_picture(world, "mixed/dogs/c.png", 200, 100, 4);
    command_succeeds(world, "cnntrain init mixed --json");
    assert_contains(world->out, "\"input_shape\": [64, 64, 3]");
    cJSON *json = resolved(world, "mixed.jsonc");
    assert_string_equal(string_of(json, "data", "color"), "rgb");
    assert_float_equal(number_of(json, "data", "validation_split"), 0, 0); /* three pictures */
    cJSON_Delete(json);
    char *text = command_read(world, "mixed.jsonc");
    assert_contains(text, "    // The pictures are 40 to 200 pixels high and 90 to 300 wide. ");
    assert_contains(text, "  // 2 classes with 1 to 2 training images each: cats, dogs\n");
    free(text);
    command(world, "cnntrain train --config mixed.jsonc --epochs 1 -q");
    assert_int_equal(world->code, 0);
}

/* Large pictures that are alike keep their proportions; small and gray ones stay as they are. */
static void pictures_of_one_size(void **state) {
    struct command_world *world = *state;
    command(world, "mkdir -p large/train/a large/train/b tiny/a tiny/b");
    command_write_picture(world, "large/train/a/1.png", 240, 320, 3);
    command_write_picture(world, "large/train/b/2.png", 240, 320, 3);
    command_write_picture(world, "tiny/a/1.png", 5, 4, 1);
    command_write_picture(world, "tiny/b/2.png", 5, 4, 1);
    command_succeeds(world, "cnntrain init large --json");
    assert_contains(world->out, "\"input_shape\": [48, 64, 3]");
    command_succeeds(world, "cnntrain init tiny --json");
    assert_contains(world->out, "\"input_shape\": [5, 4, 1]");
    command_succeeds(world, "cnntrain summary tiny.jsonc");
    assert_lacks(world->out, "MaxPooling2D");
}

static void other_files(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *files, *source, *place;
    } rows[] = {
        {"train_32x32.mat", "svhn", "place"},
        {"data_batch_1.bin", "cifar10", "place"},
        {"cifar-100-binary/train.bin", "cifar100", "place"},
        {"train-images-idx3-ubyte.gz", "idx", "place"},
        {"x_train.npy", "npy", "place"},
        {"images.npy place/labels.npy", "npy", "place"},
        {"list.csv", "csv", "place"},
        {"list.csv", "csv", "place/list.csv"},
        {"cats/1.JPG", "folder", "place"},
        {"train/cats/1.bmp", "folder", "place"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) { /* recognized, then found empty */
        command(world, "rm -rf place && mkdir -p place/$(dirname %s | head -n 1) && touch place/%s && cnntrain init %s",
                rows[i].files, rows[i].files, rows[i].place);
        assert_in_range(world->code, 3, 4);
        assert_lacks(world->err, "no data set that is known");
        command(world, "cnntrain data %s:%s", rows[i].source,
                strstr(rows[i].files, "labels") ? "place/images.npy,place/labels.npy"
                : strstr(rows[i].files, "csv")  ? "place/list.csv"
                                                : "place");
        char *direct = strdup(world->err);
        command(world, "cnntrain init %s", rows[i].place);
        assert_string_equal(strstr(world->err, "place"), strstr(direct, "place"));
        free(direct);
    }
}

static void where_data_are_looked_for(void **state) {
    struct command_world *world = *state;
    command(world, "mkdir -p shelf/deep shelf/notes && cnntrain data synth:30,0 --export shelf/deep/digits");
    command_fails(world, "cd shelf && cnntrain init", 3,
                  ".: holds no data set that is known by its files; `cnntrain data` lists what is, and SOURCE:PATH "
                  "names one");
    command_succeeds(world, "cd shelf/deep && cnntrain init --json"); /* in a folder of this one */
    assert_contains(world->out, "\"path\": \"digits\"");
    command_succeeds(world, "cd shelf/deep/digits && cnntrain init --json");
    assert_contains(world->out, "\"config\": \"digits.jsonc\"");
    assert_contains(world->out, "\"path\": \".\"");
    command(world, "cnntrain data synth:30,0 --export shelf/deep/more && cd shelf/deep && cnntrain init");
    assert_int_equal(world->code, 2);
    assert_contains(world->err, "error: .: holds several data sets, ");
    command_fails(world, "cnntrain init nowhere", 4,
                  "nowhere: is no folder, file or data source; name the folder of a data set, or SOURCE:PATH "
                  "(`cnntrain data` lists the sources)");
    command_succeeds(world, "cnntrain init synth:50,10 --out other/place.jsonc 2>/dev/null || mkdir other && "
                            "cnntrain init shelf/deep/digits --out other/place.jsonc --json");
    cJSON *json = resolved(world, "other/place.jsonc");
    assert_string_equal(string_of(json, NULL, "name"), "place");
    assert_int_equal(*string_of(json, "data", "path"), '/');
    cJSON_Delete(json);
}

static void nothing_is_overwritten(void **state) {
    struct command_world *world = *state;
    command_write(world, "synth.jsonc", "mine");
    command_fails(world, "cnntrain init synth", 2,
                  "synth.jsonc: is there already; --force replaces it, --out FILE writes another");
    char *text = command_read(world, "synth.jsonc");
    assert_string_equal(text, "mine");
    free(text);
    command(world, "mkdir folder");
    command_fails(world, "cnntrain init synth --out folder --force", 2,
                  "folder: is a folder; --out names the file to write");
    command_succeeds(world, "cnntrain init synth:200,50 --force -q");
    assert_string_equal(world->out, "");
    cJSON *json = resolved(world, "synth.jsonc");
    assert_string_equal(string_of(json, "data", "path"), "200,50");
    cJSON_Delete(json);
}

/* Sorted images: their end would be one class alone. */
static void sorted_images_are_not_split(void **state) {
    struct command_world *world = *state;
    command(world, "mkdir sorted");
    command_write_picture(world, "sorted/p.png", 8, 8, 1);
    command(world, "for k in 0 1 2 3; do for i in 0 1 2 3 4 5 6 7 8 9; do echo p.png,$k; done; done > sorted/list.csv");
    command_succeeds(world, "cnntrain init sorted");
    char *text = command_read(world, "sorted.jsonc");
    assert_contains(text,
                    "    // The images are sorted by class, so no validation part can be taken from their end:\n");
    assert_contains(text, "    \"path\": \"sorted/list.csv\",\n");
    free(text);
    command(world, "cnntrain train --config sorted.jsonc --epochs 1 -q");
    assert_int_equal(world->code, 0);
}

static void configs_with_comments(void **state) {
    struct command_world *world = *state;
    command_write(world, "noted.jsonc", "// mine\n{\"extends\": \"sep_max.json\", /* seed */ \"seed\": 7}\n");
    cJSON *json = resolved(world, "noted");
    assert_float_equal(number_of(json, NULL, "seed"), 7, 0);
    assert_string_equal(string_of(json, NULL, "name"), "sep_max");
    cJSON_Delete(json);
    command_write(world, "open.json", "{\n  \"seed\": 1, /* open\n}\n");
    command_fails(world, "cnntrain config open.json", 2,
                  "open.json: line 2, column 14: this comment does not end; close it with */");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_of_pictures),
        cmocka_unit_test(export_loses_nothing),
        cmocka_unit_test(pictures_of_many_sizes),
        cmocka_unit_test(pictures_of_one_size),
        cmocka_unit_test(other_files),
        cmocka_unit_test(where_data_are_looked_for),
        cmocka_unit_test(nothing_is_overwritten),
        cmocka_unit_test(sorted_images_are_not_split),
        cmocka_unit_test(configs_with_comments),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
