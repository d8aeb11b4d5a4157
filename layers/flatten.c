/* Flatten: (h,w,c) read as h*w*c numbers in a row; nothing moves in memory. */
#include "layers/parts.h"

struct flatten {
    struct layer_common common;
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    (void)place, (void)error;
    layer->output = (struct shape){1, {(int)elements_of(&layer->input)}};
    return 0;
}

static const struct layer_example examples[] = {
    {"{}", {3, {3, 4, 2}}},
    {"{}", {1, {5}}},
    {0},
};

static const struct layer_page page = {
    .text = "Lists the numbers of an image in one row, as Dense layers want them: channels together, then columns, "
            "then rows. Nothing is computed or copied.\n",
    .shapes = "input (height, width, channels), output (height * width * channels)\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .see_also = "Reshape, GlobalAveragePooling2D, Dense\n",
    .example = {"{}", {3, {8, 8, 16}}},
};

const struct layer_kind flatten_layer = {
    .component = {.name = "Flatten", .summary = "an image as a flat list", .size = sizeof(struct flatten)},
    .is_view = true,
    .infer = infer,
    .examples = examples,
    .page = &page,
};
