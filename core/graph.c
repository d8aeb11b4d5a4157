#include "core/graph.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/layer.h"

enum { ROOM_FIRST = 64 };

/* The elements with room for one more; NULL without memory, and the old ones are still there. */
static void *with_room(struct graph *graph, void *elements, size_t size, int count, int *room) {
    if (count < *room) return elements;
    const int wanted = *room ? 2 * *room : ROOM_FIRST;
    void *grown = realloc(elements, (size_t)wanted * size);
    if (!grown) {
        error_set(graph->error, ERROR_RUN, NULL, "not enough memory for the network's operations");
        return NULL;
    }
    *room = wanted;
    return grown;
}

static bool has_failed(const struct graph *graph) {
    return graph->error->code != ERROR_NONE;
}

static int add_value(struct graph *graph, const struct graph_value *value) {
    if (has_failed(graph)) return GRAPH_NONE;
    void *values = with_room(graph, graph->values, sizeof *graph->values, graph->value_count, &graph->value_room);
    if (!values) return GRAPH_NONE;
    graph->values = values;
    graph->values[graph->value_count] = *value;
    return graph->value_count++;
}

void graph_open(struct graph *graph, const struct shape *input, struct error *error) {
    *graph = (struct graph){.error = error, .output = GRAPH_NONE};
    graph->input = add_value(graph, &(struct graph_value){.shape = *input});
}

void graph_free(struct graph *graph) {
    free(graph->values);
    free(graph->nodes);
    arena_free(&graph->arena);
    *graph = (struct graph){0};
}

/* ---- constants ---- */

/* "conv2d/kernel" */
static const char *full_name(struct graph *graph, const char *name) {
    char text[2 * LAYER_NAME_SIZE];
    snprintf(text, sizeof text, "%s%s%s", graph->layer ? graph->layer->name : "", graph->layer ? "/" : "", name);
    return arena_string(&graph->arena, text, graph->error);
}

int graph_parameter(struct graph *graph, int k) {
    assert(graph->layer && k < graph->layer->parameter_count);
    const struct parameter *parameter = &graph->layer->parameters[k];
    return add_value(graph, &(struct graph_value){.shape = parameter->shape,
                                                  .data = graph->parameters[k],
                                                  .name = full_name(graph, parameter->name)});
}

int graph_numbers(struct graph *graph, const char *name, const struct shape *shape, const double *values) {
    size_t count = 0;
    bool fits = shape_elements(shape, &count);
    assert(fits);
    float *data = fits ? arena_allocate(&graph->arena, count * sizeof *data, graph->error) : NULL;
    if (!data) return GRAPH_NONE;
    for (size_t i = 0; i < count; i++) data[i] = (float)values[i];
    return add_value(graph, &(struct graph_value){.shape = *shape, .data = data, .name = full_name(graph, name)});
}

int graph_columns(struct graph *graph, int constant, int first, int count) {
    if (has_failed(graph)) return GRAPH_NONE;
    struct graph_value part = graph->values[constant];
    const int last = part.shape.rank - 1, columns = part.shape.size[last];
    const size_t rows = graph_elements(graph, constant) / (size_t)columns;
    float *data = arena_allocate(&graph->arena, rows * (size_t)count * sizeof *data, graph->error);
    if (!data) return GRAPH_NONE;
    for (size_t row = 0; row < rows; row++)
        memcpy(data + row * (size_t)count, part.data + row * (size_t)columns + first, (size_t)count * sizeof *data);
    part.data = data;
    part.shape.size[last] = count;
    return add_value(graph, &part);
}

int graph_number(struct graph *graph, double number) {
    return graph_numbers(graph, "number", &(struct shape){0}, &number);
}

/* ---- operations ---- */

static const struct shape *shape_of(const struct graph *graph, int value) {
    return &graph->values[value].shape;
}

/* Adds a node with an output of this shape; inputs that are left out come last. */
static int add_node(struct graph *graph, struct graph_node node, const struct shape *output) {
    while (node.input_count > 0 && node.inputs[node.input_count - 1] == GRAPH_NONE) node.input_count--;
    for (int i = 0; i < node.input_count; i++) assert(node.inputs[i] >= 0 && node.inputs[i] < graph->value_count);
    void *nodes = with_room(graph, graph->nodes, sizeof *graph->nodes, graph->node_count, &graph->node_room);
    if (!nodes) return GRAPH_NONE;
    graph->nodes = nodes;
    node.layer = graph->layer ? graph->layer->name : NULL;
    node.output = add_value(graph, &(struct graph_value){.shape = *output});
    if (node.output != GRAPH_NONE) graph->nodes[graph->node_count++] = node;
    return node.output;
}

int graph_convolve(struct graph *graph, int x, int kernel, int bias, const struct graph_window *window) {
    if (has_failed(graph)) return GRAPH_NONE;
    const struct shape output = {3, {window->output[0], window->output[1], shape_of(graph, kernel)->size[3]}};
    const struct graph_node node = {
        .operation = GRAPH_CONVOLVE, .input_count = 3, .inputs = {x, kernel, bias}, .window = *window};
    return add_node(graph, node, &output);
}

int graph_convolve_pixels(struct graph *graph, int x, int kernel, int bias) {
    if (has_failed(graph)) return GRAPH_NONE;
    const int *size = shape_of(graph, x)->size;
    const struct graph_window pixel = {
        .size = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .output = {size[0], size[1]}, .groups = 1};
    return graph_convolve(graph, x, kernel, bias, &pixel);
}

int graph_convolve_back(struct graph *graph, int x, int kernel, int bias, const struct graph_window *window) {
    if (has_failed(graph)) return GRAPH_NONE;
    const struct shape output = {3, {window->output[0], window->output[1], shape_of(graph, kernel)->size[2]}};
    const struct graph_node node = {
        .operation = GRAPH_CONVOLVE_BACK, .input_count = 3, .inputs = {x, kernel, bias}, .window = *window};
    return add_node(graph, node, &output);
}

int graph_pool(struct graph *graph, enum graph_operation operation, int x, const struct graph_window *window) {
    if (has_failed(graph)) return GRAPH_NONE;
    const struct shape output = {3, {window->output[0], window->output[1], shape_of(graph, x)->size[2]}};
    return add_node(graph,
                    (struct graph_node){.operation = operation, .input_count = 1, .inputs = {x}, .window = *window},
                    &output);
}

int graph_sample(struct graph *graph, int x, int places, int shares, const struct graph_window *window) {
    if (has_failed(graph)) return GRAPH_NONE;
    const int taps = window->size[0] * window->size[1];
    const struct shape output = {3, {window->output[0], window->output[1], taps * shape_of(graph, x)->size[2]}};
    return add_node(graph,
                    (struct graph_node){
                        .operation = GRAPH_SAMPLE, .input_count = 3, .inputs = {x, places, shares}, .window = *window},
                    &output);
}

int graph_frame(struct graph *graph, enum graph_operation operation, int x, const int sides[GRAPH_SIDES]) {
    if (has_failed(graph)) return GRAPH_NONE;
    const int sign = operation == GRAPH_CROP ? -1 : 1;
    struct shape output = *shape_of(graph, x);
    output.size[0] += sign * (sides[GRAPH_TOP] + sides[GRAPH_BOTTOM]);
    output.size[1] += sign * (sides[GRAPH_LEFT] + sides[GRAPH_RIGHT]);
    struct graph_node node = {.operation = operation, .input_count = 1, .inputs = {x}};
    memcpy(node.sides, sides, sizeof node.sides);
    return add_node(graph, node, &output);
}

int graph_enlarge(struct graph *graph, enum graph_operation operation, int x, const int times[2]) {
    if (has_failed(graph)) return GRAPH_NONE;
    struct shape output = *shape_of(graph, x);
    for (int axis = 0; axis < 2; axis++) output.size[axis] *= times[axis];
    return add_node(
        graph,
        (struct graph_node){.operation = operation, .input_count = 1, .inputs = {x}, .times = {times[0], times[1]}},
        &output);
}

int graph_matrix(struct graph *graph, int x, int matrix, int bias) {
    if (has_failed(graph)) return GRAPH_NONE;
    const struct shape output = {1, {shape_of(graph, matrix)->size[1]}};
    return add_node(
        graph, (struct graph_node){.operation = GRAPH_MATRIX, .input_count = 3, .inputs = {x, matrix, bias}}, &output);
}

int graph_reshape(struct graph *graph, int x, const struct shape *shape) {
    if (has_failed(graph)) return GRAPH_NONE;
    struct graph_value same = graph->values[x];
    if (shape_equal(&same.shape, shape)) return x;
    same.shape = *shape;
    if (same.data) return add_value(graph, &same);
    return add_node(graph, (struct graph_node){.operation = GRAPH_RESHAPE, .input_count = 1, .inputs = {x}}, shape);
}

int graph_softmax(struct graph *graph, int x) {
    if (has_failed(graph)) return GRAPH_NONE;
    const struct shape output = *shape_of(graph, x);
    return add_node(graph, (struct graph_node){.operation = GRAPH_SOFTMAX, .input_count = 1, .inputs = {x}}, &output);
}

int graph_reduce(struct graph *graph, enum graph_operation operation, int x, int axis, int axes) {
    if (has_failed(graph)) return GRAPH_NONE;
    struct shape output = *shape_of(graph, x);
    for (int i = axis; i < axis + axes; i++) output.size[i] = 1;
    return add_node(
        graph, (struct graph_node){.operation = operation, .input_count = 1, .inputs = {x}, .axis = axis, .axes = axes},
        &output);
}

int graph_apply(struct graph *graph, enum graph_operation operation, int x, double number) {
    if (has_failed(graph)) return GRAPH_NONE;
    const struct shape output = *shape_of(graph, x);
    return add_node(
        graph, (struct graph_node){.operation = operation, .input_count = 1, .inputs = {x}, .number = number}, &output);
}

/* A constant's leading ones say nothing. */
static int without_leading_ones(struct graph *graph, int value) {
    struct shape shape = graph->values[value].shape, rest = {0};
    int first = 0;
    while (first < shape.rank && shape.size[first] == 1) first++;
    for (int i = first; i < shape.rank; i++) rest.size[rest.rank++] = shape.size[i];
    return graph->values[value].data ? graph_reshape(graph, value, &rest) : value;
}

int graph_combine(struct graph *graph, enum graph_operation operation, int a, int b) {
    if (has_failed(graph)) return GRAPH_NONE;
    const int second = without_leading_ones(graph, b);
    if (second == GRAPH_NONE) return GRAPH_NONE;
    const struct shape output = *shape_of(graph, a);
    return add_node(graph, (struct graph_node){.operation = operation, .input_count = 2, .inputs = {a, second}},
                    &output);
}

/* ---- for writers ---- */

bool graph_is_elementwise(enum graph_operation operation) {
    return operation >= GRAPH_RELU && operation < GRAPH_OPERATIONS;
}

size_t graph_elements(const struct graph *graph, int value) {
    size_t count = 0;
    bool fits = shape_elements(shape_of(graph, value), &count);
    assert(fits);
    return fits ? count : 0;
}

int graph_window_after(const struct graph_window *window, int input, int axis) {
    const int reached = (window->output[axis] - 1) * window->stride[axis] +
                        (window->size[axis] - 1) * window->dilation[axis] + 1 - window->before[axis];
    return reached > input ? reached - input : 0;
}
