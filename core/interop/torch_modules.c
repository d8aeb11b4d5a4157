#include "core/interop/torch_modules.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TENSOR_NAME_SIZE = 48 };

/* ---- building ---- */

/* Whether the module that comes next has weights, and in a training keeps them. */
static bool keeps_weights(const struct torch_modules *torch) {
    char prefix[16];
    const int length = snprintf(prefix, sizeof prefix, "%d.", torch->count);
    return torch->graph->training && torch->layer && torch->layer->frozen && torch->tensor_count > 0 &&
           strncmp(torch->tensors[torch->tensor_count - 1].name, prefix, (size_t)length) == 0;
}

void torch_module(struct torch_modules *torch, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const char *kept = keeps_weights(torch) ? ".requires_grad_(False)" : "";
    text_print(&torch->lines, "    %s%s,  # %d: %s\n", line, kept, torch->count++,
               torch->layer ? torch->layer->name : "output");
}

float *torch_tensor(struct torch_modules *torch, const char *name, struct shape shape) {
    size_t elements = 0;
    char text[TENSOR_NAME_SIZE];
    snprintf(text, sizeof text, "%d.%s", torch->count, name);
    if (torch->tensor_count == torch->tensor_room || !shape_elements(&shape, &elements)) {
        error_fill(torch->error, ERROR_RUN, NULL, "the model has too many tensors for a state dict");
        return NULL;
    }
    float *numbers = arena_allocate(&torch->arena, elements * sizeof *numbers, torch->error);
    const char *owned = arena_string(&torch->arena, text, torch->error);
    if (!numbers || !owned) return NULL;
    torch->tensors[torch->tensor_count++] = (struct safetensors_source){owned, shape, numbers};
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

/* ---- the order of what Flatten lines up ---- */

/* Where number i of (h,w,c) stands in (c,h,w). */
static size_t place_of(const struct shape *flat, size_t i) {
    if (flat->rank != 3) return i;
    const size_t channels = (size_t)flat->size[2], pixels = (size_t)flat->size[0] * (size_t)flat->size[1];
    return i % channels * pixels + i / channels;
}

static bool is_permuted(const struct shape *flat) {
    return flat->rank == 3 && flat->size[2] > 1 && flat->size[0] * flat->size[1] > 1;
}

/* A number for each channel, or for each of what Flatten lined up. */
static float *vector(struct torch_modules *torch, const char *name, const float *numbers, float fallback, int count) {
    float *written = torch_tensor(torch, name, (struct shape){1, {count}});
    for (int i = 0; written && i < count; i++)
        written[place_of(&torch->flat, (size_t)i)] = numbers ? numbers[i] : fallback;
    return written;
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
    if (bias != GRAPH_NONE && !vector(torch, "bias", torch->graph->values[bias].data, 0, units)) return 0;
    torch_module(torch, "nn.Linear(%d, %d%s)", rows, units, bias == GRAPH_NONE ? ", bias=False" : "");
    return 1;
}

static int reshape(struct torch_modules *torch, const struct graph_node *node) {
    const struct shape *from = &torch->graph->values[node->inputs[0]].shape;
    const struct shape *to = &torch->graph->values[node->output].shape;
    if (from->rank == 3 && to->rank == 1) {
        torch->flat = *from;
        torch_module(torch, "nn.Flatten()");
        return 1;
    }
    if (from->rank != 1 || to->rank != 3 || to->size[0] * to->size[1] != 1 || is_permuted(&torch->flat))
        return torch_refuse(torch);
    torch_module(torch, "nn.Unflatten(1, (%d, 1, 1))", to->size[2]);
    return 1;
}

static int softmax(struct torch_modules *torch, const struct graph_node *node) {
    (void)node;
    torch_module(torch, "nn.Softmax(dim=1)");
    return 1;
}

static int reduce(struct torch_modules *torch, const struct graph_node *node) {
    const struct shape *x = &torch->graph->values[node->inputs[0]].shape;
    if (x->rank != 3 || node->axis != 0 || node->axes != 2) return torch_refuse(torch);
    torch_module(torch, "nn.Adaptive%sPool2d(1)", node->operation == GRAPH_REDUCE_MEAN ? "Avg" : "Max");
    return 1;
}

static int apply(struct torch_modules *torch, const struct graph_node *node) {
    switch (node->operation) {
    case GRAPH_RELU:
        torch_module(torch, "nn.ReLU()");
        return 1;
    case GRAPH_LEAKY_RELU:
        torch_module(torch, "nn.LeakyReLU(%.9g)", node->number);
        return 1;
    case GRAPH_ELU:
        torch_module(torch, "nn.ELU(%.9g)", node->number);
        return 1;
    case GRAPH_SIGMOID:
        torch_module(torch, "nn.Sigmoid()");
        return 1;
    case GRAPH_TANH:
        torch_module(torch, "nn.Tanh()");
        return 1;
    case GRAPH_SOFTPLUS:
        torch_module(torch, "nn.Softplus()");
        return 1;
    case GRAPH_DROP:
        torch_module(torch, "nn.Dropout(%.9g)", node->number);
        return 1;
    case GRAPH_DROP_CHANNELS:
        torch_module(torch, "nn.Dropout2d(%.9g)", node->number);
        return 1;
    default:
        return torch_refuse(torch);
    }
}

/* ---- several operations that are one module ---- */

/* Whether the operations from `node` on, within `count` of them, are these. */
static bool begins(const struct graph_node *node, int count, const enum graph_operation *operations, int length) {
    if (count < length) return false;
    for (int i = 0; i < length; i++)
        if (node[i].operation != operations[i]) return false;
    return true;
}

/* x times and plus a number; without the second operation, times alone. */
static int scale(struct torch_modules *torch, const struct graph_node *node, int count) {
    const struct graph_value *factor = &torch->graph->values[node->inputs[1]];
    if (node->operation != GRAPH_MULTIPLY || !factor->data || graph_elements(torch->graph, node->inputs[1]) != 1)
        return torch_refuse(torch);
    const struct graph_value *offset = count > 1 ? &torch->graph->values[node[1].inputs[1]] : NULL;
    const bool is_sum = count > 1 && node[1].operation == GRAPH_ADD && node[1].inputs[0] == node->output &&
                        offset->data && graph_elements(torch->graph, node[1].inputs[1]) == 1;
    torch_module(torch, "Scale(%.9g, %.9g)", (double)factor->data[0], is_sum ? (double)offset->data[0] : 0);
    torch->uses_scale = true;
    return is_sum ? 2 : 1;
}

/* max(x, 0) + slope*min(x, 0), with a slope that is learned for each channel or a single one that is not. */
static int two_slopes(struct torch_modules *torch, const struct graph_node *node) {
    const struct graph_value *slope = &torch->graph->values[node[2].inputs[1]];
    const struct shape *x = &torch->graph->values[node->inputs[0]].shape;
    const size_t slopes = graph_elements(torch->graph, node[2].inputs[1]);
    const int channels = x->size[x->rank - 1];
    if (slope->data && slopes == 1 && torch->layer && torch->layer->parameter_count == 0) {
        torch_module(torch, "nn.LeakyReLU(%.9g)", (double)slope->data[0]);
        return 4;
    }
    if (!slope->data || slopes != (size_t)channels) return torch_refuse(torch);
    if (!vector(torch, "weight", slope->data, 0, channels)) return 0;
    torch_module(torch, "nn.PReLU(%d)", channels);
    return 4;
}

/* max(x, 0), then the smaller of that and a number */
static int capped(struct torch_modules *torch, const struct graph_node *node) {
    const struct graph_value *most = &torch->graph->values[node[1].inputs[1]];
    if (node[1].inputs[0] != node->output || !most->data || graph_elements(torch->graph, node[1].inputs[1]) != 1)
        return apply(torch, node);
    if (fabsf(most->data[0] - 6) > 0)
        torch_module(torch, "nn.Hardtanh(0, %.9g)", (double)most->data[0]);
    else
        torch_module(torch, "nn.ReLU6()");
    return 2;
}

static int several(struct torch_modules *torch, const struct graph_node *node, int count) {
    static const enum graph_operation silu[] = {GRAPH_SIGMOID, GRAPH_MULTIPLY};
    static const enum graph_operation slopes[] = {GRAPH_RELU, GRAPH_MINIMUM, GRAPH_MULTIPLY, GRAPH_ADD};
    static const enum graph_operation ceiling[] = {GRAPH_RELU, GRAPH_MINIMUM};
    static const enum graph_operation softsign[] = {GRAPH_ABSOLUTE, GRAPH_ADD, GRAPH_DIVIDE};
    static const enum graph_operation gelu[] = {GRAPH_MULTIPLY, GRAPH_ERF, GRAPH_ADD, GRAPH_MULTIPLY, GRAPH_MULTIPLY};
    static const enum graph_operation gelu_tanh[] = {GRAPH_MULTIPLY, GRAPH_MULTIPLY, GRAPH_ADD,
                                                     GRAPH_MULTIPLY, GRAPH_MULTIPLY, GRAPH_TANH,
                                                     GRAPH_ADD,      GRAPH_MULTIPLY, GRAPH_MULTIPLY};
    if (begins(node, count, slopes, 4)) return two_slopes(torch, node);
    if (begins(node, count, ceiling, 2)) return capped(torch, node);
    if (begins(node, count, silu, 2)) {
        torch_module(torch, "nn.SiLU()");
        return 2;
    }
    if (begins(node, count, softsign, 3)) {
        torch_module(torch, "nn.Softsign()");
        return 3;
    }
    if (begins(node, count, gelu, 5)) {
        torch_module(torch, "nn.GELU()");
        return 5;
    }
    if (begins(node, count, gelu_tanh, 9)) {
        torch_module(torch, "nn.GELU(approximate=\"tanh\")");
        return 9;
    }
    return node->operation >= GRAPH_ADD ? scale(torch, node, count) : apply(torch, node);
}

/* ---- batch normalization, which the graph has as a scale and an offset ---- */

static const float *parameter_called(const struct torch_modules *torch, const char *name) {
    for (int k = 0; torch->layer && k < torch->layer->parameter_count; k++)
        if (strcmp(torch->layer->parameters[k].name, name) == 0) return model_parameter(torch->model, torch->layer, k);
    return NULL;
}

static double number_of(const struct layer *layer, const char *key) {
    for (const struct field *field = layer->kind->component.fields; field && field->key; field++)
        if (strcmp(field->key, key) == 0 && field->type == FIELD_NUMBER)
            return *(const double *)(const void *)((const char *)layer->config + field->offset);
    return 0;
}

/* What follows a normalization that does not learn both its factor and its offset, which PyTorch always has. */
static const char *fixed_in_training(const struct torch_modules *torch) {
    const bool scales = parameter_called(torch, "gamma"), shifts = parameter_called(torch, "beta");
    if (!torch->graph->training || (scales && shifts)) return "";
    return scales ? ", \"bias\")" : shifts ? ", \"weight\")" : ", \"weight\", \"bias\")";
}

/* Takes the layer's nodes, `count` of them. */
static int normalize(struct torch_modules *torch, int count) {
    const struct layer *layer = torch->layer;
    const int rank = layer->input.rank, channels = layer->input.size[rank - 1];
    if (!vector(torch, "weight", parameter_called(torch, "gamma"), 1, channels) ||
        !vector(torch, "bias", parameter_called(torch, "beta"), 0, channels) ||
        !vector(torch, "running_mean", parameter_called(torch, "moving_mean"), 0, channels) ||
        !vector(torch, "running_var", parameter_called(torch, "moving_variance"), 1, channels))
        return 0;
    const char *fixed = fixed_in_training(torch);
    torch->uses_fixed = torch->uses_fixed || *fixed;
    torch_module(torch, "%snn.BatchNorm%dd(%d, eps=%.9g, momentum=%.9g)%s", *fixed ? "fixed(" : "", rank == 3 ? 2 : 1,
                 channels, number_of(layer, "epsilon"), 1 - number_of(layer, "momentum"), fixed);
    return count;
}

/* ---- the whole ---- */

static const struct layer *layer_called(const struct model *model, const char *name) {
    for (int i = 0; name && i < model->layer_count; i++)
        if (strcmp(model->layers[i].name, name) == 0) return &model->layers[i];
    return NULL;
}

static bool same_layer(const struct graph_node *a, const struct graph_node *b) {
    return a->layer && b->layer ? strcmp(a->layer, b->layer) == 0 : a->layer == b->layer;
}

/* The module for the operations from `node` on, of the layer's `count` that are left. */
static int translate(struct torch_modules *torch, const struct graph_node *node, int count) {
    if (node->inputs[0] != torch->value && node->inputs[1] != torch->value) return torch_refuse(torch);
    if (parameter_called(torch, "moving_mean")) return normalize(torch, count);
    if (graph_is_elementwise(node->operation)) return several(torch, node, count);
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

static int translate_all(struct torch_modules *torch) {
    const struct graph *graph = torch->graph;
    torch->value = graph->input;
    for (int i = 0, taken = 0; i < graph->node_count; i += taken) {
        const struct graph_node *node = &graph->nodes[i];
        int count = 1;
        while (i + count < graph->node_count && same_layer(node, &graph->nodes[i + count])) count++;
        torch->layer = layer_called(torch->model, node->layer);
        taken = translate(torch, node, count);
        if (taken == 0 || torch->error->code != ERROR_NONE) return -1;
        torch->value = node[taken - 1].output;
    }
    if (is_permuted(&torch->flat)) torch_refuse(torch);
    if (torch->lines.failed) error_fill(torch->error, ERROR_RUN, NULL, "not enough memory for the modules");
    return torch->error->code == ERROR_NONE ? 0 : -1;
}

int torch_modules_make(struct torch_modules *torch, const struct graph *graph, const struct model *model,
                       struct error *error) {
    *torch = (struct torch_modules){.graph = graph, .model = model, .error = error};
    torch->tensor_room = 4 * (size_t)graph->node_count + 4;
    torch->tensors = arena_allocate(&torch->arena, torch->tensor_room * sizeof *torch->tensors, error);
    return torch->tensors ? translate_all(torch) : -1;
}

void torch_modules_free(struct torch_modules *torch) {
    text_free(&torch->lines);
    arena_free(&torch->arena);
}
