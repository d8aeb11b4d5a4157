/* predictions.csv and confusion.csv: what a model said about each test image. */
#ifndef CNNTRAIN_CORE_PREDICTIONS_H
#define CNNTRAIN_CORE_PREDICTIONS_H

#include <stdint.h>

#include "core/error.h"
#include "core/metrics.h"

struct predictions {
    int64_t count;
    int32_t *labels;      /* (count) */
    int32_t *predicted;   /* (count): the class with the largest probability */
    float *probabilities; /* (count): of the predicted class */
};

/* Zeroed arrays for `count` images; ERROR_RUN without memory. Free them with predictions_free. */
int predictions_create(struct predictions *predictions, int64_t count, struct error *error);
void predictions_free(struct predictions *predictions);

/* Replaces the file in one move: index,label,prediction,probability, index from 0. ERROR_IO, ERROR_RUN. */
int predictions_write(const char *path, const struct predictions *predictions, struct error *error);
/* Reads such a file. ERROR_IO; ERROR_DATA naming the line for anything else. On failure it holds nothing. */
int predictions_read(const char *path, struct predictions *predictions, struct error *error);

/* Counts for mcnemar_p: the images that only the first, only the second got right. ERROR_DATA where the two are not
 * about the same images (another count or other labels). */
int predictions_compare(const struct predictions *first, const struct predictions *second, int64_t *only_first,
                        int64_t *only_second, struct error *error);

/* Replaces the file in one move: a header of "label" and the class names, then a row a label: its name and its counts
 * by prediction. class_names (classes), or NULL for "0", "1", ... ERROR_IO, ERROR_RUN. */
int confusion_write(const char *path, const struct confusion *confusion, char *const *class_names, struct error *error);

#endif
