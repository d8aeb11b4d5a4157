/* Activations: elementwise functions that a layer's `activation` field names. The model applies them in place to a
 * layer's output, so a layer's own code never mentions them. */
#ifndef CNNTRAIN_CORE_ACTIVATION_H
#define CNNTRAIN_CORE_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/fields.h"
#include "core/kernels/kernels.h"

struct graph;

struct activation_kind {
    struct component_kind component;
    bool keeps_input; /* backward needs the value before the activation (gelu, silu), not the one after it */
    bool is_linear;   /* does nothing */
    bool is_relu;     /* max(y, 0): some layers can take it over from the layer in front of them */
    bool is_softmax;  /* rows become probabilities; at the end of a model the loss takes its place */
    /* y (rows, columns) in place */
    void (*forward)(const struct kernels *kernels, const void *config, size_t rows, size_t columns, float *y);
    /* dy (rows, columns) becomes the gradient before the activation; kept (rows, columns) is the value after it, or the
     * one before it where keeps_input */
    void (*backward)(const struct kernels *kernels, const void *config, size_t rows, size_t columns, const float *kept,
                     float *dy);
    /* What it computes, by the operations of core/graph.h: of the value x */
    int (*describe)(const void *config, struct graph *graph, int x);
};

/* Settings of the activations that are layers of their own, too. */
struct leaky_relu {
    double negative_slope;
};
struct elu {
    double alpha;
};

/* relu, leaky_relu, elu, gelu, silu (swish), tanh, sigmoid, softmax, relu6, selu, softplus, softsign, linear with
 * Keras' names and defaults. */
extern const struct component_registry activation_registry;

#endif
