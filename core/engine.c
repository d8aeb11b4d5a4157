#include "core/engine.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine_shard.h"
#include "core/memory.h"

struct engine {
    struct workspace work;
    struct engine_options options;
    bool packed_is_stale;
    float *gradients; /* (trainable_floats) */
    size_t memory;    /* bytes taken */
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
    struct workspace *work = &engine->work;
    const struct engine_plan *plan = &work->plan;
    bool training = engine->options.training;
    size_t threads = (size_t)engine->options.threads, shards = training ? (size_t)plan->shards_max : 0;
    size_t measured = ENGINE_EVALUATION_BATCH / ENGINE_SHARD;
    if (measured < (size_t)plan->shards_max) measured = (size_t)plan->shards_max;
    const struct {
        void *where;
        size_t count, size;
        const char *what;
    } blocks[] = {
        {&work->slots, (size_t)plan->slots, plan->slot_bytes, "activations"},
        {&work->turns, (size_t)plan->turns, plan->turn_bytes, "activations"},
        {&work->scratch, threads, plan->scratch_bytes, "work space"},
        {&work->batch, 1, plan->batch_bytes, "activations"},
        {&work->common, 1, plan->common_bytes, "work space"},
        {&work->packed, plan->packed_floats, sizeof(float), "packed weights"},
        {&work->shared, plan->shared_floats, sizeof(float), "batch statistics"},
        {&work->lanes, training ? (size_t)plan->lanes : 0, plan->lane_floats * sizeof(float), "gradients"},
        {&work->partials, shards, plan->partial_floats * sizeof(float), "batch statistics"},
        {&work->loss, measured, sizeof(double), "losses"},
        {&work->activity, measured, sizeof(double), "losses"},
        {&work->correct, measured, sizeof(int64_t), "losses"},
        {&work->labels, threads * ENGINE_SHARD, sizeof(int32_t), "labels"},
        {&engine->gradients, training ? work->model->trainable_floats : 0, sizeof(float), "gradients"},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (take(engine, blocks[i].where, blocks[i].count, blocks[i].size, blocks[i].what, error) != 0) return -1;
    return 0;
}

static int open_engine(struct engine *engine, struct error *error) {
    const struct engine_options *options = &engine->options;
    struct engine_plan_request request = {.model = engine->work.model,
                                          .shard_images = ENGINE_SHARD,
                                          .lanes_max = ENGINE_LANES,
                                          .threads = options->threads,
                                          .batch_size = options->batch_size,
                                          .training = options->training,
                                          .keep_outputs = options->keep_outputs,
                                          .feed_scratch_bytes = options->feed_scratch_bytes};
    return engine_plan_make(&engine->work.plan, &request, error) == 0 ? take_all(engine, error) : -1;
}

int engine_open(struct engine **engine, struct model *model, const struct kernels *kernels,
                const struct engine_options *options, struct error *error) {
    struct engine *new = calloc(1, sizeof *new);
    if (!new) return error_set(error, ERROR_RUN, NULL, "not enough memory for the engine");
    *new = (struct engine){.work = {.model = model,
                                    .kernels = kernels,
                                    .label_smoothing = options->label_smoothing,
                                    .seed = options->seed,
                                    .profile = options->profile},
                           .options = *options,
                           .packed_is_stale = true};
    if (open_engine(new, error) == 0) {
        *engine = new;
        return 0;
    }
    engine_close(new);
    return -1;
}

void engine_close(struct engine *engine) {
    if (!engine) return;
    struct workspace *work = &engine->work;
    void *const owned[] = {work->slots,    work->turns,   work->scratch, work->batch,      work->common,
                           work->packed,   work->shared,  work->lanes,   work->partials,   work->loss,
                           work->activity, work->correct, work->labels,  engine->gradients};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) free(owned[i]);
    engine_plan_free(&work->plan);
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

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int shards_of(const struct batch *batch) {
    return (batch->count + ENGINE_SHARD - 1) / ENGINE_SHARD;
}

/* Entries of trainable parameters point into the gradient block, the others stay NULL. */
static void point_to_gradients(const struct engine *engine, const struct layer *layer, struct pass_pointers *pointers) {
    for (int k = 0; k < layer->parameter_count; k++)
        if (layer->parameters[k].trainable) pointers->gradients[k] = engine->gradients + layer->parameters[k].offset;
}

/* Turns the shards' partials into what they share. Gradients of whole-batch layers go straight to the result. */
static void combine(struct engine *engine, const struct batch *batch, int index, bool backward) {
    const struct workspace *work = &engine->work;
    const struct layer *layer = &work->model->layers[index];
    struct pass_pointers pointers;
    pass_pointers_fill(work, index, NULL, &pointers);
    point_to_gradients(engine, layer, &pointers);
    struct pass pass = {.kernels = work->kernels,
                        .images = batch->count,
                        .training = true,
                        .parameters = pointers.parameters,
                        .gradients = pointers.gradients,
                        .shared = work->shared + work->plan.layers[index].shared_offset,
                        .batch = batch->count};
    const struct layer_kind *kind = layer->kind;
    (backward ? kind->backward_combine : kind->forward_combine)(layer, &pass, work->partials, shards_of(batch));
}

/* ---- threads ---- */

/* Some of a batch: all of it, or those that go from meeting to meeting together. */
struct shards {
    int from, to;
};

/* What the parts of a loop are done for. */
struct job {
    const struct engine *engine;
    const struct batch *batch;
    struct shards shards;
    int forward, backward; /* phases, or NO_PHASE */
    float *probabilities;  /* or NULL */
};

/* Calls work(job, part) for part = 0 .. parts-1, each on the thread that is free first. One thread needs no team: the
 * runtime would make one anew each time, and end the program where it finds no memory for it. */
static void share(const struct job *job, int parts, void (*work)(const struct job *job, int part)) {
    if (job->engine->options.threads == 1) {
        for (int part = 0; part < parts; part++) work(job, part);
        return;
    }
#pragma omp parallel for schedule(dynamic) num_threads(job->engine->options.threads)
    for (int part = 0; part < parts; part++) work(job, part);
}

void engine_parallel(const struct engine *engine, int parts, void (*work)(void *context, int part), void *context) {
    if (engine->options.threads == 1) {
        for (int part = 0; part < parts; part++) work(context, part);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(engine->options.threads)
    for (int part = 0; part < parts; part++) work(context, part);
}

static void nothing(void *context, int part) {
    (void)context;
    (void)part;
}

void engine_start_threads(int threads) {
    const struct engine engine = {.options = {.threads = threads}};
    engine_parallel(&engine, threads, nothing, NULL);
}

/* ---- steps ---- */

enum { PACK_PARTS = 8 };

static void pack_part(const struct engine *engine, int index, int part) {
    const struct workspace *work = &engine->work;
    const struct layer *layer = &work->model->layers[index];
    if (!layer->kind->pack) return;
    struct pass_pointers pointers;
    pass_pointers_fill(work, index, NULL, &pointers);
    struct pass pass = {.kernels = work->kernels,
                        .training = engine->options.training,
                        .parameters = pointers.parameters,
                        .gradients = pointers.gradients};
    layer->kind->pack(layer, &pass, work->packed + work->plan.layers[index].packed_offset, part, PACK_PARTS);
}

static void pack_job(const struct job *job, int i) {
    pack_part(job->engine, i / PACK_PARTS, i % PACK_PARTS);
}

static void pack(struct engine *engine) {
    if (!engine->packed_is_stale) return;
    const struct job job = {.engine = engine};
    share(&job, engine->work.plan.layer_count * PACK_PARTS, pack_job);
    engine->packed_is_stale = false;
}

enum { NO_PHASE = -1 };

/* A lane takes its shards in order; which thread runs it changes nothing. Shards that go together begin with lane 0. */
static void run_lane(const struct job *job, int lane) {
    const struct workspace *work = &job->engine->work;
    for (int shard = job->shards.from + lane; shard < job->shards.to; shard += work->plan.lanes) {
        struct journey journey = journey_of(work, job->batch, true, shard, lane, omp_get_thread_num());
        if (job->forward != NO_PHASE) journey_forward(&journey, job->forward, NULL);
        if (job->backward != NO_PHASE) journey_backward(&journey, job->backward);
    }
}

static void run_lanes(const struct engine *engine, const struct batch *batch, struct shards shards, int forward,
                      int backward) {
    const struct job job = {
        .engine = engine, .batch = batch, .shards = shards, .forward = forward, .backward = backward};
    share(&job, engine->work.plan.lanes, run_lane);
}

/* ---- layers by batch ---- */

/* A layer's pass over some images of a batch, of which it gets a part done. */
struct crowd {
    struct job job;
    bool training, backward;
    int index, parts, round;
};

static void crowd_part(const struct job *job, int part) {
    const struct crowd *crowd = (const struct crowd *)(const void *)job;
    const struct workspace *work = &job->engine->work;
    const struct layer *layer = &work->model->layers[crowd->index];
    const int thread = omp_get_thread_num(), last = job->shards.to * ENGINE_SHARD;
    struct journey journey = journey_of(work, job->batch, crowd->training, job->shards.from, 0, thread);
    journey.images = smaller(last, job->batch->count) - journey.first;
    struct pass_pointers pointers;
    struct pass pass = pass_of(&journey, crowd->index, &pointers);
    const double start = engine_profile_start(work->profile);
    if (crowd->backward)
        layer->kind->batch_backward(layer, &pass, crowd->round, part, crowd->parts);
    else
        layer->kind->batch_forward(layer, &pass, crowd->round, part, crowd->parts);
    engine_profile_add(work->profile, thread, crowd->backward ? ENGINE_BACKWARD : ENGINE_FORWARD, crowd->index, start);
}

/* Large parts read their inputs less often; several for a thread keep all of them busy to the end. The bits do not
 * depend on it. */
static int crowd_parts(const struct engine *engine) {
    return smaller(4 * engine->options.threads, ENGINE_LANES);
}

/* As many images at once as the layer wants, which pass->common has room for. */
static void run_by_batch(const struct engine *engine, const struct batch *batch, struct shards shards, int index,
                         bool training, bool backward) {
    struct crowd crowd = {{.engine = engine, .batch = batch}, training, backward, index, crowd_parts(engine), 0};
    const int together = engine->work.model->layers[index].batch_images / ENGINE_SHARD;
    for (int from = shards.from; from < shards.to; from += together) {
        crowd.job.shards = (struct shards){from, smaller(from + together, shards.to)};
        for (crowd.round = 0; crowd.round < LAYER_ROUNDS; crowd.round++) share(&crowd.job, crowd.parts, crowd_part);
    }
}

/* ---- gradients of many images ---- */

/* Part of the weight gradient of a layer that computes it once for all these shards. */
static void batch_gradient_part(const struct job *job, int index, int part, int parts) {
    const struct engine *engine = job->engine;
    const struct workspace *work = &engine->work;
    const struct layer *layer = &work->model->layers[index];
    const int first = job->shards.from * ENGINE_SHARD, last = job->shards.to * ENGINE_SHARD;
    struct journey journey = {.work = work,
                              .batch = job->batch,
                              .training = true,
                              .first = first,
                              .images = smaller(last, job->batch->count) - first,
                              .thread = omp_get_thread_num(),
                              .slot = work->slots,
                              .turn = work->turns};
    struct pass_pointers pointers;
    struct pass pass = pass_of(&journey, index, &pointers);
    pass.further = first > 0;
    point_to_gradients(engine, layer, &pointers);
    double start = engine_profile_start(work->profile);
    layer->kind->batch_gradient(layer, &pass, part, parts);
    engine_profile_add(work->profile, omp_get_thread_num(), ENGINE_BACKWARD, index, start);
}

/* A stretch of the gradient block. */
struct stretch {
    size_t from, to;
};

/* gradient = sum of the lanes, in their order, where the parameter lies in the stretch. */
static void sum_lanes(const struct engine *engine, const struct parameter *parameter, ptrdiff_t lane_offset, int lanes,
                      const struct stretch *stretch) {
    const struct workspace *work = &engine->work;
    size_t end = parameter->offset + parameter->size;
    size_t from = stretch->from > parameter->offset ? stretch->from : parameter->offset;
    size_t to = stretch->to < end ? stretch->to : end;
    if (from >= to) return;
    float *gradient = engine->gradients + from;
    const float *sums = work->lanes + lane_offset + (from - parameter->offset);
    memcpy(gradient, sums, (to - from) * sizeof *gradient);
    for (int lane = 1; lane < lanes; lane++)
        work->kernels->add(to - from, sums + (size_t)lane * work->plan.lane_floats, gradient);
}

static void sum_lanes_part(const struct engine *engine, const struct batch *batch, int part, int parts) {
    const struct workspace *work = &engine->work;
    int shards = shards_of(batch), lanes = shards < work->plan.lanes ? shards : work->plan.lanes;
    size_t line = MEMORY_ALIGNMENT / sizeof(float), lines = work->model->trainable_floats / line;
    struct stretch stretch = {lines * (size_t)part / (size_t)parts * line,
                              lines * (size_t)(part + 1) / (size_t)parts * line};
    for (int i = 0; i < work->plan.layer_count; i++) {
        const struct layer *layer = &work->model->layers[i];
        const ptrdiff_t *offsets = work->plan.layers[i].lane_offset;
        for (int k = 0; k < layer->parameter_count; k++)
            if (offsets[k] != ENGINE_NOT_IN_LANE) sum_lanes(engine, &layer->parameters[k], offsets[k], lanes, &stretch);
    }
}

/* A part for each thread: the fewer they are, the less is computed twice. The bits do not depend on it. */
static int finish_parts(const struct engine *engine) {
    return smaller(engine->options.threads, ENGINE_LANES);
}

/* What is left to do when these shards are through: the layers' batch gradients and, behind the last shards, the sums
 * over lanes, in parts that do not touch each other, so that one loop takes them all. */
static void finish_part(const struct job *job, int i) {
    const struct engine_plan *plan = &job->engine->work.plan;
    const int parts = finish_parts(job->engine), index = i / parts, part = i % parts;
    if (index == plan->layer_count)
        sum_lanes_part(job->engine, job->batch, part, parts);
    else if (plan->layers[index].gradient_on_batch && index >= plan->first_trainable)
        batch_gradient_part(job, index, part, parts);
}

static void finish_gradients(const struct engine *engine, const struct batch *batch, struct shards shards) {
    const struct job job = {.engine = engine, .batch = batch, .shards = shards};
    const int lanes = shards.to == shards_of(batch) ? 1 : 0;
    share(&job, (engine->work.plan.layer_count + lanes) * finish_parts(engine), finish_part);
}

static void sum_result(const struct engine *engine, const struct batch *batch, struct batch_result *result) {
    *result = (struct batch_result){0};
    for (int shard = 0; shard < shards_of(batch); shard++) {
        result->loss += engine->work.loss[shard];
        result->correct += engine->work.correct[shard];
    }
}

/* Whole-batch layers add to their gradients; all others are written, by batch_gradient or as sums of the lanes. */
static void clear_gradients(const struct engine *engine) {
    const struct engine_plan *plan = &engine->work.plan;
    for (int i = 0; i < plan->layer_count; i++) {
        const struct layer *layer = &engine->work.model->layers[i];
        for (int k = 0; plan->layers[i].whole_batch && k < layer->parameter_count; k++) {
            const struct parameter *parameter = &layer->parameters[k];
            if (!parameter->trainable) continue;
            memset(engine->gradients + parameter->offset, 0, parameter->size * sizeof *engine->gradients);
        }
    }
}

static void meet(struct engine *engine, const struct batch *batch, struct shards shards, int index, bool backward) {
    if (engine->work.plan.layers[index].by_batch)
        run_by_batch(engine, batch, shards, index, true, backward);
    else
        combine(engine, batch, index, backward);
}

/* Whether anything below wants the gradient that this layer's backward pass puts out, or the pass itself. */
static bool goes_back(const struct engine_plan *plan, int index) {
    return plan->layers[index].by_batch ? index > plan->first_trainable : index >= plan->first_trainable;
}

static void train_shards(struct engine *engine, const struct batch *batch, struct shards shards) {
    const struct engine_plan *plan = &engine->work.plan;
    const struct engine_meetings *meetings = &plan->training;
    for (int phase = 0; phase < meetings->count; phase++) {
        run_lanes(engine, batch, shards, phase, NO_PHASE);
        meet(engine, batch, shards, meetings->layers[phase], false);
    }
    run_lanes(engine, batch, shards, meetings->count, meetings->count);
    for (int phase = meetings->count - 1; phase >= 0 && goes_back(plan, meetings->layers[phase]); phase--) {
        meet(engine, batch, shards, meetings->layers[phase], true);
        run_lanes(engine, batch, shards, NO_PHASE, phase);
    }
}

void engine_train_step(struct engine *engine, const struct batch *batch, struct batch_result *result) {
    const int count = shards_of(batch), together = engine_plan_together(&engine->work.plan, true, count);
    engine->packed_is_stale = true;
    pack(engine);
    clear_gradients(engine);
    for (int from = 0; from < count; from += together) {
        const struct shards shards = {from, smaller(from + together, count)};
        train_shards(engine, batch, shards);
        finish_gradients(engine, batch, shards);
    }
    sum_result(engine, batch, result);
    engine->packed_is_stale = true;
}

static void evaluate_shard(const struct job *job, int i) {
    const int shard = job->shards.from + i;
    struct journey journey = journey_of(&job->engine->work, job->batch, false, shard, 0, omp_get_thread_num());
    journey_forward(&journey, job->forward, job->probabilities);
}

static void evaluate_shards(const struct job *some) {
    const struct engine_meetings *meetings = &some->engine->work.plan.evaluation;
    struct job job = *some;
    for (job.forward = 0; job.forward <= meetings->count; job.forward++) {
        share(&job, job.shards.to - job.shards.from, evaluate_shard);
        if (job.forward == meetings->count) return;
        run_by_batch(job.engine, job.batch, job.shards, meetings->layers[job.forward], false, false);
    }
}

void engine_evaluate(struct engine *engine, const struct batch *batch, float *probabilities,
                     struct batch_result *result) {
    const int count = shards_of(batch), together = engine_plan_together(&engine->work.plan, false, count);
    struct job job = {.engine = engine, .batch = batch, .probabilities = probabilities};
    pack(engine);
    for (int from = 0; from < count; from += together) {
        job.shards = (struct shards){from, smaller(from + together, count)};
        evaluate_shards(&job);
    }
    if (result) sum_result(engine, batch, result);
}

const struct layer *engine_first_not_finite(const struct engine *engine, const struct batch *batch, bool training) {
    const struct workspace *work = &engine->work;
    int first = work->plan.layer_count;
    for (int shard = 0; shard < shards_of(batch); shard++) {
        const struct journey journey = journey_of(work, batch, training, shard, 0, 0);
        const int here = journey_first_not_finite(&journey);
        if (here < first) first = here;
    }
    return first < work->plan.layer_count ? &work->model->layers[first] : NULL;
}
