#include "data/feed.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/augment.h"

enum { NORMALIZE_BLOCK = 12 }; /* values that begin with channel 0 again, for 1, 2, 3 and 4 channels */

struct feed_state {
    struct image_form form;
    size_t elements; /* of an image */
    uint64_t seed;
    const struct component_list *augment;
    float mean[NORMALIZE_BLOCK], std[NORMALIZE_BLOCK]; /* of the channels, over and over */
    bool plain;                                        /* mean 0 and std 1 everywhere */
    float scaled[256];                                 /* byte * scale */
    float normalized[4][256];                          /* by channel: (byte * scale - mean) / std */
};

/* pixels (elements) of channels c -> x */
static void normalize_bytes(const struct feed_state *state, const uint8_t *pixels, float *x) {
    size_t channels = (size_t)state->form.channels;
    for (size_t i = 0; i < state->elements; i += channels)
        for (size_t c = 0; c < channels; c++) x[i + c] = state->normalized[c][pixels[i + c]];
}

/* Three channels are what most images have; the loop without a loop inside is twice as fast. */
static void normalize_rgb_bytes(const struct feed_state *state, const uint8_t *pixels, float *x) {
    const float *red = state->normalized[0], *green = state->normalized[1], *blue = state->normalized[2];
    for (size_t i = 0; i < state->elements; i += 3) {
        x[i] = red[pixels[i]];
        x[i + 1] = green[pixels[i + 1]];
        x[i + 2] = blue[pixels[i + 2]];
    }
}

/* The same arithmetic as in the tables, so that an augmentation that changes nothing changes no bit. x may be y. */
static void normalize_floats(const struct feed_state *state, const float *x, float *y) {
    if (state->plain) {
        if (x != y) memcpy(y, x, state->elements * sizeof *y);
        return;
    }
    float mean[NORMALIZE_BLOCK], std[NORMALIZE_BLOCK]; /* copies: y may not change them */
    memcpy(mean, state->mean, sizeof mean);
    memcpy(std, state->std, sizeof std);
    size_t i = 0;
    for (; i + NORMALIZE_BLOCK <= state->elements; i += NORMALIZE_BLOCK)
        for (size_t k = 0; k < NORMALIZE_BLOCK; k++) y[i + k] = (x[i + k] - mean[k]) / std[k];
    for (size_t k = 0; i < state->elements; i++, k++) y[i] = (x[i] - mean[k]) / std[k];
}

static const void *image_at(const struct dataset *dataset, int64_t sample) {
    return (const char *)dataset->pixels + (size_t)sample * dataset_image_bytes(dataset);
}

static void fill_plain(const struct feed *feed, const struct feed_state *state, int64_t sample, float *x) {
    const void *image = image_at(feed->dataset, sample);
    if (feed->dataset->type == PIXEL_FLOAT32)
        normalize_floats(state, image, x);
    else if (state->form.channels == 3)
        normalize_rgb_bytes(state, image, x);
    else
        normalize_bytes(state, image, x);
}

static void scale_image(const struct feed *feed, const struct feed_state *state, int64_t sample, float *x) {
    const void *image = image_at(feed->dataset, sample);
    const uint8_t *bytes = image;
    if (feed->dataset->type == PIXEL_FLOAT32)
        memcpy(x, image, state->elements * sizeof *x);
    else
        for (size_t i = 0; i < state->elements; i++) x[i] = state->scaled[bytes[i]];
}

/* The image goes to and fro between x and `spare`; the last step brings it to x. */
static void fill_augmented(const struct feed *feed, const struct feed_state *state, int64_t sample, uint64_t epoch,
                           float *x, float *spare) {
    float *current = x, *other = spare;
    scale_image(feed, state, sample, current);
    for (int i = 0; i < state->augment->count; i++) {
        const struct component *component = &state->augment->items[i];
        const struct augmentation_kind *kind = (const struct augmentation_kind *)component->kind;
        struct rng rng = rng_stream(state->seed, RNG_AUGMENT, epoch, (uint64_t)sample, (uint64_t)i);
        if (kind->in_place) {
            kind->apply(component->config, &state->form, &rng, current, current);
            continue;
        }
        kind->apply(component->config, &state->form, &rng, current, other);
        float *swap = current;
        current = other;
        other = swap;
    }
    normalize_floats(state, current, x);
}

static void feed_fill(const struct feed *feed, const int64_t *samples, int count, uint64_t epoch, bool augment,
                      float *x, void *scratch) {
    const struct feed_state *state = feed->state;
    for (int i = 0; i < count; i++, x += state->elements)
        if (augment && state->augment->count > 0)
            fill_augmented(feed, state, samples[i], epoch, x, scratch);
        else
            fill_plain(feed, state, samples[i], x);
}

static void fill_tables(struct feed_state *state, const struct normalization *normalization) {
    state->plain = true;
    for (int k = 0; k < NORMALIZE_BLOCK; k++) {
        const int c = k % normalization->channels;
        state->mean[k] = normalization->mean[c];
        state->std[k] = normalization->std[c];
        state->plain = state->plain && normalization->mean[c] == 0 && normalization->std[c] == 1;
    }
    for (int byte = 0; byte < 256; byte++) {
        state->scaled[byte] = (float)byte * normalization->scale;
        for (int c = 0; c < normalization->channels; c++)
            state->normalized[c][byte] = (state->scaled[byte] - state->mean[c]) / state->std[c];
    }
}

static int check_augment(const struct feed_state *state, struct error *error) {
    for (int i = 0; i < state->augment->count; i++) {
        const struct component *component = &state->augment->items[i];
        const struct augmentation_kind *kind = (const struct augmentation_kind *)component->kind;
        if (kind->check && kind->check(component->config, &state->form, error) != 0) return -1;
    }
    return 0;
}

int feed_open(const struct component *source, const struct normalization *normalization, const struct dataset *dataset,
              uint64_t seed, struct feed *feed, struct error *error) {
    static const struct component_list nothing = {0};
    const struct data_common *common = source->config; /* NULL: a model of another program, without data */
    *feed = (struct feed){.dataset = dataset, .fill = feed_fill};
    if (normalization->channels != dataset->channels)
        return error_set(error, ERROR_DATA, "data", "images have %d channels, the model was normalized for %d",
                         dataset->channels, normalization->channels);
    struct feed_state *state = memory_allocate(1, sizeof *state, "the feed", error);
    if (!state) return -1;
    bool bytes = dataset->type == PIXEL_UINT8;
    state->form = (struct image_form){dataset->height, dataset->width, dataset->channels,
                                      bytes ? 255 * normalization->scale : 1, bytes};
    state->elements = (size_t)dataset->height * (size_t)dataset->width * (size_t)dataset->channels;
    state->seed = seed;
    state->augment = common ? &common->augment : &nothing;
    fill_tables(state, normalization);
    feed->state = state;
    feed->scratch_bytes = state->augment->count > 0 ? state->elements * sizeof(float) : 0;
    if (check_augment(state, error) == 0) return 0;
    feed_close(feed);
    return -1;
}

void feed_close(struct feed *feed) {
    free(feed->state);
    *feed = (struct feed){0};
}
