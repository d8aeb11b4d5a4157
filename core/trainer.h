/* The epoch loop: shuffles, steps, validates, lets callbacks decide, writes checkpoints and history. It prints nothing:
 * it tells a listener. */
#ifndef CNNTRAIN_CORE_TRAINER_H
#define CNNTRAIN_CORE_TRAINER_H

#include <signal.h>

#include "core/callback.h"
#include "core/config.h"
#include "core/engine.h"
#include "core/history.h"
#include "core/model_file.h"

enum train_event_kind {
    TRAIN_EPOCH_BEGIN,
    TRAIN_STEP,
    TRAIN_STEP_SKIPPED, /* the first of the epoch whose loss or gradient is not finite */
    TRAIN_VALIDATION,   /* goes on; step and steps are images */
    TRAIN_EPOCH_END,
    TRAIN_RATE_REDUCED,
    TRAIN_STOPPED_EARLY,
    TRAIN_CHECKPOINT, /* is written; learning_rate and means as of the last step */
    TRAIN_RESTORED,   /* the best epoch's weights are back */
    TRAIN_TEST,       /* after the last epoch; step and steps are images */
};

struct train_event {
    enum train_event_kind kind;
    int epoch, epochs;     /* epoch from 1 */
    int64_t step, steps;   /* of the epoch; step from 1 */
    double loss, accuracy; /* means over the epoch so far */
    double batch_loss;     /* TRAIN_STEP: of the step's batch, before it */
    double seconds;        /* since the epoch began */
    double learning_rate;
    const struct history_row *row; /* TRAIN_EPOCH_END */
    int best_epoch;                /* TRAIN_RESTORED, from 1 */
    const char *path;              /* TRAIN_CHECKPOINT */
    double saving_seconds;         /* TRAIN_CHECKPOINT: what it took */
};

struct trainer_setup {
    const struct config *config;
    struct model *model;
    struct engine *engine;
    const struct feed *train;
    const struct feed *validation;                    /* NULL: none */
    struct model_facts facts;                         /* saved with every checkpoint */
    const char *last_path, *best_path, *history_path; /* NULL: not written */
    const volatile sig_atomic_t *stop; /* non-zero: end at the next step with a checkpoint; NULL: never */
    void (*listen)(void *listener, const struct train_event *event); /* NULL: nobody */
    void *listener;
};

struct trainer; /* optimizer state, callbacks, history and position of one training */

/* Allocates all that training needs. The setup's pointers must outlive the trainer; close it with trainer_close. */
int trainer_open(struct trainer **trainer, const struct trainer_setup *setup, struct error *error);
void trainer_close(struct trainer *trainer);

/* Goes back to where the checkpoint at `path` was written: weights, optimizer, callbacks, position, and the history
 * file cut to it. The images must be those of then unless `other_images` are allowed. ERROR_DATA too where the history
 * file is not that of the checkpoint; one that is missing begins anew. */
int trainer_resume(struct trainer *trainer, const char *path, bool other_images, struct error *error);
/* Writes a checkpoint of where the training stands. */
int trainer_save(struct trainer *trainer, struct error *error);

/* Trains to the end. Fails with ERROR_INTERRUPTED after a stop (a checkpoint is written), ERROR_NOT_FINITE naming step
 * and layer, or the weights that went wrong (checkpoints stay as they were), ERROR_IO. */
int trainer_run(struct trainer *trainer, struct error *error);
/* Whether no epoch is left to train. */
bool trainer_is_done(const struct trainer *trainer);

const struct history *trainer_history(const struct trainer *trainer);
/* The epoch (from 1) whose weights the model holds after trainer_run: the last, or the one restored. */
int trainer_epoch_of_weights(const struct trainer *trainer);
/* The epoch (from 1) of best.safetensors; 0: none yet. */
int trainer_best_epoch(const struct trainer *trainer);

#endif
