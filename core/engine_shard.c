#include "core/engine_shard.h"

#include <math.h>
#include <string.h>

#include "core/loss.h"
#include "core/regularizer.h"

struct journey journey_of(const struct workspace *work, const struct batch *batch, bool training, int shard, int lane,
                          int thread) {
    int first = shard * ENGINE_SHARD, left = batch->count - first;
    bool by_shard = training && work->plan.training.count > 0;
    int place = by_shard ? shard % engine_plan_together(&work->plan, true, work->plan.shards_max) : thread;
    return (struct journey){
        .work = work,
        .batch = batch,
        .training = training,
        .shard = shard,
        .first = first,
        .images = left < ENGINE_SHARD ? left : ENGINE_SHARD,
        .thread = thread,
        .slot = work->slots + (size_t)place * work->plan.slot_bytes,
        .turn = work->turns + (size_t)(work->plan.needs_whole_batch ? place : thread) * work->plan.turn_bytes,
        .lane = training ? work->lanes + (size_t)lane * work->plan.lane_floats : NULL,
        .gradient_scale = 1.0 / batch->count,
    };
}

/* A tensor of the shard in the thread's slot; what passes through a chain holds the group's images alone. */
static float *in_place(const struct journey *journey, const struct engine_tensor *tensor, char *place, size_t offset) {
    const size_t images_before = tensor->passing ? 0 : (size_t)journey->within;
    return (float *)(void *)(place + offset) + images_before * tensor->size;
}

static const struct engine_tensor *tensor_of(const struct journey *journey, int index) {
    const struct engine_tensor *tensors = journey->work->plan.tensors;
    return &tensors[tensors[index].root];
}

static float *values_of(const struct journey *journey, int index) {
    const struct engine_tensor *tensor = tensor_of(journey, index);
    if (!tensor->values_by_batch) return in_place(journey, tensor, journey->slot, tensor->offset);
    /* Evaluation needs no other shard's values: a thread's place in the block is enough, however large the batch, or
     * one for each image up to the next meeting. */
    int row = journey->thread * ENGINE_SHARD + journey->within;
    if (tensor->crosses) row = journey->first % ENGINE_GROUP;
    if (journey->training) row = journey->first % journey->work->plan.group_images;
    return (float *)(void *)(journey->work->batch + tensor->offset) + (size_t)row * tensor->size;
}

static float *gradient_of(const struct journey *journey, int index) {
    const struct engine_tensor *tensor = tensor_of(journey, index);
    if (tensor->passing) return in_place(journey, tensor, journey->slot, tensor->gradient_offset);
    if (!tensor->gradient_by_batch) return in_place(journey, tensor, journey->turn, tensor->gradient_offset);
    const int row = journey->first % journey->work->plan.group_images;
    return (float *)(void *)(journey->work->batch + tensor->gradient_offset) + (size_t)row * tensor->size;
}

/* Where a layer leaves the gradient of its second input until that of the same tensor as a first input is there. */
static float *second_gradient_of(const struct journey *journey, int index) {
    const struct layer *layer = &journey->work->model->layers[index];
    const size_t size = journey->work->plan.tensors[layer->second_tensor].size;
    return (float *)(void *)(journey->slot + journey->work->plan.layers[index].second_offset) +
           (size_t)journey->within * size;
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

/* What layer `index` keeps for its backward pass; NULL at inference. */
static char *saved_of(const struct journey *journey, int index) {
    const size_t before = (size_t)journey->within * journey->work->model->layers[index].saved_bytes;
    return journey->training ? journey->slot + journey->work->plan.layers[index].saved_offset + before : NULL;
}

/* The pool behind layer `index`, for the layer to do its work. */
static struct pool pool_of(const struct journey *journey, int index) {
    struct pool pool = journey->work->model->layers[index + 1].pool;
    pool.relu = journey->work->plan.layers[index + 1].relu;
    if (pool.largest || pool.relu) pool.cell = (uint16_t *)(void *)saved_of(journey, index + 1);
    return pool;
}

struct pass pass_of(const struct journey *journey, int index, struct pass_pointers *pointers) {
    const struct workspace *work = journey->work;
    const struct engine_layer *plan = &work->plan.layers[index];
    const struct layer *layer = &work->model->layers[index];
    const bool has_second = layer->second.rank > 0, pools = plan->pools && !journey->alone;
    if (pools) pointers->pool = pool_of(journey, index);
    pass_pointers_fill(work, index, journey->lane, pointers);
    return (struct pass){
        .kernels = work->kernels,
        .images = journey->images,
        .training = journey->training,
        .relu = plan->relu,
        .x = values_of(journey, index),
        .second = has_second ? values_of(journey, layer->second_tensor) : NULL,
        .y = values_of(journey, pools ? index + 2 : index + 1),
        .pool = pools ? &pointers->pool : NULL,
        .dy = journey->training ? gradient_of(journey, index + 1) : NULL,
        .dx = journey->training && index > work->plan.first_trainable ? gradient_of(journey, index) : NULL,
        .dsecond = journey->training && has_second && layer->second_tensor > work->plan.first_trainable
                       ? second_gradient_of(journey, index)
                       : NULL,
        .parameters = pointers->parameters,
        .gradients = pointers->gradients,
        .packed = work->packed + plan->packed_offset,
        .saved = saved_of(journey, index),
        .scratch = work->scratch + (size_t)journey->thread * work->plan.scratch_bytes,
        .common = work->common,
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
    size_t elements = 0;
    shape_elements(&journey->work->model->layers[index].output, &elements);
    return (float *)(void *)(journey->slot + journey->work->plan.layers[index].kept_offset) +
           (size_t)journey->within * elements;
}

static void activate(const struct journey *journey, int index, float *y) {
    const struct layer *layer = &journey->work->model->layers[index];
    const struct activation_kind *activation = journey->work->plan.layers[index].activation;
    if (!activation) return;
    size_t rows = rows_of(layer, journey->images), columns = (size_t)layer->output.size[layer->output.rank - 1];
    if (activation->keeps_input && journey->training) memcpy(kept_of(journey, index), y, rows * columns * sizeof *y);
    activation->forward(journey->work->kernels, layer->activation.config, rows, columns, y);
}

/* The penalty on the layer's output, of all images. */
static void add_activity(const struct journey *journey, int index) {
    const struct component *regularizer = &journey->work->model->layers[index].activity_regularizer;
    const size_t count = (size_t)journey->images * journey->work->plan.tensors[index + 1].size;
    journey->work->activity[journey->shard] += regularizer_penalty(regularizer, values_of(journey, index + 1), count);
}

static void add_activity_gradient(const struct journey *journey, int index) {
    const struct component *regularizer = &journey->work->model->layers[index].activity_regularizer;
    const size_t count = (size_t)journey->images * journey->work->plan.tensors[index + 1].size;
    if (!regularizer->kind) return;
    regularizer_gradient(regularizer, journey->gradient_scale, values_of(journey, index + 1),
                         gradient_of(journey, index + 1), count);
}

static void activate_backward(const struct journey *journey, int index) {
    const struct layer *layer = &journey->work->model->layers[index];
    const struct activation_kind *activation = journey->work->plan.layers[index].activation;
    add_activity_gradient(journey, index);
    if (!activation) return;
    struct engine_profile *profile = journey->work->profile;
    double start = engine_profile_start(profile);
    size_t rows = rows_of(layer, journey->images), columns = (size_t)layer->output.size[layer->output.rank - 1];
    const float *kept = activation->keeps_input ? kept_of(journey, index) : values_of(journey, index + 1);
    activation->backward(journey->work->kernels, layer->activation.config, rows, columns, kept,
                         gradient_of(journey, index + 1));
    engine_profile_add(profile, journey->thread, ENGINE_BACKWARD, index, start);
}

static void finish_forward(const struct journey *journey, int index) {
    activate(journey, index, values_of(journey, index + 1));
    add_activity(journey, index);
}

static void forward_layer(const struct journey *journey, int index) {
    const struct layer *layer = &journey->work->model->layers[index];
    struct engine_profile *profile = journey->work->profile;
    double start = engine_profile_start(profile);
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, index, &pointers);
    const bool done = layer->kind->is_view || (journey->work->plan.layers[index].pooled && !journey->alone);
    if (!done) layer->kind->forward(layer, &pass);
    finish_forward(journey, index);
    engine_profile_add(profile, journey->thread, ENGINE_FORWARD, index, start);
}

/* A lane's sums start from zero with its first images; here, where they are about to be in the cache anyway. */
static void start_lane(const struct journey *journey, const struct layer *layer, float *const *gradients) {
    bool is_first = journey->shard < journey->work->plan.lanes && journey->within == 0;
    for (int k = 0; is_first && k < layer->parameter_count; k++)
        if (gradients[k]) memset(gradients[k], 0, layer->parameters[k].size * sizeof *gradients[k]);
}

/* What layers further on left for the tensor that is this layer's input. */
static void add_second_gradients(const struct journey *journey, int index, float *dx) {
    const struct workspace *work = journey->work;
    const size_t count = (size_t)journey->images * work->plan.tensors[index].size;
    for (int i = work->plan.tensors[index].second_reader; i != ENGINE_NO_LAYER; i = work->plan.layers[i].next_reader)
        work->kernels->add(count, second_gradient_of(journey, i), dx);
}

static void backward_layer(const struct journey *journey, int index) {
    const struct layer *layer = &journey->work->model->layers[index];
    struct engine_profile *profile = journey->work->profile;
    double start = engine_profile_start(profile);
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, index, &pointers);
    start_lane(journey, layer, pass.gradients);
    if (!layer->kind->is_view) layer->kind->backward(layer, &pass);
    if (pass.dx) add_second_gradients(journey, index, pass.dx);
    engine_profile_add(profile, journey->thread, ENGINE_BACKWARD, index, start);
}

/* The images [done, done + images of the chain) of the shard. */
static struct journey group_of(const struct journey *journey, const struct engine_chain *chain, int done) {
    struct journey group = *journey;
    const int left = journey->images - done;
    group.first += done;
    group.within += done;
    group.images = left < chain->images ? left : chain->images;
    return group;
}

static void forward_chain(const struct journey *journey, const struct engine_chain *chain) {
    for (int done = 0; done < journey->images; done += chain->images) {
        const struct journey group = group_of(journey, chain, done);
        for (int i = chain->from; i < chain->to; i++) forward_layer(&group, i);
    }
}

/* Chains with layers from `from` on and below `to`, which are bounds of chains. */
static void forward_chains(const struct journey *journey, int from, int to) {
    const struct engine_plan *plan = &journey->work->plan;
    for (int c = 0; c < plan->chain_count; c++)
        if (plan->chains[c].from >= from && plan->chains[c].to <= to) forward_chain(journey, &plan->chains[c]);
}

/* A layer that needs the whole batch, alone in its chain, has had its activation undone for its partial. */
static void backward_chain(const struct journey *journey, const struct engine_chain *chain) {
    const struct engine_plan *plan = &journey->work->plan;
    for (int done = 0; done < journey->images; done += chain->images) {
        const struct journey group = group_of(journey, chain, done);
        for (int i = chain->to - 1; i >= chain->from && i >= plan->first_trainable; i--) {
            if (!plan->layers[i].whole_batch) activate_backward(&group, i);
            backward_layer(&group, i);
        }
    }
}

static void feed_shard(const struct journey *journey) {
    const struct batch *batch = journey->batch;
    void *scratch = journey->work->scratch + (size_t)journey->thread * journey->work->plan.scratch_bytes;
    journey->work->activity[journey->shard] = 0;
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
    work->loss[journey->shard] += work->activity[journey->shard];
}

/* ---- phases: what shards do between two barriers ---- */

/* Shards' partials of a layer lie one behind the other, as its combine reads them. */
static float *partial_of(const struct journey *journey, const struct layer *layer) {
    return journey->work->partials + (size_t)journey->shard * layer->partial_floats;
}

/* Where a phase begins forward: behind the layer of a meeting that has put out all its output; the rest of that layer
 * is elementwise and done here. */
static int begin_forward(const struct journey *journey, int phase) {
    const struct engine_plan *plan = &journey->work->plan;
    if (phase == 0) {
        feed_shard(journey);
        return 0;
    }
    const int met = engine_meetings_of(plan, journey->training)->layers[phase - 1];
    if (!plan->layers[met].by_batch) return met;
    const double start = engine_profile_start(journey->work->profile);
    finish_forward(journey, met);
    engine_profile_add(journey->work->profile, journey->thread, ENGINE_FORWARD, met, start);
    return met + 1;
}

void journey_forward(const struct journey *journey, int phase, float *probabilities) {
    const struct workspace *work = journey->work;
    const struct engine_meetings *meetings = engine_meetings_of(&work->plan, journey->training);
    const bool is_last = phase == meetings->count;
    const int from = begin_forward(journey, phase), to = is_last ? work->plan.layer_count : meetings->layers[phase];
    forward_chains(journey, from, to);
    if (is_last) {
        measure_loss(journey, probabilities);
        return;
    }
    if (!work->plan.layers[to].whole_batch) return;
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, to, &pointers);
    const struct layer *layer = &work->model->layers[to];
    layer->kind->forward_partial(layer, &pass, partial_of(journey, layer));
}

/* Where a phase begins backward: below the layer of a meeting that has put out the gradient of its input. */
static int begin_backward(const struct journey *journey, int phase) {
    const struct engine_plan *plan = &journey->work->plan;
    if (phase == plan->training.count) return plan->layer_count - 1;
    const int met = plan->training.layers[phase];
    if (!plan->layers[met].by_batch) return met;
    add_second_gradients(journey, met, gradient_of(journey, met));
    return met - 1;
}

void journey_backward(const struct journey *journey, int phase) {
    const struct workspace *work = journey->work;
    const int from = begin_backward(journey, phase), to = phase == 0 ? -1 : work->plan.training.layers[phase - 1];
    for (int c = work->plan.chain_count - 1; c >= 0; c--) {
        const struct engine_chain *chain = &work->plan.chains[c];
        if (chain->from > to && chain->to <= from + 1) backward_chain(journey, chain);
    }
    if (to < work->plan.first_trainable) return;
    activate_backward(journey, to);
    if (!work->plan.layers[to].whole_batch) return;
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, to, &pointers);
    const struct layer *layer = &work->model->layers[to];
    layer->kind->backward_partial(layer, &pass, partial_of(journey, layer));
}

/* ---- looking for what went wrong ---- */

static bool all_finite(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

int journey_first_not_finite(const struct journey *shard) {
    struct journey alone = *shard;
    const struct journey *journey = &alone;
    const struct engine_plan *plan = &journey->work->plan;
    alone.alone = true;
    feed_shard(journey);
    for (int c = 0; c < plan->chain_count; c++) {
        int first = plan->layer_count;
        for (int done = 0; done < journey->images; done += plan->chains[c].images) {
            const struct journey group = group_of(journey, &plan->chains[c], done);
            for (int i = plan->chains[c].from; i < plan->chains[c].to; i++) {
                forward_layer(&group, i);
                const size_t count = (size_t)group.images * plan->tensors[i + 1].size;
                if (i < first && !all_finite(values_of(&group, i + 1), count)) first = i;
            }
        }
        if (first < plan->layer_count) return first;
    }
    return plan->layer_count;
}
