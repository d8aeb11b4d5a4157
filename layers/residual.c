/* Residual: a block of layers whose output is added to what went into it (He et al. 2016).
 *
 * x (n,oh,ow,f) what the last layer of the block gives  second (n,h,w,c) what its first one begins with
 * kernel (1,1,c,f)  bias (f)  y (n,oh,ow,f)
 * y[r][p] = x[r][p] + second[r*stride][p*stride] times kernel + bias, or x + second where the two have one shape and
 * nothing else is asked for. Vectors, (n,f) and (n,c), are images of one pixel whose kernel is (c,f).
 *
 * The model runs the block's layers as it runs all others; this one is the sum at their end. */
#include <string.h>

#include "core/graph.h"
#include "layers/parts.h"

enum projection { PROJECTION_AUTO, PROJECTION_TRUE, PROJECTION_FALSE };
static const char *const projection_names[] = {"auto", "true", "false", NULL};

struct residual {
    struct layer_common common;
    struct component_list layers;
    int projection; /* enum projection */
    struct component activation, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        kernel_constraint, bias_constraint, activity_regularizer;
    bool use_bias;
};

enum { KERNEL, BIAS }; /* the parameters */

static const struct field fields[] = {
    {FIELD_AT(residual, layers), .type = FIELD_COMPONENTS, .of = "layer", .help = "the block, in order"},
    {FIELD_AT(residual, projection), .type = FIELD_CHOICE, .fallback = "\"auto\"", .choices = projection_names,
     .help = "a 1x1 convolution, with the block's strides, of what is added; auto: where the shapes differ"},
    FIELD_ACTIVATION(residual),
    FIELD_USE_BIAS(residual),
    FIELD_INITIALIZER(residual, kernel_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(residual, bias_initializer, "zeros"),
    FIELD_REGULARIZER(residual, kernel_regularizer),
    FIELD_REGULARIZER(residual, bias_regularizer),
    FIELD_ACTIVITY_REGULARIZER(residual),
    FIELD_CONSTRAINT(residual, kernel_constraint),
    FIELD_CONSTRAINT(residual, bias_constraint),
    {0},
};

static int check(const void *config, const struct place *place, struct error *error) {
    const struct place at_layers = place_key(place, "layers");
    if (((const struct residual *)config)->layers.count > 0) return 0;
    return place_error(&at_layers, error, "is empty; a block has at least one layer");
}

static const struct component_list *inner(const void *config) {
    return &((const struct residual *)config)->layers;
}

/* ---- the projection ---- */

/* A line is a row of the output, or all of it where the pixels of `second` follow each other. */
struct projection_lines {
    int count, pixels, from, to;  /* lines of an image, pixels of a line, c, f */
    size_t line_step, image_step; /* floats of second from line to line, image to image */
    ptrdiff_t pixel_step;         /* floats of second from pixel to pixel */
};

static bool projects(const struct layer *layer) {
    return layer->parameter_count > 0;
}

static bool same_shape(const struct shape *a, const struct shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->size[i] != b->size[i]) return false;
    return true;
}

static int steps_of(int size, int stride) {
    return (size - 1) / stride + 1;
}

/* The stride that makes `size` cells `wanted`: the block's own where that is one, else the smallest. 0: none does. */
static int stride_of(int size, int wanted, int own) {
    if (own > 0 && steps_of(size, own) == wanted) return own;
    for (int stride = 1; stride <= size; stride++)
        if (steps_of(size, stride) == wanted) return stride;
    return 0;
}

static void find_strides(const struct layer *layer, int stride[2]) {
    for (int axis = 0; axis < 2; axis++)
        stride[axis] = layer->input.rank == 3
                           ? stride_of(layer->second.size[axis], layer->input.size[axis], layer->second_stride[axis])
                           : 1;
}

static struct projection_lines lines_of(const struct layer *layer) {
    const struct shape *second = &layer->second;
    const int channels = second->size[second->rank - 1], filters = layer->output.size[layer->output.rank - 1];
    struct projection_lines lines = {.count = 1, .pixels = 1, .from = channels, .to = filters};
    lines.pixel_step = channels;
    lines.image_step = elements_of(second);
    if (second->rank == 1) return lines;
    int stride[2];
    find_strides(layer, stride);
    const bool in_one = stride[0] == 1 && stride[1] == 1;
    lines.count = in_one ? 1 : layer->output.size[0];
    lines.pixels = in_one ? layer->output.size[0] * layer->output.size[1] : layer->output.size[1];
    lines.pixel_step = (ptrdiff_t)stride[1] * channels;
    lines.line_step = (size_t)stride[0] * (size_t)second->size[1] * (size_t)channels;
    return lines;
}

static int declare(struct layer *layer, const struct place *place, struct error *error) {
    const struct residual *config = layer->config;
    const bool is_image = layer->input.rank == 3;
    const int channels = layer->second.size[layer->second.rank - 1], filters = layer->input.size[layer->input.rank - 1];
    const struct shape image_kernel = {4, {1, 1, channels, filters}}, vector_kernel = {2, {channels, filters}};
    struct parameter *kernel = layer_declare(layer, "kernel", is_image ? image_kernel : vector_kernel,
                                             &config->kernel_initializer, place, error);
    if (!kernel) return -1;
    kernel->regularizer = config->kernel_regularizer;
    kernel->constraint = config->kernel_constraint;
    if (!config->use_bias) return 0;
    struct parameter *bias =
        layer_declare(layer, "bias", (struct shape){1, {filters}}, &config->bias_initializer, place, error);
    if (!bias) return -1;
    bias->regularizer = config->bias_regularizer;
    bias->constraint = config->bias_constraint;
    return 0;
}

static int check_projection(const struct layer *layer, const struct place *place, struct error *error) {
    const struct residual *config = layer->config;
    const struct place at_projection = place_key(place, "projection");
    char from[SHAPE_TEXT_SIZE], to[SHAPE_TEXT_SIZE];
    shape_text(&layer->second, from, sizeof from);
    shape_text(&layer->input, to, sizeof to);
    if (config->projection == PROJECTION_FALSE)
        return place_error(&at_projection, error,
                           "is false, but the block turns %s into %s, and only equal shapes add up; leave it out", from,
                           to);
    const int rank = layer->input.rank;
    int stride[2] = {0};
    if (rank == layer->second.rank && (rank == 1 || rank == 3)) find_strides(layer, stride);
    if (stride[0] > 0 && stride[1] > 0) return 0;
    return place_error(
        place, error,
        "the block turns %s into %s, which no 1x1 convolution with strides does; use \"padding\": \"same\" "
        "inside, and sizes that the strides divide",
        from, to);
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct residual *config = layer->config;
    layer->output = layer->input;
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    if (same_shape(&layer->input, &layer->second) && config->projection != PROJECTION_TRUE) return 0;
    if (check_projection(layer, place, error) != 0 || declare(layer, place, error) != 0) return -1;
    const struct projection_lines lines = lines_of(layer);
    layer->packed_floats = elements_of(&layer->parameters[KERNEL].shape);
    layer->multiplications = (double)layer->packed_floats * lines.count * lines.pixels;
    return 0;
}

/* ---- arithmetic ---- */

/* y (pixels,f) = second (pixels,c) times kernel (c,f) + bias, for a line */
static void project(const struct projection_lines *lines, const struct pass *pass, const float *second,
                    const float *bias, float *y) {
    const struct product product = {
        .m = lines->pixels,
        .n = lines->to,
        .taps = 1,
        .depth = lines->from,
        .a = second,
        .row = lines->pixel_step,
        .column = 1,
        .b = pass->parameters[KERNEL],
        .b_row = lines->to,
        .c = y,
        .c_row = lines->to,
        .bias = bias,
    };
    pass->kernels->product(&product);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct residual *config = layer->config;
    const size_t count = (size_t)pass->images * elements_of(&layer->output);
    if (!projects(layer)) {
        memcpy(pass->y, pass->second, count * sizeof *pass->y);
        pass->kernels->add(count, pass->x, pass->y);
        return;
    }
    const struct projection_lines lines = lines_of(layer);
    const float *bias = config->use_bias ? pass->parameters[BIAS] : NULL;
    float *y = pass->y;
    for (int n = 0; n < pass->images; n++)
        for (int line = 0; line < lines.count; line++, y += (ptrdiff_t)lines.pixels * lines.to)
            project(&lines, pass, pass->second + (size_t)n * lines.image_step + (size_t)line * lines.line_step, bias,
                    y);
    pass->kernels->add(count, pass->x, pass->y);
}

/* packed (f,c) = the transposed kernel */
static void pack(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    (void)parts;
    if (!projects(layer) || part != 0) return;
    const struct projection_lines lines = lines_of(layer);
    matrix_transpose(lines.from, lines.to, pass->parameters[KERNEL], packed);
}

/* gradient (c,f) += transposed second (c,pixels) times dy (pixels,f) */
static void add_kernel_gradient(const struct projection_lines *lines, const struct pass *pass, const float *second,
                                const float *dy, float *gradient) {
    const struct product product = {
        .m = lines->from,
        .n = lines->to,
        .taps = 1,
        .depth = lines->pixels,
        .a = second,
        .row = 1,
        .column = lines->pixel_step,
        .b = dy,
        .b_row = lines->to,
        .c = gradient,
        .c_row = lines->to,
        .accumulate = true,
    };
    pass->kernels->product(&product);
}

/* dsecond (pixels,c) = dy (pixels,f) times the transposed kernel (f,c); what lies between the pixels stays */
static void project_back(const struct projection_lines *lines, const struct pass *pass, const float *dy,
                         float *dsecond) {
    const struct product product = {
        .m = lines->pixels,
        .n = lines->from,
        .taps = 1,
        .depth = lines->to,
        .a = dy,
        .row = lines->to,
        .column = 1,
        .b = pass->packed,
        .b_row = lines->from,
        .c = dsecond,
        .c_row = lines->pixel_step,
    };
    pass->kernels->product(&product);
}

static void backward_projection(const struct layer *layer, const struct pass *pass) {
    const struct residual *config = layer->config;
    const struct projection_lines lines = lines_of(layer);
    float *kernel = wanted_gradient(pass, KERNEL), *bias = config->use_bias ? wanted_gradient(pass, BIAS) : NULL;
    const float *dy = pass->dy;
    if (bias) pass->kernels->column_sums(pass->images * lines.count * lines.pixels, lines.to, dy, bias);
    if (pass->dsecond) memset(pass->dsecond, 0, (size_t)pass->images * lines.image_step * sizeof *pass->dsecond);
    for (int n = 0; n < pass->images; n++)
        for (int line = 0; line < lines.count; line++, dy += (ptrdiff_t)lines.pixels * lines.to) {
            const size_t at = (size_t)n * lines.image_step + (size_t)line * lines.line_step;
            if (kernel) add_kernel_gradient(&lines, pass, pass->second + at, dy, kernel);
            if (pass->dsecond) project_back(&lines, pass, dy, pass->dsecond + at);
        }
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const size_t bytes = (size_t)pass->images * elements_of(&layer->output) * sizeof *pass->dy;
    if (pass->dx) memcpy(pass->dx, pass->dy, bytes);
    if (projects(layer))
        backward_projection(layer, pass);
    else if (pass->dsecond)
        memcpy(pass->dsecond, pass->dy, bytes);
}

static int describe_projection(const struct layer *layer, struct graph *graph) {
    const bool use_bias = ((const struct residual *)layer->config)->use_bias;
    const int kernel = graph_parameter(graph, KERNEL), bias = use_bias ? graph_parameter(graph, BIAS) : GRAPH_NONE;
    if (layer->second.rank == 1) return graph_matrix(graph, graph->second, kernel, bias);
    struct graph_window window = {
        .size = {1, 1}, .dilation = {1, 1}, .output = {layer->output.size[0], layer->output.size[1]}, .groups = 1};
    find_strides(layer, window.stride);
    return graph_convolve(graph, graph->second, kernel, bias, &window);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    const int second = projects(layer) ? describe_projection(layer, graph) : graph->second;
    return graph_combine(graph, GRAPH_ADD, second, x);
}

static const struct layer_example examples[] = {
    {"{\"layers\": [{\"type\": \"Conv2D\", \"filters\": 3, \"kernel_size\": 3, \"padding\": \"same\"}], "
     "\"activation\": "
     "\"relu\"}",
     {3, {5, 4, 3}}},
    {"{\"layers\": [{\"type\": \"Conv2D\", \"filters\": 5, \"kernel_size\": 3, \"padding\": \"same\", \"strides\": "
     "2}]}",
     {3, {5, 4, 3}}},
    {"{\"layers\": [{\"type\": \"Conv2D\", \"filters\": 18, \"kernel_size\": 1}], \"use_bias\": false}",
     {3, {3, 4, 17}}},
    {"{\"layers\": [{\"type\": \"Dense\", \"units\": 6}], \"activation\": \"tanh\"}", {1, {9}}},
    {"{\"layers\": [{\"type\": \"Dense\", \"units\": 7}], \"projection\": true}", {1, {7}}},
    {0},
};

static const struct layer_page page = {
    .text = "A block of layers with a way around it: what comes in is added to what the block makes of it. The block "
            "learns only what to change, gradients reach early layers undiminished, and much deeper networks can be "
            "trained. Where the block changes the shape, a projection (a 1x1 convolution) brings the input to it.\n"
            "  y = x + block(x)\n",
    .references = "He et al. 2016, Deep residual learning for image recognition\n",
    .see_also = "Conv2D, BatchNormalization\n",
};

const struct layer_kind residual_layer = {
    .component = {.name = "Residual",
                  .summary = "a block of layers whose output is added to its input",
                  .fields = fields,
                  .size = sizeof(struct residual),
                  .check = check,
                  .own = true},
    .infer = infer,
    .inner = inner,
    .forward = forward,
    .backward = backward,
    .pack = pack,
    .forgets_x = true,
    .describe = describe,
    .examples = examples,
    .page = &page,
};
