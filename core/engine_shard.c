#include "core/engine_shard.h"

#include <string.h>

#include "core/loss.h"

struct journey journey_of(const struct workspace *work, const struct batch *batch, bool training, int shard, int lane,
                          int thread) {
    int first = shard * ENGINE_SHARD, left = batch->count - first;
    bool by_shard = training && work->plan.whole_batch_count > 0;
    return (struct journey){
        .work = work,
        .batch = batch,
        .training = training,
        .shard = shard,
        .first = first,
        .images = left < ENGINE_SHARD ? left : ENGINE_SHARD,
        .thread = thread,
        .slot = work->slots + (size_t)(by_shard ? shard : thread) * work->plan.slot_bytes,
        .lane = training ? work->lanes + (size_t)lane * work->plan.lane_floats : NULL,
        .gradient_scale = 1.0 / batch->count,
    };
}

static float *values_of(const struct journey *journey, int index) {
    const struct workspace *work = journey->work;
    const struct engine_tensor *tensor = &work->plan.tensors[work->plan.tensors[index].root];
    if (!tensor->values_by_batch) return (float *)(void *)(journey->slot + tensor->offset);
    /* Evaluation needs no other shard's values: a thread's place in the block is enough, however large the batch. */
    size_t row = (size_t)(journey->training ? journey->first : journey->thread * ENGINE_SHARD);
    return (float *)(void *)(work->batch + tensor->offset) + row * tensor->size;
}

static float *gradient_of(const struct journey *journey, int index) {
    const struct workspace *work = journey->work;
    const struct engine_tensor *tensor = &work->plan.tensors[work->plan.tensors[index].root];
    if (!tensor->gradient_by_batch) return (float *)(void *)(journey->slot + tensor->gradient_offset);
    return (float *)(void *)(work->batch + tensor->gradient_offset) + (size_t)journey->first * tensor->size;
}

void pass_pointers_fill(const struct workspace *work, int index, float *lane, struct pass_pointers *pointers) {
    const struct layer *layer = &work->model->layers[index];
    const struct engine_layer *plan = &work->plan.layers[index];
    for (int k = 0; k < layer->parameter_count; k++) {
        pointers->parameters[k] = model_parameter(work->model, layer, k);
        bool wanted = lane && plan->lane_offset[k] != ENGINE_NOT_IN_LANE;
        pointers->gradients[k] = wanted ? lane + plan->lane_offset[k] : NULL;
    }
}

struct pass pass_of(const struct journey *journey, int index, struct pass_pointers *pointers) {
    const struct workspace *work = journey->work;
    const struct engine_layer *plan = &work->plan.layers[index];
    pass_pointers_fill(work, index, journey->lane, pointers);
    return (struct pass){
        .kernels = work->kernels,
        .images = journey->images,
        .training = journey->training,
        .x = values_of(journey, index),
        .y = values_of(journey, index + 1),
        .dy = journey->training ? gradient_of(journey, index + 1) : NULL,
        .dx = journey->training && index > work->plan.first_trainable ? gradient_of(journey, index) : NULL,
        .parameters = pointers->parameters,
        .gradients = pointers->gradients,
        .packed = work->packed + plan->packed_offset,
        .saved = journey->slot + plan->saved_offset,
        .scratch = work->scratch + (size_t)journey->thread * work->plan.scratch_bytes,
        .shared = work->shared + plan->shared_offset,
        .seed = work->seed,
        .step = journey->batch->step,
        .first = journey->first,
        .batch = journey->batch->count,
    };
}

/* Rows of the last axis, the one a softmax runs over. */
static size_t rows_of(const struct layer *layer, int images) {
    size_t elements = 0;
    shape_elements(&layer->output, &elements);
    return elements / (size_t)layer->output.size[layer->output.rank - 1] * (size_t)images;
}

static float *kept_of(const struct journey *journey, int index) {
    return (float *)(void *)(journey->slot + journey->work->plan.layers[index].kept_offset);
}

static void activate(const struct journey *journey, int index, float *y) {
    const struct layer *layer = &journey->work->model->layers[index];
    const struct activation_kind *activation = journey->work->plan.layers[index].activation;
    if (!activation) return;
    size_t rows = rows_of(layer, journey->images), columns = (size_t)layer->output.size[layer->output.rank - 1];
    if (activation->keeps_input && journey->training) memcpy(kept_of(journey, index), y, rows * columns * sizeof *y);
    activation->forward(journey->work->kernels, layer->activation.config, rows, columns, y);
}

static void activate_backward(const struct journey *journey, int index) {
    const struct layer *layer = &journey->work->model->layers[index];
    const struct activation_kind *activation = journey->work->plan.layers[index].activation;
    if (!activation) return;
    struct engine_profile *profile = journey->work->profile;
    double start = engine_profile_start(profile);
    size_t rows = rows_of(layer, journey->images), columns = (size_t)layer->output.size[layer->output.rank - 1];
    const float *kept = activation->keeps_input ? kept_of(journey, index) : values_of(journey, index + 1);
    activation->backward(journey->work->kernels, layer->activation.config, rows, columns, kept,
                         gradient_of(journey, index + 1));
    engine_profile_add(profile, journey->thread, ENGINE_BACKWARD, index, start);
}

static void forward_layer(const struct journey *journey, int index) {
    const struct layer *layer = &journey->work->model->layers[index];
    struct engine_profile *profile = journey->work->profile;
    double start = engine_profile_start(profile);
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, index, &pointers);
    if (!layer->kind->is_view) layer->kind->forward(layer, &pass);
    activate(journey, index, pass.y);
    engine_profile_add(profile, journey->thread, ENGINE_FORWARD, index, start);
}

static void backward_layer(const struct journey *journey, int index) {
    const struct layer *layer = &journey->work->model->layers[index];
    struct engine_profile *profile = journey->work->profile;
    double start = engine_profile_start(profile);
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, index, &pointers);
    if (!layer->kind->is_view) layer->kind->backward(layer, &pass);
    engine_profile_add(profile, journey->thread, ENGINE_BACKWARD, index, start);
}

static void feed_shard(const struct journey *journey) {
    const struct batch *batch = journey->batch;
    void *scratch = journey->work->scratch + (size_t)journey->thread * journey->work->plan.scratch_bytes;
    batch->feed->fill(batch->feed, batch->samples + journey->first, journey->images, batch->epoch, batch->augment,
                      values_of(journey, 0), scratch);
}

/* The loss of the shard, its gradient where training, and the probabilities where wanted. */
static void measure_loss(const struct journey *journey, float *probabilities) {
    const struct workspace *work = journey->work;
    int classes = work->model->output.size[0];
    int32_t *labels = work->labels + (size_t)journey->thread * ENGINE_SHARD;
    for (int i = 0; i < journey->images; i++)
        labels[i] = journey->batch->feed->dataset->labels[journey->batch->samples[journey->first + i]];
    float *out = probabilities ? probabilities + (size_t)journey->first * (size_t)classes : NULL;
    float *gradient = journey->training ? gradient_of(journey, work->plan.layer_count) : NULL;
    work->loss[journey->shard] = loss_softmax_cross_entropy(
        values_of(journey, work->plan.layer_count), journey->images, classes, labels, work->label_smoothing,
        journey->gradient_scale, gradient, out, &work->correct[journey->shard]);
}

/* ---- phases: what shards do between two barriers ---- */

/* Shards' partials of a layer lie one behind the other, as its combine reads them. */
static float *partial_of(const struct journey *journey, const struct layer *layer) {
    return journey->work->partials + (size_t)journey->shard * layer->partial_floats;
}

void journey_evaluate(const struct journey *journey, float *probabilities) {
    feed_shard(journey);
    for (int i = 0; i < journey->work->plan.layer_count; i++) forward_layer(journey, i);
    measure_loss(journey, probabilities);
}

void journey_forward(const struct journey *journey, int phase) {
    const struct workspace *work = journey->work;
    bool is_last = phase == work->plan.whole_batch_count;
    int from = phase == 0 ? 0 : work->plan.whole_batch_layers[phase - 1];
    int to = is_last ? work->plan.layer_count : work->plan.whole_batch_layers[phase];
    if (phase == 0) feed_shard(journey);
    for (int i = from; i < to; i++) forward_layer(journey, i);
    if (is_last) {
        measure_loss(journey, NULL);
        return;
    }
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, to, &pointers);
    const struct layer *layer = &work->model->layers[to];
    layer->kind->forward_partial(layer, &pass, partial_of(journey, layer));
}

void journey_backward(const struct journey *journey, int phase) {
    const struct workspace *work = journey->work;
    int count = work->plan.whole_batch_count;
    int from = phase == count ? work->plan.layer_count - 1 : work->plan.whole_batch_layers[phase];
    int to = phase == 0 ? -1 : work->plan.whole_batch_layers[phase - 1];
    for (int i = from; i > to && i >= work->plan.first_trainable; i--) {
        bool activation_is_done = phase < count && i == from;
        if (!activation_is_done) activate_backward(journey, i);
        backward_layer(journey, i);
    }
    if (to < work->plan.first_trainable) return;
    activate_backward(journey, to);
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, to, &pointers);
    const struct layer *layer = &work->model->layers[to];
    layer->kind->backward_partial(layer, &pass, partial_of(journey, layer));
}
