/* Runs a model over a batch: the only file with OpenMP. A batch is cut into shards of a fixed number of images; a
 * thread takes a shard through all layers while its activations sit in its own cache. Gradients are summed in an order
 * that depends on the batch alone, so the bits are the same at any number of threads. */
#ifndef CNNTRAIN_CORE_ENGINE_H
#define CNNTRAIN_CORE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/batch.h"
#include "core/engine_profile.h"
#include "core/model.h"

struct engine; /* owns the work memory; the model's parameters stay the model's */

struct engine_options {
    int threads;       /* 1 or more */
    int batch_size;    /* the most images a batch may have */
    bool training;     /* train steps will be run; else evaluation alone */
    bool keep_outputs; /* every layer's output is computed and kept as the layer defines it: no pool takes over the ReLU
                          in front of it. Slower; the same bits forward, gradients are summed over other groups of
                          images. */
    double label_smoothing;
    uint64_t seed;
    size_t feed_scratch_bytes;      /* the largest scratch of the feeds that will be used */
    struct engine_profile *profile; /* of as many threads and of the model's layers; NULL: nobody asks */
};

/* Plans and allocates all memory at once: the calls below neither allocate nor fail. Close it with engine_close. The
 * model and the kernels must outlive it. */
int engine_open(struct engine **engine, struct model *model, const struct kernels *kernels,
                const struct engine_options *options, struct error *error);
void engine_close(struct engine *engine);

/* Lets OpenMP's runtime start so many threads, of this thread. Without memory or threads the runtime ends the program
 * with the code 1: it should do so here, where nothing has begun. */
void engine_start_threads(int threads);

/* Forward, loss (softmax cross-entropy, mean over the batch) and backward. Leaves the gradient of the mean loss,
 * without penalties, in engine_gradients. Moving statistics of whole-batch layers are updated. */
void engine_train_step(struct engine *engine, const struct batch *batch, struct batch_result *result);

/* The gradient block: the model's trainable_floats, laid out as its parameters. Valid until the next step. */
float *engine_gradients(const struct engine *engine);

/* Forward at inference. `probabilities` (count, classes) and `result` may each be NULL. Call engine_refresh after the
 * parameters have changed by anything but a train step's optimizer. */
void engine_evaluate(struct engine *engine, const struct batch *batch, float *probabilities,
                     struct batch_result *result);

/* Tells the engine that the parameters have changed: packed forms are made anew at the next call. */
void engine_refresh(struct engine *engine);

/* Calls work(context, part) for part = 0 .. parts-1 on the engine's threads. */
void engine_parallel(const struct engine *engine, int parts, void (*work)(void *context, int part), void *context);

/* Bytes that engine_open allocated. */
size_t engine_memory(const struct engine *engine);
int engine_threads(const struct engine *engine);

/* The first layer, in order, whose output is not finite when the batch of the last call, a train step or (not
 * `training`) an evaluation, goes forward once more, before the parameters have changed; NULL where all are. One
 * thread: for messages, not for control. */
const struct layer *engine_first_not_finite(const struct engine *engine, const struct batch *batch, bool training);

#endif
