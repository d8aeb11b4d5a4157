/* A model over a whole data set. */
#ifndef CNNTRAIN_CORE_EVALUATION_H
#define CNNTRAIN_CORE_EVALUATION_H

#include "core/engine.h"
#include "core/predictions.h"

/* Mean loss (the model's penalties included, as Keras reports it) and accuracy over the feed's data set, without
 * augmentation. `predictions` (NULL: not wanted) holds the data set's count and is filled. */
struct evaluation {
    double loss, accuracy;
    int64_t correct;
};
int evaluate_feed(struct engine *engine, const struct model *model, const struct feed *feed,
                  struct predictions *predictions, struct evaluation *evaluation, struct error *error);

#endif
