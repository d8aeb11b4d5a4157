#include "core/interop/onnx_nodes.h"

#include <assert.h>
#include <string.h>

#include "core/interop/onnx_translation.h"

enum { KERNEL_RANK = 4 };

/* ---- constants ---- */

static const char *as_it_is(const struct translation *t, int value) {
    const struct graph_value *constant = translation_value(t, value);
    int64_t sizes[SHAPE_RANK_MAX];
    for (int i = 0; i < constant->shape.rank; i++) sizes[i] = constant->shape.size[i];
    return onnx_floats(t->file, constant->name, sizes, constant->shape.rank, constant->data);
}

/* Axis i of the result is axis order[i] of an array of four axes. */
static const char *reordered(const struct translation *t, const char *name, const int size[KERNEL_RANK],
                             const int order[KERNEL_RANK], int rank, const float *data) {
    size_t step[KERNEL_RANK] = {0, 0, 0, 1}, count = 1;
    for (int i = KERNEL_RANK - 2; i >= 0; i--) step[i] = step[i + 1] * (size_t)size[i + 1];
    int64_t to[KERNEL_RANK];
    for (int i = 0; i < KERNEL_RANK; i++) {
        to[i] = size[order[i]];
        count *= (size_t)size[i];
    }
    float *moved = translation_floats(t, count);
    if (!moved) return NULL;
    float *at = moved;
    for (int64_t a = 0; a < to[0]; a++)
        for (int64_t b = 0; b < to[1]; b++)
            for (int64_t c = 0; c < to[2]; c++)
                for (int64_t d = 0; d < to[3]; d++)
                    *at++ = data[(size_t)a * step[order[0]] + (size_t)b * step[order[1]] + (size_t)c * step[order[2]] +
                                 (size_t)d * step[order[3]]];
    return onnx_floats(t->file, name, to + KERNEL_RANK - rank, rank, moved);
}

static const char *kernel(const struct translation *t, int value, const int order[KERNEL_RANK]) {
    const struct graph_value *constant = translation_value(t, value);
    assert(constant->data && constant->shape.rank == KERNEL_RANK);
    return reordered(t, constant->name, constant->shape.size, order, KERNEL_RANK, constant->data);
}

/* A constant that is combined with an image: its last axes, of (c), (w,c) or (h,w,c), come as (c,h,w) with ones. */
static const char *beside_image(const struct translation *t, int value) {
    const struct graph_value *constant = translation_value(t, value);
    int size[KERNEL_RANK] = {1, 1, 1, 1};
    const int rank = constant->shape.rank;
    if (rank == 0) return as_it_is(t, value);
    for (int i = 0; i < rank; i++) size[KERNEL_RANK - rank + i] = constant->shape.size[i];
    return reordered(t, constant->name, size, (const int[]){0, 3, 1, 2}, IMAGE_RANK, constant->data);
}

/* ---- windows ---- */

static void set_pair(const struct translation *t, Onnx__NodeProto *node, const char *name, const int pair[2]) {
    onnx_set_integers(t->file, node, name, (const int64_t[]){pair[0], pair[1]}, 2);
}

static void set_window(const struct translation *t, Onnx__NodeProto *node, bool dilates) {
    const struct graph_window *window = &t->node->window;
    const int *input = translation_value(t, t->node->inputs[0])->shape.size;
    const int64_t pads[4] = {window->before[0], window->before[1], graph_window_after(window, input[0], 0),
                             graph_window_after(window, input[1], 1)};
    set_pair(t, node, "kernel_shape", window->size);
    set_pair(t, node, "strides", window->stride);
    if (dilates) set_pair(t, node, "dilations", window->dilation);
    onnx_set_integers(t->file, node, "pads", pads, 4);
}

static const char *convolve(const struct translation *t) {
    const int *inputs = t->node->inputs, count = t->node->input_count;
    const char *names[] = {translation_input(t, 0), kernel(t, inputs[1], (const int[]){3, 2, 0, 1}),
                           count > 2 ? as_it_is(t, inputs[2]) : NULL};
    Onnx__NodeProto *node = translation_add(t, "Conv", names, count);
    set_window(t, node, true);
    onnx_set_integer(t->file, node, "group", t->node->window.groups);
    return onnx_output(node);
}

/* Without pads ONNX's output has (n-1)*stride + (kernel-1)*dilation + 1 cells on an axis: cut to what is wanted, or
 * lengthened where the stride is larger than the kernel. */
static const char *convolve_back(const struct translation *t) {
    const struct graph_window *window = &t->node->window;
    const int *inputs = t->node->inputs, count = t->node->input_count,
              *size = translation_value(t, inputs[0])->shape.size;
    const char *names[] = {translation_input(t, 0), kernel(t, inputs[1], (const int[]){3, 2, 0, 1}),
                           count > 2 ? as_it_is(t, inputs[2]) : NULL};
    int64_t pads[4], more[2];
    for (int axis = 0; axis < 2; axis++) {
        const int full =
            (size[axis] - 1) * window->stride[axis] + (window->size[axis] - 1) * window->dilation[axis] + 1;
        const int after = full - window->before[axis] - window->output[axis];
        pads[axis] = window->before[axis];
        pads[axis + 2] = after > 0 ? after : 0;
        more[axis] = after < 0 ? -after : 0;
    }
    Onnx__NodeProto *node = translation_add(t, "ConvTranspose", names, count);
    set_pair(t, node, "kernel_shape", window->size);
    set_pair(t, node, "strides", window->stride);
    set_pair(t, node, "dilations", window->dilation);
    onnx_set_integers(t->file, node, "pads", pads, 4);
    onnx_set_integers(t->file, node, "output_padding", more, 2);
    return onnx_output(node);
}

static const char *pool_maximum(const struct translation *t) {
    Onnx__NodeProto *node = translation_add_one(t, "MaxPool", translation_input(t, 0));
    set_window(t, node, false);
    return onnx_output(node);
}

static const char *pool_average(const struct translation *t, bool counts_border) {
    Onnx__NodeProto *node = translation_add_one(t, "AveragePool", translation_input(t, 0));
    set_window(t, node, false);
    onnx_set_integer(t->file, node, "count_include_pad", counts_border);
    return onnx_output(node);
}

static const char *pool_mean(const struct translation *t) {
    return pool_average(t, false);
}

/* The mean with the border's zeros, times the window's cells. */
static const char *pool_sum(const struct translation *t) {
    const int *size = t->node->window.size;
    float *cells = translation_floats(t, 1);
    if (!cells) return NULL;
    *cells = (float)size[0] * (float)size[1];
    const char *inputs[] = {pool_average(t, true), onnx_floats(t->file, "cells", NULL, 0, cells)};
    return onnx_output(translation_add(t, "Mul", inputs, 2));
}

/* ---- frames ---- */

static const char *pad_zeros(const struct translation *t) {
    const int *sides = t->node->sides;
    const int64_t pads[8] = {0, 0, sides[GRAPH_TOP], sides[GRAPH_LEFT], 0, 0, sides[GRAPH_BOTTOM], sides[GRAPH_RIGHT]};
    const char *inputs[] = {translation_input(t, 0), onnx_integers(t->file, "pads", pads, 8)};
    return onnx_output(translation_add(t, "Pad", inputs, 2));
}

/* Rows `before` the image, its own and those `after` it, by their numbers; likewise columns. */
static const char *wrapped(const struct translation *t, const char *x, int axis, int size, int before, int after) {
    const int count = before + size + after;
    int64_t *rows = arena_allocate(&t->file->arena, (size_t)count * sizeof *rows, t->file->error);
    if (!rows) return NULL;
    for (int i = 0; i < count; i++) rows[i] = (i - before % size + size) % size;
    const char *inputs[] = {x, onnx_integers(t->file, "cells", rows, count)};
    Onnx__NodeProto *node = translation_add(t, "Gather", inputs, 2);
    onnx_set_integer(t->file, node, "axis", axis);
    return onnx_output(node);
}

static const char *pad_wrap(const struct translation *t) {
    const int *sides = t->node->sides, *size = translation_value(t, t->node->inputs[0])->shape.size;
    const char *tall = wrapped(t, translation_input(t, 0), 2, size[0], sides[GRAPH_TOP], sides[GRAPH_BOTTOM]);
    return wrapped(t, tall, 3, size[1], sides[GRAPH_LEFT], sides[GRAPH_RIGHT]);
}

static const char *crop(const struct translation *t) {
    const int *sides = t->node->sides, *size = translation_value(t, t->node->output)->shape.size;
    const int64_t starts[] = {sides[GRAPH_TOP], sides[GRAPH_LEFT]};
    const int64_t ends[] = {starts[0] + size[0], starts[1] + size[1]};
    const char *inputs[] = {translation_input(t, 0), onnx_integers(t->file, "starts", starts, 2),
                            onnx_integers(t->file, "ends", ends, 2),
                            onnx_integers(t->file, "axes", (const int64_t[]){2, 3}, 2)};
    return onnx_output(translation_add(t, "Slice", inputs, 4));
}

static const char *enlarge(const struct translation *t, const char *mode, const char *coordinates) {
    float *scales = translation_floats(t, 4);
    if (!scales) return NULL;
    for (int i = 0; i < 4; i++) scales[i] = i < 2 ? 1 : (float)t->node->times[i - 2];
    const char *inputs[] = {translation_input(t, 0), "",
                            onnx_floats(t->file, "scales", (const int64_t[]){4}, 1, scales)};
    Onnx__NodeProto *node = translation_add(t, "Resize", inputs, 3);
    onnx_set_text(t->file, node, "mode", mode);
    onnx_set_text(t->file, node, "coordinate_transformation_mode", coordinates);
    if (strcmp(mode, "nearest") == 0) onnx_set_text(t->file, node, "nearest_mode", "floor");
    return onnx_output(node);
}

static const char *enlarge_nearest(const struct translation *t) {
    return enlarge(t, "nearest", "asymmetric");
}

static const char *enlarge_bilinear(const struct translation *t) {
    return enlarge(t, "linear", "half_pixel");
}

/* ---- whole arrays ---- */

static const char *matrix(const struct translation *t) {
    const char *names[GRAPH_INPUTS_MAX] = {translation_input(t, 0)};
    for (int i = 1; i < t->node->input_count; i++) names[i] = as_it_is(t, t->node->inputs[i]);
    return onnx_output(translation_add(t, "Gemm", names, t->node->input_count));
}

static const char *softmax(const struct translation *t) {
    Onnx__NodeProto *node = translation_add_one(t, "Softmax", translation_input(t, 0));
    onnx_set_integer(t->file, node, "axis", translation_is_image(t, t->node->output) ? 1 : -1);
    return onnx_output(node);
}

/* The axes of an image with channels first behind the batch: height 2, width 3, channels 1. */
static const char *reduce(const struct translation *t, const char *operation) {
    static const int64_t of_image[IMAGE_RANK] = {2, 3, 1};
    int64_t axes[SHAPE_RANK_MAX];
    for (int i = 0; i < t->node->axes; i++) {
        const int axis = t->node->axis + i;
        axes[i] = translation_is_image(t, t->node->inputs[0]) ? of_image[axis] : axis + 1;
    }
    Onnx__NodeProto *node = translation_add_one(t, operation, translation_input(t, 0));
    onnx_set_integers(t->file, node, "axes", axes, t->node->axes);
    onnx_set_integer(t->file, node, "keepdims", 1);
    return onnx_output(node);
}

static const char *reduce_mean(const struct translation *t) {
    return reduce(t, "ReduceMean");
}

static const char *reduce_maximum(const struct translation *t) {
    return reduce(t, "ReduceMax");
}

/* ---- numbers by themselves ---- */

/* The second of two may be a constant. */
static const char *elementwise(const struct translation *t, const char *operation) {
    const int second = t->node->input_count > 1 ? t->node->inputs[1] : GRAPH_NONE;
    const char *names[] = {translation_input(t, 0), NULL};
    if (second != GRAPH_NONE && !translation_value(t, second)->data)
        names[1] = translation_natural(t, second);
    else if (second != GRAPH_NONE)
        names[1] = translation_is_image(t, t->node->output) ? beside_image(t, second) : as_it_is(t, second);
    Onnx__NodeProto *node = translation_add(t, operation, names, t->node->input_count);
    const bool has_number = t->node->operation == GRAPH_LEAKY_RELU || t->node->operation == GRAPH_ELU;
    if (has_number) onnx_set_float(t->file, node, "alpha", (float)t->node->number);
    return onnx_output(node);
}

/* How an operation is translated: by a function, or an elementwise one by the operator's name. */
static const struct {
    const char *(*translate)(const struct translation *t);
    const char *name;
} translators[GRAPH_OPERATIONS] = {
    [GRAPH_CONVOLVE] = {.translate = convolve},
    [GRAPH_CONVOLVE_BACK] = {.translate = convolve_back},
    [GRAPH_POOL_MAXIMUM] = {.translate = pool_maximum},
    [GRAPH_POOL_MEAN] = {.translate = pool_mean},
    [GRAPH_POOL_SUM] = {.translate = pool_sum},
    [GRAPH_SAMPLE] = {.translate = translation_sample},
    [GRAPH_PAD_ZEROS] = {.translate = pad_zeros},
    [GRAPH_PAD_WRAP] = {.translate = pad_wrap},
    [GRAPH_CROP] = {.translate = crop},
    [GRAPH_ENLARGE_NEAREST] = {.translate = enlarge_nearest},
    [GRAPH_ENLARGE_BILINEAR] = {.translate = enlarge_bilinear},
    [GRAPH_MATRIX] = {.translate = matrix},
    [GRAPH_SOFTMAX] = {.translate = softmax},
    [GRAPH_REDUCE_MEAN] = {.translate = reduce_mean},
    [GRAPH_REDUCE_MAXIMUM] = {.translate = reduce_maximum},
    [GRAPH_RELU] = {.name = "Relu"},
    [GRAPH_LEAKY_RELU] = {.name = "LeakyRelu"},
    [GRAPH_ELU] = {.name = "Elu"},
    [GRAPH_SIGMOID] = {.name = "Sigmoid"},
    [GRAPH_TANH] = {.name = "Tanh"},
    [GRAPH_ERF] = {.name = "Erf"},
    [GRAPH_EXP] = {.name = "Exp"},
    [GRAPH_SOFTPLUS] = {.name = "Softplus"},
    [GRAPH_SQUARE_ROOT] = {.name = "Sqrt"},
    [GRAPH_ABSOLUTE] = {.name = "Abs"},
    [GRAPH_SIGN] = {.name = "Sign"},
    [GRAPH_ADD] = {.name = "Add"},
    [GRAPH_SUBTRACT] = {.name = "Sub"},
    [GRAPH_MULTIPLY] = {.name = "Mul"},
    [GRAPH_DIVIDE] = {.name = "Div"},
    [GRAPH_MAXIMUM] = {.name = "Max"},
    [GRAPH_MINIMUM] = {.name = "Min"},
};

/* ---- all of it ---- */

/* The batch stays: 0 is the size that there is. */
static void reshape(const struct translation *t) {
    const struct shape *to = &translation_value(t, t->node->output)->shape;
    int64_t sizes[SHAPE_RANK_MAX + 1] = {0};
    for (int i = 0; i < to->rank; i++) sizes[i + 1] = to->size[i];
    t->names[t->node->output].last =
        translation_reshaped(t, translation_channels_last(t, t->node->inputs[0]), sizes, to->rank + 1);
}

static void translate(struct translation *t, const struct graph_node *node) {
    t->node = node;
    if (node->operation == GRAPH_RESHAPE) {
        reshape(t);
        return;
    }
    const char *name = translators[node->operation].name;
    const char *result = name ? elementwise(t, name) : translators[node->operation].translate(t);
    struct translation_names *names = &t->names[node->output];
    *(translation_is_image(t, node->output) ? &names->first : &names->last) = result;
}

/* The last node, whose output nobody else has used; or one that does nothing. */
static void name_output(struct translation *t, const char *output) {
    t->node = NULL;
    const char *found = translation_channels_last(t, t->graph->output);
    const Onnx__GraphProto *graph = &t->file->graph;
    Onnx__NodeProto *last = graph->n_node ? graph->node[graph->n_node - 1] : NULL;
    if (!last || last->output[0] != found) last = translation_add_one(t, "Identity", found);
    if (last) last->output[0] = onnx_text(t->file, "%s", output);
}

void onnx_nodes(struct onnx_file *file, const struct graph *graph, const char *input, bool channels_first,
                const char *output) {
    struct translation t = {.file = file, .graph = graph};
    t.names = arena_allocate(&file->arena, (size_t)graph->value_count * sizeof *t.names, file->error);
    if (!t.names) return;
    const bool first = channels_first && translation_is_image(&t, graph->input);
    *(first ? &t.names[graph->input].first : &t.names[graph->input].last) = input;
    for (int i = 0; i < graph->node_count && file->error->code == ERROR_NONE; i++) translate(&t, &graph->nodes[i]);
    name_output(&t, output);
}
