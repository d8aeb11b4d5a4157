/* A trained model as operations (core/graph.h). */
#ifndef CNNTRAIN_CORE_MODEL_GRAPH_H
#define CNNTRAIN_CORE_MODEL_GRAPH_H

#include "core/dataset.h"
#include "core/graph.h"
#include "core/model.h"

struct model_graph_options {
    const struct normalization *pixels; /* the input is pixels, which this normalizes first; NULL: normalized images */
    bool logits;                        /* the output is what the softmax at the end would get */
    bool training;                      /* with the operations of training alone: GRAPH_DROP and after */
};

/* Opens the graph of a model with parameters, which must outlive it, like `error`. Its output is the classes'
 * probabilities, as `cnntrain predict` tells them also of a model whose config has no softmax, or their logits.
 * graph_free it, also after a failure: ERROR_DATA naming a layer that says nothing of its operations; ERROR_RUN. */
int model_graph(struct graph *graph, const struct model *model, const struct model_graph_options *options,
                struct error *error);

#endif
