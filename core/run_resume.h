/* What a run goes on from. */
#ifndef CNNTRAIN_CORE_RUN_RESUME_H
#define CNNTRAIN_CORE_RUN_RESUME_H

#include "core/config.h"
#include "core/model.h"

/* Adds to `changes` what differs between the config that stands in the checkpoint at `path` and the one of now; see
 * config_changes. ERROR_IO, ERROR_DATA, ERROR_CONFIG, ERROR_RUN. */
int run_changes(const struct config *config, const struct registries *registries, const char *path,
                struct text *changes, struct error *error);

/* Writes the folder's config.json anew from its checkpoint, where it has one but no config.json: a process was killed
 * between the two. ERROR_IO, ERROR_DATA, ERROR_RUN. */
int run_restore_config(const char *folder, struct error *error);

/* Puts the config into the file of the model's weights at `path`, in place of the one that it holds: a run goes on with
 * a changed config, and ends with the files of a run that had it from the start. No such file is no error. ERROR_IO,
 * ERROR_DATA, ERROR_RUN. */
int run_update_config(const char *path, const struct model *model, const char *config_text, struct error *error);

#endif
