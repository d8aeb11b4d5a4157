#include "layers/parts.h"

#include <assert.h>

enum { TILE = 16 }; /* a side of what is transposed at a time: whole cache lines on both sides */

struct parameter *layer_declare(struct layer *layer, const char *name, struct shape shape,
                                const struct component *initializer, const struct place *place, struct error *error) {
    assert(layer->parameter_count < LAYER_PARAMETERS_MAX);
    size_t elements = 0;
    if (!shape_elements(&shape, &elements)) {
        char text[SHAPE_TEXT_SIZE];
        place_error(place, error, "%s would be %s, more than %d numbers; make the layer smaller", name,
                    shape_text(&shape, text, sizeof text), INT_MAX);
        return NULL;
    }
    struct parameter *parameter = &layer->parameters[layer->parameter_count++];
    *parameter = (struct parameter){.name = name, .shape = shape, .initializer = *initializer, .trainable = true};
    return parameter;
}

int layer_set_output(struct layer *layer, struct shape output, const struct place *place, struct error *error) {
    size_t elements = 0;
    char text[SHAPE_TEXT_SIZE];
    if (!shape_elements(&output, &elements))
        return place_error(place, error, "the output would be %s, more than %d numbers an image; make it smaller",
                           shape_text(&output, text, sizeof text), INT_MAX);
    layer->output = output;
    return 0;
}

int layer_needs_image(const struct layer *layer, const struct place *place, struct error *error) {
    char text[SHAPE_TEXT_SIZE];
    if (layer->input.rank == 3) return 0;
    return place_error(place, error,
                       "%s needs an image (height,width,channels), got %s; put it before Flatten, or add Reshape",
                       layer->kind->component.name, shape_text(&layer->input, text, sizeof text));
}

size_t elements_of(const struct shape *shape) {
    size_t elements = 0;
    bool fits = shape_elements(shape, &elements);
    assert(fits);
    return fits ? elements : 0;
}

float *wanted_gradient(const struct pass *pass, int index) {
    return pass->gradients ? pass->gradients[index] : NULL;
}

void *saved_of(const struct layer *layer, const struct pass *pass, int image) {
    return pass->saved ? (char *)pass->saved + (size_t)image * layer->saved_bytes : NULL;
}

/* The tile whose first cell is (i,j). */
static void transpose_tile(const float *matrix, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t i, ptrdiff_t j,
                           float *transposed) {
    const ptrdiff_t i_end = i + TILE < rows ? i + TILE : rows, j_end = j + TILE < columns ? j + TILE : columns;
    for (ptrdiff_t column = j; column < j_end; column++)
        for (ptrdiff_t row = i; row < i_end; row++) transposed[column * rows + row] = matrix[row * columns + column];
}

void matrix_transpose(int rows, int columns, const float *matrix, float *transposed) {
    for (ptrdiff_t i = 0; i < rows; i += TILE)
        for (ptrdiff_t j = 0; j < columns; j += TILE) transpose_tile(matrix, rows, columns, i, j, transposed);
}

void *pieces_take(struct pieces *pieces, size_t count, size_t size) {
    char *piece = pieces->memory ? pieces->memory + pieces->used : NULL;
    pieces->used += size_align(count * size);
    return piece;
}
