/* Conv2DTranspose: every input is spread over a window of the output, weighted by the kernel.
 *
 * x (n,h,w,c)  kernel (kh,kw,f,c)  bias (f)  y (n,oh,ow,f)
 * y[r*stride + i*dilation - before][p*stride + j*dilation - before][f] += x[r][p][c] * kernel[i][j][f][c], bias[f]
 * first
 *
 * It is the transpose of the map of a Conv2D from (oh,ow,f) to (h,w,c) with this very kernel, which the code calls its
 * dual: forward is the dual's data gradient, the gradient of x is the dual's forward pass, and the gradient of the
 * kernel is the dual's with its input and the gradient of its output exchanged. */
#include <stdio.h>

#include "layers/conv_passes.h"

struct conv2d_transpose {
    struct layer_common common;
    struct sliding sliding;
    int filters;
    struct int_list output_padding; /* none, one for both axes, or two */
    int algorithm;                  /* enum algorithm */
    struct component activation, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        kernel_constraint, bias_constraint, activity_regularizer;
    bool use_bias;
};

static const struct field fields[] = {
    {FIELD_AT(conv2d_transpose, filters), .type = FIELD_INT, .minimum = 1, .maximum = INT_MAX,
     .help = "output channels"},
    FIELD_SLIDING(conv2d_transpose, "kernel_size", kernel, NULL, "height and width of the kernel"),
    FIELD_SLIDING(conv2d_transpose, "strides", stride, "1", "steps of the kernel over the output"),
    FIELD_SLIDING_PADDING(conv2d_transpose, padding_names, NULL,
                          "valid: all that the kernels reach; same: cropped to input*strides"),
    {FIELD_AT(conv2d_transpose, output_padding), .type = FIELD_INTS, .single = true, .fallback = "null",
     .nullable = true, .minimum = 0, .maximum = INT_MAX,
     .help = "rows and columns added at the end of the output, below strides; null: as padding says"},
    FIELD_SLIDING(conv2d_transpose, "dilation_rate", dilation, "1", "distance between neighbouring taps of the kernel"),
    FIELD_ACTIVATION(conv2d_transpose),
    FIELD_USE_BIAS(conv2d_transpose),
    FIELD_INITIALIZER(conv2d_transpose, kernel_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(conv2d_transpose, bias_initializer, "zeros"),
    FIELD_REGULARIZER(conv2d_transpose, kernel_regularizer),
    FIELD_REGULARIZER(conv2d_transpose, bias_regularizer),
    FIELD_ACTIVITY_REGULARIZER(conv2d_transpose),
    FIELD_CONSTRAINT(conv2d_transpose, kernel_constraint),
    FIELD_CONSTRAINT(conv2d_transpose, bias_constraint),
    FIELD_ALGORITHM(conv2d_transpose),
    {0},
};

/* ---- shapes ---- */

/* Rows or columns of y and of what is cropped off, half of it (rounded down) before; y may also be longer than what the
 * kernels reach.
 * valid: (n-1)*stride + extent + output_padding, by default max(extent, stride) - extent
 * same: n*stride, or (n-1)*stride + extent%2 + output_padding
 * So does Keras 3; for an output_padding of null also TensorFlow. */
struct span {
    int64_t output, crop;
};

static struct span span_of(const struct layer *layer, int axis) {
    const struct conv2d_transpose *config = layer->config;
    const struct sliding *sliding = &config->sliding;
    const struct int_list *more = &config->output_padding;
    const int64_t extent = geometry_extent(sliding, axis), stride = sliding->stride[axis];
    const int64_t reached = (layer->input.size[axis] - 1) * stride + extent;
    int64_t output = reached - extent;
    if (more->count > 0)
        output += more->values[axis % more->count] + (sliding->padding == PADDING_SAME ? extent % 2 : extent);
    else if (sliding->padding == PADDING_SAME)
        output += stride;
    else
        output += extent > stride ? extent : stride;
    return (struct span){output, reached > output ? reached - output : 0};
}

/* Of the dual, whose image is y and whose windows stand at the pixels of x. */
static struct geometry dual_geometry(const struct layer *layer) {
    const struct conv2d_transpose *config = layer->config;
    struct geometry g = {.channels = config->filters};
    for (int axis = 0; axis < 2; axis++) {
        const struct span span = span_of(layer, axis);
        g.input[axis] = (int)span.output;
        g.kernel[axis] = config->sliding.kernel[axis];
        g.stride[axis] = config->sliding.stride[axis];
        g.dilation[axis] = config->sliding.dilation[axis];
        g.output[axis] = layer->input.size[axis];
        g.before[axis] = (int)(span.crop / 2);
        g.padded[axis] = (int)(span.output + span.crop);
    }
    return g;
}

static int check_output_padding(const struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d_transpose *config = layer->config;
    const struct int_list *more = &config->output_padding;
    const int *stride = config->sliding.stride;
    const struct place at_more = place_key(place, "output_padding");
    if (more->count > 2)
        return place_error(&at_more, error, "must be null, an integer or [height, width]; got %d numbers", more->count);
    for (int axis = 0; axis < 2 && more->count > 0; axis++)
        if (more->values[axis % more->count] >= stride[axis])
            return place_error(&at_more, error, "must be less than strides (%d,%d), got %d", stride[0], stride[1],
                               more->values[axis % more->count]);
    return 0;
}

static int check_spans(const struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d_transpose *config = layer->config;
    const struct place at_kernel = place_key(place, "kernel_size"), at_more = place_key(place, "output_padding");
    double padded = config->filters;
    for (int axis = 0; axis < 2; axis++) {
        const struct span span = span_of(layer, axis);
        if (span.output < 1)
            return place_error(&at_more, error, "leaves nothing of the output with this kernel_size; make it larger");
        padded *= (double)(span.output + span.crop);
    }
    if (padded <= INT_MAX) return 0;
    return place_error(&at_kernel, error,
                       "(%d,%d) with strides (%d,%d) makes the image larger than %d numbers; use smaller ones",
                       config->sliding.kernel[0], config->sliding.kernel[1], config->sliding.stride[0],
                       config->sliding.stride[1], INT_MAX);
}

static int check(const struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d_transpose *config = layer->config;
    if (layer_needs_image(layer, place, error) != 0 || convolution_check_steps(&config->sliding, place, error) != 0)
        return -1;
    return check_output_padding(layer, place, error) != 0 ? -1 : check_spans(layer, place, error);
}

static int declare(struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d_transpose *config = layer->config;
    const int *size = config->sliding.kernel;
    const struct shape kernel_shape = {4, {size[0], size[1], config->filters, layer->input.size[2]}};
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

static struct conv_passes dual_of(const struct layer *layer) {
    const struct geometry geometry = dual_geometry(layer);
    return (struct conv_passes){geometry, 1, layer->input.size[2], layer->form, 0};
}

static void set_reach(struct layer *layer) {
    const struct conv2d_transpose *config = layer->config;
    const int *kernel = config->sliding.kernel, *stride = config->sliding.stride;
    for (int axis = 0; axis < 2; axis++) {
        layer->reach.extent[axis] = (int)geometry_extent(&config->sliding, axis);
        layer->reach.finer[axis] = stride[axis];
    }
    if (kernel[0] < stride[0] || kernel[1] < stride[1])
        snprintf(layer->note, sizeof layer->note,
                 "has strides (%d,%d) beyond its kernel (%d,%d): cells between get the "
                 "bias alone",
                 stride[0], stride[1], kernel[0], kernel[1]);
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d_transpose *config = layer->config;
    if (check(layer, place, error) != 0 || declare(layer, place, error) != 0) return -1;
    const struct geometry g = dual_geometry(layer);
    const struct shape output = {3, {g.input[0], g.input[1], config->filters}};
    if (layer_set_output(layer, output, place, error) != 0 ||
        conv_passes_check(&g, layer->input.size[2], config->algorithm, place, error) != 0)
        return -1;
    const enum algorithm algorithm = (enum algorithm)config->algorithm;
    layer->form = conv_passes_of(&g, 1, layer->input.size[2], algorithm).form;
    const struct conv_passes dual = dual_of(layer);
    layer->scratch_bytes = conv_passes_scratch_bytes(&dual);
    layer->packed_floats = conv_passes_packed_floats(&dual);
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    layer->multiplications = (double)elements_of(&layer->parameters[0].shape) * g.output[0] * g.output[1];
    set_reach(layer);
    return 0;
}

/* ---- the passes ---- */

/* The dual's x is the gradient of y, its output gradient is x. */
static struct pass exchanged(const struct pass *pass) {
    struct pass dual = *pass;
    dual.x = pass->dy;
    dual.dy = pass->x;
    dual.y = pass->dx;
    dual.dx = pass->y;
    return dual;
}

static void pack(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    const struct conv_passes dual = dual_of(layer);
    const struct packs_wanted wanted = {.forward = pass->training, .data = true};
    conv_passes_pack(&dual, pass, wanted, packed, part, parts);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct conv_passes dual = dual_of(layer);
    const struct pass inner = exchanged(pass);
    conv_passes_data_gradient(&dual, &inner, layer->parameter_count > 1 ? pass->parameters[1] : NULL);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const struct conv_passes dual = dual_of(layer);
    const struct pass inner = exchanged(pass);
    const int pixels = layer->output.size[0] * layer->output.size[1], filters = layer->output.size[2];
    float *kernel = wanted_gradient(pass, 0), *bias = layer->parameter_count > 1 ? wanted_gradient(pass, 1) : NULL;
    for (int n = 0; n < pass->images && bias; n++)
        pass->kernels->column_sums(pixels, filters, pass->dy + (ptrdiff_t)n * pixels * filters, bias);
    if (kernel) conv_passes_kernel_gradient(&dual, &inner, kernel);
    if (pass->dx) conv_passes_forward(&dual, &inner, NULL);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct geometry dual = dual_geometry(layer);
    struct graph_window window = geometry_describe(&dual);
    for (int axis = 0; axis < 2; axis++) window.output[axis] = dual.input[axis];
    const int kernel = graph_parameter(graph, 0);
    return graph_convolve_back(graph, x, kernel, layer->parameter_count > 1 ? graph_parameter(graph, 1) : GRAPH_NONE,
                               &window);
}

static const struct layer_example examples[] = {
    {"{\"filters\": 4, \"kernel_size\": 3, \"strides\": 2, \"padding\": \"same\", \"activation\": \"relu\"}",
     {3, {4, 3, 5}}},
    {"{\"filters\": 9, \"kernel_size\": [3, 2], \"strides\": [2, 3]}", {3, {3, 4, 10}}},
    {"{\"filters\": 3, \"kernel_size\": 3, \"dilation_rate\": [1, 2], \"use_bias\": false}", {3, {4, 3, 2}}},
    {"{\"filters\": 2, \"kernel_size\": 2, \"strides\": 3, \"activation\": \"tanh\"}", {3, {3, 2, 3}}},
    {"{\"filters\": 10, \"kernel_size\": 5, \"strides\": 3, \"padding\": \"same\", \"output_padding\": [2, 0]}",
     {3, {2, 3, 9}}},
    {"{\"filters\": 12, \"kernel_size\": 3, \"padding\": \"same\", \"algorithm\": \"winograd\"}", {3, {5, 6, 8}}},
    {"{\"filters\": 20, \"kernel_size\": 1, \"activation\": \"elu\"}", {3, {4, 3, 6}}},
    {0},
};

static const struct layer_page page = {
    .text = "The transpose of a convolution, wrongly called deconvolution: each input cell is spread over a window of "
            "the output, weighted by the kernel, and what overlaps is added up. With strides it makes images larger by "
            "learned weights. Kernel sizes that are no multiple of the strides leave a checkerboard; UpSampling2D with "
            "a Conv2D behind it does not.\n"
            "  y[r*s + i*d, p*s + j*d, f] += x[r,p,c] * kernel[i,j,f,c]\n",
    .shapes = "input (height, width, channels), output (out height, out width, filters)\n"
              "out = (in - 1) * strides + max(extent, strides) with padding valid, extent = (kernel_size - 1) * "
              "dilation_rate + 1\n"
              "out = in * strides with padding same\n"
              "kernel (kernel height, kernel width, filters, channels), bias (filters)\n",
    .cost = "multiplications: height * width * kernel height * kernel width * channels * filters\n"
            "parameters: kernel height * kernel width * channels * filters + filters\n",
    .references = "Zeiler et al. 2010, Deconvolutional networks\n"
                  "Odena, Dumoulin and Olah 2016, Deconvolution and checkerboard artifacts\n",
    .see_also = "UpSampling2D, Conv2D\n",
    .example = {"{\"filters\": 8, \"kernel_size\": 4, \"strides\": 2, \"padding\": \"same\"}", {3, {16, 16, 16}}},
};

const struct layer_kind conv2d_transpose_layer = {
    .component = {.name = "Conv2DTranspose",
                  .alias = "Convolution2DTranspose",
                  .summary = "convolution turned round: spreads every input over a window, enlarges images by strides",
                  .fields = fields,
                  .size = sizeof(struct conv2d_transpose)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .pack = pack,
    .examples = examples,
    .page = &page,
};
