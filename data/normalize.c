#include "data/normalize.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

/* The common table of every registry lives at the start of its structs; these kinds have none. */
struct given_config {
    struct number_list mean, std;
};

static int check_given(const void *values, const struct place *place, struct error *error) {
    const struct given_config *config = values;
    const struct number_list *lists[] = {&config->mean, &config->std};
    static const char *const keys[] = {"mean", "std"};
    for (int i = 0; i < 2; i++) {
        struct place here = place_key(place, keys[i]);
        if (lists[i]->count < 1 || lists[i]->count > 4)
            return place_error(&here, error, "must have one value, or one a channel (at most 4), got %d",
                               lists[i]->count);
    }
    if (config->mean.count != config->std.count && config->mean.count != 1 && config->std.count != 1)
        return place_error(place, error, "has %d values in mean and %d in std; give one a channel in both",
                           config->mean.count, config->std.count);
    return 0;
}

static int check_channels(const struct number_list *list, const char *key, int channels, struct error *error) {
    if (list->count == 1 || list->count == channels) return 0;
    return error_set(error, ERROR_CONFIG, "data.normalize",
                     "%s has %d values, the images have %d channel%s; give one value, or one a channel", key,
                     list->count, channels, channels == 1 ? "" : "s");
}

static int measure_given(const void *values, const struct dataset *train, struct normalization *normalization,
                         struct error *error) {
    const struct given_config *config = values;
    if (check_channels(&config->mean, "mean", train->channels, error) != 0) return -1;
    if (check_channels(&config->std, "std", train->channels, error) != 0) return -1;
    for (int i = 0; i < train->channels; i++) {
        normalization->mean[i] = (float)config->mean.values[config->mean.count == 1 ? 0 : i];
        normalization->std[i] = (float)config->std.values[config->std.count == 1 ? 0 : i];
    }
    return 0;
}

struct moments {
    double mean, deviation;
};

/* Bytes are counted by value: exact whatever their number. histogram (256) */
static struct moments moments_of_histogram(const uint64_t *histogram, double scale) {
    double count = 0, sum = 0, squares = 0;
    for (int value = 0; value < 256; value++) {
        count += (double)histogram[value];
        sum += (double)histogram[value] * value * scale;
    }
    double mean = sum / count;
    for (int value = 0; value < 256; value++) {
        double distance = value * scale - mean;
        squares += (double)histogram[value] * distance * distance;
    }
    return (struct moments){mean, sqrt(squares / count)};
}

static struct moments moments_of_bytes(const struct dataset *train, int channel) {
    uint64_t histogram[256] = {0};
    const uint8_t *pixels = train->pixels;
    size_t total = (size_t)train->count * dataset_image_bytes(train);
    for (size_t i = (size_t)channel; i < total; i += (size_t)train->channels) histogram[pixels[i]]++;
    return moments_of_histogram(histogram, 1.0 / 255);
}

/* Two passes, so that a large mean does not swallow a small deviation. */
static struct moments moments_of_floats(const struct dataset *train, int channel) {
    const float *pixels = train->pixels;
    size_t step = (size_t)train->channels;
    size_t total = (size_t)train->count * (dataset_image_bytes(train) / sizeof(float));
    double count = (double)total / (double)step, sum = 0, squares = 0;
    for (size_t i = (size_t)channel; i < total; i += step) sum += (double)pixels[i];
    double mean = sum / count;
    for (size_t i = (size_t)channel; i < total; i += step) {
        double distance = (double)pixels[i] - mean;
        squares += distance * distance;
    }
    return (struct moments){mean, sqrt(squares / count)};
}

static int measure_standard(const void *config, const struct dataset *train, struct normalization *normalization,
                            struct error *error) {
    (void)config;
    if (train->count == 0)
        return error_set(error, ERROR_DATA, "data.normalize", "standardize needs training images to measure");
    for (int i = 0; i < train->channels; i++) {
        struct moments moments = train->type == PIXEL_UINT8 ? moments_of_bytes(train, i) : moments_of_floats(train, i);
        normalization->mean[i] = (float)moments.mean;
        /* A channel of one value carries nothing; it becomes 0. */
        normalization->std[i] = moments.deviation > 0 ? (float)moments.deviation : 1;
    }
    return 0;
}

const struct normalization_kind normalization_scale = {
    .component = {.name = "scale", .summary = "bytes / 255, floats as they are"}};

const struct normalization_kind normalization_none = {
    .component = {.name = "none", .summary = "pixels as they are: bytes 0 to 255"}, .unscaled = true};

const struct normalization_kind normalization_standardize = {
    .component = {.name = "standardize", .summary = "mean 0 and deviation 1 by channel, measured on the training set"},
    .measure = measure_standard};

static const struct field given_fields[] = {
    {.key = "mean",
     .type = FIELD_NUMBERS,
     .offset = offsetof(struct given_config, mean),
     .fallback = "[0]",
     .help = "subtracted, after bytes were divided by 255: one value, or one a channel"},
    {.key = "std",
     .type = FIELD_NUMBERS,
     .offset = offsetof(struct given_config, std),
     .fallback = "[1]",
     .minimum = 0,
     .above = true,
     .maximum = 1e300,
     .help = "the divisor after that: one value, or one a channel"},
    {0}};

const struct normalization_kind normalization_given = {.component = {.name = "given",
                                                                     .summary = "(value - mean) / std by channel",
                                                                     .fields = given_fields,
                                                                     .size = sizeof(struct given_config),
                                                                     .check = check_given},
                                                       .measure = measure_given};

int normalization_measure(const struct component *component, const struct dataset *train,
                          struct normalization *normalization, struct error *error) {
    const struct normalization_kind *kind = (const struct normalization_kind *)component->kind;
    if (train->channels < 1 || train->channels > 4)
        return error_set(error, ERROR_DATA, "data", "images with %d channels; 1 to 4 can be used", train->channels);
    *normalization = (struct normalization){.channels = train->channels, .scale = 1};
    if (train->type == PIXEL_UINT8 && !kind->unscaled) normalization->scale = 1.0F / 255;
    for (int i = 0; i < 4; i++) normalization->std[i] = 1;
    return kind->measure ? kind->measure(component->config, train, normalization, error) : 0;
}
