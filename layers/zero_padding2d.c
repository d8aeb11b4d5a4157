/* ZeroPadding2D: zero rows and columns around the image.
 *
 * x (n,h,w,c)  y (n,top+h+bottom,left+w+right,c) */
#include "core/graph.h"
#include "layers/frame.h"
#include "layers/parts.h"

struct zero_padding2d {
    struct layer_common common;
    int padding[FRAME_SIDES];
};

static const struct field fields[] = {
    {FIELD_AT(zero_padding2d, padding), .type = FIELD_SIDES, .fallback = "1", .minimum = 0, .maximum = FRAME_WIDTH_MAX,
     .help = "zero rows and columns on each side"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct zero_padding2d *config = layer->config;
    const int *sides = config->padding, *input = layer->input.size;
    if (layer_needs_image(layer, place, error) != 0) return -1;
    const int high = sides[FRAME_TOP] + sides[FRAME_BOTTOM], wide = sides[FRAME_LEFT] + sides[FRAME_RIGHT];
    const struct place at_sides = place_key(place, "padding");
    if (input[0] > INT_MAX - high || input[1] > INT_MAX - wide)
        return place_error(&at_sides, error, "makes the image larger than %d numbers; use a smaller one", INT_MAX);
    return layer_set_output(layer, (struct shape){3, {input[0] + high, input[1] + wide, input[2]}}, place, error);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct zero_padding2d *config = layer->config;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    for (size_t n = 0; n < (size_t)pass->images; n++)
        frame_put(&layer->input, config->padding, pass->x + n * input, pass->y + n * output);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const struct zero_padding2d *config = layer->config;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    if (!pass->dx) return;
    for (size_t n = 0; n < (size_t)pass->images; n++)
        frame_cut(&layer->input, config->padding, pass->dy + n * output, pass->dx + n * input);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    return graph_frame(graph, GRAPH_PAD_ZEROS, x, ((const struct zero_padding2d *)layer->config)->padding);
}

static const struct layer_example examples[] = {
    {"{}", {3, {3, 4, 2}}},
    {"{\"padding\": [2, 0]}", {3, {2, 3, 5}}},
    {"{\"padding\": [[0, 1], [3, 2]]}", {3, {3, 1, 3}}},
    {0},
};

static const struct layer_page page = {
    .text = "Puts rows and columns of zeros around the image, on each side as many as wanted. Convolutions do so by "
            "themselves with padding same; this is for borders of other widths.\n",
    .shapes = "input (height, width, channels), output (top + height + bottom, left + width + right, channels)\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .see_also = "Cropping2D, Conv2D\n",
    .example = {"{\"padding\": 1}", {3, {8, 8, 16}}},
};

const struct layer_kind zero_padding2d_layer = {
    .component = {.name = "ZeroPadding2D",
                  .summary = "zero rows and columns around the image",
                  .fields = fields,
                  .size = sizeof(struct zero_padding2d)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
