/* A batch from the command line to its report, on very little data. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"

#define SIX "cnntrain experiments --data synth:64,32 --epochs 1 --seeds 1 --out six "

static void six_combinations_in_order(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command(world, SIX), 0);
    assert_starts_with(world->err, "[1/6] conv_avg, seed 1: starts\nEpoch 1/1\n");
    assert_contains(world->err, "\n[6/6] sep_max, seed 1: test accuracy ");
    assert_starts_with(world->out, "name      params  multiplications ");
    assert_last_line(world->out,
                     "The report is six/report.html; report.md, results.csv, results.json and the runs are beside it.");
    command_succeeds(world, "cut -d , -f 1-4 six/results.csv");
    assert_string_equal(world->out, "name,seed,parameters,multiplications\n"
                                    "conv_avg,1,72906,849600\nconv_max,1,72906,849600\n"
                                    "dw_avg,1,6790,31050\ndw_max,1,6790,31050\n"
                                    "sep_avg,1,72165,182700\nsep_max,1,72165,182700\n");
    command_succeeds(world, "head -1 six/results.csv");
    assert_string_equal(world->out, "name,seed,parameters,multiplications,train_accuracy,val_accuracy,test_accuracy,"
                                    "test_loss,seconds_per_epoch,images_per_second\n");
    char *report = command_read(world, "six/report.md");
    assert_starts_with(report, "# Experiment six\n\n6 of 6 runs done");
    assert_contains(report, "## Which differences are significant");
    assert_contains(report, "cnntrain experiments --data synth:64,32 --epochs 1 --seeds 1 --out six");
    free(report);
}

static void restart_skips_what_is_done(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command(world, "rm -r six/dw_max-seed1 && " SIX), 0);
    assert_contains(world->err, "[1/6] conv_avg, seed 1: was finished before, test accuracy ");
    assert_contains(world->err, "[4/6] dw_max, seed 1: starts\n");
    assert_contains(world->err, "[6/6] sep_max, seed 1: was finished before, ");
    cJSON *json = command_json(world, SIX "--json");
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "runs_finished")) == 6);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "combinations")), 6);
    cJSON_Delete(json);
    command(world, "cat six/results.json");
    json = cJSON_Parse(world->out);
    assert_non_null(json);
    cJSON_Delete(json);
}

static void folder_of_another_batch_is_refused(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain experiments --data synth:64,32 --epochs 2 --seeds 1 --out six", 2,
                  "six/conv_avg-seed1: holds a run with another config: training.epochs was 1, now 2; choose another "
                  "--out, or remove that folder to run it anew");
}

static void folder_is_numbered_on_without_out(void **state) {
    struct command_world *world = *state;
    static const char *const lines[] = {
        "cnntrain experiments --data synth:20,10 --epochs 1 --seeds 1 -q --only dw_max",
        "cnntrain experiments --data synth:20,10 --epochs 2 --seeds 1 -q --only dw_max"};
    command_succeeds(world, lines[0]);
    assert_contains(world->out, "The report is runs/six/report.html;");
    command_succeeds(world, lines[1]);
    assert_contains(world->out, "The report is runs/six-2/report.html;");
}

static void own_file_with_settings(void **state) {
    struct command_world *world = *state;
    command_write(world, "mine/a.json", "{\"extends\": \"dw_avg.json\", \"name\": \"a\"}");
    command_write(world, "mine/two.json",
                  "{\"configs\": [\"a.json\", \"dw_max.json\"], \"seeds\": [4, 9], \"set\": {\"training.epochs\": 2, "
                  "\"data.train\": 40, \"data.test\": 10}}");
    command_succeeds(world, "cnntrain experiments mine/two.json -q --out own && cut -d , -f 1,2 own/results.csv");
    assert_contains(world->out, "name,seed\na,4\na,9\ndw_max,4\ndw_max,9\n");
    command_succeeds(world, "tail -n +2 own/a-seed9/history.csv | wc -l");
    assert_int_equal(atoi(world->out), 2);
}

static void jobs_give_the_same(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command(world, "cnntrain experiments --data synth:64,32 --epochs 1 --seeds 1 --out side --jobs 2 "
                                    "--only dw_avg,sep_max"),
                     0);
    command_succeeds(world, "cmp side/sep_max-seed1/last.safetensors six/sep_max-seed1/last.safetensors && "
                            "cmp side/dw_avg-seed1/predictions.csv six/dw_avg-seed1/predictions.csv");
}

static void diverged_run_is_recorded(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command(world,
                             "cnntrain experiments --data synth:64,32 --epochs 2 --seeds 1 --out diverged --only "
                             "conv_max,dw_max --set training.optimizer.learning_rate=1e30"),
                     0);
    assert_contains(world->err, "[2/6] conv_max, seed 1: the loss is not finite\n");
    assert_contains(world->err, "[4/6] dw_max, seed 1: ");
}

/* Whoever ignores SIGCHLD hands that on, and then no one would learn how a run's process ended. */
static void failed_run_is_told_under_any_caller(void **state) {
    struct command_world *world = *state;
    command_write(world, "barred/dw_max-seed1", "a file in the place of the run's folder");
    assert_int_equal(command(world,
                             "env --ignore-signal=CHLD cnntrain experiments --data synth:20,8 --epochs 1 --seeds 1 "
                             "--out barred --jobs 2 --only dw_avg,dw_max"),
                     4);
    assert_contains(world->err, "barred/dw_max-seed1");
}

static void mistakes(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain experiments --only conv_mx", 2,
                  "--only: no config of this batch is called \"conv_mx\"; did you mean \"conv_max\"?");
    assert_int_equal(command(world, "cnntrain experiments sep_max"), 2);
    assert_contains(world->err,
                    "/sep_max.json: is the config of one model; train it with: cnntrain train --config sep_max\n");
    command_write(world, "typo.json", "{\"confgs\": []}");
    command_fails(world, "cnntrain experiments typo.json", 2,
                  "typo.json: confgs: unknown field; did you mean \"configs\"?");
    command_write(world, "empty.json", "{\"configs\": []}");
    command_fails(world, "cnntrain experiments empty.json", 2,
                  "empty.json: configs: is empty; name at least one config file");
    command(world, "cnntrain experiments --data svhn:nowhere --out none");
    assert_int_equal(world->code, 4);
    assert_starts_with(
        world->err, "error: nowhere: is not there, nor is CNNTRAIN_DATA set to a folder that has it; check the name\n");
    assert_false(command_has(world, "none"));
}

/* Each config is built and timed; what is finished counts no more; nothing is written. */
static void dry_run(void **state) {
    struct command_world *world = *state;
    command_succeeds(world,
                     "cnntrain experiments --data synth:100,10 --epochs 3 --seeds 2 --only dw_max,dw_avg --dry-run "
                     "--out dry");
    /* Columns of times are as wide as the times. */
    assert_starts_with(world->out, "name    params  multiplications ");
    assert_contains(world->out, "  ms/step ");
    assert_contains(world->out, "  s/epoch  epochs    runs ");
    assert_contains(world->out, "\ndw_avg   6,790           31,050 ");
    assert_contains(world->out, "       3  2 of 2 ");
    assert_contains(world->out, "\n4 of 4 runs to go: about ");
    assert_false(command_has(world, "dry"));
    cJSON *json = command_json(world, "cnntrain experiments --data synth:100,10 --epochs 3 --only dw_max --dry-run "
                                      "--json --out dry");
    assert_int_equal(cJSON_GetArraySize(json), 1);
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(cJSON_GetArrayItem(json, 0), "run_seconds")) > 0);
    cJSON_Delete(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dry_run),
        cmocka_unit_test(failed_run_is_told_under_any_caller),
        cmocka_unit_test(six_combinations_in_order),
        cmocka_unit_test(restart_skips_what_is_done),
        cmocka_unit_test(folder_of_another_batch_is_refused),
        cmocka_unit_test(folder_is_numbered_on_without_out),
        cmocka_unit_test(own_file_with_settings),
        cmocka_unit_test(jobs_give_the_same),
        cmocka_unit_test(diverged_run_is_recorded),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
