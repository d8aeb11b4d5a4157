/* The structure of a MATLAB level 5 file, checked before a library parses it: every element lies within the file, every
 * compressed one inflates to exactly what it promises (with its checksum), and holds one numeric array whose sizes
 * agree. Source: MathWorks, "MAT-File Format", level 5. */
#ifndef CNNTRAIN_DATA_MAT_H
#define CNNTRAIN_DATA_MAT_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { MAT_NAME_SIZE = 64, MAT_RANK_MAX = 8, MAT_ARRAYS_MAX = 16 };

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
    uint64_t elements; /* the product of the sizes */
};

struct mat_arrays {
    int count;
    struct mat_array items[MAT_ARRAYS_MAX];
};

/* Fills `arrays` with what the file holds. ERROR_DATA for a file that is no such file, is truncated, damaged or holds
 * anything but real numeric arrays; ERROR_IO where it cannot be read. */
int mat_check(const char *path, struct mat_arrays *arrays, struct error *error);

/* The array called `name`; NULL where there is none. */
const struct mat_array *mat_find(const struct mat_arrays *arrays, const char *name);

#endif
