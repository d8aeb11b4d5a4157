/* A graph on its way to ONNX: what all translated operations share. */
#ifndef CNNTRAIN_CORE_INTEROP_ONNX_TRANSLATION_H
#define CNNTRAIN_CORE_INTEROP_ONNX_TRANSLATION_H

#include "core/graph.h"
#include "core/interop/onnx_file.h"

enum { IMAGE_RANK = 3 }; /* (h,w,c) */

/* The names of a value: as it is laid out in the graph, and for an image with the channels first. One may be missing
 * and is made where somebody asks for it; what is no image has the first alone. */
struct translation_names {
    const char *last, *first;
};

struct translation {
    struct onnx_file *file;
    const struct graph *graph;
    struct translation_names *names; /* by value */
    const struct graph_node *node;   /* being translated */
};

const struct graph_value *translation_value(const struct translation *t, int value);
/* Whether a value has rows, columns and channels. */
bool translation_is_image(const struct translation *t, int value);

/* A node of the layer that is being translated; of one input. */
Onnx__NodeProto *translation_add(const struct translation *t, const char *operation, const char *const *inputs,
                                 int count);
Onnx__NodeProto *translation_add_one(const struct translation *t, const char *operation, const char *input);

/* Names of the results of further nodes. */
const char *translation_transposed(const struct translation *t, const char *name, const int64_t *order, int count);
const char *translation_reshaped(const struct translation *t, const char *name, const int64_t *sizes, int count);
const char *translation_combined(const struct translation *t, const char *operation, const char *a, const char *b);

/* A value's name: as the graph has it, (N,h,w,c); and an image with the channels first, anything else as it is. */
const char *translation_channels_last(const struct translation *t, int value);
const char *translation_natural(const struct translation *t, int value);
/* The latter for an input of the node. */
const char *translation_input(const struct translation *t, int index);

/* Room for a constant's numbers; NULL without memory. */
float *translation_floats(const struct translation *t, size_t count);

/* GRAPH_SAMPLE. */
const char *translation_sample(const struct translation *t);

#endif
