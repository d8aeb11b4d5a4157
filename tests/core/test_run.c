#include "core/run.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/predictions.h"
#include "data/room.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/threads.h"
#include "tests/support/tiny.h"
#include "tests/support/tree.h"

/* A folder, data, and what a run said. */
struct world {
    char *folder; /* of everything */
    char *run;    /* of a run */
    struct data_splits splits;
    struct config config;
    struct workshop workshop;
    struct text notes;
    volatile sig_atomic_t stop;
    int stop_epoch; /* stops after the first step of this epoch */
    int epochs;
    struct error error;
};

static void hear(void *listener, const struct train_event *event) {
    struct world *world = listener;
    world->epochs += event->kind == TRAIN_EPOCH_END;
    if (event->kind == TRAIN_STEP && event->epoch == world->stop_epoch) world->stop = 1;
}

static void note(void *listener, const char *line) {
    text_print(&((struct world *)listener)->notes, "%s\n", line);
}

static int open_world(void **state) {
    struct world *world = calloc(1, sizeof *world);
    if (!world) return -1;
    world->folder = expect_folder();
    world->run = expect_path(world->folder, "run");
    world->workshop = (struct workshop){.registries = &test_registries,
                                        .data_room = &data_room,
                                        .kernels = kernels_select(NULL),
                                        .threads = 2,
                                        .stop = &world->stop,
                                        .listen = hear,
                                        .note = note,
                                        .listener = world};
    *state = world;
    return 0;
}

static void clear(struct world *world) {
    config_free(&world->config);
    data_splits_free(&world->splits);
    world->stop = world->epochs = world->stop_epoch = 0;
    error_clear(&world->error);
}

static int close_world(void **state) {
    struct world *world = *state;
    clear(world);
    text_free(&world->notes);
    free(world->run);
    tree_gone(world->folder);
    free(world);
    return 0;
}

static void prepare(struct world *world, const struct tiny_setup *setup) {
    clear(world);
    char *text = tiny_config_text(setup);
    struct config_request request = {.registries = &test_registries};
    config_parse(&world->config, text, "tiny.json", &request, &world->error);
    expect_no_error(&world->error);
    free(text);
    tiny_splits(&world->splits, setup->train, setup->validation, setup->test);
}

static int execute(struct world *world, const char *folder, bool resume, const char *weights) {
    run_make_folder(folder, &world->error);
    expect_no_error(&world->error);
    const struct run_request request = {.workshop = &world->workshop,
                                        .config = &world->config,
                                        .splits = &world->splits,
                                        .folder = folder,
                                        .weights = weights,
                                        .resume = resume};
    return run_execute(&request, &world->error);
}

static void read_result(const char *folder, struct run_result *result) {
    struct error error = {0};
    char *path = expect_path(folder, "metrics.json");
    run_result_read(path, result, &error);
    expect_no_error(&error);
    free(path);
}

/* ---- a run's files ---- */

static const struct tiny_setup usual = {
    .training = "{'epochs': 3, 'batch_size': 8, 'optimizer': {'type': 'Adam', 'learning_rate': 0.02}}",
    .train = 30,
    .validation = 8,
    .test = 21};

static void check_predictions(const struct world *world, const struct run_result *result) {
    struct predictions predictions;
    struct error error = {0};
    char *path = expect_path(world->run, "predictions.csv");
    predictions_read(path, &predictions, &error);
    expect_no_error(&error);
    assert_int_equal(predictions.count, 21);
    int correct = 0;
    for (int i = 0; i < 21; i++) {
        assert_int_equal(predictions.labels[i], world->splits.test.labels[i]);
        correct += predictions.labels[i] == predictions.predicted[i];
    }
    assert_true(fabs(result->test_accuracy - correct / 21.0) < 1e-12);
    predictions_free(&predictions);
    free(path);
}

static void test_files(void **state) {
    struct world *world = *state;
    struct run_result result;
    prepare(world, &usual);
    assert_int_equal(execute(world, world->run, false, NULL), 0);
    static const char *const files[] = {"config.json",   "history.csv",     "metrics.json", "last.safetensors",
                                        "confusion.csv", "predictions.csv", "report.md",    "best.safetensors",
                                        "log.txt",       "report.html",     "curves.svg",   "confusion.svg",
                                        "mistakes.png"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) assert_true(tree_has(world->run, files[i]));
    assert_int_equal(expect_entries(world->run), sizeof files / sizeof *files);
    assert_true(run_is_finished(world->run));
    read_result(world->run, &result);
    assert_string_equal(result.name, "tiny");
    assert_string_equal(result.data, "synth");
    assert_int_equal(result.status, RUN_FINISHED);
    assert_int_equal(result.seed, 1);
    assert_int_equal(result.threads, 2);
    assert_int_equal(result.batch_size, 8);
    assert_int_equal(result.epochs, 3);
    assert_true(result.best_epoch >= 1 && result.best_epoch <= 3);
    assert_true(result.train_images == 30 && result.validation_images == 8 && result.test_images == 21);
    assert_int_equal(result.parameters, 72 + 4 + 16 + 36 * 3 + 3);
    assert_int_equal(result.trainable_parameters, result.parameters - 8);
    assert_true(result.multiplications > 0 && result.seconds >= 0 && result.images_per_second > 0);
    assert_true(result.test_low < result.test_accuracy && result.test_accuracy < result.test_high);
    assert_int_equal(result.class_count, 3);
    long long images = 0;
    for (int i = 0; i < 3; i++) images += result.classes[i].images;
    assert_int_equal(images, 21);
    assert_string_equal(result.classes[2].name, "2");
    check_predictions(world, &result);
    run_result_free(&result);
    assert_int_equal(world->notes.length, 0);
}

/* The folder's config.json repeats the run: to the same bytes. */
static void test_config_repeats_the_run(void **state) {
    struct world *world = *state;
    char *again = expect_path(world->folder, "again"), *path = expect_path(world->run, "config.json");
    prepare(world, &usual);
    assert_int_equal(execute(world, world->run, false, NULL), 0);
    config_free(&world->config);
    struct config_request request = {.path = path, .registries = &test_registries};
    config_read(&world->config, &request, &world->error);
    expect_no_error(&world->error);
    assert_int_equal(execute(world, again, false, NULL), 0);
    tree_same(world->run, again, "last.safetensors");
    tree_same(world->run, again, "predictions.csv");
    tree_same(world->run, again, "confusion.csv");
    tree_same(world->run, again, "config.json");
    free(path);
    free(again);
}

static void test_without_validation_and_test(void **state) {
    struct world *world = *state;
    struct run_result result;
    struct tiny_setup setup = usual;
    setup.validation = setup.test = 0;
    prepare(world, &setup);
    assert_int_equal(execute(world, world->run, false, NULL), 0);
    assert_false(tree_has(world->run, "predictions.csv"));
    assert_false(tree_has(world->run, "confusion.csv"));
    assert_true(tree_has(world->run, "best.safetensors")); /* by the training loss */
    read_result(world->run, &result);
    assert_int_equal(result.status, RUN_FINISHED);
    assert_true(isnan(result.test_accuracy) && isnan(result.test_loss) && isnan(result.test_low));
    assert_true(isnan(result.validation_loss) && isnan(result.validation_accuracy));
    assert_true(result.train_accuracy > 0);
    assert_int_equal(result.class_count, 0);
    run_result_free(&result);
}

/* Metrics are those of the weights that the run ends with. */
static void test_restored_weights(void **state) {
    struct world *world = *state;
    struct run_result result;
    struct tiny_setup setup = usual;
    setup.training = "{'epochs': 6, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'learning_rate': 1.5}, 'callbacks': "
                     "[{'type': 'EarlyStopping', 'patience': 5, 'restore_best_weights': true}]}";
    prepare(world, &setup);
    assert_int_equal(execute(world, world->run, false, NULL), 0);
    read_result(world->run, &result);
    char *path = expect_path(world->run, "history.csv");
    struct history history;
    history_read(path, &history, &world->error);
    expect_no_error(&world->error);
    assert_in_range(result.best_epoch, 1, history.count);
    const struct history_row *row = &history.rows[result.best_epoch - 1];
    assert_true(fabs(result.validation_loss - row->val_loss) < 1e-12);
    assert_true(fabs(result.train_loss - row->loss) < 1e-12);
    history_free(&history);
    run_result_free(&result);
    free(path);
}

/* ---- going on ---- */

static void test_interrupted_and_resumed(void **state) {
    struct world *world = *state;
    char *whole = expect_path(world->folder, "whole"), *found = NULL;
    prepare(world, &usual);
    assert_int_equal(execute(world, whole, false, NULL), 0);
    for (int epoch = 1; epoch <= 3; epoch++) {
        char name[16];
        snprintf(name, sizeof name, "part%d", epoch);
        char *folder = expect_path(world->folder, name);
        prepare(world, &usual);
        world->stop_epoch = epoch;
        assert_int_equal(execute(world, folder, true, NULL), -1); /* nothing to go on from: it begins */
        assert_int_equal(world->error.code, ERROR_INTERRUPTED);
        assert_false(run_is_finished(folder));
        assert_false(tree_has(folder, "metrics.json"));
        assert_true(tree_has(folder, "report.html") && !tree_has(folder, "confusion.svg"));
        found = run_find_unfinished(world->folder, &(struct error){0});
        assert_string_equal(found, folder);
        free(found);
        prepare(world, &usual);
        assert_int_equal(execute(world, folder, true, NULL), 0);
        assert_int_equal(world->epochs, 3 - epoch + 1);
        tree_same(whole, folder, "last.safetensors");
        tree_same(whole, folder, "best.safetensors");
        tree_same(whole, folder, "predictions.csv");
        tree_same(whole, folder, "confusion.svg");
        tree_same(whole, folder, "curves.svg");
        tree_same(whole, folder, "mistakes.png");
        free(folder);
    }
    assert_null(run_find_unfinished(world->folder, &world->error));
    char expected[512];
    snprintf(expected, sizeof expected, "%s: holds no unfinished run; name the run's folder: --resume RUN",
             world->folder);
    expect_error(&world->error, ERROR_CONFIG, expected);
    free(whole);
}

static void test_find_newest_unfinished(void **state) {
    struct world *world = *state;
    static const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        char *folder = expect_path(world->folder, names[i]);
        file_make_folder(folder, &world->error);
        tree_write(folder, "last.safetensors", "x");
        char *file = expect_path(folder, "last.safetensors");
        const struct timespec times[] = {{1000 + (i == 1), 0}, {1000 + (i == 1), 0}};
        assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
        free(file);
        free(folder);
    }
    char *found = run_find_unfinished(world->folder, &world->error);
    assert_string_equal(file_name_of(found), "b");
    free(found);
    assert_null(run_find_unfinished("/nonexistent", &world->error));
    expect_error(&world->error, ERROR_CONFIG,
                 "/nonexistent: holds no unfinished run; name the run's folder: --resume RUN");
}

/* ---- what goes wrong ---- */

static void test_divergence(void **state) {
    struct world *world = *state;
    struct run_result result;
    struct tiny_setup setup = usual;
    setup.training = "{'epochs': 3, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'learning_rate': 1e30}}";
    prepare(world, &setup);
    assert_int_equal(execute(world, world->run, false, NULL), -1);
    assert_int_equal(world->error.code, ERROR_NOT_FINITE);
    assert_true(run_is_finished(world->run));
    read_result(world->run, &result);
    assert_int_equal(result.status, RUN_NOT_FINITE);
    assert_string_equal(result.message, world->error.message);
    assert_int_equal(result.epochs, 0);
    run_result_free(&result);
    assert_true(tree_has(world->run, "report.md"));
    /* the checkpoint from before the first step is the last good one */
    char *last = expect_path(world->run, "last.safetensors");
    struct saved_model saved;
    struct config_request request = {.registries = &test_registries};
    error_clear(&world->error);
    assert_int_equal(saved_model_open(&saved, last, false, &request, &world->error), 0);
    saved_model_free(&saved);
    free(last);
}

static void refuse(struct world *world, const struct tiny_setup *setup, enum error_code code, const char *text) {
    prepare(world, setup);
    assert_int_equal(execute(world, world->run, false, NULL), -1);
    expect_error(&world->error, code, text);
    assert_false(tree_has(world->run, "config.json"));
}

static void test_refused_models(void **state) {
    struct world *world = *state;
    struct tiny_setup setup = usual;
    setup.model = "[{'type': 'Conv2D', 'filters': 3, 'kernel_size': 1, 'activation': 'softmax'}]";
    refuse(world, &setup, ERROR_CONFIG,
           "tiny.json: model[0]: puts out (8,8,3), but the last layer must give one number a class; end with Flatten "
           "and Dense");
    setup.model = "['Flatten', {'type': 'Dense', 'units': 3}]";
    refuse(world, &setup, ERROR_CONFIG,
           "tiny.json: model[1].activation: must be \"softmax\" in the last layer, for the loss is a cross-entropy of "
           "probabilities");
    setup.model = "['Flatten', {'type': 'Dense', 'units': 2, 'activation': 'softmax'}]";
    refuse(world, &setup, ERROR_CONFIG, "tiny.json: model[1]: has 2 outputs, but the data have 3 classes; give it 3");
    setup = usual;
    setup.train = 0;
    refuse(world, &setup, ERROR_DATA, "tiny.json: data: holds no training images; put some there");
}

/* More outputs than classes are allowed; the classes without images are numbers. */
static void test_more_outputs_than_classes(void **state) {
    struct world *world = *state;
    struct run_result result;
    struct tiny_setup setup = usual;
    setup.model = "['Flatten', {'type': 'Dense', 'units': 5, 'activation': 'softmax'}]";
    prepare(world, &setup);
    assert_int_equal(execute(world, world->run, false, NULL), 0);
    read_result(world->run, &result);
    assert_int_equal(result.class_count, 5);
    assert_string_equal(result.classes[4].name, "4");
    run_result_free(&result);
}

static void test_stated_input_shape(void **state) {
    struct world *world = *state;
    prepare(world, &usual);
    world->config.values.input_shape = (struct int_list){3, {8, 9, 2}};
    assert_int_equal(execute(world, world->run, false, NULL), -1);
    expect_error(&world->error, ERROR_CONFIG,
                 "tiny.json: input_shape: says (8,9,2), but the data's images are (8,8,2); correct it, or resize the "
                 "images with data.resize");
}

static void test_weights(void **state) {
    struct world *world = *state;
    char *weights = expect_path(world->run, "last.safetensors"), *second = expect_path(world->folder, "second");
    struct tiny_setup setup = usual;
    prepare(world, &setup);
    assert_int_equal(execute(world, world->run, false, NULL), 0);
    /* a rate of 0: the weights stay what they were given as, but for moving statistics */
    setup.training = "{'optimizer': {'type': 'SGD', 'learning_rate': 0}}";
    setup.model = "[{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3, 'activation': 'relu'}, {'type': "
                  "'MaxPooling2D'}, 'Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax'}, {'type': "
                  "'Dense', 'units': 3, 'activation': 'softmax', 'name': 'new'}]";
    prepare(world, &setup);
    assert_int_equal(execute(world, second, false, weights), 0);
    assert_non_null(strstr(world->notes.bytes, "new/kernel"));
    assert_non_null(strstr(world->notes.bytes, "batch_normalization/gamma"));
    struct saved_model first, other;
    struct config_request request = {.registries = &test_registries};
    saved_model_open(&first, weights, false, &request, &world->error);
    saved_model_open(&other, second, false, &request, &world->error);
    expect_no_error(&world->error);
    assert_memory_equal(model_parameter(&first.model, &first.model.layers[5], 0),
                        model_parameter(&other.model, &other.model.layers[3], 0), 108 * sizeof(float));
    saved_model_free(&first);
    saved_model_free(&other);
    assert_int_equal(execute(world, second, false, "/nonexistent"), -1);
    expect_error(&world->error, ERROR_IO, "/nonexistent: cannot open the file: No such file or directory");
    free(weights);
    free(second);
}

static void test_load_data(void **state) {
    struct world *world = *state;
    struct data_splits splits;
    prepare(world, &usual);
    world->config.values.data.kind = NULL;
    assert_int_equal(run_load_data(&world->workshop, &world->config, &splits, &world->error), -1);
    expect_error(&world->error, ERROR_CONFIG, "tiny.json: data: is missing; name a source here, or give --data SPEC");
}

/* ---- folders ---- */

/* A new run's folder is there once its checkpoint is, and not at all where the run cannot begin. */
static void test_claimed_folder(void **state) {
    struct world *world = *state;
    prepare(world, &usual);
    char *claimed = NULL, *second = NULL, *wish = expect_path(world->folder, "wish");
    struct run_request request = {.workshop = &world->workshop,
                                  .config = &world->config,
                                  .splits = &world->splits,
                                  .folder = wish,
                                  .claimed = &claimed,
                                  .weights = "nowhere.safetensors"};
    assert_int_equal(run_try_folder(wish, &world->error), 0);
    assert_false(tree_has(world->folder, "wish"));
    assert_int_equal(run_execute(&request, &world->error), -1);
    assert_int_equal(world->error.code, ERROR_IO);
    assert_null(claimed);
    assert_false(tree_has(world->folder, "wish"));
    error_clear(&world->error);
    request.weights = NULL;
    assert_int_equal(run_execute(&request, &world->error), 0);
    assert_string_equal(claimed, wish);
    assert_true(tree_has(claimed, "last.safetensors"));
    request.claimed = &second;
    assert_int_equal(run_execute(&request, &world->error), 0);
    assert_string_equal(file_name_of(second), "wish-2");
    free(claimed);
    free(second);
    free(wish);
}

static void test_lock(void **state) {
    struct world *world = *state;
    char expected[512];
    prepare(world, &usual);
    run_make_folder(world->run, &world->error);
    int lock = run_lock_folder(world->run, &world->error);
    assert_true(lock >= 0);
    assert_int_equal(run_lock_folder(world->run, &world->error), -1);
    snprintf(expected, sizeof expected,
             "%s: another cnntrain is at work in this folder; wait for it, or choose another --out", world->run);
    expect_error(&world->error, ERROR_CONFIG, expected);
    assert_int_equal(execute(world, world->run, false, NULL), -1);
    expect_error(&world->error, ERROR_CONFIG, expected);
    close(lock);
    lock = run_lock_folder(world->run, &world->error);
    assert_true(lock >= 0);
    close(lock);
    assert_int_equal(execute(world, world->run, false, NULL), 0);
}

/* ---- the summary ---- */

static void test_summary_rows(void **state) {
    struct world *world = *state;
    struct tiny_setup setup = usual;
    setup.model = "[{'type': 'Conv2D', 'filters': 3, 'kernel_size': 3}, {'type': 'MaxPooling2D'}, {'type': 'Conv2D', "
                  "'filters': 2, 'kernel_size': 2, 'dilation_rate': 2}, 'Flatten', {'type': 'Dense', 'units': 3, "
                  "'activation': 'softmax'}]";
    prepare(world, &setup);
    const struct shape input = {3, {8, 8, 2}};
    struct model model;
    struct summary summary;
    run_build_model(&world->config, &input, 3, &model, &world->error);
    expect_no_error(&world->error);
    struct summary_row *rows = run_summary_rows(&model, &summary, &world->error);
    assert_int_equal(summary.count, 5);
    assert_string_equal(summary.model_name, "sequential");
    assert_int_equal(summary.trainable, 57 + 26 + 9);
    /* 3; + 1 cell of stride 1 = 4; + 2 * 2 cells of stride 2 = 8 */
    static const int fields[] = {3, 4, 8, 8, -1};
    static const long long parameters[] = {57, 0, 26, 0, 9};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rows[i].receptive_field[0], fields[i]);
        assert_int_equal(rows[i].receptive_field[1], fields[i]);
        assert_int_equal(rows[i].parameters, parameters[i]);
    }
    assert_string_equal(rows[0].class_name, "Conv2D");
    assert_int_equal(rows[0].activation_bytes, 6 * 6 * 3 * 4);
    free(rows);
    model_free(&model);
}

/* Along the height and along the width, which is enlarged otherwise. */
static void test_fields_behind_enlarging(void **state) {
    struct world *world = *state;
    struct tiny_setup setup = usual;
    setup.model =
        "[{'type': 'MaxPooling2D'}, {'type': 'UpSampling2D', 'size': [2, 1]}, {'type': 'Conv2D', 'filters': 2, "
        "'kernel_size': [3, 2]}, {'type': 'Conv2DTranspose', 'filters': 2, 'kernel_size': 3, 'strides': [2, "
        "1]}, {'type': 'UpSampling2D', 'interpolation': 'bilinear'}, 'Flatten', {'type': 'Dense', 'units': 3, "
        "'activation': 'softmax'}]";
    prepare(world, &setup);
    const struct shape input = {3, {8, 8, 2}};
    struct model model;
    struct summary summary;
    run_build_model(&world->config, &input, 3, &model, &world->error);
    expect_no_error(&world->error);
    struct summary_row *rows = run_summary_rows(&model, &summary, &world->error);
    /* 2x2; each seen twice along the height; 3 neighbours of those lie in 2 windows; two inputs of the transposed layer
     * see 4 neighbours, three along the width 4; bilinear, two outputs of it see 2 and 4 */
    static const int fields[][2] = {{2, 2}, {2, 2}, {4, 4}, {6, 8}, {6, 10}, {6, 10}, {-1, -1}};
    for (int i = 0; i < 7; i++)
        for (int axis = 0; axis < 2; axis++) assert_int_equal(rows[i].receptive_field[axis], fields[i][axis]);
    free(rows);
    model_free(&model);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(int argc, char **argv) {
    (void)argc;
    threads_wait_asleep(argv);
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_files),
        WORLD_TEST(test_config_repeats_the_run),
        WORLD_TEST(test_without_validation_and_test),
        WORLD_TEST(test_restored_weights),
        WORLD_TEST(test_interrupted_and_resumed),
        WORLD_TEST(test_find_newest_unfinished),
        WORLD_TEST(test_divergence),
        WORLD_TEST(test_refused_models),
        WORLD_TEST(test_more_outputs_than_classes),
        WORLD_TEST(test_stated_input_shape),
        WORLD_TEST(test_weights),
        WORLD_TEST(test_load_data),
        WORLD_TEST(test_claimed_folder),
        WORLD_TEST(test_lock),
        WORLD_TEST(test_summary_rows),
        WORLD_TEST(test_fields_behind_enlarging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
