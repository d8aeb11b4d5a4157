#include "core/trainer.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/evaluation.h"
#include "core/file.h"
#include "core/optimizer.h"
#include "core/platform.h"
#include "core/regularizer.h"
#include "core/rng.h"
#include "core/schedule.h"

enum { SLOT_NAME_SIZE = PARAMETER_NAME_SIZE + 64, STEP_PARTS = 32 };

/* Where the training is: all that a checkpoint must hold beside tensors and callbacks. */
struct position {
    int epoch;         /* epochs completed */
    int64_t step;      /* steps completed of the epoch under way */
    int64_t iteration; /* steps completed of the whole training */
    double loss;       /* sum over the epoch's images so far */
    int64_t correct, seen;
    bool stopped; /* a callback has ended the training */
};

struct trainer {
    struct trainer_setup setup;
    const struct training_config *training;
    struct arena arena;
    struct callbacks callbacks;
    struct history history;
    struct position position;
    int64_t count, steps;              /* training images; steps an epoch */
    int64_t *order;                    /* (count): the epoch's permutation */
    float *slots[OPTIMIZER_SLOTS_MAX]; /* each (trainable_floats), NULL where not used */
    float *kept; /* (parameter_floats): weights that EarlyStopping may restore; NULL: none asked for */
    struct optimizer_range *ranges; /* (range_count): the trainable variables */
    size_t range_count;
    int best_epoch, epoch_of_weights;
    double learning_rate; /* of the last step */
    double epoch_start;   /* seconds */
};

const struct history *trainer_history(const struct trainer *trainer) {
    return &trainer->history;
}

int trainer_epoch_of_weights(const struct trainer *trainer) {
    return trainer->epoch_of_weights;
}

int trainer_best_epoch(const struct trainer *trainer) {
    return trainer->best_epoch;
}

/* ---- opening ---- */

static int open_ranges(struct trainer *trainer, struct error *error) {
    const struct model *model = trainer->setup.model;
    size_t total = 0;
    for (int i = 0; i < model->layer_count; i++) total += (size_t)model->layers[i].parameter_count;
    trainer->ranges = arena_allocate(&trainer->arena, total * sizeof *trainer->ranges, error);
    if (!trainer->ranges) return -1;
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            const struct parameter *parameter = &model->layers[i].parameters[k];
            if (!parameter->trainable) continue;
            trainer->ranges[trainer->range_count++] = (struct optimizer_range){parameter->offset, parameter->size};
        }
    return 0;
}

static int open_slots(struct trainer *trainer, struct error *error) {
    const struct component *optimizer = &trainer->training->optimizer;
    size_t floats = trainer->setup.model->trainable_floats;
    for (int slot = 0; slot < OPTIMIZER_SLOTS_MAX; slot++) {
        if (!optimizer_uses_slot(optimizer, slot)) continue;
        trainer->slots[slot] = memory_allocate(floats, sizeof(float), "the optimizer's state", error);
        if (!trainer->slots[slot]) return -1;
    }
    optimizer_start(optimizer, trainer->slots, floats);
    return 0;
}

static int open_callbacks(struct trainer *trainer, struct error *error) {
    struct place document = place_document(trainer->setup.config->path);
    struct place training = place_key(&document, "training"), place = place_key(&training, "callbacks");
    bool has_validation = trainer->setup.validation != NULL;
    return callbacks_create(&trainer->callbacks, &trainer->training->callbacks, has_validation, &trainer->arena, &place,
                            error);
}

static int open_trainer(struct trainer *trainer, struct error *error) {
    trainer->order = memory_allocate((size_t)trainer->count, sizeof *trainer->order, "the order of the images", error);
    trainer->kept = memory_allocate(trainer->setup.model->parameter_floats, sizeof(float), "the best weights", error);
    if (!trainer->order || !trainer->kept) return -1;
    if (open_ranges(trainer, error) != 0 || open_slots(trainer, error) != 0) return -1;
    return open_callbacks(trainer, error);
}

int trainer_open(struct trainer **trainer, const struct trainer_setup *setup, struct error *error) {
    struct trainer *new = calloc(1, sizeof *new);
    if (!new) return error_set(error, ERROR_RUN, NULL, "not enough memory for the training");
    new->setup = *setup;
    new->training = &setup->config->values.training;
    new->count = setup->train->dataset->count;
    int batch = new->training->batch_size;
    new->steps = (new->count + batch - 1) / batch;
    if (open_trainer(new, error) == 0) {
        *trainer = new;
        return 0;
    }
    trainer_close(new);
    return -1;
}

void trainer_close(struct trainer *trainer) {
    if (!trainer) return;
    for (int slot = 0; slot < OPTIMIZER_SLOTS_MAX; slot++) free(trainer->slots[slot]);
    free(trainer->order);
    free(trainer->kept);
    history_free(&trainer->history);
    arena_free(&trainer->arena);
    free(trainer);
}

/* ---- checkpoints ---- */

/* Tensors of a checkpoint beside the model's own: slots, and the kept weights while a callback may want them. */
struct extra_tensors {
    struct checkpoint_tensor *tensors;
    char (*names)[SLOT_NAME_SIZE];
    size_t count;
};

static void add_extra(struct extra_tensors *extra, const char *prefix, const char *name, const char *suffix,
                      const struct shape *shape, float *data) {
    char *text = extra->names[extra->count];
    snprintf(text, SLOT_NAME_SIZE, "%s/%s%s%s", prefix, name, *suffix ? "/" : "", suffix);
    extra->tensors[extra->count++] = (struct checkpoint_tensor){text, *shape, data};
}

static void add_parameter_extras(const struct trainer *trainer, struct extra_tensors *extra, const struct layer *layer,
                                 int k) {
    const struct optimizer_kind *kind = (const struct optimizer_kind *)trainer->training->optimizer.kind;
    const struct parameter *parameter = &layer->parameters[k];
    char name[PARAMETER_NAME_SIZE];
    model_parameter_name(layer, k, name, sizeof name);
    for (int slot = 0; parameter->trainable && slot < OPTIMIZER_SLOTS_MAX; slot++)
        if (trainer->slots[slot])
            add_extra(extra, "optimizer", name, kind->slot_names[slot], &parameter->shape,
                      trainer->slots[slot] + parameter->offset);
    if (callbacks_restore(&trainer->callbacks, NULL))
        add_extra(extra, "early_stopping", name, "", &parameter->shape, trainer->kept + parameter->offset);
}

static int list_extras(const struct trainer *trainer, struct extra_tensors *extra, struct error *error) {
    const struct model *model = trainer->setup.model;
    size_t room = 1;
    for (int i = 0; i < model->layer_count; i++)
        room += (size_t)model->layers[i].parameter_count * (OPTIMIZER_SLOTS_MAX + 1);
    *extra = (struct extra_tensors){calloc(room, sizeof *extra->tensors), calloc(room, sizeof *extra->names), 0};
    if (!extra->tensors || !extra->names) {
        free(extra->tensors);
        free(extra->names);
        return error_set(error, ERROR_RUN, NULL, "not enough memory for a checkpoint");
    }
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++)
            add_parameter_extras(trainer, extra, &model->layers[i], k);
    return 0;
}

static void free_extras(struct extra_tensors *extra) {
    free(extra->tensors);
    free(extra->names);
}

/* Everything but tensors, as JSON. Doubles are written with 17 digits, so they come back exactly. */
static char *position_text(const struct trainer *trainer) {
    const struct position *position = &trainer->position;
    char loss[40];
    snprintf(loss, sizeof loss, "%.17g", position->loss);
    cJSON *json = cJSON_CreateObject(), *callbacks = callbacks_export(&trainer->callbacks);
    bool whole = json && callbacks && cJSON_AddNumberToObject(json, "epoch", position->epoch) &&
                 cJSON_AddNumberToObject(json, "step", (double)position->step) &&
                 cJSON_AddNumberToObject(json, "iteration", (double)position->iteration) &&
                 cJSON_AddStringToObject(json, "loss", loss) &&
                 cJSON_AddNumberToObject(json, "correct", (double)position->correct) &&
                 cJSON_AddNumberToObject(json, "seen", (double)position->seen) &&
                 cJSON_AddNumberToObject(json, "best_epoch", trainer->best_epoch) &&
                 cJSON_AddBoolToObject(json, "stopped", position->stopped) &&
                 cJSON_AddNumberToObject(json, "images", (double)trainer->count);
    if (!whole || !cJSON_AddItemToObject(json, "callbacks", callbacks)) {
        cJSON_Delete(callbacks);
        cJSON_Delete(json);
        return NULL;
    }
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

static int save_last(const struct trainer *trainer, struct error *error) {
    if (!trainer->setup.last_path) return 0;
    struct extra_tensors extra;
    char *text = position_text(trainer);
    if (!text) return error_set(error, ERROR_RUN, NULL, "not enough memory for a checkpoint");
    int status = list_extras(trainer, &extra, error);
    if (status == 0) {
        struct safetensors_pair pair = {"training", text};
        status = model_file_save(trainer->setup.last_path, trainer->setup.model, &trainer->setup.facts, extra.tensors,
                                 extra.count, &pair, 1, error);
        free_extras(&extra);
    }
    free(text);
    return status;
}

static int save_best(const struct trainer *trainer, struct error *error) {
    if (!trainer->setup.best_path) return 0;
    char epoch[32];
    snprintf(epoch, sizeof epoch, "%d", trainer->position.epoch);
    struct safetensors_pair pair = {"epoch", epoch};
    return model_file_save(trainer->setup.best_path, trainer->setup.model, &trainer->setup.facts, NULL, 0, &pair, 1,
                           error);
}

static double number_of(const cJSON *json, const char *key, bool *whole) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 9e15) return item->valuedouble;
    *whole = false;
    return 0;
}

static int import_position(struct trainer *trainer, const cJSON *json, const char *path, struct error *error) {
    bool whole = true;
    struct position *position = &trainer->position;
    position->epoch = (int)number_of(json, "epoch", &whole);
    position->step = (int64_t)number_of(json, "step", &whole);
    position->iteration = (int64_t)number_of(json, "iteration", &whole);
    position->correct = (int64_t)number_of(json, "correct", &whole);
    position->seen = (int64_t)number_of(json, "seen", &whole);
    trainer->best_epoch = (int)number_of(json, "best_epoch", &whole);
    int64_t images = (int64_t)number_of(json, "images", &whole);
    const char *loss = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "loss"));
    if (!whole || !loss)
        return error_set(error, ERROR_DATA, path, "its training state is incomplete; start the run anew");
    if (images != trainer->count)
        return error_set(error, ERROR_DATA, path,
                         "was written while training on %lld images, now there are %lld; give the same data",
                         (long long)images, (long long)trainer->count);
    position->loss = strtod(loss, NULL);
    position->stopped = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "stopped"));
    struct place document = place_document(path), place = place_key(&document, "callbacks");
    return callbacks_import(&trainer->callbacks, cJSON_GetObjectItemCaseSensitive(json, "callbacks"), &place, error);
}

static int import_tensors(struct trainer *trainer, const struct safetensors *file, struct error *error) {
    struct checkpoint_tensor *own = NULL;
    struct tensor_names *names = NULL;
    size_t own_count = 0;
    struct extra_tensors extra;
    if (model_tensors(trainer->setup.model, &own, &names, &own_count, error) != 0) return -1;
    int status = list_extras(trainer, &extra, error);
    if (status == 0) {
        status = checkpoint_apply(file, own, own_count, CHECKPOINT_STRICT, NULL, error);
        if (status == 0) status = checkpoint_apply(file, extra.tensors, extra.count, CHECKPOINT_STRICT, NULL, error);
        free_extras(&extra);
    }
    free(own);
    free(names);
    return status;
}

static int import_file(struct trainer *trainer, const struct safetensors *file, struct error *error) {
    const char *text = safetensors_metadata(file, "training");
    if (!text)
        return error_set(error, ERROR_DATA, file->path,
                         "holds weights but no training state; start from it with --weights");
    cJSON *json = json_parse(text, strlen(text), file->path, error);
    if (!json) return -1;
    int status = import_position(trainer, json, file->path, error);
    cJSON_Delete(json);
    if (status == 0) status = import_tensors(trainer, file, error);
    engine_refresh(trainer->setup.engine);
    return status;
}

static int import_history(struct trainer *trainer, struct error *error) {
    const char *path = trainer->setup.history_path;
    if (!path) return 0;
    if (file_exists(path) && history_read(path, &trainer->history, error) != 0) return -1;
    history_truncate(&trainer->history, trainer->position.epoch);
    return history_write(path, &trainer->history, error);
}

int trainer_resume(struct trainer *trainer, const char *path, struct error *error) {
    struct safetensors file;
    if (safetensors_read(path, &file, error) != 0) return -1;
    int status = import_file(trainer, &file, error);
    safetensors_free(&file);
    if (status == 0) status = import_history(trainer, error);
    trainer->epoch_of_weights = trainer->position.epoch;
    return status;
}

/* ---- a step ---- */

static void tell(const struct trainer *trainer, enum train_event_kind kind, const struct history_row *row) {
    if (!trainer->setup.listen) return;
    const struct position *position = &trainer->position;
    double seen = position->seen ? (double)position->seen : 1;
    int epoch = position->epoch + (kind == TRAIN_EPOCH_BEGIN || kind == TRAIN_STEP);
    struct train_event event = {
        .kind = kind,
        .epoch = epoch,
        .epochs = trainer->training->epochs,
        .step = position->step,
        .steps = trainer->steps,
        .loss = position->loss / seen,
        .accuracy = (double)position->correct / seen,
        .seconds = platform_seconds() - trainer->epoch_start,
        .learning_rate = trainer->learning_rate,
        .row = row,
        .best_epoch = trainer->epoch_of_weights,
    };
    trainer->setup.listen(trainer->setup.listener, &event);
}

static void add_penalty_gradients(const struct trainer *trainer, float *gradients) {
    const struct model *model = trainer->setup.model;
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            const struct parameter *parameter = &model->layers[i].parameters[k];
            if (!parameter->regularizer.kind || !parameter->trainable) continue;
            regularizer_gradient(&parameter->regularizer, model->parameters + parameter->offset,
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
                                  .iteration = trainer->position.iteration + 1};
    for (int slot = 0; slot < OPTIMIZER_SLOTS_MAX; slot++)
        step.slots[slot] = trainer->slots[slot] ? trainer->slots[slot] + from : NULL;
    optimizer_apply(&trainer->training->optimizer, &step);
}

static double step_rate(const struct trainer *trainer) {
    const struct training_config *training = trainer->training;
    double base = optimizer_common_of(&training->optimizer)->learning_rate;
    double rate =
        schedule_rate(&training->schedule, base, trainer->position.iteration, trainer->steps, training->epochs);
    return rate * trainer->callbacks.rate_scale;
}

static void move_weights(struct trainer *trainer) {
    float *gradients = engine_gradients(trainer->setup.engine);
    add_penalty_gradients(trainer, gradients);
    optimizer_clip(&trainer->training->optimizer, gradients, trainer->ranges, trainer->range_count);
    struct update update = {trainer, gradients};
    engine_parallel(trainer->setup.engine, STEP_PARTS, update_part, &update);
}

static int not_finite(const struct trainer *trainer, struct error *error) {
    const struct layer *layer = engine_first_not_finite(trainer->setup.engine);
    return error_set(
        error, ERROR_NOT_FINITE, NULL,
        "the loss is not finite in epoch %d, step %lld of %lld%s%s; try a smaller learning_rate or clipnorm",
        trainer->position.epoch + 1, (long long)trainer->position.step + 1, (long long)trainer->steps,
        layer ? "; the first layer with such an output is " : "", layer ? layer->name : "");
}

static int run_step(struct trainer *trainer, struct error *error) {
    struct position *position = &trainer->position;
    int batch_size = trainer->training->batch_size;
    int64_t first = position->step * batch_size, left = trainer->count - first;
    struct batch batch = {.feed = trainer->setup.train,
                          .samples = trainer->order + first,
                          .count = left < batch_size ? (int)left : batch_size,
                          .epoch = (uint64_t)position->epoch,
                          .step = (uint64_t)position->iteration,
                          .augment = true};
    struct batch_result result;
    double penalty = model_penalty(trainer->setup.model);
    engine_train_step(trainer->setup.engine, &batch, &result);
    double loss = result.loss + penalty * batch.count;
    if (!isfinite(loss)) return not_finite(trainer, error);
    trainer->learning_rate = step_rate(trainer);
    move_weights(trainer);
    position->loss += loss;
    position->correct += result.correct;
    position->seen += batch.count;
    position->step++;
    position->iteration++;
    tell(trainer, TRAIN_STEP, NULL);
    return 0;
}

/* ---- an epoch ---- */

/* Fisher and Yates, from the identity: the order depends on seed and epoch alone. */
static void shuffle(struct trainer *trainer) {
    for (int64_t i = 0; i < trainer->count; i++) trainer->order[i] = i;
    if (!trainer->training->shuffle) return;
    uint64_t seed = (uint64_t)trainer->setup.config->values.seed;
    struct rng rng = rng_stream(seed, RNG_SHUFFLE, (uint64_t)trainer->position.epoch, 0, 0);
    for (int64_t i = trainer->count - 1; i > 0; i--) {
        int64_t j = rng_below(&rng, (uint32_t)(i + 1)), moved = trainer->order[i];
        trainer->order[i] = trainer->order[j];
        trainer->order[j] = moved;
    }
}

static bool is_stopped(const struct trainer *trainer) {
    return trainer->setup.stop && *trainer->setup.stop;
}

static int interrupted(const struct trainer *trainer, struct error *error) {
    if (save_last(trainer, error) != 0) return -1;
    return error_set(error, ERROR_INTERRUPTED, NULL, "interrupted in epoch %d after step %lld of %lld%s",
                     trainer->position.epoch + 1, (long long)trainer->position.step, (long long)trainer->steps,
                     trainer->setup.last_path ? "; a checkpoint is written" : "");
}

static int run_steps(struct trainer *trainer, struct error *error) {
    while (trainer->position.step < trainer->steps) {
        if (is_stopped(trainer)) return interrupted(trainer, error);
        if (run_step(trainer, error) != 0) return -1;
    }
    return 0;
}

static int validate(struct trainer *trainer, struct history_row *row, struct error *error) {
    row->val_loss = row->val_accuracy = NAN;
    if (!trainer->setup.validation) return 0;
    struct evaluation evaluation;
    if (evaluate_feed(trainer->setup.engine, trainer->setup.model, trainer->setup.validation, NULL, &evaluation,
                      error) != 0)
        return -1;
    row->val_loss = evaluation.loss;
    row->val_accuracy = evaluation.accuracy;
    return 0;
}

static int record(struct trainer *trainer, const struct history_row *row, struct error *error) {
    if (history_add(&trainer->history, row, error) != 0) return -1;
    return trainer->setup.history_path ? history_append(trainer->setup.history_path, row, error) : 0;
}

/* Carries out what the callbacks decided; the position already counts this epoch as done. */
static int obey(struct trainer *trainer, const struct callback_verdict *verdict, struct error *error) {
    const struct model *model = trainer->setup.model;
    if (verdict->keep_weights) memcpy(trainer->kept, model->parameters, model->parameter_floats * sizeof(float));
    if (verdict->rate_reduced) {
        trainer->learning_rate = step_rate(trainer);
        tell(trainer, TRAIN_RATE_REDUCED, NULL);
    }
    if (!verdict->save_best) return 0;
    trainer->best_epoch = trainer->position.epoch;
    return save_best(trainer, error);
}

static void begin_next_epoch(struct position *position) {
    position->epoch++;
    position->step = position->correct = position->seen = 0;
    position->loss = 0;
}

static int end_epoch(struct trainer *trainer, double train_seconds, int64_t images, struct error *error) {
    struct callback_verdict verdict = {0};
    struct position *position = &trainer->position;
    struct history_row row = {.epoch = position->epoch + 1,
                              .loss = position->loss / (double)position->seen,
                              .accuracy = (double)position->correct / (double)position->seen,
                              .learning_rate = trainer->learning_rate,
                              .images_per_second = (double)images / (train_seconds > 0 ? train_seconds : 1e-9)};
    if (validate(trainer, &row, error) != 0) return -1;
    row.seconds = platform_seconds() - trainer->epoch_start;
    struct callback_metrics metrics = {row.loss, row.accuracy, row.val_loss, row.val_accuracy, row.learning_rate};
    callbacks_epoch_end(&trainer->callbacks, position->epoch, &metrics, &verdict);
    begin_next_epoch(position);
    trainer->epoch_of_weights = position->epoch;
    if (record(trainer, &row, error) != 0) return -1;
    tell(trainer, TRAIN_EPOCH_END, &row);
    if (obey(trainer, &verdict, error) != 0) return -1;
    position->stopped = verdict.stop;
    return save_last(trainer, error);
}

static int run_epoch(struct trainer *trainer, struct error *error) {
    trainer->epoch_start = platform_seconds();
    int64_t seen = trainer->position.seen;
    shuffle(trainer);
    tell(trainer, TRAIN_EPOCH_BEGIN, NULL);
    if (run_steps(trainer, error) != 0) return -1;
    double seconds = platform_seconds() - trainer->epoch_start;
    return end_epoch(trainer, seconds, trainer->position.seen - seen, error);
}

static void restore_best(struct trainer *trainer) {
    const struct model *model = trainer->setup.model;
    int epoch = 0;
    if (!callbacks_restore(&trainer->callbacks, &epoch)) return;
    memcpy(model->parameters, trainer->kept, model->parameter_floats * sizeof(float));
    engine_refresh(trainer->setup.engine);
    trainer->epoch_of_weights = epoch + 1;
    tell(trainer, TRAIN_RESTORED, NULL);
}

int trainer_run(struct trainer *trainer, struct error *error) {
    const struct position *position = &trainer->position;
    while (position->epoch < trainer->training->epochs && !position->stopped)
        if (run_epoch(trainer, error) != 0) return -1;
    if (position->epoch < trainer->training->epochs) tell(trainer, TRAIN_STOPPED_EARLY, NULL);
    restore_best(trainer);
    return 0;
}
