/* All that a training must not lose beside the weights themselves: optimizer slots, callbacks, the best weights and
 * where it stands. It goes into a checkpoint and comes back bit for bit. */
#ifndef CNNTRAIN_CORE_TRAINING_STATE_H
#define CNNTRAIN_CORE_TRAINING_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/callback.h"
#include "core/checksum.h"
#include "core/config.h"
#include "core/dataset.h"
#include "core/model_file.h"
#include "core/optimizer.h"

/* Where a training stands. */
struct training_position {
    int epoch;         /* epochs completed */
    int64_t step;      /* steps completed of the epoch under way */
    int64_t iteration; /* steps completed of the whole training */
    double loss;       /* sum over the epoch's images so far */
    int64_t correct, seen;
    bool stopped;   /* a callback has ended the training */
    int best_epoch; /* whose weights are the best so far, from 1; 0: none yet */
};

struct training_state {
    const struct model *model;
    const struct training_config *config;
    struct training_position position;
    struct callbacks callbacks;
    int64_t images, steps;             /* of the training set; steps an epoch */
    float *slots[OPTIMIZER_SLOTS_MAX]; /* each (trainable_floats), NULL where not used */
    float *kept;                       /* (parameter_floats): weights that EarlyStopping may put back */
    char data[CHECKSUM_DIGITS + 1];    /* checksum of the images trained and validated on */
    char history[CHECKSUM_DIGITS + 1]; /* checksum of the history up to the position, filled before each save */
    struct arena arena;
};

/* As before the first step of training `model` on the images of `train`, with or without (NULL) others to validate on.
 * The model and the config must outlive it; close it with training_state_close, on failure nothing is held. ERROR_RUN,
 * ERROR_CONFIG (callbacks), ERROR_DATA (no images). */
int training_state_open(struct training_state *state, const struct model *model, const struct config *config,
                        const struct dataset *train, const struct dataset *validation, struct error *error);
void training_state_close(struct training_state *state);

/* Writes model and state as a checkpoint, replacing `path` in one move. */
int training_state_save(const struct training_state *state, const char *path, const struct model_facts *facts,
                        struct error *error);
/* Brings weights and state back from such a file. ERROR_IO, ERROR_DATA: damaged, without state, of another model,
 * another number of images or another batch size, or of other images unless `other_images` are allowed; ERROR_CONFIG:
 * of other callbacks. */
int training_state_load(struct training_state *state, const char *path, bool other_images, struct error *error);

#endif
