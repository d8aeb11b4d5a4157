/* Conv2D: every output is the sum over a window of the image times a kernel, the kernel not flipped.
 *
 * x (n,h,w,c)  kernel (kh,kw,c/groups,f)  bias (f)  y (n,oh,ow,f)
 * y[r][p][f] = bias[f] + sum over i, j, c of x[r*stride + i*dilation][p*stride + j*dilation][c] * kernel[i][j][c][f]
 * where x has its zero border, and f sees only the c of its own group. */
#include <string.h>

#include "layers/depthwise.h"
#include "layers/phase.h"
#include "layers/planar.h"
#include "layers/sweep.h"
#include "layers/winograd.h"

/* What a config may say, and what direct means where every channel is a group of its own. */
enum algorithm { ALGORITHM_AUTO, ALGORITHM_DIRECT, ALGORITHM_WINOGRAD, ALGORITHM_DEPTHWISE };
static const char *const algorithm_names[] = {"auto", "direct", "winograd", NULL};

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
    kernel->constraint = config->kernel_constraint;
    if (!config->use_bias) return 0;
    struct parameter *bias = layer_declare(layer, "bias", bias_shape, &config->bias_initializer, place, error);
    if (!bias) return -1;
    bias->regularizer = config->bias_regularizer;
    bias->constraint = config->bias_constraint;
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

/* Groups of one channel make a depthwise convolution: the kernel (kh,kw,1,f) lies in memory as (kh,kw,c,f/c) does. */
static bool is_depthwise(const struct geometry *g, int groups, int filters) {
    return groups > 1 && groups == g->channels && (double)g->padded[0] * g->padded[1] * filters <= INT_MAX;
}

/* A choice by shape alone, so that the same config gives the same numbers everywhere. */
static enum algorithm algorithm_of(const struct layer *layer) {
    const struct conv2d *config = layer->config;
    const struct geometry geometry = geometry_of(&layer->input, &config->sliding);
    if (is_depthwise(&geometry, config->groups, config->filters)) return ALGORITHM_DEPTHWISE;
    if (config->algorithm != ALGORITHM_AUTO) return (enum algorithm)config->algorithm;
    if (winograd_obstacle(&geometry, config->groups)) return ALGORITHM_DIRECT;
    return winograd_gains(&geometry, config->filters) ? ALGORITHM_WINOGRAD : ALGORITHM_DIRECT;
}

/* ---- the image in memory ---- */

struct conv {
    struct geometry geometry;
    struct geometry dy; /* of the output gradient as an image, with the border that its taps reach */
    int images;
    int groups, channels, filters; /* channels and filters of one group */
    int all_channels, all_filters;
    ptrdiff_t *offsets; /* (kh*kw) of the runs of a kernel, or (oh) of the windows' rows */
    float *padded;      /* x or dy with its zero border */
    float *columns;     /* (oh*ow,SWEEP_COLUMNS_MOST): some columns of dy */
};

/* Of dy beyond so many filters a few columns at a time are copied together, which no cache has trouble with. */
enum { FILTERS_WIDE = 32 };

static size_t padded_floats(const struct geometry *g) {
    if (!geometry_is_padded(g)) return 0;
    return (size_t)g->padded[0] * (size_t)g->padded[1] * (size_t)g->channels;
}

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
    conv.dy = phase_geometry(g, config->filters);
    const size_t taps = (size_t)g->kernel[0] * (size_t)g->kernel[1], rows = (size_t)g->output[0];
    const size_t x = padded_floats(g), dy = padded_floats(&conv.dy);
    conv.offsets = pieces_take(pieces, taps > rows ? taps : rows, sizeof *conv.offsets);
    conv.padded = pieces_take(pieces, x > dy ? x : dy, sizeof(float));
    conv.columns = pieces_take(pieces, rows * (size_t)g->output[1] * SWEEP_COLUMNS_MOST, sizeof(float));
    return conv;
}

/* A 1x1 kernel that looks at every pixel sees neither rows nor columns: an image is one row of pixels, and so are
 * `together` images. */
static void join_rows(struct conv *conv, int together) {
    struct geometry *g = &conv->geometry;
    bool pointwise = g->kernel[0] == 1 && g->kernel[1] == 1 && g->stride[0] == 1 && g->stride[1] == 1;
    if (!pointwise) return;
    const int pixels = together * g->input[0] * g->input[1];
    g->input[0] = g->padded[0] = g->output[0] = 1;
    g->input[1] = g->padded[1] = g->output[1] = pixels;
    conv->dy = phase_geometry(g, conv->all_filters);
    conv->images /= together;
}

static struct conv conv_of(const struct layer *layer, const struct pass *pass, int together) {
    struct conv conv = conv_take(layer, &(struct pieces){.memory = pass->scratch});
    conv.images = pass->images;
    join_rows(&conv, together);
    return conv;
}

static const float *with_border(const struct geometry *geometry, const float *image, float *padded) {
    if (!geometry_is_padded(geometry)) return image;
    convolution_pad(geometry, image, padded);
    return padded;
}

/* ---- forward ---- */

static struct sweep forward_sweep(const struct conv *conv) {
    const struct geometry *g = &conv->geometry;
    const int all = conv->all_channels;
    const bool whole_rows = conv->groups == 1 && g->dilation[1] == 1;
    return (struct sweep){.groups = conv->groups,
                          .rows = g->output[0],
                          .pixels = g->output[1],
                          .run_rows = g->kernel[0],
                          .run_columns = whole_rows ? 1 : g->kernel[1],
                          .depth = whole_rows ? g->kernel[1] * conv->channels : conv->channels,
                          .row = geometry_window(g, 1, 0, all),
                          .pixel = geometry_window(g, 0, 1, all),
                          .run_row = geometry_tap(g, 1, 0, all),
                          .run_column = geometry_tap(g, 0, 1, all),
                          .y_row = (ptrdiff_t)g->output[1] * conv->all_filters,
                          .y_pixel = conv->all_filters,
                          .channels = conv->channels,
                          .filters = conv->filters};
}

static void forward_direct(const struct layer *layer, const struct pass *pass, const float *bias) {
    const struct conv conv = conv_of(layer, pass, pass->images);
    const struct sweep sweep = forward_sweep(&conv);
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    for (int n = 0; n < conv.images; n++) {
        const float *x = with_border(&conv.geometry, pass->x + (size_t)n * input, conv.padded);
        sweep_image(&sweep, pass, conv.offsets, x, bias, pass->y + (size_t)n * output);
    }
}

/* ---- the gradient of the kernel ---- */

/* The convolution of the input with the output gradient: what a window sees at (r,p), times dy at (r,p), summed over
 * all positions. For a run of the kernel: m = the run's floats (the image's channels, one behind the other), a sum over
 * the output's rows (taps) and pixels (depth), n = some filters of the group. */
static void kernel_gradient_columns(const struct conv *conv, const struct kernels *kernels, int group, int first,
                                    int count, const float *x, const float *dy, float *gradient) {
    const struct geometry *g = &conv->geometry;
    const struct sweep sweep = forward_sweep(conv);
    const ptrdiff_t filter = (ptrdiff_t)group * conv->filters + first;
    const bool wide = conv->all_filters > FILTERS_WIDE;
    if (wide)
        matrix_copy_columns(g->output[0] * g->output[1], count, dy + filter, conv->all_filters, conv->columns, count);
    const ptrdiff_t b_row = wide ? count : conv->all_filters;

    for (int run = 0; run < sweep.run_rows * sweep.run_columns; run++) {
        const ptrdiff_t tap = run / sweep.run_columns * sweep.run_row + run % sweep.run_columns * sweep.run_column;
        const struct product product = {
            .m = sweep.depth,
            .n = count,
            .taps = g->output[0],
            .depth = g->output[1],
            .a = x + tap + (ptrdiff_t)group * conv->channels,
            .offsets = conv->offsets,
            .row = 1,
            .column = sweep.pixel,
            .b = wide ? conv->columns : dy + filter,
            .b_tap = g->output[1] * b_row,
            .b_row = b_row,
            .c = gradient + (ptrdiff_t)run * sweep.depth * conv->all_filters + filter,
            .c_row = conv->all_filters,
            .accumulate = true,
        };
        kernels->product(&product);
    }
}

static void kernel_gradient_image(const struct conv *conv, const struct kernels *kernels, const float *x,
                                  const float *dy, float *gradient) {
    const struct geometry *g = &conv->geometry;
    const bool wide = conv->all_filters > FILTERS_WIDE;
    for (int r = 0; r < g->output[0]; r++) conv->offsets[r] = geometry_window(g, r, 0, conv->all_channels);
    for (int group = 0; group < conv->groups; group++)
        for (int first = 0, count; first < conv->filters; first += count) {
            count = wide ? sweep_columns(kernels, conv->filters - first) : conv->filters;
            kernel_gradient_columns(conv, kernels, group, first, count, x, dy, gradient);
        }
}

static void kernel_gradient_direct(const struct layer *layer, const struct pass *pass, float *gradient) {
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    const struct conv conv = conv_of(layer, pass, 1);
    for (int n = 0; n < conv.images; n++) {
        const float *x = with_border(&conv.geometry, pass->x + (size_t)n * input, conv.padded);
        kernel_gradient_image(&conv, pass->kernels, x, pass->dy + (size_t)n * output, gradient);
    }
}

/* ---- the gradient of the input ---- */

/* The sweep that makes the inputs (row,column) and on in steps of the strides. */
static struct sweep backward_sweep(const struct conv *conv, int row, int column) {
    const struct geometry *g = &conv->geometry;
    const struct phase down = phase_at(g, 0, row), along = phase_at(g, 1, column);
    const ptrdiff_t pixel = conv->all_filters, dy_row = conv->dy.padded[1] * pixel;
    const ptrdiff_t x_row = (ptrdiff_t)g->input[1] * conv->all_channels;
    const bool whole_rows = conv->groups == 1 && g->dilation[1] == 1;
    const ptrdiff_t taps = (ptrdiff_t)phase_taps_before(g, 0, down.index) * g->kernel[1] +
                           down.taps * phase_taps_before(g, 1, along.index);
    const ptrdiff_t kernel = (ptrdiff_t)conv->filters * conv->all_channels; /* floats of a tap */
    return (struct sweep){.groups = conv->groups,
                          .rows = down.outputs,
                          .pixels = along.outputs,
                          .run_rows = down.taps,
                          .run_columns = whole_rows ? 1 : along.taps,
                          .depth = whole_rows ? along.taps * conv->filters : conv->filters,
                          .first =
                              (down.start + conv->dy.before[0]) * dy_row + (along.start + conv->dy.before[1]) * pixel,
                          .row = dy_row,
                          .pixel = pixel,
                          .run_row = g->dilation[0] * dy_row,
                          .run_column = g->dilation[1] * pixel,
                          .y_first = row * x_row + (ptrdiff_t)column * conv->all_channels,
                          .y_row = g->stride[0] * x_row,
                          .y_pixel = (ptrdiff_t)g->stride[1] * conv->all_channels,
                          .channels = conv->filters,
                          .filters = conv->channels,
                          .packed = ((ptrdiff_t)g->kernel[0] * g->kernel[1] + taps) * kernel};
}

static void data_gradient(const struct conv *conv, const struct pass *pass, const float *dy, float *dx) {
    const float *bordered = with_border(&conv->dy, dy, conv->padded);
    for (int row = 0; row < phase_count(&conv->geometry, 0); row++)
        for (int column = 0; column < phase_count(&conv->geometry, 1); column++) {
            const struct sweep sweep = backward_sweep(conv, row, column);
            sweep_image(&sweep, pass, conv->offsets, bordered, NULL, dx);
        }
}

static void data_gradient_direct(const struct layer *layer, const struct pass *pass) {
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    const struct conv conv = conv_of(layer, pass, pass->images);
    for (int n = 0; n < conv.images; n++)
        data_gradient(&conv, pass, pass->dy + (size_t)n * output, pass->dx + (size_t)n * input);
}

/* ---- the packed kernel: of the forward sweep, then of the backward ones ---- */

static void pack_forward(const struct conv *conv, const struct pass *pass, int tap, float *packed) {
    const struct sweep sweep = forward_sweep(conv);
    const float *kernel = pass->parameters[0] + (ptrdiff_t)tap * conv->channels * conv->all_filters;
    for (int group = 0; group < conv->groups; group++)
        for (int first = 0, count; first < conv->filters; first += count) {
            count = sweep_panel_columns(&sweep, pass->kernels, first);
            const ptrdiff_t filter = (ptrdiff_t)group * conv->filters + first;
            float *panel = packed + sweep_depth(&sweep) * filter + (ptrdiff_t)tap * conv->channels * count;
            for (int c = 0; c < conv->channels; c++)
                memcpy(panel + (ptrdiff_t)c * count, kernel + (ptrdiff_t)c * conv->all_filters + filter,
                       (size_t)count * sizeof *panel);
        }
}

/* panel (filters,count) = `count` of a tap's (c,f), transposed; some filters at a time, whose rows stay in the cache */
static void transpose_panel(const struct conv *conv, const float *kernel, int count, float *panel) {
    enum { BLOCK = 16 };
    for (int block = 0; block < conv->filters; block += BLOCK)
        for (int c = 0; c < count; c++)
            for (int f = block; f < block + smaller(conv->filters - block, BLOCK); f++)
                panel[(ptrdiff_t)f * count + c] = kernel[(ptrdiff_t)c * conv->all_filters + f];
}

static void pack_backward(const struct conv *conv, const struct pass *pass, int i, int j, float *packed) {
    const struct geometry *g = &conv->geometry;
    const int row = phase_first(g, 0, i % g->stride[0]), column = phase_first(g, 1, j % g->stride[1]);
    if (row >= g->input[0] || column >= g->input[1]) return;
    const struct sweep sweep = backward_sweep(conv, row, column);
    const int width = phase_at(g, 1, column).taps;
    const ptrdiff_t flipped = (ptrdiff_t)(sweep.run_rows - 1 - i / g->stride[0]) * width + width - 1 - j / g->stride[1];
    const float *kernel = pass->parameters[0] + ((ptrdiff_t)i * g->kernel[1] + j) * conv->channels * conv->all_filters;
    for (int group = 0; group < conv->groups; group++)
        for (int first = 0, count; first < conv->channels; first += count) {
            count = sweep_panel_columns(&sweep, pass->kernels, first);
            float *panel = packed + sweep.packed + sweep_depth(&sweep) * ((ptrdiff_t)group * conv->channels + first) +
                           flipped * conv->filters * count;
            transpose_panel(conv, kernel + (ptrdiff_t)first * conv->all_filters + (ptrdiff_t)group * conv->filters,
                            count, panel);
        }
}

static void pack_direct(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    const struct conv conv = conv_take(layer, &(struct pieces){0});
    const int height = conv.geometry.kernel[0], width = conv.geometry.kernel[1];
    for (ptrdiff_t tap = part; tap < (ptrdiff_t)height * width; tap += parts) {
        pack_forward(&conv, pass, (int)tap, packed);
        if (pass->training) pack_backward(&conv, pass, (int)(tap / width), (int)(tap % width), packed);
    }
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

static struct planar planar_layer(const struct layer *layer) {
    const struct conv2d *config = layer->config;
    const struct geometry geometry = geometry_of(&layer->input, &config->sliding);
    return planar_of(&geometry, config->groups, config->filters);
}

static struct winograd winograd_layer(const struct layer *layer) {
    const struct conv2d *config = layer->config;
    const struct geometry geometry = geometry_of(&layer->input, &config->sliding);
    return winograd_of(&geometry, config->filters);
}

static size_t larger_size(size_t a, size_t b) {
    return a > b ? a : b;
}

static void set_sizes(struct layer *layer) {
    const enum algorithm algorithm = algorithm_of(layer);
    struct pieces pieces = {0};
    if (algorithm == ALGORITHM_DIRECT) {
        conv_take(layer, &pieces);
        const struct planar planar = planar_layer(layer);
        pieces.used = larger_size(pieces.used, planar_scratch_bytes(&planar));
        layer->packed_floats = 2 * elements_of(&layer->parameters[0].shape);
    }
    if (algorithm == ALGORITHM_DEPTHWISE) depthwise_of(layer, NULL, &pieces);
    layer->scratch_bytes = pieces.used;
    if (algorithm != ALGORITHM_WINOGRAD) return;
    const struct winograd winograd = winograd_layer(layer);
    layer->scratch_bytes = winograd_scratch_bytes(&winograd);
    layer->packed_floats = winograd_packed_floats(&winograd);
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct conv2d *config = layer->config;
    struct geometry g;
    if (convolution_infer(layer, &config->sliding, place, &g, error) != 0) return -1;
    if (check_groups(layer, place, error) != 0 || declare(layer, place, error) != 0) return -1;
    const struct shape output = {3, {g.output[0], g.output[1], config->filters}};
    if (layer_set_output(layer, output, place, error) != 0 || check_algorithm(layer, place, error) != 0) return -1;
    set_sizes(layer);
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    layer->multiplications = (double)elements_of(&layer->parameters[0].shape) * g.output[0] * g.output[1];
    return 0;
}

/* Term by term, by pixels or by planes. */
static void forward_terms(const struct layer *layer, const struct pass *pass, const float *bias) {
    const struct planar planar = planar_layer(layer);
    if (planar_gains_forward(&planar))
        planar_forward(&planar, pass, bias);
    else
        forward_direct(layer, pass, bias);
}

static void backward_terms(const struct layer *layer, const struct pass *pass, float *kernel) {
    const struct planar planar = planar_layer(layer);
    if (kernel && planar_gains_weights(&planar)) planar_kernel_gradient(&planar, pass, kernel);
    if (kernel && !planar_gains_weights(&planar)) kernel_gradient_direct(layer, pass, kernel);
    if (pass->dx && planar_gains_data(&planar)) planar_data_gradient(&planar, pass);
    if (pass->dx && !planar_gains_data(&planar)) data_gradient_direct(layer, pass);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const float *bias = layer->parameter_count > 1 ? pass->parameters[1] : NULL;
    const enum algorithm algorithm = algorithm_of(layer);
    if (algorithm == ALGORITHM_DIRECT) forward_terms(layer, pass, bias);
    if (algorithm == ALGORITHM_DEPTHWISE) forward_depthwise(layer, pass, bias);
    if (algorithm != ALGORITHM_WINOGRAD) return;
    const struct winograd winograd = winograd_layer(layer);
    winograd_forward(&winograd, pass, bias);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const int pixels = layer->output.size[0] * layer->output.size[1], filters = layer->output.size[2];
    const enum algorithm algorithm = algorithm_of(layer);
    float *kernel = wanted_gradient(pass, 0), *bias = layer->parameter_count > 1 ? wanted_gradient(pass, 1) : NULL;
    for (int n = 0; n < pass->images && bias; n++)
        pass->kernels->column_sums(pixels, filters, pass->dy + (ptrdiff_t)n * pixels * filters, bias);
    if (algorithm == ALGORITHM_DEPTHWISE) backward_depthwise(layer, pass, kernel);
    if (algorithm == ALGORITHM_DIRECT) backward_terms(layer, pass, kernel);
    if (algorithm != ALGORITHM_WINOGRAD) return;
    const struct winograd winograd = winograd_layer(layer);
    if (kernel) winograd_kernel_gradient(&winograd, pass, kernel);
    if (pass->dx) winograd_data_gradient(&winograd, pass);
}

static void pack(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    const enum algorithm algorithm = algorithm_of(layer);
    if (algorithm == ALGORITHM_DIRECT) pack_direct(layer, pass, packed, part, parts);
    if (algorithm != ALGORITHM_WINOGRAD) return;
    const struct winograd winograd = winograd_layer(layer);
    winograd_pack(&winograd, pass, packed, part, parts);
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
