#include "core/experiments.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "data/room.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"
#include "tests/support/tree.h"

/* A folder with an experiment file and its configs, and what was heard of a batch. */
struct world {
    char *folder, *file, *out;
    struct data_room room;
    struct workshop workshop;
    struct config_request config;
    struct experiments_request request;
    struct experiments_outcome outcome;
    struct error error;
    struct text events;
    volatile sig_atomic_t stop;
    const char *stop_name; /* stops in the second epoch of the run of this config */
    const char *stop_at;   /* stops when the run of this config begins */
    const char *kill_name; /* the process that runs this config kills itself */
    bool is_marked;        /* the run that begins is one of these */
    int loads;
    int trained; /* epochs that were told */
};

/* The room's functions know no world. */
static struct world *the_world;

static int load_tiny(const struct component *source, const char *base, const char *fallback, uint64_t seed,
                     const struct progress *progress, struct data_splits *splits, struct error *error) {
    (void)source;
    (void)base;
    (void)fallback;
    (void)seed;
    (void)progress;
    (void)error;
    the_world->loads++;
    tiny_splits(splits, 24, 8, 15);
    return 0;
}

static void hear_training(void *listener, const struct train_event *event) {
    struct world *world = listener;
    if (!world->is_marked || event->epoch != 2 || event->kind != TRAIN_STEP) return;
    if (world->stop_name) world->stop = 1;
    if (world->kill_name) kill(getpid(), SIGKILL);
}

static bool is_name(const char *wanted, const char *name) {
    return wanted && strcmp(wanted, name) == 0;
}

static void hear(void *listener, const struct experiment_event *event) {
    static const char *const kinds[EXPERIMENT_WAITING + 1] = {[EXPERIMENT_RUN_BEGIN] = "begin",
                                                              [EXPERIMENT_RUN_SKIPPED] = "skip",
                                                              [EXPERIMENT_RUN_END] = "end",
                                                              [EXPERIMENT_RUN_FAILED] = "fail"};
    struct world *world = listener;
    assert_non_null(event->plan);
    world->trained += event->kind == EXPERIMENT_RUN_TRAINS && event->train->kind == TRAIN_EPOCH_END;
    if (event->kind == EXPERIMENT_RUN_TRAINS && event->train->kind == TRAIN_EPOCH_END)
        assert_true(event->train->row->loss > 0);
    if (event->kind == EXPERIMENT_RUN_FAILED) assert_int_not_equal(event->error->code, ERROR_NONE);
    if (!kinds[event->kind]) return;
    text_print(&world->events, "%s %s %d %d/%d%s%s\n", kinds[event->kind], event->name, event->seed, event->number,
               event->total, event->resumed ? " resumed" : "",
               event->result && event->result->status == RUN_NOT_FINITE ? " not finite" : "");
    world->is_marked = is_name(world->stop_name, event->name) || is_name(world->kill_name, event->name);
    if (event->kind == EXPERIMENT_RUN_BEGIN && is_name(world->stop_at, event->name)) world->stop = 1;
    if (event->kind == EXPERIMENT_RUN_SKIPPED || event->kind == EXPERIMENT_RUN_END) assert_non_null(event->result);
}

static void put(const struct world *world, const char *name, const char *json) {
    char *text = tiny_json(json);
    tree_write(world->folder, name, text);
    free(text);
}

static void put_config(const struct world *world, const char *name, const char *layer, const char *training) {
    char file[64], text[1024];
    snprintf(file, sizeof file, "%s.json", name);
    snprintf(text, sizeof text,
             "{'data': 'synth', 'model': [%s, 'Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax'}], "
             "'training': {'batch_size': 8, 'epochs': 3%s}}",
             layer, training);
    put(world, file, text);
}

static int open_world(void **state) {
    struct world *world = the_world = calloc(1, sizeof *world);
    if (!world) return -1;
    world->folder = expect_folder();
    world->file = expect_path(world->folder, "exp.json");
    world->out = expect_path(world->folder, "out");
    world->room = data_room;
    world->room.load = load_tiny;
    world->workshop = (struct workshop){.registries = &test_registries,
                                        .data_room = &world->room,
                                        .kernels = kernels_select(NULL),
                                        .threads = 1,
                                        .stop = &world->stop,
                                        .listen = hear_training,
                                        .listener = world};
    world->config = (struct config_request){.registries = &test_registries};
    world->request = (struct experiments_request){.workshop = &world->workshop,
                                                  .config = &world->config,
                                                  .path = world->file,
                                                  .out = world->out,
                                                  .jobs = 1,
                                                  .command = "cnntrain experiments exp.json",
                                                  .listen = hear,
                                                  .listener = world};
    put_config(world, "avg", "'AveragePooling2D'", "");
    put_config(world, "max", "'MaxPooling2D'", "");
    put(world, "exp.json", "{'configs': ['avg.json', 'max'], 'seeds': [3, 1]}");
    *state = world;
    return 0;
}

static int close_world(void **state) {
    struct world *world = *state;
    experiments_free(&world->outcome);
    text_free(&world->events);
    free(world->file);
    free(world->out);
    tree_gone(world->folder);
    free(world);
    return 0;
}

static int run(struct world *world) {
    experiments_free(&world->outcome);
    text_free(&world->events);
    world->stop = 0;
    world->loads = world->trained = 0;
    world->is_marked = false;
    return experiments_run(&world->request, &world->outcome, &world->error);
}

static void run_good(struct world *world, const char *events) {
    int status = run(world);
    expect_no_error(&world->error);
    assert_int_equal(status, 0);
    assert_string_equal(world->events.bytes, events);
}

static void run_bad(struct world *world, enum error_code code, const char *text) {
    assert_int_equal(run(world), -1);
    expect_error(&world->error, code, text);
}

/* `text` follows the folder's path and a slash. */
static void run_bad_file(struct world *world, enum error_code code, const char *text) {
    char expected[2048];
    snprintf(expected, sizeof expected, "%s/%s", world->folder, text);
    run_bad(world, code, expected);
    assert_false(file_exists(world->out));
}

static int rows_of_results(const struct world *world) {
    char *text = tree_read(world->out, "results.csv", NULL);
    int lines = 0;
    for (const char *at = text; *at; at++) lines += *at == '\n';
    free(text);
    return lines - 1;
}

static const char all_events[] = "begin avg 3 1/4\nend avg 3 1/4\nbegin avg 1 2/4\nend avg 1 2/4\n"
                                 "begin max 3 3/4\nend max 3 3/4\nbegin max 1 4/4\nend max 1 4/4\n";
static const char *const run_names[] = {"avg-seed3", "avg-seed1", "max-seed3", "max-seed1"};

/* ---- a batch ---- */

static void test_order_and_files(void **state) {
    struct world *world = *state;
    run_good(world, all_events);
    assert_int_equal(world->loads, 1); /* the same data for all */
    assert_int_equal(world->trained, 12);
    assert_string_equal(world->outcome.folder, world->out);
    assert_int_equal(world->outcome.finished, 4);
    assert_int_equal(world->outcome.total, 4);
    assert_non_null(strstr(world->outcome.table.bytes, "avg"));
    for (int i = 0; i < 4; i++) {
        char *folder = expect_path(world->out, run_names[i]);
        assert_true(run_is_finished(folder));
        assert_true(tree_has(folder, "report.md"));
        free(folder);
    }
    assert_true(tree_has(world->out, "report.md") && tree_has(world->out, "results.json"));
    char *text = tree_read(world->out, "results.csv", NULL);
    static const char header[] = "name,seed,parameters,multiplications,train_accuracy,val_accuracy,test_accuracy,"
                                 "test_loss,seconds_per_epoch,images_per_second\navg,3,99,";
    assert_memory_equal(text, header, sizeof header - 1);
    assert_non_null(strstr(text, "\navg,1,99,"));
    assert_non_null(strstr(strstr(text, "\nmax,3,99,"), "\nmax,1,99,"));
    free(text);
}

static void test_restart_skips(void **state) {
    struct world *world = *state;
    run_good(world, all_events);
    char *before = tree_read(world->out, "results.csv", NULL);
    run_good(world, "skip avg 3 1/4\nskip avg 1 2/4\nskip max 3 3/4\nskip max 1 4/4\n");
    char *after = tree_read(world->out, "results.csv", NULL);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* An interrupted run leaves a report of what is finished; the same command goes on and ends as if nothing had been. */
static void test_interruption(void **state) {
    struct world *world = *state;
    char *whole = expect_path(world->folder, "whole"), *parts = world->out, expected[512];
    world->request.out = whole;
    run_good(world, all_events);
    world->request.out = parts;
    world->stop_name = "max";
    run_bad(world, ERROR_INTERRUPTED, "interrupted in epoch 2 after step 1 of 3; a checkpoint is written");
    assert_string_equal(world->events.bytes, "begin avg 3 1/4\nend avg 3 1/4\nbegin avg 1 2/4\nend avg 1 2/4\n"
                                             "begin max 3 3/4\nfail max 3 3/4\n");
    assert_int_equal(rows_of_results(world), 2);
    assert_int_equal(world->outcome.finished, 2);
    world->stop_name = NULL;
    world->stop_at = "max"; /* before its next step */
    assert_int_equal(run(world), -1);
    assert_int_equal(world->error.code, ERROR_INTERRUPTED);
    error_clear(&world->error);
    world->stop_at = NULL;
    run_good(world, "skip avg 3 1/4\nskip avg 1 2/4\nbegin max 3 3/4 resumed\nend max 3 3/4\nbegin max 1 4/4\n"
                    "end max 1 4/4\n");
    assert_int_equal(rows_of_results(world), 4);
    for (int i = 0; i < 4; i++) {
        char *a = expect_path(whole, run_names[i]), *b = expect_path(parts, run_names[i]);
        tree_same(a, b, "last.safetensors");
        tree_same(a, b, "predictions.csv");
        free(a);
        free(b);
    }
    world->stop_at = "avg";
    put(world, "exp.json", "{'configs': ['max.json', 'avg.json'], 'seeds': [7]}");
    char *third = expect_path(world->folder, "third");
    world->request.out = third;
    put_config(world, "max", "'MaxPooling2D'", ", 'shuffle': false");
    assert_int_equal(run(world), -1);
    assert_int_equal(world->error.code, ERROR_INTERRUPTED);
    error_clear(&world->error);
    snprintf(expected, sizeof expected, "begin max 7 1/2\nend max 7 1/2\nbegin avg 7 2/2\nfail avg 7 2/2\n");
    assert_string_equal(world->events.bytes, expected);
    world->request.out = world->out;
    free(third);
    free(whole);
}

static void test_only(void **state) {
    struct world *world = *state;
    world->request.only = "max";
    run_good(world, "begin max 3 3/4\nend max 3 3/4\nbegin max 1 4/4\nend max 1 4/4\n");
    assert_int_equal(world->outcome.finished, 2);
    assert_int_equal(world->outcome.total, 4);
    world->request.only = "max,avg";
    run_good(world, "begin avg 3 1/4\nend avg 3 1/4\nbegin avg 1 2/4\nend avg 1 2/4\nskip max 3 3/4\nskip max 1 4/4\n");
    world->request.only = "max,agv";
    run_bad(world, ERROR_CONFIG, "--only: no config of this batch is called \"agv\"; did you mean \"avg\"?");
    world->request.only = "";
    run_bad(world, ERROR_CONFIG, "--only: names no config of this batch; leave it out to run all");
}

static void test_seeds(void **state) {
    struct world *world = *state;
    put(world, "exp.json", "{'configs': ['avg.json'], 'seeds': [9]}");
    world->request.seeds = 2;
    run_good(world, "begin avg 1 1/2\nend avg 1 1/2\nbegin avg 2 2/2\nend avg 2 2/2\n");
    char *a = expect_path(world->out, "avg-seed1"), *b = expect_path(world->out, "avg-seed2");
    char *first = tree_read(a, "history.csv", NULL), *second = tree_read(b, "history.csv", NULL);
    assert_string_not_equal(first, second);
    free(first);
    free(second);
    free(a);
    free(b);
}

/* The file's `set` weighs more than the configs, the command line more than both. */
static void test_set(void **state) {
    struct world *world = *state;
    struct run_result result;
    put(world, "exp.json",
        "{'name': 'named', 'configs': ['avg.json'], 'set': {'training.epochs': 2, "
        "'training.optimizer': {'type': 'SGD', 'learning_rate': 0.30000000000000004}, "
        "'training.batch_size': 5}}");
    const struct config_override over[] = {{"training.batch_size", "6"}};
    world->config.overrides = over;
    world->config.override_count = 1;
    run_good(world, "begin avg 1 1/1\nend avg 1 1/1\n");
    char *folder = expect_path(world->out, "avg-seed1"), *path = expect_path(folder, "metrics.json");
    run_result_read(path, &result, &world->error);
    assert_int_equal(result.epochs, 2);
    assert_int_equal(result.batch_size, 6);
    run_result_free(&result);
    char *config = tree_read(folder, "config.json", NULL), *report = tree_read(world->out, "report.md", NULL);
    assert_non_null(strstr(config, "0.30000000000000004"));
    assert_non_null(strstr(report, "named"));
    assert_non_null(strstr(report, "cnntrain experiments exp.json"));
    free(config);
    free(report);
    free(path);
    free(folder);
    const struct config_override seed[] = {{"seed", "6"}};
    world->config.overrides = seed;
    run_bad(world, ERROR_CONFIG, "seed: cannot be set for a whole batch; choose with --seeds");
}

/* Data are loaded again only where they are described otherwise. */
static void test_data_of_each_config(void **state) {
    struct world *world = *state;
    put(world, "other.json",
        "{'data': {'source': 'synth', 'train': 7}, 'model': ['Flatten', {'type': 'Dense', 'units': "
        "3, 'activation': 'softmax'}]}");
    put(world, "exp.json", "{'configs': ['avg.json', 'max.json', 'other.json'], 'seeds': [1, 2]}");
    assert_int_equal(run(world), 0);
    assert_int_equal(world->loads, 2);
}

static void test_divergence(void **state) {
    struct world *world = *state;
    put_config(world, "avg", "'AveragePooling2D'", ", 'optimizer': {'type': 'SGD', 'learning_rate': 1e300}");
    put(world, "exp.json", "{'configs': ['avg.json', 'max.json']}");
    run_good(world, "begin avg 1 1/2\nend avg 1 1/2 not finite\nbegin max 1 2/2\nend max 1 2/2\n");
    assert_int_equal(world->outcome.finished, 1);
    assert_int_equal(world->outcome.total, 2);
    char *text = tree_read(world->out, "results.csv", NULL);
    assert_non_null(strstr(text, "\navg,1,99,"));
    assert_non_null(strstr(text, ",,,,,,\nmax,1,99,"));
    free(text);
    run_good(world, "skip avg 1 1/2 not finite\nskip max 1 2/2\n");
}

/* ---- folders ---- */

static void test_other_config_in_the_folder(void **state) {
    struct world *world = *state;
    char expected[1024];
    run_good(world, all_events);
    put_config(world, "max", "'MaxPooling2D'", ", 'label_smoothing': 0.1");
    snprintf(
        expected, sizeof expected,
        "%s/max-seed3: holds a run with another config: training.label_smoothing was 0, now 0.1; choose another --out, "
        "or remove that folder to run it anew",
        world->out);
    run_bad(world, ERROR_CONFIG, expected);
    assert_int_equal(rows_of_results(world), 4);
}

/* A config beside the experiment file goes before one of the same name in the working folder. */
static void test_configs_beside_the_file(void **state) {
    struct world *world = *state;
    char *here = getcwd(NULL, 0), *deep = expect_path(world->folder, "deep"), *file = expect_path(deep, "exp.json");
    assert_non_null(here);
    file_make_folder(deep, &world->error);
    put(world, "avg.json", "{'name': 'wrong', 'data': 'synth', 'model': ['Flatten']}");
    put(world, "deep/exp.json", "{'configs': ['avg.json', 'max.json']}"); /* the second is nowhere beside it */
    put_config(world, "deep/avg", "'AveragePooling2D'", ", 'shuffle': false");
    assert_int_equal(chdir(world->folder), 0);
    world->request.path = file;
    run_good(world, "begin avg 1 1/2\nend avg 1 1/2\nbegin max 1 2/2\nend max 1 2/2\n");
    assert_int_equal(chdir(here), 0);
    free(file);
    free(deep);
    free(here);
}

/* Without --out: runs/NAME, and runs/NAME-2 for a batch with other configs. */
static void test_default_folder(void **state) {
    struct world *world = *state;
    char *here = getcwd(NULL, 0);
    assert_non_null(here);
    assert_int_equal(chdir(world->folder), 0);
    world->request.out = NULL;
    put(world, "exp.json", "{'configs': ['avg.json']}");
    run_good(world, "begin avg 1 1/1\nend avg 1 1/1\n");
    assert_string_equal(world->outcome.folder, "runs/exp");
    run_good(world, "skip avg 1 1/1\n");
    assert_string_equal(world->outcome.folder, "runs/exp");
    put_config(world, "avg", "'AveragePooling2D'", ", 'label_smoothing': 0.1");
    run_good(world, "begin avg 1 1/1\nend avg 1 1/1\n");
    assert_string_equal(world->outcome.folder, "runs/exp-2");
    run_good(world, "skip avg 1 1/1\n");
    assert_string_equal(world->outcome.folder, "runs/exp-2");
    assert_int_equal(chdir(here), 0);
    free(here);
}

static void test_lock(void **state) {
    struct world *world = *state;
    char expected[1024];
    file_make_folder(world->out, &world->error);
    int lock = run_lock_folder(world->out, &world->error);
    snprintf(expected, sizeof expected,
             "%s: another cnntrain is at work in this folder; wait for it, or choose another --out", world->out);
    run_bad(world, ERROR_CONFIG, expected);
    close(lock);
    run_good(world, all_events);
}

/* ---- what is refused before anything is made ---- */

static void bad_batch(struct world *world, const char *json, const char *text) {
    put(world, "exp.json", json);
    run_bad_file(world, ERROR_CONFIG, text);
}

static void test_refused(void **state) {
    struct world *world = *state;
    char expected[1024];
    bad_batch(world, "{}", "exp.json: configs: is missing; it must be given");
    bad_batch(world, "[]", "exp.json: must hold a JSON object, {...}");
    bad_batch(world, "{'configs': []}", "exp.json: configs: is empty; name at least one config file");
    bad_batch(world, "{'configs': ['avg'], 'seed': [1]}", "exp.json: seed: unknown field; did you mean \"seeds\"?");
    bad_batch(world, "{'configs': ['avg'], 'seeds': []}", "exp.json: seeds: is empty; give at least one seed");
    bad_batch(world, "{'configs': ['avg'], 'seeds': [1, 2, 1]}",
              "exp.json: seeds: has 1 twice; each run needs a seed of its own");
    bad_batch(world, "{'configs': ['avg'], 'set': [1]}",
              "exp.json: set: must be an object of dotted paths and their values");
    bad_batch(world, "{'configs': ['avg'], 'name': '../x'}",
              "exp.json: name: must be a file name of 1 to 100 characters, without slashes, control characters or a "
              "leading dot");
    bad_batch(world, "{'configs': ['avg', 'avg.json']}",
              "exp.json: two configs are called \"avg\"; give each a name of its own");
    snprintf(expected, sizeof expected,
             "exp.json: is the config of one model; train it with: cnntrain train --config %s", world->file);
    bad_batch(world, "{'model': []}", expected);
    put(world, "exp.json", "{'configs': ['avg', 'mxa']}");
    snprintf(expected, sizeof expected, "mxa: no such file, here or in %s; check the name", world->folder);
    run_bad(world, ERROR_IO, expected);
    world->request.seeds = 65;
    run_bad(world, ERROR_CONFIG, "--seeds: must be 1 to 64, got 65");
    world->request.seeds = 0;
    world->request.path = "/nonexistent.json";
    run_bad(world, ERROR_IO, "/nonexistent.json: no such file; check the name");
    assert_false(file_exists(world->out));
}

/* A mistake in the last config shows before the first run. */
static void test_models_are_checked_first(void **state) {
    struct world *world = *state;
    put(world, "max.json",
        "{'data': 'synth', 'model': ['Flatten', {'type': 'Dense', 'units': 2, 'activation': "
        "'softmax'}]}");
    run_bad_file(world, ERROR_CONFIG, "max.json: model[1]: has 2 outputs, but the data have 3 classes; give it 3");
    assert_null(world->events.bytes);
    put(world, "max.json",
        "{'data': 'synth', 'input_shape': [9, 9, 2], 'model': ['Flatten', {'type': 'Dense', 'units': "
        "3, 'activation': 'softmax'}]}");
    run_bad_file(world, ERROR_CONFIG,
                 "max.json: input_shape: says (9,9,2), but the data's images are (8,8,2); correct it, or resize the "
                 "images with data.resize");
}

/* ---- side by side ---- */

static void test_jobs(void **state) {
    struct world *world = *state;
    char *turn = expect_path(world->folder, "turn");
    world->request.out = turn;
    run_good(world, all_events);
    world->request.out = world->out;
    world->request.jobs = 2;
    assert_int_equal(run(world), 0);
    expect_no_error(&world->error);
    assert_int_equal(world->outcome.finished, 4);
    assert_int_equal(rows_of_results(world), 4);
    static const char start[] = "begin avg 3 1/4\nbegin avg 1 2/4\nend avg ";
    assert_memory_equal(world->events.bytes, start, sizeof start - 1);
    for (int i = 0; i < 4; i++) {
        char *a = expect_path(turn, run_names[i]), *b = expect_path(world->out, run_names[i]);
        tree_same(a, b, "last.safetensors");
        tree_same(a, b, "predictions.csv");
        free(a);
        free(b);
    }
    run_good(world, "skip avg 3 1/4\nskip avg 1 2/4\nskip max 3 3/4\nskip max 1 4/4\n");
    free(turn);
}

/* The wish to stop reaches runs in other processes, which write checkpoints. */
static void test_jobs_interrupted(void **state) {
    struct world *world = *state;
    char expected[1024], text[] = "{'configs': ['avg.json', 'max.json'], 'set': {'training.epochs': 100000}}";
    put(world, "exp.json", text);
    world->request.jobs = 2;
    world->stop_at = "max";
    snprintf(expected, sizeof expected, "%s: interrupted; the same command goes on from here", world->out);
    run_bad(world, ERROR_INTERRUPTED, expected);
    /* Either may be the first to end. */
    static const char start[] = "begin avg 1 1/2\nbegin max 1 2/2\nfail ";
    assert_memory_equal(world->events.bytes, start, sizeof start - 1);
    assert_non_null(strstr(world->events.bytes, "\nfail avg 1 1/2\n"));
    assert_non_null(strstr(world->events.bytes, "\nfail max 1 2/2\n"));
    static const char *const names[] = {"avg-seed1", "max-seed1"};
    for (int i = 0; i < 2; i++) {
        char *folder = expect_path(world->out, names[i]);
        assert_true(tree_has(folder, "last.safetensors"));
        assert_false(tree_has(folder, "metrics.json"));
        assert_true(tree_has(folder, "report.html"));
        free(folder);
    }
    size_t length;
    char *page = tree_read(world->out, "report.html", &length);
    assert_non_null(strstr(page, "<a href=\"avg-seed1/report.html\">")); /* of what there is */
    free(page);
    assert_int_equal(rows_of_results(world), 0);
}

/* What a run in another process could not do is told in its words, and the others stop with a checkpoint. */
static void test_jobs_failing(void **state) {
    struct world *world = *state;
    char expected[1024], *folder = expect_path(world->out, "max-seed1");
    put(world, "exp.json", "{'configs': ['avg.json', 'max.json'], 'set': {'training.epochs': 100000}}");
    world->request.jobs = 2;
    run_make_folder(folder, &world->error);
    int lock = run_lock_folder(folder, &world->error);
    snprintf(expected, sizeof expected,
             "%s: another cnntrain is at work in this folder; wait for it, or choose another --out", folder);
    run_bad(world, ERROR_CONFIG, expected);
    close(lock);
    world->kill_name = "max";
    snprintf(expected, sizeof expected,
             "%s: the run's process was ended by signal 9; the same command goes on from here", folder);
    run_bad(world, ERROR_RUN, expected);
    assert_string_equal(world->events.bytes,
                        "begin avg 1 1/2 resumed\nbegin max 1 2/2\nfail max 1 2/2\nfail avg 1 1/2\n");
    free(folder);
}

static void test_jobs_diverging(void **state) {
    struct world *world = *state;
    put_config(world, "avg", "'AveragePooling2D'", ", 'optimizer': {'type': 'SGD', 'learning_rate': 1e300}");
    put(world, "exp.json", "{'configs': ['avg.json', 'max.json']}");
    world->request.jobs = 3;
    assert_int_equal(run(world), 0);
    assert_int_equal(world->outcome.finished, 1);
    assert_non_null(strstr(world->events.bytes, "end avg 1 1/2 not finite\n"));
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_order_and_files),
        WORLD_TEST(test_restart_skips),
        WORLD_TEST(test_interruption),
        WORLD_TEST(test_only),
        WORLD_TEST(test_seeds),
        WORLD_TEST(test_set),
        WORLD_TEST(test_data_of_each_config),
        WORLD_TEST(test_divergence),
        WORLD_TEST(test_other_config_in_the_folder),
        WORLD_TEST(test_configs_beside_the_file),
        WORLD_TEST(test_default_folder),
        WORLD_TEST(test_lock),
        WORLD_TEST(test_refused),
        WORLD_TEST(test_models_are_checked_first),
        WORLD_TEST(test_jobs),
        WORLD_TEST(test_jobs_interrupted),
        WORLD_TEST(test_jobs_failing),
        WORLD_TEST(test_jobs_diverging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
