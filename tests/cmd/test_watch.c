/* cnntrain watch: frames of any size, runs at every stage, and an end that leaves the terminal as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"
#include "tests/support/screen.h"

#define HEADER "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,images_per_second\n"
#define CONFIG "{\"name\": \"net\", \"training\": {\"epochs\": 10}}"
#define ROWS                                                                                                           \
    HEADER "1,2.1,0.25,2.0,0.3,0.001,60.000,100.0\n2,1.5,0.5,1.4,0.55,0.001,60.000,100.0\n3,1.2,0.6,1.6,0.5,0.001,"    \
           "60.000,100.0\n"

/* A run that was interrupted. */
static void put_run(struct command_world *world) {
    command_write(world, "a/config.json", CONFIG);
    command_write(world, "a/history.csv", ROWS);
    command_write(world, "a/log.txt", "epoch 4 of 10, step 0 of 5\nended: interrupted in epoch 4\n");
}

static void one_frame(void **state) {
    struct command_world *world = *state;
    put_run(world);
    command_succeeds(world, "cnntrain watch a");
    assert_starts_with(world->out, "net: interrupted, epoch 3/10, to go: ");
    assert_contains(world->out, "\nloss 1.2000 - accuracy 0.6000 - val_loss 1.6000 - val_accuracy 0.5000\n"
                                "best val_loss in epoch 2 - learning rate 0.001\n");
    assert_contains(world->out, "        loss   ** train   oo validation");
    assert_contains(world->out, "        accuracy ");
    assert_contains(world->out, "\n    2.1|");
    assert_contains(world->out, "best 2");
    assert_lacks(world->out, "\033");
    command_succeeds(world, "LC_ALL=C.UTF-8 cnntrain watch a --once");
    assert_contains(world->out, "\xE2\xA0\xA4 train");
    cJSON *json = command_json(world, "cnntrain watch a --json");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "name")), "net");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "state")), "interrupted");
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(json, "best_epoch")), 2);
    cJSON_Delete(json);
}

/* A folder as a run makes it: first a log, then a config, then a row; a row that is being written does not count. */
static void before_the_first_epoch(void **state) {
    struct command_world *world = *state;
    command_write(world, "young/log.txt", "");
    command_succeeds(world, "cnntrain watch young");
    assert_string_equal(world->out, "young: starting\nNo epoch has ended yet.\n");
    command_write(world, "young/config.json", CONFIG);
    command_write(world, "young/history.csv", HEADER "1,2.1,0.2");
    command_succeeds(world, "cnntrain watch young");
    assert_starts_with(world->out, "net: starting\nNo epoch has ended yet.");
    command_write(world, "young/history.csv", HEADER "1,inf,0.25,,,0.001,60.000,100.0\n");
    command_succeeds(world, "cnntrain watch young");
    assert_starts_with(world->out, "net: training, epoch 1/10, ETA ");
    assert_contains(world->out, "\nloss inf - accuracy 0.2500\nlearning rate 0.001\n");
    command_succeeds(world, "touch -d @1000 young/*; cnntrain watch young");
    assert_starts_with(world->out, "net: not at work, epoch 1/10, to go: ");
}

static void several_runs(void **state) {
    struct command_world *world = *state;
    put_run(world);
    command(world, "rm -rf batch; mkdir batch && cp -r a batch/x-seed1 && cp -r a \"batch/$(printf 'y\\033[2J')\" && "
                   "touch -d @1000 batch/x-seed1/*");
    command_succeeds(world, "cnntrain watch batch");
    assert_starts_with(world->out, "batch: 2 runs, 2 ended, 0 at work\n");
    assert_contains(world->out, "\nx-seed1   interrupted   3/10  ");
    assert_contains(world->out, "\ny\\x1b[2J  interrupted   3/10  ");
    assert_contains(world->out, "  50.00 %        .#*     1.2000    1.6000");
    assert_contains(world->out, "\nnet: interrupted");
    /* A narrow window has fewer columns, all of them whole. */
    assert_int_equal(command_on_terminal(world, 40, "TERM=xterm cnntrain watch batch --once"), 0);
    assert_contains(world->out, "\r\nrun       state        epoch  ");
    assert_contains(world->out, "\r\n--------  -----------  -----  ---");
    assert_lacks(world->out, "accuracy  ");
    assert_int_equal(command_on_terminal(world, 12, "TERM=xterm cnntrain watch batch --once"), 0);
    assert_contains(world->out, "\r\nrun     \r\n--------\r\nx-seed1 \r\n");
    command_write(world, "young-batch/results.json", "{}");
    command_succeeds(world, "cnntrain watch young-batch");
    assert_string_equal(world->out, "young-batch: 0 runs, 0 ended, 0 at work\n");
    command(world, "mkdir -p runs && rm -rf runs/b && cp -r a runs/b");
    command_succeeds(world, "cnntrain watch");
    assert_starts_with(world->out, "runs: 1 run, ");
}

static void what_is_refused(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain watch nowhere", 4,
                  "nowhere: no such folder; name a run's folder, such as runs/sep_max, or a folder of runs");
    command(world, "mkdir -p empty; touch file");
    command_fails(world, "cnntrain watch empty", 4,
                  "empty: is no run's folder and holds none; name one, such as runs/sep_max");
    command_fails(world, "cnntrain watch file", 4,
                  "file: is no folder; name a run's folder, such as runs/sep_max, or a folder of runs");
    command_write(world, "bad/history.csv", HEADER "1,2\n");
    command_fails(world, "cnntrain watch bad", 3,
                  "bad/history.csv: line 2: has 2 cells, 8 are needed; restore or remove the file");
    put_run(world);
    command(world, "cnntrain watch a >/dev/full");
    assert_int_equal(world->code, 4);
}

/* Follows a run to its end, from before its first epoch; the window changes on the way. */
static void follows_to_the_end(void **state) {
    struct command_world *world = *state;
    assert_int_equal(
        command_on_terminal(
            world, 80,
            "TERM=xterm; export TERM; cnntrain train dw_max --data synth:2000,10 --epochs 40 -q --out live "
            ">/dev/null & while ! test -s live/log.txt; do sleep 0.01; done; (sleep 1; stty cols 40 "
            "rows 12 <&1; kill -WINCH $(pgrep -n -f 'watch live')) & cnntrain watch live; wait"),
        0);
    assert_starts_with(world->out, "\033[?1049h\033[?25l\033[H");
    assert_contains(world->out, "q ends\033[J");
    const char *end = strstr(world->out, "\033[?25h\033[?1049l");
    assert_non_null(end);
    assert_contains(end, "dw_max\r\n40/40 finished\r\n"); /* short, for the window has become narrow */
    assert_lacks(end + 14, "\033[?");
}

static void ends_by_a_key_or_signal(void **state) {
    struct command_world *world = *state;
    put_run(world);
    command(world, "cp -r a going && echo 'epoch 4 of 10' >going/log.txt");
    struct screen screen;
    command_on_terminal(world, 80,
                        "TERM=xterm; export TERM; echo before; (sleep 0.3; kill -INT $(pgrep -n -f 'watch going$')) & "
                        "cnntrain watch going");
    assert_int_equal(world->code, 0);
    screen_open(&screen, 80, 24);
    const char *end = strstr(world->out, "\033[?1049l");
    assert_non_null(end);
    screen_write(&screen, end, strlen(end));
    assert_true(screen_find(&screen, "net: training") >= 0);
    assert_int_equal(screen.wrapped, 0);
}

static void frames_fit(void **state) {
    struct command_world *world = *state;
    put_run(world);
    command(world, "mkdir -p many; for i in $(seq 30); do cp -r a many/run-$i; done");
    static const int sizes[][2] = {{80, 24}, {200, 50}, {20, 10}, {40, 12}, {5, 2}};
    static const char *const folders[] = {"a", "many"};
    for (int i = 0; i < 10; i++) {
        struct screen screen;
        char line[256];
        int columns = sizes[i / 2][0], rows = sizes[i / 2][1];
        snprintf(line, sizeof line,
                 "TERM=xterm LC_ALL=C.UTF-8; export TERM LC_ALL; stty cols %d rows %d <&1; cnntrain "
                 "watch %s --once",
                 columns, rows, folders[i % 2]);
        assert_int_equal(command_on_terminal(world, 80, line), 0);
        screen_open(&screen, columns, rows);
        screen_write(&screen, world->out, strlen(world->out));
        assert_int_equal(screen.wrapped, 0);
        assert_int_equal(screen.scrolled, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_frame),          cmocka_unit_test(before_the_first_epoch),
        cmocka_unit_test(several_runs),       cmocka_unit_test(what_is_refused),
        cmocka_unit_test(follows_to_the_end), cmocka_unit_test(ends_by_a_key_or_signal),
        cmocka_unit_test(frames_fit),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
