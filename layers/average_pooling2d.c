/* AveragePooling2D: the mean of each window, channel by channel; a window cut off by the edge divides by the cells it
 * has. The gradient is shared out evenly among them.
 *
 * x (n,h,w,c)  y (n,oh,ow,c) */
#include <string.h>

#include "layers/parts.h"
#include "layers/pooling.h"

static void forward(const struct layer *layer, const struct pass *pass) {
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    for (int n = 0; n < pass->images; n++) {
        const float *x = pass->x + (size_t)n * input;
        float *y = pass->y + (size_t)n * output;
        for (struct pooling_walk walk = pooling_start(layer, pass->scratch); pooling_next(&walk);)
            pass->kernels->sum_forward(&walk.window, x + walk.input, 1 / (float)walk.window.taps, y + walk.output);
    }
}

static void backward(const struct layer *layer, const struct pass *pass) {
    if (!pass->dx) return;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    memset(pass->dx, 0, (size_t)pass->images * input * sizeof *pass->dx);
    for (int n = 0; n < pass->images; n++) {
        const float *dy = pass->dy + (size_t)n * output;
        float *dx = pass->dx + (size_t)n * input;
        for (struct pooling_walk walk = pooling_start(layer, pass->scratch); pooling_next(&walk);)
            pass->kernels->sum_backward(&walk.window, dy + walk.output, 1 / (float)walk.window.taps, dx + walk.input);
    }
}

static const struct layer_example examples[] = {
    {"{}", {3, {4, 6, 3}}},
    {"{\"pool_size\": [2, 3]}", {3, {5, 8, 2}}},
    {"{\"pool_size\": 3, \"strides\": 2}", {3, {9, 7, 2}}},
    {"{\"pool_size\": 3, \"strides\": [2, 1], \"padding\": \"same\"}", {3, {6, 5, 17}}},
    {"{\"pool_size\": [4, 7], \"strides\": 2, \"padding\": \"same\"}", {3, {3, 5, 2}}},
    {0},
};

const struct layer_kind average_pooling2d_layer = {
    .component = {.name = "AveragePooling2D",
                  .alias = "AvgPool2D",
                  .summary = "the mean of each window",
                  .fields = pooling_fields,
                  .size = sizeof(struct pooling)},
    .infer = pooling_infer,
    .forward = forward,
    .backward = backward,
    .examples = examples,
};
