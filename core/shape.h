/* The shape of one sample (without the batch axis), channels last: (h,w,c) or (units). */
#ifndef CNNTRAIN_CORE_SHAPE_H
#define CNNTRAIN_CORE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

enum { SHAPE_RANK_MAX = 4, SHAPE_TEXT_SIZE = 80 };

struct shape {
    int rank;
    int size[SHAPE_RANK_MAX]; /* each 1 or more */
};

/* The product of the sizes; 1 for rank 0. False where it passes the limit of 2^31 - 1 elements. */
bool shape_elements(const struct shape *shape, size_t *elements);
bool shape_equal(const struct shape *a, const struct shape *b);
/* "(30,30,32)" into buffer (SHAPE_TEXT_SIZE is enough); returns it. */
char *shape_text(const struct shape *shape, char *buffer, size_t size);

#endif
