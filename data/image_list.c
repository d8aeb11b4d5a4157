#include "data/image_list.h"

#include <string.h>

#include "data/image.h"
#include "data/source.h"

static int check_same(const struct dataset *dataset, const struct image *image, const struct image_item *item,
                      const char *first, struct error *error) {
    if (image->height != dataset->height || image->width != dataset->width)
        return error_set(error, ERROR_DATA, item->path,
                         "is %d x %d pixels (height x width), the first image %s is %d x %d; all must be alike: set "
                         "\"resize\": [%d, %d] to resize them",
                         image->height, image->width, first, dataset->height, dataset->width, dataset->height,
                         dataset->width);
    if (image->channels != dataset->channels)
        return error_set(error, ERROR_DATA, item->path,
                         "has %d channel%s, the first image %s has %d; all must be alike: set \"color\": \"rgb\" or "
                         "\"grayscale\"",
                         image->channels, image->channels == 1 ? "" : "s", first, dataset->channels);
    return 0;
}

static int place_image(const struct image_item *items, size_t i, size_t count, const struct image *image,
                       struct dataset *dataset, struct error *error) {
    if (image->height > DATASET_SIDE_MAX || image->width > DATASET_SIDE_MAX)
        return error_set(error, ERROR_DATA, items[i].path,
                         "is %d x %d pixels (height x width); images of a data set have at most %d a side: set "
                         "\"resize\": [height, width]",
                         image->height, image->width, DATASET_SIDE_MAX);
    if (i == 0 && source_allocate(dataset, (int64_t)count, image->height, image->width, image->channels, PIXEL_UINT8,
                                  items[0].path, error) != 0)
        return -1;
    if (check_same(dataset, image, &items[i], items[0].path, error) != 0) return -1;
    size_t bytes = dataset_image_bytes(dataset);
    memcpy((uint8_t *)dataset->pixels + i * bytes, image->pixels, bytes);
    dataset->labels[i] = items[i].label;
    return 0;
}

int image_list_load(const struct image_item *items, size_t count, const struct data_common *common,
                    const struct progress *progress, struct dataset *dataset, struct error *error) {
    *dataset = (struct dataset){0};
    for (size_t i = 0; i < count; i++) {
        struct image image = {0};
        int status = source_go_on(progress, error) == 0 ? image_read(items[i].path, &image, error) : -1;
        if (status == 0)
            status = image_convert(&image, (enum data_color)common->color, common->resize, items[i].path, error);
        if (status == 0) status = place_image(items, i, count, &image, dataset, error);
        image_free(&image);
        progress_tell(progress, "pictures", (int64_t)i + 1, (int64_t)count);
        if (status == 0) continue;
        dataset_free(dataset);
        return -1;
    }
    return 0;
}

static void count_side(struct picture_sizes *sizes, int axis, int side) {
    if (sizes->count == 0 || side < sizes->smallest[axis]) sizes->smallest[axis] = side;
    if (side > sizes->largest[axis]) sizes->largest[axis] = side;
    sizes->sum[axis] += side;
}

int image_list_measure(const struct image_item *items, size_t count, struct picture_sizes *sizes, struct error *error) {
    for (size_t i = 0; i < count; i++) {
        struct image image;
        if (image_measure(items[i].path, &image, error) != 0) return -1;
        count_side(sizes, 0, image.height);
        count_side(sizes, 1, image.width);
        if (sizes->count == 0 || image.channels < sizes->least_channels) sizes->least_channels = image.channels;
        if (image.channels > sizes->most_channels) sizes->most_channels = image.channels;
        sizes->count++;
    }
    return 0;
}
