/* What a run is made from: a workshop, data, and a model that goes with them. */
#ifndef CNNTRAIN_CORE_RUN_MODEL_H
#define CNNTRAIN_CORE_RUN_MODEL_H

#include <signal.h>
#include <stdbool.h>

#include "core/config.h"
#include "core/dataset.h"
#include "core/kernels/kernels.h"
#include "core/model.h"
#include "core/progress.h"
#include "core/report/summary.h"
#include "core/trainer.h"

/* What every run of a program has in common; cmd/ fills it once. */
struct workshop {
    const struct registries *registries;
    const struct data_room *data_room;
    const struct kernels *kernels;
    const char *data_folder; /* CNNTRAIN_DATA, or NULL */
    int threads;
    const volatile sig_atomic_t *stop; /* not 0: whoever works comes to an end; NULL: nobody asks for that */
    /* Told whether something is at stake from here on, so that who is asked to end must look at `stop`; where nothing
     * is, as while data are loaded, a signal may end the program. NULL: nobody wants to know. */
    void (*guard)(bool is_at_stake);
    void (*listen)(void *listener, const struct train_event *event);
    void (*note)(void *listener, const char *line);   /* a sentence for the user */
    void (*detail)(void *listener, const char *line); /* one for users who want to know more; NULL: nobody does */
    void *listener;
    struct progress loading; /* hears of data that are loaded */
};

void run_guard(const struct workshop *workshop, bool is_at_stake);

/* Loads the config's data (its paths located already). An error where the config names no data.
 * Nothing is at stake from here on. */
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
