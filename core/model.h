/* A Sequential model: layers built from the config, their names, shapes and one block of parameters. */
#ifndef CNNTRAIN_CORE_MODEL_H
#define CNNTRAIN_CORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/layer.h"

enum { MODEL_LAYERS_MAX = 1024, PARAMETER_NAME_SIZE = 128 };

struct model {
    int layer_count;
    struct layer *layers; /* in order; owned */
    struct shape input, output;
    bool ends_in_softmax; /* the last layer's activation is a softmax */
    /* All parameters in one block: the trainable ones first, each padded to whole cache lines with zeros. */
    size_t parameter_floats, trainable_floats;
    float *parameters;                              /* NULL: planned only */
    long long trainable_count, non_trainable_count; /* elements, without padding */
};

/* The layers of a config (components of registry "layer") for images of shape `input`: infers shapes, gives automatic
 * names as Keras does, lays out the parameters, but makes no room for them: enough to look at a model of any size.
 * `place` is the list's place in the config. The configs must outlive the model. model_free it; on failure nothing is
 * held. */
int model_plan(struct model *model, const struct component_list *layers, const struct shape *input,
               const struct place *place, struct error *error);
/* Makes room for the parameters of a planned model, zero until model_initialize. ERROR_RUN. */
int model_allocate(struct model *model, struct error *error);
/* Both; on failure nothing is held. */
int model_build(struct model *model, const struct component_list *layers, const struct shape *input,
                const struct place *place, struct error *error);
void model_free(struct model *model);

/* Fills every parameter by its initializer, a stream for each parameter from `seed`. */
int model_initialize(struct model *model, uint64_t seed, struct error *error);

/* Sum of the layers' L1 and L2 penalties. */
double model_penalty(const struct model *model);

/* Parameter k of a layer, in the model's block; NULL where there is no room for it yet. */
float *model_parameter(const struct model *model, const struct layer *layer, int k);

/* "conv2d/kernel" into name (PARAMETER_NAME_SIZE); returns it. */
char *model_parameter_name(const struct layer *layer, int k, char *name, size_t size);

/* The first layer with anything to learn, where backward ends; layer_count where none has. */
int model_first_trainable(const struct model *model);

/* Multiplications of one image forward. */
double model_multiplications(const struct model *model);

/* The activation kind of a layer; NULL where it has none or "linear". */
struct activation_kind;
const struct activation_kind *layer_activation(const struct layer *layer);

/* The layer's class name as Keras' automatic names have it: "MaxPooling2D" -> "max_pooling2d". */
void model_snake_case(const char *class_name, char *name, size_t size);

#endif
