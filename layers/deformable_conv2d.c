/* DeformableConv2D: a convolution whose taps move. A convolution beside it looks at the same windows and says how far
 * (Dai et al. 2017); modulated, also how much each tap counts (Zhu et al. 2019).
 *
 * x (n,h,w,c)  kernel (kh,kw,c,f)  bias (f)  y (n,oh,ow,f)  t = kh*kw taps
 * offsets (n,oh,ow,2*t) = conv2d(x, offset_kernel (kh,kw,c,2*t)) + offset_bias: down and to the right for each tap in
 * turn; modulated (n,oh,ow,3*t): then t numbers whose sigmoids are the taps' masks y[r][p][f] = bias[f] + sum over taps
 * t = (i,j) and c of mask[t] * x(r*stride + i*dilation - before + offsets[2*t], p*stride + j*dilation - before +
 * offsets[2*t + 1])[c] * kernel[i][j][c][f] where x(.,.) lies between four pixels and blends them, and is 0 beyond the
 * image. Definition and order are those of torchvision.ops.deform_conv2d. At a whole offset its slope is the one to the
 * right of it.
 *
 * The windows' cells are gathered for some outputs at a time, (pixels, t*c); the rest is products of matrices. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "layers/conv_passes.h"
#include "layers/frame.h"

struct deformable_conv2d {
    struct layer_common common;
    struct sliding sliding;
    int filters;
    bool modulated, use_bias;
    struct component activation, kernel_initializer, bias_initializer, offset_kernel_initializer,
        offset_bias_initializer, kernel_regularizer, bias_regularizer, offset_kernel_regularizer, kernel_constraint,
        bias_constraint, activity_regularizer;
};

enum { KERNEL, OFFSET_KERNEL, OFFSET_BIAS, BIAS }; /* the parameters */

enum { GATHERED_MOST = 1 << 14, PIXELS_LEAST = 16 }; /* floats, outputs at a time */

static const struct field fields[] = {
    {FIELD_AT(deformable_conv2d, filters), .type = FIELD_INT, .minimum = 1, .maximum = INT_MAX,
     .help = "output channels"},
    FIELD_SLIDING(deformable_conv2d, "kernel_size", kernel, NULL, "height and width of the kernel"),
    FIELD_SLIDING(deformable_conv2d, "strides", stride, "1", "steps of the kernel"),
    FIELD_SLIDING_PADDING(deformable_conv2d, padding_names, NULL,
                          "valid: windows inside the image only; same: a border, so that the output is input/strides"),
    FIELD_SLIDING(deformable_conv2d, "dilation_rate", dilation, "1",
                  "distance between neighbouring taps of the kernel"),
    {FIELD_AT(deformable_conv2d, modulated), .type = FIELD_BOOL, .fallback = "false",
     .help = "true: learn also how much each tap counts (version 2)"},
    FIELD_ACTIVATION(deformable_conv2d),
    FIELD_USE_BIAS(deformable_conv2d),
    FIELD_INITIALIZER(deformable_conv2d, kernel_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(deformable_conv2d, bias_initializer, "zeros"),
    FIELD_INITIALIZER(deformable_conv2d, offset_kernel_initializer, "zeros"),
    FIELD_INITIALIZER(deformable_conv2d, offset_bias_initializer, "zeros"),
    FIELD_REGULARIZER(deformable_conv2d, kernel_regularizer),
    FIELD_REGULARIZER(deformable_conv2d, bias_regularizer),
    FIELD_REGULARIZER(deformable_conv2d, offset_kernel_regularizer),
    FIELD_ACTIVITY_REGULARIZER(deformable_conv2d),
    FIELD_CONSTRAINT(deformable_conv2d, kernel_constraint),
    FIELD_CONSTRAINT(deformable_conv2d, bias_constraint),
    {0},
};

/* ---- plan ---- */

static const int frame_sides[FRAME_SIDES] = {1, 1, 1, 1};

/* A place between the pixels of the frame: `cell` is the upper left one, down and right are the shares of the others.
 */
struct spot {
    ptrdiff_t cell;
    float down, right, mask;
};

struct deformable {
    struct geometry geometry;
    struct conv_passes side;             /* the convolution that makes the offsets */
    int pixels, taps, gathered, filters; /* oh*ow, t, t*c, f */
    int said;                            /* numbers that the side says of an output: 2*t or 3*t */
    bool modulated;
    int together; /* outputs at a time */
    float *frame; /* (h+2,w+2,c): x between zeros, so that every spot has four pixels */
    float *frame_gradient;
    float *offsets, *offset_gradient; /* (oh,ow,said); masks as they are, not their logits */
    float *cells, *cell_gradient;     /* (together,t*c) */
    struct spot *spots;               /* (t) */
    void *scratch;                    /* of the side */
};

/* Backward memory is for training only, but scratch is one size for both. */
static struct deformable take(const struct layer *layer, struct pieces *pieces) {
    const struct deformable_conv2d *config = layer->config;
    struct deformable d = {.geometry = geometry_of(&layer->input, &config->sliding),
                           .filters = config->filters,
                           .modulated = config->modulated};
    const struct geometry *g = &d.geometry;
    d.pixels = g->output[0] * g->output[1];
    d.taps = g->kernel[0] * g->kernel[1];
    d.gathered = d.taps * g->channels;
    d.said = (config->modulated ? 3 : 2) * d.taps;
    d.side = conv_passes_of(g, 1, d.said, ALGORITHM_AUTO);
    d.together = smaller(d.pixels, larger(GATHERED_MOST / d.gathered, PIXELS_LEAST));
    const size_t frame = (size_t)(g->input[0] + 2) * (size_t)(g->input[1] + 2) * (size_t)g->channels;
    const size_t said = (size_t)d.pixels * (size_t)d.said, cells = (size_t)d.together * (size_t)d.gathered;
    d.frame = pieces_take(pieces, frame, sizeof(float));
    d.frame_gradient = pieces_take(pieces, frame, sizeof(float));
    d.offsets = pieces_take(pieces, said, sizeof(float));
    d.offset_gradient = pieces_take(pieces, said, sizeof(float));
    d.cells = pieces_take(pieces, cells, sizeof(float));
    d.cell_gradient = pieces_take(pieces, cells, sizeof(float));
    d.spots = pieces_take(pieces, (size_t)d.taps, sizeof *d.spots);
    d.scratch = pieces_take(pieces, conv_passes_scratch_bytes(&d.side), 1);
    return d;
}

static int check_sizes(const struct geometry *g, int said, const struct place *place, struct error *error) {
    const struct place at_kernel = place_key(place, "kernel_size");
    const double frame = ((double)g->input[0] + 2) * ((double)g->input[1] + 2) * g->channels;
    const double offsets = (double)g->output[0] * g->output[1] * said;
    const double cells = (double)g->kernel[0] * g->kernel[1] * g->channels * PIXELS_LEAST;
    if (frame <= INT_MAX && offsets <= INT_MAX && cells <= INT_MAX) return 0;
    return place_error(&at_kernel, error,
                       "(%d,%d) on this input needs more than %d numbers for the offsets; use a smaller one",
                       g->kernel[0], g->kernel[1], INT_MAX);
}

static int declare(struct layer *layer, int said, const struct place *place, struct error *error) {
    const struct deformable_conv2d *config = layer->config;
    const int *size = config->sliding.kernel, channels = layer->input.size[2];
    const struct shape kernel_shape = {4, {size[0], size[1], channels, config->filters}};
    const struct shape offset_shape = {4, {size[0], size[1], channels, said}};
    const struct shape offset_bias_shape = {1, {said}}, bias_shape = {1, {config->filters}};
    struct parameter *kernel = layer_declare(layer, "kernel", kernel_shape, &config->kernel_initializer, place, error);
    if (!kernel) return -1;
    kernel->regularizer = config->kernel_regularizer;
    kernel->constraint = config->kernel_constraint;
    struct parameter *offset =
        layer_declare(layer, "offset_kernel", offset_shape, &config->offset_kernel_initializer, place, error);
    if (!offset) return -1;
    offset->regularizer = config->offset_kernel_regularizer;
    if (!layer_declare(layer, "offset_bias", offset_bias_shape, &config->offset_bias_initializer, place, error))
        return -1;
    if (!config->use_bias) return 0;
    struct parameter *bias = layer_declare(layer, "bias", bias_shape, &config->bias_initializer, place, error);
    if (!bias) return -1;
    bias->regularizer = config->bias_regularizer;
    bias->constraint = config->bias_constraint;
    return 0;
}

/* Multiplications: of both convolutions, and four for each cell that is blended. */
static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct deformable_conv2d *config = layer->config;
    struct geometry g;
    if (convolution_infer(layer, &config->sliding, place, &g, error) != 0) return -1;
    const double taps = (double)g.kernel[0] * g.kernel[1], said = (config->modulated ? 3 : 2) * taps;
    if (check_sizes(&g, said < INT_MAX ? (int)said : INT_MAX, place, error) != 0 ||
        conv_passes_check(&g, (int)said, ALGORITHM_AUTO, place, error) != 0 ||
        declare(layer, (int)said, place, error) != 0)
        return -1;
    const struct shape output = {3, {g.output[0], g.output[1], config->filters}};
    if (layer_set_output(layer, output, place, error) != 0) return -1;

    struct pieces pieces = {0};
    const struct deformable d = take(layer, &pieces);
    layer->scratch_bytes = pieces.used;
    layer->saved_bytes = (size_t)d.pixels * (size_t)d.said * sizeof(float);
    layer->packed_floats = elements_of(&layer->parameters[KERNEL].shape) + conv_passes_packed_floats(&d.side);
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    layer->multiplications = (double)d.pixels * d.gathered * ((double)config->filters + d.said + 4);
    snprintf(layer->note, sizeof layer->note,
             "moves its taps by learned offsets, which the receptive field does not count");
    return 0;
}

/* packed: the kernel transposed (f,t*c), which backward alone reads; then what the side's passes read */
static void pack(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    const struct deformable d = take(layer, &(struct pieces){0});
    const struct packs_wanted wanted = {.forward = true, .data = pass->training};
    struct pass side = *pass;
    side.parameters = pass->parameters + OFFSET_KERNEL;
    conv_passes_pack(&d.side, &side, wanted, packed + (size_t)d.gathered * (size_t)d.filters, part, parts);
    if (part == 0 && pass->training) matrix_transpose(d.gathered, d.filters, pass->parameters[KERNEL], packed);
}

/* ---- spots ---- */

/* The largest whole number that is not above a small one. */
static int whole_below(float number) {
    const int whole = (int)number;
    return (float)whole > number ? whole - 1 : whole;
}

/* A spot beyond the image is the frame's corner, which is 0. */
static struct spot spot_at(const struct geometry *g, float row, float column, float mask) {
    struct spot spot = {.mask = mask};
    if (row >= -1 && column >= -1 && row < (float)g->input[0] && column < (float)g->input[1]) {
        const int above = whole_below(row), left = whole_below(column);
        spot.cell = ((ptrdiff_t)(above + 1) * (g->input[1] + 2) + left + 1) * g->channels;
        spot.down = row - (float)above;
        spot.right = column - (float)left;
    } else if (isnan(row) || isnan(column)) {
        spot.down = spot.right = NAN; /* it must reach the loss, where it is noticed */
    }
    return spot;
}

/* spots (t): where the taps of an output look, as the side says */
static void find_spots(const struct deformable *d, const float *offsets, int pixel) {
    const struct geometry *g = &d->geometry;
    const float *said = offsets + (ptrdiff_t)pixel * d->said, *masks = said + 2 * d->taps;
    const int row = pixel / g->output[1] * g->stride[0] - g->before[0];
    const int column = pixel % g->output[1] * g->stride[1] - g->before[1];
    for (int i = 0, tap = 0; i < g->kernel[0]; i++)
        for (int j = 0; j < g->kernel[1]; j++, tap++)
            d->spots[tap] =
                spot_at(g, (float)(row + i * g->dilation[0]) + said[2 * tap],
                        (float)(column + j * g->dilation[1]) + said[2 * tap + 1], d->modulated ? masks[tap] : 1);
}

/* The shares of the four pixels: above left, above right, below left, below right. */
static void shares_of(const struct spot *spot, float shares[4]) {
    shares[0] = (1 - spot->down) * (1 - spot->right);
    shares[1] = (1 - spot->down) * spot->right;
    shares[2] = spot->down * (1 - spot->right);
    shares[3] = spot->down * spot->right;
}

/* cells (c) = the spot's channels */
static void look(const struct deformable *d, const struct spot *spot, float *restrict cells) {
    const int channels = d->geometry.channels;
    const float *above = d->frame + spot->cell, *below = above + (ptrdiff_t)(d->geometry.input[1] + 2) * channels;
    float shares[4];
    shares_of(spot, shares);
    for (int k = 0; k < 4; k++) shares[k] *= spot->mask;
    for (int c = 0; c < channels; c++)
        cells[c] = shares[0] * above[c] + shares[1] * above[channels + c] + shares[2] * below[c] +
                   shares[3] * below[channels + c];
}

/* cells (count,t*c) = what the outputs from `first` on see */
static void gather(const struct deformable *d, const float *offsets, int first, int count) {
    float *cells = d->cells;
    for (int pixel = first; pixel < first + count; pixel++) {
        find_spots(d, offsets, pixel);
        for (int tap = 0; tap < d->taps; tap++, cells += d->geometry.channels) look(d, &d->spots[tap], cells);
    }
}

/* ---- forward ---- */

static void frame_fill(const struct layer *layer, const struct deformable *d, const float *x) {
    frame_put(&layer->input, frame_sides, x, d->frame);
}

/* The passes of the side for one image. */
static struct pass side_pass(const struct deformable *d, const struct pass *pass, const float *x) {
    struct pass side = *pass;
    side.images = 1;
    side.x = x;
    side.parameters = pass->parameters + OFFSET_KERNEL;
    side.packed = pass->packed + (size_t)d->gathered * (size_t)d->filters;
    side.scratch = d->scratch;
    return side;
}

static void make_offsets(const struct deformable *d, const struct pass *pass, const float *x, float *offsets) {
    struct pass side = side_pass(d, pass, x);
    side.y = offsets;
    conv_passes_forward(&d->side, &side, pass->parameters[OFFSET_BIAS]);
    for (int pixel = 0; pixel < d->pixels && d->modulated; pixel++) {
        float *logits = offsets + (ptrdiff_t)pixel * d->said + 2 * d->taps;
        for (int t = 0; t < d->taps; t++) logits[t] = 1 / (1 + expf(-logits[t]));
    }
}

/* y (count,f) = cells (count,t*c) times the kernel (t*c,f) + bias */
static void multiply(const struct deformable *d, const struct pass *pass, int count, const float *bias, float *y) {
    const struct product product = {
        .m = count,
        .n = d->filters,
        .taps = 1,
        .depth = d->gathered,
        .a = d->cells,
        .row = d->gathered,
        .column = 1,
        .b = pass->parameters[KERNEL],
        .b_row = d->filters,
        .c = y,
        .c_row = d->filters,
        .bias = bias,
    };
    pass->kernels->product(&product);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct deformable d = take(layer, &(struct pieces){.memory = pass->scratch});
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    const float *bias = layer->parameter_count > BIAS ? pass->parameters[BIAS] : NULL;
    for (int n = 0; n < pass->images; n++) {
        const float *x = pass->x + (size_t)n * input;
        float *saved = saved_of(layer, pass, n), *offsets = saved ? saved : d.offsets;
        make_offsets(&d, pass, x, offsets);
        frame_fill(layer, &d, x);
        for (int first = 0; first < d.pixels; first += d.together) {
            const int count = smaller(d.together, d.pixels - first);
            gather(&d, offsets, first, count);
            multiply(&d, pass, count, bias, pass->y + (size_t)n * output + (size_t)first * (size_t)d.filters);
        }
    }
}

/* ---- backward ---- */

/* gradient (t*c,f) += transposed cells (t*c,count) times dy (count,f) */
static void kernel_gradient(const struct deformable *d, const struct kernels *kernels, int count, const float *dy,
                            float *gradient) {
    const struct product product = {
        .m = d->gathered,
        .n = d->filters,
        .taps = 1,
        .depth = count,
        .a = d->cells,
        .row = 1,
        .column = d->gathered,
        .b = dy,
        .b_row = d->filters,
        .c = gradient,
        .c_row = d->filters,
        .accumulate = true,
    };
    kernels->product(&product);
}

/* The cells' gradient (count,t*c) = dy (count,f) times the transposed kernel (f,t*c) */
static void cell_gradient(const struct deformable *d, const struct pass *pass, int count, const float *dy) {
    const struct product product = {
        .m = count,
        .n = d->gathered,
        .taps = 1,
        .depth = d->filters,
        .a = dy,
        .row = d->filters,
        .column = 1,
        .b = pass->packed,
        .b_row = d->gathered,
        .c = d->cell_gradient,
        .c_row = d->gathered,
    };
    pass->kernels->product(&product);
}

/* The gradient (c) of a spot's channels goes to its four pixels by their shares. */
static void give(const struct deformable *d, const struct spot *spot, const float *restrict gradient) {
    const int channels = d->geometry.channels;
    float *restrict above = d->frame_gradient + spot->cell;
    float *restrict below = above + (ptrdiff_t)(d->geometry.input[1] + 2) * channels;
    float shares[4];
    shares_of(spot, shares);
    for (int k = 0; k < 4; k++) shares[k] *= spot->mask;
    for (int c = 0; c < channels; c++) {
        above[c] += shares[0] * gradient[c];
        below[c] += shares[2] * gradient[c];
    }
    for (int c = 0; c < channels; c++) {
        above[channels + c] += shares[1] * gradient[c];
        below[channels + c] += shares[3] * gradient[c];
    }
}

/* p = the products of a gradient (c) with the four pixels of a spot, summed over the channels: lane by lane, then the
 * lanes from first to last. */
static void meet_corners(const struct deformable *d, const struct spot *spot, const float *gradient, float p[4]) {
    enum { LANES = 8 };
    const int channels = d->geometry.channels, whole = channels / LANES * LANES;
    const float *above = d->frame + spot->cell, *below = above + (ptrdiff_t)(d->geometry.input[1] + 2) * channels;
    const float *const corners[4] = {above, above + channels, below, below + channels};
    for (int k = 0; k < 4; k++) {
        float lanes[LANES] = {0};
        for (int c = 0; c < whole; c += LANES)
            for (int lane = 0; lane < LANES; lane++) lanes[lane] += corners[k][c + lane] * gradient[c + lane];
        for (int c = whole; c < channels; c++) lanes[c - whole] += corners[k][c] * gradient[c];
        p[k] = 0;
        for (int lane = 0; lane < LANES; lane++) p[k] += lanes[lane];
    }
}

/* What the side hears about a tap: with p as above, the slope down is (1 - right) * (p[2] - p[0]) + right * (p[3] -
 * p[1]), likewise to the right, and that of the mask the blend of p; the last goes through the sigmoid. */
static void tell(const struct deformable *d, const struct spot *spot, int tap, const float *gradient, float *told) {
    float p[4], shares[4];
    meet_corners(d, spot, gradient, p);
    told[2 * tap] = spot->mask * ((1 - spot->right) * (p[2] - p[0]) + spot->right * (p[3] - p[1]));
    told[2 * tap + 1] = spot->mask * ((1 - spot->down) * (p[1] - p[0]) + spot->down * (p[3] - p[2]));
    if (!d->modulated) return;
    shares_of(spot, shares);
    const float blend = shares[0] * p[0] + shares[1] * p[1] + shares[2] * p[2] + shares[3] * p[3];
    told[2 * d->taps + tap] = blend * spot->mask * (1 - spot->mask);
}

static void scatter(const struct deformable *d, const struct pass *pass, const float *offsets, int first, int count) {
    const float *gradient = d->cell_gradient;
    for (int pixel = first; pixel < first + count; pixel++) {
        float *told = d->offset_gradient + (ptrdiff_t)pixel * d->said;
        find_spots(d, offsets, pixel);
        for (int tap = 0; tap < d->taps; tap++, gradient += d->geometry.channels) {
            tell(d, &d->spots[tap], tap, gradient, told);
            if (pass->dx) give(d, &d->spots[tap], gradient);
        }
    }
}

/* The side's gradients; dx (h,w,c) is both what it says and what the taps gave. */
static void backward_side(const struct deformable *d, const struct pass *pass, const float *x, float *dx) {
    const struct geometry *g = &d->geometry;
    const size_t line = (size_t)g->input[1] * (size_t)g->channels, frame_line = line + 2 * (size_t)g->channels;
    float *kernel = wanted_gradient(pass, OFFSET_KERNEL), *bias = wanted_gradient(pass, OFFSET_BIAS);
    struct pass side = side_pass(d, pass, x);
    side.dy = d->offset_gradient;
    side.dx = dx;
    if (bias) pass->kernels->column_sums(d->pixels, d->said, d->offset_gradient, bias);
    if (kernel) conv_passes_kernel_gradient(&d->side, &side, kernel);
    if (!dx) return;
    conv_passes_data_gradient(&d->side, &side, NULL);
    for (size_t r = 0; r < (size_t)g->input[0]; r++)
        pass->kernels->add(line, d->frame_gradient + (r + 1) * frame_line + (size_t)g->channels, dx + r * line);
}

static void backward_image(const struct layer *layer, const struct deformable *d, const struct pass *pass, int n) {
    const struct geometry *g = &d->geometry;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    const float *x = pass->x + (size_t)n * input, *offsets = saved_of(layer, pass, n);
    float *kernel = wanted_gradient(pass, KERNEL);
    const bool moves = pass->dx || wanted_gradient(pass, OFFSET_KERNEL) || wanted_gradient(pass, OFFSET_BIAS);
    const size_t frame = (size_t)(g->input[0] + 2) * (size_t)(g->input[1] + 2) * (size_t)g->channels;
    if (pass->dx) memset(d->frame_gradient, 0, frame * sizeof *d->frame_gradient);
    frame_fill(layer, d, x);
    for (int first = 0; first < d->pixels; first += d->together) {
        const int count = smaller(d->together, d->pixels - first);
        const float *dy = pass->dy + (size_t)n * output + (size_t)first * (size_t)d->filters;
        if (kernel) {
            gather(d, offsets, first, count);
            kernel_gradient(d, pass->kernels, count, dy, kernel);
        }
        if (!moves) continue;
        cell_gradient(d, pass, count, dy);
        scatter(d, pass, offsets, first, count);
    }
    if (moves) backward_side(d, pass, x, pass->dx ? pass->dx + (size_t)n * input : NULL);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const struct deformable d = take(layer, &(struct pieces){.memory = pass->scratch});
    float *bias = layer->parameter_count > BIAS ? wanted_gradient(pass, BIAS) : NULL;
    if (bias) pass->kernels->column_sums(pass->images * d.pixels, d.filters, pass->dy, bias);
    for (int n = 0; n < pass->images; n++) backward_image(layer, &d, pass, n);
}

/* Offsets between 0.1 and 0.9 beyond a whole number. */
static void avoid_kinks(const struct layer *layer, float *const *parameters) {
    const size_t weights = elements_of(&layer->parameters[OFFSET_KERNEL].shape);
    const size_t biases = elements_of(&layer->parameters[OFFSET_BIAS].shape);
    float *kernel = parameters[OFFSET_KERNEL], *bias = parameters[OFFSET_BIAS];
    for (size_t i = 0; i < weights; i++) kernel[i] *= 0.1F;
    for (size_t i = 0; i < biases; i++) bias[i] = floorf(bias[i]) + 0.35F + 0.3F * (bias[i] - floorf(bias[i]));
}

/* Outputs from `first` on of the side convolution. */
static int describe_side(struct graph *graph, int x, const struct graph_window *window, int first, int count) {
    const int kernel = graph_columns(graph, graph_parameter(graph, OFFSET_KERNEL), first, count);
    const int bias = graph_columns(graph, graph_parameter(graph, OFFSET_BIAS), first, count);
    return graph_convolve(graph, x, kernel, bias, window);
}

/* What the moved taps see, then a convolution of single pixels. */
static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct deformable d = take(layer, &(struct pieces){0});
    const struct graph_window window = geometry_describe(&d.geometry);
    const struct shape flat = {4, {1, 1, d.gathered, d.filters}};
    const int offsets = describe_side(graph, x, &window, 0, 2 * d.taps);
    int masks = GRAPH_NONE;
    if (d.modulated) masks = graph_apply(graph, GRAPH_SIGMOID, describe_side(graph, x, &window, 2 * d.taps, d.taps), 0);
    const int cells = graph_sample(graph, x, offsets, masks, &window);
    const int kernel = graph_reshape(graph, graph_parameter(graph, KERNEL), &flat);
    const int bias = layer->parameter_count > BIAS ? graph_parameter(graph, BIAS) : GRAPH_NONE;
    return graph_convolve_pixels(graph, cells, kernel, bias);
}

static const struct layer_example examples[] = {
    {"{\"filters\": 4, \"kernel_size\": 3, \"padding\": \"same\", \"activation\": \"relu\"}", {3, {5, 6, 3}}},
    {"{\"filters\": 3, \"kernel_size\": 3, \"modulated\": true, \"padding\": \"same\"}", {3, {5, 4, 2}}},
    {"{\"filters\": 2, \"kernel_size\": [2, 3], \"strides\": [2, 1], \"modulated\": true, \"use_bias\": false}",
     {3, {6, 5, 17}}},
    {"{\"filters\": 5, \"kernel_size\": 2, \"dilation_rate\": 2}", {3, {5, 5, 1}}},
    {0},
};

static const struct layer_page page = {
    .text = "A convolution whose taps are not on a grid: a side convolution computes for each output where every tap "
            "is to look, as an offset from its place in the grid, and the image is read between its cells by bilinear "
            "interpolation. Offsets start at zero, as a plain convolution, and are learned with everything else.\n",
    .shapes =
        "input (height, width, channels), output (out height, out width, filters)\n"
        "out = floor((in - extent) / strides) + 1 with padding valid, extent = (kernel_size - 1) * dilation_rate + 1\n"
        "out = ceil(in / strides) with padding same: zeros all around, one more at the end where their number is odd\n",
    .references = "Dai et al. 2017, Deformable convolutional networks\n"
                  "Zhu et al. 2019, Deformable ConvNets v2: more deformable, better results (modulated)\n",
    .see_also = "Conv2D\n",
};

const struct layer_kind deformable_conv2d_layer = {
    .component = {.name = "DeformableConv2D",
                  .summary = "convolution whose taps move by learned offsets",
                  .fields = fields,
                  .size = sizeof(struct deformable_conv2d),
                  .own = true},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .pack = pack,
    .avoid_kinks = avoid_kinks,
    .examples = examples,
    .page = &page,
};
