/* cnntrain lr-find: rates that grow, an end where the loss breaks away, a rate that works, and no trace of any run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"
#include "tests/support/markup.h"

#define FIND "cnntrain lr-find sep_max --data synth:1500,10 "

static double number(const cJSON *json, const char *key) {
    return cJSON_GetNumberValue(cJSON_GetObjectItem(json, key));
}

static void suggests_a_rate(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, FIND "--json");
    const cJSON *steps = cJSON_GetObjectItem(json, "steps");
    int count = cJSON_GetArraySize(steps);
    assert_in_range(count, 60, 100);
    for (int i = 1; i < count; i++) {
        double before = number(cJSON_GetArrayItem(steps, i - 1), "learning_rate");
        double growth = number(cJSON_GetArrayItem(steps, i), "learning_rate") / before;
        assert_true(growth > 1.1497 && growth < 1.1498); /* a million in 99 steps */
    }
    assert_true(number(cJSON_GetArrayItem(steps, 0), "learning_rate") == 1e-6);
    assert_true(number(json, "suggested") > 2e-4 && number(json, "suggested") < 1e-1);
    assert_true(number(json, "tenth_of_minimum") > 1e-5 && number(json, "tenth_of_minimum") < 1e-1);
    cJSON_Delete(json);
    command_succeeds(world, FIND "--steps 20 --threads 1 --json >one && " FIND
                                 "--steps 20 --threads 3 --json >three && cmp one three && ls");
    assert_lacks(world->out, "runs"); /* nor anything else */
}

static void shows_a_chart(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, FIND "--steps 40 --out rates.csv");
    assert_starts_with(world->out, "        loss by learning rate   .. of each batch   ** smoothed");
    assert_contains(world->out, "\n        1e-06 ");
    assert_contains(world->out, "\nSuggested: ");
    assert_contains(world->out, ", where the loss falls fastest. A tenth of the rate with the least loss: ");
    char *csv = command_read(world, "rates.csv");
    assert_starts_with(csv, "learning_rate,loss,smoothed\n1e-06,2.");
    free(csv);
    command_succeeds(world, FIND "--steps 40 -q");
    assert_starts_with(world->out, "The loss ");
}

/* One file by its name's ending, or both in a folder; the same figures every way. */
static void writes_files(void **state) {
    struct command_world *world = *state;
    command_succeeds(world,
                     FIND "--steps 40 --out made/rates && " FIND "--steps 40 -q --out one.svg && " FIND
                          "--steps 40 -q --out one.csv && ls made/rates && cmp one.svg made/rates/lr-find.svg && "
                          "cmp one.csv made/rates/lr-find.csv");
    assert_contains(world->out, "\nlr-find.csv\nlr-find.svg\n");
    assert_contains(world->out, "\nWritten: made/rates\n");
    char *svg = command_read(world, "one.svg");
    markup_check(svg, true);
    assert_contains(svg, "steepest: ");
    assert_contains(svg, ">Learning rate</text>");
    assert_in_range(markup_count(svg, "<circle "), 20, 41); /* a dot for each batch but those that broke away */
    free(svg);
    command(world, "touch here && " FIND "--steps 10 --out here");
    assert_int_equal(world->code, 4);
}

/* The data of a few steps, gone through several times; a loss that is no number ends it. */
static void ends_where_the_loss_breaks_away(void **state) {
    struct command_world *world = *state;
    cJSON *json = command_json(world, "cnntrain lr-find sep_max --data synth:100,10 --to 1e6 --set "
                                      "training.optimizer=SGD --steps 200 --json");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "diverged")));
    assert_in_range(cJSON_GetArraySize(cJSON_GetObjectItem(json, "steps")), 60, 199);
    cJSON_Delete(json);
    command_succeeds(world, "cnntrain lr-find sep_max --data synth:100,10 --from 1e-12 --to 1e-10 --steps 10 -q");
    assert_starts_with(world->out, "The loss did not break away up to a rate of 1e-10; a larger --to may show more.\n");
}

static void what_is_refused(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain lr-find", 2, "cnntrain lr-find needs a config; see: cnntrain lr-find --help");
    command_fails(world, FIND "--from 0", 2, "--from: must be a number above 0, at most 1e6, got \"0\"");
    command_fails(world, FIND "--to nan", 2, "--to: must be a number above 0, at most 1e6, got \"nan\"");
    command_fails(world, FIND "--from 2", 2, "--from: must be below --to, but 2 is not below 1");
    command_fails(world, FIND "--steps 9", 2, "--steps: must be 10 to 100000, got 9");
    command(world, FIND "--steps 10 --out nowhere/rates.csv");
    assert_int_equal(world->code, 4);
    command(world, FIND "--steps 10 >/dev/full");
    assert_int_equal(world->code, 4);
}

static void interruption(void **state) {
    struct command_world *world = *state;
    command(world,
            "cnntrain lr-find deep_conv_max --data synth:300,10 --steps 100000 --to 1e-5 -v 2>err & while ! grep "
            "-q loaded err; do sleep 0.01; done; kill -INT $!; wait $!");
    assert_int_equal(world->code, 130);
    char *err = command_read(world, "err");
    assert_contains(err, "\nerror: interrupted; nothing was written\n");
    free(err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suggests_a_rate), cmocka_unit_test(shows_a_chart),
        cmocka_unit_test(writes_files),    cmocka_unit_test(ends_where_the_loss_breaks_away),
        cmocka_unit_test(what_is_refused), cmocka_unit_test(interruption),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
