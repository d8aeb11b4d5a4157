#include "core/engine.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine_plan.h"
#include "core/loss.h"
#include "core/memory.h"

struct engine {
    struct model *model;
    const struct kernels *kernels;
    struct engine_options options;
    struct engine_plan plan;
    bool packed_is_stale;
    size_t memory;

    char *slot_memory;    /* (slots, slot_bytes): activations of a shard */
    char *scratch_memory; /* (threads, scratch_bytes) */
    char *batch_memory;   /* tensors kept for the whole batch */
    float *packed, *shared;
    float *lane_memory; /* (lanes, lane_floats): partial weight gradients */
    float *gradients;   /* (trainable_floats) */
    float *partials;    /* (shards_max, partial_floats) */
    double *shard_loss; /* (shards_max) */
    int64_t *shard_correct;
    int32_t *shard_labels; /* (threads, ENGINE_SHARD) */
};

/* ---- memory ---- */

static int take(struct engine *engine, void *where, size_t count, size_t size, const char *what, struct error *error) {
    void *memory = memory_allocate(count, size, what, error);
    if (!memory) return -1;
    memcpy(where, &memory, sizeof memory);
    engine->memory += count * size;
    return 0;
}

static int take_all(struct engine *engine, struct error *error) {
    size_t threads = (size_t)engine->options.threads, shards = (size_t)engine->plan.shards_max;
    size_t measured = shards > ENGINE_EVALUATION_BATCH / ENGINE_SHARD ? shards : ENGINE_EVALUATION_BATCH / ENGINE_SHARD;
    bool training = engine->options.training;
    size_t lanes = training ? (size_t)engine->plan.lanes : 0;
    const char *what = "activations";
    if (take(engine, &engine->slot_memory, (size_t)engine->plan.slots, engine->plan.slot_bytes, what, error) != 0)
        return -1;
    if (take(engine, &engine->scratch_memory, threads, engine->plan.scratch_bytes, "work space", error) != 0) return -1;
    if (take(engine, &engine->batch_memory, 1, engine->plan.batch_bytes, what, error) != 0) return -1;
    if (take(engine, &engine->packed, engine->plan.packed_floats, sizeof(float), "packed weights", error) != 0)
        return -1;
    if (take(engine, &engine->shared, engine->plan.shared_floats, sizeof(float), "batch statistics", error) != 0)
        return -1;
    if (take(engine, &engine->lane_memory, lanes * engine->plan.lane_floats, sizeof(float), "gradients", error) != 0)
        return -1;
    size_t trainable = training ? engine->model->trainable_floats : 0;
    if (take(engine, &engine->gradients, trainable, sizeof(float), "gradients", error) != 0) return -1;
    size_t partials = training ? shards * engine->plan.partial_floats : 0;
    if (take(engine, &engine->partials, partials, sizeof(float), "batch statistics", error) != 0) return -1;
    if (take(engine, &engine->shard_loss, measured, sizeof(double), "losses", error) != 0) return -1;
    if (take(engine, &engine->shard_correct, measured, sizeof(int64_t), "losses", error) != 0) return -1;
    return take(engine, &engine->shard_labels, threads * ENGINE_SHARD, sizeof(int32_t), "labels", error);
}

static int open_engine(struct engine *engine, struct error *error) {
    const struct engine_options *options = &engine->options;
    struct engine_plan_request request = {.model = engine->model,
                                          .shard_images = ENGINE_SHARD,
                                          .lanes_max = ENGINE_LANES,
                                          .threads = options->threads,
                                          .batch_size = options->batch_size,
                                          .training = options->training,
                                          .feed_scratch_bytes = options->feed_scratch_bytes};
    return engine_plan_make(&engine->plan, &request, error) == 0 ? take_all(engine, error) : -1;
}

int engine_open(struct engine **engine, struct model *model, const struct kernels *kernels,
                const struct engine_options *options, struct error *error) {
    struct engine *new = calloc(1, sizeof *new);
    if (!new) return error_set(error, ERROR_RUN, NULL, "not enough memory for the engine");
    *new = (struct engine){.model = model, .kernels = kernels, .options = *options, .packed_is_stale = true};
    if (open_engine(new, error) == 0) {
        *engine = new;
        return 0;
    }
    engine_close(new);
    return -1;
}

void engine_close(struct engine *engine) {
    if (!engine) return;
    void *const owned[] = {engine->slot_memory, engine->scratch_memory, engine->batch_memory, engine->packed,
                           engine->shared,      engine->lane_memory,    engine->gradients,    engine->partials,
                           engine->shard_loss,  engine->shard_correct,  engine->shard_labels};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) free(owned[i]);
    engine_plan_free(&engine->plan);
    free(engine);
}

float *engine_gradients(const struct engine *engine) {
    return engine->gradients;
}

void engine_refresh(struct engine *engine) {
    engine->packed_is_stale = true;
}

size_t engine_memory(const struct engine *engine) {
    return engine->memory;
}

int engine_threads(const struct engine *engine) {
    return engine->options.threads;
}

/* ---- a shard on its way ---- */

/* One shard of a batch on one thread. */
struct journey {
    struct engine *engine;
    const struct batch *batch;
    bool training;
    int shard, first, images;
    int thread;
    char *slot;
    float *lane;           /* NULL: no gradients */
    double gradient_scale; /* 1 / images of the batch */
};

static struct journey journey_of(struct engine *engine, const struct batch *batch, bool training, int shard, int lane) {
    int thread = omp_get_thread_num();
    int first = shard * ENGINE_SHARD, left = batch->count - first;
    bool by_shard = training && engine->plan.whole_batch_count > 0;
    return (struct journey){
        .engine = engine,
        .batch = batch,
        .training = training,
        .shard = shard,
        .first = first,
        .images = left < ENGINE_SHARD ? left : ENGINE_SHARD,
        .thread = thread,
        .slot = engine->slot_memory + (size_t)(by_shard ? shard : thread) * engine->plan.slot_bytes,
        .lane = training ? engine->lane_memory + (size_t)lane * engine->plan.lane_floats : NULL,
        .gradient_scale = 1.0 / batch->count,
    };
}

static float *values_of(const struct journey *journey, int index) {
    const struct engine *engine = journey->engine;
    const struct engine_tensor *tensor = &engine->plan.tensors[engine->plan.tensors[index].root];
    if (!tensor->values_by_batch) return (float *)(void *)(journey->slot + tensor->offset);
    /* Evaluation needs no other shard's values: a thread's place in the block is enough, however large the batch. */
    size_t row = (size_t)(journey->training ? journey->first : journey->thread * ENGINE_SHARD);
    return (float *)(void *)(engine->batch_memory + tensor->offset) + row * tensor->size;
}

static float *gradient_of(const struct journey *journey, int index) {
    const struct engine *engine = journey->engine;
    const struct engine_tensor *tensor = &engine->plan.tensors[engine->plan.tensors[index].root];
    if (!tensor->gradient_by_batch) return (float *)(void *)(journey->slot + tensor->gradient_offset);
    return (float *)(void *)(engine->batch_memory + tensor->gradient_offset) + (size_t)journey->first * tensor->size;
}

/* Pointers that a pass refers to; they live as long as the call. */
struct pass_pointers {
    float *parameters[LAYER_PARAMETERS_MAX], *gradients[LAYER_PARAMETERS_MAX];
};

static void fill_pointers(const struct engine *engine, int index, float *lane, struct pass_pointers *pointers) {
    const struct layer *layer = &engine->model->layers[index];
    const struct engine_layer *plan = &engine->plan.layers[index];
    for (int k = 0; k < layer->parameter_count; k++) {
        pointers->parameters[k] = model_parameter(engine->model, layer, k);
        bool wanted = lane && plan->lane_offset[k] != ENGINE_NOT_IN_LANE;
        pointers->gradients[k] = wanted ? lane + plan->lane_offset[k] : NULL;
    }
}

static struct pass pass_of(const struct journey *journey, int index, struct pass_pointers *pointers) {
    const struct engine *engine = journey->engine;
    const struct engine_layer *plan = &engine->plan.layers[index];
    fill_pointers(engine, index, journey->lane, pointers);
    return (struct pass){
        .kernels = engine->kernels,
        .images = journey->images,
        .training = journey->training,
        .x = values_of(journey, index),
        .y = values_of(journey, index + 1),
        .dy = engine->options.training ? gradient_of(journey, index + 1) : NULL,
        .dx = engine->options.training && index > engine->plan.first_trainable ? gradient_of(journey, index) : NULL,
        .parameters = pointers->parameters,
        .gradients = pointers->gradients,
        .packed = engine->packed + plan->packed_offset,
        .saved = journey->slot + plan->saved_offset,
        .scratch = engine->scratch_memory + (size_t)journey->thread * engine->plan.scratch_bytes,
        .shared = engine->shared + plan->shared_offset,
        .seed = engine->options.seed,
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
    return (float *)(void *)(journey->slot + journey->engine->plan.layers[index].kept_offset);
}

static void activate(const struct journey *journey, int index, float *y) {
    const struct layer *layer = &journey->engine->model->layers[index];
    const struct activation_kind *activation = journey->engine->plan.layers[index].activation;
    if (!activation) return;
    size_t rows = rows_of(layer, journey->images), columns = (size_t)layer->output.size[layer->output.rank - 1];
    if (activation->keeps_input && journey->training) memcpy(kept_of(journey, index), y, rows * columns * sizeof *y);
    activation->forward(journey->engine->kernels, layer->activation.config, rows, columns, y);
}

static void activate_backward(const struct journey *journey, int index) {
    const struct layer *layer = &journey->engine->model->layers[index];
    const struct activation_kind *activation = journey->engine->plan.layers[index].activation;
    if (!activation) return;
    size_t rows = rows_of(layer, journey->images), columns = (size_t)layer->output.size[layer->output.rank - 1];
    const float *kept = activation->keeps_input ? kept_of(journey, index) : values_of(journey, index + 1);
    activation->backward(journey->engine->kernels, layer->activation.config, rows, columns, kept,
                         gradient_of(journey, index + 1));
}

static void forward_layer(const struct journey *journey, int index) {
    const struct layer *layer = &journey->engine->model->layers[index];
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, index, &pointers);
    if (!layer->kind->is_view) layer->kind->forward(layer, &pass);
    activate(journey, index, pass.y);
}

static void backward_layer(const struct journey *journey, int index) {
    const struct layer *layer = &journey->engine->model->layers[index];
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, index, &pointers);
    if (!layer->kind->is_view) layer->kind->backward(layer, &pass);
}

static void feed_shard(const struct journey *journey) {
    const struct batch *batch = journey->batch;
    void *scratch = journey->engine->scratch_memory + (size_t)journey->thread * journey->engine->plan.scratch_bytes;
    batch->feed->fill(batch->feed, batch->samples + journey->first, journey->images, batch->epoch, batch->augment,
                      values_of(journey, 0), scratch);
}

/* The loss of the shard, its gradient where training, and the probabilities where wanted. */
static void measure_loss(const struct journey *journey, float *probabilities) {
    struct engine *engine = journey->engine;
    int classes = engine->model->output.size[0];
    int32_t *labels = engine->shard_labels + (size_t)journey->thread * ENGINE_SHARD;
    for (int i = 0; i < journey->images; i++)
        labels[i] = journey->batch->feed->dataset->labels[journey->batch->samples[journey->first + i]];
    float *out = probabilities ? probabilities + (size_t)journey->first * (size_t)classes : NULL;
    float *gradient = journey->training ? gradient_of(journey, engine->plan.layer_count) : NULL;
    engine->shard_loss[journey->shard] = loss_softmax_cross_entropy(
        values_of(journey, engine->plan.layer_count), journey->images, classes, labels, engine->options.label_smoothing,
        journey->gradient_scale, gradient, out, &engine->shard_correct[journey->shard]);
}

/* ---- phases: what shards do between two barriers ---- */

static float *partial_of(const struct journey *journey) {
    return journey->engine->partials + (size_t)journey->shard * journey->engine->plan.partial_floats;
}

/* Forward from the whole-batch layer number `phase` - 1 (or the start) up to the next one's partial; the last phase
 * goes on through the loss and back. */
static void forward_phase(const struct journey *journey, int phase) {
    const struct engine *engine = journey->engine;
    bool is_last = phase == engine->plan.whole_batch_count;
    int from = phase == 0 ? 0 : engine->plan.whole_batch_layers[phase - 1];
    int to = is_last ? engine->plan.layer_count : engine->plan.whole_batch_layers[phase];
    if (phase == 0) feed_shard(journey);
    for (int i = from; i < to; i++) forward_layer(journey, i);
    if (is_last) return;
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, to, &pointers);
    engine->model->layers[to].kind->forward_partial(&engine->model->layers[to], &pass, partial_of(journey));
}

/* Backward from the layer `from` down to the whole-batch layer below it (its partial), or to the first layer that has
 * anything to learn. */
static void backward_phase(const struct journey *journey, int phase) {
    const struct engine *engine = journey->engine;
    int count = engine->plan.whole_batch_count;
    int from = phase == count ? engine->plan.layer_count - 1 : engine->plan.whole_batch_layers[phase];
    int to = phase == 0 ? -1 : engine->plan.whole_batch_layers[phase - 1];
    for (int i = from; i > to && i >= engine->plan.first_trainable; i--) {
        bool activation_is_done = phase < count && i == from;
        if (!activation_is_done) activate_backward(journey, i);
        backward_layer(journey, i);
    }
    if (to < engine->plan.first_trainable) return;
    activate_backward(journey, to);
    struct pass_pointers pointers;
    struct pass pass = pass_of(journey, to, &pointers);
    engine->model->layers[to].kind->backward_partial(&engine->model->layers[to], &pass, partial_of(journey));
}

/* Turns the shards' partials into what they share. Gradients of whole-batch layers go straight to the result. */
static void combine(struct engine *engine, const struct batch *batch, int index, bool backward) {
    const struct layer *layer = &engine->model->layers[index];
    struct pass_pointers pointers;
    fill_pointers(engine, index, NULL, &pointers);
    for (int k = 0; k < layer->parameter_count; k++)
        if (layer->parameters[k].trainable) pointers.gradients[k] = engine->gradients + layer->parameters[k].offset;
    struct pass pass = {.kernels = engine->kernels,
                        .images = batch->count,
                        .training = true,
                        .parameters = pointers.parameters,
                        .gradients = pointers.gradients,
                        .shared = engine->shared + engine->plan.layers[index].shared_offset,
                        .batch = batch->count};
    int shards = (batch->count + ENGINE_SHARD - 1) / ENGINE_SHARD;
    (backward ? layer->kind->backward_combine : layer->kind->forward_combine)(layer, &pass, engine->partials, shards);
}

/* ---- steps ---- */

static void pack(struct engine *engine) {
    if (!engine->packed_is_stale) return;
#pragma omp parallel for schedule(dynamic) num_threads(engine->options.threads)
    for (int i = 0; i < engine->plan.layer_count; i++) {
        const struct layer *layer = &engine->model->layers[i];
        if (!layer->kind->pack) continue;
        struct pass_pointers pointers;
        fill_pointers(engine, i, NULL, &pointers);
        layer->kind->pack(layer, pointers.parameters, engine->packed + engine->plan.layers[i].packed_offset);
    }
    engine->packed_is_stale = false;
}

/* Every lane takes its shards in order; which thread runs a lane changes nothing. */
static void run_lanes(struct engine *engine, const struct batch *batch, int forward, int backward) {
    int shards = (batch->count + ENGINE_SHARD - 1) / ENGINE_SHARD;
#pragma omp parallel for schedule(dynamic) num_threads(engine->options.threads)
    for (int lane = 0; lane < engine->plan.lanes; lane++) {
        float *sums = engine->lane_memory + (size_t)lane * engine->plan.lane_floats;
        if (forward == 0) memset(sums, 0, engine->plan.lane_floats * sizeof *sums);
        for (int shard = lane; shard < shards; shard += engine->plan.lanes) {
            struct journey journey = journey_of(engine, batch, true, shard, lane);
            if (forward >= 0) forward_phase(&journey, forward);
            if (forward == engine->plan.whole_batch_count) measure_loss(&journey, NULL);
            if (backward >= 0) backward_phase(&journey, backward);
        }
    }
}

/* Weight gradients that are computed once for the whole batch, in parts of a fixed number. */
static void run_batch_gradients(struct engine *engine, const struct batch *batch) {
    for (int i = engine->plan.first_trainable; i < engine->plan.layer_count; i++) {
        if (!engine->plan.layers[i].gradient_on_batch) continue;
        const struct layer *layer = &engine->model->layers[i];
        struct journey journey = {
            .engine = engine, .batch = batch, .training = true, .images = batch->count, .slot = engine->slot_memory};
        struct pass_pointers pointers;
        struct pass pass = pass_of(&journey, i, &pointers);
        for (int k = 0; k < layer->parameter_count; k++)
            if (layer->parameters[k].trainable) pointers.gradients[k] = engine->gradients + layer->parameters[k].offset;
#pragma omp parallel for schedule(dynamic) num_threads(engine->options.threads)
        for (int part = 0; part < ENGINE_LANES; part++) layer->kind->batch_gradient(layer, &pass, part, ENGINE_LANES);
    }
}

/* gradient = sum of the lanes, in their order. */
static void sum_lanes(struct engine *engine, const struct parameter *parameter, ptrdiff_t lane_offset, int lanes) {
    float *gradient = engine->gradients + parameter->offset;
    enum { CHUNK = 4096 };
    int chunks = (int)((parameter->size + CHUNK - 1) / CHUNK);
#pragma omp parallel for schedule(static) num_threads(engine->options.threads) if (chunks > 4)
    for (int chunk = 0; chunk < chunks; chunk++) {
        size_t from = (size_t)chunk * CHUNK, count = parameter->size - from < CHUNK ? parameter->size - from : CHUNK;
        memcpy(gradient + from, engine->lane_memory + lane_offset + from, count * sizeof *gradient);
        for (int lane = 1; lane < lanes; lane++)
            engine->kernels->add(count,
                                 engine->lane_memory + (size_t)lane * engine->plan.lane_floats + lane_offset + from,
                                 gradient + from);
    }
}

static void gather_gradients(struct engine *engine, const struct batch *batch) {
    int shards = (batch->count + ENGINE_SHARD - 1) / ENGINE_SHARD;
    int lanes = shards < engine->plan.lanes ? shards : engine->plan.lanes;
    for (int i = 0; i < engine->plan.layer_count; i++) {
        const struct layer *layer = &engine->model->layers[i];
        for (int k = 0; k < layer->parameter_count; k++)
            if (engine->plan.layers[i].lane_offset[k] != ENGINE_NOT_IN_LANE)
                sum_lanes(engine, &layer->parameters[k], engine->plan.layers[i].lane_offset[k], lanes);
    }
}

static void sum_result(const struct engine *engine, const struct batch *batch, struct batch_result *result) {
    int shards = (batch->count + ENGINE_SHARD - 1) / ENGINE_SHARD;
    *result = (struct batch_result){0};
    for (int shard = 0; shard < shards; shard++) {
        result->loss += engine->shard_loss[shard];
        result->correct += engine->shard_correct[shard];
    }
}

void engine_train_step(struct engine *engine, const struct batch *batch, struct batch_result *result) {
    int whole = engine->plan.whole_batch_count;
    engine->packed_is_stale = true;
    pack(engine);
    memset(engine->gradients, 0, engine->model->trainable_floats * sizeof *engine->gradients);
    for (int phase = 0; phase < whole; phase++) {
        run_lanes(engine, batch, phase, -1);
        combine(engine, batch, engine->plan.whole_batch_layers[phase], false);
    }
    run_lanes(engine, batch, whole, whole);
    for (int phase = whole - 1; phase >= 0; phase--) {
        if (engine->plan.whole_batch_layers[phase] < engine->plan.first_trainable) break;
        combine(engine, batch, engine->plan.whole_batch_layers[phase], true);
        run_lanes(engine, batch, -1, phase);
    }
    run_batch_gradients(engine, batch);
    gather_gradients(engine, batch);
    sum_result(engine, batch, result);
    engine->packed_is_stale = true;
}

void engine_evaluate(struct engine *engine, const struct batch *batch, float *probabilities,
                     struct batch_result *result) {
    int shards = (batch->count + ENGINE_SHARD - 1) / ENGINE_SHARD;
    pack(engine);
#pragma omp parallel for schedule(dynamic) num_threads(engine->options.threads)
    for (int shard = 0; shard < shards; shard++) {
        struct journey journey = journey_of(engine, batch, false, shard, 0);
        feed_shard(&journey);
        for (int i = 0; i < engine->plan.layer_count; i++) forward_layer(&journey, i);
        measure_loss(&journey, probabilities);
    }
    if (result) sum_result(engine, batch, result);
}

void engine_parallel(const struct engine *engine, int parts, void (*work)(void *context, int part), void *context) {
#pragma omp parallel for schedule(static) num_threads(engine->options.threads)
    for (int part = 0; part < parts; part++) work(context, part);
}

static bool all_finite(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

const struct layer *engine_first_not_finite(const struct engine *engine) {
    for (int i = 0; i < engine->plan.layer_count; i++) {
        const struct engine_tensor *tensor = &engine->plan.tensors[engine->plan.tensors[i + 1].root];
        size_t count = tensor->size * (tensor->values_by_batch ? (size_t)engine->options.batch_size : ENGINE_SHARD);
        int copies = tensor->values_by_batch ? 1 : engine->plan.slots;
        for (int slot = 0; slot < copies; slot++) {
            const char *base = tensor->values_by_batch ? engine->batch_memory
                                                       : engine->slot_memory + (size_t)slot * engine->plan.slot_bytes;
            if (!all_finite((const float *)(const void *)(base + tensor->offset), count))
                return &engine->model->layers[i];
        }
    }
    return NULL;
}
