/* Where everything stands that the engine works on: computed from the model before anything is allocated. */
#ifndef CNNTRAIN_CORE_ENGINE_PLAN_H
#define CNNTRAIN_CORE_ENGINE_PLAN_H

#include "core/activation.h"
#include "core/model.h"

enum { ENGINE_NOT_IN_LANE = -1, ENGINE_NO_LAYER = -1 };

/* A tensor between two layers. Tensor 0 is the model's input, tensor i+1 the output of layer i; a view's output is its
 * input's tensor. */
struct engine_tensor {
    int root;             /* the tensor whose memory this is */
    size_t size;          /* floats an image */
    bool values_by_batch; /* kept for a whole group, not for a shard: a layer's weight gradient reads all of it */
    bool gradient_by_batch;
    int second_reader; /* the first layer whose second input it is; ENGINE_NO_LAYER: none */
    bool crosses;      /* its values outlive a meeting at evaluation, so that each image has a place for them */
    bool passing;      /* lives from one layer of a chain to the next, for the chain's images alone */
    size_t offset;     /* bytes into the slot, or into the batch block */
    size_t
        gradient_offset; /* bytes into the place of gradients, or into the batch block; of one that passes, as offset */
};

/* What belongs to one layer. */
struct engine_layer {
    const struct activation_kind *activation;    /* NULL: none, or one that the next layer or the loss takes over */
    bool relu;                                   /* takes over the ReLU of the layer in front: pass->relu */
    bool pools;                                  /* takes over the pool behind it: pass->pool */
    bool pooled;                                 /* is that pool: nothing is left to do forward */
    int next_reader;                             /* the next layer with the same second input; ENGINE_NO_LAYER: none */
    size_t second_offset;                        /* slot: the gradient of its second input */
    size_t kept_offset;                          /* slot: the input of an activation that keeps it */
    size_t saved_offset;                         /* slot */
    size_t packed_offset;                        /* floats into the packed block */
    size_t shared_offset;                        /* floats into the shared block */
    bool whole_batch;                            /* works in two halves with a meeting of all shards between them */
    bool gradient_on_batch;                      /* its weight gradient comes from batch_gradient */
    bool by_batch;                               /* works on many images at once, when all shards are there */
    ptrdiff_t lane_offset[LAYER_PARAMETERS_MAX]; /* floats into a lane; ENGINE_NOT_IN_LANE: not there */
};

/* Layers [from, to) that a few images go through together before the next few: what passes between them stays in the
 * cache and has a place for so many images only. */
struct engine_chain {
    int from, to;
    int images;
};

/* Layers that shards wait at for one another, ascending. */
struct engine_meetings {
    int count;
    int *layers; /* (count) */
};

struct engine_plan {
    int layer_count;
    struct engine_tensor *tensors; /* (layer_count + 1) */
    struct engine_layer *layers;   /* (layer_count) */
    int chain_count;
    struct engine_chain *chains; /* (chain_count): every layer is in one, a layer of meetings alone */
    int first_trainable;         /* the first layer with trainable parameters: no gradient is wanted below it */
    struct engine_meetings evaluation, training;
    bool needs_whole_batch; /* some layer of the training's meetings does; the others want many images, no more */
    int group_images;       /* of a training batch that go through all layers before the next ones */
    int shards_max;         /* of a training batch */
    int lanes;              /* gradient accumulators in use */
    int slots;              /* places for a shard's activations */
    int turns;              /* places for a shard's gradients */
    size_t slot_bytes, turn_bytes;
    size_t scratch_bytes; /* of a thread */
    size_t batch_bytes;   /* tensors kept for a group */
    size_t common_bytes;  /* what the parts of a layer's round leave for the next */
    size_t packed_floats, shared_floats, lane_floats;
    size_t partial_floats; /* of a shard, at most */
};

struct engine_plan_request {
    const struct model *model;
    int shard_images, lanes_max; /* both the same for every batch: sums depend on them */
    int threads, batch_size;
    bool training;
    bool keep_outputs; /* no layer takes over another's work, and every output is kept */
    size_t feed_scratch_bytes;
};

/* Plans; free it with engine_plan_free, on failure nothing is held. ERROR_RUN without memory or where sizes overflow.
 */
int engine_plan_make(struct engine_plan *plan, const struct engine_plan_request *request, struct error *error);
void engine_plan_free(struct engine_plan *plan);

static inline const struct engine_meetings *engine_meetings_of(const struct engine_plan *plan, bool training) {
    return training ? &plan->training : &plan->evaluation;
}

/* How many of `shards` go through the layers together, before the next ones. */
int engine_plan_together(const struct engine_plan *plan, bool training, int shards);

#endif
