#include "core/engine_plan.h"

#include <math.h>
#include <stdlib.h>

#include "core/batch.h"
#include "core/memory.h"

/* A plan in the making. */
struct planner {
    struct engine_plan *plan;
    const struct engine_plan_request *request;
    const struct model *model;
};

static void plan_tensors(const struct planner *planner) {
    const struct model *model = planner->model;
    struct engine_tensor *tensors = planner->plan->tensors;
    for (int i = 0; i <= model->layer_count; i++) {
        bool is_view = i > 0 && model->layers[i - 1].kind->is_view;
        tensors[i].root = is_view ? tensors[i - 1].root : i;
        tensors[i].second_reader = ENGINE_NO_LAYER;
        shape_elements(i == 0 ? &model->input : &model->layers[i - 1].output, &tensors[i].size);
    }
}

/* Each tensor's list of the layers that have it as their second input, in order. */
static void plan_readers(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    for (int i = plan->layer_count - 1; i >= 0; i--) {
        const struct layer *layer = &planner->model->layers[i];
        plan->layers[i].next_reader = ENGINE_NO_LAYER;
        if (!layer->second.rank) continue;
        struct engine_tensor *tensor = &plan->tensors[layer->second_tensor];
        plan->layers[i].next_reader = tensor->second_reader;
        tensor->second_reader = i;
    }
}

static void plan_meetings(const struct planner *planner, int index) {
    struct engine_plan *plan = planner->plan;
    const struct engine_layer *layer = &plan->layers[index];
    plan->needs_whole_batch |= layer->whole_batch;
    if (layer->whole_batch || layer->by_batch) plan->training.layers[plan->training.count++] = index;
    if (layer->by_batch) plan->evaluation.layers[plan->evaluation.count++] = index;
}

/* The tensors that a layer of the whole batch reads and writes. */
static void plan_batch_tensors(const struct planner *planner, int index) {
    struct engine_plan *plan = planner->plan;
    const struct engine_layer *layer = &plan->layers[index];
    struct engine_tensor *input = &plan->tensors[plan->tensors[index].root];
    struct engine_tensor *output = &plan->tensors[plan->tensors[index + 1].root];
    const bool training = planner->request->training;
    if (layer->by_batch || layer->gradient_on_batch) input->values_by_batch = true;
    if (layer->by_batch) output->values_by_batch = true;
    if (layer->gradient_on_batch || (layer->by_batch && training)) output->gradient_by_batch = true;
    if (layer->by_batch && training && index > plan->first_trainable) input->gradient_by_batch = true;
}

/* What is needed of the whole batch at once: layers with meetings, and tensors for gradients over the batch. */
static void plan_whole(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    for (int i = 0; i < plan->layer_count; i++) {
        const struct layer *of = &planner->model->layers[i];
        struct engine_layer *layer = &plan->layers[i];
        layer->whole_batch = layer_meets(of);
        layer->by_batch = of->batch_images > 0;
        layer->gradient_on_batch =
            planner->request->training && of->gradient_by_batch && !layer->whole_batch && !of->frozen;
        plan_meetings(planner, i);
        plan_batch_tensors(planner, i);
    }
}

/* The last layer that reads the tensor; layer_count: the loss does. */
static int last_reader(const struct planner *planner, int tensor) {
    const struct engine_plan *plan = planner->plan;
    if (plan->tensors[plan->layer_count].root == tensor) return plan->layer_count;
    for (int i = plan->layer_count - 1; i >= 0; i--) {
        const struct layer *layer = &planner->model->layers[i];
        if (plan->tensors[i].root == tensor) return i;
        if (layer->second.rank && plan->tensors[layer->second_tensor].root == tensor) return i;
    }
    return 0;
}

/* Evaluation keeps what is between two meetings in a thread's slot. What is there longer has a place in the batch. */
static void plan_crossings(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    for (int i = 0; i <= plan->layer_count && plan->evaluation.count > 0; i++) {
        struct engine_tensor *tensor = &plan->tensors[i];
        if (tensor->root != i) continue;
        const int last = last_reader(planner, i);
        for (int m = 0; m < plan->evaluation.count; m++) {
            const int meeting = plan->evaluation.layers[m];
            if (meeting >= i - 1 && meeting <= last) tensor->crosses = tensor->values_by_batch = true;
        }
    }
}

/* An activation is the layer's own, or taken over: a softmax at the end by the loss, a ReLU by a pool behind it. */
static void plan_activations(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    const struct layer *layers = planner->model->layers;
    for (int i = 0; i < plan->layer_count; i++) {
        const struct activation_kind *activation = layer_activation(&layers[i]);
        bool is_last = i == plan->layer_count - 1;
        bool to_loss = is_last && planner->model->ends_in_softmax;
        bool to_next = activation && activation->is_relu && !is_last && layers[i + 1].takes_relu &&
                       !layers[i].activity_regularizer.kind && plan->tensors[i + 1].second_reader == ENGINE_NO_LAYER;
        if (to_next && !planner->request->keep_outputs)
            plan->layers[i + 1].relu = true;
        else if (!to_loss)
            plan->layers[i].activation = activation;
    }
}

/* ---- chains ---- */

/* Whether backward reads the output of layer i, or it stands in memory of another tensor. */
static bool is_kept(const struct planner *planner, int i) {
    const struct engine_plan *plan = planner->plan;
    const struct engine_layer *layers = plan->layers;
    const struct engine_tensor *tensor = &plan->tensors[i + 1];
    const struct layer_kind *kind = planner->model->layers[i].kind, *next = planner->model->layers[i + 1].kind;
    if (planner->request->keep_outputs || kind->is_view || next->is_view) return true;
    if (tensor->values_by_batch || tensor->gradient_by_batch) return true;
    if (tensor->second_reader != ENGINE_NO_LAYER) return true;
    if (layers[i].whole_batch || layers[i + 1].whole_batch || layers[i].by_batch || layers[i + 1].by_batch) return true;
    if (planner->model->layers[i].activity_regularizer.kind) return true;
    return !next->forgets_x || (layers[i].activation && !layers[i].activation->keeps_input);
}

static void plan_chains(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    struct engine_chain *chain = NULL;
    for (int i = 0; i < plan->layer_count; i++) {
        if (!chain) plan->chains[plan->chain_count++] = (struct engine_chain){.from = i};
        chain = &plan->chains[plan->chain_count - 1];
        chain->to = i + 1;
        bool passes = chain->to < plan->layer_count && !is_kept(planner, i);
        if (passes) plan->tensors[i + 1].passing = true;
        if (!passes) chain = NULL;
    }
}

/* ---- pools ---- */

/* Whether nobody but the pool behind layer i reads its output, and the pool's has its place when layer i works. */
static bool has_own_pool(const struct planner *planner, int i) {
    const struct engine_plan *plan = planner->plan;
    const struct layer *layer = &planner->model->layers[i];
    if (i + 1 == plan->layer_count || planner->request->keep_outputs || layer[1].pool.scale == 0) return false;
    if (plan->layers[i].activation || plan->layers[i].by_batch || layer->activity_regularizer.kind) return false;
    const struct engine_tensor *between = &plan->tensors[i + 1], *behind = &plan->tensors[i + 2];
    return between->second_reader == ENGINE_NO_LAYER && (between->passing || !behind->passing);
}

static void plan_pools(const struct planner *planner) {
    struct engine_layer *layers = planner->plan->layers;
    for (int i = 0; i < planner->plan->layer_count; i++)
        if (planner->model->layers[i].takes_pool && has_own_pool(planner, i))
            layers[i].pools = layers[i + 1].pooled = true;
}

/* ---- images of a chain ---- */

enum { CHAIN_BYTES = 128 << 10 }; /* of what passes through a chain: a part of a core's own cache */

/* As many images as fit, whatever the machine; at inference nothing is written in front of a pool that the layer there
 * does. In training the number depends on sizes alone, for gradients are summed in the order in which images go. */
static int chain_images(const struct planner *planner, const struct engine_chain *chain) {
    const int shard = planner->request->shard_images;
    double bytes = 0;
    for (int i = chain->from + 1; i < chain->to; i++)
        if (planner->request->training || !planner->plan->layers[i].pooled)
            bytes += (double)planner->plan->tensors[i].size * sizeof(float);
    if (bytes * shard <= CHAIN_BYTES) return shard;
    return bytes * 2 <= CHAIN_BYTES ? (int)(CHAIN_BYTES / bytes) : 1;
}

static void plan_chain_images(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    for (int c = 0; c < plan->chain_count; c++) plan->chains[c].images = chain_images(planner, &plan->chains[c]);
}

/* ---- groups ---- */

enum { GROUP_BYTES = 4 << 20 }; /* that wait for the gradients of many images: a part of the last cache */

/* As many images as fit, whatever the machine and however large a batch may become: gradients are summed in groups. */
static double images_that_fit(const struct planner *planner) {
    const struct engine_plan *plan = planner->plan;
    double bytes = 1; /* not 0, where nothing waits */
    for (int i = 0; i <= plan->layer_count; i++) {
        const struct engine_tensor *tensor = &plan->tensors[i];
        const int kept = (tensor->values_by_batch ? 1 : 0) + (tensor->gradient_by_batch ? 1 : 0);
        if (tensor->root == i) bytes += kept * (double)tensor->size * sizeof(float);
    }
    const double groups = floor(GROUP_BYTES / bytes / ENGINE_GROUP);
    return groups > 1 ? groups * ENGINE_GROUP : ENGINE_GROUP;
}

static void plan_group(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    const int batch = planner->request->batch_size;
    const double images = plan->training.count > 0 ? ENGINE_GROUP : images_that_fit(planner);
    plan->group_images = plan->needs_whole_batch || images > batch ? batch : (int)images;
}

/* ---- places ---- */

/* Room for count * size bytes at the end of `total`. */
static bool grow(size_t *offset, size_t *total, size_t count, size_t size) {
    size_t bytes = 0;
    if (!size_multiply(count, size, &bytes) || !size_add(bytes, MEMORY_SLACK, &bytes)) return false;
    *offset = *total;
    return size_add(*total, size_align(bytes), total);
}

static size_t shard_bytes(const struct planner *planner) {
    return (size_t)planner->request->shard_images * sizeof(float);
}

/* Images that the block of the batch has room for: a group. Evaluation gives every thread a place in it, or every image
 * of those that go together. */
static int batch_rows(const struct planner *planner) {
    const struct engine_plan_request *request = planner->request;
    int rows = request->threads * request->shard_images;
    if (planner->plan->evaluation.count > 0 && rows < ENGINE_GROUP) rows = ENGINE_GROUP;
    return request->training && rows < planner->plan->group_images ? planner->plan->group_images : rows;
}

/* What backward reads has its own place. */
static bool place_tensors(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    size_t batch = (size_t)batch_rows(planner) * sizeof(float);
    for (int i = 0; i <= plan->layer_count; i++) {
        struct engine_tensor *tensor = &plan->tensors[i];
        if (tensor->root != i || tensor->passing) continue;
        bool fits = tensor->values_by_batch
                        ? grow(&tensor->offset, &plan->batch_bytes, tensor->size, batch)
                        : grow(&tensor->offset, &plan->slot_bytes, tensor->size, shard_bytes(planner));
        if (fits && tensor->gradient_by_batch)
            fits = grow(&tensor->gradient_offset, &plan->batch_bytes, tensor->size, batch);
        if (!fits) return false;
    }
    return true;
}

/* Chains run one after the other, so they share a place; a tensor's gradient comes when its values are done with. */
static bool place_passing(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    const size_t start = plan->slot_bytes;
    for (int c = 0; c < plan->chain_count; c++) {
        const struct engine_chain *chain = &plan->chains[c];
        size_t end = start;
        for (int i = chain->from + 1; i < chain->to; i++) {
            struct engine_tensor *tensor = &plan->tensors[i];
            if (!grow(&tensor->offset, &end, tensor->size, (size_t)chain->images * sizeof(float))) return false;
            tensor->gradient_offset = tensor->offset;
        }
        if (end > plan->slot_bytes) plan->slot_bytes = end;
    }
    return true;
}

/* Two places in turn are enough for a shard's gradients, for a chain reads one and writes the other. */
static bool place_gradients(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    size_t largest = 0, turns[2];
    for (int i = 0; i <= plan->layer_count; i++)
        if (!plan->tensors[i].passing && plan->tensors[i].size > largest) largest = plan->tensors[i].size;
    for (int turn = 0; turn < 2; turn++)
        if (!grow(&turns[turn], &plan->turn_bytes, largest, shard_bytes(planner))) return false;
    int turn = 0;
    for (int i = 0; i <= plan->layer_count; i++) {
        struct engine_tensor *tensor = &plan->tensors[i];
        if (tensor->root != i || tensor->gradient_by_batch || tensor->passing) continue;
        tensor->gradient_offset = turns[turn];
        turn = 1 - turn;
    }
    return true;
}

/* Whole cache lines, in floats. */
static size_t padded(size_t floats) {
    return size_align(floats * sizeof(float)) / sizeof(float);
}

static void place_parameters(const struct planner *planner, int index) {
    const struct layer *layer = &planner->model->layers[index];
    struct engine_plan *plan = planner->plan;
    struct engine_layer *mine = &plan->layers[index];
    for (int k = 0; k < layer->parameter_count; k++) {
        bool trainable = layer->parameters[k].trainable;
        mine->lane_offset[k] = ENGINE_NOT_IN_LANE;
        if (!trainable || mine->gradient_on_batch || mine->whole_batch) continue;
        mine->lane_offset[k] = (ptrdiff_t)plan->lane_floats;
        plan->lane_floats += padded(layer->parameters[k].size);
    }
}

static bool place_layer(const struct planner *planner, int index) {
    const struct layer *layer = &planner->model->layers[index];
    struct engine_plan *plan = planner->plan;
    struct engine_layer *mine = &plan->layers[index];
    bool training = planner->request->training;
    size_t kept = training && mine->activation && mine->activation->keeps_input ? plan->tensors[index + 1].size : 0;
    if (!grow(&mine->kept_offset, &plan->slot_bytes, kept, shard_bytes(planner))) return false;
    size_t second = training && layer->second.rank ? plan->tensors[layer->second_tensor].size : 0;
    if (!grow(&mine->second_offset, &plan->slot_bytes, second, shard_bytes(planner))) return false;
    size_t shard = (size_t)planner->request->shard_images, scratch = 0, start = 0;
    if (!grow(&mine->saved_offset, &plan->slot_bytes, training ? layer->saved_bytes : 0, shard)) return false;
    if (!grow(&start, &scratch, layer->scratch_bytes, 1)) return false;
    if (scratch > plan->scratch_bytes) plan->scratch_bytes = scratch;
    mine->packed_offset = plan->packed_floats;
    plan->packed_floats += padded(layer->packed_floats);
    mine->shared_offset = plan->shared_floats;
    plan->shared_floats += padded(layer->shared_floats);
    if (layer->partial_floats > plan->partial_floats) plan->partial_floats = layer->partial_floats;
    place_parameters(planner, index);
    size_t common = 0;
    if (!grow(&start, &common, layer->common_bytes, (size_t)layer->batch_images)) return false;
    if (common > plan->common_bytes) plan->common_bytes = common;
    return true;
}

static bool place_all(const struct planner *planner) {
    if (!place_tensors(planner) || !place_passing(planner)) return false;
    if (planner->request->training && !place_gradients(planner)) return false;
    for (int i = 0; i < planner->plan->layer_count; i++)
        if (!place_layer(planner, i)) return false;
    return true;
}

int engine_plan_together(const struct engine_plan *plan, bool training, int shards) {
    const bool meet = plan->evaluation.count > 0;
    const int images = training ? plan->group_images : ENGINE_GROUP;
    const int most = (images + ENGINE_SHARD - 1) / ENGINE_SHARD;
    return (training || meet) && shards > most ? most : shards;
}

/* In training a shard keeps its slot from one meeting to the next, but gradients only where the meeting does not put
 * them out itself. Without meetings, and at evaluation, a thread's places do for all its shards. */
static void count_slots(const struct planner *planner) {
    struct engine_plan *plan = planner->plan;
    const bool kept = planner->request->training && plan->training.count > 0;
    plan->slots = kept ? engine_plan_together(plan, true, plan->shards_max) : 0;
    if (plan->slots < planner->request->threads) plan->slots = planner->request->threads;
    plan->turns = plan->needs_whole_batch ? plan->slots : planner->request->threads;
}

static int make(const struct planner *planner, struct error *error) {
    struct engine_plan *plan = planner->plan;
    const struct engine_plan_request *request = planner->request;
    size_t layers = (size_t)plan->layer_count;
    plan->tensors = calloc(layers + 1, sizeof *plan->tensors);
    plan->layers = calloc(layers + 1, sizeof *plan->layers);
    plan->chains = calloc(layers + 1, sizeof *plan->chains);
    plan->evaluation.layers = calloc(layers + 1, sizeof *plan->evaluation.layers);
    plan->training.layers = calloc(layers + 1, sizeof *plan->training.layers);
    if (!plan->tensors || !plan->layers || !plan->chains || !plan->evaluation.layers || !plan->training.layers)
        return error_set(error, ERROR_RUN, NULL, "not enough memory for the plan of a step");
    plan->shards_max = (request->batch_size + request->shard_images - 1) / request->shard_images;
    plan->lanes = plan->shards_max < request->lanes_max ? plan->shards_max : request->lanes_max;
    plan->scratch_bytes = size_align(request->feed_scratch_bytes) + MEMORY_SLACK;
    plan->first_trainable = model_first_trainable(request->model);
    plan_tensors(planner);
    plan_readers(planner);
    plan_whole(planner);
    plan_crossings(planner);
    plan_activations(planner);
    plan_chains(planner);
    plan_pools(planner);
    plan_chain_images(planner);
    plan_group(planner);
    if (!place_all(planner))
        return error_set(error, ERROR_RUN, NULL,
                         "the model needs more memory than there are addresses; make it smaller");
    count_slots(planner);
    return 0;
}

int engine_plan_make(struct engine_plan *plan, const struct engine_plan_request *request, struct error *error) {
    *plan = (struct engine_plan){.layer_count = request->model->layer_count};
    struct planner planner = {plan, request, request->model};
    if (make(&planner, error) == 0) return 0;
    engine_plan_free(plan);
    return -1;
}

void engine_plan_free(struct engine_plan *plan) {
    free(plan->tensors);
    free(plan->layers);
    free(plan->chains);
    free(plan->evaluation.layers);
    free(plan->training.layers);
    *plan = (struct engine_plan){0};
}
