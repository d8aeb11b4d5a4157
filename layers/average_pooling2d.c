/* AveragePooling2D: the mean of each window, channel by channel; a window cut off by the edge divides by the cells it
 * has. The gradient is shared out evenly among them.
 *
 * x (n,h,w,c)  y (n,oh,ow,c)  saved (n,oh,ow,c) uint16, with a ReLU in front: which cells of a window were above 0 */
#include <string.h>

#include "layers/parts.h"
#include "layers/pooling.h"

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    if (pooling_infer(layer, place, error) != 0) return -1;
    const struct pooling *config = layer->config;
    layer->takes_relu =
        pooling_is_apart(layer) && (double)config->pool_size[0] * config->pool_size[1] <= KERNELS_POSITIVE_TAPS;
    if (layer->takes_relu) layer->saved_bytes = elements_of(&layer->output) * sizeof(uint16_t);
    return 0;
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    for (int n = 0; n < pass->images; n++) {
        const float *x = pass->x + (size_t)n * input;
        float *y = pass->y + (size_t)n * output;
        uint16_t *positive = pass->relu ? saved_of(layer, pass, n) : NULL;
        for (struct pooling_walk walk = pooling_start(layer, pass->scratch); pooling_next(&walk);)
            pass->kernels->sum_forward(&walk.window, x + walk.input, 1 / (float)walk.window.taps, pass->relu,
                                       y + walk.output, positive ? positive + walk.output : NULL);
    }
}

static void backward(const struct layer *layer, const struct pass *pass) {
    if (!pass->dx) return;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    if (!pooling_tiles(layer)) memset(pass->dx, 0, (size_t)pass->images * input * sizeof *pass->dx);
    for (int n = 0; n < pass->images; n++) {
        const float *dy = pass->dy + (size_t)n * output;
        float *dx = pass->dx + (size_t)n * input;
        const uint16_t *positive = pass->relu ? saved_of(layer, pass, n) : NULL;
        for (struct pooling_walk walk = pooling_start(layer, pass->scratch); pooling_next(&walk);)
            pass->kernels->sum_backward(&walk.window, dy + walk.output, 1 / (float)walk.window.taps,
                                        positive ? positive + walk.output : NULL, dx + walk.input);
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
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .forgets_x = true,
    .examples = examples,
};
