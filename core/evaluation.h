/* A model over a whole data set. */
#ifndef CNNTRAIN_CORE_EVALUATION_H
#define CNNTRAIN_CORE_EVALUATION_H

#include <signal.h>

#include "core/engine.h"
#include "core/predictions.h"
#include "core/progress.h"

/* Who looks on. */
struct evaluation_watch {
    const volatile sig_atomic_t *stop; /* not zero: end soon; NULL: never */
    struct progress progress;          /* hears of images */
};

struct evaluation {
    double loss, accuracy;
    int64_t correct;
    const struct layer
        *first_not_finite; /* of the first batch whose loss is not finite; NULL: all are, or none known */
};

/* Mean loss (the model's penalties included, as Keras reports it) and accuracy over the feed's data set, without
 * augmentation. `predictions` (NULL: not wanted) holds the data set's count and is filled. ERROR_INTERRUPTED soon after
 * the watch (NULL: nobody) wants to stop; ERROR_RUN without memory. */
int evaluate_feed(struct engine *engine, const struct model *model, const struct feed *feed,
                  struct predictions *predictions, const struct evaluation_watch *watch, struct evaluation *evaluation,
                  struct error *error);

#endif
