/* A model as an nn.Sequential of PyTorch: its modules as Python text, and its state dict. */
#ifndef CNNTRAIN_CORE_INTEROP_TORCH_MODULES_H
#define CNNTRAIN_CORE_INTEROP_TORCH_MODULES_H

#include "core/graph.h"
#include "core/interop/safetensors.h"
#include "core/model.h"
#include "core/text.h"

/* Images are (n,c,h,w) there. Kernels (kh,kw,c,f) become (f,c,kh,kw), those of a transposed convolution (c,f,kh,kw), a
 * matrix (d,units) becomes (units,d); its columns are in the order in which nn.Flatten lines up (c,h,w). */
struct torch_modules {
    struct text lines; /* "nn.ReLU(),\n" each, indented */
    int count;         /* of modules: tensors are called "<module>.weight" */
    bool uses_scale;   /* the class Scale is among them, which PyTorch does not have */
    bool uses_fixed;   /* the function fixed is among them, likewise */
    size_t tensor_count, tensor_room;
    struct safetensors_source *tensors;
    struct arena arena; /* owns names and numbers */

    const struct graph *graph;
    const struct model *model;
    const struct layer *layer; /* in which the translation stands */
    int value;                 /* of the graph, what the modules so far give */
    struct shape flat;         /* (h,w,c) of what Flatten has lined up and no matrix has taken yet; rank 0: nothing */
    struct error *error;
};

/* Translates the graph of the model (model_graph). ERROR_CONFIG naming a layer that no module of PyTorch stands for.
 * Free it in any case. */
int torch_modules_make(struct torch_modules *torch, const struct graph *graph, const struct model *model,
                       struct error *error);
void torch_modules_free(struct torch_modules *torch);

/* ---- for the parts of the translation ---- */

/* Adds a module; its tensors are added before it. */
void torch_module(struct torch_modules *torch, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for a tensor of the module that comes next, to be filled; NULL without memory. */
float *torch_tensor(struct torch_modules *torch, const char *name, struct shape shape);
/* The error of a layer without a module. */
int torch_refuse(struct torch_modules *torch);

/* Each translates the operation at `node` and returns how many nodes it took; 0 on failure. */
int torch_window(struct torch_modules *torch, const struct graph_node *node);

#endif
