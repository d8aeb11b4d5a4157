/* SumPooling2D: the sum of each window, channel by channel. */
#include "layers/pooling.h"
#include "layers/window_sums.h"

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    return window_sums_infer(layer, place, error, false);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    window_sums_forward(layer, pass, false);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    window_sums_backward(layer, pass, false);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    return pooling_describe(layer, GRAPH_POOL_SUM, graph, x);
}

static const struct layer_page page = {
    .text = "Takes the sum of each window, in every channel by itself: AveragePooling2D times the number of cells. "
            "Keras has no such layer; a model with it cannot be handed on to Keras.\n",
    .shapes = "input (height, width, channels), output (out height, out width, channels)\n"
              "out = floor((in - pool_size) / strides) + 1 with padding valid: rows and columns at the end that fill "
              "no window are dropped\n"
              "out = ceil(in / strides) with padding same; cells beyond the edge do not count\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .see_also = "AveragePooling2D, MaxPooling2D\n",
    .example = {"{\"pool_size\": 2}", {3, {32, 32, 16}}},
};

const struct layer_kind sum_pooling2d_layer = {
    .component = {.name = "SumPooling2D",
                  .summary = "the sum of each window",
                  .fields = pooling_fields,
                  .size = sizeof(struct pooling),
                  .own = true},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = window_sums_examples,
    .page = &page,
};
