/* Where output goes: results to stdout and nowhere silently, a bar only on a terminal, colour only where wanted. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"

static void full_disk_is_an_error(void **state) {
    struct command_world *world = *state;
    static const char *const lines[] = {
        "--help",
        "--version",
        "layers",
        "layers --json",
        "data",
        "data synth:20,10",
        "summary lesson -q",
        "summary lesson --style keras3 -q",
        "summary dw_max --json",
        "config dw_max",
        "config --schema",
        "gradcheck dw_max",
        "train dw_max --data synth:20,10 --epochs 1 -q --dry-run",
        "train dw_max --data synth:20,10 --epochs 1 -q --out full",
        "evaluate full",
        "evaluate full --json",
        "experiments --data synth:20,10 --epochs 1 --seeds 1 --only dw_max -q --out batch"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        command(world, "cnntrain %s >/dev/full", lines[i]);
        if (world->code != 4) fail_msg("%s: exit code %d", lines[i], world->code);
        assert_starts_with(world->err, "error: stdout: cannot write");
    }
}

#define RUN "cnntrain train dw_max --data synth:160,10 --epochs 1 --batch-size 8"

static void bar_on_a_terminal(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command_on_terminal(world, 80, "TERM=xterm " RUN " --out bar"), 0);
    assert_contains(world->out, "\r");
    assert_starts_with(world->out, "Loading the data ...\r\033[KEpoch 1/1\r\n");
    assert_contains(world->out, "/20 [");
    assert_contains(world->out, "] - ETA: ");
    assert_contains(world->out, "20/20 - ");
    /* No line is wider than the window, less a column. */
    size_t column = 0;
    for (const char *at = world->out; *at; at++) {
        column = *at == '\r' || *at == '\n' || *at == '\033' ? 0 : column + 1;
        if (column > 79 && !strstr(world->out, "val_")) fail_msg("a line of %zu columns", column);
    }
}

static void bar_is_cut_to_a_narrow_window(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command_on_terminal(world, 30, "TERM=xterm " RUN " --out narrow"), 0);
    const char *bar = strstr(world->out, "/20 [");
    assert_non_null(bar);
    while (*bar != '\r') bar--;
    assert_true(strcspn(bar + 1, "\033\r\n") <= 29);
}

static void no_bar_elsewhere(void **state) {
    struct command_world *world = *state;
    static const char *const lines[] = {"TERM=dumb " RUN " --out dumb", "env -u TERM " RUN " --out none",
                                        "TERM=xterm " RUN " -q --out quiet", "TERM=xterm " RUN " --out file 2>err"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(command_on_terminal(world, 80, lines[i]), 0);
        assert_lacks(world->out, "ETA");
        assert_lacks(world->out, "Loading");
        assert_lacks(world->out, "\033");
    }
    char *err = command_read(world, "err");
    assert_starts_with(err, "Epoch 1/1\n20/20 - ");
    assert_lacks(err, "\r");
    free(err);
}

static void colour_where_wanted(void **state) {
    struct command_world *world = *state;
    command_on_terminal(world, 80, "TERM=xterm cnntrain layers xyzzyx");
    assert_starts_with(world->out, "\033[31merror:\033[0m xyzzyx: ");
    static const char *const plain[] = {
        "TERM=xterm NO_COLOR=1 cnntrain layers xyzzyx", "TERM=dumb cnntrain layers xyzzyx",
        "TERM=xterm cnntrain layers xyzzyx --no-color", "TERM=xterm cnntrain layers xyzzyx 2>&1 | cat"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        command_on_terminal(world, 80, plain[i]);
        assert_starts_with(world->out, "error: xyzzyx: ");
    }
}

/* The bar is gone before the error stands in its place. */
static void error_after_a_bar(void **state) {
    struct command_world *world = *state;
    command_on_terminal(
        world, 80,
        "TERM=xterm; export TERM; cnntrain train deep_conv_max --data synth:3000,10 --batch-size 8 --epochs "
        "9 --no-color --out stopped & for i in $(seq 2000); do test -s stopped/log.txt && break; sleep "
        "0.01; done; sleep 0.5; kill -INT $!; wait $!");
    assert_int_equal(world->code, 130);
    assert_contains(world->out, " - ETA: ");
    assert_contains(world->out, "\033[K\r\033[Kerror: interrupted in epoch 1 ");
    assert_contains(world->out, "\nGo on with: cnntrain train --resume stopped\r\n");
}

/* A name may hold what a terminal would obey. */
static void control_characters_are_shown(void **state) {
    struct command_world *world = *state;
    command(world, "cnntrain layers \"$(printf 'a\\033[2Jb\\nc\\302\\233d\\377e\\303\\251')\"");
    assert_string_equal(world->err,
                        "error: a\\x1b[2Jb\\nc\\xc2\\x9bd\\xffe\303\251: unknown; `cnntrain layers` lists all "
                        "there is\n");
}

static void first_words_come_at_once(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "a=$(date +%s%N); cnntrain summary deep_conv_max >/dev/null; b=$(date +%s%N); "
                            "echo $(((b - a) / 1000000))");
    assert_in_range(atoi(world->out), 0, 1000); /* ms; 100 are meant, a busy machine may need more */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_disk_is_an_error),         cmocka_unit_test(bar_on_a_terminal),
        cmocka_unit_test(bar_is_cut_to_a_narrow_window), cmocka_unit_test(no_bar_elsewhere),
        cmocka_unit_test(colour_where_wanted),           cmocka_unit_test(error_after_a_bar),
        cmocka_unit_test(control_characters_are_shown),  cmocka_unit_test(first_words_come_at_once),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
