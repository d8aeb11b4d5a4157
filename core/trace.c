#include "core/trace.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/activation.h"
#include "core/memory.h"

static size_t elements_of(const struct shape *shape) {
    size_t elements = 0;
    bool fits = shape_elements(shape, &elements);
    assert(fits);
    return fits ? elements : 0;
}

static const struct shape *shape_at(const struct model *model, int tensor) {
    return tensor == 0 ? &model->input : &model->layers[tensor - 1].output;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static int take_tensors(struct trace *trace, struct error *error) {
    const struct model *model = trace->model;
    size_t largest = 0;
    for (int i = 0; i <= model->layer_count; i++) {
        size_t size = elements_of(shape_at(model, i));
        largest = larger(largest, size);
        trace->outputs[i] = memory_allocate(size, sizeof(float), "the output of a layer", error);
        if (!trace->outputs[i]) return -1;
    }
    for (int i = 0; i < 2 && trace->wants_gradient; i++) {
        trace->gradients[i] = memory_allocate(largest, sizeof(float), "the gradient of a layer", error);
        if (!trace->gradients[i]) return -1;
    }
    return 0;
}

static int take_kept(struct trace *trace, struct error *error) {
    const struct model *model = trace->model;
    for (int i = 0; i < model->layer_count && trace->wants_gradient; i++) {
        const struct layer *layer = &model->layers[i];
        const struct activation_kind *activation = layer_activation(layer);
        trace->saved[i] = memory_allocate(1, layer->saved_bytes, "kept values of a layer", error);
        if (!trace->saved[i]) return -1;
        if (layer->second.rank)
            trace->seconds[i] =
                memory_allocate(elements_of(&layer->second), sizeof(float), "the gradient of a layer", error);
        if (layer->second.rank && !trace->seconds[i]) return -1;
        if (!activation || !activation->keeps_input) continue;
        trace->inner[i] = memory_allocate(elements_of(&layer->output), sizeof(float), "kept values of a layer", error);
        if (!trace->inner[i]) return -1;
    }
    return 0;
}

static int take_work(struct trace *trace, struct error *error) {
    const struct model *model = trace->model;
    size_t packed = 0, shared = 0, scratch = 0;
    for (int i = 0; i < model->layer_count; i++) {
        packed = larger(packed, model->layers[i].packed_floats);
        shared = larger(shared, model->layers[i].shared_floats);
        scratch = larger(scratch, model->layers[i].scratch_bytes);
    }
    trace->packed = memory_allocate(packed, sizeof(float), "packed weights", error);
    trace->shared = memory_allocate(shared, sizeof(float), "shared sums", error);
    trace->scratch = memory_allocate(1, scratch, "work space of a layer", error);
    return trace->packed && trace->shared && trace->scratch ? 0 : -1;
}

int trace_open(struct trace *trace, const struct model *model, const struct kernels *kernels, bool wants_gradient,
               struct error *error) {
    size_t count = (size_t)model->layer_count + 1;
    *trace = (struct trace){.model = model,
                            .kernels = kernels,
                            .wants_gradient = wants_gradient,
                            .outputs = calloc(count, sizeof(float *)),
                            .inner = calloc(count, sizeof(float *)),
                            .saved = calloc(count, sizeof(void *)),
                            .seconds = calloc(count, sizeof(float *))};
    if (!trace->outputs || !trace->inner || !trace->saved || !trace->seconds)
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the outputs of all layers");
    if (take_tensors(trace, error) != 0 || take_kept(trace, error) != 0) return -1;
    return take_work(trace, error);
}

void trace_close(struct trace *trace) {
    int tensors = trace->model ? trace->model->layer_count + 1 : 0;
    for (int i = 0; i < tensors; i++) {
        if (trace->outputs) free(trace->outputs[i]);
        if (trace->inner) free(trace->inner[i]);
        if (trace->saved) free(trace->saved[i]);
        if (trace->seconds) free(trace->seconds[i]);
    }
    void *const blocks[] = {trace->outputs,      trace->inner,  trace->saved,  trace->seconds, trace->gradients[0],
                            trace->gradients[1], trace->packed, trace->shared, trace->scratch};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
    *trace = (struct trace){0};
}

/* What a pass refers to. */
struct pass_parts {
    float *parameters[LAYER_PARAMETERS_MAX], *gradients[LAYER_PARAMETERS_MAX];
};

static struct pass pass_of(const struct trace *trace, int index, struct pass_parts *parts) {
    const struct layer *layer = &trace->model->layers[index];
    *parts = (struct pass_parts){0};
    for (int k = 0; k < layer->parameter_count; k++) parts->parameters[k] = model_parameter(trace->model, layer, k);
    return (struct pass){
        .kernels = trace->kernels,
        .images = 1,
        .training = trace->wants_gradient,
        .steady = true,
        .x = trace->outputs[index],
        .second = layer->second.rank ? trace->outputs[layer->second_tensor] : NULL,
        .y = trace->outputs[index + 1],
        .dsecond = trace->seconds[index],
        .parameters = parts->parameters,
        .gradients = parts->gradients,
        .packed = trace->packed,
        .saved = trace->saved[index],
        .scratch = trace->scratch,
        .shared = trace->shared,
        .batch = 1,
    };
}

static void pack(const struct trace *trace, const struct layer *layer, const struct pass *pass) {
    if (layer->kind->pack) layer->kind->pack(layer, pass, trace->packed, 0, 1);
}

static size_t columns_of(const struct layer *layer) {
    return (size_t)layer->output.size[layer->output.rank - 1];
}

static void forward_layer(const struct trace *trace, int index) {
    const struct layer *layer = &trace->model->layers[index];
    const struct activation_kind *activation = layer_activation(layer);
    const size_t elements = elements_of(&layer->output), columns = columns_of(layer);
    struct pass_parts parts;
    const struct pass pass = pass_of(trace, index, &parts);
    if (layer->kind->is_view) {
        memcpy(pass.y, pass.x, elements * sizeof *pass.y);
    } else {
        pack(trace, layer, &pass);
        layer->kind->forward(layer, &pass);
    }
    if (!activation) return;
    if (trace->inner[index]) memcpy(trace->inner[index], pass.y, elements * sizeof *pass.y);
    activation->forward(trace->kernels, layer->activation.config, elements / columns, columns, pass.y);
}

void trace_forward(struct trace *trace) {
    for (int i = 0; i < trace->model->layer_count; i++) forward_layer(trace, i);
}

/* What layers further on left for the tensor that is the layer's input. */
static void add_seconds(const struct trace *trace, int index) {
    const struct model *model = trace->model;
    const size_t count = elements_of(&model->layers[index].input);
    for (int i = index; i < model->layer_count; i++)
        if (model->layers[i].second.rank && model->layers[i].second_tensor == index)
            trace->kernels->add(count, trace->seconds[i], trace->gradients[0]);
}

/* gradients[0], of the layer's output, becomes that of its input, as far as this layer goes. */
static void backward_layer(struct trace *trace, int index, bool skips_activation) {
    const struct layer *layer = &trace->model->layers[index];
    const struct activation_kind *activation = skips_activation ? NULL : layer_activation(layer);
    const size_t elements = elements_of(&layer->output), columns = columns_of(layer);
    if (activation)
        activation->backward(trace->kernels, layer->activation.config, elements / columns, columns,
                             activation->keeps_input ? trace->inner[index] : trace->outputs[index + 1],
                             trace->gradients[0]);
    if (layer->kind->is_view) return;
    struct pass_parts parts;
    struct pass pass = pass_of(trace, index, &parts);
    float *dy = trace->gradients[0], *dx = trace->gradients[1];
    pass.dy = dy;
    pass.dx = dx;
    pack(trace, layer, &pass);
    layer->kind->backward(layer, &pass);
    trace->gradients[0] = dx;
    trace->gradients[1] = dy;
}

const float *trace_gradient(struct trace *trace, int output) {
    const struct model *model = trace->model;
    memset(trace->gradients[0], 0, elements_of(&model->output) * sizeof(float));
    trace->gradients[0][output] = 1;
    for (int i = model->layer_count - 1; i >= 0; i--) {
        backward_layer(trace, i, i == model->layer_count - 1 && model->ends_in_softmax);
        add_seconds(trace, i);
    }
    return trace->gradients[0];
}
