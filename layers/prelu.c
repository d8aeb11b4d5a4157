/* PReLU: a ReLU that learns its slope below zero (He et al. 2015).
 *
 * x, y (n,...)  alpha (...) with 1 for each shared axis  y = max(x, 0) + alpha * min(x, 0)
 * Shared axes come first, so the alphas repeat along x. */
#include "core/graph.h"
#include "layers/parts.h"

struct prelu {
    struct layer_common common;
    struct component alpha_initializer, alpha_regularizer, alpha_constraint;
    struct int_list shared_axes;
};

static const struct field fields[] = {
    FIELD_INITIALIZER(prelu, alpha_initializer, "zeros"),
    FIELD_REGULARIZER(prelu, alpha_regularizer),
    FIELD_CONSTRAINT(prelu, alpha_constraint),
    {FIELD_AT(prelu, shared_axes), .type = FIELD_INTS, .single = true, .fallback = "null", .nullable = true,
     .minimum = 1, .maximum = SHAPE_RANK_MAX,
     .help = "axes along which all cells share a slope: [1, 2] for one slope a channel"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct prelu *config = layer->config;
    const struct place axes = place_key(place, "shared_axes");
    struct shape shape = layer->input;
    for (int i = 0; i < config->shared_axes.count; i++) {
        if (config->shared_axes.values[i] != i + 1 || i + 1 > shape.rank)
            return place_error(&axes, error, "must be the first axes of the input in order, such as [1, 2]");
        shape.size[i] = 1;
    }
    struct parameter *alpha = layer_declare(layer, "alpha", shape, &config->alpha_initializer, place, error);
    if (!alpha) return -1;
    alpha->regularizer = config->alpha_regularizer;
    alpha->constraint = config->alpha_constraint;
    layer->output = layer->input;
    layer->multiplications = (double)elements_of(&layer->input);
    return 0;
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const float *alpha = pass->parameters[0], *x = pass->x;
    const size_t slopes = elements_of(&layer->parameters[0].shape);
    const size_t rows = (size_t)pass->images * elements_of(&layer->input) / slopes;
    float *y = pass->y;
    for (size_t row = 0; row < rows; row++, x += slopes, y += slopes)
        for (size_t i = 0; i < slopes; i++) y[i] = x[i] > 0 ? x[i] : alpha[i] * x[i];
}

/* dx = dy where x > 0, else alpha * dy; dalpha = sum of x * dy over the cells where x is not above 0 */
static void backward(const struct layer *layer, const struct pass *pass) {
    const float *alpha = pass->parameters[0], *x = pass->x, *dy = pass->dy;
    float *gradient = wanted_gradient(pass, 0);
    const size_t slopes = elements_of(&layer->parameters[0].shape);
    const size_t rows = (size_t)pass->images * elements_of(&layer->input) / slopes;
    for (size_t row = 0; row < rows; row++, x += slopes, dy += slopes) {
        for (size_t i = 0; i < slopes && gradient; i++) gradient[i] += x[i] > 0 ? 0 : x[i] * dy[i];
        for (size_t i = 0; i < slopes && pass->dx; i++)
            pass->dx[row * slopes + i] = x[i] > 0 ? dy[i] : alpha[i] * dy[i];
    }
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    (void)layer;
    const int positive = graph_apply(graph, GRAPH_RELU, x, 0);
    const int negative = graph_combine(graph, GRAPH_MINIMUM, x, graph_number(graph, 0));
    const int scaled = graph_combine(graph, GRAPH_MULTIPLY, negative, graph_parameter(graph, 0));
    return graph_combine(graph, GRAPH_ADD, positive, scaled);
}

static const struct layer_example examples[] = {
    {"{\"alpha_initializer\": {\"type\": \"Constant\", \"value\": 0.3}}", {1, {7}}},
    {"{\"alpha_initializer\": \"glorot_uniform\", \"shared_axes\": [1, 2]}", {3, {4, 5, 3}}},
    {0},
};

static const struct layer_page page = {
    .text = "A ReLU that learns its slope below zero, for every number of the image or, by shared_axes, one for all "
            "places of a channel.\n"
            "  y = x where x is 0 or more, else alpha * x\n",
    .shapes = "output as the input\n"
              "alpha in the shape of the input, with 1 along shared axes\n",
    .cost = "multiplications: one a number\n",
    .references = "He et al. 2015, Delving deep into rectifiers\n",
    .see_also = "LeakyReLU, ReLU, ELU\n",
    .example = {"{\"shared_axes\": [1, 2]}", {3, {32, 32, 16}}},
};

const struct layer_kind prelu_layer = {
    .component = {.name = "PReLU",
                  .summary = "a ReLU that learns its slope below zero",
                  .fields = fields,
                  .size = sizeof(struct prelu)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .examples = examples,
    .page = &page,
};
