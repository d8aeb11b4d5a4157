/* Dense: every unit sees every input.
 *
 * x (n,d)  kernel (d,units)  bias (units)  y (n,units) = x times kernel + bias */
#include <string.h>

#include "core/batch.h"
#include "core/graph.h"
#include "layers/parts.h"

enum {
    UNITS_FEW = 32,    /* units whose weights of one input are at most two cache lines */
    UNITS_DOTS = 8,    /* units that would leave most of a vector empty, so that vectors run along the inputs */
    PACK_INPUTS = 16,  /* inputs packed at a time */
    BLOCK_INPUTS = 32, /* inputs whose weights are transposed at a time, where nothing is packed */
    SHARE_LEAST = 16,  /* units or inputs of a part, by batch */
    MANY = 1 << 19     /* weights beyond which all images of a batch pass over them together */
};

struct dense {
    struct layer_common common;
    int units;
    struct component activation, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        kernel_constraint, bias_constraint, activity_regularizer;
    bool use_bias;
};

static const struct field fields[] = {
    {FIELD_AT(dense, units), .type = FIELD_INT, .minimum = 1, .maximum = INT_MAX, .help = "outputs"},
    FIELD_ACTIVATION(dense),
    FIELD_USE_BIAS(dense),
    FIELD_INITIALIZER(dense, kernel_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(dense, bias_initializer, "zeros"),
    FIELD_REGULARIZER(dense, kernel_regularizer),
    FIELD_REGULARIZER(dense, bias_regularizer),
    FIELD_ACTIVITY_REGULARIZER(dense),
    FIELD_CONSTRAINT(dense, kernel_constraint),
    FIELD_CONSTRAINT(dense, bias_constraint),
    {0},
};

static int declare(struct layer *layer, const struct place *place, struct error *error) {
    const struct dense *config = layer->config;
    const struct shape kernel_shape = {2, {layer->input.size[0], config->units}}, bias_shape = {1, {config->units}};
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

/* packed: the kernel in panels for the way forward, then its transpose in panels for the data gradient. Only a few
 * images pass over each weight, so reading the weights is what takes the time, and panels are read from end to end.
 * Rows of few units are read so as they lie. Of very few the packed kernel is the transposed one, (units,d), row by
 * row, for both ways. */
static bool is_narrow(const struct layer *layer) {
    return layer->output.size[0] < UNITS_DOTS;
}

static bool packs_forward(const struct layer *layer) {
    return layer->output.size[0] > UNITS_FEW;
}

static size_t packed_forward(const struct layer *layer) {
    if (!packs_forward(layer)) return 0;
    return panels_floats((size_t)layer->input.size[0], (size_t)layer->output.size[0]);
}

static size_t packed_backward(const struct layer *layer) {
    return panels_floats((size_t)layer->output.size[0], (size_t)layer->input.size[0]);
}

/* Many weights come from memory, where once for the batch takes less time than packed ones for every few images. */
static bool is_large(int inputs, int units) {
    return units >= UNITS_DOTS && (double)inputs * units > MANY;
}

/* Some inputs at a time, so that both forms are made of weights that are in the first-level cache. */
static void pack(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts) {
    const int inputs = layer->input.size[0], units = layer->output.size[0], vector = pass->kernels->vector;
    const int pieces = parts_of(inputs, PACK_INPUTS);
    const int first = (int)((int64_t)pieces * part / parts), end = (int)((int64_t)pieces * (part + 1) / parts);
    const float *kernel = pass->parameters[0];
    float *transposed = packed + packed_forward(layer);
    if (layer->batch_images > 0) return;
    if (is_narrow(layer)) {
        const ptrdiff_t from = (ptrdiff_t)first * PACK_INPUTS, to = smaller(end * PACK_INPUTS, inputs);
        pass->kernels->transpose((int)(to - from), units, kernel + from * units, units, transposed + from, inputs);
        return;
    }
    for (int piece = first; piece < end; piece++) {
        if (packs_forward(layer)) panels_pack(vector, inputs, units, kernel, packed, piece, pieces);
        if (pass->training) panels_pack_transposed(vector, inputs, units, kernel, transposed, piece, pieces);
    }
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct dense *config = layer->config;
    char text[SHAPE_TEXT_SIZE];
    if (layer->input.rank != 1)
        return place_error(place, error, "Dense needs a flat input, got %s; add Flatten before it",
                           shape_text(&layer->input, text, sizeof text));
    if (declare(layer, place, error) != 0) return -1;
    layer->output = (struct shape){1, {config->units}};
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    if (is_large(layer->input.size[0], config->units)) layer->batch_images = ENGINE_GROUP;
    if (layer->batch_images > 0)
        layer->scratch_bytes = panels_floats((size_t)config->units, BLOCK_INPUTS) * sizeof(float);
    else
        layer->packed_floats = packed_forward(layer) + packed_backward(layer);
    layer->multiplications = (double)elements_of(&layer->parameters[0].shape);
    layer->reaches_all = true;
    layer->gradient_by_batch = true;
    return 0;
}

/* Every output one sum along an image's inputs. */
static void forward_narrow(const struct layer *layer, const struct pass *pass) {
    const struct dense *config = layer->config;
    const int inputs = layer->input.size[0], units = config->units;
    const struct dots dots = {
        .m = pass->images,
        .n = units,
        .depth = inputs,
        .a = pass->x,
        .row = inputs,
        .b = pass->packed,
        .b_row = inputs,
        .c = pass->y,
        .c_row = units,
        .bias = config->use_bias ? pass->parameters[1] : NULL,
    };
    pass->kernels->dots(&dots);
}

/* Columns (forward) or rows of the kernel that a part has to do, in whole vectors. */
struct stretch {
    int first, count;
};

static struct stretch stretch_of(int whole, int part, int parts) {
    const int each = rounded_up(parts_of(whole, parts), SHARE_LEAST);
    const int64_t first = (int64_t)part * each;
    if (first >= whole) return (struct stretch){0};
    return (struct stretch){(int)first, smaller(each, whole - (int)first)};
}

/* Some units of all images: the weights are read where they lie. */
static void batch_forward(const struct layer *layer, const struct pass *pass, int round, int part, int parts) {
    const struct dense *config = layer->config;
    const int inputs = layer->input.size[0], units = config->units;
    const struct stretch stretch = stretch_of(units, part, parts);
    if (round > 0 || stretch.count == 0) return;
    const struct product product = {
        .m = pass->images,
        .n = stretch.count,
        .taps = 1,
        .depth = inputs,
        .a = pass->x,
        .row = inputs,
        .column = 1,
        .b = pass->parameters[0] + stretch.first,
        .b_row = units,
        .c = pass->y + stretch.first,
        .c_row = units,
        .bias = config->use_bias ? pass->parameters[1] + stretch.first : NULL,
    };
    pass->kernels->product(&product);
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct dense *config = layer->config;
    if (layer->batch_images > 0) {
        batch_forward(layer, pass, 0, 0, 1);
        return;
    }
    if (is_narrow(layer)) {
        forward_narrow(layer, pass);
        return;
    }
    const int inputs = layer->input.size[0], units = config->units, vector = pass->kernels->vector;
    const bool packed = packs_forward(layer);
    const struct product product = {
        .m = pass->images,
        .n = units,
        .taps = 1,
        .depth = inputs,
        .a = pass->x,
        .row = inputs,
        .column = 1,
        .b = packed ? pass->packed : pass->parameters[0],
        .b_row = packed ? vector : units,
        .b_panel = packed ? (ptrdiff_t)inputs * vector : 0,
        .c = pass->y,
        .c_row = units,
        .bias = config->use_bias ? pass->parameters[1] : NULL,
    };
    pass->kernels->product(&product);
}

/* dx of `count` inputs from `first` on, whose weights are transposed into panels first. */
static void block_backward(const struct layer *layer, const struct pass *pass, int first, int count) {
    const int inputs = layer->input.size[0], units = layer->output.size[0], vector = pass->kernels->vector;
    float *panels = pass->scratch;
    panels_pack_transposed(vector, count, units, pass->parameters[0] + (ptrdiff_t)first * units, panels, 0, 1);
    const struct product product = {
        .m = pass->images,
        .n = count,
        .taps = 1,
        .depth = units,
        .a = pass->dy,
        .row = units,
        .column = 1,
        .b = panels,
        .b_row = vector,
        .b_panel = (ptrdiff_t)units * vector,
        .c = pass->dx + first,
        .c_row = inputs,
    };
    pass->kernels->product(&product);
}

static void batch_backward(const struct layer *layer, const struct pass *pass, int round, int part, int parts) {
    const struct stretch stretch = stretch_of(layer->input.size[0], part, parts);
    if (round > 0 || !pass->dx) return;
    for (int done = 0; done < stretch.count; done += BLOCK_INPUTS)
        block_backward(layer, pass, stretch.first + done, smaller(BLOCK_INPUTS, stretch.count - done));
}

/* dx (n,d) = dy (n,units) times the transposed kernel (units,d); the weights wait for batch_gradient. */
static void backward(const struct layer *layer, const struct pass *pass) {
    if (layer->batch_images > 0) {
        batch_backward(layer, pass, 0, 0, 1);
        return;
    }
    const int inputs = layer->input.size[0], units = layer->output.size[0], vector = pass->kernels->vector;
    const bool narrow = is_narrow(layer);
    if (!pass->dx) return;
    const struct product product = {
        .m = pass->images,
        .n = inputs,
        .taps = 1,
        .depth = units,
        .a = pass->dy,
        .row = units,
        .column = 1,
        .b = pass->packed + packed_forward(layer),
        .b_row = narrow ? inputs : vector,
        .b_panel = narrow ? 0 : (ptrdiff_t)units * vector,
        .c = pass->dx,
        .c_row = inputs,
    };
    pass->kernels->product(&product);
}

/* gradient (d,units) = transposed x (d,n) times dy (n,units), a part being some of the d rows: x and dy of a whole
 * batch are small, the gradient is large, so one sum over the batch beats one gradient for each shard. */
static void batch_gradient(const struct layer *layer, const struct pass *pass, int part, int parts) {
    const struct dense *config = layer->config;
    const int inputs = layer->input.size[0], units = config->units;
    const ptrdiff_t first = (ptrdiff_t)inputs * part / parts, end = (ptrdiff_t)inputs * (part + 1) / parts;
    float *kernel = wanted_gradient(pass, 0), *bias = config->use_bias ? wanted_gradient(pass, 1) : NULL;
    if (bias && part == 0) {
        if (!pass->further) memset(bias, 0, (size_t)units * sizeof *bias);
        pass->kernels->column_sums(pass->images, units, pass->dy, bias);
    }
    if (!kernel || first == end) return;
    const struct product product = {
        .m = (int)(end - first),
        .n = units,
        .taps = 1,
        .depth = pass->images,
        .a = pass->x + first,
        .row = 1,
        .column = inputs,
        .b = pass->dy,
        .b_row = units,
        .c = kernel + first * units,
        .c_row = units,
        .accumulate = pass->further,
    };
    pass->kernels->product(&product);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct dense *config = layer->config;
    const int kernel = graph_parameter(graph, 0), bias = config->use_bias ? graph_parameter(graph, 1) : GRAPH_NONE;
    return graph_matrix(graph, x, kernel, bias);
}

static const struct layer_example examples[] = {
    {"{\"units\": 7, \"activation\": \"relu\"}", {1, {11}}},
    {"{\"units\": 3, \"activation\": \"softmax\", \"use_bias\": false}", {1, {20}}},
    {"{\"units\": 35, \"activation\": \"silu\"}", {1, {1}}},
    {0},
};

static const struct layer_page page = {
    .text = "Connects every output with every input by a weight of its own. As the last layer, with as many units as "
            "there are classes and the activation softmax, it turns features into probabilities. It wants a flat "
            "input: put Flatten or a global pooling before it.\n"
            "  y[u] = bias[u] + sum over i of x[i] * kernel[i,u]\n",
    .shapes = "input (inputs), output (units)\n"
              "kernel (inputs, units), bias (units)\n",
    .cost = "multiplications: inputs * units\n"
            "parameters: inputs * units + units\n",
    .see_also = "Flatten, GlobalAveragePooling2D, Dropout\n",
    .example = {"{\"units\": 10, \"activation\": \"softmax\"}", {1, {1024}}},
};

const struct layer_kind dense_layer = {
    .component = {.name = "Dense",
                  .summary = "every output sees every input",
                  .fields = fields,
                  .size = sizeof(struct dense)},
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
