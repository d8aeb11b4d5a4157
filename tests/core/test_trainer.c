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
#include "tests/support/training_case.h"
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

/* From the first to the last step of an epoch. */
static void count_between_steps(const struct train_event *event) {
    atomic_store(&counting, event->step < event->steps);
}

static const char augmented[] = "'augment': [{'type': 'RandomCrop', 'padding': 2}, 'RandomFlip']";

static void refuse_open(const struct tiny_setup *setup, enum error_code code, const char *text) {
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    training_open(&training, setup, "/nowhere", &watch, &error);
    assert_null(training.trainer);
    expect_error(&error, code, text);
    training_close(&training);
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
    training_open(&training, setup, folder, &watch, &error);
    expect_no_error(&error);
    trainer_run(training.trainer, &error);
    expect_no_error(&error);
    const struct history *history = trainer_history(training.trainer);
    double loss = history->rows[history->count - 1].loss;
    if (rows) *rows = history->count;
    assert_int_equal(trainer_epoch_of_weights(training.trainer), history->count);
    training_close(&training);
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
    training_open(&training, &setup, folder, &watch, &error);
    trainer_run(training.trainer, &error);
    expect_no_error(&error);
    const float *weights = before.model.parameters, *gradients = engine_gradients(before.engine);
    for (size_t i = 0; i < before.model.layers[1].parameters[0].size; i++) {
        double sign = weights[i] > 0 ? 1 : weights[i] < 0 ? -1 : 0, w = (double)weights[i];
        double wanted = w - 0.5 * ((double)gradients[i] + 0.01 * sign + 2 * 0.02 * w);
        assert_true(fabs(wanted - (double)training.tiny.model.parameters[i]) < 1e-6);
    }
    training_close(&training);
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
    training_open(&training, &setup, folder, &watch, &error);
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
    training_close(&training);
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
    training_open(&training, &setup, folder, &watch, &error);
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
    training_close(&training);
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
    training_open(&training, &setup, folder, &watch, &error);
    assert_int_equal(trainer_run(training.trainer, &error), -1);
    expect_error(&error, ERROR_NOT_FINITE,
                 "the loss is not finite in epoch 1, step 2 of 4; the first layer with such an output is dense; try a "
                 "smaller learning_rate or clipnorm");
    assert_false(tree_has(folder, "last.safetensors"));
    training_close(&training);
    tree_gone(folder);
}

/* A feed whose third image no arithmetic survives. */
static void (*own_fill)(const struct feed *feed, const int64_t *samples, int count, uint64_t epoch, bool augment,
                        float *x, void *scratch);

static void fill_badly(const struct feed *feed, const int64_t *samples, int count, uint64_t epoch, bool augment,
                       float *x, void *scratch) {
    own_fill(feed, samples, count, epoch, augment, x, scratch);
    for (int i = 0; i < count; i++)
        if (samples[i] == 3) x[(ptrdiff_t)i * TINY_SIDE * TINY_SIDE * TINY_CHANNELS] = INFINITY;
}

static void spoil(struct feed *feed) {
    own_fill = feed->fill;
    feed->fill = fill_badly;
}

static bool all_finite(const struct model *model) {
    for (size_t i = 0; i < model->parameter_floats; i++)
        if (!isfinite(model->parameters[i])) return false;
    return true;
}

/* The step with the bad image is left out of weights, moving statistics and means alike. */
static void test_skipped_steps(void **state) {
    (void)state;
    static const char *const rows[] = {"'on_nan': 'skip'", "'on_nan': 'skip', 'batch_size': 32", "'on_nan': 'stop'"};
    static const char *const messages[] = {
        NULL, "no step of epoch 1 had a finite loss; try a smaller learning_rate or clipnorm",
        "the first layer with such an output is conv2d; try a smaller learning_rate or clipnorm"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        snprintf(text, sizeof text, "{'epochs': 2, %s%s}", strstr(rows[i], "batch") ? "" : "'batch_size': 8, ",
                 rows[i]);
        const struct tiny_setup setup = {.training = text, .train = 32, .threads = 2};
        struct training training;
        struct error error = {0};
        struct watch watch = {0};
        char *folder = expect_folder();
        training_open(&training, &setup, folder, &watch, &error);
        spoil(&training.tiny.train);
        assert_int_equal(trainer_run(training.trainer, &error), messages[i] ? -1 : 0);
        if (messages[i]) {
            assert_int_equal(error.code, ERROR_NOT_FINITE);
            assert_non_null(strstr(error.message, messages[i]));
        } else {
            expect_no_error(&error);
            const struct history *history = trainer_history(training.trainer);
            assert_int_equal(watch.steps, 8);
            assert_int_equal(watch.skipped, 2);
            assert_true(all_finite(&training.tiny.model));
            for (int row = 0; row < 2; row++) {
                double hits = history->rows[row].accuracy * 24;
                assert_true(isfinite(history->rows[row].loss) && fabs(hits - round(hits)) < 1e-6);
            }
        }
        assert_true(tree_has(folder, "last.safetensors") == !messages[i]);
        training_close(&training);
        tree_gone(folder);
    }
}

static void test_validation_not_finite(void **state) {
    (void)state;
    for (int skip = 0; skip < 2; skip++) {
        const struct tiny_setup setup = {.training = skip ? "{'epochs': 2, 'on_nan': 'skip'}" : "{'epochs': 2}",
                                         .train = 32,
                                         .validation = 8,
                                         .threads = 2};
        struct training training;
        struct error error = {0};
        struct watch watch = {0};
        char *folder = expect_folder();
        training_open(&training, &setup, folder, &watch, &error);
        spoil(&training.tiny.validation);
        assert_int_equal(trainer_run(training.trainer, &error), skip ? 0 : -1);
        if (skip) {
            struct history history;
            history_read(training.history, &history, &error);
            expect_no_error(&error);
            assert_true(history.count == 2 && isinf(history.rows[1].val_loss));
            history_free(&history);
        } else {
            expect_error(&error, ERROR_NOT_FINITE,
                         "the validation loss is not finite after epoch 1; the first layer with such an output is "
                         "conv2d; try a smaller learning_rate or clipnorm, and look at the images");
        }
        training_close(&training);
        tree_gone(folder);
    }
}

/* Weights that were wrong from the beginning never become a checkpoint. */
static void test_first_weights_not_finite(void **state) {
    (void)state;
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    char *folder = expect_folder();
    training_open(&training, &(struct tiny_setup){.train = 8}, folder, &watch, &error);
    training.tiny.model.parameters[1] = NAN;
    assert_int_equal(trainer_save(training.trainer, &error), -1);
    expect_error(&error, ERROR_NOT_FINITE,
                 "conv2d/kernel holds a value that is not finite before the first step; look at its initializer, the "
                 "given weights, or the images");
    assert_false(tree_has(folder, "last.safetensors"));
    training_close(&training);
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
    training_run(&setup, folder, &watch, false, ERROR_INTERRUPTED);
    tree_copy(folder, before);
    setup.training = "{'epochs': 3, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'learning_rate': 1e300}}";
    struct training training;
    struct error error = {0};
    struct watch rest = {0};
    training_open(&training, &setup, folder, &rest, &error);
    trainer_resume(training.trainer, training.last, false, &error);
    expect_no_error(&error);
    assert_int_equal(trainer_run(training.trainer, &error), -1);
    expect_error(&error, ERROR_NOT_FINITE,
                 "dense/kernel holds a value that is not finite after step 2; try a smaller learning_rate or clipnorm");
    assert_int_equal(rest.ends, 0);
    tree_same(folder, before, "last.safetensors");
    tree_same(folder, before, "best.safetensors");
    training_close(&training);
    tree_gone(folder);
    tree_gone(before);
}

static void test_files_not_writable(void **state) {
    (void)state;
    const struct tiny_setup setup = {.training = "{'batch_size': 8}", .train = 8, .threads = 1};
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    training_open(&training, &setup, "/nonexistent", &watch, &error);
    expect_no_error(&error);
    assert_int_equal(trainer_run(training.trainer, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
    assert_int_equal(watch.steps, 0);
    training_close(&training);
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
        struct watch watch = {.on_step = count_between_steps};
        char *folder = expect_folder();
        atomic_store(&allocations, 0);
        training_run(&setup, folder, &watch, false, ERROR_NONE);
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
        cmocka_unit_test(test_skipped_steps),
        cmocka_unit_test(test_validation_not_finite),
        cmocka_unit_test(test_first_weights_not_finite),
        cmocka_unit_test(test_files_not_writable),
        cmocka_unit_test(test_no_allocation_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
