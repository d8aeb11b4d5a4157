/* How fast a layer's passes are, for the benchmarks of layers. */
#ifndef CNNTRAIN_TESTS_SUPPORT_LAYER_SPEED_H
#define CNNTRAIN_TESTS_SUPPORT_LAYER_SPEED_H

#include "core/layer.h"

enum { PASS_FORWARD, PASS_DATA, PASS_WEIGHTS, PASSES };

struct layer_speed {
    double gflops[PASSES]; /* by the multiplications of the definition, whatever the algorithm */
    double pack;           /* seconds, the first time */
};

/* One thread, `images` images a call, everything in the caches; the fastest of `trials` trials, each of at least so
 * many `multiplications`. json and input as layer_case_open takes them. */
struct layer_speed layer_speed_of(const struct kernels *kernels, const char *json, struct shape input, int images,
                                  int trials, double multiplications);

#endif
