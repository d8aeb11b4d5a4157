/* MATLAB level 5 files of numeric arrays. The structure is checked before anything is used: every element lies within
 * the file, every compressed one inflates to exactly what it promises (with its checksum), and holds one numeric array
 * whose sizes agree. Source: MathWorks, "MAT-File Format", level 5. */
#ifndef CNNTRAIN_DATA_MAT_H
#define CNNTRAIN_DATA_MAT_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/progress.h"

enum { MAT_NAME_SIZE = 64, MAT_RANK_MAX = 8, MAT_ARRAYS_MAX = 16 };

/* Types of stored numbers, as the file numbers them. */
enum mat_type {
    MAT_INT8_TYPE = 1,
    MAT_UINT8_TYPE = 2,
    MAT_INT16_TYPE = 3,
    MAT_UINT16_TYPE = 4,
    MAT_INT32_TYPE = 5,
    MAT_UINT32_TYPE = 6,
    MAT_SINGLE_TYPE = 7,
    MAT_DOUBLE_TYPE = 9,
    MAT_INT64_TYPE = 12,
    MAT_UINT64_TYPE = 13
};

/* Array classes that are numbers, as the file numbers them. */
enum mat_class {
    MAT_DOUBLE = 6,
    MAT_SINGLE,
    MAT_INT8,
    MAT_UINT8,
    MAT_INT16,
    MAT_UINT16,
    MAT_INT32,
    MAT_UINT32,
    MAT_INT64,
    MAT_UINT64
};

struct mat_array {
    char name[MAT_NAME_SIZE];
    enum mat_class class;
    int rank;
    uint32_t size[MAT_RANK_MAX];
    uint64_t elements;  /* the product of the sizes */
    enum mat_type type; /* of the stored numbers, which may be narrower than the class */
    uint64_t bytes;     /* of all of them */
    size_t at;          /* where the element begins in the file */
    uint64_t values_at; /* where its numbers begin in the element, as it is after decompression */
};

struct mat_arrays {
    int count;
    struct mat_array items[MAT_ARRAYS_MAX];
};

/* Fills `arrays` with what the file holds. ERROR_DATA for a file that is no such file, is truncated, damaged or holds
 * anything but real numeric arrays; ERROR_IO where it cannot be read. `progress` (or NULL) hears of bytes that were
 * compressed, here and below. */
int mat_check(const char *path, const struct progress *progress, struct mat_arrays *arrays, struct error *error);

/* Reads the array's numbers as they are stored, little-endian, column by column: `values` has room for array->bytes. */
int mat_read(const char *path, const struct mat_array *array, const struct progress *progress, void *values,
             struct error *error);
/* The number at index i of such values. */
double mat_value(const void *values, enum mat_type type, size_t i);

/* The array called `name`; NULL where there is none. */
const struct mat_array *mat_find(const struct mat_arrays *arrays, const char *name);

#endif
