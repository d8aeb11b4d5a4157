/* One shard of a batch on its way through the layers, on one thread. */
#ifndef CNNTRAIN_CORE_ENGINE_SHARD_H
#define CNNTRAIN_CORE_ENGINE_SHARD_H

#include "core/batch.h"
#include "core/engine_plan.h"
#include "core/engine_profile.h"

/* The blocks of memory that shards work in; sizes are those of the plan. */
struct workspace {
    struct model *model;
    const struct kernels *kernels;
    struct engine_plan plan;
    double label_smoothing;
    uint64_t seed;
    struct engine_profile *profile; /* NULL: nobody asks */
    char *slots;                    /* (slots, slot_bytes): activations of a shard */
    char *turns;                    /* (turns, turn_bytes): gradients of a shard's activations */
    char *scratch;                  /* (threads, scratch_bytes) */
    char *batch;                    /* (batch_bytes): tensors kept for a group */
    char *common;                   /* (common_bytes): of the layer of a meeting */
    float *packed, *shared;
    float *lanes;     /* (lanes, lane_floats): partial weight gradients */
    float *partials;  /* (shards_max, partial_floats of the layer at work) */
    double *loss;     /* by shard */
    double *activity; /* by shard: penalties on the outputs of its layers so far */
    int64_t *correct;
    int32_t *labels; /* (threads, ENGINE_SHARD) */
};

struct journey {
    const struct workspace *work;
    const struct batch *batch;
    bool training;
    int shard, first, images; /* of the batch: its number, its first image, its images */
    int within;               /* images of the shard before `first`: a chain takes a shard's images in groups */
    int thread;
    bool alone; /* every layer puts out its own output: none does the work of a pool behind it */
    char *slot, *turn;
    float *lane;           /* NULL: no gradients */
    double gradient_scale; /* 1 / images of the batch */
};

struct journey journey_of(const struct workspace *work, const struct batch *batch, bool training, int shard, int lane,
                          int thread);

/* Meetings cut a step into phases 0 .. their count. A meeting computes a layer's forward or backward pass by batch, or
 * combines the partials of one that needs the whole batch.
 * Forward goes from the meeting number `phase` - 1 (or the start) up to the next one (with its partial); the last phase
 * goes on through the loss and, where they are wanted, to the probabilities (images of the batch, classes). */
void journey_forward(const struct journey *journey, int phase, float *probabilities);
/* Backward goes from the loss (last phase) or the meeting number `phase` down to the one below it (with its partial),
 * or to the first layer that has anything to learn. */
void journey_backward(const struct journey *journey, int phase);

/* The first layer whose output is not finite when this shard of a batch goes forward once more, with what
 * whole-batch layers shared before; layer_count where all are. */
int journey_first_not_finite(const struct journey *shard);

/* Pointers that a pass refers to; they live as long as the call. */
struct pass_pointers {
    float *parameters[LAYER_PARAMETERS_MAX], *gradients[LAYER_PARAMETERS_MAX];
    struct pool pool;
};

/* The layer's parameters, and its gradients in a lane (NULL: none). */
void pass_pointers_fill(const struct workspace *work, int index, float *lane, struct pass_pointers *pointers);
/* What layer `index` gets to see of this journey. */
struct pass pass_of(const struct journey *journey, int index, struct pass_pointers *pointers);

#endif
