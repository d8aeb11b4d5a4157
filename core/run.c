#include "core/run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/evaluation.h"
#include "core/file.h"
#include "core/platform.h"
#include "core/report/run_report.h"
#include "core/run_events.h"
#include "core/run_parts.h"
#include "core/run_resume.h"
#include "core/statistics.h"

/* Everything a run opens, so that one function can close it again. */
struct run {
    const struct run_request *request;
    const struct config *config;
    const char *folder;
    struct run_parts parts;
    struct trainer *trainer;
    struct run_events events;
    struct predictions predictions;
    struct confusion confusion;
    char *config_text, *last, *best, *history, *log;
    int lock;     /* descriptor, -1: none */
    bool resumed; /* from a checkpoint */
};

static void close_run(struct run *run) {
    trainer_close(run->trainer);
    run_parts_close(&run->parts);
    predictions_free(&run->predictions);
    confusion_free(&run->confusion);
    if (run->lock >= 0) close(run->lock);
    free(run->config_text);
    free(run->last);
    free(run->best);
    free(run->history);
    free(run->log);
}

static void note(const struct run *run, const char *line) {
    const struct workshop *workshop = run->request->workshop;
    if (workshop->note) workshop->note(workshop->listener, line);
}

static void add_row(const struct history_row *row, struct text *line) {
    text_print(line, "epoch %d: loss %.6f, accuracy %.4f", row->epoch, row->loss, row->accuracy);
    if (!isnan(row->val_loss)) text_print(line, ", val_loss %.6f, val_accuracy %.4f", row->val_loss, row->val_accuracy);
    text_print(line, ", learning rate %.4g, %.1f s\n", row->learning_rate, row->seconds);
}

static void add_event(const struct train_event *event, struct text *line) {
    static const char *const texts[] = {[TRAIN_RATE_REDUCED] = "learning rate reduced",
                                        [TRAIN_STOPPED_EARLY] = "stopped early",
                                        [TRAIN_RESTORED] = "best weights restored",
                                        [TRAIN_STEP_SKIPPED] = "a step is skipped: the loss is not finite"};
    if (event->kind == TRAIN_EPOCH_BEGIN)
        text_print(line, "epoch %d of %d, step %lld of %lld\n", event->epoch, event->epochs, (long long)event->step,
                   (long long)event->steps);
    else if (event->row)
        add_row(event->row, line);
    else
        text_print(line, "epoch %d: %s\n", event->epoch, texts[event->kind]);
}

/* log.txt is a convenience: a failure to write it must not end a training. Takes the line. */
static void log_line(const struct run *run, struct text *line) {
    FILE *file = line->bytes && !line->failed ? fopen(run->log, "a") : NULL;
    if (file) {
        fwrite(line->bytes, 1, line->length, file);
        fclose(file);
    }
    text_free(line);
}

static void log_event(const struct run *run, const struct train_event *event) {
    bool is_often = event->kind == TRAIN_STEP || event->kind == TRAIN_VALIDATION || event->kind == TRAIN_TEST;
    if (is_often || event->kind == TRAIN_CHECKPOINT) return;
    struct text line = {0};
    add_event(event, &line);
    log_line(run, &line);
}

/* For those who look on: run_watch. */
static void log_failure(const struct run *run, const struct error *error) {
    struct text line = {0};
    text_print(&line, RUN_LOG_ENDED "%s\n", error->message);
    log_line(run, &line);
}

static void hear(void *listener, const struct train_event *event) {
    struct run *run = listener;
    run_events_hear(&run->events, event);
    const struct workshop *workshop = run->request->workshop;
    log_event(run, event);
    if (workshop->listen) workshop->listen(workshop->listener, event);
}

static void hear_test(void *listener, const char *what, int64_t done, int64_t total) {
    (void)what;
    const struct run *run = listener;
    int epochs = run->config->values.training.epochs;
    struct train_event event = {.kind = TRAIN_TEST,
                                .epoch = trainer_epoch_of_weights(run->trainer),
                                .epochs = epochs,
                                .step = done,
                                .steps = total};
    hear(listener, &event);
}

/* A folder of its own, or the one it is given; nobody else may work in it. */
static int open_folder(struct run *run, struct error *error) {
    const struct run_request *request = run->request;
    run_guard(request->workshop, true);
    run->folder = request->folder;
    if (request->claimed) run->folder = *request->claimed = run_claim_folder(request->folder, error);
    if (!run->folder) return -1;
    run->lock = run_lock_folder(run->folder, error);
    return run->lock < 0 ? -1 : 0;
}

static int open_files(struct run *run, struct error *error) {
    const char *folder = run->folder;
    run->last = run_file(folder, "last.safetensors", error);
    run->best = run_file(folder, "best.safetensors", error);
    run->history = run_file(folder, "history.csv", error);
    run->log = run_file(folder, "log.txt", error);
    run->config_text = config_text(run->config, run->request->workshop->registries, error);
    return run->last && run->best && run->history && run->log && run->config_text ? 0 : -1;
}

static int judge_changes(const struct run *run, const char *changes, struct error *error) {
    struct text line = {0};
    if (!run->request->allow_changes)
        return error_set(error, ERROR_CONFIG, run->last,
                         "was written with another config: %s; take the changes back, or go on with them by "
                         "--allow-changes",
                         changes);
    text_print(&line, "goes on with a changed config: %s", changes);
    if (!line.failed) note(run, line.bytes);
    text_free(&line);
    return 0;
}

static int resume(struct run *run, struct error *error) {
    struct text changes = {0};
    int status = run_changes(run->config, run->request->workshop->registries, run->last, &changes, error);
    if (status == 0 && changes.length) status = judge_changes(run, changes.bytes, error);
    if (status == 0) status = trainer_resume(run->trainer, run->last, run->request->allow_changes, error);
    text_free(&changes);
    run->resumed = true;
    return status;
}

static int open_trainer(struct run *run, struct error *error) {
    const struct workshop *workshop = run->request->workshop;
    const struct data_splits *splits = run->request->splits;
    struct trainer_setup setup = {
        .config = run->config,
        .model = &run->parts.model,
        .engine = run->parts.engine,
        .train = &run->parts.train,
        .validation = splits->validation.count ? &run->parts.validation : NULL,
        .facts = {run->config_text, run->parts.normalization, splits->classes, splits->class_names},
        .last_path = run->last,
        .best_path = run->best,
        .history_path = run->history,
        .stop = workshop->stop,
        .listen = hear,
        .listener = run,
    };
    if (trainer_open(&run->trainer, &setup, error) != 0) return -1;
    return run->request->resume && file_exists(run->last) ? resume(run, error) : 0;
}

static int write_config(const struct run *run, struct error *error) {
    char *path = run_file(run->folder, "config.json", error);
    int status = path ? 0 : -1;
    if (status == 0) status = file_replace_text(path, run->config_text, error);
    free(path);
    return status;
}

/* What metrics.json says of a run that goes on is no longer true. */
static int forget_result(const struct run *run, struct error *error) {
    char *path = run_file(run->folder, "metrics.json", error);
    int status = path ? 0 : -1;
    if (status == 0 && unlink(path) != 0 && errno != ENOENT) status = error_set_errno(error, path, "remove the file");
    free(path);
    return status;
}

/* A new run has a checkpoint first, so that where there is a config.json there is something to go on from: weights that
 * it was given, for one. One that goes on has its config first: with the checkpoint's still different, going on once
 * more asks again whether the changes are meant. */
static int begin_files(struct run *run, struct error *error) {
    if (!run->resumed && trainer_save(run->trainer, error) != 0) return -1;
    if (write_config(run, error) != 0) return -1;
    const bool may_differ = run->resumed && run->request->allow_changes;
    if (may_differ && run_update_config(run->best, &run->parts.model, run->config_text, error) != 0) return -1;
    if (may_differ && trainer_save(run->trainer, error) != 0) return -1;
    return trainer_is_done(run->trainer) ? 0 : forget_result(run, error);
}

static void detail(const struct run *run, struct text *line) {
    const struct workshop *workshop = run->request->workshop;
    if (!line->failed) workshop->detail(workshop->listener, line->bytes);
    text_free(line);
}

/* Of what is at work, for those who want to know. */
static void tell_details(const struct run *run) {
    const struct workshop *workshop = run->request->workshop;
    const struct run_parts *parts = &run->parts;
    const struct config_values *values = &run->config->values;
    const struct data_common *data = values->data.config;
    struct text line = {0};
    if (!workshop->detail) return;
    text_print(&line, "compute: %s kernels, %d thread%s", workshop->kernels->name, workshop->threads,
               workshop->threads == 1 ? "" : "s");
    detail(run, &line);
    text_print(&line, "memory: %.1f MB of parameters, %.1f MB of work space, %.1f MB held by the process so far",
               (double)parts->model.parameter_floats * sizeof(float) / 1e6, (double)engine_memory(parts->engine) / 1e6,
               (double)platform_peak_memory() / 1e6);
    detail(run, &line);
    text_print(&line, "feed: %lld training, %lld validation, %lld test images; normalization %s, %d augmentation%s",
               (long long)parts->splits->train.count, (long long)parts->splits->validation.count,
               (long long)parts->splits->test.count, data->normalize.kind ? data->normalize.kind->name : "by numbers",
               data->augment.count, data->augment.count == 1 ? "" : "s");
    detail(run, &line);
    text_print(&line, "training: %s, batches of %d, %d epochs", values->training.optimizer.kind->name,
               values->training.batch_size, values->training.epochs);
    detail(run, &line);
}

static int open_events(struct run *run, struct error *error) {
    if (!run->config->values.training.tensorboard || trainer_is_done(run->trainer)) return 0;
    bool validates = run->request->splits->validation.count > 0;
    return run_events_open(&run->events, run->folder, validates, trainer_history(run->trainer), error);
}

static int open_run(struct run *run, struct error *error) {
    if (run_parts_build(&run->parts, error) != 0 || run_parts_open(&run->parts, error) != 0) return -1;
    if (open_folder(run, error) != 0 || open_files(run, error) != 0) return -1;
    if (open_trainer(run, error) != 0) return -1;
    tell_details(run);
    return begin_files(run, error) == 0 ? open_events(run, error) : -1;
}

/* ---- what a run leaves ---- */

static int test_not_finite(const struct layer *layer, struct error *error) {
    return error_set(error, ERROR_NOT_FINITE, NULL, "the loss on the test images is not finite%s%s; look at the images",
                     layer ? "; the first layer with such an output is " : "", layer ? layer->name : "");
}

static int test_stopped(struct error *error) {
    if (error->code != ERROR_INTERRUPTED) return -1;
    error_clear(error);
    return error_set(error, ERROR_INTERRUPTED, NULL,
                     "interrupted in the test after the last epoch, whose checkpoint "
                     "is written");
}

static int test_all(struct run *run, struct run_result *result, struct error *error) {
    const struct dataset *test = &run->request->splits->test;
    if (predictions_create(&run->predictions, test->count, error) != 0) return -1;
    if (confusion_create(&run->confusion, run->parts.model.output.size[0], error) != 0) return -1;
    struct evaluation evaluation;
    const struct evaluation_watch watch = {run->request->workshop->stop, {.tell = hear_test, .listener = run}};
    if (evaluate_feed(run->parts.engine, &run->parts.model, &run->parts.test, &run->predictions, &watch, &evaluation,
                      error) != 0)
        return test_stopped(error);
    if (!isfinite(evaluation.loss)) return test_not_finite(evaluation.first_not_finite, error);
    confusion_add(&run->confusion, run->predictions.labels, run->predictions.predicted, run->predictions.count);
    struct interval interval = wilson_interval(evaluation.correct, test->count);
    result->test_loss = evaluation.loss;
    result->test_accuracy = evaluation.accuracy;
    result->test_low = interval.low;
    result->test_high = interval.high;
    return 0;
}

/* Fills predictions and confusion matrix, or neither. */
static int test_run(struct run *run, struct run_result *result, struct error *error) {
    if (run->request->splits->test.count == 0 || test_all(run, result, error) == 0) return 0;
    predictions_free(&run->predictions);
    confusion_free(&run->confusion);
    return -1;
}

static const char *class_name(const struct run *run, struct arena *arena, int index, struct error *error) {
    const struct data_splits *splits = run->request->splits;
    if (splits->class_names && index < splits->classes) return splits->class_names[index];
    char number[16];
    snprintf(number, sizeof number, "%d", index);
    return arena_string(arena, number, error);
}

static int fill_classes(const struct run *run, struct run_result *result, struct error *error) {
    int count = run->confusion.classes;
    if (count == 0) return 0;
    struct class_result *classes = arena_allocate(&result->memory, (size_t)count * sizeof *classes, error);
    if (!classes) return -1;
    for (int i = 0; i < count; i++) {
        struct class_scores scores = confusion_class(&run->confusion, i);
        classes[i] = (struct class_result){class_name(run, &result->memory, i, error), scores.support, scores.precision,
                                           scores.recall, scores.f1};
        if (!classes[i].name) return -1;
    }
    result->classes = classes;
    result->class_count = count;
    return 0;
}

static void fill_history(const struct run *run, struct run_result *result) {
    const struct history *history = trainer_history(run->trainer);
    int epoch = trainer_epoch_of_weights(run->trainer);
    double seconds = 0, rate = 0;
    result->epochs = history->count;
    result->best_epoch = trainer_best_epoch(run->trainer);
    for (int i = 0; i < history->count; i++) {
        const struct history_row *row = &history->rows[i];
        seconds += row->seconds;
        rate += row->images_per_second;
        if (row->epoch != epoch) continue;
        result->train_loss = row->loss;
        result->train_accuracy = row->accuracy;
        result->validation_loss = row->val_loss;
        result->validation_accuracy = row->val_accuracy;
    }
    if (history->count == 0) return;
    result->seconds = seconds;
    result->seconds_per_epoch = seconds / history->count;
    result->images_per_second = rate / history->count;
}

static int fill_versions(struct run_result *result, struct error *error) {
    struct platform_version versions[PLATFORM_VERSIONS] = {0};
    platform_versions(versions);
    result->versions[result->version_count++] = (struct result_version){"cnntrain", CNNTRAIN_VERSION};
    for (int i = 0; i < PLATFORM_VERSIONS && versions[i].name && result->version_count < RESULT_VERSIONS_MAX; i++) {
        char *version = arena_string(&result->memory, versions[i].version, error);
        if (!version) return -1;
        result->versions[result->version_count++] = (struct result_version){versions[i].name, version};
    }
    return 0;
}

/* "svhn:/data/svhn" */
static const char *data_text(const struct run *run, struct arena *arena, struct error *error) {
    const struct component *data = &run->config->values.data;
    const char *path = ((const struct data_common *)data->config)->path;
    struct text text = {0};
    text_print(&text, path ? "%s:%s" : "%s", data->kind->name, path);
    if (text.failed) error_set(error, ERROR_RUN, NULL, "not enough memory for the name of the data");
    char *copy = text.failed ? NULL : arena_string(arena, text.bytes, error);
    text_free(&text);
    return copy;
}

static int fill_result(const struct run *run, struct run_result *result, struct error *error) {
    const struct data_splits *splits = run->request->splits;
    const struct config_values *values = &run->config->values;
    result->name = values->name;
    result->config_path = run->config->path;
    result->kernel = run->request->workshop->kernels->name;
    result->seed = values->seed;
    result->threads = run->request->workshop->threads;
    result->batch_size = values->training.batch_size;
    result->train_images = splits->train.count;
    result->validation_images = splits->validation.count;
    result->test_images = splits->test.count;
    result->parameters = run->parts.model.trainable_count + run->parts.model.non_trainable_count;
    result->trainable_parameters = run->parts.model.trainable_count;
    result->multiplications = model_multiplications(&run->parts.model);
    result->peak_memory_bytes = (long long)platform_peak_memory();
    result->data = data_text(run, &result->memory, error);
    fill_history(run, result);
    if (!result->data || fill_versions(result, error) != 0) return -1;
    return fill_classes(run, result, error);
}

static int write_predictions(const struct run *run, struct error *error) {
    if (run->predictions.count == 0) return 0;
    const struct data_splits *splits = run->request->splits;
    /* A model may have more outputs than the data has classes; names are then numbers. */
    char *const *names = splits->classes == run->confusion.classes ? splits->class_names : NULL;
    char *predictions = run_file(run->folder, "predictions.csv", error);
    char *confusion = run_file(run->folder, "confusion.csv", error);
    int status = predictions && confusion ? 0 : -1;
    if (status == 0) status = predictions_write(predictions, &run->predictions, error);
    if (status == 0) status = confusion_write(confusion, &run->confusion, names, error);
    free(predictions);
    free(confusion);
    return status;
}

static int write_report(const struct run *run, const struct run_result *result, struct error *error) {
    struct summary summary;
    struct summary_row *rows = run_summary_rows(&run->parts.model, &summary, error);
    if (!rows) return -1;
    struct text command = {0};
    char *config = run_file(run->folder, "config.json", error);
    text_add(&command, "cnntrain train --config ");
    text_add_shell_word(&command, config ? config : "");
    struct run_report report = {.result = result,
                                .summary = &summary,
                                .history = trainer_history(run->trainer),
                                .confusion = run->confusion.classes ? &run->confusion : NULL,
                                .command = command.failed ? NULL : command.bytes,
                                .config = run->config_text,
                                .model = &run->parts.model,
                                .splits = run->request->splits,
                                .predictions = run->predictions.count ? &run->predictions : NULL};
    int status = config ? run_report_write(&report, run->folder, error) : -1;
    text_free(&command);
    free(config);
    free(rows);
    return status;
}

/* metrics.json comes last: where it says finished, everything else is there. */
static int write_result(const struct run *run, const struct run_result *result, struct error *error) {
    char *path = run_file(run->folder, "metrics.json", error);
    if (!path) return -1;
    int status = write_report(run, result, error);
    if (status == 0) status = run_result_write(result, path, error);
    free(path);
    return status;
}

static int finish_run(struct run *run, struct error *error) {
    struct run_result result = run_result_empty();
    result.status = RUN_FINISHED;
    int status = test_run(run, &result, error);
    if (status == 0) status = fill_result(run, &result, error);
    if (status == 0) status = write_predictions(run, error);
    if (status == 0) status = write_result(run, &result, error);
    run_result_free(&result);
    return status;
}

/* Leaves word of a training that diverged or was interrupted; the error of the training is the one that counts. One
 * that was interrupted goes on some day: it has a report, and no metrics.json. */
static void record_end(struct run *run, const struct error *cause) {
    struct error ignored = {0};
    struct run_result result = run_result_empty();
    bool is_over = cause->code == ERROR_NOT_FINITE;
    result.status = is_over ? RUN_NOT_FINITE : RUN_INTERRUPTED;
    result.message = cause->message;
    if (fill_result(run, &result, &ignored) == 0)
        is_over ? write_result(run, &result, &ignored) : write_report(run, &result, &ignored);
    run_result_free(&result);
}

int run_execute(const struct run_request *request, struct error *error) {
    struct run run = {.request = request,
                      .config = request->config,
                      .parts = {.workshop = request->workshop,
                                .config = request->config,
                                .splits = request->splits,
                                .weights = request->weights},
                      .lock = -1};
    int status = open_run(&run, error);
    if (status == 0) {
        status = trainer_run(run.trainer, error);
        if (status == 0) status = finish_run(&run, error);
        bool is_told = error->code == ERROR_NOT_FINITE || error->code == ERROR_INTERRUPTED;
        if (status != 0) log_failure(&run, error);
        if (status != 0 && is_told) record_end(&run, error);
    }
    if (run_events_close(&run.events, error) != 0) status = -1;
    if (status != 0 && request->claimed && run.folder) run_release_folder(run.folder);
    close_run(&run);
    return status;
}
