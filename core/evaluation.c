#include "core/evaluation.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

static void note_predictions(struct predictions *predictions, const struct batch *batch, const float *probabilities,
                             int classes) {
    for (int i = 0; i < batch->count; i++) {
        const float *row = probabilities + (size_t)i * (size_t)classes;
        int best = 0;
        for (int k = 1; k < classes; k++)
            if (row[k] > row[best]) best = k;
        int64_t at = batch->samples[i];
        predictions->labels[at] = batch->feed->dataset->labels[at];
        predictions->predicted[at] = best;
        predictions->probabilities[at] = row[best];
    }
}

/* The batches one after the other; sums go to evaluation->loss and ->correct. False: stopped. */
static bool evaluate_batches(struct engine *engine, const struct feed *feed, struct predictions *predictions,
                             int classes, float *probabilities, const struct evaluation_watch *watch,
                             struct evaluation *evaluation) {
    int64_t count = feed->dataset->count, samples[ENGINE_EVALUATION_BATCH];
    for (int64_t at = 0; at < count; at += ENGINE_EVALUATION_BATCH) {
        if (watch && watch->stop && *watch->stop) return false;
        int64_t left = count - at;
        struct batch batch = {.feed = feed, .samples = samples};
        batch.count = left < ENGINE_EVALUATION_BATCH ? (int)left : ENGINE_EVALUATION_BATCH;
        for (int i = 0; i < batch.count; i++) samples[i] = at + i;
        struct batch_result result;
        engine_evaluate(engine, &batch, probabilities, &result);
        if (!isfinite(result.loss) && isfinite(evaluation->loss))
            evaluation->first_not_finite = engine_first_not_finite(engine, &batch, false);
        evaluation->loss += result.loss;
        evaluation->correct += result.correct;
        if (predictions) note_predictions(predictions, &batch, probabilities, classes);
        if (watch) progress_tell(&watch->progress, "images", at + batch.count, count);
    }
    return true;
}

int evaluate_feed(struct engine *engine, const struct model *model, const struct feed *feed,
                  struct predictions *predictions, const struct evaluation_watch *watch, struct evaluation *evaluation,
                  struct error *error) {
    int classes = model->output.size[0];
    int64_t count = feed->dataset->count;
    float *probabilities = NULL;
    if (predictions) {
        probabilities =
            memory_allocate(ENGINE_EVALUATION_BATCH * (size_t)classes, sizeof(float), "probabilities", error);
        if (!probabilities) return -1;
    }
    *evaluation = (struct evaluation){0};
    bool whole = evaluate_batches(engine, feed, predictions, classes, probabilities, watch, evaluation);
    free(probabilities);
    if (!whole) return error_set(error, ERROR_INTERRUPTED, NULL, "interrupted");
    evaluation->loss = (count ? evaluation->loss / (double)count : 0) + model_penalty(model);
    evaluation->accuracy = count ? (double)evaluation->correct / (double)count : 0;
    return 0;
}
