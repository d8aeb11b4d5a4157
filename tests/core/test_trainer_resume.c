/* A training in one go and one that was stopped, killed and gone on with are the same, byte for byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tests/support/expect.h"
#include "tests/support/threads.h"
#include "tests/support/training_case.h"
#include "tests/support/tree.h"

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
    training_run(setup, folder, &watch, false, ERROR_INTERRUPTED);
    assert_false(tree_has(folder, "weights"));
    training_run(setup, folder, &rest, true, ERROR_NONE);
    snprintf(when, sizeof when, "stopped in epoch %d after step %lld", epoch, (long long)step);
    same_training(whole, folder, when);
    tree_gone(folder);
}

/* A process killed between an epoch's row of history and its checkpoint. */
static void check_kill(const struct tiny_setup *setup, const char *whole, int epoch) {
    char *folder = expect_folder(), *copy = expect_path(folder, "copy"), when[64];
    struct watch watch = {.copy_epoch = epoch, .from = folder, .to = copy}, rest = {0};
    training_run(setup, folder, &watch, false, ERROR_NONE);
    training_run(setup, copy, &rest, epoch > 1,
                 ERROR_NONE); /* at the end of the first epoch there is no checkpoint yet */
    snprintf(when, sizeof when, "killed at the end of epoch %d", epoch);
    same_training(whole, copy, when);
    free(copy);
    tree_gone(folder);
}

/* Stops at the beginning of every epoch and within it, and kills at its end: all the same as one go. */
static void check_resume(const struct tiny_setup *setup, int epochs) {
    char *whole = expect_folder();
    struct watch watch = {0};
    training_run(setup, whole, &watch, false, ERROR_NONE);
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

/* ---- every step ---- */

/* Stops after every single step, at the beginning of an epoch and in its validation, and goes on each time, on another
 * number of threads. */
static void check_every_step(const struct tiny_setup *setup, int steps) {
    char *whole = expect_folder(), *folder = expect_folder();
    struct watch watch = {0};
    training_run(setup, whole, &watch, false, ERROR_NONE);
    assert_int_equal(watch.steps, watch.ends * steps);
    struct tiny_setup other = *setup;
    for (int at = 0; at <= watch.ends * steps; at++) {
        struct watch stop = {.stop_epoch = at / steps + 1, .stop_step = at % steps};
        if (at && stop.stop_step == 0) stop = (struct watch){.stop_epoch = at / steps, .stop_step = steps};
        other.threads = 1 + at % 3;
        bool ends = at == watch.ends * steps && !setup->validation; /* the last step leaves nothing to stop */
        training_run(&other, folder, &stop, at > 0, ends ? ERROR_NONE : ERROR_INTERRUPTED);
    }
    struct watch rest = {0};
    if (setup->validation) training_run(&other, folder, &rest, true, ERROR_NONE);
    same_training(whole, folder, "stopped after every step");
    tree_gone(whole);
    tree_gone(folder);
}

static void test_resume_at_every_step(void **state) {
    (void)state;
    static const char *const rows[] = {
        "'optimizer': {'type': 'Adam', 'amsgrad': true}, 'schedule': {'type': 'StepDecay', 'step_epochs': 0.7}, "
        "'checkpoint_steps': 2, 'keep_checkpoints': 2",
        "'optimizer': {'type': 'SGD', 'momentum': 0.9, 'nesterov': true}, 'schedule': {'type': 'ExponentialDecay', "
        "'decay_rate': 0.5}, 'callbacks': [{'type': 'ReduceLROnPlateau', 'monitor': 'loss', 'patience': 0, "
        "'min_delta': 1}]",
        "'optimizer': {'type': 'RMSprop', 'centered': true, 'momentum': 0.3}, 'schedule': {'type': 'CosineDecay', "
        "'warmup_epochs': 0.6}, 'callbacks': [{'type': 'EarlyStopping', 'monitor': 'loss', 'patience': 1, 'min_delta': "
        "9, 'restore_best_weights': true}]",
        "'optimizer': 'Nadam', 'on_nan': 'skip'",
        "'optimizer': {'type': 'Adagrad', 'clipnorm': 0.5}, 'label_smoothing': 0.1",
        "'optimizer': {'type': 'AdamW', 'weight_decay': 0.1}, 'shuffle': false",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char training[512];
        snprintf(training, sizeof training, "{'epochs': 3, 'batch_size': 5, %s}", rows[i]);
        for (int validation = 0; validation <= 6; validation += 6)
            check_every_step(
                &(struct tiny_setup){
                    .data = augmented, .training = training, .train = 17, .validation = validation, .threads = 1},
                4);
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
    training_run(&setup, folder, &first, false, ERROR_NONE);
    assert_int_equal(first.ends, 3);
    assert_int_equal(first.stopped, 1);
    assert_int_equal(first.restored, 1);
    tree_copy(folder, before);
    training_run(&setup, folder, &again, true, ERROR_NONE);
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
    training_open(&training, setup, folder, &watch, &error);
    expect_no_error(&error);
    assert_int_equal(trainer_resume(training.trainer, training.last, false, &error), -1);
    snprintf(expected, sizeof expected, "%s%s", training.last, text);
    expect_error(&error, code, expected);
    training_close(&training);
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
    training_run(&setup, folder, &watch, false, ERROR_NONE);
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
    refuse_resume(&other, folder, ERROR_DATA,
                  ": callbacks.callbacks: has the state of 1 callbacks, the config has 2; go on with the same "
                  "callbacks, or start a new run from its weights with --weights");
    other = setup;
    other.training = "{'batch_size': 8, 'optimizer': 'Adam'}";
    refuse_resume(&other, folder, ERROR_DATA,
                  ": was written while training with RMSprop, now it is Adam; keep it, or start a new run from these "
                  "weights with --weights");
    other.training = "{'batch_size': 8, 'optimizer': {'type': 'RMSprop', 'momentum': 0.5}}";
    refuse_resume(&other, folder, ERROR_DATA, ": lacks 1 of the model's 3 tensors: optimizer/top/kernel/momentum");
    other = setup;
    other.model = dense_model;
    refuse_resume(&other, folder, ERROR_DATA,
                  ": lacks 2 of the model's 4 tensors: top/bias, optimizer/top/bias/velocity");
    tree_gone(folder);
}

static void test_weights_are_no_checkpoint(void **state) {
    (void)state;
    char *folder = expect_folder(), *best = expect_path(folder, "best.safetensors"),
         *last = expect_path(folder, "last.safetensors");
    struct watch watch = {0};
    const struct tiny_setup setup = {.training = "{'batch_size': 8}", .train = 16, .threads = 1};
    training_run(&setup, folder, &watch, false, ERROR_NONE);
    assert_int_equal(rename(best, last), 0);
    refuse_resume(&setup, folder, ERROR_DATA, ": holds weights but no training state; start from it with --weights");
    free(best);
    free(last);
    tree_gone(folder);
}

int main(int argc, char **argv) {
    (void)argc;
    threads_wait_asleep(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_adam_with_early_stopping), cmocka_unit_test(test_resume_momentum_with_plateau),
        cmocka_unit_test(test_resume_other_optimizers),         cmocka_unit_test(test_resume_at_every_step),
        cmocka_unit_test(test_resume_of_a_finished_training),   cmocka_unit_test(test_refused_resume),
        cmocka_unit_test(test_weights_are_no_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
