/* A model as an nn.Sequential of PyTorch: its modules as Python text, and its state dict. */
#ifndef CNNTRAIN_CORE_INTEROP_TORCH_MODULES_H
#define CNNTRAIN_CORE_INTEROP_TORCH_MODULES_H

#include "core/graph.h"
#include "core/interop/safetensors.h"
#include "core/model.h"
#include "core/text.h"

/* Modules that PyTorch does not have, as classes of the script: torch_class_text. */
enum torch_class {
    TORCH_SCALE,
    TORCH_RESHAPE,
    TORCH_MEAN_POOL,
    TORCH_LAYER_NORM,
    TORCH_DEFORMABLE,
    TORCH_RESIDUAL,
    TORCH_CLASSES,
};

/* Images are (n,c,h,w) there. Kernels (kh,kw,c,f) become (f,c,kh,kw), those of a transposed convolution (c,f,kh,kw), a
 * matrix (d,units) becomes (units,d); its columns are in the order in which nn.Flatten lines up (c,h,w). */
struct torch_modules {
    struct text lines;         /* "nn.ReLU(),\n" each, indented */
    struct text functions;     /* classes made for single layers, which `lines` name */
    bool uses[TORCH_CLASSES];  /* which classes are among the modules */
    bool uses_fixed;           /* the function fixed is among the modules: see torch_script */
    int count;                 /* of modules in the nn.Sequential that is being written */
    const char *prefix;        /* of its tensors: "<prefix><module>.weight" */
    const char *alone;         /* the name of a module that is not in an nn.Sequential; else NULL */
    int depth, function_count; /* of the nn.Sequential within others; of `functions` */
    size_t tensor_count, tensor_room;
    struct safetensors_source *tensors;
    struct arena arena; /* owns names and numbers */

    const struct graph *graph;
    const struct model *model;
    const struct layer *layer; /* in which the translation stands */
    int node;                  /* of the graph, the first that has not been translated */
    int value;                 /* of the graph, what the modules so far give */
    struct shape flat;         /* (h,w,c) of what Flatten has lined up and no matrix has taken yet; rank 0: nothing */
    struct error *error;
};

/* Translates the graph of the model (model_graph). ERROR_CONFIG naming a layer that no module of PyTorch stands for.
 * Free it in any case. */
int torch_modules_make(struct torch_modules *torch, const struct graph *graph, const struct model *model,
                       struct error *error);
void torch_modules_free(struct torch_modules *torch);

/* The Python of a class, ended by a newline. */
const char *torch_class_text(enum torch_class class);

/* ---- for the parts of the translation ---- */

/* Adds a module; its tensors are added before it. */
void torch_module(struct torch_modules *torch, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for a tensor of the module that comes next, to be filled; NULL without memory. */
float *torch_tensor(struct torch_modules *torch, const char *name, struct shape shape);
/* A number for each channel, or for each of what Flatten lined up, as such a tensor; all are `fallback` where there are
 * no numbers. False without memory. */
bool torch_vector(struct torch_modules *torch, const char *name, const float *numbers, float fallback, int count);
/* Numbers (h,w,c) as a tensor (c,h,w). False without memory. */
bool torch_image(struct torch_modules *torch, const char *name, const float *numbers, const struct shape *shape);
/* The parameter of the layer in which the translation stands; NULL where it has none of this name. */
const float *torch_parameter(const struct torch_modules *torch, const char *name);
/* What a module follows whose weight or bias is to stay as it is in a training, for the layer learns only the other or
 * neither: ", "weight")" after "fixed(", or nothing. */
const char *torch_fixed(struct torch_modules *torch, bool has_weight, bool has_bias);
/* The error of a layer without a module. */
int torch_refuse(struct torch_modules *torch);

/* Each translates the operation at `node`, and what of the `count` that the layer has left makes one module with it;
 * returns how many nodes it took, 0 on failure. */
int torch_window(struct torch_modules *torch, const struct graph_node *node);
int torch_deformable(struct torch_modules *torch, const struct graph_node *node, int count);
int torch_elementwise(struct torch_modules *torch, const struct graph_node *node, int count);
int torch_batch_normalization(struct torch_modules *torch, int count);
int torch_layer_normalization(struct torch_modules *torch, const struct graph_node *node);

/* Whether the operations from `node` on, within `count` of them, are these. */
bool torch_begins(const struct graph_node *node, int count, const enum graph_operation *operations, int length);
/* Whether they are a layer normalization, a deformable convolution. */
bool torch_is_layer_normalization(const struct graph_node *node, int count);
bool torch_is_deformable(const struct graph_node *node, int count);

#endif
