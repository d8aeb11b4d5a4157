/* Memory with checked sizes: every count that comes from a file or a config is multiplied here. */
#ifndef CNNTRAIN_CORE_MEMORY_H
#define CNNTRAIN_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

enum {
    MEMORY_ALIGNMENT = 64, /* bytes: a cache line, and the widest vector */
    MEMORY_SLACK = 256,    /* readable bytes behind every aligned block: kernels load whole vectors */
};

/* *product = a * b; false on overflow. */
bool size_multiply(size_t a, size_t b, size_t *product);
/* *sum = a + b; false on overflow. */
bool size_add(size_t a, size_t b, size_t *sum);
/* `bytes` rounded up to MEMORY_ALIGNMENT. */
size_t size_align(size_t bytes);

/* Zeroed memory for count elements of `size` bytes, aligned to MEMORY_ALIGNMENT with MEMORY_SLACK behind it; free()
 * it. NULL and ERROR_RUN naming `what` ("the training images") when there is not enough or the size overflows. */
void *memory_allocate(size_t count, size_t size, const char *what, struct error *error);

/* An arena owns many small pieces that live and die together, such as a parsed config. */
struct arena {
    struct arena_chunk *chunks;
};

/* Zeroed memory owned by the arena, aligned for any type; NULL and ERROR_RUN when there is none left. */
void *arena_allocate(struct arena *arena, size_t size, struct error *error);
/* A copy of `string` owned by the arena. */
char *arena_string(struct arena *arena, const char *string, struct error *error);
/* Frees everything the arena owns; it may be used again. */
void arena_free(struct arena *arena);

#endif
