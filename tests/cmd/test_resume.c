/* Ctrl-C, and going on: an interrupted run ends as if nobody had touched it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/command.h"
#include "tests/support/sanitizers.h"
#include "tests/support/tree.h"

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

/* Long enough to be interrupted; the address sanitizer makes a step take ten times as long. */
#if SANITIZES_ADDRESSES
#define DATA "--data synth:80,20 "
#else
#define DATA "--data synth:400,20 "
#endif
#define WHOLE "train deep_sep_avg " DATA "--epochs 2 --batch-size 8 --set training.optimizer=Adam "

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

/* Where a run has begun, the first signal waits for its next step, of some seconds here; the second does not. */
static void second_signal_ends_at_once(void **state) {
    struct command_world *world = *state;
    if (SANITIZES_THREADS) skip();
    command(world, "cnntrain train deep_conv_max -q --data synth:20000,10 --batch-size 20000 --threads 1 --out twice & "
                   "program=$!\n"
                   "for i in $(seq 6000); do test -s twice/log.txt && break; sleep 0.01; done\n"
                   "kill -INT $program; sleep 0.1; kill -INT $program\nwait $program");
    assert_int_equal(world->code, 130);
    assert_string_equal(world->err, "");
    assert_true(command_has(world, "twice/last.safetensors"));
}

static void resume_mistakes(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain train --resume nowhere", 4,
                  "nowhere: no such folder; name a run's folder, such as runs/sep_max");
    command_fails(world, "cnntrain train --resume .", 2,
                  ".: is no run's folder, for it holds no config.json; name one, such as runs/sep_max");
    command_fails(world, "cd runs && cnntrain train --resume", 2,
                  "runs: holds no unfinished run; name the run's folder: --resume RUN");
    command_fails(
        world, "cnntrain train --resume whole --config sep_max", 2,
        "--resume: takes its config, weights and folder from the run; leave out --config, --weights and --out");
    command_fails(world, "cnntrain train --resume whole --epochs 9", 2,
                  "whole: is finished after 2 epochs; to train on to 9, add --allow-changes");
}

static void interrupted_batch_goes_on(void **state) {
    struct command_world *world = *state;
    static const char line[] = "experiments --only deep_sep_avg,deep_sep_max deep_six.json " DATA "--epochs 2 "
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

/* ---- changes ---- */

/* The run `name` as if a kill had hit it after its last checkpoint. */
static void unfinished_run(struct command_world *world, const char *name) {
    if (command(world,
                "rm -rf %s && cnntrain train dw_max -q --data synth:40,10 --epochs 2 --batch-size 8 --out %s && "
                "rm %s/metrics.json",
                name, name, name) != 0)
        fail_msg("%s", world->err);
}

#define REFUSED "part/last.safetensors: was written with another config: "
#define TAKE_BACK "; take the changes back, or go on with them by --allow-changes"

static void changed_config_is_refused(void **state) {
    struct command_world *world = *state;
    unfinished_run(world, "part");
    command_fails(world, "cnntrain train --resume part --epochs 3", 2,
                  REFUSED "training.epochs was 2, now 3" TAKE_BACK);
    command_fails(world, "cnntrain train --resume part --seed 4 --set training.optimizer=SGD", 2,
                  REFUSED "seed was 1, now 4; training.optimizer was Adam, now SGD" TAKE_BACK);
    command_fails(world, "cnntrain train --resume part --set model.0.kernel_size=5", 2,
                  REFUSED "model[0].kernel_size was [3, 3], now [5, 5]" TAKE_BACK);
    command(world, "cp part/config.json kept.json && sed -i 's/\"pool_size\": \\[2, 2\\]/\"pool_size\": [3, 3]/' "
                   "part/config.json");
    command_fails(world, "cnntrain train --resume part", 2,
                  REFUSED "model[1].pool_size was [2, 2], now [3, 3]" TAKE_BACK);
    command(world, "cp kept.json part/config.json");
    command_fails(
        world, "cnntrain train --resume part --data synth:41,10 --allow-changes", 3,
        "part/last.safetensors: was written while training on 40 images, now there are 41; give the same data");
    command_fails(world, "cnntrain train dw_max --data synth:40,10 --allow-changes", 2,
                  "--allow-changes: goes with --resume alone; leave it out, or name the run: --resume RUN");
    command_succeeds(world, "cnntrain train --resume part -q");
}

static void changed_images_are_refused(void **state) {
    struct command_world *world = *state;
    struct text list = {0};
    for (int i = 0; i < 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.png", i);
        command_write_picture(world, name, 8, 8 + i % 1, 3);
        text_print(&list, "%s,%s\n", name, i % 2 ? "odd" : "even");
    }
    command_write(world, "list.csv", list.bytes);
    text_free(&list);
    command_write(world, "small.json",
                  "{\"data\": {\"source\": \"csv\", \"path\": \"list.csv\"}, \"model\": [\"Flatten\", {\"type\": "
                  "\"Dense\", \"units\": 2, \"activation\": \"softmax\"}]}");
    command_succeeds(world, "cnntrain train small.json -q --out small");
    command(world, "rm small/metrics.json; sed -i 's/7.png,odd/7.png,even/' list.csv");
    command_fails(world, "cnntrain train --resume small", 3,
                  "small/last.safetensors: was written while training on images or labels that are not those of now; "
                  "give the same data, or go on with these by --allow-changes");
    command_succeeds(world, "cnntrain train --resume small -q --allow-changes");
    /* another place for the same images is no change */
    command(world, "rm small/metrics.json; mkdir moved; mv list.csv ?.png moved");
    command_succeeds(world, "cnntrain train --resume small -q --data csv:moved/list.csv");
}

static void more_epochs_are_as_one_go(void **state) {
    struct command_world *world = *state;
    static const char line[] = "cnntrain train dw_max -q --data synth:40,10 --batch-size 8 ";
    command(world, "%s --epochs 5 --out five && %s --epochs 2 --out two", line, line);
    assert_int_equal(world->code, 0);
    assert_int_equal(command(world, "cnntrain train --resume two --epochs 5 --allow-changes"), 0);
    assert_contains(world->err, "goes on with a changed config: training.epochs was 2, now 5\n");
    compare_runs(world, "five", "two");
    if (command(world, "cmp five/predictions.csv two/predictions.csv") != 0) fail_msg("%s", world->out);
}

/* The best epoch lies before the point from which the run goes on. */
static void best_weights_know_more_epochs(void **state) {
    struct command_world *world = *state;
    static const char line[] =
        "cnntrain train dw_max -q --data synth:40,10 --batch-size 8 --set "
        "training.callbacks='[{\"type\":\"ModelCheckpoint\",\"monitor\":\"loss\",\"mode\":\"max\"}]'";
    command(world, "%s --epochs 4 --out four && %s --epochs 2 --out less", line, line);
    assert_int_equal(world->code, 0);
    command_succeeds(world, "cnntrain train --resume less -q --epochs 4 --allow-changes");
    if (command(world, "cmp four/best.safetensors less/best.safetensors") != 0) fail_msg("%s", world->out);
}

static void diverged_run_goes_on_with_another_rate(void **state) {
    struct command_world *world = *state;
    command(world, "cnntrain train dw_max -q --data synth:40,10 --batch-size 8 --out wild --set "
                   "training.optimizer='{\"type\":\"SGD\",\"learning_rate\":1e30}'");
    assert_int_equal(world->code, 5);
    assert_int_equal(command(world, "cnntrain train --resume wild"), 5);
    assert_contains(world->err, "; with other settings (--set ...) it can by --allow-changes\n");
    command_succeeds(world, "cnntrain train --resume wild -q --set training.optimizer.learning_rate=0.01 "
                            "--allow-changes");
    assert_true(command_has(world, "wild/metrics.json"));
}

/* ---- what kills leave ---- */

static void leftovers_of_a_kill(void **state) {
    struct command_world *world = *state;
    unfinished_run(world, "part");
    command(world, "cp part/config.json kept.json; mv part/config.json part/config.json.tmpAbC123; "
                   "touch part/last.safetensors.tmpxyz789 part/curves.svg.tmpxyz789 part/notes part/my.tmp123456");
    command_succeeds(world, "cnntrain train --resume part -q");
    command(world, "cmp kept.json part/config.json; ls part");
    assert_lacks(world->out, "differ");
    assert_lacks(world->out, "AbC123");
    assert_lacks(world->out, "xyz789");
    assert_contains(world->out, "notes\n");
    assert_contains(world->out, "my.tmp123456\n");
}

static void damage_is_named(void **state) {
    struct command_world *world = *state;
    unfinished_run(world, "part");
    command(world, "sed -i '3s/^2,./2,9/' part/history.csv");
    command_fails(
        world, "cnntrain train --resume part", 3,
        "part/history.csv: is not the history of the checkpoint: it is damaged or was changed; restore it, or "
        "remove it to begin it anew");
    command(world,
            "rm part/history.csv; printf X | dd of=part/last.safetensors bs=1 conv=notrunc seek=$(($(stat -c %%s "
            "part/last.safetensors) - 9))");
    assert_int_equal(command(world, "cnntrain train --resume part"), 3);
    assert_starts_with(world->err, "error: part/last.safetensors: the checksum does not fit: the file is damaged");
}

static void last_checkpoints_are_kept(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain train dw_max -q --data synth:40,10 --epochs 2 --batch-size 8 --out keep --set "
                            "training.checkpoint_steps=2 --set training.keep_checkpoints=3");
    command(world, "cd keep && ls step-* && cmp step-10.safetensors last.safetensors");
    assert_string_equal(world->out, "step-10.safetensors\nstep-6.safetensors\nstep-8.safetensors\n");
    /* going on from an earlier one takes the later ones away, and ends the same */
    command(world,
            "cp keep/last.safetensors end; cp keep/step-6.safetensors keep/last.safetensors; rm keep/metrics.json");
    command_succeeds(world, "cnntrain train --resume keep -q");
    assert_int_equal(command(world, "cmp end keep/last.safetensors"), 0);
}

/* ---- signals ---- */

static void advice_can_be_pasted(void **state) {
    struct command_world *world = *state;
    static const char *const ends[] = {"HUP", "INT"};
    for (size_t i = 0; i < 2; i++) {
        char *advice = NULL;
        assert_int_equal(interrupt(world, WHOLE "-q --out \"a b'c\"", "\"a b'c/log.txt\"", ends[i]), 130);
        advice = strstr(world->err, "Go on with: ");
        assert_non_null(advice);
        advice = strdup(advice + strlen("Go on with: "));
        assert_int_equal(command(world, "%s", advice), 0);
        free(advice);
        compare_runs(world, "whole", "\"a b'c\"");
        command(world, "rm -rf a*");
    }
}

/* Under nohup a closed terminal ends nothing. */
static void nohup_goes_on(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command(world, "nohup cnntrain " WHOLE "-q --out nohup & program=$!\n"
                                    "for i in $(seq 2000); do test -s nohup/log.txt && break; sleep 0.01; done\n"
                                    "kill -HUP $program\nwait $program"),
                     0);
    compare_runs(world, "whole", "nohup");
}

static void signal_in_the_final_test(void **state) {
    struct command_world *world = *state;
    static const char line[] = "train deep_sep_avg -q --data synth:64,6000 --epochs 1";
    command(world,
            "cnntrain %s --out tested & program=$!\n"
            "for i in $(seq 2000); do grep -q ^1, tested/history.csv 2>/dev/null && break; sleep 0.01; done\n"
            "kill -INT $program\nwait $program",
            line);
    assert_int_equal(world->code, 130);
    assert_starts_with(world->err,
                       "error: interrupted in the test after the last epoch, whose checkpoint is written\n");
    command_succeeds(world, "cnntrain train --resume tested -q");
    assert_true(command_has(world, "tested/metrics.json"));
}

/* ---- several at once ---- */

static void runs_at_once_keep_apart(void **state) {
    struct command_world *world = *state;
    command(
        world,
        "for i in 1 2 3 4 5 6; do cnntrain train dw_max -q --data synth:40,10 --out once/x >/dev/null & done; wait; "
        "for i in x x-2 x-3 x-4 x-5 x-6; do cmp once/x/last.safetensors once/$i/last.safetensors && "
        "test -s once/$i/metrics.json || echo $i; done; ls once | wc -l");
    assert_last_line(world->out, "6");
    assert_lacks(world->out, "x");
}

/* Two that go on at once: one is refused, and without a name it looks for another run. A kill leaves no lock. */
static void one_at_a_time_goes_on(void **state) {
    struct command_world *world = *state;
    command(world, "cnntrain train deep_sep_avg -q --data synth:400,20 --epochs 999 --out runs/shared & program=$!\n"
                   "for i in $(seq 2000); do test -s runs/shared/log.txt && break; sleep 0.01; done\n"
                   "cnntrain train --resume runs/shared; echo $?; cnntrain train --resume; echo $?\n"
                   "kill -KILL $program; wait $program; cp runs/shared/log.txt runs/shared/old\n"
                   "cnntrain train --resume -q & program=$!\n"
                   "for i in $(seq 2000); do cmp -s runs/shared/log.txt runs/shared/old || break; sleep 0.01; done\n"
                   "kill -INT $program; wait $program");
    assert_int_equal(world->code, 130);
    assert_string_equal(world->out, "2\n2\n");
    assert_contains(world->err,
                    "error: runs/shared: another cnntrain is at work in this folder; wait for it, or choose "
                    "another --out\n");
    assert_contains(world->err, "error: runs: holds no unfinished run; name the run's folder: --resume RUN\n");
    assert_last_line(world->err, "Go on with: cnntrain train --resume runs/shared");
    command(world, "rm -r runs/shared");
}

static void batches_at_once_keep_apart(void **state) {
    struct command_world *world = *state;
    static const char line[] = "cnntrain experiments six.json --only conv_avg,dw_max --data synth:40,10 --epochs 1 "
                               "--seeds 1 --out both -q";
    command(world, "for i in 1 2 3 4; do (%s; echo code $?) & done; wait; %s; echo code $?", line, line);
    assert_lacks(world->out, "code 1");
    assert_lacks(world->out, "code 3");
    assert_lacks(world->out, "code 4");
    assert_last_line(world->out, "code 0");
    assert_true(command_has(world, "both/conv_avg-seed1/metrics.json"));
    assert_true(command_has(world, "both/dw_max-seed1/metrics.json"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupted_run_goes_on_as_if_undisturbed),
        cmocka_unit_test(termination_is_an_interruption_too),
        cmocka_unit_test(second_signal_ends_at_once),
        cmocka_unit_test(resume_mistakes),
        cmocka_unit_test(interrupted_batch_goes_on),
        cmocka_unit_test(changed_config_is_refused),
        cmocka_unit_test(changed_images_are_refused),
        cmocka_unit_test(more_epochs_are_as_one_go),
        cmocka_unit_test(best_weights_know_more_epochs),
        cmocka_unit_test(diverged_run_goes_on_with_another_rate),
        cmocka_unit_test(leftovers_of_a_kill),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(last_checkpoints_are_kept),
        cmocka_unit_test(advice_can_be_pasted),
        cmocka_unit_test(nohup_goes_on),
        cmocka_unit_test(signal_in_the_final_test),
        cmocka_unit_test(runs_at_once_keep_apart),
        cmocka_unit_test(one_at_a_time_goes_on),
        cmocka_unit_test(batches_at_once_keep_apart),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
