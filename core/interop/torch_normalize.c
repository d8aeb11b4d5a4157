/* Normalizations as modules of PyTorch. */
#include <string.h>

#include "core/interop/torch_modules.h"

static double number_of(const struct layer *layer, const char *key) {
    for (const struct field *field = layer->kind->component.fields; field && field->key; field++)
        if (strcmp(field->key, key) == 0 && field->type == FIELD_NUMBER)
            return *(const double *)(const void *)((const char *)layer->config + field->offset);
    return 0;
}

/* ---- of the batch, which the graph has as a scale and an offset ---- */

int torch_batch_normalization(struct torch_modules *torch, int count) {
    const struct layer *layer = torch->layer;
    const int rank = layer->input.rank, channels = layer->input.size[rank - 1];
    if (rank != 1 && rank != 3) return torch_refuse(torch);
    if (!torch_vector(torch, "weight", torch_parameter(torch, "gamma"), 1, channels) ||
        !torch_vector(torch, "bias", torch_parameter(torch, "beta"), 0, channels) ||
        !torch_vector(torch, "running_mean", torch_parameter(torch, "moving_mean"), 0, channels) ||
        !torch_vector(torch, "running_var", torch_parameter(torch, "moving_variance"), 1, channels))
        return 0;
    const char *fixed = torch_fixed(torch, torch_parameter(torch, "gamma"), torch_parameter(torch, "beta"));
    torch_module(torch, "%snn.BatchNorm%dd(%d, eps=%.9g, momentum=%.9g)%s", *fixed ? "fixed(" : "", rank == 3 ? 2 : 1,
                 channels, number_of(layer, "epsilon"), 1 - number_of(layer, "momentum"), fixed);
    return count;
}

/* ---- of each image: mean, deviation, variance, quotient; then perhaps gamma and beta ---- */

static const enum graph_operation steps[] = {GRAPH_REDUCE_MEAN, GRAPH_SUBTRACT,    GRAPH_MULTIPLY, GRAPH_REDUCE_MEAN,
                                             GRAPH_ADD,         GRAPH_SQUARE_ROOT, GRAPH_DIVIDE};
enum { STEPS = 7 };

bool torch_is_layer_normalization(const struct graph_node *node, int count) {
    return torch_begins(node, count, steps, STEPS);
}

static size_t count_of(const struct shape *shape) {
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= (size_t)shape->size[i];
    return count;
}

/* Numbers for the last axes, in their shape; `fallback` where there are none. */
static bool add_numbers(struct torch_modules *torch, const char *name, const float *numbers, float fallback,
                        const struct shape *axes, bool whole_image) {
    if (axes->rank == 1) return torch_vector(torch, name, numbers, fallback, axes->size[0]);
    if (whole_image && numbers) return torch_image(torch, name, numbers, axes);
    struct shape shape = *axes;
    if (whole_image) shape = (struct shape){3, {axes->size[2], axes->size[0], axes->size[1]}};
    float *written = torch_tensor(torch, name, shape);
    for (size_t i = 0; written && i < count_of(axes); i++) written[i] = numbers ? numbers[i] : fallback;
    return written != NULL;
}

/* The modules' own weights go along unless they have none: PyTorch's has both or neither. */
int torch_layer_normalization(struct torch_modules *torch, const struct graph_node *node) {
    const struct shape *x = &torch->graph->values[node->inputs[0]].shape;
    const float *gamma = torch_parameter(torch, "gamma"), *beta = torch_parameter(torch, "beta");
    const bool whole_image = x->rank == 3 && node->axes == 3, is_inside = x->rank == 3 && node->axes < 3;
    struct shape axes = {.rank = node->axes};
    memcpy(axes.size, x->size + node->axis, (size_t)axes.rank * sizeof *axes.size);
    if (!torch->layer || node->axis + node->axes != x->rank) return torch_refuse(torch);
    if ((gamma || beta) && (!add_numbers(torch, "weight", gamma, 1, &axes, whole_image) ||
                            !add_numbers(torch, "bias", beta, 0, &axes, whole_image)))
        return 0;
    char sizes[SHAPE_TEXT_SIZE];
    const struct shape written = whole_image ? (struct shape){3, {axes.size[2], axes.size[0], axes.size[1]}} : axes;
    shape_text(&written, sizes, sizeof sizes);
    const char *fixed = gamma || beta ? torch_fixed(torch, gamma, beta) : "";
    torch_module(torch, "%s%sLayerNorm(%s, eps=%.9g%s)%s", *fixed ? "fixed(" : "", is_inside ? "" : "nn.", sizes,
                 number_of(torch->layer, "epsilon"), gamma || beta ? "" : ", elementwise_affine=False", fixed);
    torch->uses[TORCH_LAYER_NORM] = torch->uses[TORCH_LAYER_NORM] || is_inside;
    return STEPS + (gamma != NULL) + (beta != NULL);
}
