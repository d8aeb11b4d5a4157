/* Ctrl-C, and going on: an interrupted run ends as if nobody had touched it. */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/command.h"
#include "tests/support/sanitizers.h"

/* Starts `cnntrain ARGUMENTS` and sends the signal as soon as the file is not empty; ends with the program's code. */
static int interrupt(struct command_world *world, const char *arguments, const char *file, const char *signal) {
    return command(world,
                   "cnntrain %s & program=$!\n"
                   "for i in $(seq 2000); do test -s %s && break; sleep 0.01; done\n"
                   "kill -%s $program\nwait $program",
                   arguments, file, signal);
}

static void compare_runs(struct command_world *world, const char *a, const char *b) {
    if (command(world, "cmp %s/last.safetensors %s/last.safetensors", a, b) != 0) fail_msg("%s", world->out);
    command(world, "cut -d , -f 1-6 %s/history.csv", a);
    char *history = strdup(world->out);
    command(world, "cut -d , -f 1-6 %s/history.csv", b);
    assert_string_equal(world->out, history);
    free(history);
}

#define WHOLE "train deep_sep_avg --data synth:400,20 --epochs 2 --batch-size 8 --set training.optimizer=Adam "

static void interrupted_run_goes_on_as_if_undisturbed(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain " WHOLE "-q --out whole");
    assert_int_equal(interrupt(world, WHOLE "--out runs/cut", "runs/cut/log.txt", "INT"), 130);
    assert_string_equal(world->out, "");
    assert_contains(world->err, "error: interrupted in epoch ");
    assert_contains(world->err, "; a checkpoint is written\n");
    assert_last_line(world->err, "Go on with: cnntrain train --resume runs/cut");
    assert_false(command_has(world, "runs/cut/metrics.json"));
    assert_int_equal(command(world, "cnntrain train --resume"), 0);
    assert_last_line(world->out, "Results are in runs/cut");
    compare_runs(world, "whole", "runs/cut");
    assert_int_equal(command(world, "cnntrain train --resume runs/cut"), 0);
    assert_string_equal(world->err, "runs/cut is finished; nothing is left to do\n");
    assert_last_line(world->out, "Results are in runs/cut");
}

static void termination_is_an_interruption_too(void **state) {
    struct command_world *world = *state;
    assert_int_equal(interrupt(world, WHOLE "-q --json --out term", "term/log.txt", "TERM"), 130);
    assert_last_line(world->err, "Go on with: cnntrain train --resume term");
    assert_string_equal(world->out, "");
    command_succeeds(world, "cnntrain train --resume term -q");
    compare_runs(world, "whole", "term");
}

/* The data of this run take seconds to make: the first signal waits for them, the second does not. */
static void second_signal_ends_at_once(void **state) {
    struct command_world *world = *state;
    if (SANITIZES_THREADS) skip();
    command(world, "cnntrain train dw_max --data synth:400000,10 --out twice & program=$!\n"
                   "for i in $(seq 2000); do test -e twice/log.txt && break; sleep 0.01; done; sleep 0.2\n"
                   "kill -INT $program; sleep 0.1; kill -INT $program\nwait $program");
    assert_int_equal(world->code, 130);
    assert_string_equal(world->err, "");
}

static void resume_mistakes(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain train --resume nowhere", 4,
                  "nowhere: no such folder; name a run's folder, such as runs/sep_max");
    command_fails(world, "cnntrain train --resume .", 2, ".: is no run's folder: it holds no config.json");
    command_fails(world, "cd runs && cnntrain train --resume", 2,
                  "runs: holds no unfinished run; name the run's folder: --resume RUN");
    command_fails(
        world, "cnntrain train --resume whole --config sep_max", 2,
        "--resume: takes its config, weights and folder from the run; leave out --config, --weights and --out");
    command_fails(world, "cnntrain train --resume whole --epochs 9", 2,
                  "whole: is finished after 2 epochs; to train on, start a run with --weights whole/last.safetensors");
}

static void interrupted_batch_goes_on(void **state) {
    struct command_world *world = *state;
    static const char line[] =
        "experiments --only deep_sep_avg,deep_sep_max deep_six.json --data synth:400,20 --epochs 2 "
        "--batch-size 8 --seeds 1 --out batch";
    int code = interrupt(world, line, "batch/deep_sep_avg-seed1/log.txt", "INT");
    assert_int_equal(code, 130);
    struct text hint = {0};
    text_print(&hint, "Go on with: cnntrain %s", line);
    assert_last_line(world->err, hint.bytes);
    text_free(&hint);
    command(world, "cnntrain %s", line);
    assert_int_equal(world->code, 0);
    assert_contains(world->err, "deep_sep_avg, seed 1: goes on\n");
    assert_contains(world->err, "deep_sep_max, seed 1: starts\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupted_run_goes_on_as_if_undisturbed),
        cmocka_unit_test(termination_is_an_interruption_too),
        cmocka_unit_test(second_signal_ends_at_once),
        cmocka_unit_test(resume_mistakes),
        cmocka_unit_test(interrupted_batch_goes_on),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
