#include "layers/global_pooling.h"

#include "layers/parts.h"

const struct field global_pooling_fields[] = {
    {FIELD_AT(global_pooling, keepdims), .type = FIELD_BOOL, .fallback = "false",
     .help = "true: the output is (1,1,channels) instead of (channels)"},
    {0},
};

int global_pooling_infer(struct layer *layer, const struct place *place, struct error *error) {
    if (layer_needs_image(layer, place, error) != 0) return -1;
    const struct global_pooling *config = layer->config;
    const int channels = layer->input.size[2];
    layer->output = config->keepdims ? (struct shape){3, {1, 1, channels}} : (struct shape){1, {channels}};
    layer->reaches_all = true;
    return 0;
}

int global_pooling_describe(const struct layer *layer, enum graph_operation operation, struct graph *graph, int x) {
    return graph_reshape(graph, graph_reduce(graph, operation, x, 0, 2), &layer->output);
}
