/* Many pictures into one dataset: what folders and manifests have in common. */
#ifndef CNNTRAIN_DATA_IMAGE_LIST_H
#define CNNTRAIN_DATA_IMAGE_LIST_H

#include <stddef.h>

#include "core/dataset.h"

struct image_item {
    const char *path;
    int32_t label;
};

/* Decodes the items in order into `dataset`, in the colour and size of `common`. A picture whose shape differs from the
 * first one's is ERROR_DATA naming both; unreadable files are ERROR_IO, undecodable ones ERROR_DATA. No items: an empty
 * dataset. `progress` (or NULL) hears of every picture. */
int image_list_load(const struct image_item *items, size_t count, const struct data_common *common,
                    const struct progress *progress, struct dataset *dataset, struct error *error);

/* Adds the items to `sizes`, by their headers alone. */
int image_list_measure(const struct image_item *items, size_t count, struct picture_sizes *sizes, struct error *error);

#endif
