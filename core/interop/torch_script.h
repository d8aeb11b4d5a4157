/* The modules of a model as a file of Python. */
#ifndef CNNTRAIN_CORE_INTEROP_TORCH_SCRIPT_H
#define CNNTRAIN_CORE_INTEROP_TORCH_SCRIPT_H

#include "core/interop/torch_modules.h"

/* How every script begins that goes with a file of weights. */
#define TORCH_SCRIPT_BEGINNING "# The network whose weights are in "

/* Adds a module of Python with the nn.Sequential `model`, for images of this shape. It loads its weights from the file
 * called `weights` beside it; NULL: it has those that PyTorch begins with. */
void torch_script(const struct torch_modules *torch, const struct shape *input, const char *weights, struct text *text);

#endif
