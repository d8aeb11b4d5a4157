/* Where a step's time goes, by layer: what an engine adds up while somebody wants to know. */
#ifndef CNNTRAIN_CORE_ENGINE_PROFILE_H
#define CNNTRAIN_CORE_ENGINE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/platform.h"

enum engine_pass { ENGINE_FORWARD, ENGINE_BACKWARD, ENGINE_PASSES };

/* Threads add to rows of their own, so that none waits for another. */
struct engine_profile {
    bool on; /* off: nothing is measured, nothing is added */
    int threads, layers;
    size_t row;      /* doubles of a thread, whole cache lines */
    double *seconds; /* (threads, row): by pass and layer */
};

/* All zero and off; close it with engine_profile_close. ERROR_RUN without memory. */
int engine_profile_open(struct engine_profile *profile, int threads, int layers, struct error *error);
void engine_profile_close(struct engine_profile *profile);
/* Seconds of all threads together that layer `layer` took in a pass. */
double engine_profile_seconds(const struct engine_profile *profile, enum engine_pass pass, int layer);

/* The time, where somebody wants to know it; `profile` may be NULL. */
static inline double engine_profile_start(const struct engine_profile *profile) {
    return profile && profile->on ? platform_seconds() : 0;
}

/* Adds the time since `start` to a layer's pass. */
static inline void engine_profile_add(struct engine_profile *profile, int thread, enum engine_pass pass, int layer,
                                      double start) {
    if (!profile || !profile->on) return;
    profile->seconds[(size_t)thread * profile->row + (size_t)((int)pass * profile->layers + layer)] +=
        platform_seconds() - start;
}

#endif
