#include "core/occlusion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/memory.h"

enum { CHANNELS_MAX = 4, HIDDEN_BYTES = 64 << 20 /* of copies of the image that are held at a time */ };

/* Copies of the image, a patch on each, and what the model says about them. */
struct worker {
    const struct occlusion_request *request;
    struct dataset copies;
    struct feed feed;
    struct engine *engine;
    float *probabilities; /* (copies, classes) */
    int64_t *samples;     /* (copies): 0, 1, 2, ... */
    double *sums;         /* (height, width): falls of the patches over this place */
    int *counts;          /* (height, width) */
    double mean[CHANNELS_MAX];
};

struct patch {
    int top, bottom, left, right; /* bottom and right are behind the patch */
};

static int places(int side, int stride) {
    return (side - 1) / stride + 1;
}

int64_t occlusion_patches(int height, int width, int stride) {
    return (int64_t)places(height, stride) * places(width, stride);
}

static struct patch patch_at(const struct occlusion_request *request, int64_t number) {
    const struct dataset *image = request->image;
    const int columns = places(image->width, request->stride);
    const int top = (int)(number / columns) * request->stride - request->patch / 2;
    const int left = (int)(number % columns) * request->stride - request->patch / 2;
    const int bottom = top + request->patch, right = left + request->patch;
    return (struct patch){top > 0 ? top : 0, bottom < image->height ? bottom : image->height, left > 0 ? left : 0,
                          right < image->width ? right : image->width};
}

static int copies_at_once(const struct dataset *image, int64_t patches) {
    const size_t fit = HIDDEN_BYTES / dataset_image_bytes(image);
    const int most = fit < 1 ? 1 : fit > ENGINE_EVALUATION_BATCH ? ENGINE_EVALUATION_BATCH : (int)fit;
    return patches < most ? (int)patches : most;
}

/* ---- memory ---- */

static int open_copies(struct worker *worker, struct error *error) {
    const struct occlusion_request *request = worker->request;
    const struct dataset *image = request->image;
    const size_t cells = (size_t)image->height * (size_t)image->width;
    worker->copies = *image;
    const size_t count = (size_t)copies_at_once(image, occlusion_patches(image->height, image->width, request->stride));
    worker->copies.count = (int64_t)count;
    worker->copies.pixels = memory_allocate(count, dataset_image_bytes(image), "the images with a patch", error);
    worker->copies.labels = memory_allocate(count, sizeof(int32_t), "the images with a patch", error);
    const size_t classes = (size_t)request->model->output.size[0];
    worker->probabilities = memory_allocate(count * classes, sizeof(float), "probabilities", error);
    worker->samples = memory_allocate(count, sizeof *worker->samples, "the images with a patch", error);
    worker->sums = memory_allocate(cells, sizeof *worker->sums, "an occlusion map", error);
    worker->counts = memory_allocate(cells, sizeof *worker->counts, "an occlusion map", error);
    if (!worker->copies.pixels || !worker->copies.labels || !worker->probabilities || !worker->samples ||
        !worker->sums || !worker->counts)
        return -1;
    for (size_t i = 0; i < count; i++) worker->samples[i] = (int64_t)i;
    return 0;
}

static int open_worker(struct worker *worker, struct error *error) {
    const struct occlusion_request *request = worker->request;
    if (open_copies(worker, error) != 0) return -1;
    if (request->room->open(request->source, request->normalization, &worker->copies, 0, &worker->feed, error) != 0)
        return -1;
    const struct engine_options options = {
        .threads = request->threads, .batch_size = 1, .feed_scratch_bytes = worker->feed.scratch_bytes};
    return engine_open(&worker->engine, request->model, request->kernels, &options, error);
}

static void close_worker(struct worker *worker) {
    engine_close(worker->engine);
    if (worker->feed.fill) worker->request->room->close(&worker->feed);
    dataset_free(&worker->copies);
    free(worker->probabilities);
    free(worker->samples);
    free(worker->sums);
    free(worker->counts);
}

/* ---- patches ---- */

static double value_at(const struct dataset *image, size_t at) {
    return image->type == PIXEL_UINT8 ? ((const uint8_t *)image->pixels)[at]
                                      : (double)((const float *)image->pixels)[at];
}

static void measure_mean(struct worker *worker) {
    const struct dataset *image = worker->request->image;
    const size_t cells = (size_t)image->height * (size_t)image->width, channels = (size_t)image->channels;
    for (size_t c = 0; c < channels && c < CHANNELS_MAX; c++) {
        for (size_t i = 0; i < cells; i++) worker->mean[c] += value_at(image, i * channels + c);
        worker->mean[c] /= (double)cells;
    }
}

static void hide(struct worker *worker, int copy, const struct patch *patch) {
    struct dataset *copies = &worker->copies;
    const size_t bytes = dataset_image_bytes(copies), channels = (size_t)copies->channels;
    char *to = (char *)copies->pixels + (size_t)copy * bytes;
    memcpy(to, worker->request->image->pixels, bytes);
    for (int y = patch->top; y < patch->bottom; y++)
        for (int x = patch->left; x < patch->right; x++)
            for (size_t c = 0; c < channels; c++) {
                const size_t at = ((size_t)y * (size_t)copies->width + (size_t)x) * channels + c;
                const double mean = worker->mean[c < CHANNELS_MAX ? c : CHANNELS_MAX - 1];
                if (copies->type == PIXEL_UINT8)
                    ((uint8_t *)to)[at] = (uint8_t)(mean + 0.5);
                else
                    ((float *)(void *)to)[at] = (float)mean;
            }
}

static void note_fall(struct worker *worker, const struct patch *patch, double fall) {
    for (int y = patch->top; y < patch->bottom; y++)
        for (int x = patch->left; x < patch->right; x++) {
            const size_t at = (size_t)y * (size_t)worker->copies.width + (size_t)x;
            worker->sums[at] += fall;
            worker->counts[at]++;
        }
}

static void evaluate(struct worker *worker, int count) {
    const struct batch batch = {.feed = &worker->feed, .samples = worker->samples, .count = count};
    engine_evaluate(worker->engine, &batch, worker->probabilities, NULL);
}

static double probability_of(const struct worker *worker, int copy) {
    const size_t classes = (size_t)worker->request->model->output.size[0];
    return (double)worker->probabilities[(size_t)copy * classes + (size_t)worker->request->class_index];
}

static void try_patches(struct worker *worker, struct occlusion *occlusion) {
    const struct patch none = {0, 0, 0, 0};
    hide(worker, 0, &none);
    evaluate(worker, 1);
    occlusion->probability = probability_of(worker, 0);
    for (int64_t first = 0; first < occlusion->patches; first += worker->copies.count) {
        const int64_t left = occlusion->patches - first;
        const int count = left < worker->copies.count ? (int)left : (int)worker->copies.count;
        for (int i = 0; i < count; i++) {
            const struct patch patch = patch_at(worker->request, first + i);
            hide(worker, i, &patch);
        }
        evaluate(worker, count);
        for (int i = 0; i < count; i++) {
            const struct patch patch = patch_at(worker->request, first + i);
            const double fall = occlusion->probability - probability_of(worker, i);
            note_fall(worker, &patch, fall);
            occlusion->largest = fmax(occlusion->largest, fall);
        }
    }
}

int occlusion_measure(const struct occlusion_request *request, struct occlusion *occlusion, struct error *error) {
    const struct dataset *image = request->image;
    const size_t cells = (size_t)image->height * (size_t)image->width;
    struct worker worker = {.request = request};
    *occlusion = (struct occlusion){.height = image->height, .width = image->width, .patch = request->patch};
    occlusion->patches = (int)occlusion_patches(image->height, image->width, request->stride);
    occlusion->fall = memory_allocate(cells, sizeof(float), "an occlusion map", error);
    int status = occlusion->fall ? open_worker(&worker, error) : -1;
    if (status == 0) {
        measure_mean(&worker);
        try_patches(&worker, occlusion);
        for (size_t i = 0; i < cells; i++)
            occlusion->fall[i] = worker.counts[i] ? (float)(worker.sums[i] / worker.counts[i]) : 0;
    }
    close_worker(&worker);
    if (status != 0) occlusion_free(occlusion);
    return status;
}

void occlusion_free(struct occlusion *occlusion) {
    free(occlusion->fall);
    *occlusion = (struct occlusion){0};
}
