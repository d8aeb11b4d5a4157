#include "layers/parts.h"

#include <assert.h>
#include <string.h>

#include "core/initializer.h"

enum {
    TILE = 16,       /* a side of what is transposed at a time: whole cache lines on both sides */
    VECTOR_MOST = 16 /* no table's vector is longer */
};

/* The key of the field that the initializer was read from; NULL where it is none of the layer's config. */
static const char *key_of(const struct layer *layer, const struct component *initializer) {
    for (const struct field *field = layer->kind->component.fields; field && field->key; field++)
        if ((const char *)initializer == (const char *)layer->config + field->offset) return field->key;
    return NULL;
}

static int check_initializer(const struct layer *layer, const struct component *initializer, const struct shape *shape,
                             const struct place *place, struct error *error) {
    const char *key = key_of(layer, initializer);
    const struct place at_key = place_key(place, key ? key : "");
    return initializer_check(initializer, shape, key ? &at_key : place, error);
}

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
    if (check_initializer(layer, initializer, &shape, place, error) != 0) return NULL;
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

void copy_forward(const struct layer *layer, const struct pass *pass) {
    memcpy(pass->y, pass->x, (size_t)pass->images * elements_of(&layer->input) * sizeof *pass->y);
}

void copy_backward(const struct layer *layer, const struct pass *pass) {
    if (!pass->dx) return;
    memcpy(pass->dx, pass->dy, (size_t)pass->images * elements_of(&layer->input) * sizeof *pass->dx);
}

int describe_copy(const struct layer *layer, struct graph *graph, int x) {
    (void)layer, (void)graph;
    return x;
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

size_t panels_floats(size_t rows, size_t columns) {
    return rows * ((columns + VECTOR_MOST - 1) / VECTOR_MOST * VECTOR_MOST);
}

static int panel_count(int vector, int columns) {
    return columns / vector + (columns % vector != 0);
}

/* The first column of a panel: the last one ends with the last column. */
static ptrdiff_t panel_start(int vector, int columns, int panel) {
    const ptrdiff_t start = (ptrdiff_t)panel * vector, last = columns > vector ? columns - vector : 0;
    return start < last ? start : last;
}

/* `width` floats from each of `rows` rows; a constant width is a move, not a call. */
static inline void copy_columns(int rows, int width, const float *from, ptrdiff_t from_row, float *to,
                                ptrdiff_t to_row) {
    for (int k = 0; k < rows; k++) memcpy(to + k * to_row, from + k * from_row, (size_t)width * sizeof *to);
}

void matrix_copy_columns(int rows, int width, const float *from, ptrdiff_t from_row, float *to, ptrdiff_t to_row) {
    if (width == 16)
        copy_columns(rows, 16, from, from_row, to, to_row);
    else if (width == 8)
        copy_columns(rows, 8, from, from_row, to, to_row);
    else
        copy_columns(rows, width, from, from_row, to, to_row);
}

/* Some rows of the matrix at a time, which are read once, from end to end. */
void panels_pack(int vector, int rows, int columns, const float *matrix, float *panels, int part, int parts) {
    const int count = panel_count(vector, columns), width = columns < vector ? columns : vector;
    const ptrdiff_t first = (ptrdiff_t)rows * part / parts, end = (ptrdiff_t)rows * (part + 1) / parts;
    for (ptrdiff_t row = first; row < end; row += TILE) {
        const int height = row + TILE < end ? TILE : (int)(end - row);
        for (int panel = 0; panel < count; panel++)
            matrix_copy_columns(height, width, matrix + row * columns + panel_start(vector, columns, panel), columns,
                                panels + ((ptrdiff_t)panel * rows + row) * vector, vector);
    }
}

/* Four rows of four become four columns. */
static void transpose_4(const float *from, ptrdiff_t from_row, float *to, ptrdiff_t to_row) {
    typedef float four __attribute__((vector_size(16)));
    four row[4], pair[4];
    for (int i = 0; i < 4; i++) memcpy(&row[i], from + i * from_row, sizeof row[i]);
    for (int i = 0; i < 2; i++) {
        pair[i] = __builtin_shufflevector(row[i], row[i + 2], 0, 4, 1, 5);
        pair[i + 2] = __builtin_shufflevector(row[i], row[i + 2], 2, 6, 3, 7);
    }
    for (int i = 0; i < 2; i++) {
        row[2 * i] = __builtin_shufflevector(pair[2 * i], pair[2 * i + 1], 0, 4, 1, 5);
        row[2 * i + 1] = __builtin_shufflevector(pair[2 * i], pair[2 * i + 1], 2, 6, 3, 7);
    }
    for (int i = 0; i < 4; i++) memcpy(to + i * to_row, &row[i], sizeof row[i]);
}

/* The panel whose columns are the rows of the matrix from `from` on. */
static void pack_transposed(int vector, int width, int columns, const float *from, float *to) {
    const int whole = width % 4 == 0 ? columns / 4 * 4 : 0;
    for (int k = 0; k < whole; k += 4)
        for (int x = 0; x < width; x += 4)
            transpose_4(from + (ptrdiff_t)x * columns + k, columns, to + (ptrdiff_t)k * vector + x, vector);
    for (int k = whole; k < columns; k++)
        for (int x = 0; x < width; x++) to[(ptrdiff_t)k * vector + x] = from[(ptrdiff_t)x * columns + k];
}

void panels_pack_transposed(int vector, int rows, int columns, const float *matrix, float *panels, int part,
                            int parts) {
    const int count = panel_count(vector, rows), width = rows < vector ? rows : vector;
    const int first = (int)((int64_t)count * part / parts), end = (int)((int64_t)count * (part + 1) / parts);
    for (int panel = first; panel < end; panel++)
        pack_transposed(vector, width, columns, matrix + panel_start(vector, rows, panel) * columns,
                        panels + (ptrdiff_t)panel * columns * vector);
}

void product_of_pixels(const struct pass *pass, const struct product *product, const int size[2], int image) {
    struct product pixels = *product;
    const int height = size[0] / 2, width = size[1] / 2;
    if (!pass->pool) {
        pixels.c = pass->y + (ptrdiff_t)image * pixels.m * pixels.n;
        pass->kernels->product(&pixels);
        return;
    }
    const struct cells cells = {
        .along = pixels.row, .down = size[1] * pixels.row, .rows = height, .row_step = 2 * size[1] * pixels.row};
    const ptrdiff_t before = (ptrdiff_t)image * height * width * pixels.n;
    struct pool pool = *pass->pool;
    pixels.m = width;
    pixels.row *= 2;
    pixels.c = pass->y + before;
    if (pool.cell) pool.cell += before;
    pass->kernels->product_pooled(&pixels, &cells, &pool);
}

void *pieces_take(struct pieces *pieces, size_t count, size_t size) {
    char *piece = pieces->memory ? pieces->memory + pieces->used : NULL;
    pieces->used += size_align(count * size);
    return piece;
}
