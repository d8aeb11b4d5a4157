/* GlobalMaxPooling2D: the largest value of each channel; its gradient goes to that pixel alone, the first of equals.
 *
 * x (n,h,w,c)  y (n,c)  saved (n,c) uint32: the pixel of each channel's maximum */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "layers/global_pooling.h"
#include "layers/parts.h"

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    if (global_pooling_infer(layer, place, error) != 0) return -1;
    layer->saved_bytes = (size_t)layer->input.size[2] * sizeof(uint32_t);
    return 0;
}

/* One image. A NaN wins, so that it is not lost on the way; where may be NULL. */
static void largest(const float *x, size_t pixels, size_t channels, float *y, uint32_t *where) {
    memcpy(y, x, channels * sizeof *y);
    if (where) memset(where, 0, channels * sizeof *where);
    for (size_t pixel = 1; pixel < pixels; pixel++) {
        x += channels;
        for (size_t v = 0; v < channels; v++) {
            if (!(x[v] > y[v] || (isnan(x[v]) && !isnan(y[v])))) continue;
            y[v] = x[v];
            if (where) where[v] = (uint32_t)pixel;
        }
    }
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const size_t channels = (size_t)layer->input.size[2], input = elements_of(&layer->input);
    for (int n = 0; n < pass->images; n++)
        largest(pass->x + (size_t)n * input, input / channels, channels, pass->y + (size_t)n * channels,
                saved_of(layer, pass, n));
}

static void backward(const struct layer *layer, const struct pass *pass) {
    if (!pass->dx) return;
    const size_t channels = (size_t)layer->input.size[2], input = elements_of(&layer->input);
    memset(pass->dx, 0, (size_t)pass->images * input * sizeof *pass->dx);
    for (int n = 0; n < pass->images; n++) {
        const float *dy = pass->dy + (size_t)n * channels;
        float *dx = pass->dx + (size_t)n * input;
        const uint32_t *where = saved_of(layer, pass, n);
        for (size_t v = 0; v < channels; v++) dx[where[v] * channels + v] = dy[v];
    }
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    return global_pooling_describe(layer, GRAPH_REDUCE_MAXIMUM, graph, x);
}

static const struct layer_example examples[] = {
    {"{}", {3, {4, 5, 3}}},
    {"{\"keepdims\": true}", {3, {3, 3, 17}}},
    {0},
};

static const struct layer_page page = {
    .text = "Keeps the largest value of each channel over the whole image. What is left does not depend on the size of "
            "the image, and a Dense layer behind it needs few weights.\n",
    .shapes = "input (height, width, channels), output (channels), or (1, 1, channels) with keepdims\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .references = "Lin, Chen and Yan 2014, Network in network\n",
    .see_also = "GlobalAveragePooling2D, Flatten\n",
    .example = {"{}", {3, {8, 8, 64}}},
};

const struct layer_kind global_max_pooling2d_layer = {
    .component = {.name = "GlobalMaxPooling2D",
                  .alias = "GlobalMaxPool2D",
                  .summary = "the largest value of each channel",
                  .fields = global_pooling_fields,
                  .size = sizeof(struct global_pooling)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .examples = examples,
    .page = &page,
};
