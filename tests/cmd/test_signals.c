/* Ctrl-C and its kind while nothing is at stake: the program ends at once, says so, and leaves nothing behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/platform.h"
#include "tests/support/command.h"
#include "tests/support/sanitizers.h"
#include "tests/support/tree.h"

static void write_few(struct command_world *world) {
    assert_int_equal(command(world, "mkdir -p few/train/a few/train/b"), 0);
    command_write_picture(world, "few/train/a/1.png", 8, 8, 3);
    command_write_picture(world, "few/train/b/1.png", 8, 8, 3);
}

/* The data of slow.json take minutes to load: one large picture 20,000 times, made small. */
static void write_slow_data(struct command_world *world) {
    command_write_picture(world, "large.png", 1000, 1000, 3);
    assert_int_equal(command(world,
                             "echo file,label >list.csv; i=0; while [ $i -lt 20000 ]; do echo large.png,$((i %% 2)); "
                             "i=$((i + 1)); done >>list.csv; mkdir -p many/a many/b; "
                             "for i in $(seq 500); do ln large.png many/a/$i.png; ln large.png many/b/$i.png; done"),
                     0);
    command_write(
        world, "slow.json",
        "{\"data\": {\"source\": \"csv\", \"path\": \"list.csv\", \"resize\": [8, 8]}, \"training\": {\"epochs\": 1},\n"
        " \"model\": [\"Flatten\", {\"type\": \"Dense\", \"units\": 2, \"activation\": \"softmax\"}]}");
    command_write(world, "batch.json", "{\"configs\": [\"slow.json\"], \"seeds\": [1, 2]}");
    command_succeeds(world, "cnntrain train slow.json --data folder:few -q --out run >/dev/null");
}

static int open_world(void **state) {
    if (command_open(state) != 0) return -1;
    write_few(*state);
    write_slow_data(*state);
    return 0;
}

static char *listing(struct command_world *world) {
    command(world, "find . | sort");
    return strdup(world->out);
}

/* The program catches the signal from its first milliseconds on; it gets it two tenths of a second later. */
static void send(struct command_world *world, const char *arguments, const char *signal) {
    command(
        world,
        "cnntrain %s & program=$!\n"
        "for i in $(seq 2000); do grep -q '^SigCgt:.*[2367abef]$' /proc/$program/status && break; sleep 0.01; done\n"
        "sleep 0.2; kill -%s $program\nwait $program",
        arguments, signal);
}

static void expect_prompt_end(struct command_world *world, const char *arguments, const char *signal,
                              const char *sentence) {
    enum { SECONDS = 20 }; /* for a busy machine; loading takes far longer */
    char *before = listing(world);
    const double start = platform_seconds();
    send(world, arguments, signal);
    if (world->code != 130) fail_msg("%s: exit code %d: %s", arguments, world->code, world->err);
    assert_true(platform_seconds() - start < SECONDS);
    char expected[256];
    snprintf(expected, sizeof expected, "error: %s\n", sentence);
    assert_string_equal(world->err, expected);
    char *after = listing(world);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

static void loading_ends_at_once(void **state) {
    struct command_world *world = *state;
    static const char begins[] = "interrupted while the data were loaded; nothing was written";
    static const char nothing[] = "interrupted; nothing was written";
    static const char batch[] = "interrupted while data were loaded; the same command goes on from here";
    static const char usual[] = "interrupted; no file is left half written";
    static const struct {
        const char *arguments, *signal, *sentence;
    } cases[] = {
        {"train slow.json", "INT", begins},
        {"train slow.json --out deep/below/run", "TERM", begins},
        {"train slow.json --dry-run", "HUP", nothing},
        {"experiments batch.json", "INT", batch},
        {"experiments batch.json --jobs 2", "TERM", batch},
        {"experiments batch.json --dry-run", "INT", nothing},
        {"lr-find slow.json --out rates.csv", "INT", nothing},
        {"evaluate run --data csv:list.csv", "TERM", usual},
        {"predict run many --resize fit", "INT", usual},
        {"predict run many --resize fit --csv", "INT", usual},
        {"visualize run --data csv:list.csv --features train:1 --out pictures", "INT", usual},
        {"data --config slow.json --sheet sheet.png", "INT", usual},
        {"data --config slow.json --export new", "INT", usual},
        {"init many --out new.jsonc", "INT", usual},
        {"summary slow.json", "INT", usual},
    };
    if (SANITIZES_THREADS) skip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_prompt_end(world, cases[i].arguments, cases[i].signal, cases[i].sentence);
}

/* Of a run that goes on, the checkpoint stands; the same data take minutes again. */
static void resuming_is_loading_too(void **state) {
    struct command_world *world = *state;
    if (SANITIZES_THREADS) skip();
    command_succeeds(world, "cp -R run cut && rm cut/metrics.json");
    expect_prompt_end(world, "train --resume cut --data csv:list.csv --allow-changes", "INT",
                      "interrupted while the data were loaded; the run is as it was");
}

/* While one run trains and the data of the next are loaded, the first ends with a checkpoint. */
static void loading_beside_a_run_ends_soon(void **state) {
    struct command_world *world = *state;
    if (SANITIZES_THREADS) skip();
    command_write(world, "long.json",
                  "{\"extends\": \"slow.json\", \"data\": {\"source\": \"folder\", \"path\": \"few\"},\n"
                  " \"training\": {\"epochs\": 1000000}}");
    command_write(world, "both.json", "{\"configs\": [\"long.json\", \"slow.json\"], \"seeds\": [1]}");
    const double start = platform_seconds();
    command(world, "cnntrain experiments both.json --jobs 2 --out both -q & program=$!\n"
                   "for i in $(seq 6000); do test -s both/long-seed1/history.csv && break; sleep 0.01; done\n"
                   "sleep 0.2; kill -TERM $program\nwait $program");
    assert_true(platform_seconds() - start < 40);
    assert_int_equal(world->code, 130);
    assert_starts_with(world->err,
                       "error: interrupted while data were loaded\nGo on with: cnntrain experiments both.json");
    assert_true(command_has(world, "both/long-seed1/last.safetensors"));
    assert_true(command_has(world, "both/long-seed1/report.html"));
}

/* An export that is broken off takes back what it wrote, and nothing else. */
static void export_takes_back_what_it_wrote(void **state) {
    struct command_world *world = *state;
    if (SANITIZES_THREADS) skip();
    command(
        world,
        "mkdir there; for folder in there new/deep; do\n"
        "cnntrain data synth:30000,10 --export $folder & program=$!\n"
        "for i in $(seq 6000); do test -e $folder/train/0/000001.png -o -e $folder/train/1 && break; sleep 0.01; done\n"
        "kill -INT $program\nwait $program; echo $?; done");
    assert_string_equal(world->out, "130\n130\n");
    assert_string_equal(world->err,
                        "error: there: interrupted; it is removed\nerror: new/deep: interrupted; it is removed\n");
    command(world, "find there new");
    assert_string_equal(world->out, "there\nnew\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_ends_at_once),
        cmocka_unit_test(resuming_is_loading_too),
        cmocka_unit_test(loading_beside_a_run_ends_soon),
        cmocka_unit_test(export_takes_back_what_it_wrote),
    };
    return cmocka_run_group_tests(tests, open_world, command_close);
}
