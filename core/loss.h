/* The loss: softmax and cross-entropy in one. */
#ifndef CNNTRAIN_CORE_LOSS_H
#define CNNTRAIN_CORE_LOSS_H

#include <stdint.h>

/* logits (images, classes)  labels (images), each 0 .. classes-1  dlogits, probabilities (images, classes) or NULL
 *
 * Returns the sum (not the mean) over the images of -sum over k of target[k] * log softmax(logits)[k], where target is
 * the one-hot label, smoothed as Keras does: target = one_hot * (1 - label_smoothing) + label_smoothing / classes.
 * dlogits = gradient_scale * (softmax - target); gradient_scale is 1 / batch for the gradient of the mean.
 * *correct (NULL: not wanted) is set to the number of images whose largest logit is the label's; of equal logits the
 * first counts. dlogits and probabilities must not overlap logits or each other.
 *
 * Softmax is shifted by the largest logit: logits of any finite size and -inf are safe. A NaN or +inf logit makes the
 * loss NaN. label_smoothing is in [0, 1]. Images are summed one after the other, in double. */
double loss_softmax_cross_entropy(const float *logits, int images, int classes, const int32_t *labels,
                                  double label_smoothing, double gradient_scale, float *dlogits, float *probabilities,
                                  int64_t *correct);

#endif
