/* MaxPooling2D: the largest of each window, channel by channel. Its gradient goes to that cell alone; of equal cells
 * the first one counts.
 *
 * x (n,h,w,c)  y (n,oh,ow,c)  saved (n,oh,ow,c) uint16: which cell of its window was the largest
 *
 * The largest of relu(x) is relu of the largest x, so a ReLU in front is applied to the windows' results. */
#include <string.h>

#include "layers/parts.h"
#include "layers/pooling.h"

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    if (pooling_infer(layer, place, error) != 0) return -1;
    layer->saved_bytes = elements_of(&layer->output) * sizeof(uint16_t);
    layer->takes_relu = true;
    if (pooling_is_of_four(layer)) layer->pool = (struct pool){.largest = true, .scale = 1};
    return 0;
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    for (int n = 0; n < pass->images; n++) {
        const float *x = pass->x + (size_t)n * input;
        float *y = pass->y + (size_t)n * output;
        uint16_t *cell = saved_of(layer, pass, n);
        for (struct pooling_walk walk = pooling_start(layer, pass->scratch); pooling_next(&walk);)
            pass->kernels->max_forward(&walk.window, x + walk.input, pass->relu, y + walk.output,
                                       cell ? cell + walk.output : NULL);
    }
}

static void backward(const struct layer *layer, const struct pass *pass) {
    if (!pass->dx) return;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    if (!pooling_tiles(layer)) memset(pass->dx, 0, (size_t)pass->images * input * sizeof *pass->dx);
    for (int n = 0; n < pass->images; n++) {
        const float *dy = pass->dy + (size_t)n * output;
        float *dx = pass->dx + (size_t)n * input;
        const uint16_t *cell = saved_of(layer, pass, n);
        for (struct pooling_walk walk = pooling_start(layer, pass->scratch); pooling_next(&walk);)
            pass->kernels->max_backward(&walk.window, dy + walk.output, cell + walk.output, dx + walk.input);
    }
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    return pooling_describe(layer, GRAPH_POOL_MAXIMUM, graph, x);
}

static const struct layer_example examples[] = {
    {"{}", {3, {6, 4, 3}}},
    {"{\"pool_size\": [3, 2]}", {3, {7, 7, 2}}},
    {"{\"pool_size\": 3, \"strides\": 2}", {3, {7, 9, 2}}},
    {"{\"pool_size\": 3, \"strides\": [1, 2], \"padding\": \"same\"}", {3, {5, 6, 17}}},
    {"{\"pool_size\": [4, 7], \"strides\": 2, \"padding\": \"same\"}", {3, {3, 5, 2}}},
    {0},
};

static const struct layer_page page = {
    .text = "Keeps the largest value of each window, in every channel by itself: whether a pattern is there, without "
            "telling exactly where. Height and width are divided by strides, and so is the work of all layers behind "
            "it. In training the gradient goes to the cell that was largest, the first one of several.\n",
    .shapes = "input (height, width, channels), output (out height, out width, channels)\n"
              "out = floor((in - pool_size) / strides) + 1 with padding valid: rows and columns at the end that fill "
              "no window are dropped\n"
              "out = ceil(in / strides) with padding same; cells beyond the edge do not count\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .references = "Scherer, Muller and Behnke 2010, Evaluation of pooling operations in convolutional architectures "
                  "for object recognition\n",
    .see_also = "AveragePooling2D, SumPooling2D, GlobalMaxPooling2D, Conv2D with strides\n",
    .example = {"{\"pool_size\": 2}", {3, {32, 32, 16}}},
};

const struct layer_kind max_pooling2d_layer = {
    .component = {.name = "MaxPooling2D",
                  .alias = "MaxPool2D",
                  .summary = "the largest value of each window",
                  .fields = pooling_fields,
                  .size = sizeof(struct pooling)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
