/* Help, the table of commands, and what the program says to mistyped words. */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/command.h"

/* The words of the commands: the symbol lr_find is the command lr-find. */
static char names[][24] = {
#define COMMAND(symbol) #symbol,
#define HIDDEN_COMMAND(symbol)
#include "cmd/registry.def"
#undef HIDDEN_COMMAND
#undef COMMAND
    "",
};

static int open_world(void **state) {
    for (size_t i = 0; *names[i]; i++)
        for (char *at = strchr(names[i], '_'); at; at = strchr(at, '_')) *at = '-';
    return command_open(state);
}

static void program_help_begins_with_name_and_examples(void **state) {
    struct command_world *world = *state;
    static const char *const lines[] = {"cnntrain --help", "cnntrain -h", "cnntrain help"};
    for (size_t i = 0; i < 3; i++) {
        command_succeeds(world, lines[i]);
        assert_starts_with(world->out, "cnntrain: train and compare small convolutional networks, without Python\n\n"
                                       "Examples:\n  cnntrain ");
        for (size_t k = 0; *names[k]; k++) assert_contains(world->out, names[k]);
    }
}

static void command_help_begins_with_name_and_examples(void **state) {
    struct command_world *world = *state;
    for (size_t i = 0; *names[i]; i++) {
        struct text start = {0};
        text_print(&start, "cnntrain %s: ", names[i]);
        command(world, "cnntrain %s --help", names[i]);
        assert_int_equal(world->code, 0);
        assert_string_equal(world->err, "");
        assert_starts_with(world->out, start.bytes);
        const char *second = strchr(world->out, '\n') + 1;
        assert_starts_with(second, "\nExamples:\n  ");
        char *help = strdup(world->out);
        command(world, "cnntrain help %s", names[i]);
        assert_string_equal(world->out, help);
        free(help);
        text_free(&start);
    }
}

static void every_line_of_help_fits_120_columns(void **state) {
    struct command_world *world = *state;
    for (size_t i = 0; *names[i]; i++) {
        command(world, "cnntrain %s --help", names[i]);
        for (const char *line = world->out; *line; line += strcspn(line, "\n") + 1)
            if (strcspn(line, "\n") > 120) fail_msg("%s: %.*s", names[i], (int)strcspn(line, "\n"), line);
    }
}

static void nothing_typed_is_answered_with_help(void **state) {
    struct command_world *world = *state;
    assert_int_equal(command(world, "cnntrain"), 2);
    assert_starts_with(world->out, "cnntrain: train and compare");
    assert_string_equal(world->err, "error: no command given; to train a config: cnntrain --config FILE\n");
}

static void version(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain --version");
    assert_string_equal(world->out, "cnntrain " CNNTRAIN_VERSION "\n");
    command_succeeds(world, "cnntrain train --version");
    assert_string_equal(world->out, "cnntrain " CNNTRAIN_VERSION "\n");
    command_succeeds(world, "cnntrain --version -v");
    assert_contains(world->out, "\ninstruction sets: reference portable");
    assert_contains(world->out, "\ninstruction set in use: ");
    assert_contains(world->out, "\nusable cores: ");
    assert_contains(world->out, "\nthreads: ");
    assert_contains(world->out, "\ncompiler flags: -");
    assert_contains(world->out, "\nbuilt with: libcjson ");
    assert_contains(world->out, "\ncJSON: ");
    command_succeeds(world, "CNNTRAIN_CPU=portable OMP_NUM_THREADS=3 cnntrain --version -v");
    assert_contains(world->out, "\ninstruction set in use: portable\n");
    assert_contains(world->out, "\nthreads: 3\n");
    command_succeeds(world, "CNNTRAIN_CPU=z80 cnntrain --version -v");
    assert_contains(world->out, "\ninstruction set in use: none\n");
    assert_contains(world->out, "\nbut CNNTRAIN_CPU: \"z80\" is not an instruction set");
}

static void mistyped_words(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"cnntrain tran", "tran: unknown command; did you mean \"train\"?"},
        {"cnntrain summry", "summry: unknown command; did you mean \"summary\"?"},
        {"cnntrain xyzzy", "xyzzy: unknown command; `cnntrain --help` lists them"},
        {"cnntrain help xyzzy", "xyzzy: unknown command; `cnntrain --help` lists them"},
        {"cnntrain train --confg x", "--confg: unknown option of cnntrain train; did you mean \"--config\"?"},
        {"cnntrain train --batchsize=3",
         "--batchsize=3: unknown option of cnntrain train; did you mean \"--batch-size\"?"},
        {"cnntrain experiments --epoch 3",
         "--epoch: unknown option of cnntrain experiments; did you mean \"--epochs\"?"},
        {"cnntrain data --jso", "--jso: unknown option of cnntrain data; did you mean \"--json\"?"},
        {"cnntrain evaluate --xyzzy", "--xyzzy: unknown option of cnntrain evaluate, whose --help lists them"},
        {"cnntrain -x", "-x: unknown option; see: cnntrain train --help"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        command_fails(world, cases[i].line, 2, cases[i].message);
}

static void config_in_place_of_a_command(void **state) {
    struct command_world *world = *state;
    command_write(world, "mine.json", "{}");
    command_fails(world, "cnntrain mine.json", 2,
                  "mine.json: unknown command; to train this config: cnntrain --config mine.json");
}

static void missing_and_superfluous_arguments(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"cnntrain train", "cnntrain train needs a config; see: cnntrain train --help"},
        {"cnntrain summary", "cnntrain summary needs a config or a trained model; see: cnntrain summary --help"},
        {"cnntrain evaluate",
         "cnntrain evaluate needs a model: a checkpoint or a run's folder; see: cnntrain evaluate --help"},
        {"cnntrain predict", "cnntrain predict needs a model and at least one picture; see: cnntrain predict --help"},
        {"cnntrain predict x", "cnntrain predict needs a model and at least one picture; see: cnntrain predict --help"},
        {"cnntrain config", "cnntrain config needs a config; see: cnntrain config --help"},
        {"cnntrain gradcheck", "cnntrain gradcheck needs a config; see: cnntrain gradcheck --help"},
        {"cnntrain bench", "cnntrain bench needs a config or a trained model; see: cnntrain bench --help"},
        {"cnntrain bench a b", "b: one argument too many for cnntrain bench; see: cnntrain bench --help"},
        {"cnntrain train a b", "b: one argument too many for cnntrain train; see: cnntrain train --help"},
        {"cnntrain train a --config b", "a: one argument too many for cnntrain train; see: cnntrain train --help"},
        {"cnntrain experiments a b",
         "b: one argument too many for cnntrain experiments; see: cnntrain experiments --help"},
        {"cnntrain summary a b", "b: one argument too many for cnntrain summary; see: cnntrain summary --help"},
        {"cnntrain summary a --config b",
         "a: one argument too many for cnntrain summary; see: cnntrain summary --help"},
        {"cnntrain evaluate a b", "b: one argument too many for cnntrain evaluate; see: cnntrain evaluate --help"},
        {"cnntrain data a b", "b: one argument too many for cnntrain data; see: cnntrain data --help"},
        {"cnntrain layers a b", "b: one argument too many for cnntrain layers; see: cnntrain layers --help"},
        {"cnntrain config --schema a", "a: one argument too many for cnntrain config; see: cnntrain config --help"},
        {"cnntrain gradcheck a b", "b: one argument too many for cnntrain gradcheck; see: cnntrain gradcheck --help"},
        {"cnntrain train --config", "--config: needs a value; see: cnntrain train --help"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        command_fails(world, cases[i].line, 2, cases[i].message);
}

static void numbers_and_empty_values(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"cnntrain train sep_max --epochs x", "--epochs: must be a whole number, got \"x\""},
        {"cnntrain train sep_max --epochs=1.5", "--epochs: must be a whole number, got \"1.5\""},
        {"cnntrain train sep_max --seed 99999999999",
         "--seed: 99999999999 is too large a number; the largest is 2147483647"},
        {"cnntrain train sep_max --epochs 0", "--epochs: must be 1 or more, got 0"},
        {"cnntrain train sep_max --batch-size -4", "--batch-size: must be 1 or more, got -4"},
        {"cnntrain train sep_max --seed -1", "--seed: must be 0 or more, got -1"},
        {"cnntrain train sep_max --threads 0", "--threads: must be 1 to 1024, got 0"},
        {"cnntrain train sep_max --threads -1", "--threads: must be 1 to 1024, got -1"},
        {"cnntrain train sep_max --threads 9999", "--threads: must be 1 to 1024, got 9999"},
        {"OMP_NUM_THREADS=9999 cnntrain train sep_max", "OMP_NUM_THREADS: must be 1 to 1024, got 9999"},
        {"cnntrain experiments --seeds 0", "--seeds: must be 1 to 64, got 0"},
        {"cnntrain experiments --jobs 0", "--jobs: must be 1 to 256, got 0"},
        {"cnntrain train sep_max --out ''", "--out: is empty; give it a value"},
        {"cnntrain train --config=", "--config: is empty; give it a value"},
        {"cnntrain train ''", "an argument is empty; give it a value, or leave it out"},
        {"cnntrain train sep_max --set epochs", "--set: \"epochs\" is not KEY.PATH=VALUE, such as training.epochs=5"},
        {"CNNTRAIN_CPU=z80 cnntrain gradcheck sep_max", NULL},
    };
    for (size_t i = 0; cases[i].message; i++) command_fails(world, cases[i].line, 2, cases[i].message);
    assert_int_equal(command(world, "CNNTRAIN_CPU=z80 cnntrain gradcheck sep_max"), 2);
    assert_starts_with(world->err, "error: CNNTRAIN_CPU: \"z80\" is not an instruction set this program and processor "
                                   "have; here: reference, portable");
}

static void flags_may_stand_before_the_command(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain --json -q layers Dense");
    assert_starts_with(world->out, "{\n  \"name\": \"Dense\"");
}

/* They serve make and shells: found by name, listed nowhere. */
static void hidden_commands(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain --help");
    assert_lacks(world->out, "\n  manual ");
    assert_lacks(world->out, "\n  complete ");
    command_succeeds(world, "cnntrain manual --help");
    assert_starts_with(world->out, "cnntrain manual: the manual pages as roff");
    command_succeeds(world, "cnntrain complete --help");
    assert_starts_with(world->out, "cnntrain complete: the candidates");
    command_fails(world, "cnntrain complete", 2, "cnntrain complete needs -- and the words so far");
}

/* Prose of the help is as wide as the terminal, up to what can be read. */
static void help_on_terminals(void **state) {
    struct command_world *world = *state;
    static const int columns[] = {40, 80, 200};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        assert_int_equal(command_on_terminal(world, columns[i], "cnntrain train --help"), 0);
        const char *prose = strstr(world->out, "Trains a network;");
        assert_non_null(prose);
        const int length = (int)strcspn(prose, "\r\n");
        assert_in_range(length, columns[i] < 100 ? columns[i] - 12 : 88, columns[i] < 100 ? columns[i] : 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_help_begins_with_name_and_examples),
        cmocka_unit_test(command_help_begins_with_name_and_examples),
        cmocka_unit_test(every_line_of_help_fits_120_columns),
        cmocka_unit_test(nothing_typed_is_answered_with_help),
        cmocka_unit_test(version),
        cmocka_unit_test(mistyped_words),
        cmocka_unit_test(config_in_place_of_a_command),
        cmocka_unit_test(missing_and_superfluous_arguments),
        cmocka_unit_test(numbers_and_empty_values),
        cmocka_unit_test(flags_may_stand_before_the_command),
        cmocka_unit_test(hidden_commands),
        cmocka_unit_test(help_on_terminals),
    };
    return cmocka_run_group_tests(tests, open_world, command_close);
}
