/* The reference trainings of tests/golden/training, computed in float64 by scripts/golden/parity.py. A file's metadata
 * holds the config ("config"); its tensors are x (n,h,w,c), y (n); at the start: initial/<parameter>, logits
 * (n,classes), gradient/<parameter> of the first step without penalties; after the training: losses (epochs), final/
 * <parameter>, probabilities (n,classes). */
#ifndef CNNTRAIN_TESTS_SUPPORT_PARITY_H
#define CNNTRAIN_TESTS_SUPPORT_PARITY_H

#include "core/interop/safetensors.h"
#include "core/model.h"

enum { PARITY_CASES = 35 };
extern const char *const parity_names[PARITY_CASES];

/* Reads a case's file; fails the test where that is not possible. safetensors_free it. */
void parity_read(const char *name, struct safetensors *file);

/* A tensor of this name; fails the test where there is none. */
const struct safetensors_tensor *parity_tensor(const struct safetensors *file, const char *name);
/* Its values, malloc'd. */
float *parity_floats(const struct safetensors *file, const char *name);

/* "initial/conv2d/kernel" into name (PARITY_NAME_SIZE) for a parameter of a layer; returns it. */
enum { PARITY_NAME_SIZE = PARAMETER_NAME_SIZE + 16 };
char *parity_parameter_name(const char *prefix, const struct layer *layer, int k, char *name);

/* The largest difference between the tensor and `found` (as many values), divided by the tensor's largest value. */
double parity_difference(const struct safetensors *file, const char *name, const float *found);

#endif
