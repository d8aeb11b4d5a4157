#include "core/interop/onnx_translation.h"

const struct graph_value *translation_value(const struct translation *t, int value) {
    return &t->graph->values[value];
}

bool translation_is_image(const struct translation *t, int value) {
    return translation_value(t, value)->shape.rank == IMAGE_RANK;
}

Onnx__NodeProto *translation_add(const struct translation *t, const char *operation, const char *const *inputs,
                                 int count) {
    return onnx_node(t->file, t->node ? t->node->layer : NULL, operation, inputs, count);
}

Onnx__NodeProto *translation_add_one(const struct translation *t, const char *operation, const char *input) {
    return translation_add(t, operation, &input, 1);
}

const char *translation_transposed(const struct translation *t, const char *name, const int64_t *order, int count) {
    Onnx__NodeProto *node = translation_add_one(t, "Transpose", name);
    onnx_set_integers(t->file, node, "perm", order, count);
    return onnx_output(node);
}

const char *translation_channels_last(const struct translation *t, int value) {
    struct translation_names *names = &t->names[value];
    if (!names->last) names->last = translation_transposed(t, names->first, (const int64_t[]){0, 2, 3, 1}, 4);
    return names->last;
}

/* An image with the channels first; anything else as it is. */
const char *translation_natural(const struct translation *t, int value) {
    struct translation_names *names = &t->names[value];
    if (!translation_is_image(t, value)) return names->last;
    if (!names->first) names->first = translation_transposed(t, names->last, (const int64_t[]){0, 3, 1, 2}, 4);
    return names->first;
}

const char *translation_input(const struct translation *t, int index) {
    return translation_natural(t, t->node->inputs[index]);
}

const char *translation_reshaped(const struct translation *t, const char *name, const int64_t *sizes, int count) {
    const char *inputs[] = {name, onnx_integers(t->file, "shape", sizes, count)};
    return onnx_output(translation_add(t, "Reshape", inputs, 2));
}

const char *translation_combined(const struct translation *t, const char *operation, const char *a, const char *b) {
    return onnx_output(translation_add(t, operation, (const char *[]){a, b}, 2));
}

float *translation_floats(const struct translation *t, size_t count) {
    return arena_allocate(&t->file->arena, count * sizeof(float), t->file->error);
}
