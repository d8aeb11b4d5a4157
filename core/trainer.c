#include "core/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checkpoint_keep.h"
#include "core/constraint.h"
#include "core/evaluation.h"
#include "core/file.h"
#include "core/platform.h"
#include "core/regularizer.h"
#include "core/rng.h"
#include "core/schedule.h"
#include "core/training_state.h"

enum { STEP_PARTS = 32 };

struct trainer {
    struct trainer_setup setup;
    const struct training_config *training;
    struct training_state state;
    struct history history;
    int64_t *order;                 /* (images): the epoch's permutation */
    struct optimizer_range *ranges; /* (range_count): the trainable variables */
    size_t range_count;
    bool is_constrained; /* a variable has a constraint */
    float *moving;       /* parameters that are not trainable, as before the step; NULL where no step is ever skipped */
    bool has_skipped;    /* a step of this epoch */
    int epoch_of_weights;
    double learning_rate; /* of the last step */
    double batch_loss;    /* of the last step */
    double epoch_start;   /* seconds */
};

const struct history *trainer_history(const struct trainer *trainer) {
    return &trainer->history;
}

int trainer_epoch_of_weights(const struct trainer *trainer) {
    return trainer->epoch_of_weights;
}

int trainer_best_epoch(const struct trainer *trainer) {
    return trainer->state.position.best_epoch;
}

/* ---- opening ---- */

static int open_ranges(struct trainer *trainer, struct error *error) {
    const struct model *model = trainer->setup.model;
    size_t total = 1;
    for (int i = 0; i < model->layer_count; i++) total += (size_t)model->layers[i].parameter_count;
    trainer->ranges = calloc(total, sizeof *trainer->ranges);
    if (!trainer->ranges) return error_set(error, ERROR_RUN, NULL, "not enough memory for the training");
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            const struct parameter *parameter = &model->layers[i].parameters[k];
            if (!parameter->trainable) continue;
            trainer->ranges[trainer->range_count++] = (struct optimizer_range){parameter->offset, parameter->size};
            trainer->is_constrained |= parameter->constraint.kind != NULL;
        }
    return 0;
}

/* Of the parameters behind the trainable ones. */
static size_t moving_count(const struct model *model) {
    return model->parameter_floats - model->trainable_floats;
}

static int open_trainer(struct trainer *trainer, struct error *error) {
    const struct trainer_setup *setup = &trainer->setup;
    const struct dataset *train = setup->train->dataset;
    const struct dataset *validation = setup->validation ? setup->validation->dataset : NULL;
    if (training_state_open(&trainer->state, setup->model, setup->config, train, validation, error) != 0) return -1;
    trainer->order = memory_allocate((size_t)train->count, sizeof *trainer->order, "the order of the images", error);
    if (!trainer->order || open_ranges(trainer, error) != 0) return -1;
    if (trainer->training->on_nan != ON_NAN_SKIP) return 0;
    trainer->moving = memory_allocate(moving_count(setup->model), sizeof *trainer->moving, "moving statistics", error);
    return trainer->moving ? 0 : -1;
}

int trainer_open(struct trainer **trainer, const struct trainer_setup *setup, struct error *error) {
    struct trainer *new = calloc(1, sizeof *new);
    if (!new) return error_set(error, ERROR_RUN, NULL, "not enough memory for the training");
    new->setup = *setup;
    new->training = &setup->config->values.training;
    if (open_trainer(new, error) == 0) {
        *trainer = new;
        return 0;
    }
    trainer_close(new);
    return -1;
}

void trainer_close(struct trainer *trainer) {
    if (!trainer) return;
    training_state_close(&trainer->state);
    history_free(&trainer->history);
    free(trainer->order);
    free(trainer->moving);
    free(trainer->ranges);
    free(trainer);
}

/* ---- what a listener hears ---- */

static struct train_event event_of(const struct trainer *trainer, enum train_event_kind kind) {
    const struct training_position *position = &trainer->state.position;
    double seen = position->seen ? (double)position->seen : 1;
    bool within =
        kind == TRAIN_EPOCH_BEGIN || kind == TRAIN_STEP || kind == TRAIN_STEP_SKIPPED || kind == TRAIN_VALIDATION;
    return (struct train_event){
        .kind = kind,
        .epoch = position->epoch + within,
        .epochs = trainer->training->epochs,
        .step = position->step,
        .steps = trainer->state.steps,
        .loss = position->loss / seen,
        .accuracy = (double)position->correct / seen,
        .batch_loss = trainer->batch_loss,
        .seconds = platform_seconds() - trainer->epoch_start,
        .learning_rate = trainer->learning_rate,
        .best_epoch = trainer->epoch_of_weights,
    };
}

static void tell_event(const struct trainer *trainer, const struct train_event *event) {
    if (trainer->setup.listen) trainer->setup.listen(trainer->setup.listener, event);
}

static void tell(const struct trainer *trainer, enum train_event_kind kind, const struct history_row *row) {
    struct train_event event = event_of(trainer, kind);
    event.row = row;
    tell_event(trainer, &event);
}

static void tell_validation(void *listener, const char *what, int64_t done, int64_t total) {
    (void)what;
    struct train_event event = event_of(listener, TRAIN_VALIDATION);
    event.step = done;
    event.steps = total;
    tell_event(listener, &event);
}

/* ---- checkpoints ---- */

static int weights_not_finite(const char *name, int64_t step, struct error *error) {
    if (step == 0)
        return error_set(error, ERROR_NOT_FINITE, NULL,
                         "%s holds a value that is not finite before the first step; look at its initializer, the "
                         "given weights, or the images",
                         name);
    return error_set(error, ERROR_NOT_FINITE, NULL,
                     "%s holds a value that is not finite after step %lld; try a smaller learning_rate or clipnorm",
                     name, (long long)step);
}

/* Finite weights may be too large to compute with: at least one of a few images must have a finite loss. */
static int check_outputs(const struct trainer *trainer, struct error *error) {
    enum { IMAGES = 16 };
    const struct layer *layer = NULL;
    for (int64_t image = 0; image < IMAGES && image < trainer->state.images; image++) {
        struct batch batch = {.feed = trainer->setup.train, .samples = &image, .count = 1};
        struct batch_result result;
        engine_evaluate(trainer->setup.engine, &batch, NULL, &result);
        if (isfinite(result.loss)) return 0;
        if (!layer) layer = engine_first_not_finite(trainer->setup.engine, &batch, false);
    }
    const struct training_position *position = &trainer->state.position;
    const char *name = layer ? layer->name : "the last one";
    if (position->iteration == 0)
        return error_set(error, ERROR_NOT_FINITE, NULL,
                         "the loss is not finite before the first step; the first layer with such an output is %s; "
                         "look at its initializer, the given weights, or the images",
                         name);
    return error_set(error, ERROR_NOT_FINITE, NULL,
                     "the loss is not finite after step %lld of epoch %d; the first layer with such an output is %s; "
                     "try a smaller learning_rate or clipnorm",
                     (long long)position->step, position->epoch + 1, name);
}

/* Weights that are not finite must not replace good ones: the loss that would tell comes a step too late. */
static int check_weights(const struct trainer *trainer, struct error *error) {
    const struct model *model = trainer->setup.model;
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            const float *values = model_parameter(model, &model->layers[i], k);
            char name[PARAMETER_NAME_SIZE];
            for (size_t at = 0; at < model->layers[i].parameters[k].size; at++)
                if (!isfinite(values[at]))
                    return weights_not_finite(model_parameter_name(&model->layers[i], k, name, sizeof name),
                                              trainer->state.position.iteration, error);
        }
    return check_outputs(trainer, error);
}

int trainer_save(struct trainer *trainer, struct error *error) {
    const char *path = trainer->setup.last_path;
    if (check_weights(trainer, error) != 0) return -1;
    if (!path) return 0;
    double start = platform_seconds();
    if (history_checksum(&trainer->history, trainer->state.history, error) != 0) return -1;
    if (training_state_save(&trainer->state, path, &trainer->setup.facts, error) != 0) return -1;
    if (checkpoint_keep(path, trainer->state.position.iteration, trainer->training->keep_checkpoints, error) != 0)
        return -1;
    struct train_event event = event_of(trainer, TRAIN_CHECKPOINT);
    event.path = path;
    event.saving_seconds = platform_seconds() - start;
    tell_event(trainer, &event);
    return 0;
}

static int save_best(const struct trainer *trainer, struct error *error) {
    if (!trainer->setup.best_path) return 0;
    char epoch[32];
    snprintf(epoch, sizeof epoch, "%d", trainer->state.position.epoch);
    struct safetensors_pair pair = {"epoch", epoch};
    return model_file_save(trainer->setup.best_path, trainer->setup.model, &trainer->setup.facts, NULL, 0, &pair, 1,
                           error);
}

/* The learning rate of a step, counted from 0 over the whole training. */
static double rate_of(const struct trainer *trainer, int64_t step) {
    const struct training_config *training = trainer->training;
    double base = optimizer_common_of(&training->optimizer)->learning_rate;
    double rate = schedule_rate(&training->schedule, base, step, trainer->state.steps, training->epochs);
    return rate * trainer->state.callbacks.rate_scale;
}

static int import_history(struct trainer *trainer, struct error *error) {
    const char *path = trainer->setup.history_path;
    if (!path) return 0;
    history_free(&trainer->history);
    if (!file_exists(path)) return 0;
    if (history_read(path, &trainer->history, error) != 0) return -1;
    history_truncate(&trainer->history, trainer->state.position.epoch);
    char digits[CHECKSUM_DIGITS + 1];
    if (history_checksum(&trainer->history, digits, error) != 0) return -1;
    if (strcmp(digits, trainer->state.history) == 0) return 0;
    return error_set(error, ERROR_DATA, path,
                     "is not the history of the checkpoint: it is damaged or was changed; restore it, or remove it to "
                     "begin it anew");
}

int trainer_resume(struct trainer *trainer, const char *path, bool other_images, struct error *error) {
    int status = training_state_load(&trainer->state, path, other_images, error);
    engine_refresh(trainer->setup.engine);
    if (status == 0) status = import_history(trainer, error);
    const struct training_position *position = &trainer->state.position;
    trainer->epoch_of_weights = position->epoch;
    if (position->iteration > 0) trainer->learning_rate = rate_of(trainer, position->iteration - 1);
    return status;
}

/* ---- a step ---- */

static void add_penalty_gradients(const struct trainer *trainer, float *gradients) {
    const struct model *model = trainer->setup.model;
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            const struct parameter *parameter = &model->layers[i].parameters[k];
            if (!parameter->regularizer.kind || !parameter->trainable) continue;
            regularizer_gradient(&parameter->regularizer, 1, model->parameters + parameter->offset,
                                 gradients + parameter->offset, parameter->size);
        }
}

struct update {
    const struct trainer *trainer;
    const float *gradients;
};

/* A part of the weights; cut at whole cache lines, so that threads do not share any. */
static void update_part(void *context, int part) {
    const struct update *update = context;
    const struct trainer *trainer = update->trainer;
    size_t line = MEMORY_ALIGNMENT / sizeof(float), lines = trainer->setup.model->trainable_floats / line;
    size_t from = lines * (size_t)part / STEP_PARTS * line, to = lines * (size_t)(part + 1) / STEP_PARTS * line;
    if (from == to) return;
    struct optimizer_step step = {.weights = trainer->setup.model->parameters + from,
                                  .gradient = update->gradients + from,
                                  .count = to - from,
                                  .learning_rate = trainer->learning_rate,
                                  .iteration = trainer->state.position.iteration + 1};
    for (int slot = 0; slot < OPTIMIZER_SLOTS_MAX; slot++)
        step.slots[slot] = trainer->state.slots[slot] ? trainer->state.slots[slot] + from : NULL;
    optimizer_apply(&trainer->training->optimizer, &step);
}

/* The layers' weights are put back to what their constraints allow. */
static void constrain_layer(void *context, int index) {
    const struct model *model = ((const struct trainer *)context)->setup.model;
    const struct layer *layer = &model->layers[index];
    for (int k = 0; k < layer->parameter_count; k++) {
        const struct parameter *parameter = &layer->parameters[k];
        if (parameter->trainable)
            constraint_apply(&parameter->constraint, &parameter->shape, model_parameter(model, layer, k));
    }
}

static void move_weights(struct trainer *trainer) {
    float *gradients = engine_gradients(trainer->setup.engine);
    add_penalty_gradients(trainer, gradients);
    optimizer_clip(&trainer->training->optimizer, gradients, trainer->ranges, trainer->range_count);
    struct update update = {trainer, gradients};
    engine_parallel(trainer->setup.engine, STEP_PARTS, update_part, &update);
    if (trainer->is_constrained)
        engine_parallel(trainer->setup.engine, trainer->setup.model->layer_count, constrain_layer, trainer);
}

static int not_finite(const struct trainer *trainer, const struct batch *batch, struct error *error) {
    const struct layer *layer = engine_first_not_finite(trainer->setup.engine, batch, true);
    return error_set(
        error, ERROR_NOT_FINITE, NULL,
        "the loss is not finite in epoch %d, step %lld of %lld%s%s; try a smaller learning_rate or clipnorm",
        trainer->state.position.epoch + 1, (long long)trainer->state.position.step + 1, (long long)trainer->state.steps,
        layer ? "; the first layer with such an output is " : "", layer ? layer->name : "");
}

static bool gradients_are_finite(const struct trainer *trainer) {
    const float *gradients = engine_gradients(trainer->setup.engine);
    size_t count = trainer->setup.model->trainable_floats;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(gradients[i])) return false;
    return true;
}

/* The step has not moved any weight yet; what it did to moving statistics is undone. */
static void skip_step(struct trainer *trainer) {
    const struct model *model = trainer->setup.model;
    memcpy(model->parameters + model->trainable_floats, trainer->moving, moving_count(model) * sizeof(float));
    if (!trainer->has_skipped) tell(trainer, TRAIN_STEP_SKIPPED, NULL);
    trainer->has_skipped = true;
}

static void keep_moving(const struct trainer *trainer) {
    const struct model *model = trainer->setup.model;
    memcpy(trainer->moving, model->parameters + model->trainable_floats, moving_count(model) * sizeof(float));
}

static int run_step(struct trainer *trainer, struct error *error) {
    struct training_position *position = &trainer->state.position;
    bool may_skip = trainer->training->on_nan == ON_NAN_SKIP;
    int batch_size = trainer->training->batch_size;
    int64_t first = position->step * batch_size, left = trainer->state.images - first;
    struct batch batch = {.feed = trainer->setup.train,
                          .samples = trainer->order + first,
                          .count = left < batch_size ? (int)left : batch_size,
                          .epoch = (uint64_t)position->epoch,
                          .step = (uint64_t)position->iteration,
                          .augment = true};
    struct batch_result result;
    double penalty = model_penalty(trainer->setup.model);
    if (may_skip) keep_moving(trainer);
    engine_train_step(trainer->setup.engine, &batch, &result);
    double loss = result.loss + penalty * batch.count;
    trainer->batch_loss = loss / batch.count;
    if (!isfinite(loss) && !may_skip) return not_finite(trainer, &batch, error);
    trainer->learning_rate = rate_of(trainer, position->iteration);
    if (may_skip && !(isfinite(loss) && gradients_are_finite(trainer))) {
        skip_step(trainer);
    } else {
        move_weights(trainer);
        position->loss += loss;
        position->correct += result.correct;
        position->seen += batch.count;
    }
    position->step++;
    position->iteration++;
    tell(trainer, TRAIN_STEP, NULL);
    return 0;
}

/* ---- an epoch ---- */

/* Fisher and Yates, from the identity: the order depends on seed and epoch alone. */
static void shuffle(struct trainer *trainer) {
    for (int64_t i = 0; i < trainer->state.images; i++) trainer->order[i] = i;
    if (!trainer->training->shuffle) return;
    uint64_t seed = (uint64_t)trainer->setup.config->values.seed;
    struct rng rng = rng_stream(seed, RNG_SHUFFLE, (uint64_t)trainer->state.position.epoch, 0, 0);
    for (int64_t i = trainer->state.images - 1; i > 0; i--) {
        int64_t j = rng_below(&rng, (uint32_t)(i + 1)), moved = trainer->order[i];
        trainer->order[i] = trainer->order[j];
        trainer->order[j] = moved;
    }
}

static bool is_stopped(const struct trainer *trainer) {
    return trainer->setup.stop && *trainer->setup.stop;
}

static int interrupted(struct trainer *trainer, struct error *error) {
    if (trainer_save(trainer, error) != 0) return -1;
    return error_set(error, ERROR_INTERRUPTED, NULL, "interrupted in epoch %d after step %lld of %lld%s",
                     trainer->state.position.epoch + 1, (long long)trainer->state.position.step,
                     (long long)trainer->state.steps, trainer->setup.last_path ? "; a checkpoint is written" : "");
}

static int run_steps(struct trainer *trainer, struct error *error) {
    const struct training_position *position = &trainer->state.position;
    const int every = trainer->training->checkpoint_steps;
    while (position->step < trainer->state.steps) {
        if (is_stopped(trainer)) return interrupted(trainer, error);
        if (run_step(trainer, error) != 0) return -1;
        if (every > 0 && position->iteration % every == 0 && trainer_save(trainer, error) != 0) return -1;
    }
    return 0;
}

/* Where steps with a loss that is not finite are left out, such a loss in validation counts as the worst. */
static int record_validation(const struct trainer *trainer, const struct evaluation *evaluation,
                             struct history_row *row, struct error *error) {
    const struct layer *layer = evaluation->first_not_finite;
    row->val_loss = isfinite(evaluation->loss) ? evaluation->loss : INFINITY;
    row->val_accuracy = evaluation->accuracy;
    if (isfinite(evaluation->loss) || trainer->training->on_nan == ON_NAN_SKIP) return 0;
    return error_set(error, ERROR_NOT_FINITE, NULL,
                     "the validation loss is not finite after epoch %d%s%s; try a smaller learning_rate or clipnorm, "
                     "and look at the images",
                     row->epoch, layer ? "; the first layer with such an output is " : "", layer ? layer->name : "");
}

static int validate(struct trainer *trainer, struct history_row *row, struct error *error) {
    const struct trainer_setup *setup = &trainer->setup;
    struct evaluation evaluation;
    row->val_loss = row->val_accuracy = NAN;
    if (!setup->validation) return 0;
    const struct evaluation_watch watch = {setup->stop, {.tell = tell_validation, .listener = trainer}};
    if (evaluate_feed(setup->engine, setup->model, setup->validation, NULL, &watch, &evaluation, error) == 0)
        return record_validation(trainer, &evaluation, row, error);
    if (error->code != ERROR_INTERRUPTED) return -1;
    error_clear(error);
    return interrupted(trainer, error); /* all steps of the epoch are done: going on validates again */
}

static int record(struct trainer *trainer, const struct history_row *row, struct error *error) {
    if (history_add(&trainer->history, row, error) != 0) return -1;
    return trainer->setup.history_path ? history_append(trainer->setup.history_path, row, error) : 0;
}

/* Carries out what the callbacks decided; the position already counts this epoch as done. */
static int obey(struct trainer *trainer, const struct callback_verdict *verdict, struct error *error) {
    const struct model *model = trainer->setup.model;
    if (verdict->keep_weights) memcpy(trainer->state.kept, model->parameters, model->parameter_floats * sizeof(float));
    if (verdict->rate_reduced) {
        trainer->learning_rate = rate_of(trainer, trainer->state.position.iteration);
        tell(trainer, TRAIN_RATE_REDUCED, NULL);
    }
    if (!verdict->save_best) return 0;
    trainer->state.position.best_epoch = trainer->state.position.epoch;
    return save_best(trainer, error);
}

static void begin_next_epoch(struct training_position *position) {
    position->epoch++;
    position->step = position->correct = position->seen = 0;
    position->loss = 0;
}

/* What an epoch without a single step, all of them skipped, would report is not a number. */
static int check_epoch(const struct trainer *trainer, struct error *error) {
    if (trainer->state.position.seen == 0)
        return error_set(error, ERROR_NOT_FINITE, NULL,
                         "no step of epoch %d had a finite loss; try a smaller learning_rate or clipnorm",
                         trainer->state.position.epoch + 1);
    return check_weights(trainer, error);
}

static int end_epoch(struct trainer *trainer, double train_seconds, int64_t images, struct error *error) {
    struct callback_verdict verdict = {0};
    struct training_position *position = &trainer->state.position;
    if (check_epoch(trainer, error) != 0) return -1;
    struct history_row row = {.epoch = position->epoch + 1,
                              .loss = position->loss / (double)position->seen,
                              .accuracy = (double)position->correct / (double)position->seen,
                              .learning_rate = trainer->learning_rate,
                              .images_per_second = (double)images / (train_seconds > 0 ? train_seconds : 1e-9)};
    if (validate(trainer, &row, error) != 0) return -1;
    row.seconds = platform_seconds() - trainer->epoch_start;
    struct callback_metrics metrics = {row.loss, row.accuracy, row.val_loss, row.val_accuracy, row.learning_rate};
    callbacks_epoch_end(&trainer->state.callbacks, position->epoch, &metrics, &verdict);
    begin_next_epoch(position);
    trainer->epoch_of_weights = position->epoch;
    if (record(trainer, &row, error) != 0) return -1;
    tell(trainer, TRAIN_EPOCH_END, &row);
    if (obey(trainer, &verdict, error) != 0) return -1;
    position->stopped = verdict.stop;
    return trainer_save(trainer, error);
}

static int run_epoch(struct trainer *trainer, struct error *error) {
    trainer->epoch_start = platform_seconds();
    trainer->has_skipped = false;
    int64_t seen = trainer->state.position.seen;
    shuffle(trainer);
    tell(trainer, TRAIN_EPOCH_BEGIN, NULL);
    if (run_steps(trainer, error) != 0) return -1;
    double seconds = platform_seconds() - trainer->epoch_start;
    return end_epoch(trainer, seconds, trainer->state.position.seen - seen, error);
}

static void restore_best(struct trainer *trainer) {
    const struct model *model = trainer->setup.model;
    int epoch = 0;
    if (!callbacks_restore(&trainer->state.callbacks, &epoch)) return;
    memcpy(model->parameters, trainer->state.kept, model->parameter_floats * sizeof(float));
    engine_refresh(trainer->setup.engine);
    trainer->epoch_of_weights = epoch + 1;
    tell(trainer, TRAIN_RESTORED, NULL);
}

/* The history file as of the position: rows that a former attempt left behind it are gone. */
static int begin_history(const struct trainer *trainer, struct error *error) {
    return trainer->setup.history_path ? history_write(trainer->setup.history_path, &trainer->history, error) : 0;
}

bool trainer_is_done(const struct trainer *trainer) {
    const struct training_position *position = &trainer->state.position;
    return position->stopped || position->epoch >= trainer->training->epochs;
}

int trainer_run(struct trainer *trainer, struct error *error) {
    const struct training_position *position = &trainer->state.position;
    if (begin_history(trainer, error) != 0) return -1;
    while (!trainer_is_done(trainer))
        if (run_epoch(trainer, error) != 0) return -1;
    if (position->epoch < trainer->training->epochs) tell(trainer, TRAIN_STOPPED_EARLY, NULL);
    restore_best(trainer);
    return 0;
}
