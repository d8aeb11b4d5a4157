/* DepthwiseConv2D: every channel is convolved with kernels of its own; channels never mix.
 *
 * x (n,h,w,c)  kernel (kh,kw,c,mult)  bias (c*mult)  y (n,oh,ow,c*mult)
 * y[r][p][c*mult + m] = bias[c*mult + m] + sum over i, j of x[r*stride + i][p*stride + j][c] * kernel[i][j][c][m] */
#include "layers/depthwise.h"

struct depthwise_conv2d {
    struct layer_common common;
    struct sliding sliding;
    int depth_multiplier;
    struct component activation, depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer,
        depthwise_constraint, bias_constraint, activity_regularizer;
    bool use_bias;
};

static const struct field fields[] = {
    FIELDS_CONVOLUTION(depthwise_conv2d),
    {FIELD_AT(depthwise_conv2d, depth_multiplier), .type = FIELD_INT, .fallback = "1", .minimum = 1, .maximum = INT_MAX,
     .help = "output channels for each input channel"},
    FIELD_ACTIVATION(depthwise_conv2d),
    FIELD_USE_BIAS(depthwise_conv2d),
    FIELD_INITIALIZER(depthwise_conv2d, depthwise_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(depthwise_conv2d, bias_initializer, "zeros"),
    FIELD_REGULARIZER(depthwise_conv2d, depthwise_regularizer),
    FIELD_REGULARIZER(depthwise_conv2d, bias_regularizer),
    FIELD_ACTIVITY_REGULARIZER(depthwise_conv2d),
    FIELD_CONSTRAINT(depthwise_conv2d, depthwise_constraint),
    FIELD_CONSTRAINT(depthwise_conv2d, bias_constraint),
    {0},
};

static int declare(struct layer *layer, const struct place *place, struct error *error) {
    const struct depthwise_conv2d *config = layer->config;
    const int *size = config->sliding.kernel;
    const struct shape kernel_shape = {4, {size[0], size[1], layer->input.size[2], config->depth_multiplier}};
    struct parameter *kernel =
        layer_declare(layer, "kernel", kernel_shape, &config->depthwise_initializer, place, error);
    if (!kernel) return -1;
    kernel->regularizer = config->depthwise_regularizer;
    kernel->constraint = config->depthwise_constraint;
    if (!config->use_bias) return 0;
    const struct shape bias_shape = {1, {layer->input.size[2] * config->depth_multiplier}};
    struct parameter *bias = layer_declare(layer, "bias", bias_shape, &config->bias_initializer, place, error);
    if (!bias) return -1;
    bias->regularizer = config->bias_regularizer;
    bias->constraint = config->bias_constraint;
    return 0;
}

static struct depthwise take(const struct layer *layer, const struct kernels *kernels, struct pieces *pieces) {
    const struct depthwise_conv2d *config = layer->config;
    return depthwise_take(&layer->input, &config->sliding, config->depth_multiplier, kernels, pieces);
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct depthwise_conv2d *config = layer->config;
    struct geometry g;
    if (convolution_infer(layer, &config->sliding, place, &g, error) != 0 ||
        convolution_check_multiplier(&g, config->depth_multiplier, place, error) != 0 ||
        declare(layer, place, error) != 0)
        return -1;
    const struct shape output = {3, {g.output[0], g.output[1], g.channels * config->depth_multiplier}};
    if (layer_set_output(layer, output, place, error) != 0) return -1;

    struct pieces pieces = {0};
    take(layer, NULL, &pieces);
    layer->scratch_bytes = pieces.used;
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    layer->multiplications = (double)elements_of(&layer->parameters[0].shape) * g.output[0] * g.output[1];
    return 0;
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct depthwise_conv2d *config = layer->config;
    struct depthwise depthwise = take(layer, pass->kernels, &(struct pieces){.memory = pass->scratch});
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    depthwise_begin_forward(&depthwise, pass->parameters[0], config->use_bias ? pass->parameters[1] : NULL);
    for (int n = 0; n < pass->images; n++)
        depthwise_forward(&depthwise, pass->kernels, pass->x + (size_t)n * input, pass->y + (size_t)n * output);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const struct depthwise_conv2d *config = layer->config;
    struct depthwise depthwise = take(layer, pass->kernels, &(struct pieces){.memory = pass->scratch});
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    float *kernel = wanted_gradient(pass, 0), *bias = config->use_bias ? wanted_gradient(pass, 1) : NULL;
    depthwise_begin_backward(&depthwise, pass->parameters[0]);
    for (int n = 0; n < pass->images; n++) {
        const struct depthwise_wanted wanted = {kernel, bias, pass->dx ? pass->dx + (size_t)n * input : NULL};
        depthwise_backward(&depthwise, pass->kernels, pass->x + (size_t)n * input, pass->dy + (size_t)n * output,
                           &wanted);
    }
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct depthwise_conv2d *config = layer->config;
    const int kernel = graph_parameter(graph, 0), bias = config->use_bias ? graph_parameter(graph, 1) : GRAPH_NONE;
    return depthwise_describe(&layer->input, &config->sliding, config->depth_multiplier, graph, x, kernel, bias);
}

static const struct layer_example examples[] = {
    {"{\"kernel_size\": 3, \"activation\": \"relu\"}", {3, {6, 7, 3}}},
    {"{\"kernel_size\": [2, 3], \"depth_multiplier\": 4, \"padding\": \"same\"}", {3, {5, 6, 3}}},
    {"{\"kernel_size\": 3, \"strides\": [2, 3], \"padding\": \"same\", \"use_bias\": false}", {3, {7, 8, 5}}},
    {"{\"kernel_size\": 2, \"strides\": 2, \"depth_multiplier\": 3}", {3, {5, 6, 2}}},
    {"{\"kernel_size\": 3, \"dilation_rate\": [1, 2], \"activation\": \"sigmoid\"}", {3, {5, 7, 17}}},
    {"{\"kernel_size\": [2, 3], \"depth_multiplier\": 2, \"padding\": \"circular\"}", {3, {5, 4, 3}}},
    {"{\"kernel_size\": 3, \"strides\": 2, \"padding\": \"circular\"}", {3, {5, 6, 9}}},
    {0},
};

static const struct layer_page page = {
    .text = "A convolution that keeps channels apart: each input channel is convolved with depth_multiplier kernels of "
            "its own, and nothing is added up over channels. It finds patterns at a small part of a Conv2D's cost, but "
            "cannot combine channels; a 1x1 Conv2D behind it does (together: SeparableConv2D).\n"
            "  y[r,p,c*m + k] = bias[c*m + k] + sum over i,j of x[r*s + i*d, p*s + j*d, c] * kernel[i,j,c,k]\n",
    .shapes =
        "input (height, width, channels), output (out height, out width, channels * depth_multiplier)\n"
        "out = floor((in - extent) / strides) + 1 with padding valid, extent = (kernel_size - 1) * dilation_rate + 1\n"
        "out = ceil(in / strides) with padding same: zeros all around, one more at the end where their number is odd\n"
        "out = ceil(in / strides) with padding circular: what lies beyond an edge is the opposite side of the image\n"
        "kernel (kernel height, kernel width, channels, depth_multiplier), bias (channels * depth_multiplier)\n",
    .cost = "multiplications: out height * out width * kernel height * kernel width * channels * depth_multiplier\n"
            "parameters: kernel height * kernel width * channels * depth_multiplier + channels * depth_multiplier\n",
    .references =
        "Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications\n",
    .see_also = "SeparableConv2D, Conv2D\n",
    .example = {"{\"kernel_size\": 3, \"padding\": \"same\", \"activation\": \"relu\"}", {3, {32, 32, 16}}},
};

const struct layer_kind depthwise_conv2d_layer = {
    .component = {.name = "DepthwiseConv2D",
                  .summary = "convolution of each channel by itself",
                  .fields = fields,
                  .size = sizeof(struct depthwise_conv2d)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .examples = examples,
    .page = &page,
};
