/* Weights of a PyTorch model: a state dict in a safetensors file. */
#ifndef CNNTRAIN_CORE_INTEROP_TORCH_WEIGHTS_H
#define CNNTRAIN_CORE_INTEROP_TORCH_WEIGHTS_H

#include "core/interop/safetensors.h"
#include "core/model.h"
#include "core/text.h"

/* Whether the tensors have the names of a state dict, such as "0.weight": a dot in each, a slash in none. */
bool torch_is_state_dict(const struct safetensors *file);

/* Takes all weights of the model, which has room for its parameters, from a state dict of the same network: modules by
 * their names in the nn.Sequential that torch_modules_make writes; or else, where names differ, in their natural order
 * ("2" before "10"), each the next that has the tensors and shapes that are wanted. Layouts are turned into Keras'.
 * `report` (NULL: not wanted) gets a line about how. Nothing is written on failure: ERROR_CONFIG where the model has a
 * layer that PyTorch has no module for, ERROR_DATA where the file's modules are not the model's, ERROR_RUN. */
int torch_weights_load(const struct safetensors *file, const struct model *model, struct text *report,
                       struct error *error);

#endif
