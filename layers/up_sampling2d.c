/* UpSampling2D: the image made `size` times as high and wide.
 *
 * x (n,h,w,c)  y (n,h*size[0],w*size[1],c)
 * nearest: y[i][j] = x[i / size[0]][j / size[1]]
 * bilinear: output cell i looks at (i + 1/2)/size - 1/2 between two rows of the input, likewise for columns; beyond the
 * first and last the edge goes on. So do Keras and tf.image.resize. */
#include <string.h>

#include "core/graph.h"
#include "layers/parts.h"

enum interpolation { NEAREST, BILINEAR };
static const char *const interpolation_names[] = {"nearest", "bilinear", NULL};

struct up_sampling2d {
    struct layer_common common;
    int size[2];
    int interpolation; /* enum interpolation */
};

static const struct field fields[] = {
    {FIELD_AT(up_sampling2d, size), .type = FIELD_PAIR, .fallback = "2", .minimum = 1, .maximum = INT_MAX,
     .help = "how many times as high and wide"},
    {FIELD_AT(up_sampling2d, interpolation), .type = FIELD_CHOICE, .fallback = "\"nearest\"",
     .choices = interpolation_names, .help = "nearest repeats cells, bilinear blends four of them"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct up_sampling2d *config = layer->config;
    const int *input = layer->input.size, *size = config->size;
    const struct place at_size = place_key(place, "size");
    if (layer_needs_image(layer, place, error) != 0) return -1;
    if (input[0] > INT_MAX / size[0] || input[1] > INT_MAX / size[1])
        return place_error(&at_size, error, "makes the image larger than %d numbers; use a smaller one", INT_MAX);
    const struct shape output = {3, {input[0] * size[0], input[1] * size[1], input[2]}};
    if (layer_set_output(layer, output, place, error) != 0) return -1;
    if (config->interpolation == BILINEAR) layer->multiplications = 4 * (double)elements_of(&output);
    for (int axis = 0; axis < 2; axis++) {
        layer->reach.extent[axis] = config->interpolation == BILINEAR && size[axis] > 1 ? 2 * size[axis] : size[axis];
        layer->reach.finer[axis] = size[axis];
    }
    return 0;
}

/* The two cells of an axis that an output cell lies between, and the second one's share. */
struct blend {
    int cell[2];
    float share[2];
};

static struct blend blend_of(const struct layer *layer, int axis, int position) {
    const struct up_sampling2d *config = layer->config;
    const int size = config->size[axis], last = layer->input.size[axis] - 1;
    if (config->interpolation == NEAREST) return (struct blend){{position / size, position / size}, {1, 0}};
    /* the first output cell lies less than one cell before the input */
    const int doubled = 2 * (position % size) + 1 - size; /* twice the distance from a cell's centre, times size */
    const int first = position / size - (doubled < 0);
    const float share = (float)(doubled < 0 ? doubled + 2 * size : doubled) / (float)(2 * size);
    return (struct blend){{larger(first, 0), smaller(first + 1, last)}, {1 - share, share}};
}

/* The four cells around output cell (row, column), and their shares. */
struct corners {
    ptrdiff_t cell[4];
    float share[4];
};

static struct corners corners_of(const struct layer *layer, const struct blend *row, int column) {
    const struct blend across = blend_of(layer, 1, column);
    const int width = layer->input.size[1], channels = layer->input.size[2];
    struct corners corners;
    for (int k = 0; k < 4; k++) {
        corners.cell[k] = ((ptrdiff_t)row->cell[k / 2] * width + across.cell[k % 2]) * channels;
        corners.share[k] = row->share[k / 2] * across.share[k % 2];
    }
    return corners;
}

/* y (oh,ow,c) of one image */
static void enlarge(const struct layer *layer, const float *x, float *y) {
    const int channels = layer->input.size[2];
    for (int i = 0; i < layer->output.size[0]; i++) {
        const struct blend row = blend_of(layer, 0, i);
        for (int j = 0; j < layer->output.size[1]; j++, y += channels) {
            const struct corners at = corners_of(layer, &row, j);
            for (int v = 0; v < channels; v++)
                y[v] = at.share[0] * x[at.cell[0] + v] + at.share[1] * x[at.cell[1] + v] +
                       at.share[2] * x[at.cell[2] + v] + at.share[3] * x[at.cell[3] + v];
        }
    }
}

/* dx (h,w,c) += what each of its cells had given, times dy */
static void gather(const struct layer *layer, const float *dy, float *dx) {
    const int channels = layer->input.size[2];
    for (int i = 0; i < layer->output.size[0]; i++) {
        const struct blend row = blend_of(layer, 0, i);
        for (int j = 0; j < layer->output.size[1]; j++, dy += channels) {
            const struct corners at = corners_of(layer, &row, j);
            for (int k = 0; k < 4; k++) {
                if (at.share[k] == 0) continue;
                for (int v = 0; v < channels; v++) dx[at.cell[k] + v] += at.share[k] * dy[v];
            }
        }
    }
}

/* Each row once with its cells repeated, then copied. */
static void repeat(const struct layer *layer, const float *x, float *y) {
    const struct up_sampling2d *config = layer->config;
    const size_t channels = (size_t)layer->input.size[2], line = channels * (size_t)layer->output.size[1];
    for (int i = 0; i < layer->input.size[0]; i++) {
        float *to = y;
        for (int j = 0; j < layer->input.size[1]; j++, x += channels)
            for (int k = 0; k < config->size[1]; k++, to += channels) memcpy(to, x, channels * sizeof *to);
        for (int k = 1; k < config->size[0]; k++) memcpy(y + (size_t)k * line, y, line * sizeof *y);
        y += line * (size_t)config->size[0];
    }
}

static void forward(const struct layer *layer, const struct pass *pass) {
    const struct up_sampling2d *config = layer->config;
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    for (size_t n = 0; n < (size_t)pass->images; n++)
        (config->interpolation == NEAREST ? repeat : enlarge)(layer, pass->x + n * input, pass->y + n * output);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    const size_t input = elements_of(&layer->input), output = elements_of(&layer->output);
    if (!pass->dx) return;
    memset(pass->dx, 0, (size_t)pass->images * input * sizeof *pass->dx);
    for (size_t n = 0; n < (size_t)pass->images; n++) gather(layer, pass->dy + n * output, pass->dx + n * input);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    const struct up_sampling2d *config = layer->config;
    const bool nearest = config->interpolation == NEAREST;
    return graph_enlarge(graph, nearest ? GRAPH_ENLARGE_NEAREST : GRAPH_ENLARGE_BILINEAR, x, config->size);
}

static const struct layer_example examples[] = {
    {"{}", {3, {2, 3, 2}}},
    {"{\"size\": [1, 3]}", {3, {3, 2, 5}}},
    {"{\"interpolation\": \"bilinear\"}", {3, {3, 2, 2}}},
    {"{\"size\": [3, 4], \"interpolation\": \"bilinear\"}", {3, {2, 3, 3}}},
    {"{\"size\": [1, 2], \"interpolation\": \"bilinear\"}", {3, {1, 1, 2}}},
    {0},
};

static const struct layer_page page = {
    .text = "Makes an image larger by whole factors: every cell is repeated (nearest), or new cells are blended from "
            "their four neighbours (bilinear). Nothing is learned; a convolution behind it can refine the result.\n",
    .shapes = "input (height, width, channels), output (height * size, width * size, channels)\n"
              "no weights\n",
    .cost = "multiplications: none with nearest, 4 for each output with bilinear\n",
    .see_also = "Conv2DTranspose, ZeroPadding2D\n",
    .example = {"{\"size\": 2}", {3, {8, 8, 16}}},
};

const struct layer_kind up_sampling2d_layer = {
    .component = {.name = "UpSampling2D",
                  .summary = "the image made larger by repeating or blending cells",
                  .fields = fields,
                  .size = sizeof(struct up_sampling2d)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
