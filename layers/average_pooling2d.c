/* AveragePooling2D: the mean of each window, channel by channel. A window that the edge cuts off has fewer cells
 * and divides by those alone. */
#include "layers/pooling.h"
#include "layers/window_sums.h"

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    return window_sums_infer(layer, place, error, true);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    window_sums_forward(layer, pass, true);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    window_sums_backward(layer, pass, true);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    return pooling_describe(layer, GRAPH_POOL_MEAN, graph, x);
}

static const struct layer_page page = {
    .text = "Takes the mean of each window, in every channel by itself: how strong a pattern is on the whole. It is "
            "smoother than MaxPooling2D and hands its gradient to all cells of the window alike. With padding same the "
            "mean is over the cells inside the image.\n",
    .shapes = "input (height, width, channels), output (out height, out width, channels)\n"
              "out = floor((in - pool_size) / strides) + 1 with padding valid: rows and columns at the end that fill "
              "no window are dropped\n"
              "out = ceil(in / strides) with padding same; cells beyond the edge do not count\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .references = "LeCun et al. 1998, Gradient-based learning applied to document recognition\n",
    .see_also = "MaxPooling2D, SumPooling2D, GlobalAveragePooling2D\n",
    .example = {"{\"pool_size\": 2}", {3, {32, 32, 16}}},
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
    .describe = describe,
    .forgets_x = true,
    .examples = window_sums_examples,
    .page = &page,
};
