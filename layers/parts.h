/* What most layers need once: field tables, declared weights, checked shapes, pieces of scratch memory. */
#ifndef CNNTRAIN_LAYERS_PARTS_H
#define CNNTRAIN_LAYERS_PARTS_H

#include <limits.h>

#include "core/layer.h"

/* Table entries that several layers share; `config` is the struct's name without the word struct, `member` the member
 * and the key. */
#define FIELD_AT(config, member) .key = #member, .offset = offsetof(struct config, member)
#define FIELD_ACTIVATION(config)                                                                                       \
    {                                                                                                                  \
        FIELD_AT(config, activation), .type = FIELD_COMPONENT, .fallback = "null", .nullable = true,                   \
                                      .of = "activation", .help = "applied to the output"                              \
    }
#define FIELD_USE_BIAS(config)                                                                                         \
    {                                                                                                                  \
        FIELD_AT(config, use_bias), .type = FIELD_BOOL, .fallback = "true",                                            \
                                    .help = "add a learned number to each output channel"                              \
    }
#define FIELD_INITIALIZER(config, member, value)                                                                       \
    {                                                                                                                  \
        FIELD_AT(config, member), .type = FIELD_COMPONENT, .fallback = "\"" value "\"", .of = "initializer",           \
                                  .help = "first values"                                                               \
    }
#define FIELD_REGULARIZER(config, member)                                                                              \
    {                                                                                                                  \
        FIELD_AT(config, member), .type = FIELD_COMPONENT, .fallback = "null", .nullable = true, .of = "regularizer",  \
                                  .help = "penalty added to the loss"                                                  \
    }

#define FIELD_CONSTRAINT(config, member)                                                                               \
    {                                                                                                                  \
        FIELD_AT(config, member), .type = FIELD_COMPONENT, .fallback = "null", .nullable = true, .of = "constraint",   \
                                  .help = "what the weights are put back to after each step"                           \
    }
#define FIELD_ACTIVITY_REGULARIZER(config)                                                                             \
    {                                                                                                                  \
        FIELD_AT(config, activity_regularizer), .type = FIELD_COMPONENT, .fallback = "null", .nullable = true,         \
                                                .of = "regularizer", .help = "penalty on the output of an image"       \
    }

/* Declares the next weight tensor; it is trainable and without regularizer and constraint unless the caller changes
 * that. Fails where it has too many elements, or the initializer, a field of the layer's config, cannot fill this
 * shape. The pointer is good until the layer is copied; NULL on failure. */
struct parameter *layer_declare(struct layer *layer, const char *name, struct shape shape,
                                const struct component *initializer, const struct place *place, struct error *error);

/* Sets layer->output after checking its number of elements. */
int layer_set_output(struct layer *layer, struct shape output, const struct place *place, struct error *error);

/* Fails unless the input is an image (h,w,c). */
int layer_needs_image(const struct layer *layer, const struct place *place, struct error *error);

/* Elements of a shape that was checked before. */
size_t elements_of(const struct shape *shape);

/* y = x and dx = dy: forward and backward of a layer that changes nothing, or nothing at inference. */
void copy_forward(const struct layer *layer, const struct pass *pass);
void copy_backward(const struct layer *layer, const struct pass *pass);

/* layer_kind.describe of a layer that changes nothing at inference: x itself. */
int describe_copy(const struct layer *layer, struct graph *graph, int x);

/* Where the gradient of parameter `index` is to be added; NULL where it is not wanted. */
float *wanted_gradient(const struct pass *pass, int index);

/* The saved bytes of image `image`; NULL where nothing is kept (inference). */
void *saved_of(const struct layer *layer, const struct pass *pass, int image);

/* Channels from which a layer does the work of a pool behind it: narrower rows leave most of a vector empty. */
enum { POOL_CHANNELS_LEAST = 16 };

/* The product whose m rows are the pixels (size) of image `image` and whose columns are the channels of y; C is y, or
 * what pass->pool makes of it. */
void product_of_pixels(const struct pass *pass, const struct product *product, const int size[2], int image);

/* B of a product in panels `vector` columns wide (b_panel of struct product), contiguous, one after another: the matrix
 * (rows,columns) itself, or its transpose (columns,rows). Part `part` of `parts` writes its share and nothing of
 * another's. panels_floats is the room that (rows,columns) takes at most, whatever the vector. */
size_t panels_floats(size_t rows, size_t columns);
void panels_pack(int vector, int rows, int columns, const float *matrix, float *panels, int part, int parts);
void panels_pack_transposed(int vector, int rows, int columns, const float *matrix, float *panels, int part, int parts);

static inline int smaller(int a, int b) {
    return a < b ? a : b;
}

static inline int larger(int a, int b) {
    return a > b ? a : b;
}

/* How many parts of that size the whole takes; and the whole, filled up to whole steps. */
static inline int parts_of(int whole, int part) {
    return (whole + part - 1) / part;
}

static inline int rounded_up(int value, int step) {
    return parts_of(value, step) * step;
}

/* `width` neighbouring columns of a matrix: to[k*to_row ..] = from[k*from_row ..] for k < rows */
void matrix_copy_columns(int rows, int width, const float *from, ptrdiff_t from_row, float *to, ptrdiff_t to_row);

/* matrix (rows,columns) becomes transposed (columns,rows). */
void matrix_transpose(int rows, int columns, const float *matrix, float *transposed);

/* Scratch memory cut into pieces, each aligned to a cache line. Cutting NULL only measures: a layer describes its
 * pieces in one function that `infer` measures with and `forward` cuts with. */
struct pieces {
    char *memory;
    size_t used;
};
void *pieces_take(struct pieces *pieces, size_t count, size_t size);

#endif
