#include "tests/support/parity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/expect.h"

const char *const parity_names[PARITY_CASES] = {
    "conv_avg_sgd",
    "conv_max_momentum",
    "dw_avg_nesterov",
    "dw_max_adam",
    "sep_avg_rmsprop",
    "sep_max_adamw",
    "conv_strides_valid",
    "conv_strides_same",
    "conv_even_kernels",
    "conv_wide_kernels",
    "conv_dilation",
    "conv_groups",
    "depthwise_multipliers",
    "separable_strides",
    "max_pool_overlap",
    "average_pool_overlap",
    "pool_rectangles",
    "global_average",
    "global_max",
    "batch_normalization",
    "activations",
    "regularizers",
    "label_smoothing",
    "warm_up_cosine",
    "partial_batch",
    "batch_of_one",
    "large_batch",
    "conv_transposed",
    "conv_circular",
    "conv_deformable",
    "constraints",
    "activity_regularizers",
    "residual",
    "residual_nested",
    "residual_normalization",
};

void parity_read(const char *name, struct safetensors *file) {
    char path[256];
    struct error error = {0};
    snprintf(path, sizeof path, "tests/golden/training/%s.safetensors", name);
    safetensors_read(path, file, &error);
    expect_no_error(&error);
}

const struct safetensors_tensor *parity_tensor(const struct safetensors *file, const char *name) {
    const struct safetensors_tensor *tensor = safetensors_find(file, name);
    if (!tensor) fail_msg("%s lacks %s", file->path, name);
    return tensor;
}

float *parity_floats(const struct safetensors *file, const char *name) {
    const struct safetensors_tensor *tensor = parity_tensor(file, name);
    struct error error = {0};
    float *values = memory_allocate(tensor->elements, sizeof *values, "a tensor", &error);
    expect_no_error(&error);
    safetensors_floats(tensor, values);
    return values;
}

char *parity_parameter_name(const char *prefix, const struct layer *layer, int k, char *name) {
    char parameter[PARAMETER_NAME_SIZE];
    model_parameter_name(layer, k, parameter, sizeof parameter);
    snprintf(name, PARITY_NAME_SIZE, "%s/%s", prefix, parameter);
    return name;
}

double parity_difference(const struct safetensors *file, const char *name, const float *found) {
    double difference = 0, largest = 1e-30;
    float *expected = parity_floats(file, name);
    for (size_t i = 0; i < parity_tensor(file, name)->elements; i++) {
        double distance = fabs((double)found[i] - (double)expected[i]);
        difference = distance <= difference ? difference : distance; /* not finite is largest */
        largest = fmax(largest, fabs((double)expected[i]));
    }
    free(expected);
    return difference / largest;
}
