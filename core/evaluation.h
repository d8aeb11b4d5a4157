/* A model over a whole data set. */
#ifndef CNNTRAIN_CORE_EVALUATION_H
#define CNNTRAIN_CORE_EVALUATION_H

#include <signal.h>

#include "core/engine.h"
#include "core/predictions.h"

struct evaluation {
    double loss, accuracy;
    int64_t correct;
    const struct layer
        *first_not_finite; /* of the first batch whose loss is not finite; NULL: all are, or none known */
};

/* Mean loss (the model's penalties included, as Keras reports it) and accuracy over the feed's data set, without
 * augmentation. `predictions` (NULL: not wanted) holds the data set's count and is filled. ERROR_INTERRUPTED soon after
 * *stop (NULL: never) is set; ERROR_RUN without memory. */
int evaluate_feed(struct engine *engine, const struct model *model, const struct feed *feed,
                  struct predictions *predictions, const volatile sig_atomic_t *stop, struct evaluation *evaluation,
                  struct error *error);

#endif
