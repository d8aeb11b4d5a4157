/* SIGKILL at random moments: what is left is a loadable checkpoint and a well-formed history, and going on, killed
 * again and again, ends with the files of a run that nobody disturbed. KILLS says how many kills (10), KILLS_SEED which
 * ones; scripts/torture-kills runs many. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/history.h"
#include "core/model_file.h"
#include "core/platform.h"
#include "core/rng.h"
#include "core/text.h"
#include "tests/support/command.h"
#include "tests/support/registries.h"

/* A checkpoint after every step: most of the time goes into writing them. */
static const char config[] =
    "{\"name\": \"kill\", \"data\": {\"source\": \"synth\", \"train\": 40, \"test\": 20, \"validation_split\": 0.2,\n"
    " \"augment\": [\"RandomFlip\", {\"type\": \"RandomCrop\", \"padding\": 2}]},\n"
    " \"model\": [{\"type\": \"Conv2D\", \"filters\": 4, \"kernel_size\": 3, \"strides\": 2, \"activation\": "
    "\"relu\"},\n"
    "  \"BatchNormalization\", {\"type\": \"MaxPooling2D\"}, {\"type\": \"Dropout\", \"rate\": 0.2}, \"Flatten\",\n"
    "  {\"type\": \"Dense\", \"units\": 10, \"activation\": \"softmax\"}],\n"
    " \"training\": {\"epochs\": 3, \"batch_size\": 8, \"optimizer\": {\"type\": \"Adam\", \"learning_rate\": 0.02},\n"
    "  \"schedule\": {\"type\": \"CosineDecay\", \"warmup_epochs\": 0.5}, \"checkpoint_steps\": 1,\n"
    "  \"keep_checkpoints\": 3, \"callbacks\": [{\"type\": \"EarlyStopping\", \"patience\": 2,\n"
    "  \"restore_best_weights\": true}, {\"type\": \"ReduceLROnPlateau\", \"patience\": 0}]}}\n";
static const char batch[] = "{\"configs\": [\"kill.json\", \"other.json\"], \"seeds\": [1]}\n";

/* What is repeated until it is done, and the folder of its first run that a kill may have hit. */
struct task {
    const char *first, *again; /* words of the command, separated by spaces */
    const char *whole, *folder;
    const char *const *runs; /* folders below those of undisturbed and killed command, ended by NULL */
    double seconds;          /* of the undisturbed command */
};

struct tally {
    int kills, before, finished, resumed; /* before: no checkpoint stood there yet */
};

static int number_from(const char *name, int fallback) {
    const char *text = getenv(name);
    return text && *text ? atoi(text) : fallback;
}

static double between(struct rng *rng, double from, double to) {
    return from + (to - from) * (double)rng_uniform(rng);
}

static void run_program(const struct command_world *world, const char *words) {
    char copy[512], *arguments[32] = {"cnntrain"}, *rest = NULL;
    int count = 1;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, " ", &rest); word && count < 31; word = strtok_r(NULL, " ", &rest))
        arguments[count++] = word;
    if (chdir(world->folder) != 0 || !freopen("/dev/null", "w", stdout) || !freopen("kill.err", "w", stderr))
        _exit(126);
    execvp("cnntrain", arguments);
    _exit(126);
}

/* Whether the child ends by itself within `seconds`; looks once in a millisecond. */
static bool ends_within(pid_t child, double seconds, int *status) {
    const double end = platform_seconds() + seconds;
    for (double left = seconds; left > 0; left = end - platform_seconds()) {
        const struct timespec pause = {0, (long)(1e9 * (left < 1e-3 ? left : 1e-3))};
        if (waitpid(child, status, WNOHANG) == child) return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

/* The program's exit code, or -1 where it was killed; it lives on where `seconds` are below 0. */
static int kill_within(const struct command_world *world, const char *words, double seconds) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) run_program(world, words);
    if (seconds < 0 || !ends_within(child, seconds, &status)) {
        if (seconds >= 0) kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
    }
    return WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
}

/* ---- what is left ---- */

static char *path_of(const struct command_world *world, const char *folder, const char *run, const char *name) {
    struct text text = {0};
    text_print(&text, "%s/%s/%s/%s", world->folder, folder, run, name);
    assert_false(text.failed);
    return text.bytes;
}

static void check_history(const char *path) {
    struct history history;
    struct error error = {0};
    if (!file_exists(path)) return;
    history_read(path, &history, &error);
    expect_no_error(&error);
    for (int i = 0; i < history.count; i++) assert_int_equal(history.rows[i].epoch, i + 1);
    history_free(&history);
}

/* Whether the run had come as far as its first checkpoint. */
static bool check_run(const struct command_world *world, const struct task *task, const char *run) {
    struct error error = {0};
    char *last = path_of(world, task->folder, run, "last.safetensors");
    char *history = path_of(world, task->folder, run, "history.csv");
    char *settings = path_of(world, task->folder, run, "config.json");
    bool begun = file_exists(last);
    if (begun) {
        struct saved_model saved;
        struct config_request request = {.registries = &test_registries};
        saved_model_open(&saved, last, false, &request, &error);
        expect_no_error(&error);
        saved_model_free(&saved);
        check_history(history);
    } else {
        assert_false(file_exists(history));
        assert_false(file_exists(settings));
    }
    free(last);
    free(history);
    free(settings);
    return begun;
}

static void compare_runs(struct command_world *world, const struct task *task, const char *run) {
    static const char *const names[] = {"last.safetensors", "best.safetensors", "predictions.csv", "confusion.csv",
                                        "config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (command(world, "cmp %s/%s/%s %s/%s/%s", task->whole, run, names[i], task->folder, run, names[i]) != 0)
            fail_msg("%s%s", world->out, world->err);
    int code = command(
        world, "for i in %s %s; do cut -d , -f 1-6 $i/%s/history.csv >$i.csv; done; cmp %s.csv %s.csv; ls %s/%s",
        task->whole, task->folder, run, task->whole, task->folder, task->folder, run);
    if (code != 0 || strstr(world->out, "differ")) fail_msg("%s%s", world->out, world->err);
    assert_lacks(world->out, ".tmp");
}

/* ---- kills ---- */

/* Kills the command until it comes to its end, or there have been enough kills; then lets it end. */
static void torture(struct command_world *world, struct task *task, struct rng *rng, int kills, struct tally *tally) {
    bool fresh = true;
    for (;;) {
        const char *words = fresh ? task->first : task->again;
        bool enough = tally->kills >= kills;
        double start = platform_seconds();
        int code = kill_within(world, words, enough ? -1 : between(rng, 0, 1.2 * task->seconds));
        if (code >= 0) {
            char *said = command_read(world, "kill.err");
            if (code != 0) fail_msg("exit code %d: %s", code, said);
            free(said);
            double took = platform_seconds() - start;
            if (fresh && took < task->seconds) task->seconds = took; /* the machine was busy before */
            break;
        }
        assert_false(enough);
        tally->kills++;
        bool begun = false;
        for (int i = 0; task->runs[i]; i++) begun |= check_run(world, task, task->runs[i]);
        fresh = !begun;
        if (begun)
            tally->resumed++;
        else
            tally->before++;
        if (!begun) command(world, "rm -rf %s", task->folder);
    }
    for (int i = 0; task->runs[i]; i++) compare_runs(world, task, task->runs[i]);
    tally->finished++;
    command(world, "rm -rf %s", task->folder);
}

static void torture_often(struct command_world *world, struct task *task, const char *undisturbed, int kills,
                          uint64_t stream) {
    struct rng rng = rng_stream((uint64_t)number_from("KILLS_SEED", 1), RNG_CHECK, stream, 0, 0);
    struct tally tally = {0};
    double start = platform_seconds();
    if (command(world, "%s", undisturbed) != 0) fail_msg("%s", world->err);
    task->seconds = platform_seconds() - start;
    while (tally.kills < kills) torture(world, task, &rng, kills, &tally);
    print_message("%s: %d kills, %d of them before the first checkpoint; went on %d times; %d runs ended as the "
                  "undisturbed one\n",
                  task->folder, tally.kills, tally.before, tally.resumed, tally.finished);
}

static void write_configs(struct command_world *world) {
    command_write(world, "kill.json", config);
    command_write(world, "batch.json", batch);
    command_write(world, "other.json",
                  "{\"extends\": \"kill.json\", \"name\": \"other\", \"training\": {\"optimizer\": \"RMSprop\"}}");
}

static void kills_of_a_training(void **state) {
    struct command_world *world = *state;
    static const char *const runs[] = {".", NULL};
    int kills = number_from("KILLS", 10);
    write_configs(world);
    struct task task = {.first = "train --config kill.json -q --out train",
                        .again = "train --resume train -q",
                        .whole = "whole",
                        .folder = "train",
                        .runs = runs};
    torture_often(world, &task, "cnntrain train --config kill.json -q --out whole", kills - kills * 3 / 10, 1);
}

static void kills_of_experiments(struct command_world *world, const char *jobs, int kills, uint64_t stream) {
    static const char *const runs[] = {"kill-seed1", "other-seed1", NULL};
    char line[128], undisturbed[128];
    snprintf(line, sizeof line, "experiments batch.json -q --out batch --jobs %s", jobs);
    snprintf(undisturbed, sizeof undisturbed, "rm -rf all; cnntrain experiments batch.json -q --out all --jobs %s",
             jobs);
    struct task task = {.first = line, .again = line, .whole = "all", .folder = "batch", .runs = runs};
    torture_often(world, &task, undisturbed, kills, stream);
}

static void kills_of_a_batch(void **state) {
    int kills = number_from("KILLS", 10);
    kills_of_experiments(*state, "1", kills * 3 / 20, 2);
}

static void kills_of_jobs(void **state) {
    int kills = number_from("KILLS", 10);
    kills_of_experiments(*state, "2", kills * 3 / 10 - kills * 3 / 20, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_of_a_training),
        cmocka_unit_test(kills_of_a_batch),
        cmocka_unit_test(kills_of_jobs),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
