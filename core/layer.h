/* The interface of a layer: a const table of facts and functions (struct layer_kind); instances are plain data. */
#ifndef CNNTRAIN_CORE_LAYER_H
#define CNNTRAIN_CORE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/fields.h"
#include "core/kernels/kernels.h"
#include "core/shape.h"

enum { LAYER_PARAMETERS_MAX = 8, LAYER_NAME_SIZE = 64, LAYER_NOTE_SIZE = 160, LAYER_NO_OWNER = -1, LAYER_ROUNDS = 2 };

struct graph;

/* Fields every layer has; the first member of every layer's config struct. */
struct layer_common {
    const char *name; /* NULL: Keras' automatic name */
    bool trainable;
};

/* A weight tensor; `infer` declares the first group, the model fills the second. */
struct parameter {
    const char *name;             /* "kernel", as in checkpoints: conv2d/kernel */
    struct shape shape;           /* Keras' layout, e.g. (kh,kw,c,f) */
    struct component initializer; /* of registry "initializer" */
    struct component regularizer; /* of registry "regularizer"; kind NULL: none */
    struct component constraint;  /* of registry "constraint"; kind NULL: none */
    bool trainable;

    size_t size;   /* elements */
    size_t offset; /* of the first float in the model's parameter and gradient blocks */
};

/* How far an output looks into the input, for the receptive field. */
struct reach {
    int extent[2]; /* cells covered along height and width: (kernel - 1) * dilation + 1 */
    int stride[2];
    int finer[2]; /* of a layer that enlarges: outputs for each input along the axis, and extent then counts the outputs
                     that an input is spread over; else 0 */
};

struct layer {
    const struct layer_kind *kind;
    const void *config;        /* the kind's config struct */
    const struct place *place; /* in the config, as the user wrote it */
    char name[LAYER_NAME_SIZE];
    int index;   /* position in the model */
    bool frozen; /* training leaves its weights as they are, and what it does is the same as at inference */
    struct shape input;

    /* A second input, which a layer further up the line gives (Residual). */
    struct shape second;  /* rank 0: there is none */
    int second_tensor;    /* 0: the model's input; i + 1: what layer i gives */
    int second_stride[2]; /* cells of it from one output to the next, as the layers between say */
    int owner;            /* index of the layer that this one is inside of; LAYER_NO_OWNER */

    /* What `infer` fills, all of it zero before. Sizes are for one image. */
    struct shape output;
    int parameter_count;
    struct parameter parameters[LAYER_PARAMETERS_MAX];
    struct component activation;           /* applied to y by the model; kind NULL: none */
    struct component activity_regularizer; /* of registry "regularizer": the mean over the images of its penalty on y,
                                              after the activation, is part of the loss; kind NULL: none */
    size_t saved_bytes;                    /* kept from forward to backward, an image; pass->saved */
    size_t scratch_bytes;       /* work space of one call, for all its images together; pass->scratch, not zeroed */
    size_t packed_floats;       /* what `pack` writes once a step; pass->packed */
    size_t partial_floats;      /* whole-batch layers: a shard's contribution */
    size_t shared_floats;       /* whole-batch layers: what all shards share after combining */
    double multiplications;     /* of one image, forward */
    struct reach reach;         /* zero: an output looks at one cell (extent 1, stride 1) */
    bool reaches_all;           /* an output looks at the whole input (Dense, global pooling) */
    bool takes_relu;            /* can stand for a ReLU in front of it: see pass->relu */
    bool takes_pool;            /* can stand for a pool behind it: see pass->pool */
    struct pool pool;           /* what it is itself, where its windows of 2x2 cells lie side by side within the image
                                   and it takes a ReLU; scale 0: it is none */
    bool gradient_by_batch;     /* its weight gradient comes from the kind's batch_gradient */
    int batch_images;           /* above 0: its output and the gradient of its input come from batch_forward and
                                   batch_backward, of so many images at once at most, a multiple of ENGINE_SHARD */
    int form;                   /* which of its ways to compute the kind chose, in numbers of its own */
    size_t common_bytes;        /* then, of an image: what the parts of a round leave for the next; pass->common */
    char note[LAYER_NOTE_SIZE]; /* what `summary` warns about, such as a dropped row; "" for nothing */
};

/* One call's data. n is pass->images; arrays are (n, ...) of the layer's shapes, contiguous, channels last. */
struct pass {
    const struct kernels *kernels;
    int images;
    bool training;
    bool steady;              /* in training: forward computes what it does at inference, nothing random and nothing
                                 learned from the batch, and backward goes with it; for the gradient by the input */
    bool relu;                /* x is before the ReLU of the layer in front, which forward applies to it, and dx is the
                                 gradient before that ReLU; only where layer->takes_relu */
    const float *x;           /* (n, input); not there in backward of a layer that forgets it */
    const float *second;      /* (n, second), there in backward, too; NULL for a layer without */
    float *y;                 /* (n, output): forward writes all of it */
    const struct pool *pool;  /* NULL, or the pool behind the layer: y is then (n, pooled), what that makes of the
                                 output, and so is pool->cell; only where layer->takes_pool */
    const float *dy;          /* (n, output), before the activation */
    float *dx;                /* (n, input): backward writes all of it; NULL: not wanted */
    float *dsecond;           /* (n, second): backward writes all of it; NULL: not wanted, or the layer has none */
    float *const *parameters; /* by parameter; only a whole-batch layer's combine may write them */
    float *const *gradients;  /* by parameter: backward adds; an entry is NULL where it is not wanted */
    const float *packed;
    void *saved;   /* (n, saved_bytes), aligned to 64 bytes */
    void *scratch; /* aligned to 64 bytes */
    void *common;  /* (n, common_bytes), aligned to 64 bytes: batch_forward and batch_backward alone have it */
    float *shared; /* whole-batch layers: what combine left */
    uint64_t seed; /* with step, position and layer index: the key of this image's random numbers */
    uint64_t step; /* of the whole training */
    int first;     /* position of image 0 in its batch */
    int batch;     /* images in the whole batch */
    bool further;  /* of batch_gradient: adds to what earlier images of the batch left */
};

/* A config and an input on which the gradient check, the fuzzers and the help run the layer. */
struct layer_example {
    const char *config; /* a JSON object, without its type */
    struct shape input; /* of a layer with others inside: where those begin */
};

/* What `cnntrain layers NAME` tells beyond what follows from the table; each part may be NULL. Lines end with a
 * newline; those that begin with a space, such as formulas, are shown as they are. */
struct layer_page {
    const char *text;             /* what it computes, and what for */
    const char *shapes;           /* of input, output and weights, with the formulas */
    const char *cost;             /* multiplications an image and parameters */
    const char *references;       /* who described it */
    const char *see_also;         /* names of layers, with commas */
    struct layer_example example; /* config NULL: the first of the layer's examples */
};

struct layer_kind {
    struct component_kind component; /* Keras' class name, summary, fields, size of the config struct */
    const char *base_name;           /* of the automatic name; NULL: the class name in snake case */

    /* From layer->config and layer->input to the rest of *layer. A misfit between the two is a place_error. */
    int (*infer)(struct layer *layer, const struct place *place, struct error *error);

    /* Optional: layers that come before this one in the model and begin with what it then has as its second input. */
    const struct component_list *(*inner)(const void *config);

    /* y is the very memory of x, and dx that of dy: forward and backward are not called (Flatten, Reshape). */
    bool is_view;

    bool forgets_x; /* backward does not read pass->x: what it needs of it is in pass->saved */

    /* Pure arithmetic over pass->images images: single-threaded, no allocation, cannot fail. */
    void (*forward)(const struct layer *layer, const struct pass *pass);
    void (*backward)(const struct layer *layer, const struct pass *pass);

    /* Optional: writes layer->packed_floats to `packed` from pass->parameters, once a step before any forward of that
     * step. Part `part` of `parts` covers its share and nothing of another's. Of *pass there are the kernels, the
     * parameters and whether it is for training: what backward alone reads need not be written for inference. */
    void (*pack)(const struct layer *layer, const struct pass *pass, float *packed, int part, int parts);

    /* Optional, for layers that say gradient_by_batch: the weight gradient of many images at once instead of by shard;
     * pass->x and pass->dy hold all of them. It writes the gradients unless pass->further, and its bits do not depend
     * on `parts`. Part `part` of `parts` covers its share of the output and nothing of another's; backward is then
     * called with gradients of NULL. */
    void (*batch_gradient)(const struct layer *layer, const struct pass *pass, int part, int parts);

    /* Optional, for layers with batch_images and gradient_by_batch, because reading their weights takes longer than
     * computing with them for a few images: forward, and the gradient of the input, of many images at once, with the
     * same bits as forward and backward. There are LAYER_ROUNDS rounds; all parts of one are done, in any order and on
     * any thread, when the next one begins. A part covers its share of what a round writes, to pass->common or to y or
     * dx, and nothing of another's. */
    void (*batch_forward)(const struct layer *layer, const struct pass *pass, int round, int part, int parts);
    void (*batch_backward)(const struct layer *layer, const struct pass *pass, int round, int part, int parts);

    /* Optional, all four or none: a layer that needs the whole batch (BatchNormalization). Before forward, every shard
     * writes its partial and combine turns them, in order of shards, into pass->shared; likewise before backward, where
     * combine also adds to the gradients. Only in training: at inference forward is called alone. */
    void (*forward_partial)(const struct layer *layer, const struct pass *pass, float *partial);
    void (*forward_combine)(const struct layer *layer, const struct pass *pass, const float *partials, int shards);
    void (*backward_partial)(const struct layer *layer, const struct pass *pass, float *partial);
    void (*backward_combine)(const struct layer *layer, const struct pass *pass, const float *partials, int shards);

    /* Optional: changes random weights so that the gradient check's steps do not cross a kink. */
    void (*avoid_kinks)(const struct layer *layer, float *const *parameters);

    /* What the layer computes at inference, before its activation, by the operations of core/graph.h: x is the layer's
     * input (graph->second its second one), the result its output. NULL for a view; a layer without it cannot be
     * exported to ONNX and C. */
    int (*describe)(const struct layer *layer, struct graph *graph, int x);

    const struct layer_example *examples; /* ended by one without config; at least one */
    const struct layer_page *page;        /* or NULL */
};

/* Whether a layer has so many weights that adding up one gradient of them for each lane of a batch takes longer than
 * keeping the inputs and output gradients (of such sizes) of many images until all are there; as measured. */
static inline bool layer_is_heavy(double weights, double input, double output) {
    return weights >= 2 * (input + output);
}

/* Whether the layer's shards meet in training. A frozen layer takes its statistics from its weights. */
static inline bool layer_meets(const struct layer *layer) {
    return layer->kind->forward_partial && !layer->frozen;
}

#endif
