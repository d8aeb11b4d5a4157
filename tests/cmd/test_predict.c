/* predict: pictures of any size and colour, and files that are none. */
#include <math.h>
#include <stdio.h>
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
    command_fails(world, "mkdir -p bare && cnntrain predict run bare", 3,
                  "bare: is a folder without pictures; files ending in .png, .jpg, .jpeg or .bmp are read");
}

/* A folder stands for its pictures and those below it, in the order of their names; links do not lead on. */
static void folders(void **state) {
    struct command_world *world = *state;
    command(world,
            "mkdir -p many/b/c many/a && cp a.png many/z.PNG && cp a.png many/b/c/1.png && cp grey.png many/a/ && "
            "cp grey.png many/b/2.png && echo text >many/note.txt && ln -s .. many/a/loop");
    command_succeeds(world, "cnntrain predict run many grey.png | cut -d : -f 1");
    assert_string_equal(world->out, "many/z.PNG\nmany/a/grey.png\nmany/b/2.png\nmany/b/c/1.png\ngrey.png\n");
}

/* More pictures than go through the model at a time; threads and batches change no bit. */
static void many_pictures(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain predict run grey.png a.png --csv --top 2");
    assert_starts_with(world->out, "image,label,probability,label_2,probability_2\ngrey.png,");
    char *first = strdup(strchr(world->out, '\n') + 1);
    assert_int_equal(
        command(world, "mkdir -p crowd && i=0; while [ $i -lt 600 ]; do ln -f a.png crowd/$i.png; "
                       "i=$((i + 1)); done; rm crowd/33.png; echo text >crowd/33.png; ln -f grey.png crowd/599.png"),
        0);
    assert_int_equal(command(world, "cnntrain predict run crowd --csv --top 2 --threads 3 >crowd.csv"), 3);
    assert_string_equal(world->err, "error: crowd/33.png: is no PNG, JPEG or BMP image; convert it to one of these\n"
                                    "error: 1 of 600 pictures could not be read\n");
    command_succeeds(world, "wc -l <crowd.csv; sed 1d crowd.csv | cut -d , -f 2- | sort -u | wc -l; "
                            "grep crowd/599 crowd.csv; grep crowd/42.png crowd.csv");
    char expected[4096];
    const char *second = strchr(first, '\n') + 1;
    snprintf(expected, sizeof expected, "600\n2\ncrowd/599.png%.*scrowd/42.png%s", (int)(second - strchr(first, ',')),
             strchr(first, ','), strchr(second, ','));
    assert_string_equal(world->out, expected);
    free(first);
}

/* Names go to files and pipes as they are, to a terminal without what it would obey. */
static void names_that_terminals_obey(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command(world, "mkdir -p odd && cp a.png \"odd/$(printf 'x\\033[31m.png')\""), 0);
    command_succeeds(world, "cnntrain predict run odd --csv | sed 1d");
    assert_starts_with(world->out, "odd/x\033[31m.png,");
    assert_int_equal(command_on_terminal(world, 80, "cnntrain predict run odd --csv"), 0);
    assert_non_null(strstr(world->out, "\nodd/x\\x1b[31m.png,"));
    assert_null(strchr(world->out, '\033'));
}

/* What a size is made of: all of the picture, its middle, or all of it on black. */
static void resize_modes(void **state) {
    struct command_world *world = *state;
    const char *const ways[] = {"", "--resize stretch", "--resize crop", "--resize fit"};
    char *said[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(command(world, "cnntrain predict run a.png --csv %s", ways[i]), 0);
        said[i] = strdup(world->out);
    }
    assert_string_equal(said[0], said[1]);
    assert_string_not_equal(said[1], said[2]);
    assert_string_not_equal(said[1], said[3]);
    assert_string_not_equal(said[2], said[3]);
    for (int i = 0; i < 4; i++) free(said[i]);
    command_succeeds(world, "for how in stretch crop fit; do cnntrain predict run grey.png --csv --resize $how; done | "
                            "sort -u | wc -l");
    assert_int_equal(atoi(world->out), 2);
    command_fails(world, "cnntrain predict run a.png --resize squash", 2,
                  "--resize: must be stretch, crop or fit, got \"squash\"");
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
    command_fails(world, "cnntrain predict run a.png --csv --json", 2,
                  "--csv: cannot go with --json; give one of them");
    command_fails(
        world, "cnntrain predict nowhere a.png", 4,
        "nowhere: no such model; name a run's folder, such as runs/sep_max, or a .safetensors, .keras or .h5 file");
    assert_int_equal(command(world, "cnntrain predict a.png run"), 3);
    assert_starts_with(world->err, "error: a.png: is no safetensors file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_for_each_picture),
        cmocka_unit_test(json_has_probabilities),
        cmocka_unit_test(files_that_are_no_pictures),
        cmocka_unit_test(folders),
        cmocka_unit_test(many_pictures),
        cmocka_unit_test(names_that_terminals_obey),
        cmocka_unit_test(resize_modes),
        cmocka_unit_test(one_bad_picture_among_others),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, open_world, command_close);
}
