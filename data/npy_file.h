/* NumPy's .npy files: versions 1.0 to 3.0, little-endian, C order. */
#ifndef CNNTRAIN_DATA_NPY_FILE_H
#define CNNTRAIN_DATA_NPY_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/error.h"

enum { NPY_RANK_MAX = 4 };

struct npy_file {
    FILE *file; /* at the first value */
    char kind;  /* 'u' unsigned, 'i' signed, 'f' floating */
    int width;  /* bytes a value */
    int rank;
    size_t size[NPY_RANK_MAX];
    size_t values; /* the product of the sizes */
};

/* Opens the file, reads its header and checks that exactly values * width bytes follow. ERROR_DATA names what is wrong
 * with it; the caller closes with npy_close. */
int npy_open(const char *path, struct npy_file *npy, struct error *error);
void npy_close(struct npy_file *npy);
/* Reads the next `count` values as they are stored. */
int npy_read(struct npy_file *npy, const char *path, void *values, size_t count, struct error *error);

#endif
