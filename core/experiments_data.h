/* The data of a batch: loaded once for all runs in a row whose configs describe them alike. */
#ifndef CNNTRAIN_CORE_EXPERIMENTS_DATA_H
#define CNNTRAIN_CORE_EXPERIMENTS_DATA_H

#include "core/run_model.h"

/* Starts as {0}. */
struct batch_data {
    struct data_splits splits; /* of the data that `key` describes */
    char *key;                 /* NULL: none are loaded */
};

/* Loads the data of this config, unless they are there. ERROR_DATA, ERROR_IO, ERROR_RUN. */
int batch_data_provide(struct batch_data *data, const struct workshop *workshop, const struct config *config,
                       struct error *error);
/* Whether they are those of this config. */
bool batch_data_fits(const struct batch_data *data, const struct workshop *workshop, const struct config *config);
void batch_data_free(struct batch_data *data);

#endif
