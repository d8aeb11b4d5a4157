/* How well predictions match the labels. */
#ifndef CNNTRAIN_CORE_METRICS_H
#define CNNTRAIN_CORE_METRICS_H

#include <stdint.h>

#include "core/error.h"

/* Counts by label and prediction. */
struct confusion {
    int classes;
    int64_t *counts; /* (classes, classes): row = label, column = prediction */
};

/* All counts 0; ERROR_RUN without memory. Free it with confusion_free. */
int confusion_create(struct confusion *confusion, int classes, struct error *error);
void confusion_free(struct confusion *confusion);
/* Counts `images` predictions; labels and predictions are 0 .. classes-1. */
void confusion_add(struct confusion *confusion, const int32_t *labels, const int32_t *predictions, int64_t images);

/* Of one class: precision = hits / predicted as it, recall = hits / support, f1 = their harmonic mean; a ratio of 0 to
 * 0 counts as 0 (as scikit-learn's zero_division=0). */
struct class_scores {
    double precision, recall, f1;
    int64_t support; /* images of the class */
};

/* Of all classes: the macro averages weigh every class alike, with images or without. */
struct scores {
    int64_t images, correct;
    double accuracy; /* correct / images; 0 without images */
    double precision, recall, f1;
};

struct class_scores confusion_class(const struct confusion *confusion, int class_index);
struct scores confusion_scores(const struct confusion *confusion);

#endif
