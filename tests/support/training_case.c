#include "tests/support/training_case.h"

#include <stdlib.h>

#include "core/file.h"
#include "tests/support/expect.h"
#include "tests/support/tree.h"

static void hear(void *listener, const struct train_event *event) {
    struct watch *watch = listener;
    watch->begins += event->kind == TRAIN_EPOCH_BEGIN;
    watch->ends += event->kind == TRAIN_EPOCH_END;
    watch->reduced += event->kind == TRAIN_RATE_REDUCED;
    watch->stopped += event->kind == TRAIN_STOPPED_EARLY;
    watch->steps += event->kind == TRAIN_STEP;
    watch->skipped += event->kind == TRAIN_STEP_SKIPPED;
    if (event->kind == TRAIN_RESTORED) {
        watch->restored++;
        watch->best_epoch = event->best_epoch;
    }
    if (event->kind == TRAIN_STEP && watch->on_step) watch->on_step(event);
    bool at_begin = event->kind == TRAIN_EPOCH_BEGIN && watch->stop_step == 0;
    bool at_step = event->kind == TRAIN_STEP && event->step == watch->stop_step;
    if (event->epoch == watch->stop_epoch && (at_begin || at_step)) watch->stop = 1;
    if (event->kind == TRAIN_EPOCH_END && event->epoch == watch->copy_epoch) tree_copy(watch->from, watch->to);
}

void training_open(struct training *training, const struct tiny_setup *setup, const char *folder, struct watch *watch,
                   struct error *error) {
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

void training_close(struct training *training) {
    trainer_close(training->trainer);
    tiny_close(&training->tiny);
    free(training->last);
    free(training->best);
    free(training->history);
    free(training->config_text);
}

void training_run(const struct tiny_setup *setup, const char *folder, struct watch *watch, bool resume,
                  enum error_code expected) {
    struct training training;
    struct error error = {0};
    training_open(&training, setup, folder, watch, &error);
    expect_no_error(&error);
    if (resume) trainer_resume(training.trainer, training.last, false, &error);
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
    training_close(&training);
}
