/* Counter-based random numbers: the value at (key, counter) never depends on what was drawn before, so any point of a
 * run can be resumed or replayed, and threads need no shared state. */
#ifndef CNNTRAIN_CORE_RNG_H
#define CNNTRAIN_CORE_RNG_H

#include <stdint.h>

/* What the numbers are for; part of the key, so that two uses never share a stream. */
enum rng_purpose {
    RNG_INITIALIZE = 1,
    RNG_SHUFFLE,
    RNG_AUGMENT,
    RNG_DROPOUT,
    RNG_SYNTHESIZE,
    RNG_CHECK, /* tests and gradient checks */
};

struct rng {
    uint64_t key;
    uint64_t counter;
};

/* A stream for a purpose and three further coordinates, such as epoch, step and sample. */
struct rng rng_stream(uint64_t seed, enum rng_purpose purpose, uint64_t a, uint64_t b, uint64_t c);
/* 64 random bits: SplitMix64's finalizer over key and counter (Steele, Lea, Flood 2014). */
uint64_t rng_next(struct rng *rng);
/* Uniform in [0,1) with 24 random bits, exact in float. */
float rng_uniform(struct rng *rng);
/* Uniform integer in [0, bound), bound 1 or more, without modulo bias (Lemire 2019, multiply and reject). */
uint32_t rng_below(struct rng *rng, uint32_t bound);
/* Standard normal by Box and Muller 1958. */
float rng_normal(struct rng *rng);

#endif
