#include "core/report/visual.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/report/maps.h"

const char *visual_class_name(const struct visual_classes *classes, int index, char buffer[VISUAL_NAME_SIZE]) {
    if (index < classes->named) return classes->names[index];
    snprintf(buffer, VISUAL_NAME_SIZE, "%d", index);
    return buffer;
}

static int image_from_floats(const struct dataset *dataset, const float *values, struct picture *picture,
                             struct error *error) {
    const size_t channels = (size_t)dataset->channels;
    const size_t cells = (size_t)dataset->height * (size_t)dataset->width;
    const struct picture_map map = {values, dataset->height, dataset->width, channels};
    const struct picture_range range = picture_range_of(values, cells * channels, 1);
    return channels >= 3 ? picture_from_rgb_map(&map, 1, range, picture, error)
                         : picture_from_map(&map, PICTURE_GRAY, range, picture, error);
}

int visual_image(const struct dataset *dataset, int64_t sample, struct picture *picture, struct error *error) {
    const char *image = (const char *)dataset->pixels + (size_t)sample * dataset_image_bytes(dataset);
    if (dataset->type == PIXEL_FLOAT32)
        return image_from_floats(dataset, (const float *)(const void *)image, picture, error);
    return picture_from_bytes((const uint8_t *)image, dataset->height, dataset->width, dataset->channels, picture,
                              error);
}

int visual_resize(struct picture *picture, int side, struct error *error) {
    const int longer = picture->height > picture->width ? picture->height : picture->width;
    if (longer > side) return picture_shrink(picture, (longer + side - 1) / side, error);
    struct picture large;
    const int enlarge = picture_enlargement(longer, side);
    if (enlarge == 1) return 0;
    if (picture_open(&large, picture->height * enlarge, picture->width * enlarge, PICTURE_WHITE, error) != 0) return -1;
    picture_put(&large, 0, 0, picture, enlarge);
    picture_free(picture);
    *picture = large;
    return 0;
}
