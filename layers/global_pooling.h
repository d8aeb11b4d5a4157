/* What the global pools share: one number a channel, from the whole image. */
#ifndef CNNTRAIN_LAYERS_GLOBAL_POOLING_H
#define CNNTRAIN_LAYERS_GLOBAL_POOLING_H

#include "core/graph.h"
#include "core/layer.h"

struct global_pooling {
    struct layer_common common;
    bool keepdims;
};

extern const struct field global_pooling_fields[];

/* Output (c), or (1,1,c) with keepdims. */
int global_pooling_infer(struct layer *layer, const struct place *place, struct error *error);

/* layer_kind.describe of a global pool: `operation` over height and width. */
int global_pooling_describe(const struct layer *layer, enum graph_operation operation, struct graph *graph, int x);

#endif
