#include "core/trainer.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/optimizer.h"
#include "core/regularizer.h"
#include "tests/support/expect.h"
#include "tests/support/threads.h"
#include "tests/support/tiny.h"
#include "tests/support/tree.h"

/* ---- counting allocations: glibc calls these instead of its own ---- */

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
#define COUNTS_ALLOCATIONS 1
#else
#define COUNTS_ALLOCATIONS 0
#endif

static atomic_bool counting;
static atomic_int allocations;

#if COUNTS_ALLOCATIONS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void count(void) {
    if (atomic_load(&counting)) atomic_fetch_add(&allocations, 1);
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count();
    return __libc_realloc(memory, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    count();
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}
#endif

/* ---- a training with its files ---- */

/* What the listener is to do, and what it heard. */
struct watch {
    volatile sig_atomic_t stop;
    int stop_epoch;        /* from 1; 0: never */
    int64_t stop_step;     /* of that epoch; 0: at its beginning */
    int copy_epoch;        /* the folder is copied when this epoch ends, before its checkpoint is written; 0: never */
    const char *from, *to; /* folders of the copy */
    bool count;            /* allocations between the first and the last step of an epoch */
    int begins, ends, reduced, stopped, restored, best_epoch;
    int64_t steps;
};

static void hear(void *listener, const struct train_event *event) {
    struct watch *watch = listener;
    watch->begins += event->kind == TRAIN_EPOCH_BEGIN;
    watch->ends += event->kind == TRAIN_EPOCH_END;
    watch->reduced += event->kind == TRAIN_RATE_REDUCED;
    watch->stopped += event->kind == TRAIN_STOPPED_EARLY;
    watch->steps += event->kind == TRAIN_STEP;
    if (event->kind == TRAIN_RESTORED) {
        watch->restored++;
        watch->best_epoch = event->best_epoch;
    }
    if (event->kind == TRAIN_STEP && watch->count) atomic_store(&counting, event->step < event->steps);
    bool at_begin = event->kind == TRAIN_EPOCH_BEGIN && watch->stop_step == 0;
    bool at_step = event->kind == TRAIN_STEP && event->step == watch->stop_step;
    if (event->epoch == watch->stop_epoch && (at_begin || at_step)) watch->stop = 1;
    if (event->kind == TRAIN_EPOCH_END && event->epoch == watch->copy_epoch) tree_copy(watch->from, watch->to);
}

struct training {
    struct tiny tiny;
    struct trainer *trainer;
    char *last, *best, *history;
    char *config_text;
};

static void open_training(struct training *training, const struct tiny_setup *setup, const char *folder,
                          struct watch *watch, struct error *error) {
    *training = (struct training){0};
    tiny_open(&training->tiny, setup);
    training->last = expect_path(folder, "last.safetensors");
    training->best = expect_path(folder, "best.safetensors");
    training->history = expect_path(folder, "history.csv");
    training->config_text = tiny_config_text(setup);
    struct tiny *tiny = &training->tiny;
    struct trainer_setup trainer = {
        .config = &tiny->config,
        .model = &tiny->model,
        .engine = tiny->engine,
        .train = &tiny->train,
        .validation = tiny->validation.fill ? &tiny->validation : NULL,
        .facts = {training->config_text, tiny->normalization, TINY_CLASSES, NULL},
        .last_path = training->last,
        .best_path = training->best,
        .history_path = training->history,
        .stop = &watch->stop,
        .listen = hear,
        .listener = watch,
    };
    trainer_open(&training->trainer, &trainer, error);
}

static void close_training(struct training *training) {
    trainer_close(training->trainer);
    tiny_close(&training->tiny);
    free(training->last);
    free(training->best);
    free(training->history);
    free(training->config_text);
}

/* Trains in `folder` to the end or to where the watch stops it; goes on from its last.safetensors where `resume`. */
static void train(const struct tiny_setup *setup, const char *folder, struct watch *watch, bool resume,
                  enum error_code expected) {
    struct training training;
    struct error error = {0};
    open_training(&training, setup, folder, watch, &error);
    expect_no_error(&error);
    if (resume) trainer_resume(training.trainer, training.last, &error);
    expect_no_error(&error);
    trainer_run(training.trainer, &error);
    if (error.code != expected) fail_msg("code %d, not %d: %s", error.code, expected, error.message);
    if (error.code == ERROR_NONE) {
        char *path = expect_path(folder, "weights");
        struct file_piece piece = {training.tiny.model.parameters,
                                   training.tiny.model.parameter_floats * sizeof(float)};
        file_replace(path, &piece, 1, &error);
        free(path);
    }
    close_training(&training);
}

/* history.csv without its last two columns, which are times. */
static char *untimed_history(const char *folder) {
    char *text = tree_read(folder, "history.csv", NULL), *to = text;
    int commas = 0;
    for (const char *from = text; *from; from++) {
        commas += *from == ',';
        if (*from == '\n') commas = 0;
        if (commas < 6 || *from == '\n') *to++ = *from;
    }
    *to = '\0';
    return text;
}

static void same_training(const char *whole, const char *parts, const char *when) {
    char *a = untimed_history(whole), *b = untimed_history(parts);
    if (strcmp(a, b) != 0) fail_msg("%s: histories differ:\n%s\n%s", when, a, b);
    free(a);
    free(b);
    tree_same(whole, parts, "weights");
    tree_same(whole, parts, "last.safetensors");
    tree_same(whole, parts, "best.safetensors");
}

static void check_stop(const struct tiny_setup *setup, const char *whole, int epoch, int64_t step) {
    char *folder = expect_folder(), when[64];
    struct watch watch = {.stop_epoch = epoch, .stop_step = step}, rest = {0};
    train(setup, folder, &watch, false, ERROR_INTERRUPTED);
    assert_false(tree_has(folder, "weights"));
    train(setup, folder, &rest, true, ERROR_NONE);
    snprintf(when, sizeof when, "stopped in epoch %d after step %lld", epoch, (long long)step);
    same_training(whole, folder, when);
    tree_gone(folder);
}

/* A process killed between an epoch's row of history and its checkpoint. */
static void check_kill(const struct tiny_setup *setup, const char *whole, int epoch) {
    char *folder = expect_folder(), *copy = expect_path(folder, "copy"), when[64];
    struct watch watch = {.copy_epoch = epoch, .from = folder, .to = copy}, rest = {0};
    train(setup, folder, &watch, false, ERROR_NONE);
    train(setup, copy, &rest, epoch > 1, ERROR_NONE); /* at the end of the first epoch there is no checkpoint yet */
    snprintf(when, sizeof when, "killed at the end of epoch %d", epoch);
    same_training(whole, copy, when);
    free(copy);
    tree_gone(folder);
}

/* Stops at the beginning of every epoch and within it, and kills at its end: all the same as one go. */
static void check_resume(const struct tiny_setup *setup, int epochs) {
    char *whole = expect_folder();
    struct watch watch = {0};
    train(setup, whole, &watch, false, ERROR_NONE);
    int64_t steps = watch.steps / watch.ends;
    for (int epoch = 1; epoch <= watch.ends; epoch++) {
        check_stop(setup, whole, epoch, 0);
        check_stop(setup, whole, epoch, 1);
        check_stop(setup, whole, epoch, steps - 1);
        check_kill(setup, whole, epoch);
    }
    assert_true(watch.ends <= epochs && watch.ends >= 3);
    tree_gone(whole);
}

static const char augmented[] = "'augment': [{'type': 'RandomCrop', 'padding': 2}, 'RandomFlip']";

static void test_resume_adam_with_early_stopping(void **state) {
    (void)state;
    check_resume(&(struct tiny_setup){.data = augmented,
                                      .training =
                                          "{'epochs': 6, 'batch_size': 8, 'optimizer': {'type': 'Adam', "
                                          "'learning_rate': 0.05}, 'callbacks': [{'type': 'EarlyStopping', 'patience': "
                                          "2, 'restore_best_weights': true}, {'type': 'ModelCheckpoint', 'monitor': "
                                          "'val_accuracy'}]}",
                                      .train = 43,
                                      .validation = 9,
                                      .threads = 2},
                 6);
}

static void test_resume_momentum_with_plateau(void **state) {
    (void)state;
    check_resume(&(struct tiny_setup){.data = augmented,
                                      .training =
                                          "{'epochs': 5, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'momentum': "
                                          "0.9, 'learning_rate': 0.3, 'clipnorm': 1.0}, 'schedule': {'type': "
                                          "'CosineDecay', 'warmup_epochs': 1.5}, 'callbacks': [{'type': "
                                          "'ReduceLROnPlateau', 'monitor': 'loss', 'patience': 1, 'min_delta': 0.2, "
                                          "'factor': 0.5}]}",
                                      .train = 43,
                                      .threads = 1},
                 5);
}

static void test_resume_other_optimizers(void **state) {
    (void)state;
    static const char *const optimizers[] = {"'Nadam'", "{'type': 'RMSprop', 'momentum': 0.5, 'centered': true}",
                                             "'Adagrad'", "{'type': 'AdamW', 'amsgrad': true}"};
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
        char training[256];
        snprintf(training, sizeof training, "{'epochs': 3, 'batch_size': 8, 'optimizer': %s}", optimizers[i]);
        check_resume(&(struct tiny_setup){.training = training, .train = 17, .validation = 3, .threads = 1}, 3);
    }
}

/* A stopped training is not started again by going on with it: it only puts the best weights back once more. */
static void test_resume_of_a_finished_training(void **state) {
    (void)state;
    const struct tiny_setup setup = {
        .training = "{'epochs': 9, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'learning_rate': 0}, 'callbacks': "
                    "[{'type': 'EarlyStopping', 'patience': 2, 'restore_best_weights': true}]}",
        .train = 16,
        .validation = 5,
        .threads = 1};
    char *folder = expect_folder(), *before = expect_folder();
    struct watch first = {0}, again = {0};
    train(&setup, folder, &first, false, ERROR_NONE);
    assert_int_equal(first.ends, 3);
    assert_int_equal(first.stopped, 1);
    assert_int_equal(first.restored, 1);
    tree_copy(folder, before);
    train(&setup, folder, &again, true, ERROR_NONE);
    assert_int_equal(again.ends, 0);
    assert_int_equal(again.restored, 1);
    tree_same(folder, before, "weights");
    tree_same(folder, before, "history.csv");
    tree_gone(folder);
    tree_gone(before);
}

/* ---- what is refused ---- */

static void refuse_resume(const struct tiny_setup *setup, const char *folder, enum error_code code, const char *text) {
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    char expected[1024];
    open_training(&training, setup, folder, &watch, &error);
    expect_no_error(&error);
    assert_int_equal(trainer_resume(training.trainer, training.last, &error), -1);
    snprintf(expected, sizeof expected, "%s%s", training.last, text);
    expect_error(&error, code, expected);
    close_training(&training);
}

static void test_refused_resume(void **state) {
    (void)state;
    char *folder = expect_folder();
    struct watch watch = {0};
    static const char dense_model[] =
        "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax', 'name': 'top'}]";
    static const char bare_model[] =
        "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax', 'name': 'top', 'use_bias': false}]";
    struct tiny_setup setup = {.model = bare_model, .training = "{'batch_size': 8}", .train = 16, .threads = 1};
    refuse_resume(&setup, folder, ERROR_IO, ": cannot open the file: No such file or directory");
    train(&setup, folder, &watch, false, ERROR_NONE);
    struct tiny_setup other = setup;
    other.train = 17;
    refuse_resume(&other, folder, ERROR_DATA,
                  ": was written while training on 16 images, now there are 17; give the same data");
    other = setup;
    other.training = "{'batch_size': 9}";
    refuse_resume(&other, folder, ERROR_DATA,
                  ": was written while training with a batch_size of 8, now it is 9; keep it, or start a new run from "
                  "these weights with --weights");
    other = setup;
    other.training = "{'batch_size': 8, 'callbacks': [{'type': 'EarlyStopping', 'monitor': 'loss'}]}";
    refuse_resume(
        &other, folder, ERROR_CONFIG,
        ": callbacks.callbacks: has the state of 1 callbacks, the config has 2; resume with the same callbacks");
    other = setup;
    other.training = "{'batch_size': 8, 'optimizer': 'Adam'}";
    refuse_resume(&other, folder, ERROR_DATA,
                  ": was written while training with RMSprop, now it is Adam; keep it, or start a new run from these "
                  "weights with --weights");
    other.training = "{'batch_size': 8, 'optimizer': {'type': 'RMSprop', 'momentum': 0.5}}";
    refuse_resume(&other, folder, ERROR_DATA, ": lacks 1 of the model's 2 tensors: optimizer/top/kernel/momentum");
    other = setup;
    other.model = dense_model;
    refuse_resume(&other, folder, ERROR_DATA, ": lacks 1 of the model's 2 tensors: top/bias");
    tree_gone(folder);
}

static void test_weights_are_no_checkpoint(void **state) {
    (void)state;
    char *folder = expect_folder(), *best = expect_path(folder, "best.safetensors"),
         *last = expect_path(folder, "last.safetensors");
    struct watch watch = {0};
    const struct tiny_setup setup = {.training = "{'batch_size': 8}", .train = 16, .threads = 1};
    train(&setup, folder, &watch, false, ERROR_NONE);
    assert_int_equal(rename(best, last), 0);
    refuse_resume(&setup, folder, ERROR_DATA, ": holds weights but no training state; start from it with --weights");
    free(best);
    free(last);
    tree_gone(folder);
}

static void refuse_open(const struct tiny_setup *setup, enum error_code code, const char *text) {
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    open_training(&training, setup, "/nowhere", &watch, &error);
    assert_null(training.trainer);
    expect_error(&error, code, text);
    close_training(&training);
}

static void test_refused(void **state) {
    (void)state;
    refuse_open(
        &(struct tiny_setup){.training = "{'callbacks': ['EarlyStopping']}", .train = 8, .threads = 1}, ERROR_CONFIG,
        "tiny.json: training.callbacks[0].monitor: EarlyStopping watches val_loss, but there is no validation data; "
        "available are loss and accuracy: choose one of them, or set data.validation_split");
}

/* ---- numbers ---- */

static double final_loss(const struct tiny_setup *setup, int *rows) {
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    char *folder = expect_folder();
    open_training(&training, setup, folder, &watch, &error);
    expect_no_error(&error);
    trainer_run(training.trainer, &error);
    expect_no_error(&error);
    const struct history *history = trainer_history(training.trainer);
    double loss = history->rows[history->count - 1].loss;
    if (rows) *rows = history->count;
    assert_int_equal(trainer_epoch_of_weights(training.trainer), history->count);
    close_training(&training);
    tree_gone(folder);
    return loss;
}

/* With a rate of 0 the weights stay, so the reported loss is the cross-entropy plus the penalty, in training and
 * validation alike, whatever the last batch's size. */
static void test_penalty_in_the_loss(void **state) {
    (void)state;
    static const char format[] = "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax'%s}]";
    static const char training[] = "{'batch_size': 5, 'optimizer': {'type': 'SGD', 'learning_rate': 0}}";
    char plain[256], penalized[256];
    snprintf(plain, sizeof plain, format, "");
    snprintf(penalized, sizeof penalized, format, ", 'kernel_regularizer': {'type': 'L1L2', 'l1': 0.01, 'l2': 0.02}");
    struct tiny_setup setup = {.model = plain, .training = training, .train = 12, .threads = 1};
    double without = final_loss(&setup, NULL);
    setup.model = penalized;
    double with = final_loss(&setup, NULL);
    struct tiny tiny;
    tiny_open(&tiny, &setup);
    double penalty = model_penalty(&tiny.model);
    assert_true(penalty > 0.1);
    assert_true(fabs(with - without - penalty) < 1e-7);
    tiny_close(&tiny);
}

/* One step of plain SGD on a whole batch: w - rate * (gradient + l1 sign(w) + 2 l2 w). */
static void test_penalty_in_the_gradient(void **state) {
    (void)state;
    static const struct tiny_setup setup = {
        .model = "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax', 'kernel_regularizer': {'type': "
                 "'L1L2', 'l1': 0.01, 'l2': 0.02}}]",
        .training = "{'batch_size': 64, 'shuffle': false, 'optimizer': {'type': 'SGD', 'learning_rate': 0.5}}",
        .train = 12,
        .threads = 1};
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    char *folder = expect_folder();
    struct tiny before;
    struct batch_result result;
    tiny_open(&before, &setup);
    struct batch batch = {.feed = &before.train, .samples = tiny_samples(), .count = 12};
    engine_train_step(before.engine, &batch, &result);
    open_training(&training, &setup, folder, &watch, &error);
    trainer_run(training.trainer, &error);
    expect_no_error(&error);
    const float *weights = before.model.parameters, *gradients = engine_gradients(before.engine);
    for (size_t i = 0; i < before.model.layers[1].parameters[0].size; i++) {
        double sign = weights[i] > 0 ? 1 : weights[i] < 0 ? -1 : 0, w = (double)weights[i];
        double wanted = w - 0.5 * ((double)gradients[i] + 0.01 * sign + 2 * 0.02 * w);
        assert_true(fabs(wanted - (double)training.tiny.model.parameters[i]) < 1e-6);
    }
    close_training(&training);
    tiny_close(&before);
    tree_gone(folder);
}

/* A batch that is larger than the data is a batch of all data. */
static void test_batch_larger_than_the_data(void **state) {
    (void)state;
    struct tiny_setup setup = {
        .training = "{'epochs': 2, 'batch_size': 12, 'shuffle': false}", .train = 12, .threads = 2};
    double exact = final_loss(&setup, NULL);
    setup.training = "{'epochs': 2, 'batch_size': 1000, 'shuffle': false}";
    assert_true(final_loss(&setup, NULL) == exact);
}

/* Each epoch draws its augmentation anew: with a rate of 0 nothing else changes the loss. */
static void test_augmentation_by_epoch(void **state) {
    (void)state;
    struct tiny_setup setup = {.model = "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
                               .data = augmented,
                               .training = "{'batch_size': 4, 'shuffle': false, 'optimizer': {'type': 'SGD', "
                                           "'learning_rate': 0}}",
                               .train = 12,
                               .threads = 1};
    double first = final_loss(&setup, NULL);
    setup.training = "{'epochs': 2, 'batch_size': 4, 'shuffle': false, 'optimizer': {'type': 'SGD', 'learning_rate': "
                     "0}}";
    assert_true(final_loss(&setup, NULL) != first);
    setup.data = NULL;
    double second = final_loss(&setup, NULL);
    setup.training = "{'batch_size': 4, 'shuffle': false, 'optimizer': {'type': 'SGD', 'learning_rate': 0}}";
    assert_true(final_loss(&setup, NULL) == second);
}

static void test_shuffle(void **state) {
    (void)state;
    struct tiny_setup setup = {.training = "{'batch_size': 4, 'shuffle': false}", .train = 12, .threads = 1};
    double in_order = final_loss(&setup, NULL);
    assert_true(final_loss(&setup, NULL) == in_order);
    setup.training = "{'batch_size': 4, 'shuffle': true}";
    assert_true(final_loss(&setup, NULL) != in_order);
}

/* It learns: three bright bands are told apart after some epochs. */
static void test_learns(void **state) {
    (void)state;
    int rows = 0;
    const struct tiny_setup setup = {.model = "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
                                     .training = "{'epochs': 12, 'batch_size': 8, 'optimizer': {'type': 'Adam', "
                                                 "'learning_rate': 0.02}}",
                                     .train = 60,
                                     .threads = 2};
    assert_true(final_loss(&setup, &rows) < 0.3);
    assert_int_equal(rows, 12);
}

/* The rate of the last step of each epoch stands in the history; ReduceLROnPlateau scales what comes after. */
static void test_rates(void **state) {
    (void)state;
    const struct tiny_setup setup = {
        .training = "{'epochs': 4, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'learning_rate': 0.8}, 'schedule': "
                    "{'type': 'Constant', 'warmup_epochs': 2}, 'callbacks': [{'type': 'ReduceLROnPlateau', 'monitor': "
                    "'loss', 'min_delta': 1000, 'patience': 2, 'factor': 0.5}]}",
        .train = 32,
        .threads = 1};
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    char *folder = expect_folder();
    open_training(&training, &setup, folder, &watch, &error);
    trainer_run(training.trainer, &error);
    expect_no_error(&error);
    /* 4 steps an epoch: step s of the warm-up has 0.8 (s + 1) / 8; the first epoch is better than infinity */
    static const double rates[] = {0.4, 0.8, 0.8, 0.4};
    const struct history *history = trainer_history(training.trainer);
    assert_int_equal(history->count, 4);
    for (int i = 0; i < 4; i++) assert_true(fabs(history->rows[i].learning_rate - rates[i]) < 1e-9);
    assert_int_equal(watch.reduced, 1);
    assert_int_equal(watch.begins, 4);
    assert_int_equal(watch.steps, 16);
    close_training(&training);
    tree_gone(folder);
}

static void test_best_epoch(void **state) {
    (void)state;
    const struct tiny_setup setup = {
        .training = "{'epochs': 5, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'learning_rate': 0.5}, 'callbacks': "
                    "[{'type': 'EarlyStopping', 'monitor': 'val_loss', 'patience': 9, 'restore_best_weights': true}]}",
        .train = 32,
        .validation = 12,
        .threads = 1};
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    char *folder = expect_folder();
    open_training(&training, &setup, folder, &watch, &error);
    trainer_run(training.trainer, &error);
    expect_no_error(&error);
    const struct history *history = trainer_history(training.trainer);
    int best = 0;
    for (int i = 1; i < history->count; i++)
        if (history->rows[i].val_loss < history->rows[best].val_loss) best = i;
    assert_int_equal(trainer_best_epoch(training.trainer), best + 1);
    assert_int_equal(trainer_epoch_of_weights(training.trainer), best + 1);
    assert_int_equal(watch.best_epoch, best + 1);
    assert_int_equal(watch.stopped, 0);
    /* the weights in hand are those of best.safetensors */
    struct tiny copy;
    tiny_open(&copy, &setup);
    struct text report = {0};
    model_load_weights(&copy.model, training.best, &report, &error);
    expect_no_error(&error);
    assert_int_equal(report.length, 0);
    assert_memory_equal(copy.model.parameters, training.tiny.model.parameters,
                        copy.model.parameter_floats * sizeof(float));
    text_free(&report);
    tiny_close(&copy);
    close_training(&training);
    tree_gone(folder);
}

/* ---- what goes wrong ---- */

static void test_loss_not_finite(void **state) {
    (void)state;
    const struct tiny_setup setup = {
        .model = "[{'type': 'Conv2D', 'filters': 2, 'kernel_size': 3}, 'Flatten', {'type': 'Dense', 'units': 3, "
                 "'activation': 'softmax'}]",
        .training = "{'epochs': 3, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'learning_rate': 1e30}}",
        .train = 32,
        .threads = 1};
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    char *folder = expect_folder();
    open_training(&training, &setup, folder, &watch, &error);
    assert_int_equal(trainer_run(training.trainer, &error), -1);
    expect_error(&error, ERROR_NOT_FINITE,
                 "the loss is not finite in epoch 1, step 2 of 4; the first layer with such an output is dense; try a "
                 "smaller learning_rate or clipnorm");
    assert_false(tree_has(folder, "last.safetensors"));
    close_training(&training);
    tree_gone(folder);
}

/* Weights go wrong in the last step of an epoch, which only a later loss would tell: the checkpoint stays good. */
static void test_weights_not_finite(void **state) {
    (void)state;
    struct tiny_setup setup = {
        .model = "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
        .training = "{'epochs': 3, 'batch_size': 8, 'schedule': {'type': 'StepDecay', 'step_epochs': 1, 'factor': 1}, "
                    "'optimizer': {'type': 'SGD', 'learning_rate': 0.1}}",
        .train = 8,
        .threads = 1};
    char *folder = expect_folder(), *before = expect_folder();
    struct watch watch = {.stop_epoch = 2};
    train(&setup, folder, &watch, false, ERROR_INTERRUPTED);
    tree_copy(folder, before);
    setup.training = "{'epochs': 3, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'learning_rate': 1e300}}";
    struct training training;
    struct error error = {0};
    struct watch rest = {0};
    open_training(&training, &setup, folder, &rest, &error);
    trainer_resume(training.trainer, training.last, &error);
    expect_no_error(&error);
    assert_int_equal(trainer_run(training.trainer, &error), -1);
    expect_error(&error, ERROR_NOT_FINITE,
                 "dense/kernel holds a value that is not finite after step 2; try a smaller learning_rate or clipnorm");
    assert_int_equal(rest.ends, 0);
    tree_same(folder, before, "last.safetensors");
    tree_same(folder, before, "best.safetensors");
    close_training(&training);
    tree_gone(folder);
    tree_gone(before);
}

static void test_files_not_writable(void **state) {
    (void)state;
    const struct tiny_setup setup = {.training = "{'batch_size': 8}", .train = 8, .threads = 1};
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    open_training(&training, &setup, "/nonexistent", &watch, &error);
    expect_no_error(&error);
    assert_int_equal(trainer_run(training.trainer, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
    assert_int_equal(watch.steps, 0);
    close_training(&training);
}

/* ---- the step loop allocates nothing ---- */

static void test_no_allocation_in_steps(void **state) {
    (void)state;
#if COUNTS_ALLOCATIONS
    static const char *const optimizers[] = {"{'type': 'Adam', 'global_clipnorm': 1}",
                                             "{'type': 'SGD', 'momentum': 0.9}"};
    for (int i = 0; i < 2; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{'epochs': 3, 'batch_size': 8, 'optimizer': %s, 'schedule': {'type': 'CosineDecay'}}", optimizers[i]);
        const struct tiny_setup setup = {
            .data = augmented, .training = text, .train = 43, .validation = 5, .threads = 1 + 2 * i};
        struct watch watch = {.count = true};
        char *folder = expect_folder();
        atomic_store(&allocations, 0);
        train(&setup, folder, &watch, false, ERROR_NONE);
        assert_int_equal(watch.steps, 3 * 6);
        assert_int_equal(atomic_load(&allocations), 0);
        atomic_store(&counting, true); /* the counter does count */
        free(expect_path("a", "b"));
        atomic_store(&counting, false);
        assert_true(atomic_load(&allocations) > 0);
        tree_gone(folder);
    }
#else
    skip();
#endif
}

int main(int argc, char **argv) {
    (void)argc;
    threads_wait_asleep(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_adam_with_early_stopping),
        cmocka_unit_test(test_resume_momentum_with_plateau),
        cmocka_unit_test(test_resume_other_optimizers),
        cmocka_unit_test(test_resume_of_a_finished_training),
        cmocka_unit_test(test_refused_resume),
        cmocka_unit_test(test_weights_are_no_checkpoint),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_penalty_in_the_loss),
        cmocka_unit_test(test_penalty_in_the_gradient),
        cmocka_unit_test(test_batch_larger_than_the_data),
        cmocka_unit_test(test_augmentation_by_epoch),
        cmocka_unit_test(test_shuffle),
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_best_epoch),
        cmocka_unit_test(test_loss_not_finite),
        cmocka_unit_test(test_weights_not_finite),
        cmocka_unit_test(test_files_not_writable),
        cmocka_unit_test(test_no_allocation_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
