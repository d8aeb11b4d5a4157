/* Callbacks: what happens after an epoch because of a metric. Fields and behaviour are those of Keras 3; the trainer
 * carries out the verdict. All state is plain numbers that go through JSON unchanged, so a resumed run decides alike.
 */
#ifndef CNNTRAIN_CORE_CALLBACK_H
#define CNNTRAIN_CORE_CALLBACK_H

#include <cJSON.h>
#include <stdbool.h>

#include "core/error.h"
#include "core/fields.h"
#include "core/json.h"
#include "core/memory.h"

enum callback_monitor { MONITOR_VAL_LOSS, MONITOR_VAL_ACCURACY, MONITOR_LOSS, MONITOR_ACCURACY };
enum callback_mode { MODE_AUTO, MODE_MIN, MODE_MAX };

/* Fields every callback has; the first member of every callback's config struct. */
struct callback_common {
    int monitor; /* enum callback_monitor */
    int mode;    /* enum callback_mode; auto: a loss is to fall, an accuracy to rise */
};

/* What one callback remembers from epoch to epoch. */
struct callback_state {
    double best;    /* of the monitored metric; infinite before the first epoch */
    int best_epoch; /* from 0; -1: none yet */
    int wait;       /* epochs without improvement */
    int cooldown;   /* epochs that ReduceLROnPlateau still waits */
};

/* An epoch's results. */
struct callback_metrics {
    double loss, accuracy;
    double val_loss, val_accuracy; /* not looked at without validation data */
    double learning_rate;          /* of the epoch's last step, rate_scale included */
};

/* What the callbacks want after an epoch, together. */
struct callback_verdict {
    bool stop;         /* end the training here */
    bool keep_weights; /* remember the weights as they are now, for the end of the training */
    bool save_best;    /* write them as best.safetensors */
    bool rate_reduced; /* rate_scale has changed */
};

/* The callbacks of one training. */
struct callbacks {
    struct component_list list; /* those of the config; a ModelCheckpoint is added where it has none */
    struct callback_state *states;
    double rate_scale; /* what ReduceLROnPlateau has made of the schedule's rate; multiply by it. 1 at the start */
};

struct callback_kind {
    struct component_kind component;
    void (*epoch_end)(const void *config, struct callback_state *state, int epoch,
                      const struct callback_metrics *metrics, struct callbacks *callbacks,
                      struct callback_verdict *verdict);
};

/* EarlyStopping, ReduceLROnPlateau, ModelCheckpoint. */
extern const struct component_registry callback_registry;

/* Readies the callbacks of a config (components of callback_registry, NULL: none) for the first epoch; the arena owns
 * what is allocated. Which weights are the best is ModelCheckpoint's to say; without one, val_loss decides (loss where
 * has_validation is false). Fails (ERROR_CONFIG at place[i]) where a monitor needs validation data that is not there,
 * for a second ModelCheckpoint, and for a second EarlyStopping with restore_best_weights. */
int callbacks_create(struct callbacks *callbacks, const struct component_list *config, bool has_validation,
                     struct arena *arena, const struct place *place, struct error *error);

/* Tells all callbacks, in order, about the end of epoch `epoch` (from 0); fills the verdict. */
void callbacks_epoch_end(struct callbacks *callbacks, int epoch, const struct callback_metrics *metrics,
                         struct callback_verdict *verdict);

/* Whether the weights kept last by a verdict's keep_weights are to be put back when training ends, however it ends
 * (restore_best_weights), and from which epoch (from 0) they are. `epoch` may be NULL. */
bool callbacks_restore(const struct callbacks *callbacks, int *epoch);

/* The state as a JSON object that callbacks_import takes back bit for bit; NULL without memory. The caller owns it. */
cJSON *callbacks_export(const struct callbacks *callbacks);
/* Puts an exported state back after callbacks_create with the same config. Fails (ERROR_CONFIG at `place`) where the
 * JSON is of other callbacks or malformed; the callbacks are then as after callbacks_create. */
int callbacks_import(struct callbacks *callbacks, const cJSON *json, const struct place *place, struct error *error);

/* "val_loss": the metric's name in configs, history.csv and messages. */
const char *callback_monitor_name(enum callback_monitor monitor);

#endif
