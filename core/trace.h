/* One image's way through a model as at inference: every layer's output, and the gradient of one output by the image.
 * For looking at a model; one thread, one layer after the other, nothing is taken over by a neighbour. The numbers are
 * those of the engine at inference, to rounding. */
#ifndef CNNTRAIN_CORE_TRACE_H
#define CNNTRAIN_CORE_TRACE_H

#include "core/model.h"

struct trace {
    const struct model *model;
    const struct kernels *kernels;
    bool wants_gradient;
    float **outputs; /* (layer_count + 1): 0 is the input, the caller's to fill; i + 1 the output of layer i, after its
                        activation */
    float **inner;   /* (layer_count): the output before the activation where its backward reads that, else NULL */
    void **saved;    /* (layer_count): what layers keep for backward */
    float **seconds; /* (layer_count): the gradient of a layer's second input */
    float *gradients[2]; /* of the tensor that backward is at, and of the next */
    float *packed, *shared;
    void *scratch;
};

/* Takes memory for all outputs, and with `wants_gradient` for trace_gradient. Model and kernels must outlive the trace.
 * ERROR_RUN without memory. Close it in either case. */
int trace_open(struct trace *trace, const struct model *model, const struct kernels *kernels, bool wants_gradient,
               struct error *error);
void trace_close(struct trace *trace);

/* From outputs[0] to all others. */
void trace_forward(struct trace *trace);

/* After trace_forward, of a trace that wants it: the gradient of output `output` by the input, of the input's shape;
 * where the model ends in a softmax, of the number before it (the class' logit). The memory is the trace's. */
const float *trace_gradient(struct trace *trace, int output);

#endif
