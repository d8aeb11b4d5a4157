#include "layers/window_sums.h"

#include <string.h>

#include "layers/parts.h"
#include "layers/pooling.h"

int window_sums_infer(struct layer *layer, const struct place *place, struct error *error, bool mean) {
    if (pooling_infer(layer, place, error) != 0) return -1;
    const struct pooling *config = layer->config;
    layer->takes_relu =
        pooling_is_apart(layer) && (double)config->pool_size[0] * config->pool_size[1] <= KERNELS_POSITIVE_TAPS;
    if (layer->takes_relu) layer->saved_bytes = elements_of(&layer->output) * sizeof(uint16_t);
    if (pooling_is_of_four(layer)) layer->pool = (struct pool){.scale = mean ? 0.25f : 1};
    return 0;
}

/* A window at the edge has fewer cells, and only those count. */
static float factor_of(const struct pooling_walk *walk, bool mean) {
    return mean ? 1 / (float)walk->window.taps : 1;
}

void window_sums_forward(const struct layer *layer, const struct pass *pass, bool mean) {
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    for (int n = 0; n < pass->images; n++) {
        const float *x = pass->x + (size_t)n * input;
        float *y = pass->y + (size_t)n * output;
        uint16_t *positive = pass->relu ? saved_of(layer, pass, n) : NULL;
        for (struct pooling_walk walk = pooling_start(layer, pass->scratch); pooling_next(&walk);)
            pass->kernels->sum_forward(&walk.window, x + walk.input, factor_of(&walk, mean), pass->relu,
                                       y + walk.output, positive ? positive + walk.output : NULL);
    }
}

void window_sums_backward(const struct layer *layer, const struct pass *pass, bool mean) {
    if (!pass->dx) return;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    if (!pooling_tiles(layer)) memset(pass->dx, 0, (size_t)pass->images * input * sizeof *pass->dx);
    for (int n = 0; n < pass->images; n++) {
        const float *dy = pass->dy + (size_t)n * output;
        float *dx = pass->dx + (size_t)n * input;
        const uint16_t *positive = pass->relu ? saved_of(layer, pass, n) : NULL;
        for (struct pooling_walk walk = pooling_start(layer, pass->scratch); pooling_next(&walk);)
            pass->kernels->sum_backward(&walk.window, dy + walk.output, factor_of(&walk, mean),
                                        positive ? positive + walk.output : NULL, dx + walk.input);
    }
}

const struct layer_example window_sums_examples[] = {
    {"{}", {3, {4, 6, 3}}},
    {"{\"pool_size\": [2, 3]}", {3, {5, 8, 2}}},
    {"{\"pool_size\": 3, \"strides\": 2}", {3, {9, 7, 2}}},
    {"{\"pool_size\": 3, \"strides\": [2, 1], \"padding\": \"same\"}", {3, {6, 5, 17}}},
    {"{\"pool_size\": [4, 7], \"strides\": 2, \"padding\": \"same\"}", {3, {3, 5, 2}}},
    {0},
};
