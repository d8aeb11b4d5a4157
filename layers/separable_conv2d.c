/* SeparableConv2D: a depthwise convolution (no bias, no activation), then a 1x1 convolution that mixes its channels.
 *
 * x (n,h,w,c)  depthwise kernel (kh,kw,c,mult)  middle (n,oh,ow,c*mult)
 * pointwise kernel (1,1,c*mult,f)  bias (f)  y (n,oh,ow,f) = middle times pointwise + bias
 *
 * Training keeps the middle: it is written and read once in cache, while computing it again would cost the depthwise
 * convolution a third time. */
#include "layers/depthwise.h"

struct separable_conv2d {
    struct layer_common common;
    struct sliding sliding;
    int filters, depth_multiplier;
    struct component activation, depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer,
        pointwise_regularizer, bias_regularizer, depthwise_constraint, pointwise_constraint, bias_constraint,
        activity_regularizer;
    bool use_bias;
};

enum { DEPTHWISE, POINTWISE, BIAS }; /* the parameters */

static const struct field fields[] = {
    {FIELD_AT(separable_conv2d, filters), .type = FIELD_INT, .minimum = 1, .maximum = INT_MAX,
     .help = "output channels"},
    FIELDS_CONVOLUTION(separable_conv2d),
    {FIELD_AT(separable_conv2d, depth_multiplier), .type = FIELD_INT, .fallback = "1", .minimum = 1, .maximum = INT_MAX,
     .help = "depthwise channels for each input channel"},
    FIELD_ACTIVATION(separable_conv2d),
    FIELD_USE_BIAS(separable_conv2d),
    FIELD_INITIALIZER(separable_conv2d, depthwise_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(separable_conv2d, pointwise_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(separable_conv2d, bias_initializer, "zeros"),
    FIELD_REGULARIZER(separable_conv2d, depthwise_regularizer),
    FIELD_REGULARIZER(separable_conv2d, pointwise_regularizer),
    FIELD_REGULARIZER(separable_conv2d, bias_regularizer),
    FIELD_ACTIVITY_REGULARIZER(separable_conv2d),
    FIELD_CONSTRAINT(separable_conv2d, depthwise_constraint),
    FIELD_CONSTRAINT(separable_conv2d, pointwise_constraint),
    FIELD_CONSTRAINT(separable_conv2d, bias_constraint),
    {0},
};

static int declare(struct layer *layer, const struct place *place, struct error *error) {
    const struct separable_conv2d *config = layer->config;
    const int *size = config->sliding.kernel, channels = layer->input.size[2];
    const struct shape depthwise_shape = {4, {size[0], size[1], channels, config->depth_multiplier}};
    const struct shape pointwise_shape = {4, {1, 1, channels * config->depth_multiplier, config->filters}};
    const struct shape bias_shape = {1, {config->filters}};
    struct parameter *depthwise =
        layer_declare(layer, "depthwise_kernel", depthwise_shape, &config->depthwise_initializer, place, error);
    if (!depthwise) return -1;
    depthwise->regularizer = config->depthwise_regularizer;
    depthwise->constraint = config->depthwise_constraint;
    struct parameter *pointwise =
        layer_declare(layer, "pointwise_kernel", pointwise_shape, &config->pointwise_initializer, place, error);
    if (!pointwise) return -1;
    pointwise->regularizer = config->pointwise_regularizer;
    pointwise->constraint = config->pointwise_constraint;
    if (!config->use_bias) return 0;
    struct parameter *bias = layer_declare(layer, "bias", bias_shape, &config->bias_initializer, place, error);
    if (!bias) return -1;
    bias->regularizer = config->bias_regularizer;
    bias->constraint = config->bias_constraint;
    return 0;
}

struct separable {
    struct depthwise depthwise;
    int pixels, channels, filters; /* oh*ow, c*mult, f */
    float *middle;                 /* (oh,ow,c*mult): at inference the middle, backward its gradient */
};

static struct separable take(const struct layer *layer, const struct kernels *kernels, struct pieces *pieces) {
    const struct separable_conv2d *config = layer->config;
    struct separable separable = {.filters = config->filters};
    separable.depthwise = depthwise_take(&layer->input, &config->sliding, config->depth_multiplier, kernels, pieces);
    const int *output = separable.depthwise.geometry.output;
    separable.pixels = output[0] * output[1];
    separable.channels = separable.depthwise.channels;
    separable.middle = pieces_take(pieces, (size_t)separable.pixels * (size_t)separable.channels, sizeof(float));
    return separable;
}

/* Of packed: room for the transposed pointwise kernel, in whole cache lines; the kernel in panels follows. */
static size_t transposed_floats(int channels, int filters) {
    return size_align((size_t)channels * (size_t)filters * sizeof(float)) / sizeof(float);
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct separable_conv2d *config = layer->config;
    struct geometry g;
    if (convolution_infer(layer, &config->sliding, place, &g, error) != 0 ||
        convolution_check_multiplier(&g, config->depth_multiplier, place, error) != 0 ||
        declare(layer, place, error) != 0)
        return -1;
    const struct shape output = {3, {g.output[0], g.output[1], config->filters}};
    if (layer_set_output(layer, output, place, error) != 0) return -1;

    struct pieces pieces = {0};
    const struct separable separable = take(layer, NULL, &pieces);
    const size_t pointwise = elements_of(&layer->parameters[POINTWISE].shape);
    const size_t channels = (size_t)separable.channels, filters = (size_t)config->filters;
    const size_t depthwise = elements_of(&layer->parameters[DEPTHWISE].shape);
    layer->scratch_bytes = pieces.used;
    layer->saved_bytes = (size_t)separable.pixels * channels * sizeof(float);
    layer->takes_pool = config->filters >= POOL_CHANNELS_LEAST;
    layer->packed_floats = transposed_floats(separable.channels, config->filters);
    if (layer->takes_pool) layer->packed_floats += panels_floats(channels, filters);
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    layer->multiplications = ((double)depthwise + (double)pointwise) * separable.pixels;
    return 0;
}

/* y (pixels,f) of an image = middle (pixels,c*mult) times pointwise (c*mult,f) + bias; or what a pool makes of it */
static void pointwise_forward(const struct separable *separable, const struct pass *pass, const float *middle,
                              const float *bias, int image) {
    const int vector = pass->kernels->vector;
    const float *panels = pass->packed + transposed_floats(separable->channels, separable->filters);
    const bool packed = pass->pool != NULL; /* other products have ways of their own for few channels or filters */
    const struct product product = {
        .m = separable->pixels,
        .n = separable->filters,
        .taps = 1,
        .depth = separable->channels,
        .a = middle,
        .row = separable->channels,
        .column = 1,
        .b = packed ? panels : pass->parameters[POINTWISE],
        .b_row = packed ? vector : separable->filters,
        .b_panel = packed ? (ptrdiff_t)separable->channels * vector : 0,
        .c_row = separable->filters,
        .bias = bias,
    };
    product_of_pixels(pass, &product, separable->depthwise.geometry.output, image);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct separable_conv2d *config = layer->config;
    struct separable separable = take(layer, pass->kernels, &(struct pieces){.memory = pass->scratch});
    const size_t input = elements_of(&layer->input);
    const float *bias = config->use_bias ? pass->parameters[BIAS] : NULL;
    depthwise_begin_forward(&separable.depthwise, pass->parameters[DEPTHWISE], NULL);
    for (int n = 0; n < pass->images; n++) {
        float *saved = saved_of(layer, pass, n), *middle = saved ? saved : separable.middle;
        depthwise_forward(&separable.depthwise, pass->kernels, pass->x + (size_t)n * input, middle);
        pointwise_forward(&separable, pass, middle, bias, n);
    }
}

/* packed = the transposed pointwise kernel (f,c*mult), for the backward pass; behind it the kernel in panels, for the
 * forward pass with a pool */
static void pack(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    const int *size = layer->parameters[POINTWISE].shape.size;
    const float *kernel = pass->parameters[POINTWISE];
    if (part == 0 && pass->training) matrix_transpose(size[2], size[3], kernel, packed);
    if (!layer->takes_pool) return;
    panels_pack(pass->kernels->vector, size[2], size[3], kernel, packed + transposed_floats(size[2], size[3]), part,
                parts);
}

/* gradient (c*mult,f) += transposed middle (c*mult,pixels) times dy (pixels,f), over the pixels of all images */
static void pointwise_gradient(const struct separable *separable, const struct pass *pass, float *gradient) {
    const struct product product = {
        .m = separable->channels,
        .n = separable->filters,
        .taps = 1,
        .depth = pass->images * separable->pixels,
        .a = pass->saved,
        .row = 1,
        .column = separable->channels,
        .b = pass->dy,
        .b_row = separable->filters,
        .c = gradient,
        .c_row = separable->filters,
        .accumulate = true,
    };
    pass->kernels->product(&product);
}

/* The middle's gradient (pixels,c*mult) = dy (pixels,f) times the transposed pointwise kernel (f,c*mult) */
static void middle_gradient(const struct separable *separable, const struct pass *pass, const float *dy) {
    const struct product product = {
        .m = separable->pixels,
        .n = separable->channels,
        .taps = 1,
        .depth = separable->filters,
        .a = dy,
        .row = separable->filters,
        .column = 1,
        .b = pass->packed,
        .b_row = separable->channels,
        .c = separable->middle,
        .c_row = separable->channels,
    };
    pass->kernels->product(&product);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const struct separable_conv2d *config = layer->config;
    struct separable separable = take(layer, pass->kernels, &(struct pieces){.memory = pass->scratch});
    const struct kernels *kernels = pass->kernels;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    float *depthwise = wanted_gradient(pass, DEPTHWISE), *pointwise = wanted_gradient(pass, POINTWISE);
    float *bias = config->use_bias ? wanted_gradient(pass, BIAS) : NULL;
    if (pointwise) pointwise_gradient(&separable, pass, pointwise);
    if (bias) kernels->column_sums(pass->images * separable.pixels, separable.filters, pass->dy, bias);
    if (!depthwise && !pass->dx) return;
    depthwise_begin_backward(&separable.depthwise, pass->parameters[DEPTHWISE]);
    for (int n = 0; n < pass->images; n++) {
        const float *dy = pass->dy + (size_t)n * output, *x = pass->x + (size_t)n * input;
        middle_gradient(&separable, pass, dy);
        const struct depthwise_wanted wanted = {depthwise, NULL, pass->dx ? pass->dx + (size_t)n * input : NULL};
        depthwise_backward(&separable.depthwise, kernels, x, separable.middle, &wanted);
    }
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct separable_conv2d *config = layer->config;
    const int depthwise = graph_parameter(graph, DEPTHWISE), pointwise = graph_parameter(graph, POINTWISE);
    const int bias = config->use_bias ? graph_parameter(graph, BIAS) : GRAPH_NONE;
    const int middle =
        depthwise_describe(&layer->input, &config->sliding, config->depth_multiplier, graph, x, depthwise, GRAPH_NONE);
    return graph_convolve_pixels(graph, middle, pointwise, bias);
}

static const struct layer_example examples[] = {
    {"{\"filters\": 4, \"kernel_size\": 3, \"activation\": \"relu\"}", {3, {6, 5, 3}}},
    {"{\"filters\": 5, \"kernel_size\": [3, 2], \"depth_multiplier\": 2, \"padding\": \"same\"}", {3, {5, 6, 3}}},
    {"{\"filters\": 2, \"kernel_size\": 3, \"strides\": [2, 1], \"padding\": \"same\", \"use_bias\": false}",
     {3, {6, 5, 4}}},
    {"{\"filters\": 3, \"kernel_size\": 2, \"dilation_rate\": 2, \"activation\": \"elu\"}", {3, {6, 5, 2}}},
    {"{\"filters\": 4, \"kernel_size\": 3, \"padding\": \"circular\"}", {3, {4, 5, 3}}},
    {0},
};

static const struct layer_page page = {
    .text = "A convolution in two steps: every channel by itself (as DepthwiseConv2D, without bias or activation), "
            "then a 1x1 convolution that combines the channels. It does much of what a Conv2D does for about 1/filters "
            "+ 1/(kernel height * kernel width) of its multiplications.\n",
    .shapes =
        "input (height, width, channels), output (out height, out width, filters)\n"
        "out = floor((in - extent) / strides) + 1 with padding valid, extent = (kernel_size - 1) * dilation_rate + 1\n"
        "out = ceil(in / strides) with padding same: zeros all around, one more at the end where their number is odd\n"
        "out = ceil(in / strides) with padding circular: what lies beyond an edge is the opposite side of the image\n"
        "depthwise kernel (kernel height, kernel width, channels, depth_multiplier), pointwise kernel (1, 1, channels "
        "* depth_multiplier, filters), bias (filters)\n",
    .cost = "multiplications: out height * out width * channels * depth_multiplier * (kernel height * kernel width + "
            "filters)\n"
            "parameters: channels * depth_multiplier * (kernel height * kernel width + filters) + filters\n",
    .references = "Chollet 2017, Xception: deep learning with depthwise separable convolutions\n",
    .see_also = "Conv2D, DepthwiseConv2D\n",
    .example = {"{\"filters\": 32, \"kernel_size\": 3, \"activation\": \"relu\"}", {3, {32, 32, 16}}},
};

const struct layer_kind separable_conv2d_layer = {
    .component = {.name = "SeparableConv2D",
                  .alias = "SeparableConvolution2D",
                  .summary = "depthwise convolution, then a 1x1 convolution over its channels",
                  .fields = fields,
                  .size = sizeof(struct separable_conv2d)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .pack = pack,
    .examples = examples,
    .page = &page,
};
