/* One training run with its folder: from a config and loaded data to weights, history, metrics and report. */
#ifndef CNNTRAIN_CORE_RUN_H
#define CNNTRAIN_CORE_RUN_H

#include "core/report/result.h"
#include "core/run_folder.h"
#include "core/run_model.h"

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

#endif
