/* Softmax: the activation softmax as a layer of its own, over the last axis. The model applies it to y, and joins it
 * with the loss where this is the last layer, as it does for Dense; here y is a copy of x. */
#include "core/activation.h"

#include "layers/parts.h"

struct softmax {
    struct layer_common common;
    int axis;
};

static const struct field fields[] = {
    {FIELD_AT(softmax, axis), .type = FIELD_INT, .fallback = "-1", .minimum = -1, .maximum = SHAPE_RANK_MAX,
     .help = "the axis that adds up to 1: -1, the last one"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const int axis = ((const struct softmax *)layer->config)->axis;
    const struct place at_axis = place_key(place, "axis");
    if (axis != -1 && axis != layer->input.rank)
        return place_error(&at_axis, error, "must be the last axis of the input, -1 or %d; got %d", layer->input.rank,
                           axis);
    layer->output = layer->input;
    layer->activation.kind = registry_find(&activation_registry, "softmax");
    return 0;
}

static const struct layer_example examples[] = {
    {"{}", {1, {7}}},
    {"{\"axis\": 3}", {3, {2, 3, 4}}},
    {0},
};

static const struct layer_page page = {
    .text = "Turns numbers into probabilities: exponentials, divided by their sum, along an axis. As the last layer it "
            "does what the activation softmax of a Dense layer does.\n"
            "  y[k] = exp(x[k]) / sum over j of exp(x[j])\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .see_also = "Dense, Activation\n",
    .example = {"{}", {1, {10}}},
};

const struct layer_kind softmax_layer = {
    .component = {.name = "Softmax",
                  .summary = "exponentials that add up to 1",
                  .fields = fields,
                  .size = sizeof(struct softmax)},
    .infer = infer,
    .forward = copy_forward,
    .backward = copy_backward,
    .describe = describe_copy,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
