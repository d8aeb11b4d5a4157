/* Safetensors files: eight bytes with the length of a JSON header (little-endian), the header, the tensors' bytes.
 * The header maps each name to {"dtype", "shape", "data_offsets": [begin, end]} and may hold a "__metadata__" object of
 * strings. The format is that of huggingface/safetensors, version 0.4. */
#ifndef CNNTRAIN_CORE_INTEROP_SAFETENSORS_H
#define CNNTRAIN_CORE_INTEROP_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/shape.h"

enum {
    SAFETENSORS_RANK_MAX = 8,
    SAFETENSORS_HEADER_MAX = 16 << 20, /* bytes of JSON; the format itself allows 100 MB */
    SAFETENSORS_SHAPE_TEXT = 176,      /* bytes for safetensors_shape_text */
};

enum safetensors_type {
    SAFETENSORS_BOOL,
    SAFETENSORS_U8,
    SAFETENSORS_I8,
    SAFETENSORS_U16,
    SAFETENSORS_I16,
    SAFETENSORS_F16,
    SAFETENSORS_BF16,
    SAFETENSORS_U32,
    SAFETENSORS_I32,
    SAFETENSORS_F32,
    SAFETENSORS_U64,
    SAFETENSORS_I64,
    SAFETENSORS_F64,
};

struct safetensors_tensor {
    const char *name;
    enum safetensors_type type;
    int rank; /* 0: one value */
    size_t shape[SAFETENSORS_RANK_MAX];
    size_t elements;
    const void *data; /* elements values, little-endian, perhaps not aligned */
};

struct safetensors_pair {
    const char *key, *value;
};

/* A file in memory; tensors and metadata in the order of its header. Everything is owned by it. */
struct safetensors {
    size_t tensor_count, metadata_count;
    struct safetensors_tensor *tensors;
    struct safetensors_pair *metadata;
    char *path;
    char *bytes;
    struct arena arena;
};

/* Reads a whole file and checks all of it: the header's length and JSON, each tensor's dtype, shape and offsets, that
 * the tensors cover the data without holes or overlaps, and the checksum where the file has one (ours do; see
 * safetensors_write). Errors are ERROR_DATA and name the file and the tensor, or ERROR_IO where the file cannot be
 * read. On failure `file` holds nothing. */
int safetensors_read(const char *path, struct safetensors *file, struct error *error);
/* The same for `length` bytes in malloc'd memory, which `file` owns from here on (freed on failure, too). `path` is
 * what errors call them. */
int safetensors_parse(const char *path, char *bytes, size_t length, struct safetensors *file, struct error *error);
void safetensors_free(struct safetensors *file);

/* The tensor of this name; NULL where there is none. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name);
/* The metadata's value for this key; NULL where there is none. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* Writes the tensor's elements as floats, each rounded to nearest, whatever its dtype. */
void safetensors_floats(const struct safetensors_tensor *tensor, float *values);
/* Writes the tensor's elements as integers; ERROR_DATA where the dtype is a floating one or a value does not fit. */
int safetensors_integers(const struct safetensors *file, const struct safetensors_tensor *tensor, int64_t *values,
                         struct error *error);

/* "F32", and the bytes of an element: 4. */
const char *safetensors_type_name(enum safetensors_type type);
size_t safetensors_type_size(enum safetensors_type type);
/* "(3,3,8,1)" into buffer (SAFETENSORS_SHAPE_TEXT is enough); returns it. */
char *safetensors_shape_text(const struct safetensors_tensor *tensor, char *buffer, size_t size);

/* A tensor to write as F32. */
struct safetensors_source {
    const char *name;
    struct shape shape;
    const float *data;
};

/* Writes the tensors in the order given, and the metadata, replacing `path` in one move (file_replace). The same input
 * gives the same bytes. Two metadata entries come first by themselves: "checksum", the XXH3-128 of every other byte of
 * the file, and "writer", which says that there must be a checksum; the caller's entries of these names are left out.
 * Names must be unique. */
int safetensors_write(const char *path, const struct safetensors_source *tensors, size_t count,
                      const struct safetensors_pair *metadata, size_t metadata_count, struct error *error);

#endif
