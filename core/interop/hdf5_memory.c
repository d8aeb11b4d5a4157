#include "core/interop/hdf5_memory.h"

#include <stdlib.h>
#include <string.h>

#include "core/isolate.h"
#include "core/memory.h"

void *hdf5_malloc(size_t size) {
    void *memory = malloc(size);
    if (!memory && size) isolate_starves(size);
    return memory;
}

void *hdf5_calloc(size_t count, size_t size) {
    void *memory = calloc(count, size);
    size_t bytes = 0;
    if (!memory && size_multiply(count, size, &bytes) && bytes) isolate_starves(bytes);
    return memory;
}

void *hdf5_realloc(void *memory, size_t size) {
    void *moved = realloc(memory, size);
    if (!moved && size) isolate_starves(size);
    return moved;
}

char *hdf5_strdup(const char *text) {
    char *copy = strdup(text);
    if (!copy) isolate_starves(strlen(text) + 1);
    return copy;
}

/* zlib's windows and tables are small, whatever the file says. */
int hdf5_inflateInit_(z_stream *stream, const char *version, int size) {
    const int status = inflateInit_(stream, version, size);
    if (status == Z_MEM_ERROR) isolate_starves(0);
    return status;
}

int hdf5_inflate(z_stream *stream, int flush) {
    const int status = inflate(stream, flush);
    if (status == Z_MEM_ERROR) isolate_starves(0);
    return status;
}
