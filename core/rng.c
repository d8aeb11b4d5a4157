#include "core/rng.h"

#include <math.h>

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t a, uint64_t b, uint64_t c) {
    uint64_t key = mix(seed + golden);
    key = mix(key ^ ((uint64_t)purpose + golden));
    key = mix(key + golden * (a + 1));
    key = mix(key + golden * (b + 2));
    key = mix(key + golden * (c + 3));
    return (struct rng){.key = key, .counter = 0};
}

uint64_t rng_next(struct rng *rng) {
    rng->counter++;
    return mix(rng->key + golden * rng->counter);
}

float rng_uniform(struct rng *rng) {
    return (float)(rng_next(rng) >> 40) * 0x1p-24f;
}

uint32_t rng_below(struct rng *rng, uint32_t bound) {
    uint64_t product = (rng_next(rng) >> 32) * bound;
    uint32_t floor = (uint32_t)(-bound) % bound;
    while ((uint32_t)product < floor) product = (rng_next(rng) >> 32) * bound;
    return (uint32_t)(product >> 32);
}

float rng_normal(struct rng *rng) {
    double radius = sqrt(-2.0 * log(1.0 - (double)rng_uniform(rng)));
    double angle = 6.283185307179586 * (double)rng_uniform(rng);
    return (float)(radius * cos(angle));
}
