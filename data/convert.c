#include "data/convert.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/image.h"
#include "data/resample.h"
#include "data/source.h"

/* Puts `pixels` of another form in the place of the old ones. */
static void replace_pixels(struct dataset *dataset, void *pixels, int height, int width, int channels) {
    free(dataset->pixels);
    dataset->pixels = pixels;
    dataset->height = height;
    dataset->width = width;
    dataset->channels = channels;
}

static void *allocate_form(const struct dataset *dataset, int height, int width, int channels, struct error *error) {
    struct dataset form = {.height = height, .width = width, .channels = channels, .type = dataset->type};
    return memory_allocate((size_t)dataset->count, dataset_image_bytes(&form), "the converted images", error);
}

static int convert_color(struct dataset *dataset, enum data_color color, struct error *error) {
    int channels = color_channels(color, dataset->channels);
    if (channels == dataset->channels) return 0;
    void *pixels = allocate_form(dataset, dataset->height, dataset->width, channels, error);
    if (!pixels) return -1;
    size_t count = (size_t)dataset->count * (size_t)dataset->height * (size_t)dataset->width;
    if (dataset->type == PIXEL_UINT8)
        color_bytes(color, count, dataset->channels, dataset->pixels, pixels);
    else
        color_floats(color, count, dataset->channels, dataset->pixels, pixels);
    replace_pixels(dataset, pixels, dataset->height, dataset->width, channels);
    return 0;
}

static void resize_images(const struct dataset *dataset, struct resampler *resampler, void *pixels) {
    size_t from = dataset_image_bytes(dataset);
    size_t to = from / ((size_t)dataset->height * (size_t)dataset->width) * (size_t)resampler->rows.to *
                (size_t)resampler->columns.to;
    for (size_t i = 0; i < (size_t)dataset->count; i++) {
        const char *source = (const char *)dataset->pixels + i * from;
        char *target = (char *)pixels + i * to;
        if (dataset->type == PIXEL_UINT8)
            resample_bytes(resampler, (const uint8_t *)source, (uint8_t *)target);
        else
            resample_floats(resampler, (const float *)(const void *)source, (float *)(void *)target);
    }
}

static int convert_size(struct dataset *dataset, const int resize[2], struct error *error) {
    if (resize[0] == 0 || (resize[0] == dataset->height && resize[1] == dataset->width)) return 0;
    struct resampler resampler;
    const int from[2] = {dataset->height, dataset->width};
    if (resampler_open(&resampler, from, resize, dataset->channels, error) != 0) return -1;
    void *pixels = allocate_form(dataset, resize[0], resize[1], dataset->channels, error);
    if (pixels) resize_images(dataset, &resampler, pixels);
    resampler_close(&resampler);
    if (!pixels) return -1;
    replace_pixels(dataset, pixels, resize[0], resize[1], dataset->channels);
    return 0;
}

int dataset_convert(struct dataset *dataset, const struct data_common *common, struct error *error) {
    if (dataset->count == 0) return 0;
    if (convert_color(dataset, (enum data_color)common->color, error) != 0) return -1;
    return convert_size(dataset, common->resize, error);
}

int dataset_split(struct dataset *dataset, int64_t first, struct dataset *tail, struct error *error) {
    if (source_allocate(tail, dataset->count - first, dataset->height, dataset->width, dataset->channels, dataset->type,
                        NULL, error) != 0)
        return -1;
    size_t bytes = dataset_image_bytes(dataset);
    memcpy(tail->pixels, (const char *)dataset->pixels + (size_t)first * bytes, (size_t)tail->count * bytes);
    memcpy(tail->labels, dataset->labels + first, (size_t)tail->count * sizeof *tail->labels);
    dataset->count = first;
    return 0;
}
