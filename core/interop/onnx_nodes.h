/* The operations of a graph as ONNX nodes. */
#ifndef CNNTRAIN_CORE_INTEROP_ONNX_NODES_H
#define CNNTRAIN_CORE_INTEROP_ONNX_NODES_H

#include "core/graph.h"
#include "core/interop/onnx_file.h"

/* Adds all operations of the graph to the file, from the input called `input`, (N,h,w,c) or with channels_first
 * (N,c,h,w), to the output called `output`. What the nodes compute is (N,c,h,w) wherever it is an image, as ONNX wants
 * it. The file's error tells of failures. */
void onnx_nodes(struct onnx_file *file, const struct graph *graph, const char *input, bool channels_first,
                const char *output);

#endif
