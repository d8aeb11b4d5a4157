/* Conv2D: every output is the sum over a window of the image times a kernel, the kernel not flipped.
 *
 * x (n,h,w,c)  kernel (kh,kw,c/groups,f)  bias (f)  y (n,oh,ow,f)
 * y[r][p][f] = bias[f] + sum over i, j, c of x[r*stride + i*dilation][p*stride + j*dilation][c] * kernel[i][j][c][f]
 * where x has its zero border, and f sees only the c of its own group. */
#include "layers/conv_passes.h"
#include "layers/depthwise.h"

struct conv2d {
    struct layer_common common;
    struct sliding sliding;
    int filters, groups;
    int algorithm; /* enum algorithm */
    struct component activation, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer;
    bool use_bias;
};

static const struct field fields[] = {
    {FIELD_AT(conv2d, filters), .type = FIELD_INT, .minimum = 1, .maximum = INT_MAX, .help = "output channels"},
    FIELDS_CONVOLUTION(conv2d),
    {FIELD_AT(conv2d, groups), .type = FIELD_INT, .fallback = "1", .minimum = 1, .maximum = INT_MAX,
     .help = "parts that channels and filters are split into, each convolved by itself"},
    FIELD_ACTIVATION(conv2d),
    FIELD_USE_BIAS(conv2d),
    FIELD_INITIALIZER(conv2d, kernel_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(conv2d, bias_initializer, "zeros"),
    FIELD_REGULARIZER(conv2d, kernel_regularizer),
    FIELD_REGULARIZER(conv2d, bias_regularizer),
    FIELD_ALGORITHM(conv2d),
    {0},
};

/* ---- shapes ---- */

static int check_groups(const struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d *config = layer->config;
    const int channels = layer->input.size[2];
    struct place at_groups = place_key(place, "groups");
    if (channels % config->groups != 0)
        return place_error(&at_groups, error, "the input's %d channels cannot be split into %d groups evenly", channels,
                           config->groups);
    if (config->filters % config->groups != 0)
        return place_error(&at_groups, error, "%d filters cannot be split into %d groups evenly", config->filters,
                           config->groups);
    return 0;
}

static int declare(struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d *config = layer->config;
    const int *size = config->sliding.kernel;
    const struct shape kernel_shape = {4, {size[0], size[1], layer->input.size[2] / config->groups, config->filters}};
    const struct shape bias_shape = {1, {config->filters}};
    struct parameter *kernel = layer_declare(layer, "kernel", kernel_shape, &config->kernel_initializer, place, error);
    if (!kernel) return -1;
    kernel->regularizer = config->kernel_regularizer;
    if (!config->use_bias) return 0;
    struct parameter *bias = layer_declare(layer, "bias", bias_shape, &config->bias_initializer, place, error);
    if (!bias) return -1;
    bias->regularizer = config->bias_regularizer;
    return 0;
}

/* Groups of one channel make a depthwise convolution: the kernel (kh,kw,1,f) lies in memory as (kh,kw,c,f/c) does. */
static bool is_depthwise(const struct layer *layer) {
    const struct conv2d *config = layer->config;
    const struct geometry g = geometry_of(&layer->input, &config->sliding);
    return config->groups > 1 && config->groups == g.channels &&
           (double)g.padded[0] * g.padded[1] * config->filters <= INT_MAX;
}

/* ---- groups of one channel ---- */

static struct depthwise depthwise_of(const struct layer *layer, const struct kernels *kernels, struct pieces *pieces) {
    const struct conv2d *config = layer->config;
    return depthwise_take(&layer->input, &config->sliding, config->filters / config->groups, kernels, pieces);
}

static void forward_depthwise(const struct layer *layer, const struct pass *pass, const float *bias) {
    struct depthwise depthwise = depthwise_of(layer, pass->kernels, &(struct pieces){.memory = pass->scratch});
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    depthwise_begin_forward(&depthwise, pass->parameters[0], bias);
    for (int n = 0; n < pass->images; n++)
        depthwise_forward(&depthwise, pass->kernels, pass->x + (size_t)n * input, pass->y + (size_t)n * output);
}

static void backward_depthwise(const struct layer *layer, const struct pass *pass, float *kernel) {
    struct depthwise depthwise = depthwise_of(layer, pass->kernels, &(struct pieces){.memory = pass->scratch});
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    depthwise_begin_backward(&depthwise, pass->parameters[0]);
    for (int n = 0; n < pass->images; n++) {
        const struct depthwise_wanted wanted = {kernel, NULL, pass->dx ? pass->dx + (size_t)n * input : NULL};
        depthwise_backward(&depthwise, pass->kernels, pass->x + (size_t)n * input, pass->dy + (size_t)n * output,
                           &wanted);
    }
}

/* ---- the layer ---- */

static struct conv_passes passes_of(const struct layer *layer) {
    const struct conv2d *config = layer->config;
    const struct geometry geometry = geometry_of(&layer->input, &config->sliding);
    return conv_passes_of(&geometry, config->groups, config->filters, (enum algorithm)config->algorithm);
}

static void set_sizes(struct layer *layer) {
    if (is_depthwise(layer)) {
        struct pieces pieces = {0};
        depthwise_of(layer, NULL, &pieces);
        layer->scratch_bytes = pieces.used;
        return;
    }
    const struct conv_passes passes = passes_of(layer);
    layer->scratch_bytes = conv_passes_scratch_bytes(&passes);
    layer->packed_floats = conv_passes_packed_floats(&passes);
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d *config = layer->config;
    struct geometry g;
    if (convolution_infer(layer, &config->sliding, place, &g, error) != 0) return -1;
    if (check_groups(layer, place, error) != 0 || declare(layer, place, error) != 0) return -1;
    const struct shape output = {3, {g.output[0], g.output[1], config->filters}};
    if (layer_set_output(layer, output, place, error) != 0 ||
        conv_passes_check(&g, config->groups, config->filters, config->algorithm, place, error) != 0)
        return -1;
    set_sizes(layer);
    layer->activation = config->activation;
    layer->multiplications = (double)elements_of(&layer->parameters[0].shape) * g.output[0] * g.output[1];
    return 0;
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const float *bias = layer->parameter_count > 1 ? pass->parameters[1] : NULL;
    if (is_depthwise(layer)) {
        forward_depthwise(layer, pass, bias);
        return;
    }
    const struct conv_passes passes = passes_of(layer);
    conv_passes_forward(&passes, pass, bias);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const int pixels = layer->output.size[0] * layer->output.size[1], filters = layer->output.size[2];
    float *kernel = wanted_gradient(pass, 0), *bias = layer->parameter_count > 1 ? wanted_gradient(pass, 1) : NULL;
    for (int n = 0; n < pass->images && bias; n++)
        pass->kernels->column_sums(pixels, filters, pass->dy + (ptrdiff_t)n * pixels * filters, bias);
    if (is_depthwise(layer)) {
        backward_depthwise(layer, pass, kernel);
        return;
    }
    const struct conv_passes passes = passes_of(layer);
    if (kernel) conv_passes_kernel_gradient(&passes, pass, kernel);
    if (pass->dx) conv_passes_data_gradient(&passes, pass, NULL);
}

static void pack(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    if (is_depthwise(layer)) return;
    const struct conv_passes passes = passes_of(layer);
    const struct packs_wanted wanted = {.forward = true, .data = pass->training};
    conv_passes_pack(&passes, pass, wanted, packed, part, parts);
}

static const struct layer_example examples[] = {
    {"{\"filters\": 4, \"kernel_size\": 3, \"activation\": \"relu\"}", {3, {6, 7, 3}}},
    {"{\"filters\": 5, \"kernel_size\": [3, 2], \"strides\": [2, 3], \"padding\": \"same\"}", {3, {7, 8, 2}}},
    {"{\"filters\": 6, \"kernel_size\": 2, \"groups\": 3, \"padding\": \"same\", \"use_bias\": false}", {3, {5, 4, 6}}},
    {"{\"filters\": 4, \"kernel_size\": 3, \"groups\": 2, \"strides\": 2, \"activation\": \"tanh\"}", {3, {7, 6, 4}}},
    {"{\"filters\": 3, \"kernel_size\": [2, 3], \"dilation_rate\": [3, 2], \"padding\": \"same\"}", {3, {8, 7, 2}}},
    {"{\"filters\": 3, \"kernel_size\": 3, \"dilation_rate\": [2, 1]}", {3, {7, 5, 3}}},
    {"{\"filters\": 20, \"kernel_size\": 1, \"activation\": \"gelu\"}", {3, {5, 4, 18}}},
    {"{\"filters\": 2, \"kernel_size\": 1, \"strides\": 2}", {3, {5, 5, 3}}},
    {"{\"filters\": 2, \"kernel_size\": 5, \"padding\": \"same\"}", {3, {3, 2, 1}}},
    {"{\"filters\": 17, \"kernel_size\": 3, \"padding\": \"same\"}", {3, {4, 7, 8}}},
    {"{\"filters\": 8, \"kernel_size\": 3, \"groups\": 4, \"activation\": \"relu\"}", {3, {6, 5, 4}}},
    {0},
};

const struct layer_kind conv2d_layer = {
    .component = {.name = "Conv2D",
                  .alias = "Convolution2D",
                  .summary = "convolution: every filter sees all channels under its kernel",
                  .fields = fields,
                  .size = sizeof(struct conv2d)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .pack = pack,
    .examples = examples,
};
