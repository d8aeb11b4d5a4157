#include "core/metrics.h"

#include <assert.h>
#include <stdlib.h>

#include "core/memory.h"

int confusion_create(struct confusion *confusion, int classes, struct error *error) {
    size_t side = (size_t)classes;
    *confusion = (struct confusion){.classes = classes};
    confusion->counts = memory_allocate(side, side * sizeof *confusion->counts, "the confusion matrix", error);
    return confusion->counts ? 0 : -1;
}

void confusion_free(struct confusion *confusion) {
    free(confusion->counts);
    *confusion = (struct confusion){0};
}

/* The count of row `label`, column `prediction`. */
static int64_t *count_at(const struct confusion *confusion, int label, int prediction) {
    return confusion->counts + (size_t)label * (size_t)confusion->classes + (size_t)prediction;
}

void confusion_add(struct confusion *confusion, const int32_t *labels, const int32_t *predictions, int64_t images) {
    for (int64_t i = 0; i < images; i++) {
        assert(labels[i] >= 0 && labels[i] < confusion->classes);
        assert(predictions[i] >= 0 && predictions[i] < confusion->classes);
        ++*count_at(confusion, labels[i], predictions[i]);
    }
}

static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

struct class_scores confusion_class(const struct confusion *confusion, int class_index) {
    int64_t hits = *count_at(confusion, class_index, class_index), predicted = 0;
    struct class_scores scores = {0};
    for (int k = 0; k < confusion->classes; k++) {
        scores.support += *count_at(confusion, class_index, k);
        predicted += *count_at(confusion, k, class_index);
    }
    scores.precision = ratio((double)hits, (double)predicted);
    scores.recall = ratio((double)hits, (double)scores.support);
    scores.f1 = ratio(2 * (double)hits, (double)(predicted + scores.support)); /* = 2 p r / (p + r) */
    return scores;
}

struct scores confusion_scores(const struct confusion *confusion) {
    struct scores scores = {0};
    for (int k = 0; k < confusion->classes; k++) {
        struct class_scores one = confusion_class(confusion, k);
        scores.images += one.support;
        scores.correct += *count_at(confusion, k, k);
        scores.precision += one.precision / confusion->classes;
        scores.recall += one.recall / confusion->classes;
        scores.f1 += one.f1 / confusion->classes;
    }
    scores.accuracy = ratio((double)scores.correct, (double)scores.images);
    return scores;
}
