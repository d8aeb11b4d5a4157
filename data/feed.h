/* The feed: images gathered, augmented and normalized into the floats of a batch. */
#ifndef CNNTRAIN_DATA_FEED_H
#define CNNTRAIN_DATA_FEED_H

#include "core/dataset.h"

/* See struct data_room. */
int feed_open(const struct component *source, const struct normalization *normalization, const struct dataset *dataset,
              uint64_t seed, struct feed *feed, struct error *error);
void feed_close(struct feed *feed);

#endif
