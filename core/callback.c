#include "core/callback.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const monitor_names[] = {
    [MONITOR_VAL_LOSS] = "val_loss",
    [MONITOR_VAL_ACCURACY] = "val_accuracy",
    [MONITOR_LOSS] = "loss",
    [MONITOR_ACCURACY] = "accuracy",
    NULL,
};
static const char *const mode_names[] = {[MODE_AUTO] = "auto", [MODE_MIN] = "min", [MODE_MAX] = "max", NULL};

static const struct field common_fields[] = {
    {.key = "monitor",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct callback_common, monitor),
     .fallback = "\"val_loss\"",
     .choices = monitor_names,
     .help = "the metric that is watched"},
    {.key = "mode",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct callback_common, mode),
     .fallback = "\"auto\"",
     .choices = mode_names,
     .help = "whether it is to fall or to rise; auto: losses fall, accuracies rise"},
    {0},
};

const char *callback_monitor_name(enum callback_monitor monitor) {
    return monitor_names[monitor];
}

static double monitored(const struct callback_common *common, const struct callback_metrics *metrics) {
    switch ((enum callback_monitor)common->monitor) {
    case MONITOR_VAL_LOSS:
        return metrics->val_loss;
    case MONITOR_VAL_ACCURACY:
        return metrics->val_accuracy;
    case MONITOR_LOSS:
        return metrics->loss;
    case MONITOR_ACCURACY:
        return metrics->accuracy;
    }
    return NAN;
}

static bool is_rising(const struct callback_common *common) {
    if (common->mode != MODE_AUTO) return common->mode == MODE_MAX;
    return common->monitor == MONITOR_VAL_ACCURACY || common->monitor == MONITOR_ACCURACY;
}

/* Better than `reference` by more than min_delta; a NaN never is. */
static bool is_better(const struct callback_common *common, double min_delta, double current, double reference) {
    if (is_rising(common)) return current - fabs(min_delta) > reference;
    return current + fabs(min_delta) < reference;
}

/* ---- EarlyStopping ---- */

struct early_stopping {
    struct callback_common common;
    double min_delta;
    double baseline; /* 0: none */
    int patience, start_from_epoch;
    bool restore_best_weights;
};

static const struct field early_stopping_fields[] = {
    {.key = "min_delta",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct early_stopping, min_delta),
     .fallback = "0",
     .help = "an improvement must be larger than this"},
    {.key = "patience",
     .type = FIELD_INT,
     .offset = offsetof(struct early_stopping, patience),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .help = "epochs without improvement after which training stops"},
    {.key = "baseline",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct early_stopping, baseline),
     .fallback = "null",
     .nullable = true,
     .help = "patience starts anew only for values better than this; null or 0: none"},
    {.key = "restore_best_weights",
     .type = FIELD_BOOL,
     .offset = offsetof(struct early_stopping, restore_best_weights),
     .fallback = "false",
     .help = "end with the weights of the best epoch"},
    {.key = "start_from_epoch",
     .type = FIELD_INT,
     .offset = offsetof(struct early_stopping, start_from_epoch),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .help = "epochs before watching begins"},
    {0},
};

static void early_stopping_epoch_end(const void *config, struct callback_state *state, int epoch,
                                     const struct callback_metrics *metrics, struct callbacks *callbacks,
                                     struct callback_verdict *verdict) {
    (void)callbacks;
    const struct early_stopping *stopping = config;
    double current = monitored(&stopping->common, metrics);
    if (epoch < stopping->start_from_epoch) return;
    bool better = is_better(&stopping->common, stopping->min_delta, current, state->best);
    if (better) state->best = current;
    if (better || state->best_epoch < 0) { /* the first epoch is kept even where its metric is NaN */
        state->best_epoch = epoch;
        verdict->keep_weights |= stopping->restore_best_weights;
    }
    state->wait++;
    if (!better) {
        verdict->stop |= state->wait >= stopping->patience && epoch > 0;
        return;
    }
    bool beats_baseline =
        stopping->baseline == 0 || is_better(&stopping->common, stopping->min_delta, current, stopping->baseline);
    if (beats_baseline) state->wait = 0;
}

static const struct callback_kind early_stopping = {
    .component =
        {
            .name = "EarlyStopping",
            .alias = "early_stopping",
            .summary = "Ends the training when a metric no longer improves",
            .fields = early_stopping_fields,
            .size = sizeof(struct early_stopping),
        },
    .epoch_end = early_stopping_epoch_end,
};

/* ---- ReduceLROnPlateau ---- */

struct reduce_on_plateau {
    struct callback_common common;
    double factor, min_delta, min_lr;
    int patience, cooldown;
};

static const struct field reduce_on_plateau_fields[] = {
    {.key = "factor",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct reduce_on_plateau, factor),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 1,
     .below = true,
     .help = "what the rate is multiplied by"},
    {.key = "patience",
     .type = FIELD_INT,
     .offset = offsetof(struct reduce_on_plateau, patience),
     .fallback = "10",
     .minimum = 0,
     .maximum = 1e9,
     .help = "epochs without improvement after which the rate is reduced"},
    {.key = "min_delta",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct reduce_on_plateau, min_delta),
     .fallback = "1e-4",
     .help = "an improvement must be larger than this"},
    {.key = "cooldown",
     .type = FIELD_INT,
     .offset = offsetof(struct reduce_on_plateau, cooldown),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .help = "epochs after a reduction in which patience does not count"},
    {.key = "min_lr",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct reduce_on_plateau, min_lr),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e300,
     .help = "the rate does not go below this"},
    {0},
};

/* The smaller of the full factor and the one that ends at min_lr; compared in float as Keras compares, so that a rate
 * that is min_lr but for its rounding is not reduced again. */
static bool reduce_rate(const struct reduce_on_plateau *plateau, double rate, double *scale) {
    if ((float)rate <= (float)plateau->min_lr) return false;
    *scale *= rate * plateau->factor >= plateau->min_lr ? plateau->factor : plateau->min_lr / rate;
    return true;
}

static void reduce_on_plateau_epoch_end(const void *config, struct callback_state *state, int epoch,
                                        const struct callback_metrics *metrics, struct callbacks *callbacks,
                                        struct callback_verdict *verdict) {
    const struct reduce_on_plateau *plateau = config;
    double current = monitored(&plateau->common, metrics);
    if (state->cooldown > 0) {
        state->cooldown--;
        state->wait = 0;
    }
    if (is_better(&plateau->common, plateau->min_delta, current, state->best)) {
        state->best = current;
        state->best_epoch = epoch;
        state->wait = 0;
        return;
    }
    if (state->cooldown > 0) return;
    state->wait++;
    if (state->wait < plateau->patience) return;
    if (!reduce_rate(plateau, metrics->learning_rate, &callbacks->rate_scale)) return;
    verdict->rate_reduced = true;
    state->cooldown = plateau->cooldown;
    state->wait = 0;
}

static const struct callback_kind reduce_on_plateau = {
    .component =
        {
            .name = "ReduceLROnPlateau",
            .alias = "reduce_lr_on_plateau",
            .summary = "Reduces the learning rate when a metric no longer improves",
            .fields = reduce_on_plateau_fields,
            .size = sizeof(struct reduce_on_plateau),
        },
    .epoch_end = reduce_on_plateau_epoch_end,
};

/* ---- ModelCheckpoint ---- */

struct model_checkpoint {
    struct callback_common common;
    bool save_best_only;
};

static const struct field model_checkpoint_fields[] = {
    {.key = "save_best_only",
     .type = FIELD_BOOL,
     .offset = offsetof(struct model_checkpoint, save_best_only),
     .fallback = "true",
     .help = "write best.safetensors only when the metric improved, else after every epoch"},
    {0},
};

static void model_checkpoint_epoch_end(const void *config, struct callback_state *state, int epoch,
                                       const struct callback_metrics *metrics, struct callbacks *callbacks,
                                       struct callback_verdict *verdict) {
    (void)callbacks;
    const struct model_checkpoint *checkpoint = config;
    double current = monitored(&checkpoint->common, metrics);
    bool better = is_better(&checkpoint->common, 0, current, state->best);
    if (better) {
        state->best = current;
        state->best_epoch = epoch;
    }
    verdict->save_best |= better || !checkpoint->save_best_only;
}

static const struct callback_kind model_checkpoint = {
    .component =
        {
            .name = "ModelCheckpoint",
            .alias = "model_checkpoint",
            .summary = "Decides which epoch's weights are written as best.safetensors",
            .fields = model_checkpoint_fields,
            .size = sizeof(struct model_checkpoint),
        },
    .epoch_end = model_checkpoint_epoch_end,
};

/* ---- all of them ---- */

static const struct component_kind *const kinds[] = {
    &early_stopping.component,
    &reduce_on_plateau.component,
    &model_checkpoint.component,
    NULL,
};

const struct component_registry callback_registry = {
    .what = "callback",
    .kinds = kinds,
    .common = common_fields,
};

static bool restores(const struct component *callback) {
    if (callback->kind != &early_stopping.component) return false;
    return ((const struct early_stopping *)callback->config)->restore_best_weights;
}

static int check_monitor(const struct component *callback, bool has_validation, const struct place *place,
                         struct error *error) {
    int monitor = ((const struct callback_common *)callback->config)->monitor;
    bool needs_validation = monitor == MONITOR_VAL_LOSS || monitor == MONITOR_VAL_ACCURACY;
    if (has_validation || !needs_validation) return 0;
    struct place at = place_key(place, "monitor");
    return place_error(&at, error,
                       "%s watches %s, but there is no validation data; available are loss and accuracy: choose one of "
                       "them, or set data.validation_split",
                       callback->kind->name, monitor_names[monitor]);
}

static int check_list(const struct component_list *list, bool has_validation, const struct place *place,
                      struct error *error) {
    int checkpoints = 0, restoring = 0;
    for (int i = 0; i < list->count; i++) {
        const struct component *callback = &list->items[i];
        struct place item = place_item(place, i);
        if (check_monitor(callback, has_validation, &item, error) != 0) return -1;
        checkpoints += callback->kind == &model_checkpoint.component;
        restoring += restores(callback);
        if (checkpoints > 1)
            return place_error(&item, error, "is a second ModelCheckpoint; a run has one best.safetensors: keep one");
        if (restoring > 1)
            return place_error(&item, error, "is a second EarlyStopping with restore_best_weights; keep one");
    }
    return 0;
}

static bool has_checkpoint(const struct component_list *list) {
    for (int i = 0; i < list->count; i++)
        if (list->items[i].kind == &model_checkpoint.component) return true;
    return false;
}

/* The ModelCheckpoint of a config that names none. */
static int add_checkpoint(struct component_list *list, bool has_validation, struct arena *arena, struct error *error) {
    struct model_checkpoint *config = arena_allocate(arena, sizeof *config, error);
    if (!config) return -1;
    config->common.monitor = has_validation ? MONITOR_VAL_LOSS : MONITOR_LOSS;
    config->save_best_only = true;
    list->items[list->count++] = (struct component){&model_checkpoint.component, config};
    return 0;
}

static void start(struct callbacks *callbacks) {
    callbacks->rate_scale = 1;
    for (int i = 0; i < callbacks->list.count; i++)
        callbacks->states[i] = (struct callback_state){
            .best = is_rising(callbacks->list.items[i].config) ? -INFINITY : INFINITY,
            .best_epoch = -1,
        };
}

int callbacks_create(struct callbacks *callbacks, const struct component_list *config, bool has_validation,
                     struct arena *arena, const struct place *place, struct error *error) {
    static const struct component_list none = {0};
    if (!config) config = &none;
    *callbacks = (struct callbacks){.rate_scale = 1};
    if (check_list(config, has_validation, place, error) != 0) return -1;
    size_t room = (size_t)config->count + 1;
    callbacks->list.items = arena_allocate(arena, room * sizeof *callbacks->list.items, error);
    callbacks->states = arena_allocate(arena, room * sizeof *callbacks->states, error);
    if (!callbacks->list.items || !callbacks->states) return -1;
    callbacks->list.count = config->count;
    for (int i = 0; i < config->count; i++) callbacks->list.items[i] = config->items[i];
    if (!has_checkpoint(config) && add_checkpoint(&callbacks->list, has_validation, arena, error) != 0) return -1;
    start(callbacks);
    return 0;
}

void callbacks_epoch_end(struct callbacks *callbacks, int epoch, const struct callback_metrics *metrics,
                         struct callback_verdict *verdict) {
    *verdict = (struct callback_verdict){0};
    for (int i = 0; i < callbacks->list.count; i++) {
        const struct component *callback = &callbacks->list.items[i];
        const struct callback_kind *kind = (const struct callback_kind *)callback->kind; /* its first member */
        kind->epoch_end(callback->config, &callbacks->states[i], epoch, metrics, callbacks, verdict);
    }
}

bool callbacks_restore(const struct callbacks *callbacks, int *epoch) {
    for (int i = 0; i < callbacks->list.count; i++) {
        if (!restores(&callbacks->list.items[i]) || callbacks->states[i].best_epoch < 0) continue;
        if (epoch) *epoch = callbacks->states[i].best_epoch;
        return true;
    }
    return false;
}
