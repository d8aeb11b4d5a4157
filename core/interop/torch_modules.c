#include "core/interop/torch_modules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- building ---- */

static int no_memory(struct torch_modules *torch) {
    error_fill(torch->error, ERROR_RUN, NULL, "not enough memory for the modules");
    return 0;
}

static void add_line(struct torch_modules *torch, int depth, const char *line) {
    text_repeat(&torch->lines, "    ", depth);
    text_add(&torch->lines, line);
}

/* Whether the module that comes next has weights, and in a training keeps them. */
static bool keeps_weights(const struct torch_modules *torch) {
    char start[512];
    if (!torch->graph->training || !torch->layer || !torch->layer->frozen || torch->tensor_count == 0) return false;
    if (torch->alone)
        snprintf(start, sizeof start, "%s.", torch->alone);
    else
        snprintf(start, sizeof start, "%s%d.", torch->prefix, torch->count);
    return strncmp(torch->tensors[torch->tensor_count - 1].name, start, strlen(start)) == 0;
}

/* ",  # 3: conv2d" */
static void end_module(struct torch_modules *torch, int number) {
    text_print(&torch->lines, ",  # %d: %s\n", number, torch->layer ? torch->layer->name : "output");
}

void torch_module(struct torch_modules *torch, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    add_line(torch, torch->depth + 1, line);
    if (keeps_weights(torch)) text_add(&torch->lines, ".requires_grad_(False)");
    end_module(torch, torch->count++);
}

/* Prints into the arena; NULL without memory. */
static __attribute__((format(printf, 2, 3))) const char *owned(struct torch_modules *torch, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof text) return arena_string(&torch->arena, text, torch->error);
    torch_refuse(torch);
    return NULL;
}

float *torch_tensor(struct torch_modules *torch, const char *name, struct shape shape) {
    size_t elements = 0;
    if (torch->tensor_count == torch->tensor_room || !shape_elements(&shape, &elements)) {
        error_fill(torch->error, ERROR_RUN, NULL, "the model has too many tensors for a state dict");
        return NULL;
    }
    float *numbers = arena_allocate(&torch->arena, elements * sizeof *numbers, torch->error);
    const char *full = torch->alone ? owned(torch, "%s.%s", torch->alone, name)
                                    : owned(torch, "%s%d.%s", torch->prefix, torch->count, name);
    if (!numbers || !full) return NULL;
    torch->tensors[torch->tensor_count++] = (struct safetensors_source){full, shape, numbers};
    return numbers;
}

int torch_refuse(struct torch_modules *torch) {
    char label[LAYER_NAME_SIZE + 16];
    snprintf(label, sizeof label, "layer \"%s\"", torch->layer ? torch->layer->name : "");
    error_fill(torch->error, ERROR_CONFIG, label, "no module of PyTorch stands for this %s; %s",
               torch->layer ? torch->layer->kind->component.name : "output",
               torch->graph->training ? "leave it out, or convert to another format"
                                      : "convert to ONNX, which PyTorch's users can run as well");
    return 0;
}

const char *torch_fixed(struct torch_modules *torch, bool has_weight, bool has_bias) {
    if (!torch->graph->training || (has_weight && has_bias)) return "";
    torch->uses_fixed = true;
    return has_weight ? ", \"bias\")" : has_bias ? ", \"weight\")" : ", \"weight\", \"bias\")";
}

const float *torch_parameter(const struct torch_modules *torch, const char *name) {
    for (int k = 0; torch->layer && k < torch->layer->parameter_count; k++)
        if (strcmp(torch->layer->parameters[k].name, name) == 0) return model_parameter(torch->model, torch->layer, k);
    return NULL;
}

/* ---- the order of what Flatten lines up ---- */

/* Where number i of (h,w,c) stands in (c,h,w). */
static size_t place_of(const struct shape *image, size_t i) {
    if (image->rank != 3) return i;
    const size_t channels = (size_t)image->size[2], pixels = (size_t)image->size[0] * (size_t)image->size[1];
    return i % channels * pixels + i / channels;
}

bool torch_vector(struct torch_modules *torch, const char *name, const float *numbers, float fallback, int count) {
    float *written = torch_tensor(torch, name, (struct shape){1, {count}});
    for (int i = 0; written && i < count; i++)
        written[place_of(&torch->flat, (size_t)i)] = numbers ? numbers[i] : fallback;
    return written != NULL;
}

bool torch_image(struct torch_modules *torch, const char *name, const float *numbers, const struct shape *shape) {
    const int *size = shape->size;
    float *written = torch_tensor(torch, name, (struct shape){3, {size[2], size[0], size[1]}});
    const size_t count = (size_t)size[0] * (size_t)size[1] * (size_t)size[2];
    for (size_t i = 0; written && i < count; i++) written[place_of(shape, i)] = numbers[i];
    return written != NULL;
}

static bool takes(const struct graph_node *node, int value) {
    for (int k = 0; k < node->input_count; k++)
        if (node->inputs[k] == value) return true;
    return false;
}

/* Whether what `node` lines up meets a matrix, whose rows can take another order, and nothing else that cares: all
 * between is done number by number, and no other way leads past the matrix. */
static bool meets_matrix(const struct graph *graph, const struct graph_node *node) {
    const struct graph_node *end = graph->nodes + graph->node_count, *matrix = node + 1;
    while (matrix < end && matrix->operation != GRAPH_MATRIX && matrix->operation != GRAPH_RESHAPE) matrix++;
    if (matrix == end || matrix->operation != GRAPH_MATRIX) return false;
    for (const struct graph_node *made = node; made < matrix; made++)
        for (const struct graph_node *later = matrix + 1; later < end; later++)
            if (takes(later, made->output)) return false;
    return true;
}

/* ---- single operations ---- */

static int matrix(struct torch_modules *torch, const struct graph_node *node) {
    const struct graph_value *value = &torch->graph->values[node->inputs[1]];
    const int rows = value->shape.size[0], units = value->shape.size[1];
    const int bias = node->input_count > 2 ? node->inputs[2] : GRAPH_NONE;
    float *weight = torch_tensor(torch, "weight", (struct shape){2, {units, rows}});
    if (!weight) return 0;
    for (size_t row = 0; row < (size_t)rows; row++)
        for (size_t unit = 0; unit < (size_t)units; unit++)
            weight[unit * (size_t)rows + place_of(&torch->flat, row)] = value->data[row * (size_t)units + unit];
    torch->flat.rank = 0;
    if (bias != GRAPH_NONE && !torch_vector(torch, "bias", torch->graph->values[bias].data, 0, units)) return 0;
    torch_module(torch, "nn.Linear(%d, %d%s)", rows, units, bias == GRAPH_NONE ? ", bias=False" : "");
    return 1;
}

static int reshape(struct torch_modules *torch, const struct graph_node *node) {
    const struct shape *from = &torch->graph->values[node->inputs[0]].shape;
    const struct shape *to = &torch->graph->values[node->output].shape;
    const bool one_pixel = from->rank == 3 && from->size[0] * from->size[1] == 1;
    if (from->rank == 3 && to->rank == 1 && (one_pixel || meets_matrix(torch->graph, node))) {
        if (!one_pixel) torch->flat = *from;
        torch_module(torch, "nn.Flatten()");
        return 1;
    }
    if (from->rank == 1 && to->rank == 3 && to->size[0] * to->size[1] == 1) {
        torch_module(torch, "nn.Unflatten(1, (%d, 1, 1))", to->size[2]);
        return 1;
    }
    char sizes[SHAPE_TEXT_SIZE];
    shape_text(to, sizes, sizeof sizes);
    torch_module(torch, "Reshape%s", sizes);
    torch->uses[TORCH_RESHAPE] = true;
    return 1;
}

static int softmax(struct torch_modules *torch, const struct graph_node *node) {
    const int rank = torch->graph->values[node->inputs[0]].shape.rank;
    torch_module(torch, "nn.Softmax(dim=%d)", rank == 3 ? 1 : rank);
    return 1;
}

static int reduce(struct torch_modules *torch, const struct graph_node *node) {
    const struct shape *x = &torch->graph->values[node->inputs[0]].shape;
    if (x->rank != 3 || node->axis != 0 || node->axes != 2) return torch_refuse(torch);
    torch_module(torch, "nn.Adaptive%sPool2d(1)", node->operation == GRAPH_REDUCE_MEAN ? "Avg" : "Max");
    return 1;
}

/* ---- layers ---- */

static bool is_of(const struct graph_node *node, const struct layer *layer) {
    return node->layer && layer ? strcmp(node->layer, layer->name) == 0 : !node->layer && !layer;
}

/* How many operations from the next on belong to the layer. */
static int operations_left(const struct torch_modules *torch) {
    const struct graph *graph = torch->graph;
    int count = 0;
    while (torch->node + count < graph->node_count && is_of(&graph->nodes[torch->node + count], torch->layer)) count++;
    return count;
}

/* The module for the operations from `node` on, of the layer's `count` that are left. */
static int translate(struct torch_modules *torch, const struct graph_node *node, int count) {
    if (node->inputs[0] != torch->value && node->inputs[1] != torch->value) return torch_refuse(torch);
    if (torch_parameter(torch, "moving_mean")) return torch_batch_normalization(torch, count);
    if (torch_is_layer_normalization(node, count)) return torch_layer_normalization(torch, node);
    if (torch_is_deformable(node, count)) return torch_deformable(torch, node, count);
    if (graph_is_elementwise(node->operation)) return torch_elementwise(torch, node, count);
    switch (node->operation) {
    case GRAPH_MATRIX:
        return matrix(torch, node);
    case GRAPH_RESHAPE:
        return reshape(torch, node);
    case GRAPH_SOFTMAX:
        return softmax(torch, node);
    case GRAPH_REDUCE_MEAN:
    case GRAPH_REDUCE_MAXIMUM:
        return reduce(torch, node);
    default:
        return torch_window(torch, node);
    }
}

/* The modules for one layer's operations, or (NULL) for those that belong to none. */
static int translate_layer(struct torch_modules *torch, const struct layer *layer) {
    torch->layer = layer;
    for (int count = operations_left(torch); count > 0; count = operations_left(torch)) {
        const struct graph_node *node = &torch->graph->nodes[torch->node];
        const int taken = translate(torch, node, count);
        if (taken == 0 || torch->error->code != ERROR_NONE) return -1;
        torch->value = node[taken - 1].output;
        torch->node += taken;
    }
    return 0;
}

/* ---- blocks ---- */

/* Where a translation stands in an nn.Sequential around the one that it is in. */
struct outside {
    const char *prefix;
    int count;
};

static struct outside enter(struct torch_modules *torch, const char *name) {
    const struct outside outside = {torch->prefix, torch->count};
    const char *prefix = owned(torch, "%s%d.%s.", torch->prefix, torch->count, name);
    if (prefix) torch->prefix = prefix;
    torch->count = 0;
    torch->depth += 2;
    return outside;
}

static void leave(struct torch_modules *torch, struct outside outside) {
    torch->prefix = outside.prefix;
    torch->count = outside.count;
    torch->depth -= 2;
}

/* Of the layers from `first` to before `end`, the last that adds to its input what goes into `first`; -1: none. */
static int block_end(const struct model *model, int first, int end) {
    for (int i = end - 1; i >= first; i--)
        if (model->layers[i].second.rank && model->layers[i].second_tensor == first) return i;
    return -1;
}

static int translate_layers(struct torch_modules *torch, int first, int end);

/* The operation that brings `start` to the block's shape: an argument of the module that comes next. */
static int project(struct torch_modules *torch, const struct layer *layer, int start) {
    const struct graph_node *node = &torch->graph->nodes[torch->node];
    const int count = torch->count;
    torch->layer = layer;
    torch->alone = owned(torch, "%s%d.projection", torch->prefix, count);
    if (!torch->alone || node->inputs[0] != start) return torch_refuse(torch) - 1;
    torch->depth++;
    const int taken = node->operation == GRAPH_MATRIX ? matrix(torch, node) : torch_window(torch, node);
    torch->depth--;
    torch->alone = NULL;
    torch->count = count;
    torch->node++;
    return taken == 1 ? 0 : -1;
}

/* The layers from `first` on, and at `end` the one that adds up. */
static int translate_block(struct torch_modules *torch, int first, int end) {
    const struct layer *layer = &torch->model->layers[end];
    const int start = torch->value, depth = torch->depth + 1;
    add_line(torch, depth, "Residual(\n");
    add_line(torch, depth + 1, "nn.Sequential(\n");
    const struct outside outside = enter(torch, "block");
    int status = translate_layers(torch, first, end);
    leave(torch, outside);
    add_line(torch, depth + 1, "),\n");
    if (status == 0 && layer->parameter_count > 0) status = project(torch, layer, start);
    if (status != 0 || torch->error->code != ERROR_NONE) return -1;
    torch->layer = layer;
    add_line(torch, depth, ")");
    end_module(torch, torch->count++);
    torch->uses[TORCH_RESIDUAL] = true;
    torch->value = torch->graph->nodes[torch->node++].output;
    return translate_layer(torch, layer);
}

static int translate_layers(struct torch_modules *torch, int first, int end) {
    int status = 0;
    for (int i = first; i < end && status == 0; i++) {
        const int block = block_end(torch->model, i, end);
        status = block < 0 ? translate_layer(torch, &torch->model->layers[i]) : translate_block(torch, i, block);
        if (block >= 0) i = block;
    }
    return status;
}

/* ---- the whole ---- */

static int translate_all(struct torch_modules *torch) {
    torch->value = torch->graph->input;
    if (translate_layers(torch, 0, torch->model->layer_count) != 0 || translate_layer(torch, NULL) != 0) return -1;
    if (torch->lines.failed || torch->functions.failed) no_memory(torch);
    return torch->error->code == ERROR_NONE ? 0 : -1;
}

int torch_modules_make(struct torch_modules *torch, const struct graph *graph, const struct model *model,
                       struct error *error) {
    *torch = (struct torch_modules){.graph = graph, .model = model, .error = error, .prefix = ""};
    torch->tensor_room = 4 * (size_t)graph->node_count + 4;
    torch->tensors = arena_allocate(&torch->arena, torch->tensor_room * sizeof *torch->tensors, error);
    return torch->tensors ? translate_all(torch) : -1;
}

void torch_modules_free(struct torch_modules *torch) {
    text_free(&torch->lines);
    text_free(&torch->functions);
    arena_free(&torch->arena);
}
