/* GlobalAveragePooling2D: the mean of each channel; every pixel gets its share of the gradient.
 *
 * x (n,h,w,c)  y (n,c) */
#include <string.h>

#include "layers/global_pooling.h"
#include "layers/parts.h"

static void forward(const struct layer *layer, const struct pass *pass) {
    const int channels = layer->input.size[2], pixels = layer->input.size[0] * layer->input.size[1];
    const size_t input = elements_of(&layer->input);
    const float share = 1 / (float)pixels;
    memset(pass->y, 0, (size_t)pass->images * (size_t)channels * sizeof *pass->y);
    for (int n = 0; n < pass->images; n++) {
        float *y = pass->y + (ptrdiff_t)n * channels;
        pass->kernels->column_sums(pixels, channels, pass->x + (size_t)n * input, y);
        for (int v = 0; v < channels; v++) y[v] *= share;
    }
}

/* All pixels of dx (pixels,c) become the first one: copies of all that is there, each as long as that. */
static void repeat_first_pixel(size_t pixels, size_t channels, float *dx) {
    for (size_t done = 1; done < pixels; done *= 2) {
        const size_t more = pixels - done < done ? pixels - done : done;
        memcpy(dx + done * channels, dx, more * channels * sizeof *dx);
    }
}

static void backward(const struct layer *layer, const struct pass *pass) {
    if (!pass->dx) return;
    const size_t channels = (size_t)layer->input.size[2], input = elements_of(&layer->input);
    const size_t pixels = input / channels;
    const float share = 1 / (float)pixels;
    for (int n = 0; n < pass->images; n++) {
        const float *dy = pass->dy + (size_t)n * channels;
        float *dx = pass->dx + (size_t)n * input;
        for (size_t v = 0; v < channels; v++) dx[v] = dy[v] * share;
        repeat_first_pixel(pixels, channels, dx);
    }
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    return global_pooling_describe(layer, GRAPH_REDUCE_MEAN, graph, x);
}

static const struct layer_example examples[] = {
    {"{}", {3, {4, 5, 3}}},
    {"{\"keepdims\": true}", {3, {3, 3, 17}}},
    {0},
};

static const struct layer_page page = {
    .text = "Takes the mean of each channel over the whole image: a summary of each feature that replaces Flatten and "
            "a large Dense layer with far fewer weights, and so learns less by heart.\n",
    .shapes = "input (height, width, channels), output (channels), or (1, 1, channels) with keepdims\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .references = "Lin, Chen and Yan 2014, Network in network\n",
    .see_also = "GlobalMaxPooling2D, Flatten\n",
    .example = {"{}", {3, {8, 8, 64}}},
};

const struct layer_kind global_average_pooling2d_layer = {
    .component = {.name = "GlobalAveragePooling2D",
                  .alias = "GlobalAvgPool2D",
                  .summary = "the mean of each channel",
                  .fields = global_pooling_fields,
                  .size = sizeof(struct global_pooling)},
    .infer = global_pooling_infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
