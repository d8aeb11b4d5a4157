#include "core/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

/* scripts/coverage sets 1: then every piece is a call of its own, which can fail. */
#ifndef ARENA_CHUNK_SIZE
#define ARENA_CHUNK_SIZE 8192
#endif
enum { CHUNK_SIZE = ARENA_CHUNK_SIZE };

bool size_multiply(size_t a, size_t b, size_t *product) {
    return !__builtin_mul_overflow(a, b, product);
}

bool size_add(size_t a, size_t b, size_t *sum) {
    return !__builtin_add_overflow(a, b, sum);
}

size_t size_align(size_t bytes) {
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

/* The system would promise more, and end the program when it is used. */
static size_t physical_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
}

void *memory_allocate(size_t count, size_t size, const char *what, struct error *error) {
    size_t bytes = 0;
    if (!size_multiply(count, size, &bytes) || bytes > PTRDIFF_MAX - MEMORY_SLACK - MEMORY_ALIGNMENT) {
        error_set(error, ERROR_RUN, NULL, "%s would need more memory than there are addresses", what);
        return NULL;
    }
    if (bytes > physical_memory()) {
        error_set(error, ERROR_RUN, NULL, "not enough memory for %s (%zu bytes)", what, bytes);
        return NULL;
    }
    void *memory = NULL;
    if (posix_memalign(&memory, MEMORY_ALIGNMENT, size_align(bytes + MEMORY_SLACK)) != 0) {
        error_set(error, ERROR_RUN, NULL, "not enough memory for %s (%zu bytes)", what, bytes);
        return NULL;
    }
    return memset(memory, 0, size_align(bytes + MEMORY_SLACK));
}

static struct arena_chunk *chunk_with_room(struct arena *arena, size_t size) {
    struct arena_chunk *chunk = arena->chunks;
    if (chunk && chunk->size - chunk->used >= size) return chunk;
    size_t wanted = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    chunk = calloc(1, sizeof *chunk + wanted);
    if (!chunk) return NULL;
    chunk->size = wanted;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_allocate(struct arena *arena, size_t size, struct error *error) {
    size_t alignment = _Alignof(max_align_t);
    if (size > PTRDIFF_MAX / 2) {
        error_set(error, ERROR_RUN, NULL, "not enough memory (%zu bytes)", size);
        return NULL;
    }
    size = (size + alignment - 1) / alignment * alignment;
    struct arena_chunk *chunk = chunk_with_room(arena, size);
    if (!chunk) {
        error_set(error, ERROR_RUN, NULL, "not enough memory (%zu bytes)", size);
        return NULL;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

char *arena_string(struct arena *arena, const char *string, struct error *error) {
    size_t size = strlen(string) + 1;
    char *copy = arena_allocate(arena, size, error);
    return copy ? memcpy(copy, string, size) : NULL;
}

void arena_free(struct arena *arena) {
    while (arena->chunks) {
        struct arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}
