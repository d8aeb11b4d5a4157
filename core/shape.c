#include "core/shape.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

bool shape_elements(const struct shape *shape, size_t *elements) {
    size_t product = 1;
    for (int i = 0; i < shape->rank; i++) {
        product *= (size_t)shape->size[i];
        if (product > INT_MAX) return false;
    }
    *elements = product;
    return true;
}

bool shape_equal(const struct shape *a, const struct shape *b) {
    return a->rank == b->rank && memcmp(a->size, b->size, (size_t)a->rank * sizeof a->size[0]) == 0;
}

char *shape_text(const struct shape *shape, char *buffer, size_t size) {
    size_t at = (size_t)snprintf(buffer, size, "(");
    for (int i = 0; i < shape->rank && at < size; i++)
        at += (size_t)snprintf(buffer + at, size - at, i ? ",%d" : "%d", shape->size[i]);
    if (at < size) snprintf(buffer + at, size - at, ")");
    return buffer;
}
