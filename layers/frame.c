#include "layers/frame.h"

#include <string.h>

#include "layers/parts.h"

/* The floats before row `row` of the inner image within the outer one. */
static size_t offset_of(const struct shape *inner, const int sides[FRAME_SIDES], int row) {
    const size_t width = (size_t)(sides[FRAME_LEFT] + inner->size[1] + sides[FRAME_RIGHT]);
    return ((size_t)(sides[FRAME_TOP] + row) * width + (size_t)sides[FRAME_LEFT]) * (size_t)inner->size[2];
}

static size_t line_of(const struct shape *inner) {
    return (size_t)inner->size[1] * (size_t)inner->size[2];
}

void frame_cut(const struct shape *inner, const int sides[FRAME_SIDES], const float *outer, float *inside) {
    const size_t line = line_of(inner);
    for (int row = 0; row < inner->size[0]; row++)
        memcpy(inside + (size_t)row * line, outer + offset_of(inner, sides, row), line * sizeof *inside);
}

void frame_put(const struct shape *inner, const int sides[FRAME_SIDES], const float *inside, float *outer) {
    const size_t line = line_of(inner), height = (size_t)(sides[FRAME_TOP] + inner->size[0] + sides[FRAME_BOTTOM]);
    const size_t width = (size_t)(sides[FRAME_LEFT] + inner->size[1] + sides[FRAME_RIGHT]);
    memset(outer, 0, height * width * (size_t)inner->size[2] * sizeof *outer);
    for (int row = 0; row < inner->size[0]; row++)
        memcpy(outer + offset_of(inner, sides, row), inside + (size_t)row * line, line * sizeof *outer);
}
