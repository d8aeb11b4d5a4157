/* Where output goes: results to stdout and nowhere silently, a bar only on a terminal, colour only where wanted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/command.h"
#include "tests/support/screen.h"

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

/* Steps that take longer than it is from one drawing to the next, so that there is a bar even where loading was drawn.
 */
#define SLOW RUN " --threads 1 --set data.resize=[224,224]"

/* Every moment at which the program had drawn: nothing runs over the edge, and the lines it draws in place are gone in
 * the end. */
static void look(struct screen *screen, const struct command_world *world, int columns, int rows) {
    screen_open(screen, columns, rows);
    screen_write(screen, world->out, strlen(world->out));
    assert_true(screen->is_cursor_shown && !screen->is_alternate);
    assert_int_equal(screen->x, 0);
}

static void bar_on_a_terminal(void **state) {
    struct command_world *world = *state;
    struct screen screen;
    static const int widths[] = {80, 200};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(command_on_terminal(world, widths[i], "TERM=xterm " SLOW " --out bar"), 0);
        assert_contains(world->out, "Epoch 1/1\r\n\r");
        assert_contains(world->out, "/20 [");
        assert_contains(world->out, "] - ETA: ");
        look(&screen, world, widths[i], 24);
        assert_string_equal(screen_line(&screen, 0), "Epoch 1/1");
        assert_starts_with(screen_line(&screen, 1), "20/20 - ");
        assert_starts_with(screen_line(&screen, 2), "Test accuracy ");
        assert_starts_with(screen_line(&screen, 3), "Results are in bar");
        assert_string_equal(screen_line(&screen, 4), "");
    }
}

/* Drawings begin with a carriage return alone. */
static void bar_is_cut_to_a_narrow_window(void **state) {
    struct command_world *world = *state;
    static const int widths[] = {10, 20, 30};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(command_on_terminal(world, widths[i], "TERM=xterm " SLOW " --out narrow"), 0);
        const char *bar = strstr(world->out, "/20");
        assert_non_null(bar);
        while (*bar != '\r') bar--;
        assert_in_range(strcspn(bar + 1, "\033\r\n"), 4, widths[i] - 1);
    }
}

/* At most ten drawings a second. */
static void bar_is_drawn_seldom(void **state) {
    struct command_world *world = *state;
    command_on_terminal(world, 80,
                        "export TERM=xterm; a=$(date +%s%N); " RUN "0 --out often; b=$(date +%s%N); echo T$(((b - a) / "
                        "100000000))T");
    int drawings = 0;
    for (const char *at = world->out; (at = strstr(at, "\033[J\r")) != NULL; at++) drawings++;
    const char *tenths = strchr(world->out, 'T');
    while (tenths && tenths[1] != 'T' && !strchr("0123456789", tenths[1])) tenths = strchr(tenths + 1, 'T');
    assert_non_null(tenths);
    assert_in_range(drawings, 1, atoi(tenths + 1) + 2);
}

static void experiments_are_a_table(void **state) {
    struct command_world *world = *state;
    struct screen screen;
    static const char *const jobs[] = {"1", "2"};
    for (int i = 0; i < 2; i++) {
        char line[256];
        snprintf(line, sizeof line,
                 "TERM=xterm cnntrain experiments --data synth:400,40 --epochs 2 --seeds 2 --only dw_max,dw_avg --jobs "
                 "%s --out table%s",
                 jobs[i], jobs[i]);
        assert_int_equal(command_on_terminal(world, 80, line), 0);
        assert_contains(world->out, "\r\033[4mrun ");
        assert_contains(world->out, "waiting");
        assert_contains(world->out, "running");
        assert_contains(world->out, "0 of 4 done");
        look(&screen, world, 80, 24);
        assert_starts_with(screen_line(&screen, 0), "name ");
        assert_true(screen_find(&screen, "The report is table") > 0);
    }
    /* A row for each run, as it stands in the end, before the closing table takes its place. */
    char *end = strstr(world->out, "\r\033[Jname");
    assert_non_null(end);
    *end = '\0';
    screen_open(&screen, 80, 24);
    screen_write(&screen, world->out, strlen(world->out));
    assert_starts_with(screen_line(&screen, 0), "run     seed  state");
    assert_starts_with(screen_line(&screen, 1), "dw_avg     1  ");
    assert_starts_with(screen_line(&screen, 4), "dw_max     2  ");
    assert_contains(screen_line(&screen, 5), " of 4 done - ");
    assert_int_equal(screen.wrapped, 0);
    assert_int_equal(screen.y, 0);
}

static void table_fits_any_window(void **state) {
    struct command_world *world = *state;
    struct screen screen;
    static const int sizes[][2] = {{20, 10}, {40, 5}, {200, 50}, {7, 3}};
    for (int i = 0; i < 4; i++) {
        char line[256];
        snprintf(
            line, sizeof line,
            "TERM=xterm; export TERM; stty cols %d rows %d <&1; cnntrain experiments demo.json --data synth:200,10 "
            "--epochs 1 --seeds 1 --only conv_avg,dw_avg,dw_max,sep_max --out fits%d >/dev/null",
            sizes[i][0], sizes[i][1], i);
        assert_int_equal(command_on_terminal(world, 80, line), 0);
        screen_open(&screen, sizes[i][0], sizes[i][1]);
        screen_write(&screen, world->out, strlen(world->out));
        assert_int_equal(screen.wrapped, 0);
        assert_int_equal(screen.scrolled, 0);
        assert_int_equal(screen.x + screen.y, 0);
        for (int row = 0; row < screen.rows; row++) assert_string_equal(screen_line(&screen, row), "");
    }
}

/* Names of East Asian characters take two columns each, and are never cut within one. */
static void wide_names(void **state) {
    struct command_world *world = *state;
    struct screen screen;
    static const int widths[] = {80, 20};
    command_write(world, "wide.json",
                  "{\"name\": \"\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE3\x83\xA2\xE3\x83\x87\xE3\x83\xAB\", "
                  "\"extends\": \"dw_max.json\"}");
    command_write(world, "wide_batch.json", "{\"configs\": [\"wide.json\", \"dw_max.json\"]}");
    for (int i = 0; i < 2; i++) {
        char line[256];
        snprintf(line, sizeof line,
                 "TERM=xterm cnntrain experiments wide_batch.json --data synth:2000,40 --epochs 2 --out wide%d", i);
        assert_int_equal(command_on_terminal(world, widths[i], line), 0);
        char *end = strstr(world->out, "\r\033[Jname");
        assert_non_null(end);
        *end = '\0';
        screen_open(&screen, widths[i], 24);
        screen_write(&screen, world->out, strlen(world->out));
        assert_int_equal(screen.wrapped, 0);
        assert_starts_with(screen_line(&screen, 1), "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E");
        /* The states stand below each other: six wide characters are as wide as twelve. */
        if (widths[i] == 80) assert_starts_with(screen_line(&screen, 2), "dw_max           1  done");
    }
}

static void plain_lines_into_pipes_and_files(void **state) {
    struct command_world *world = *state;
    static const char *const lines[] = {
        "cnntrain experiments --data synth:100,10 --epochs 1 --seeds 1 --only dw_max --out plain1 2>&1 | cat",
        "cnntrain experiments --data synth:100,10 --epochs 1 --seeds 1 --only dw_avg --out plain1 | cat",
        "cnntrain layers Conv2D | cat",
        "cnntrain experiments --data synth:100,10 --epochs 1 --seeds 1 --only dw_max --jobs 2 --out plain2 2>&1 | cat",
        RUN " --out plain3 2>&1 | tee log",
        RUN " --out plain4 | cat"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, "export TERM=xterm; %s", lines[i]);
        assert_int_equal(command_on_terminal(world, 80, line), 0);
        assert_lacks(world->out, "\033");
        for (const char *at = world->out; (at = strchr(at, '\r')) != NULL; at++) assert_int_equal(at[1], '\n');
    }
    command(world, "LC_ALL=C cnntrain experiments --data synth:100,10 --epochs 1 --seeds 1 --only dw_max --out plain1");
    assert_contains(world->out, "+/-");
    for (const char *at = world->out; *at; at++) assert_true(*at > 0);
    command(world,
            "LC_ALL=C.UTF-8 cnntrain experiments --data synth:100,10 --epochs 1 --seeds 1 --only dw_max --out plain1");
    assert_contains(world->out, " \xc2\xb1 ");
    command(world, "cnntrain experiments --data synth:100,10 --epochs 1 --seeds 2 --only dw_max --jobs 2 --out side");
    assert_contains(world->err, "dw_max, seed 1: starts\n");
    assert_lacks(world->err, "Epoch");
    command(world,
            "cnntrain experiments --data synth:100,10 --epochs 1 --seeds 2 --only dw_max --jobs 2 -v --out more");
    assert_contains(world->err, "dw_max, seed 1: Epoch 1/1\n");
    assert_contains(world->err, "dw_max, seed 2: 2/2 - ");
}

static void quiet_and_verbose(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, RUN " --out q -q");
    assert_starts_with(world->out, "Test accuracy ");
    command(world, RUN " --out v -v");
    static const char *const told[] = {"data: 170 images loaded in ",
                                       "compute: ",
                                       " kernels, 2 threads\n",
                                       "memory: ",
                                       "feed: 160 training, ",
                                       "training: ",
                                       "checkpoint: v/last.safetensors, written",
                                       " images/s\n",
                                       "\ntook "};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) assert_contains(world->err, told[i]);
    command(world, "cnntrain evaluate v -v");
    assert_contains(world->err, "data: 170 images loaded in ");
    assert_contains(world->err, "took ");
}

/* Whoever waits sees why within a tenth of a second. */
static void loading_is_shown_early(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command_on_terminal(world, 80, "TERM=xterm cnntrain data synth:8000,10"), 0);
    assert_starts_with(world->out, "\rLoading images ");
    assert_contains(world->out, "\r\033[J");
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
        "TERM=xterm cnntrain layers xyzzyx --no-color", "TERM=xterm cnntrain layers xyzzyx | cat",
        "TERM=xterm cnntrain layers xyzzyx 2>&1 | cat"};
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
    assert_contains(world->out, "\033[J\r\r\033[Jerror: interrupted in epoch 1 ");
    struct screen screen;
    look(&screen, world, 80, 24);
    assert_string_equal(screen_line(&screen, 0), "Epoch 1/9");
    assert_starts_with(screen_line(&screen, 1), "error: interrupted in epoch 1 ");
    assert_starts_with(screen_line(&screen, 2), "Go on with: ");
    assert_string_equal(screen_line(&screen, 3), "");
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
        cmocka_unit_test(full_disk_is_an_error),
        cmocka_unit_test(bar_on_a_terminal),
        cmocka_unit_test(bar_is_cut_to_a_narrow_window),
        cmocka_unit_test(loading_is_shown_early),
        cmocka_unit_test(no_bar_elsewhere),
        cmocka_unit_test(bar_is_drawn_seldom),
        cmocka_unit_test(experiments_are_a_table),
        cmocka_unit_test(table_fits_any_window),
        cmocka_unit_test(plain_lines_into_pipes_and_files),
        cmocka_unit_test(quiet_and_verbose),
        cmocka_unit_test(wide_names),
        cmocka_unit_test(colour_where_wanted),
        cmocka_unit_test(error_after_a_bar),
        cmocka_unit_test(control_characters_are_shown),
        cmocka_unit_test(first_words_come_at_once),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
