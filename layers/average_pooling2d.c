/* AveragePooling2D: the mean of each window, channel by channel. A window that the edge cuts off has fewer cells
 * and divides by those alone. */
#include "layers/pooling.h"
#include "layers/window_sums.h"

static void forward(const struct layer *layer, const struct pass *pass) {
    window_sums_forward(layer, pass, true);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    window_sums_backward(layer, pass, true);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    return pooling_describe(layer, GRAPH_POOL_MEAN, graph, x);
}

const struct layer_kind average_pooling2d_layer = {
    .component = {.name = "AveragePooling2D",
                  .alias = "AvgPool2D",
                  .summary = "the mean of each window",
                  .fields = pooling_fields,
                  .size = sizeof(struct pooling)},
    .infer = window_sums_infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = window_sums_examples,
};
