/* Moved cells of a deformable convolution, by GridSample: places of -1 to 1 from edge to edge of the image, along width
 * and height. */
#include "core/interop/onnx_translation.h"

static int taps_of(const struct graph_window *window) {
    return window->size[0] * window->size[1];
}

/* The cells of the windows as they lie, (oh,ow*taps,2): of height and width. */
static const char *resting_places(const struct translation *t, const int *size) {
    const struct graph_window *window = &t->node->window;
    const int taps = taps_of(window);
    const int64_t sizes[] = {window->output[0], (int64_t)window->output[1] * taps, 2};
    float *places = translation_floats(t, (size_t)(sizes[0] * sizes[1] * sizes[2])), *at = places;
    if (!places) return NULL;
    for (int r = 0; r < window->output[0]; r++)
        for (int s = 0; s < window->output[1]; s++)
            for (int tap = 0; tap < taps; tap++) {
                const int i = tap / window->size[1], j = tap % window->size[1];
                const int row = r * window->stride[0] + i * window->dilation[0] - window->before[0];
                const int column = s * window->stride[1] + j * window->dilation[1] - window->before[1];
                *at++ = (float)((2.0 * row + 1) / size[0] - 1);
                *at++ = (float)((2.0 * column + 1) / size[1] - 1);
            }
    return onnx_floats(t->file, "places", sizes, 3, places);
}

/* (N,oh,ow*taps,2): where to look, along width and height */
static const char *grid(const struct translation *t, const int *size) {
    const struct graph_window *window = &t->node->window;
    float *steps = translation_floats(t, 2);
    if (!steps) return NULL;
    for (int axis = 0; axis < 2; axis++) steps[axis] = (float)(2.0 / size[axis]);
    const int64_t sizes[] = {0, window->output[0], (int64_t)window->output[1] * taps_of(window), 2};
    const char *moves = translation_reshaped(t, translation_channels_last(t, t->node->inputs[1]), sizes, 4);
    const char *step = onnx_floats(t->file, "steps", (const int64_t[]){2}, 1, steps);
    const char *scaled = translation_combined(t, "Mul", moves, step);
    const char *inputs[] = {translation_combined(t, "Add", scaled, resting_places(t, size)),
                            onnx_integers(t->file, "order", (const int64_t[]){1, 0}, 2)};
    Onnx__NodeProto *node = translation_add(t, "Gather", inputs, 2);
    onnx_set_integer(t->file, node, "axis", 3);
    return onnx_output(node);
}

/* (N,c,oh,ow*taps): what is seen there */
static const char *seen(const struct translation *t, const int *size) {
    const char *inputs[] = {translation_input(t, 0), grid(t, size)};
    Onnx__NodeProto *node = translation_add(t, "GridSample", inputs, 2);
    onnx_set_text(t->file, node, "mode", "bilinear");
    onnx_set_text(t->file, node, "padding_mode", "zeros");
    onnx_set_integer(t->file, node, "align_corners", 0);
    return onnx_output(node);
}

/* (N,taps*c,oh,ow) */
const char *translation_sample(const struct translation *t) {
    const struct graph_window *window = &t->node->window;
    const int *size = translation_value(t, t->node->inputs[0])->shape.size;
    const int taps = taps_of(window), high = window->output[0], wide = window->output[1];
    const int64_t apart[] = {0, size[2], high, wide, taps}, shares[] = {0, taps, 1, high, wide};
    const int64_t together[] = {0, (int64_t)taps * size[2], high, wide};
    const char *cells = translation_reshaped(t, seen(t, size), apart, 5);
    cells = translation_transposed(t, cells, (const int64_t[]){0, 4, 1, 2, 3}, 5);
    if (t->node->input_count > 2)
        cells = translation_combined(t, "Mul", cells, translation_reshaped(t, translation_input(t, 2), shares, 5));
    return translation_reshaped(t, cells, together, 4);
}
