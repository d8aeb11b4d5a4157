/* Convolutions and pools as functions of C: what stands between the braces. */
#ifndef CNNTRAIN_CORE_INTEROP_C_WINDOWS_H
#define CNNTRAIN_CORE_INTEROP_C_WINDOWS_H

#include "core/interop/c_parts.h"

void c_add_convolve(struct c_source *source, const struct graph_node *node);
void c_add_convolve_back(struct c_source *source, const struct graph_node *node);
void c_add_pool(struct c_source *source, const struct graph_node *node);
void c_add_sample(struct c_source *source, const struct graph_node *node);
/* A product with a matrix is a convolution of one pixel. */
void c_add_matrix(struct c_source *source, const struct graph_node *node);

#endif
