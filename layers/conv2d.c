/* Conv2D: every output is the sum over a window of the image times a kernel, the kernel not flipped.
 *
 * x (n,h,w,c)  kernel (kh,kw,c/groups,f)  bias (f)  y (n,oh,ow,f)
 * y[r][p][f] = bias[f] + sum over i, j, c of x[r*stride + i*dilation][p*stride + j*dilation][c] * kernel[i][j][c][f]
 * where x has its zero border, and f sees only the c of its own group. */
#include <string.h>

#include "layers/conv_passes.h"
#include "layers/depthwise.h"

struct conv2d {
    struct layer_common common;
    struct sliding sliding;
    int filters, groups;
    int algorithm; /* enum algorithm */
    struct component activation, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        kernel_constraint, bias_constraint, activity_regularizer;
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
    FIELD_ACTIVITY_REGULARIZER(conv2d),
    FIELD_CONSTRAINT(conv2d, kernel_constraint),
    FIELD_CONSTRAINT(conv2d, bias_constraint),
    FIELD_ALGORITHM(conv2d),
    {0},
};

/* ---- shapes ---- */

static int check_groups(const struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d *config = layer->config;
    const int channels = layer->input.size[2];
    struct place at_groups = place_key(place, "groups");
    if (channels % config->groups != 0)
        return place_error(
            &at_groups, error,
            "the input's %d channels cannot be split into %d groups evenly; choose groups that divide them", channels,
            config->groups);
    if (config->filters % config->groups != 0)
        return place_error(&at_groups, error,
                           "%d filters cannot be split into %d groups evenly; choose groups that divide them",
                           config->filters, config->groups);
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
    kernel->constraint = config->kernel_constraint;
    if (!config->use_bias) return 0;
    struct parameter *bias = layer_declare(layer, "bias", bias_shape, &config->bias_initializer, place, error);
    if (!bias) return -1;
    bias->regularizer = config->bias_regularizer;
    bias->constraint = config->bias_constraint;
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

/* The passes over the image, or over the image with its circular border. */
struct plan {
    struct circular circular;
    struct conv_passes passes;
};

static struct plan plan_of(const struct layer *layer, struct pieces *pieces) {
    const struct conv2d *config = layer->config;
    struct geometry geometry = geometry_of(&layer->input, &config->sliding);
    struct plan plan = {.circular = circular_take(&config->sliding, &geometry, pieces)};
    plan.passes = (struct conv_passes){geometry, config->groups, config->filters, layer->form, layer->batch_images};
    return plan;
}

static void choose_form(struct layer *layer) {
    const struct conv2d *config = layer->config;
    const struct plan plan = plan_of(layer, &(struct pieces){0});
    const enum algorithm algorithm = (enum algorithm)config->algorithm;
    struct conv_passes passes = conv_passes_of(&plan.passes.geometry, config->groups, config->filters, algorithm);
    if (!plan.circular.wraps) conv_passes_allow_batch(&passes, algorithm);
    layer->form = passes.form;
    layer->batch_images = passes.batch_images;
}

static void set_sizes(struct layer *layer) {
    struct pieces pieces = {0};
    if (is_depthwise(layer)) {
        depthwise_of(layer, NULL, &pieces);
        layer->scratch_bytes = pieces.used;
        return;
    }
    choose_form(layer);
    const struct plan plan = plan_of(layer, &pieces);
    layer->scratch_bytes = pieces.used + conv_passes_scratch_bytes(&plan.passes);
    layer->packed_floats = conv_passes_packed_floats(&plan.passes);
    layer->common_bytes = conv_passes_common_bytes(&plan.passes);
    const bool heavy = layer_is_heavy((double)elements_of(&layer->parameters[0].shape),
                                      (double)elements_of(&layer->input), (double)elements_of(&layer->output));
    layer->gradient_by_batch = layer->batch_images > 0 || (!plan.circular.wraps && heavy);
    if (!layer->gradient_by_batch) return;
    const size_t gradient = conv_passes_gradient_bytes(&plan.passes);
    if (gradient > layer->scratch_bytes) layer->scratch_bytes = gradient;
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d *config = layer->config;
    struct geometry g;
    if (convolution_infer(layer, &config->sliding, place, &g, error) != 0) return -1;
    if (check_groups(layer, place, error) != 0 || declare(layer, place, error) != 0) return -1;
    const struct shape output = {3, {g.output[0], g.output[1], config->filters}};
    if (layer_set_output(layer, output, place, error) != 0 ||
        conv_passes_check(&g, config->filters, config->algorithm, place, error) != 0)
        return -1;
    set_sizes(layer);
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    layer->multiplications = (double)elements_of(&layer->parameters[0].shape) * g.output[0] * g.output[1];
    return 0;
}

/* Image n alone, with the scratch memory that is left. */
static struct pass single(const struct layer *layer, const struct pass *pass, int n, const struct pieces *pieces) {
    const size_t input = (size_t)n * elements_of(&layer->input), output = (size_t)n * elements_of(&layer->output);
    struct pass one = *pass;
    one.images = 1;
    one.x = pass->x + input;
    one.y = pass->y ? pass->y + output : NULL;
    one.dy = pass->dy ? pass->dy + output : NULL;
    one.dx = pass->dx ? pass->dx + input : NULL;
    one.scratch = pieces->memory + pieces->used;
    return one;
}

static void forward_circular(const struct layer *layer, const struct pass *pass, const struct plan *plan,
                             const struct pieces *pieces, const float *bias) {
    for (int n = 0; n < pass->images; n++) {
        struct pass one = single(layer, pass, n, pieces);
        one.x = circular_wrap(&plan->circular, one.x);
        conv_passes_forward(&plan->passes, &one, bias);
    }
}

static void backward_circular(const struct layer *layer, const struct pass *pass, const struct plan *plan,
                              const struct pieces *pieces, float *kernel) {
    for (int n = 0; n < pass->images; n++) {
        struct pass one = single(layer, pass, n, pieces);
        float *dx = one.dx;
        one.dx = plan->circular.wide;
        if (kernel) {
            one.x = circular_wrap(&plan->circular, one.x);
            conv_passes_kernel_gradient(&plan->passes, &one, kernel);
        }
        if (!dx) continue;
        conv_passes_data_gradient(&plan->passes, &one, NULL);
        circular_fold(&plan->circular, pass->kernels, dx);
    }
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const float *bias = layer->parameter_count > 1 ? pass->parameters[1] : NULL;
    if (is_depthwise(layer)) {
        forward_depthwise(layer, pass, bias);
        return;
    }
    struct pieces pieces = {.memory = pass->scratch};
    const struct plan plan = plan_of(layer, &pieces);
    if (plan.circular.wraps)
        forward_circular(layer, pass, &plan, &pieces, bias);
    else
        conv_passes_forward(&plan.passes, pass, bias);
}

static void batch_forward(const struct layer *layer, const struct pass *pass, int round, int part, int parts) {
    const struct plan plan = plan_of(layer, &(struct pieces){0});
    const float *bias = layer->parameter_count > 1 ? pass->parameters[1] : NULL;
    conv_passes_batch_forward(&plan.passes, pass, bias, round, part, parts);
}

static void batch_backward(const struct layer *layer, const struct pass *pass, int round, int part, int parts) {
    const struct plan plan = plan_of(layer, &(struct pieces){0});
    if (pass->dx) conv_passes_batch_data_gradient(&plan.passes, pass, round, part, parts);
}

static void add_bias_gradient(const struct layer *layer, const struct pass *pass, float *bias) {
    const int pixels = layer->output.size[0] * layer->output.size[1], filters = layer->output.size[2];
    for (int n = 0; n < pass->images; n++)
        pass->kernels->column_sums(pixels, filters, pass->dy + (ptrdiff_t)n * pixels * filters, bias);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    float *kernel = wanted_gradient(pass, 0), *bias = layer->parameter_count > 1 ? wanted_gradient(pass, 1) : NULL;
    if (bias) add_bias_gradient(layer, pass, bias);
    if (is_depthwise(layer)) {
        backward_depthwise(layer, pass, kernel);
        return;
    }
    struct pieces pieces = {.memory = pass->scratch};
    const struct plan plan = plan_of(layer, &pieces);
    if (plan.circular.wraps) {
        backward_circular(layer, pass, &plan, &pieces, kernel);
        return;
    }
    if (kernel) conv_passes_kernel_gradient(&plan.passes, pass, kernel);
    if (pass->dx) conv_passes_data_gradient(&plan.passes, pass, NULL);
}

static void batch_gradient(const struct layer *layer, const struct pass *pass, int part, int parts) {
    float *kernel = wanted_gradient(pass, 0), *bias = layer->parameter_count > 1 ? wanted_gradient(pass, 1) : NULL;
    struct pieces pieces = {.memory = pass->scratch};
    const struct plan plan = plan_of(layer, &pieces);
    if (bias && part == 0) {
        if (!pass->further) memset(bias, 0, (size_t)layer->output.size[2] * sizeof *bias);
        add_bias_gradient(layer, pass, bias);
    }
    if (kernel) conv_passes_kernel_gradient_part(&plan.passes, pass, kernel, part, parts);
}

static void pack(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    if (is_depthwise(layer)) return;
    const struct plan plan = plan_of(layer, &(struct pieces){0});
    const struct packs_wanted wanted = {.forward = true, .data = pass->training};
    conv_passes_pack(&plan.passes, pass, wanted, packed, part, parts);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct conv2d *config = layer->config;
    struct geometry geometry = geometry_of(&layer->input, &config->sliding);
    const int wide = circular_describe(&config->sliding, &geometry, graph, x);
    struct graph_window window = geometry_describe(&geometry);
    window.groups = config->groups;
    const int kernel = graph_parameter(graph, 0), bias = config->use_bias ? graph_parameter(graph, 1) : GRAPH_NONE;
    return graph_convolve(graph, wide, kernel, bias, &window);
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
    {"{\"filters\": 5, \"kernel_size\": [3, 4], \"padding\": \"circular\", \"activation\": \"relu\"}", {3, {5, 4, 3}}},
    {"{\"filters\": 9, \"kernel_size\": 3, \"strides\": [1, 2], \"padding\": \"circular\"}", {3, {5, 6, 10}}},
    {"{\"filters\": 33, \"kernel_size\": 3, \"padding\": \"same\"}", {3, {1, 2, 18}}},
    {"{\"filters\": 36, \"kernel_size\": [2, 3], \"groups\": 2, \"padding\": \"same\"}", {3, {2, 1, 16}}},
    {"{\"filters\": 24, \"kernel_size\": 3, \"groups\": 2, \"padding\": \"same\"}", {3, {4, 4, 24}}},
    {0},
};

static const struct layer_page page = {
    .text = "Slides a small kernel over the image. Each output is the sum over the window under the kernel, in all "
            "channels, of image times kernel, plus a bias; each filter has a kernel of its own and makes one output "
            "channel. The kernel is not flipped (cross-correlation, as everywhere in deep learning).\n"
            "  y[r,p,f] = bias[f] + sum over i,j,c of x[r*s + i*d, p*s + j*d, c] * kernel[i,j,c,f]\n"
            "with s for strides and d for dilation_rate.\n\n"
            "With groups the channels are split into as many parts, and a filter sees only those of its own part.\n",
    .shapes =
        "input (height, width, channels), output (out height, out width, filters)\n"
        "out = floor((in - extent) / strides) + 1 with padding valid, extent = (kernel_size - 1) * dilation_rate + 1\n"
        "out = ceil(in / strides) with padding same: zeros all around, one more at the end where their number is odd\n"
        "out = ceil(in / strides) with padding circular: what lies beyond an edge is the opposite side of the image\n"
        "kernel (kernel height, kernel width, channels / groups, filters), bias (filters)\n",
    .cost = "multiplications: out height * out width * kernel height * kernel width * channels / groups * filters\n"
            "parameters: kernel height * kernel width * channels / groups * filters + filters\n",
    .references = "LeCun et al. 1998, Gradient-based learning applied to document recognition\n"
                  "Lavin and Gray 2016, Fast algorithms for convolutional neural networks (algorithm winograd)\n",
    .see_also = "DepthwiseConv2D, SeparableConv2D, Conv2DTranspose, MaxPooling2D\n",
    .example = {"{\"filters\": 32, \"kernel_size\": 3, \"activation\": \"relu\"}", {3, {32, 32, 3}}},
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
    .describe = describe,
    .pack = pack,
    .batch_gradient = batch_gradient,
    .batch_forward = batch_forward,
    .batch_backward = batch_backward,
    .examples = examples,
    .page = &page,
};
