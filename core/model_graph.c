#include "core/model_graph.h"

#include "core/activation.h"

/* (pixel * scale - mean) / deviation by channel, as one factor and one offset: 1 and 0 are left out. */
static int normalized(struct graph *graph, const struct normalization *pixels, int x) {
    const struct shape shape = {1, {pixels->channels}};
    double factor[4], offset[4];
    bool scales = false, shifts = false;
    for (int i = 0; i < pixels->channels; i++) {
        factor[i] = (double)pixels->scale / (double)pixels->std[i];
        offset[i] = -(double)pixels->mean[i] / (double)pixels->std[i];
        scales = scales || factor[i] != 1;
        shifts = shifts || offset[i] != 0;
    }
    if (scales) x = graph_combine(graph, GRAPH_MULTIPLY, x, graph_numbers(graph, "pixels/scale", &shape, factor));
    if (shifts) x = graph_combine(graph, GRAPH_ADD, x, graph_numbers(graph, "pixels/offset", &shape, offset));
    return x;
}

/* Without its activation. */
static int described(struct graph *graph, const struct layer *layer, int x) {
    if (layer->kind->is_view) return graph_reshape(graph, x, &layer->output);
    if (layer->kind->describe) return layer->kind->describe(layer, graph, x);
    error_set(graph->error, ERROR_DATA, layer->name, "%s layers cannot be exported to this format",
              layer->kind->component.name);
    return GRAPH_NONE;
}

static int activated(struct graph *graph, const struct layer *layer, int x) {
    const struct activation_kind *activation = layer_activation(layer);
    if (!activation) return x;
    if (activation->describe) return activation->describe(layer->activation.config, graph, x);
    error_set(graph->error, ERROR_DATA, layer->name, "the activation %s cannot be exported to this format",
              activation->component.name);
    return GRAPH_NONE;
}

static int add_layers(struct graph *graph, const struct model *model, int x) {
    /* by tensor, as layers name their second input */
    int *values = arena_allocate(&graph->arena, ((size_t)model->layer_count + 1) * sizeof *values, graph->error);
    if (!values) return GRAPH_NONE;
    values[0] = x;
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        float *parameters[LAYER_PARAMETERS_MAX];
        for (int k = 0; k < layer->parameter_count; k++) parameters[k] = model_parameter(model, layer, k);
        const bool to_softmax = i == model->layer_count - 1 && model->ends_in_softmax;
        graph->layer = layer;
        graph->parameters = parameters;
        graph->second = layer->second.rank ? values[layer->second_tensor] : GRAPH_NONE;
        x = described(graph, layer, x);
        if (!to_softmax) x = activated(graph, layer, x);
        values[i + 1] = x;
    }
    graph->layer = NULL;
    return x;
}

int model_graph(struct graph *graph, const struct model *model, const struct model_graph_options *options,
                struct error *error) {
    graph_open(graph, &model->input, error);
    graph->training = options->training;
    int x = graph->input;
    if (options->pixels) x = normalized(graph, options->pixels, x);
    x = add_layers(graph, model, x);
    graph->output = options->logits ? x : graph_softmax(graph, x);
    return error->code == ERROR_NONE ? 0 : -1;
}
