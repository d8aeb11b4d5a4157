#include "core/layer_run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/activation.h"
#include "core/memory.h"

enum { SHARDS = 2, PARTS = 3 };

static int take(float **memory, size_t images, size_t count, const char *what, struct error *error) {
    size_t total = 0;
    if (!size_multiply(images, count, &total)) total = SIZE_MAX;
    *memory = memory_allocate(total, sizeof **memory, what, error);
    return *memory ? 0 : -1;
}

static int take_parameters(struct layer_run *run, struct error *error) {
    for (int i = 0; i < run->layer->parameter_count; i++) {
        bool fits = shape_elements(&run->layer->parameters[i].shape, &run->sizes[i]);
        assert(fits);
        if (!fits || take(&run->parameters[i], 1, run->sizes[i], "the weights of a layer", error) != 0 ||
            take(&run->gradients[i], 1, run->sizes[i], "the gradients of a layer", error) != 0)
            return -1;
    }
    return 0;
}

static int take_work(struct layer_run *run, struct error *error) {
    const struct layer *layer = run->layer;
    if (take(&run->packed, 1, layer->packed_floats, "packed weights", error) != 0 ||
        take(&run->partials, SHARDS, layer->partial_floats, "partial sums", error) != 0 ||
        take(&run->shared, 1, layer->shared_floats, "shared sums", error) != 0)
        return -1;
    run->saved = memory_allocate((size_t)run->images, layer->saved_bytes, "kept values of a layer", error);
    run->scratch = memory_allocate(1, layer->scratch_bytes, "work space of a layer", error);
    if (!run->saved || !run->scratch) return -1;
    memset(run->scratch, 0xFF, layer->scratch_bytes);
    return 0;
}

int layer_run_open(struct layer_run *run, const struct layer *layer, const struct kernels *kernels, int images,
                   struct error *error) {
    *run = (struct layer_run){.layer = layer, .kernels = kernels, .images = images};
    const size_t count = (size_t)images;
    bool fits = shape_elements(&layer->input, &run->input) && shape_elements(&layer->output, &run->output);
    assert(fits && images > 0);
    if (fits && layer->second.rank) fits = shape_elements(&layer->second, &run->second);
    if (!fits || take(&run->x, count, run->input, "the input of a layer", error) != 0 ||
        take(&run->dx, count, run->input, "the input gradient of a layer", error) != 0 ||
        take(&run->seconds, count, run->second, "the second input of a layer", error) != 0 ||
        take(&run->dseconds, count, run->second, "the second input's gradient of a layer", error) != 0 ||
        take(&run->before, count, run->output, "the output of a layer", error) != 0 ||
        take(&run->y, count, run->output, "the output of a layer", error) != 0 ||
        take(&run->dy, count, run->output, "the output gradient of a layer", error) != 0 ||
        take(&run->inner_dy, count, run->output, "the output gradient of a layer", error) != 0 ||
        take_parameters(run, error) != 0 || take_work(run, error) != 0)
        return -1;
    return 0;
}

void layer_run_close(struct layer_run *run) {
    for (int i = 0; i < LAYER_PARAMETERS_MAX; i++) {
        free(run->parameters[i]);
        free(run->gradients[i]);
    }
    void *const blocks[] = {run->seconds,  run->dseconds, run->x,        run->dx,     run->before, run->y,      run->dy,
                            run->inner_dy, run->packed,   run->partials, run->shared, run->saved,  run->scratch};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
    *run = (struct layer_run){0};
}

/* The images [first, end) as one call's data. */
static struct pass pass_of(const struct layer_run *run, int first, int end, bool training) {
    const size_t input = (size_t)first * run->input, output = (size_t)first * run->output;
    return (struct pass){
        .kernels = run->kernels,
        .images = end - first,
        .training = training,
        .x = run->x + input,
        .second = run->second ? run->seconds + (size_t)first * run->second : NULL,
        .y = run->before + output,
        .dy = run->inner_dy + output,
        .dx = run->dx + input,
        .dsecond = run->second ? run->dseconds + (size_t)first * run->second : NULL,
        .parameters = run->parameters,
        .gradients = run->gradients,
        .packed = run->packed,
        .saved = training ? (char *)run->saved + (size_t)first * run->layer->saved_bytes : NULL,
        .scratch = run->scratch,
        .shared = run->shared,
        .seed = run->seed,
        .first = first,
        .batch = run->images,
    };
}

static int shard_count(const struct layer_run *run) {
    return run->images < SHARDS ? run->images : SHARDS;
}

static struct pass shard_pass(const struct layer_run *run, int shard, bool training) {
    const int half = (run->images + 1) / 2;
    return shard == 0 ? pass_of(run, 0, half, training) : pass_of(run, half, run->images, training);
}

/* Partial sums of every shard, then their combination; one of the two directions of a whole-batch layer. */
static void meet(struct layer_run *run, void (*partial)(const struct layer *, const struct pass *, float *),
                 void (*combine)(const struct layer *, const struct pass *, const float *, int)) {
    const int shards = shard_count(run);
    for (int shard = 0; shard < shards; shard++) {
        const struct pass pass = shard_pass(run, shard, true);
        partial(run->layer, &pass, run->partials + (size_t)shard * run->layer->partial_floats);
    }
    const struct pass whole = pass_of(run, 0, run->images, true);
    combine(run->layer, &whole, run->partials, shards);
}

static const struct activation_kind *activation_of(const struct layer *layer) {
    return (const struct activation_kind *)(const void *)layer->activation.kind;
}

static void apply_activation(const struct layer_run *run) {
    const struct activation_kind *kind = activation_of(run->layer);
    if (!kind) return;
    const size_t columns = (size_t)run->layer->output.size[run->layer->output.rank - 1];
    kind->forward(run->kernels, run->layer->activation.config, (size_t)run->images * run->output / columns, columns,
                  run->y);
}

static void pack(const struct layer_run *run, bool training) {
    const struct pass whole = pass_of(run, 0, run->images, training);
    for (int part = 0; part < PARTS && run->layer->kind->pack; part++)
        run->layer->kind->pack(run->layer, &whole, run->packed, part, PARTS);
}

void layer_run_forward(struct layer_run *run, bool training) {
    const struct layer_kind *kind = run->layer->kind;
    const size_t bytes = (size_t)run->images * run->output * sizeof *run->y;
    if (kind->is_view) {
        memcpy(run->before, run->x, bytes);
    } else {
        memset(run->before, 0xFF, bytes);
        pack(run, training);
        if (layer_meets(run->layer) && training) meet(run, kind->forward_partial, kind->forward_combine);
        for (int shard = 0; shard < shard_count(run); shard++) {
            const struct pass pass = shard_pass(run, shard, training);
            kind->forward(run->layer, &pass);
        }
    }
    memcpy(run->y, run->before, bytes);
    apply_activation(run);
}

/* inner_dy from dy */
static void undo_activation(const struct layer_run *run) {
    const struct activation_kind *kind = activation_of(run->layer);
    memcpy(run->inner_dy, run->dy, (size_t)run->images * run->output * sizeof *run->dy);
    if (!kind) return;
    const size_t columns = (size_t)run->layer->output.size[run->layer->output.rank - 1];
    kind->backward(run->kernels, run->layer->activation.config, (size_t)run->images * run->output / columns, columns,
                   kind->keeps_input ? run->before : run->y, run->inner_dy);
}

/* Some in parts, and what is added to them as a whole. */
static void gradient_of_shard(const struct layer_run *run, int shard) {
    struct pass pass = shard_pass(run, shard, true);
    const int parts = shard == 0 ? PARTS : 1;
    pass.further = shard > 0;
    for (int part = 0; part < parts; part++) run->layer->kind->batch_gradient(run->layer, &pass, part, parts);
}

static void backward_shards(struct layer_run *run) {
    const struct layer_kind *kind = run->layer->kind;
    float *const none[LAYER_PARAMETERS_MAX] = {0};
    for (int shard = 0; shard < shard_count(run); shard++) {
        struct pass pass = shard_pass(run, shard, true);
        if (run->layer->gradient_by_batch) pass.gradients = none;
        kind->backward(run->layer, &pass);
    }
    for (int shard = 0; shard < shard_count(run) && run->layer->gradient_by_batch; shard++)
        gradient_of_shard(run, shard);
}

void layer_run_backward(struct layer_run *run) {
    const struct layer_kind *kind = run->layer->kind;
    const size_t bytes = (size_t)run->images * run->input * sizeof *run->dx;
    for (int i = 0; i < run->layer->parameter_count; i++) memset(run->gradients[i], 0, run->sizes[i] * sizeof(float));
    undo_activation(run);
    if (kind->is_view) {
        memcpy(run->dx, run->inner_dy, bytes);
        return;
    }
    memset(run->dx, 0xFF, bytes);
    memset(run->dseconds, 0xFF, (size_t)run->images * run->second * sizeof *run->dseconds);
    if (layer_meets(run->layer)) meet(run, kind->backward_partial, kind->backward_combine);
    backward_shards(run);
}
