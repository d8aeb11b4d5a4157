/* One training run with its folder: from a config and loaded data to weights, history, metrics and report. */
#ifndef CNNTRAIN_CORE_RUN_H
#define CNNTRAIN_CORE_RUN_H

#include "core/config.h"
#include "core/dataset.h"
#include "core/kernels/kernels.h"
#include "core/model.h"
#include "core/report/result.h"
#include "core/report/summary.h"
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
    const char *folder;  /* exists and is this run's own; see run_claim_folder */
    const char *weights; /* a safetensors file to start from, or NULL */
    bool resume;         /* go on from the folder's last.safetensors */
};

/* Trains, evaluates on the test set and writes the folder's files. On failure the error says why; ERROR_NOT_FINITE also
 * leaves a metrics.json that says so. */
int run_execute(const struct run_request *request, struct error *error);

/* Loads the config's data (its paths located already). An error where the config names no data. */
int run_load_data(const struct workshop *workshop, const struct config *config, struct data_splits *splits,
                  struct error *error);

/* Builds the model for images of shape `input`, and checks that it ends in a softmax over at least `classes` classes
 * (0: not known). */
int run_build_model(const struct config *config, const struct shape *input, int classes, struct model *model,
                    struct error *error);
struct shape run_image_shape(const struct dataset *dataset);

/* Makes a folder for a new run: `path`, or path-2, path-3, ... where that is taken; parents are made too. The name is
 * malloc'd; NULL on failure. A folder is taken once it holds a log.txt. */
char *run_claim_folder(const char *path, struct error *error);
/* Claims exactly this folder, making it where missing; a run that is in it stays as it is. */
int run_make_folder(const char *path, struct error *error);
/* The newest run in `folder` that has a checkpoint and no metrics.json that says it finished; malloc'd, NULL and
 * ERROR_CONFIG where there is none. */
char *run_find_unfinished(const char *folder, struct error *error);
/* Whether the folder's metrics.json says the run came to its end. */
bool run_is_finished(const char *folder);

/* Rows for core/report/summary.h; free with free(). NULL and ERROR_RUN without memory. They point into the model. */
struct summary_row *run_summary_rows(const struct model *model, struct summary *summary, struct error *error);

/* Keeps others out of a folder that holds a log.txt as long as the descriptor is open, even where this process is
 * killed; -1 and ERROR_CONFIG where another process works in it. */
int run_lock_folder(const char *folder, struct error *error);

/* A file of a run's folder, such as "history.csv"; malloc'd. */
char *run_file(const char *folder, const char *name, struct error *error);

#endif
