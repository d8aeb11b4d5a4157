/* LayerNormalization (Ba, Kiros and Hinton 2016): the numbers of each image along the last axes are brought to mean 0
 * and variance 1, then scaled and shifted by learned numbers; the same in training and at inference.
 *
 * x, y (n,groups,size)  gamma, beta (size), in the shape of the axes
 * xhat = (x - mean) / sqrt(variance + epsilon)  y = gamma * xhat + beta */
#include <math.h>

#include "core/graph.h"
#include "layers/parts.h"

struct layer_normalization {
    struct layer_common common;
    struct int_list axis;
    double epsilon;
    bool center, scale;
    struct component beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
        gamma_constraint;
};

static const struct field fields[] = {
    {FIELD_AT(layer_normalization, axis), .type = FIELD_INTS, .single = true, .fallback = "-1",
     .minimum = -SHAPE_RANK_MAX, .maximum = SHAPE_RANK_MAX,
     .help = "the last axes, over which mean and variance are taken: -1, or [1, 2, 3] for whole images"},
    {FIELD_AT(layer_normalization, epsilon), .type = FIELD_NUMBER, .fallback = "0.001", .minimum = 0, .maximum = 1e300,
     .above = true, .help = "added to the variance"},
    {FIELD_AT(layer_normalization, center), .type = FIELD_BOOL, .fallback = "true", .help = "add a learned beta"},
    {FIELD_AT(layer_normalization, scale), .type = FIELD_BOOL, .fallback = "true",
     .help = "multiply by a learned gamma"},
    FIELD_INITIALIZER(layer_normalization, beta_initializer, "zeros"),
    FIELD_INITIALIZER(layer_normalization, gamma_initializer, "ones"),
    FIELD_REGULARIZER(layer_normalization, beta_regularizer),
    FIELD_REGULARIZER(layer_normalization, gamma_regularizer),
    FIELD_CONSTRAINT(layer_normalization, beta_constraint),
    FIELD_CONSTRAINT(layer_normalization, gamma_constraint),
    {0},
};

/* The shape of the axes, which must be the last ones in order. */
static int normalized_shape(const struct layer *layer, const struct place *place, struct shape *shape,
                            struct error *error) {
    const struct int_list *axes = &((const struct layer_normalization *)layer->config)->axis;
    const int rank = layer->input.rank, first = rank - axes->count; /* axis 0 is the batch */
    const struct place at_axis = place_key(place, "axis");
    bool fits = axes->count >= 1 && first >= 0;
    *shape = (struct shape){.rank = axes->count};
    for (int i = 0; i < axes->count && fits; i++) {
        const int axis = axes->values[i] < 0 ? axes->values[i] + rank + 1 : axes->values[i];
        fits = axis == first + 1 + i;
        if (fits) shape->size[i] = layer->input.size[axis - 1];
    }
    if (fits) return 0;
    return place_error(&at_axis, error, "must be the last axes of the input in order, such as -1%s",
                       rank == 3 ? " or [1, 2, 3]" : "");
}

static int declare(struct layer *layer, const char *name, const struct shape *shape,
                   const struct component *initializer, const struct component *regularizer,
                   const struct component *constraint, const struct place *place, struct error *error) {
    struct parameter *parameter = layer_declare(layer, name, *shape, initializer, place, error);
    if (!parameter) return -1;
    parameter->regularizer = *regularizer;
    parameter->constraint = *constraint;
    return 0;
}

/* What a group leaves for the backward pass. */
struct kept {
    float mean, inverse; /* inverse = 1 / sqrt(variance + epsilon) */
};

struct sizes {
    size_t groups, size;
};

static struct sizes sizes_of(const struct layer *layer) {
    const struct int_list *axes = &((const struct layer_normalization *)layer->config)->axis;
    struct sizes sizes = {1, 1};
    for (int i = 0; i < layer->input.rank; i++)
        *(i < layer->input.rank - axes->count ? &sizes.groups : &sizes.size) *= (size_t)layer->input.size[i];
    return sizes;
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct layer_normalization *config = layer->config;
    struct shape shape;
    if (normalized_shape(layer, place, &shape, error) != 0) return -1;
    if (config->scale && declare(layer, "gamma", &shape, &config->gamma_initializer, &config->gamma_regularizer,
                                 &config->gamma_constraint, place, error) != 0)
        return -1;
    if (config->center && declare(layer, "beta", &shape, &config->beta_initializer, &config->beta_regularizer,
                                  &config->beta_constraint, place, error) != 0)
        return -1;
    layer->output = layer->input;
    layer->saved_bytes = sizes_of(layer).groups * sizeof(struct kept);
    layer->multiplications = (double)elements_of(&layer->input);
    return 0;
}

/* Positions of the parameters; -1 for one that the config leaves out. */
static int gamma_of(const struct layer *layer) {
    return ((const struct layer_normalization *)layer->config)->scale ? 0 : -1;
}

static int beta_of(const struct layer *layer) {
    const struct layer_normalization *config = layer->config;
    return config->center ? config->scale : -1;
}

static const float *parameter_at(const struct pass *pass, int index) {
    return index < 0 ? NULL : pass->parameters[index];
}

static float *gradient_at(const struct pass *pass, int index) {
    return index < 0 ? NULL : wanted_gradient(pass, index);
}

static struct kept measure(const float *x, size_t size, double epsilon) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < size; i++) sum += (double)x[i];
    const double mean = sum / (double)size;
    for (size_t i = 0; i < size; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    return (struct kept){(float)mean, (float)(1 / sqrt(squares / (double)size + epsilon))};
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const double epsilon = ((const struct layer_normalization *)layer->config)->epsilon;
    const struct sizes sizes = sizes_of(layer);
    const float *gamma = parameter_at(pass, gamma_of(layer)), *beta = parameter_at(pass, beta_of(layer));
    const float *x = pass->x;
    float *y = pass->y;
    struct kept *all = pass->saved;
    for (size_t g = 0; g < (size_t)pass->images * sizes.groups; g++, x += sizes.size, y += sizes.size) {
        const struct kept kept = measure(x, sizes.size, epsilon);
        for (size_t i = 0; i < sizes.size; i++)
            y[i] = (x[i] - kept.mean) * kept.inverse * (gamma ? gamma[i] : 1) + (beta ? beta[i] : 0);
        if (all) all[g] = kept;
    }
}

/* With g = gamma * dy: dx = inverse * (g - mean(g) - xhat * mean(g * xhat)) */
static void group_backward(const struct kept *kept, size_t size, const float *gamma, const float *x, const float *dy,
                           float *dx) {
    double sum = 0, product = 0;
    for (size_t i = 0; i < size; i++) {
        const float g = dy[i] * (gamma ? gamma[i] : 1);
        sum += (double)g;
        product += (double)(g * (x[i] - kept->mean) * kept->inverse);
    }
    const float mean_g = (float)(sum / (double)size), mean_product = (float)(product / (double)size);
    for (size_t i = 0; i < size; i++) {
        const float xhat = (x[i] - kept->mean) * kept->inverse;
        dx[i] = kept->inverse * (dy[i] * (gamma ? gamma[i] : 1) - mean_g - xhat * mean_product);
    }
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const struct sizes sizes = sizes_of(layer);
    const float *gamma = parameter_at(pass, gamma_of(layer));
    float *dgamma = gradient_at(pass, gamma_of(layer)), *dbeta = gradient_at(pass, beta_of(layer));
    const struct kept *all = pass->saved;
    for (size_t g = 0; g < (size_t)pass->images * sizes.groups; g++) {
        const float *x = pass->x + g * sizes.size, *dy = pass->dy + g * sizes.size;
        for (size_t i = 0; i < sizes.size && dgamma; i++) dgamma[i] += dy[i] * (x[i] - all[g].mean) * all[g].inverse;
        for (size_t i = 0; i < sizes.size && dbeta; i++) dbeta[i] += dy[i];
        if (pass->dx) group_backward(&all[g], sizes.size, gamma, x, dy, pass->dx + g * sizes.size);
    }
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct layer_normalization *config = layer->config;
    const int axes = config->axis.count, first = layer->input.rank - axes, gamma = gamma_of(layer),
              beta = beta_of(layer);
    const int mean = graph_reduce(graph, GRAPH_REDUCE_MEAN, x, first, axes);
    const int deviation = graph_combine(graph, GRAPH_SUBTRACT, x, mean);
    const int squares = graph_combine(graph, GRAPH_MULTIPLY, deviation, deviation);
    const int variance = graph_reduce(graph, GRAPH_REDUCE_MEAN, squares, first, axes);
    const int sum = graph_combine(graph, GRAPH_ADD, variance, graph_number(graph, config->epsilon));
    int y = graph_combine(graph, GRAPH_DIVIDE, deviation, graph_apply(graph, GRAPH_SQUARE_ROOT, sum, 0));
    if (gamma >= 0) y = graph_combine(graph, GRAPH_MULTIPLY, y, graph_parameter(graph, gamma));
    return beta >= 0 ? graph_combine(graph, GRAPH_ADD, y, graph_parameter(graph, beta)) : y;
}

static const struct layer_example examples[] = {
    {"{\"gamma_initializer\": \"random_normal\"}", {3, {3, 2, 7}}},
    {"{\"axis\": [1, 2, 3], \"epsilon\": 0.1}", {3, {3, 4, 2}}},
    {"{\"axis\": [-2, -1], \"scale\": false}", {3, {2, 3, 4}}},
    {"{\"center\": false}", {1, {9}}},
    {0},
};

static const struct layer_page page = {
    .text = "Brings the numbers of each image along the last axes to mean 0 and variance 1, then scales and shifts "
            "them by learned numbers. Unlike BatchNormalization it does not look at other images: it works with "
            "batches of any size, and alike in training and at inference.\n"
            "  y = gamma * (x - mean) / sqrt(variance + epsilon) + beta\n",
    .shapes = "output as the input\n"
              "gamma, beta in the shape of the axes\n",
    .cost = "multiplications: one a number\n",
    .references = "Ba, Kiros and Hinton 2016, Layer normalization\n",
    .see_also = "BatchNormalization\n",
    .example = {"{}", {3, {32, 32, 16}}},
};

const struct layer_kind layer_normalization_layer = {
    .component = {.name = "LayerNormalization",
                  .summary = "mean 0 and variance 1 within each image",
                  .fields = fields,
                  .size = sizeof(struct layer_normalization)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .examples = examples,
    .page = &page,
};
