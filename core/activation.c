#include "core/activation.h"

#include <math.h>

#include "core/graph.h"

/* Each pair works in place on y (rows, columns); unless a comment says otherwise `kept` is the value after the
 * activation, from which its slope follows. */

static void linear_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels, (void)config, (void)rows, (void)columns, (void)y;
}

static void linear_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                            const float *kept, float *dy) {
    (void)kernels, (void)config, (void)rows, (void)columns, (void)kept, (void)dy;
}

static int describe_linear(const void *config, struct graph *graph, int x) {
    (void)config, (void)graph;
    return x;
}

static void relu_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)config;
    kernels->relu_forward(rows * columns, y);
}

static void relu_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                          const float *kept, float *dy) {
    (void)config;
    kernels->relu_backward(rows * columns, kept, dy);
}

static int describe_relu(const void *config, struct graph *graph, int x) {
    (void)config;
    return graph_apply(graph, GRAPH_RELU, x, 0);
}

static const struct field leaky_relu_fields[] = {
    {.key = "negative_slope",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct leaky_relu, negative_slope),
     .fallback = "0.2",
     .minimum = 0,
     .maximum = 1e300,
     .help = "slope below zero"},
    {0},
};

static void leaky_relu_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                               float *y) {
    (void)kernels;
    const float slope = (float)((const struct leaky_relu *)config)->negative_slope;
    for (size_t i = 0; i < rows * columns; i++) y[i] = y[i] > 0 ? y[i] : slope * y[i];
}

static void leaky_relu_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                                const float *kept, float *dy) {
    (void)kernels;
    const float slope = (float)((const struct leaky_relu *)config)->negative_slope;
    for (size_t i = 0; i < rows * columns; i++) dy[i] = kept[i] > 0 ? dy[i] : slope * dy[i];
}

static int describe_leaky_relu(const void *config, struct graph *graph, int x) {
    return graph_apply(graph, GRAPH_LEAKY_RELU, x, ((const struct leaky_relu *)config)->negative_slope);
}

static const struct field elu_fields[] = {
    {.key = "alpha",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct elu, alpha),
     .fallback = "1.0",
     .minimum = 0,
     .maximum = 1e300,
     .help = "the value far below zero is -alpha"},
    {0},
};

static void elu_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels;
    const float alpha = (float)((const struct elu *)config)->alpha;
    for (size_t i = 0; i < rows * columns; i++) y[i] = y[i] > 0 ? y[i] : alpha * expm1f(y[i]);
}

/* below zero y = alpha*(exp(x) - 1), so dy/dx = alpha*exp(x) = y + alpha */
static void elu_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                         const float *kept, float *dy) {
    (void)kernels;
    const float alpha = (float)((const struct elu *)config)->alpha;
    for (size_t i = 0; i < rows * columns; i++) dy[i] *= kept[i] > 0 ? 1 : kept[i] + alpha;
}

static int describe_elu(const void *config, struct graph *graph, int x) {
    return graph_apply(graph, GRAPH_ELU, x, ((const struct elu *)config)->alpha);
}

struct gelu {
    bool approximate;
};

static const struct field gelu_fields[] = {
    {.key = "approximate",
     .type = FIELD_BOOL,
     .offset = offsetof(struct gelu, approximate),
     .fallback = "false",
     .help = "by tanh instead of the normal distribution function"},
    {0},
};

static const float sqrt_half = 0.70710678118654752F;        /* 1/sqrt(2) */
static const float sqrt_two_over_pi = 0.79788456080286536F; /* sqrt(2/pi) */
static const float normal_density = 0.39894228040143268F;   /* 1/sqrt(2 pi) */
static const float gelu_cubic = 0.044715F;                  /* Hendrycks and Gimpel 2016 */

/* The tanh of the approximation: x*(1 + it)/2 is near x*Phi(x). */
static float gelu_tanh(float x) {
    return tanhf(sqrt_two_over_pi * (x + gelu_cubic * x * x * x));
}

static float gelu_slope(float x, bool approximate) {
    if (!approximate) return 0.5F * (1 + erff(x * sqrt_half)) + x * normal_density * expf(-0.5F * x * x);
    float t = gelu_tanh(x);
    return 0.5F * (1 + t) + 0.5F * x * (1 - t * t) * sqrt_two_over_pi * (1 + 3 * gelu_cubic * x * x);
}

static void gelu_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels;
    const bool approximate = ((const struct gelu *)config)->approximate;
    for (size_t i = 0; i < rows * columns; i++)
        y[i] *= 0.5F * (1 + (approximate ? gelu_tanh(y[i]) : erff(y[i] * sqrt_half)));
}

/* kept is the value before the activation */
static void gelu_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                          const float *kept, float *dy) {
    (void)kernels;
    const bool approximate = ((const struct gelu *)config)->approximate;
    for (size_t i = 0; i < rows * columns; i++) dy[i] *= gelu_slope(kept[i], approximate);
}

static int describe_gelu_tanh(struct graph *graph, int x) {
    const int square = graph_combine(graph, GRAPH_MULTIPLY, x, x);
    const int cubic = graph_combine(graph, GRAPH_MULTIPLY, square, graph_number(graph, (double)gelu_cubic));
    const int factor = graph_combine(graph, GRAPH_ADD, cubic, graph_number(graph, 1));
    const int inner = graph_combine(graph, GRAPH_MULTIPLY, factor, x);
    const int scaled = graph_combine(graph, GRAPH_MULTIPLY, inner, graph_number(graph, (double)sqrt_two_over_pi));
    return graph_apply(graph, GRAPH_TANH, scaled, 0);
}

/* x * (1 + t) / 2, t being erf or its approximation */
static int describe_gelu(const void *config, struct graph *graph, int x) {
    const bool approximate = ((const struct gelu *)config)->approximate;
    const int scaled =
        approximate ? x : graph_combine(graph, GRAPH_MULTIPLY, x, graph_number(graph, (double)sqrt_half));
    const int t = approximate ? describe_gelu_tanh(graph, x) : graph_apply(graph, GRAPH_ERF, scaled, 0);
    const int sum = graph_combine(graph, GRAPH_ADD, t, graph_number(graph, 1));
    const int half = graph_combine(graph, GRAPH_MULTIPLY, sum, graph_number(graph, 0.5));
    return graph_combine(graph, GRAPH_MULTIPLY, half, x);
}

static float logistic(float x) {
    return 1 / (1 + expf(-x));
}

static void silu_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) y[i] *= logistic(y[i]);
}

/* kept is the value before the activation */
static void silu_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                          const float *kept, float *dy) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) {
        float s = logistic(kept[i]);
        dy[i] *= s * (1 + kept[i] * (1 - s));
    }
}

static int describe_silu(const void *config, struct graph *graph, int x) {
    (void)config;
    return graph_combine(graph, GRAPH_MULTIPLY, graph_apply(graph, GRAPH_SIGMOID, x, 0), x);
}

static void tanh_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) y[i] = tanhf(y[i]);
}

static void tanh_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                          const float *kept, float *dy) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) dy[i] *= 1 - kept[i] * kept[i];
}

static int describe_tanh(const void *config, struct graph *graph, int x) {
    (void)config;
    return graph_apply(graph, GRAPH_TANH, x, 0);
}

static void sigmoid_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) y[i] = logistic(y[i]);
}

static void sigmoid_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                             const float *kept, float *dy) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) dy[i] *= kept[i] * (1 - kept[i]);
}

static int describe_sigmoid(const void *config, struct graph *graph, int x) {
    (void)config;
    return graph_apply(graph, GRAPH_SIGMOID, x, 0);
}

static void relu6_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)config;
    kernels->relu_forward(rows * columns, y);
    for (size_t i = 0; i < rows * columns; i++) y[i] = y[i] > 6 ? 6 : y[i];
}

static void relu6_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                           const float *kept, float *dy) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) dy[i] = kept[i] > 0 && kept[i] < 6 ? dy[i] : 0;
}

static int describe_relu6(const void *config, struct graph *graph, int x) {
    (void)config;
    return graph_combine(graph, GRAPH_MINIMUM, graph_apply(graph, GRAPH_RELU, x, 0), graph_number(graph, 6));
}

/* Klambauer et al. 2017: mean and variance pass through layers of it unchanged. */
#define SELU_SCALE 1.0507009873554805
#define SELU_ALPHA 1.6732632423543772

static void selu_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels, (void)config;
    const float scale = (float)SELU_SCALE, below = (float)(SELU_SCALE * SELU_ALPHA);
    for (size_t i = 0; i < rows * columns; i++) y[i] = y[i] > 0 ? scale * y[i] : below * expm1f(y[i]);
}

/* below zero y = scale*alpha*(exp(x) - 1), so dy/dx = y + scale*alpha */
static void selu_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                          const float *kept, float *dy) {
    (void)kernels, (void)config;
    const float scale = (float)SELU_SCALE, below = (float)(SELU_SCALE * SELU_ALPHA);
    for (size_t i = 0; i < rows * columns; i++) dy[i] *= kept[i] > 0 ? scale : kept[i] + below;
}

static int describe_selu(const void *config, struct graph *graph, int x) {
    (void)config;
    return graph_combine(graph, GRAPH_MULTIPLY, graph_apply(graph, GRAPH_ELU, x, SELU_ALPHA),
                         graph_number(graph, SELU_SCALE));
}

/* log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), whose exponential does not overflow */
static void softplus_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) y[i] = (y[i] > 0 ? y[i] : 0) + log1pf(expf(-fabsf(y[i])));
}

/* exp(y) = 1 + exp(x), so dy/dx = exp(x)/(1 + exp(x)) = 1 - exp(-y) */
static void softplus_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                              const float *kept, float *dy) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) dy[i] *= -expm1f(-kept[i]);
}

static int describe_softplus(const void *config, struct graph *graph, int x) {
    (void)config;
    return graph_apply(graph, GRAPH_SOFTPLUS, x, 0);
}

static void softsign_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) y[i] /= 1 + fabsf(y[i]);
}

/* 1 - |y| = 1/(1 + |x|), whose square is the slope */
static void softsign_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                              const float *kept, float *dy) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows * columns; i++) dy[i] *= (1 - fabsf(kept[i])) * (1 - fabsf(kept[i]));
}

static int describe_softsign(const void *config, struct graph *graph, int x) {
    (void)config;
    const int divisor =
        graph_combine(graph, GRAPH_ADD, graph_apply(graph, GRAPH_ABSOLUTE, x, 0), graph_number(graph, 1));
    return graph_combine(graph, GRAPH_DIVIDE, x, divisor);
}

/* The largest value is taken off first, so that no exponential overflows; this changes nothing else. */
static void softmax_row(size_t columns, float *y) {
    float largest = y[0], sum = 0;
    for (size_t j = 1; j < columns; j++) largest = y[j] > largest ? y[j] : largest;
    for (size_t j = 0; j < columns; j++) sum += y[j] = expf(y[j] - largest);
    for (size_t j = 0; j < columns; j++) y[j] /= sum;
}

static void softmax_forward(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows; i++) softmax_row(columns, y + i * columns);
}

/* dx[j] = y[j] * (dy[j] - sum over k of dy[k]*y[k]) */
static void softmax_backward(const struct kernels *kernels, const void *config, size_t rows, size_t columns,
                             const float *kept, float *dy) {
    (void)kernels, (void)config;
    for (size_t i = 0; i < rows; i++, kept += columns, dy += columns) {
        float sum = 0;
        for (size_t j = 0; j < columns; j++) sum += dy[j] * kept[j];
        for (size_t j = 0; j < columns; j++) dy[j] = kept[j] * (dy[j] - sum);
    }
}

static int describe_softmax(const void *config, struct graph *graph, int x) {
    (void)config;
    return graph_softmax(graph, x);
}

static const struct activation_kind relu = {
    .component = {.name = "relu", .alias = "ReLU", .summary = "max(x, 0)"},
    .is_relu = true,
    .forward = relu_forward,
    .backward = relu_backward,
    .describe = describe_relu,
};
static const struct activation_kind leaky_relu = {
    .component = {.name = "leaky_relu",
                  .alias = "LeakyReLU",
                  .summary = "x above zero, negative_slope*x below",
                  .fields = leaky_relu_fields,
                  .size = sizeof(struct leaky_relu)},
    .forward = leaky_relu_forward,
    .backward = leaky_relu_backward,
    .describe = describe_leaky_relu,
};
static const struct activation_kind elu = {
    .component = {.name = "elu",
                  .alias = "ELU",
                  .summary = "x above zero, alpha*(exp(x) - 1) below",
                  .fields = elu_fields,
                  .size = sizeof(struct elu)},
    .forward = elu_forward,
    .backward = elu_backward,
    .describe = describe_elu,
};
static const struct activation_kind gelu = {
    .component = {.name = "gelu",
                  .summary = "x times the normal distribution function of x",
                  .fields = gelu_fields,
                  .size = sizeof(struct gelu)},
    .keeps_input = true,
    .forward = gelu_forward,
    .backward = gelu_backward,
    .describe = describe_gelu,
};
static const struct activation_kind silu = {
    .component = {.name = "silu", .alias = "swish", .summary = "x*sigmoid(x)"},
    .keeps_input = true,
    .forward = silu_forward,
    .backward = silu_backward,
    .describe = describe_silu,
};
static const struct activation_kind hyperbolic_tangent = {
    .component = {.name = "tanh", .summary = "hyperbolic tangent, from -1 to 1"},
    .forward = tanh_forward,
    .backward = tanh_backward,
    .describe = describe_tanh,
};
static const struct activation_kind sigmoid = {
    .component = {.name = "sigmoid", .summary = "1/(1 + exp(-x)), from 0 to 1"},
    .forward = sigmoid_forward,
    .backward = sigmoid_backward,
    .describe = describe_sigmoid,
};
static const struct activation_kind relu6 = {
    .component = {.name = "relu6", .summary = "max(x, 0), at most 6"},
    .forward = relu6_forward,
    .backward = relu6_backward,
    .describe = describe_relu6,
};
static const struct activation_kind selu = {
    .component = {.name = "selu", .summary = "elu scaled so that mean and variance stay"},
    .forward = selu_forward,
    .backward = selu_backward,
    .describe = describe_selu,
};
static const struct activation_kind softplus = {
    .component = {.name = "softplus", .summary = "log(1 + exp(x))"},
    .forward = softplus_forward,
    .backward = softplus_backward,
    .describe = describe_softplus,
};
static const struct activation_kind softsign = {
    .component = {.name = "softsign", .summary = "x/(1 + |x|), from -1 to 1"},
    .forward = softsign_forward,
    .backward = softsign_backward,
    .describe = describe_softsign,
};
static const struct activation_kind softmax = {
    .component = {.name = "softmax", .alias = "Softmax", .summary = "probabilities over the last axis"},
    .is_softmax = true,
    .forward = softmax_forward,
    .backward = softmax_backward,
    .describe = describe_softmax,
};
static const struct activation_kind linear = {
    .component = {.name = "linear", .summary = "x as it is"},
    .is_linear = true,
    .forward = linear_forward,
    .backward = linear_backward,
    .describe = describe_linear,
};

static const struct component_kind *const kinds[] = {
    &relu.component,     &leaky_relu.component,
    &elu.component,      &gelu.component,
    &silu.component,     &hyperbolic_tangent.component,
    &sigmoid.component,  &softmax.component,
    &relu6.component,    &selu.component,
    &softplus.component, &softsign.component,
    &linear.component,   NULL,
};

const struct component_registry activation_registry = {.what = "activation", .kinds = kinds};
