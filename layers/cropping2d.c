/* Cropping2D: the image without some rows and columns at its sides.
 *
 * x (n,top+h+bottom,left+w+right,c)  y (n,h,w,c) */
#include "core/graph.h"
#include "layers/frame.h"
#include "layers/parts.h"

struct cropping2d {
    struct layer_common common;
    int cropping[FRAME_SIDES];
};

static const struct field fields[] = {
    {FIELD_AT(cropping2d, cropping), .type = FIELD_SIDES, .fallback = "0", .minimum = 0, .maximum = FRAME_WIDTH_MAX,
     .help = "rows and columns left out on each side"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct cropping2d *config = layer->config;
    const int *sides = config->cropping, *input = layer->input.size;
    const struct place at_sides = place_key(place, "cropping");
    char text[SHAPE_TEXT_SIZE];
    if (layer_needs_image(layer, place, error) != 0) return -1;
    const int height = input[0] - sides[FRAME_TOP] - sides[FRAME_BOTTOM];
    const int width = input[1] - sides[FRAME_LEFT] - sides[FRAME_RIGHT];
    if (height < 1 || width < 1)
        return place_error(&at_sides, error, "((%d,%d),(%d,%d)) leaves nothing of the input %s; crop less",
                           sides[FRAME_TOP], sides[FRAME_BOTTOM], sides[FRAME_LEFT], sides[FRAME_RIGHT],
                           shape_text(&layer->input, text, sizeof text));
    return layer_set_output(layer, (struct shape){3, {height, width, input[2]}}, place, error);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct cropping2d *config = layer->config;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    for (size_t n = 0; n < (size_t)pass->images; n++)
        frame_cut(&layer->output, config->cropping, pass->x + n * input, pass->y + n * output);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const struct cropping2d *config = layer->config;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    if (!pass->dx) return;
    for (size_t n = 0; n < (size_t)pass->images; n++)
        frame_put(&layer->output, config->cropping, pass->dy + n * output, pass->dx + n * input);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    return graph_frame(graph, GRAPH_CROP, x, ((const struct cropping2d *)layer->config)->cropping);
}

static const struct layer_example examples[] = {
    {"{\"cropping\": 1}", {3, {5, 4, 2}}},
    {"{\"cropping\": [0, 2]}", {3, {2, 7, 3}}},
    {"{\"cropping\": [[0, 1], [2, 0]]}", {3, {3, 5, 3}}},
    {0},
};

static const struct layer_page page = {
    .text = "Cuts rows and columns off at the sides of the image.\n",
    .shapes = "input (height, width, channels), output (height - top - bottom, width - left - right, channels)\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .see_also = "ZeroPadding2D\n",
    .example = {"{\"cropping\": [[1, 1], [2, 2]]}", {3, {8, 8, 16}}},
};

const struct layer_kind cropping2d_layer = {
    .component = {.name = "Cropping2D",
                  .summary = "the image without rows and columns at its sides",
                  .fields = fields,
                  .size = sizeof(struct cropping2d)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
