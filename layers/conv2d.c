/* Conv2D: every output is the sum over a window of the image times a kernel, the kernel not flipped.
 *
 * x (n,h,w,c)  kernel (kh,kw,c/groups,f)  bias (f)  y (n,oh,ow,f)
 * y[r][p][f] = bias[f] + sum over i, j, c of x[r*stride + i*dilation][p*stride + j*dilation][c] * kernel[i][j][c][f]
 * where x has its zero border, and f sees only the c of its own group. */
#include <string.h>

#include "layers/convolution.h"
#include "layers/winograd.h"

enum algorithm { ALGORITHM_AUTO, ALGORITHM_DIRECT, ALGORITHM_WINOGRAD };
static const char *const algorithm_names[] = {"auto", "direct", "winograd", NULL};

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
    {FIELD_AT(conv2d, algorithm), .type = FIELD_CHOICE, .fallback = "\"auto\"", .choices = algorithm_names,
     .help = "direct: term by term; winograd: fewer multiplications, 3x3 at strides 1 only; auto: the faster by shape"},
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

/* ---- the algorithm ---- */

static int check_algorithm(const struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d *config = layer->config;
    const struct geometry geometry = geometry_of(&layer->input, &config->sliding);
    const char *obstacle = winograd_obstacle(&geometry, config->groups);
    struct place at_algorithm = place_key(place, "algorithm");
    if (config->algorithm != ALGORITHM_WINOGRAD || !obstacle) return 0;
    return place_error(&at_algorithm, error, "winograd %s; use \"auto\" or \"direct\"", obstacle);
}

/* A choice by shape alone, so that the same config gives the same numbers everywhere. */
static bool is_winograd(const struct layer *layer) {
    const struct conv2d *config = layer->config;
    const struct geometry geometry = geometry_of(&layer->input, &config->sliding);
    if (winograd_obstacle(&geometry, config->groups) || config->algorithm == ALGORITHM_DIRECT) return false;
    return config->algorithm == ALGORITHM_WINOGRAD || winograd_gains(&geometry, config->filters);
}

/* The layer as two such convolutions: forward, and back to the input. */
struct winograds {
    struct winograd forward, backward;
};

static struct winograds winograds_of(const struct layer *layer) {
    const struct conv2d *config = layer->config;
    const struct geometry geometry = geometry_of(&layer->input, &config->sliding);
    return (struct winograds){winograd_forward(&geometry, config->filters),
                              winograd_backward(&geometry, config->filters)};
}

static void set_winograd_sizes(struct layer *layer) {
    const struct winograds winograd = winograds_of(layer);
    const size_t forward = winograd_scratch_bytes(&winograd.forward);
    const size_t backward = winograd_scratch_bytes(&winograd.backward);
    layer->scratch_bytes = forward > backward ? forward : backward;
    layer->packed_floats = winograd_packed_floats(&winograd.forward) + winograd_packed_floats(&winograd.backward);
}

/* ---- the image in memory ---- */

struct conv {
    struct geometry geometry;
    int groups, channels, filters; /* channels and filters of one group */
    int all_channels, all_filters;
    ptrdiff_t *offsets; /* (kh*kw) of the runs of a kernel, or (oh) of the windows' rows */
    float *padded;      /* (ph,pw,c); NULL where there is no border and x can be used as it is */
};

static struct conv conv_take(const struct layer *layer, struct pieces *pieces) {
    const struct conv2d *config = layer->config;
    struct conv conv = {
        .geometry = geometry_of(&layer->input, &config->sliding),
        .groups = config->groups,
        .channels = layer->input.size[2] / config->groups,
        .filters = config->filters / config->groups,
        .all_channels = layer->input.size[2],
        .all_filters = config->filters,
    };
    const struct geometry *g = &conv.geometry;
    const size_t taps = (size_t)g->kernel[0] * (size_t)g->kernel[1], rows = (size_t)g->output[0];
    conv.offsets = pieces_take(pieces, taps > rows ? taps : rows, sizeof *conv.offsets);
    if (geometry_is_padded(g))
        conv.padded =
            pieces_take(pieces, (size_t)g->padded[0] * (size_t)g->padded[1] * (size_t)conv.all_channels, sizeof(float));
    return conv;
}

/* A 1x1 kernel that looks at every pixel sees neither rows nor columns: the image is one row of h*w pixels. */
static void join_rows(struct geometry *g) {
    bool pointwise = g->kernel[0] == 1 && g->kernel[1] == 1 && g->stride[0] == 1 && g->stride[1] == 1;
    if (!pointwise) return;
    const int pixels = g->input[0] * g->input[1];
    g->input[0] = g->padded[0] = g->output[0] = 1;
    g->input[1] = g->padded[1] = g->output[1] = pixels;
}

static struct conv conv_of(const struct layer *layer, const struct pass *pass) {
    struct conv conv = conv_take(layer, &(struct pieces){.memory = pass->scratch});
    join_rows(&conv.geometry);
    return conv;
}

static const float *padded_image(const struct conv *conv, const float *x) {
    if (!conv->padded) return x;
    convolution_pad(&conv->geometry, 1, x, conv->padded);
    return conv->padded;
}

/* A run is a stretch of floats that lie one behind the other in the image as well as in the kernel. With one group and
 * no dilation along the width a whole kernel row is one (kw*c floats), otherwise every tap (c/groups floats). The
 * kernel in memory is then (runs, depth, f). */
struct runs {
    int rows, columns, depth; /* rows * columns runs */
};

static struct runs runs_of(const struct conv *conv) {
    const struct geometry *g = &conv->geometry;
    if (conv->groups == 1 && g->dilation[1] == 1) return (struct runs){g->kernel[0], 1, g->kernel[1] * conv->channels};
    return (struct runs){g->kernel[0], g->kernel[1], conv->channels};
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d *config = layer->config;
    struct geometry g;
    if (convolution_infer(layer, &config->sliding, place, &g, error) != 0) return -1;
    if (check_groups(layer, place, error) != 0 || declare(layer, place, error) != 0) return -1;
    const struct shape output = {3, {g.output[0], g.output[1], config->filters}};
    if (layer_set_output(layer, output, place, error) != 0 || check_algorithm(layer, place, error) != 0) return -1;

    struct pieces pieces = {0};
    conv_take(layer, &pieces);
    layer->scratch_bytes = pieces.used;
    layer->activation = config->activation;
    layer->packed_floats = elements_of(&layer->parameters[0].shape);
    layer->multiplications = (double)layer->packed_floats * g.output[0] * g.output[1];
    if (is_winograd(layer)) set_winograd_sizes(layer);
    return 0;
}

/* ---- forward ---- */

/* One row of outputs is one product: m = its ow pixels, n = the group's filters, a sum over the kernel's runs. */
static void forward_image(const struct conv *conv, const struct pass *pass, const float *x, const float *bias,
                          float *y) {
    const struct geometry *g = &conv->geometry;
    const struct runs runs = runs_of(conv);
    const float *kernel = pass->parameters[0];
    for (int i = 0; i < runs.rows; i++)
        for (int j = 0; j < runs.columns; j++)
            conv->offsets[i * runs.columns + j] = geometry_tap(g, i, j, conv->all_channels);

    for (int r = 0; r < g->output[0]; r++, y += (ptrdiff_t)g->output[1] * conv->all_filters)
        for (int group = 0; group < conv->groups; group++) {
            const ptrdiff_t first_filter = (ptrdiff_t)group * conv->filters;
            const struct product product = {
                .m = g->output[1],
                .n = conv->filters,
                .taps = runs.rows * runs.columns,
                .depth = runs.depth,
                .a = x + geometry_window(g, r, 0, conv->all_channels) + (ptrdiff_t)group * conv->channels,
                .offsets = conv->offsets,
                .row = geometry_window(g, 0, 1, conv->all_channels),
                .column = 1,
                .b = kernel + first_filter,
                .b_tap = (ptrdiff_t)runs.depth * conv->all_filters,
                .b_row = conv->all_filters,
                .c = y + first_filter,
                .c_row = conv->all_filters,
                .bias = bias ? bias + first_filter : NULL,
            };
            pass->kernels->product(&product);
        }
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct conv2d *config = layer->config;
    const float *bias = config->use_bias ? pass->parameters[1] : NULL;
    if (is_winograd(layer)) {
        const struct winograds winograd = winograds_of(layer);
        winograd_convolve(&winograd.forward, pass, pass->x, pass->packed, bias, pass->y);
        return;
    }
    const struct conv conv = conv_of(layer, pass);
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    for (int n = 0; n < pass->images; n++) {
        const float *x = padded_image(&conv, pass->x + (size_t)n * input);
        forward_image(&conv, pass, x, bias, pass->y + (size_t)n * output);
    }
}

/* ---- the gradient of the kernel ---- */

/* The convolution of the input with the output gradient: what a window sees at (r,p), times dy at (r,p), summed over
 * all positions. For a run of the kernel: m = the run's floats (the image's channels, one behind the other), a sum over
 * the output's rows (taps) and pixels (depth), n = the group's filters. */
static void kernel_gradient(const struct conv *conv, const struct kernels *kernels, const float *x, const float *dy,
                            float *gradient) {
    const struct geometry *g = &conv->geometry;
    const struct runs runs = runs_of(conv);
    for (int r = 0; r < g->output[0]; r++) conv->offsets[r] = geometry_window(g, r, 0, conv->all_channels);

    for (int run = 0; run < runs.rows * runs.columns; run++)
        for (int group = 0; group < conv->groups; group++) {
            const ptrdiff_t tap = geometry_tap(g, run / runs.columns, run % runs.columns, conv->all_channels);
            const ptrdiff_t first_filter = (ptrdiff_t)group * conv->filters;
            const struct product product = {
                .m = runs.depth,
                .n = conv->filters,
                .taps = g->output[0],
                .depth = g->output[1],
                .a = x + tap + (ptrdiff_t)group * conv->channels,
                .offsets = conv->offsets,
                .row = 1,
                .column = geometry_window(g, 0, 1, conv->all_channels),
                .b = dy + first_filter,
                .b_tap = (ptrdiff_t)g->output[1] * conv->all_filters,
                .b_row = conv->all_filters,
                .c = gradient + (ptrdiff_t)run * runs.depth * conv->all_filters + first_filter,
                .c_row = conv->all_filters,
                .accumulate = true,
            };
            kernels->product(&product);
        }
}

/* ---- the gradient of the input ---- */

static void pack_winograd(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    const struct winograds winograd = winograds_of(layer);
    const float *kernel = pass->parameters[0];
    winograd_pack_forward(&winograd.forward, pass->kernels, kernel, packed, part, parts);
    packed += winograd_packed_floats(&winograd.forward);
    if (pass->training) winograd_pack_backward(&winograd.backward, pass->kernels, kernel, packed, part, parts);
}

/* packed (kh,kw,f,c/groups) = the kernel with its two last axes swapped: a tap's matrix takes dy back to the input. */
static void pack(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    if (is_winograd(layer)) {
        pack_winograd(layer, pass, packed, part, parts);
        return;
    }
    if (!pass->training) return;
    const int *size = layer->parameters[0].shape.size;
    const ptrdiff_t tap = (ptrdiff_t)size[2] * size[3];
    for (ptrdiff_t t = part; t < (ptrdiff_t)size[0] * size[1]; t += parts)
        matrix_transpose(size[2], size[3], pass->parameters[0] + t * tap, packed + t * tap);
}

/* Every output gives its gradient back to the cells it was made of: for each row of outputs and each tap, the cells
 * under that tap += dy (ow,f) times the tap's transposed kernel (f,c). dx (ph,pw,c) is zero before. */
static void data_gradient(const struct conv *conv, const struct pass *pass, const float *dy, float *dx) {
    const struct geometry *g = &conv->geometry;
    const int taps = g->kernel[0] * g->kernel[1];
    for (int r = 0; r < g->output[0]; r++, dy += (ptrdiff_t)g->output[1] * conv->all_filters)
        for (int tap = 0; tap < taps; tap++)
            for (int group = 0; group < conv->groups; group++) {
                const ptrdiff_t first_filter = (ptrdiff_t)group * conv->filters;
                const ptrdiff_t cells = geometry_window(g, r, 0, conv->all_channels) +
                                        geometry_tap(g, tap / g->kernel[1], tap % g->kernel[1], conv->all_channels);
                const struct product product = {
                    .m = g->output[1],
                    .n = conv->channels,
                    .taps = 1,
                    .depth = conv->filters,
                    .a = dy + first_filter,
                    .row = conv->all_filters,
                    .column = 1,
                    .b = pass->packed + ((ptrdiff_t)tap * conv->all_filters + first_filter) * conv->channels,
                    .b_row = conv->channels,
                    .c = dx + cells + (ptrdiff_t)group * conv->channels,
                    .c_row = geometry_window(g, 0, 1, conv->all_channels),
                    .accumulate = true,
                };
                pass->kernels->product(&product);
            }
}

static void write_dx(const struct conv *conv, const struct pass *pass, const float *dy, float *dx) {
    const struct geometry *g = &conv->geometry;
    float *padded = conv->padded ? conv->padded : dx;
    memset(padded, 0, (size_t)g->padded[0] * (size_t)g->padded[1] * (size_t)conv->all_channels * sizeof *padded);
    data_gradient(conv, pass, dy, padded);
    if (conv->padded) convolution_crop(g, 1, padded, dx);
}

static void backward_winograd(const struct layer *layer, const struct pass *pass) {
    const struct winograds winograd = winograds_of(layer);
    const int pixels = layer->output.size[0] * layer->output.size[1], filters = layer->output.size[2];
    const float *packed = pass->packed + winograd_packed_floats(&winograd.forward);
    float *kernel = wanted_gradient(pass, 0), *bias = layer->parameter_count > 1 ? wanted_gradient(pass, 1) : NULL;
    if (kernel) winograd_kernel_gradient(&winograd.forward, pass, pass->x, pass->dy, kernel);
    for (int n = 0; n < pass->images && bias; n++)
        pass->kernels->column_sums(pixels, filters, pass->dy + (ptrdiff_t)n * pixels * filters, bias);
    if (pass->dx) winograd_convolve(&winograd.backward, pass, pass->dy, packed, NULL, pass->dx);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    if (is_winograd(layer)) {
        backward_winograd(layer, pass);
        return;
    }
    const struct conv2d *config = layer->config;
    const struct conv conv = conv_of(layer, pass);
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    float *kernel = wanted_gradient(pass, 0), *bias = config->use_bias ? wanted_gradient(pass, 1) : NULL;
    for (int n = 0; n < pass->images; n++) {
        const float *dy = pass->dy + (size_t)n * output;
        if (kernel) kernel_gradient(&conv, pass->kernels, padded_image(&conv, pass->x + (size_t)n * input), dy, kernel);
        if (bias)
            pass->kernels->column_sums(conv.geometry.output[0] * conv.geometry.output[1], conv.all_filters, dy, bias);
        if (pass->dx) write_dx(&conv, pass, dy, pass->dx + (size_t)n * input);
    }
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
