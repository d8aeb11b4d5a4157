#include "core/loss.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

enum { CLASSES_KEPT = 64 }; /* exponentials kept between their sum and the gradient; further ones are taken anew */

/* One image: its logits, shifted so that the largest is 0, as sums that loss and gradient are made of. */
struct softmax_row {
    const float *logits; /* (classes) */
    int classes;
    int largest;                 /* index of the first largest logit */
    double shift;                /* its value */
    double sum;                  /* of exp(logit - shift), 1 or more */
    double log_sum;              /* log of it */
    double powers[CLASSES_KEPT]; /* exp(logit - shift) of the first classes */
};

static void softmax_row_fill(struct softmax_row *row, const float *logits, int classes) {
    row->logits = logits;
    row->classes = classes;
    row->largest = 0;
    for (int k = 1; k < classes; k++)
        if (logits[k] > logits[row->largest]) row->largest = k;
    row->shift = (double)logits[row->largest];
    row->sum = 0;
    for (int k = 0; k < classes; k++) {
        double power = exp((double)logits[k] - row->shift);
        if (k < CLASSES_KEPT) row->powers[k] = power;
        row->sum += power;
    }
    row->log_sum = log(row->sum);
}

static double probability_of(const struct softmax_row *row, int k) {
    double power = k < CLASSES_KEPT ? row->powers[k] : exp((double)row->logits[k] - row->shift);
    return power / row->sum;
}

static double log_probability(const struct softmax_row *row, int k) {
    return (double)row->logits[k] - row->shift - row->log_sum;
}

/* -sum over k of target[k] * log probability(k); `rest` is the target of every class, `own` what the label has more. */
static double row_loss(const struct softmax_row *row, int label, double own, double rest) {
    double loss = -own * log_probability(row, label);
    if (rest > 0)
        for (int k = 0; k < row->classes; k++) loss -= rest * log_probability(row, k);
    return loss;
}

double loss_softmax_cross_entropy(const float *logits, int images, int classes, const int32_t *labels,
                                  double label_smoothing, double gradient_scale, float *dlogits, float *probabilities,
                                  int64_t *correct) {
    double total = 0, own = 1 - label_smoothing, rest = label_smoothing / classes;
    int64_t hits = 0;
    for (int image = 0; image < images; image++) {
        size_t at = (size_t)image * (size_t)classes;
        int label = labels[image];
        assert(label >= 0 && label < classes);
        struct softmax_row row;
        softmax_row_fill(&row, logits + at, classes);
        hits += row.largest == label;
        total += isfinite(row.sum) ? row_loss(&row, label, own, rest) : NAN;
        if (!dlogits && !probabilities) continue;
        for (int k = 0; k < classes; k++) {
            double probability = probability_of(&row, k);
            double target = rest + (k == label ? own : 0);
            if (probabilities) probabilities[at + (size_t)k] = (float)probability;
            if (dlogits) dlogits[at + (size_t)k] = (float)(gradient_scale * (probability - target));
        }
    }
    if (correct) *correct = hits;
    return total;
}
