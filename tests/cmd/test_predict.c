/* predict: pictures of any size and colour, and files that are none. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"

static int open_world(void **state) {
    if (command_open(state) != 0) return -1;
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train conv_max --data synth:64,32 --epochs 1 -q --out run");
    command_write_picture(world, "a.png", 40, 50, 3);
    command_write_picture(world, "grey.png", 32, 32, 1);
    return 0;
}

static void line_for_each_picture(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain predict run a.png grey.png");
    assert_starts_with(world->out, "a.png: ");
    assert_contains(world->out, "\ngrey.png: ");
    assert_lacks(world->out, ",");
    command_succeeds(world, "cnntrain predict run a.png --top 3 | tr -cd , | wc -c");
    assert_int_equal(atoi(world->out), 2);
    command_succeeds(world, "cnntrain predict run/last.safetensors ./a.png --top 99 | tr -cd , | wc -c");
    assert_int_equal(atoi(world->out), 9);
}

static void json_has_probabilities(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain predict run a.png grey.png --top 10 --json");
    assert_int_equal(cJSON_GetArraySize(json), 2);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json->child, "image")), "a.png");
    for (const cJSON *item = json->child; item; item = item->next) {
        double sum = 0, last = 1;
        const cJSON *top = cJSON_GetObjectItem(item, "top");
        assert_int_equal(cJSON_GetArraySize(top), 10);
        for (const cJSON *entry = top->child; entry; entry = entry->next) {
            double probability = cJSON_GetNumberValue(cJSON_GetObjectItem(entry, "probability"));
            assert_true(probability <= last);
            sum += last = probability;
        }
        assert_true(fabs(sum - 1) < 1e-5);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(item, "label")),
                            cJSON_GetStringValue(cJSON_GetObjectItem(top->child, "label")));
        assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(item, "probability")) ==
                    cJSON_GetNumberValue(cJSON_GetObjectItem(top->child, "probability")));
    }
    cJSON_Delete(json);
    json = command_json(world, "cnntrain predict run a.png --json");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json->child, "top")), 1);
    cJSON_Delete(json);
}

static void files_that_are_no_pictures(void **state) {
    struct command_world *world = *state;
    command(world, "head -c 100 a.png >cut.png; : >empty.png; echo text >text.png");
    command_fails(world, "cnntrain predict run none.png", 4,
                  "none.png: cannot open the file: No such file or directory");
    command_fails(world, "cnntrain predict run empty.png", 3,
                  "empty.png: is empty; a PNG, JPEG or BMP image was expected");
    assert_int_equal(command(world, "cnntrain predict run text.png"), 3);
    assert_starts_with(world->err, "error: text.png: is no PNG, JPEG or BMP image; convert it to one of these");
    assert_int_equal(command(world, "cnntrain predict run cut.png"), 3);
    assert_starts_with(world->err, "error: cut.png: is a truncated PNG image: it ends ");
    command_fails(world, "cnntrain predict run .", 4, ".: is a folder; a file is needed here");
}

/* The others are answered all the same. */
static void one_bad_picture_among_others(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command(world, "cnntrain predict run a.png none.png empty.png grey.png"), 4);
    assert_starts_with(world->out, "a.png: ");
    assert_contains(world->out, "\ngrey.png: ");
    assert_string_equal(world->err, "error: none.png: cannot open the file: No such file or directory\n"
                                    "error: empty.png: is empty; a PNG, JPEG or BMP image was expected\n"
                                    "error: 2 of 4 pictures could not be read\n");
    assert_int_equal(command(world, "cnntrain predict run a.png none.png --json"), 4);
    cJSON *json = cJSON_Parse(world->out);
    assert_int_equal(cJSON_GetArraySize(json), 1);
    cJSON_Delete(json);
}

static void mistakes(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain predict run a.png --top 0", 2, "--top: must be 1 or more, got 0");
    command_fails(world, "cnntrain predict nowhere a.png", 4,
                  "nowhere: no such model; name a run's folder, such as runs/sep_max, or a .safetensors file");
    assert_int_equal(command(world, "cnntrain predict a.png run"), 3);
    assert_starts_with(world->err, "error: a.png: is no safetensors file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_for_each_picture),
        cmocka_unit_test(json_has_probabilities),
        cmocka_unit_test(files_that_are_no_pictures),
        cmocka_unit_test(one_bad_picture_among_others),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, open_world, command_close);
}
