/* What a training would be, shown before it is begun: table, cost, memory, and the time it will take. */
#ifndef CNNTRAIN_CMD_DRY_RUN_H
#define CNNTRAIN_CMD_DRY_RUN_H

#include "cmd/session.h"
#include "core/experiments_plan.h"

/* Loads the config's data (located already), builds everything, takes a step and a few more to time them, and prints
 * it all; `weights` as for a run, or NULL. Writes nothing. */
int dry_run_config(struct session *session, const struct config *config, const char *weights);

/* The same for every config of a batch, as a table. */
int dry_run_batch(struct session *session, const struct experiments_request *request);

#endif
