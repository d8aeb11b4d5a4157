/* How fast a model is on this machine: real training or inference steps on images that are in memory already. */
#ifndef CNNTRAIN_CORE_BENCH_H
#define CNNTRAIN_CORE_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/kernels/kernels.h"
#include "core/model.h"

enum { BENCH_STEPS_MAX = 1 << 16 };

struct bench_request {
    const struct config *config; /* its training section says what a step is */
    struct model *model;         /* its weights stay as they are: every step has a learning rate of 0 */
    const struct kernels *kernels;
    int threads, batch_size;
    bool training;  /* else inference */
    bool by_layer;  /* more steps, with clocks around the layers */
    int steps;      /* that many timed steps after one to warm up, at most BENCH_STEPS_MAX; 0: as time allows */
    double seconds; /* of timed steps; the layers take as long again */
};

/* Of one step. A multiply-add is two operations; backward counts the gradients of weights and of inputs, the latter not
 * for the first layer that has weights. */
struct bench_layer {
    double forward_ms, backward_ms, operations;
};

struct bench {
    int steps;
    double step_ms, fastest_ms, lower_ms, upper_ms; /* median, least, quartiles */
    double images_per_second;                       /* by the median */
    double gflops, peak_gflops;                     /* the peak: multiply-adds in registers on all threads */
    size_t engine_bytes;                            /* work memory of the engine */
    uint64_t process_bytes;                         /* the most that the process has held; 0: not known */
    int layer_count;                                /* 0: layers were not asked for */
    struct bench_layer *layers;                     /* (layer_count); their times, divided by the threads, */
    double other_ms; /* and the rest of the step (packing, gradient sums, optimizer, waiting) add up to step_ms */
};

/* Runs it. bench_free the result; on failure nothing is held. ERROR_RUN, ERROR_NOT_FINITE. */
int bench_run(const struct bench_request *request, struct bench *bench, struct error *error);
void bench_free(struct bench *bench);

#endif
