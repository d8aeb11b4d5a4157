/* Colour and size of whole datasets, for sources that deliver arrays. */
#ifndef CNNTRAIN_DATA_CONVERT_H
#define CNNTRAIN_DATA_CONVERT_H

#include "core/dataset.h"

/* Brings every image to the colour and size of `common`; nothing happens where they are so already. */
int dataset_convert(struct dataset *dataset, const struct data_common *common, struct error *error);

/* Moves the images from `first` on into `tail` (copied); `dataset` keeps those before. */
int dataset_split(struct dataset *dataset, int64_t first, struct dataset *tail, struct error *error);

#endif
