/* SumPooling2D: the sum of each window, channel by channel. */
#include "layers/pooling.h"
#include "layers/window_sums.h"

static void forward(const struct layer *layer, const struct pass *pass) {
    window_sums_forward(layer, pass, false);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    window_sums_backward(layer, pass, false);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    return pooling_describe(layer, GRAPH_POOL_SUM, graph, x);
}

const struct layer_kind sum_pooling2d_layer = {
    .component = {.name = "SumPooling2D",
                  .summary = "the sum of each window",
                  .fields = pooling_fields,
                  .size = sizeof(struct pooling),
                  .own = true},
    .infer = window_sums_infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = window_sums_examples,
};
