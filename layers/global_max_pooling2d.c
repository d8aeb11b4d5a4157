/* GlobalMaxPooling2D: the largest value of each channel; its gradient goes to that pixel alone, the first of equals.
 *
 * x (n,h,w,c)  y (n,c)  saved (n,c) uint32: the pixel of each channel's maximum */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "layers/global_pooling.h"
#include "layers/parts.h"

enum { SLACK = 16 }; /* floats that kernels may read past a row */

/* An image's largest numbers by rows: of each row of pixels, and of those; the first of equals each time. */
struct work {
    float *largest;         /* (h,c) */
    uint16_t *column, *row; /* (h,c), (c): where */
    ptrdiff_t *offsets;     /* of the pixels of a row, and of the rows of `largest` */
};

static struct work take(const struct layer *layer, struct pieces *pieces) {
    const int *size = layer->input.size;
    const size_t channels = (size_t)size[2], rows = (size_t)size[0] * channels;
    return (struct work){
        .largest = pieces_take(pieces, rows + SLACK, sizeof(float)),
        .column = pieces_take(pieces, rows, sizeof(uint16_t)),
        .row = pieces_take(pieces, channels, sizeof(uint16_t)),
        .offsets = pieces_take(pieces, (size_t)larger(size[0], size[1]), sizeof(ptrdiff_t)),
    };
}

/* Whether the kernels' places, of 16 bits, can tell its rows and columns. */
static bool fits(const struct layer *layer) {
    return layer->input.size[0] < KERNELS_NO_CELL && layer->input.size[1] < KERNELS_NO_CELL;
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    if (global_pooling_infer(layer, place, error) != 0) return -1;
    struct pieces pieces = {0};
    if (fits(layer)) take(layer, &pieces);
    layer->scratch_bytes = pieces.used;
    layer->saved_bytes = (size_t)layer->input.size[2] * sizeof(uint32_t);
    return 0;
}

/* One image, pixel by pixel. A NaN wins, so that it is not lost on the way; where may be NULL. */
static void largest_pixel(const float *x, size_t pixels, size_t channels, float *y, uint32_t *where) {
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

/* The same by rows. */
static void largest_row(const struct layer *layer, const struct kernels *kernels, const struct work *work,
                        const float *x, float *y, uint32_t *where) {
    const int height = layer->input.size[0], width = layer->input.size[1], channels = layer->input.size[2];
    struct window window = {.rows = height,
                            .pixels = 1,
                            .channels = channels,
                            .taps = width,
                            .offsets = work->offsets,
                            .row_step = (ptrdiff_t)width * channels};
    kernels->max_forward(&window, x, false, work->largest, work->column);
    window.rows = 1;
    window.taps = height;
    kernels->max_forward(&window, work->largest, false, y, work->row);
    for (int v = 0; v < channels && where; v++)
        where[v] = (uint32_t)work->row[v] * (uint32_t)width + work->column[(ptrdiff_t)work->row[v] * channels + v];
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const int *size = layer->input.size;
    const size_t channels = (size_t)size[2], input = elements_of(&layer->input);
    const bool by_rows = fits(layer);
    struct work work = {0};
    if (by_rows) work = take(layer, &(struct pieces){.memory = pass->scratch});
    for (int t = 0; t < larger(size[0], size[1]) && by_rows; t++) work.offsets[t] = (ptrdiff_t)t * size[2];
    for (int n = 0; n < pass->images; n++) {
        const float *x = pass->x + (size_t)n * input;
        float *y = pass->y + (size_t)n * channels;
        if (by_rows)
            largest_row(layer, pass->kernels, &work, x, y, saved_of(layer, pass, n));
        else
            largest_pixel(x, input / channels, channels, y, saved_of(layer, pass, n));
    }
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
