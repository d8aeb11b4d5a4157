/* Rescaling: y = x * scale + offset, as a part of the network, so that an exported model takes raw pixels. */
#include "core/graph.h"
#include "layers/parts.h"

struct rescaling {
    struct layer_common common;
    double scale, offset;
};

static const struct field fields[] = {
    {FIELD_AT(rescaling, scale), .type = FIELD_NUMBER, .minimum = -1e300, .maximum = 1e300,
     .help = "every number is multiplied by it"},
    {FIELD_AT(rescaling, offset), .type = FIELD_NUMBER, .fallback = "0.0", .minimum = -1e300, .maximum = 1e300,
     .help = "then this is added"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    (void)place, (void)error;
    layer->output = layer->input;
    layer->multiplications = (double)elements_of(&layer->input);
    return 0;
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct rescaling *config = layer->config;
    const float scale = (float)config->scale, offset = (float)config->offset;
    const size_t count = (size_t)pass->images * elements_of(&layer->input);
    for (size_t i = 0; i < count; i++) pass->y[i] = pass->x[i] * scale + offset;
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const float scale = (float)((const struct rescaling *)layer->config)->scale;
    const size_t count = (size_t)pass->images * elements_of(&layer->input);
    if (!pass->dx) return;
    for (size_t i = 0; i < count; i++) pass->dx[i] = pass->dy[i] * scale;
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct rescaling *config = layer->config;
    const int scaled = graph_combine(graph, GRAPH_MULTIPLY, x, graph_number(graph, config->scale));
    return graph_combine(graph, GRAPH_ADD, scaled, graph_number(graph, config->offset));
}

static const struct layer_example examples[] = {
    {"{\"scale\": 0.25}", {1, {7}}},
    {"{\"scale\": -2, \"offset\": 0.5}", {3, {2, 3, 4}}},
    {0},
};

static const struct layer_page page = {
    .text = "Multiplies every number by scale and adds offset, for models that bring their preprocessing along.\n"
            "  y = scale * x + offset\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .cost = "multiplications: one a number\n",
    .see_also = "BatchNormalization\n",
    .example = {"{\"scale\": 0.00392156862745098}", {3, {32, 32, 3}}},
};

const struct layer_kind rescaling_layer = {
    .component = {.name = "Rescaling",
                  .summary = "every number times a scale plus an offset",
                  .fields = fields,
                  .size = sizeof(struct rescaling)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
