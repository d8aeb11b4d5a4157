/* Times the feed: microseconds an image of 32x32x3 bytes, by augmentation. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/config.h"
#include "core/memory.h"
#include "data/room.h"
#include "tests/support/registries.h"

enum { IMAGES = 64, REPEATS = 300, SIDE = 32, CHANNELS = 3 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int fail(const struct error *error) {
    fprintf(stderr, "%s\n", error->message);
    return 1;
}

/* Microseconds an image: the fastest of many batches. */
static double fastest(const struct feed *feed, float *x, void *scratch) {
    int64_t samples[IMAGES];
    double best = 1e9;
    for (int i = 0; i < IMAGES; i++) samples[i] = i;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const double start = now();
        feed->fill(feed, samples, IMAGES, (uint64_t)repeat, true, x, scratch);
        const double seconds = now() - start;
        if (seconds < best) best = seconds;
    }
    return best / IMAGES * 1e6;
}

static int time_feed(const struct config *config, const struct dataset *dataset, const char *what) {
    struct error error = {0};
    struct normalization normalization;
    struct feed feed;
    if (data_room.measure(&config->values.data, dataset, &normalization, &error) != 0 ||
        data_room.open(&config->values.data, &normalization, dataset, 1, &feed, &error) != 0)
        return fail(&error);
    float *x = memory_allocate((size_t)IMAGES * SIDE * SIDE * CHANNELS, sizeof *x, "images", &error);
    void *scratch = memory_allocate(1, feed.scratch_bytes, "scratch", &error);
    if (x && scratch) printf("%-60s %7.2f\n", what, fastest(&feed, x, scratch));
    free(x);
    free(scratch);
    data_room.close(&feed);
    return 0;
}

static int time_case(const struct dataset *dataset, const char *data) {
    struct error error = {0};
    struct config config;
    char text[400];
    snprintf(text, sizeof text, "{\"data\": {\"source\": \"synth\", %s}, \"model\": [{\"type\": \"Flatten\"}]}", data);
    struct config_request request = {.registries = &test_registries};
    if (config_parse(&config, text, "bench", &request, &error) != 0) return fail(&error);
    const int status = time_feed(&config, dataset, data);
    config_free(&config);
    return status;
}

int main(void) {
    static const char *const cases[] = {
        "\"normalize\": \"scale\"",
        "\"normalize\": \"standardize\"",
        "\"augment\": [\"RandomCrop\"]",
        "\"augment\": [\"RandomFlip\"]",
        "\"augment\": [\"RandomCrop\", \"RandomFlip\"]",
        "\"normalize\": \"standardize\", \"augment\": [\"RandomCrop\", \"RandomFlip\"]",
        "\"augment\": [\"RandomTranslation\"]",
        "\"augment\": [\"RandomRotation\"]",
        "\"augment\": [\"RandomBrightness\"]",
        "\"augment\": [\"RandomContrast\"]",
        "\"augment\": [\"Cutout\"]",
    };
    struct error error = {0};
    struct dataset dataset = {.count = IMAGES, .height = SIDE, .width = SIDE, .channels = CHANNELS};
    dataset.pixels = memory_allocate(IMAGES, SIDE * SIDE * CHANNELS, "images", &error);
    dataset.labels = memory_allocate(IMAGES, sizeof *dataset.labels, "labels", &error);
    if (!dataset.pixels || !dataset.labels) return fail(&error);
    for (int i = 0; i < IMAGES * SIDE * SIDE * CHANNELS; i++) ((uint8_t *)dataset.pixels)[i] = (uint8_t)(i * 37 % 251);
    printf("microseconds an image\n");
    int status = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) status |= time_case(&dataset, cases[i]);
    dataset_free(&dataset);
    return status;
}
