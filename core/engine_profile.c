#include "core/engine_profile.h"

#include <stdlib.h>

#include "core/memory.h"

int engine_profile_open(struct engine_profile *profile, int threads, int layers, struct error *error) {
    size_t line = MEMORY_ALIGNMENT / sizeof(double), row = ENGINE_PASSES * (size_t)layers;
    *profile = (struct engine_profile){.threads = threads, .layers = layers, .row = (row + line - 1) / line * line};
    profile->seconds = memory_allocate((size_t)threads * profile->row, sizeof(double), "the times of layers", error);
    return profile->seconds ? 0 : -1;
}

void engine_profile_close(struct engine_profile *profile) {
    free(profile->seconds);
    *profile = (struct engine_profile){0};
}

double engine_profile_seconds(const struct engine_profile *profile, enum engine_pass pass, int layer) {
    double sum = 0;
    for (int thread = 0; thread < profile->threads; thread++)
        sum += profile->seconds[(size_t)thread * profile->row + (size_t)((int)pass * profile->layers + layer)];
    return sum;
}
