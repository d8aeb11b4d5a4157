/* What AveragePooling2D and SumPooling2D share: sums over windows, which a mean divides by the window's cells.
 *
 * x (n,h,w,c)  y (n,oh,ow,c)  saved (n,oh,ow,c) uint16, with a ReLU in front: which cells of a window were above 0 */
#ifndef CNNTRAIN_LAYERS_WINDOW_SUMS_H
#define CNNTRAIN_LAYERS_WINDOW_SUMS_H

#include <stdbool.h>

#include "core/layer.h"

/* The layer's config is a struct pooling. */
int window_sums_infer(struct layer *layer, const struct place *place, struct error *error, bool mean);
void window_sums_forward(const struct layer *layer, const struct pass *pass, bool mean);
void window_sums_backward(const struct layer *layer, const struct pass *pass, bool mean);
extern const struct layer_example window_sums_examples[];

#endif
