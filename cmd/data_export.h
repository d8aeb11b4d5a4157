/* A data set as a folder of pictures. */
#ifndef CNNTRAIN_CMD_DATA_EXPORT_H
#define CNNTRAIN_CMD_DATA_EXPORT_H

#include "cmd/session.h"

/* Writes every image as folder/PART/CLASS/NUMBER.png, which the source "folder" reads back: parts are train, validation
 * and test. The folder must be new or empty; a failure, or Ctrl-C, leaves it so. -1 with the session's error.
 */
int data_export(struct session *session, const struct data_splits *splits, const char *folder);

#endif
