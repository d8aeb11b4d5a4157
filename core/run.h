/* One training run with its folder: from a config and loaded data to weights, history, metrics and report. */
#ifndef CNNTRAIN_CORE_RUN_H
#define CNNTRAIN_CORE_RUN_H

#include "core/config.h"
#include "core/dataset.h"
#include "core/kernels/kernels.h"
#include "core/model.h"
#include "core/report/result.h"
#include "core/report/summary.h"
#include "core/run_folder.h"
#include "core/trainer.h"

/* What every run of a program has in common; cmd/ fills it once. */
struct workshop {
    const struct registries *registries;
    const struct data_room *data_room;
    const struct kernels *kernels;
    const char *data_folder; /* CNNTRAIN_DATA, or NULL */
    int threads;
    const volatile sig_atomic_t *stop;
    void (*listen)(void *listener, const struct train_event *event);
    void (*note)(void *listener, const char *line); /* a sentence for the user */
    void *listener;
};

struct run_request {
    const struct workshop *workshop;
    const struct config *config;
    const struct data_splits *splits;
    const char *folder;  /* exists and is this run's own; or what run_claim_folder takes, where `claimed` is given */
    char **claimed;      /* NULL, or gets the folder's name once it is there: malloc'd, the caller's */
    const char *weights; /* a safetensors file to start from, or NULL */
    bool resume;         /* go on from the folder's last.safetensors, where there is one */
    bool allow_changes;  /* also with another config or other images than the checkpoint's */
};

/* Trains, evaluates on the test set and writes the folder's files. A new folder is claimed when all else is ready, and
 * a checkpoint stands there from before the first step on. On failure the error says why, ERROR_CONFIG what changed
 * since the checkpoint; ERROR_NOT_FINITE also leaves a metrics.json that says so. */
int run_execute(const struct run_request *request, struct error *error);

/* Loads the config's data (its paths located already). An error where the config names no data. */
int run_load_data(const struct workshop *workshop, const struct config *config, struct data_splits *splits,
                  struct error *error);

/* Builds the model for images of shape `input`, and checks that it ends in a softmax over at least `classes` classes
 * (0: not known). */
int run_build_model(const struct config *config, const struct shape *input, int classes, struct model *model,
                    struct error *error);
struct shape run_image_shape(const struct dataset *dataset);

/* Rows for core/report/summary.h; free with free(). NULL and ERROR_RUN without memory. They point into the model. */
struct summary_row *run_summary_rows(const struct model *model, struct summary *summary, struct error *error);

#endif
