/* A model's data: which part of it, and whether the two go together. */
#ifndef CNNTRAIN_CMD_MODEL_DATA_H
#define CNNTRAIN_CMD_MODEL_DATA_H

#include "cmd/session.h"
#include "core/model_file.h"

/* The part called `split` ("test", "validation", "train"); NULL with an error where there is none, or it is empty. */
const struct dataset *choose_split(struct session *session, const struct data_splits *splits, const char *split);

/* Fails unless the model takes such images, and knows so many classes. */
int check_images(struct session *session, const struct model *model, const struct dataset *dataset, int classes);

#endif
