/* What a training needs in memory: a model, and the engine and feeds that bring it loaded data. */
#ifndef CNNTRAIN_CORE_RUN_PARTS_H
#define CNNTRAIN_CORE_RUN_PARTS_H

#include "core/engine.h"
#include "core/run_model.h"

struct run_parts {
    const struct workshop *workshop;
    const struct config *config;
    const struct data_splits *splits;
    const char *weights; /* a file to start from, or NULL */
    struct model model;
    struct engine *engine;
    struct normalization normalization;
    struct feed train, validation, test; /* fill NULL: no such images */
};

/* Builds the model for the data's images and gives it its first weights; what the file of weights lacks or has beside
 * goes to the workshop's notes. `parts` has workshop, config, splits and weights, and is zero otherwise. ERROR_CONFIG,
 * ERROR_DATA, ERROR_IO, ERROR_RUN. */
int run_parts_build(struct run_parts *parts, struct error *error);
/* Measures the normalization, opens the feeds and the engine for training. ERROR_DATA, ERROR_RUN. */
int run_parts_open(struct run_parts *parts, struct error *error);
/* Trains by `config`, which may differ from the parts' own in how it trains, until *stop, without validation and
 * without a file: for tests and estimates. The model's weights are used up. `end` gets how the training ended,
 * ERROR_INTERRUPTED where it was stopped. -1 and `error` where it could not begin. */
int run_parts_train(struct run_parts *parts, const struct config *config, const volatile sig_atomic_t *stop,
                    void (*listen)(void *listener, const struct train_event *event), void *listener, struct error *end,
                    struct error *error);
/* Closes what is open, after a failure too. */
void run_parts_close(struct run_parts *parts);

#endif
