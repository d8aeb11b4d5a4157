/* ReLU as a layer of its own, with what Keras lets it do besides: a ceiling, a slope below, another threshold.
 *
 * x, y (n,...)  y = min(x, max_value) where x > threshold, else negative_slope * (x - threshold)
 * A plain one is the activation relu, which the model applies to y; there y is a copy of x. */
#include <math.h>

#include "core/activation.h"
#include "core/graph.h"

#include "layers/parts.h"

struct relu {
    struct layer_common common;
    double max_value, negative_slope, threshold; /* max_value 0: none */
};

static const struct field fields[] = {
    {FIELD_AT(relu, max_value), .type = FIELD_NUMBER, .fallback = "null", .nullable = true, .minimum = 0, .above = true,
     .maximum = 1e300, .help = "the largest output; null: none"},
    {FIELD_AT(relu, negative_slope), .type = FIELD_NUMBER, .fallback = "0.0", .minimum = 0, .maximum = 1e300,
     .help = "slope below the threshold"},
    {FIELD_AT(relu, threshold), .type = FIELD_NUMBER, .fallback = "0.0", .minimum = 0, .maximum = 1e300,
     .help = "inputs above it pass as they are"},
    {0},
};

static bool is_plain(const struct relu *config) {
    return config->max_value <= 0 && config->negative_slope <= 0 && config->threshold <= 0;
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    (void)place, (void)error;
    layer->output = layer->input;
    if (is_plain(layer->config)) layer->activation.kind = registry_find(&activation_registry, "relu");
    return 0;
}

struct bounds {
    float ceiling, slope, threshold;
};

static struct bounds bounds_of(const struct relu *config) {
    return (struct bounds){config->max_value > 0 ? (float)config->max_value : INFINITY, (float)config->negative_slope,
                           (float)config->threshold};
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct bounds bounds = bounds_of(layer->config);
    const size_t count = (size_t)pass->images * elements_of(&layer->input);
    const float *x = pass->x;
    float *y = pass->y;
    if (is_plain(layer->config)) {
        copy_forward(layer, pass);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const float above = x[i] > bounds.ceiling ? bounds.ceiling : x[i];
        y[i] = x[i] > bounds.threshold ? above : bounds.slope * (x[i] - bounds.threshold);
    }
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const struct bounds bounds = bounds_of(layer->config);
    const size_t count = (size_t)pass->images * elements_of(&layer->input);
    const float *x = pass->x, *dy = pass->dy;
    float *dx = pass->dx;
    if (is_plain(layer->config)) {
        copy_backward(layer, pass);
        return;
    }
    for (size_t i = 0; i < count && dx; i++) {
        const float above = x[i] >= bounds.ceiling ? 0 : dy[i];
        dx[i] = x[i] > bounds.threshold ? above : bounds.slope * dy[i];
    }
}

/* 1 where x is above the threshold, else 0 */
static int describe_above(struct graph *graph, int difference) {
    return graph_apply(graph, GRAPH_RELU, graph_apply(graph, GRAPH_SIGN, difference, 0), 0);
}

/* min(x where x > threshold, max_value) + negative_slope * min(x - threshold, 0) */
static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct relu *config = layer->config;
    if (is_plain(config)) return x;
    int difference = x, y = GRAPH_NONE;
    if (config->threshold > 0) {
        difference = graph_combine(graph, GRAPH_SUBTRACT, x, graph_number(graph, config->threshold));
        y = graph_combine(graph, GRAPH_MULTIPLY, x, describe_above(graph, difference));
    } else {
        y = graph_apply(graph, GRAPH_RELU, x, 0);
    }
    if (config->max_value > 0) y = graph_combine(graph, GRAPH_MINIMUM, y, graph_number(graph, config->max_value));
    if (config->negative_slope <= 0) return y;
    const int below = graph_combine(graph, GRAPH_MINIMUM, difference, graph_number(graph, 0));
    const int slope = graph_number(graph, config->negative_slope);
    return graph_combine(graph, GRAPH_ADD, y, graph_combine(graph, GRAPH_MULTIPLY, below, slope));
}

static const struct layer_example examples[] = {
    {"{}", {3, {4, 3, 5}}},
    {"{\"max_value\": 0.5, \"negative_slope\": 0.25}", {1, {37}}},
    {"{\"threshold\": 0.25, \"negative_slope\": 0.1}", {3, {2, 3, 4}}},
    {0},
};

static const struct layer_page page = {
    .text = "Sets negative numbers to 0, as the activation relu does, with more to choose: a largest value, a slope "
            "below the threshold, and a threshold other than 0.\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .references = "Nair and Hinton 2010, Rectified linear units improve restricted Boltzmann machines\n",
    .see_also = "Activation, LeakyReLU, PReLU\n",
    .example = {"{\"max_value\": 6}", {3, {32, 32, 16}}},
};

const struct layer_kind relu_layer = {
    .component = {.name = "ReLU",
                  .summary = "max(x, 0), also with a ceiling or a slope below",
                  .fields = fields,
                  .size = sizeof(struct relu)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .examples = examples,
    .page = &page,
};
