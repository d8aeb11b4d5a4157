/* What libhdf5 calls in place of the C library's allocations and of zlib's functions that allocate: the build renames
 * the calls within libhdf5.a. Without memory libhdf5 crashes, or says what it says of a damaged file; these end its
 * process (isolate_starves) where it may have the memory that there is not. What the file makes it ask for beyond its
 * bounds fails as ever. */
#ifndef CNNTRAIN_CORE_INTEROP_HDF5_MEMORY_H
#define CNNTRAIN_CORE_INTEROP_HDF5_MEMORY_H

#include <stddef.h>

#include <zlib.h>

void *hdf5_malloc(size_t size);
void *hdf5_calloc(size_t count, size_t size);
void *hdf5_realloc(void *memory, size_t size);
char *hdf5_strdup(const char *text);
int hdf5_inflateInit_(z_stream *stream, const char *version, int size);
int hdf5_inflate(z_stream *stream, int flush);

#endif
