/* Images that go through a model together, and how they are cut. */
#ifndef CNNTRAIN_CORE_BATCH_H
#define CNNTRAIN_CORE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dataset.h"

enum {
    ENGINE_SHARD = 4,              /* images a shard */
    ENGINE_EVALUATION_BATCH = 512, /* images that engine_evaluate always takes at once */
    ENGINE_LANES = 16,             /* gradient accumulators: shard s adds to lane s modulo this, whoever runs it */
    ENGINE_GROUP = ENGINE_LANES * ENGINE_SHARD, /* images that go through layers with many weights together */
};

/* Some images of a feed. */
struct batch {
    const struct feed *feed;
    const int64_t *samples; /* (count) */
    int count;              /* 1 .. batch_size; evaluation: .. ENGINE_EVALUATION_BATCH too */
    uint64_t epoch, step;   /* keys of random numbers; step counts over the whole training */
    bool augment;
};

struct batch_result {
    double loss;     /* sum over the images, without penalties */
    int64_t correct; /* images whose largest output is the label's */
};

#endif
