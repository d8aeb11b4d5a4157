#include "layers/phase.h"

#include "layers/parts.h"

struct phase phase_at(const struct geometry *g, int axis, int first) {
    const int stride = g->stride[axis], from = first + g->before[axis];
    struct phase phase = {.index = from % stride, .outputs = (g->input[axis] - first - 1) / stride + 1};
    if (phase.index < g->kernel[axis]) phase.taps = (g->kernel[axis] - phase.index - 1) / stride + 1;
    phase.start = from / stride - (phase.taps - 1) * g->dilation[axis];
    return phase;
}

int phase_count(const struct geometry *g, int axis) {
    return smaller(g->stride[axis], g->input[axis]);
}

int phase_first(const struct geometry *g, int axis, int index) {
    const int first = (index - g->before[axis]) % g->stride[axis];
    return first < 0 ? first + g->stride[axis] : first;
}

int phase_taps_before(const struct geometry *g, int axis, int index) {
    return g->kernel[axis] / g->stride[axis] * index + smaller(g->kernel[axis] % g->stride[axis], index);
}

struct geometry phase_geometry(const struct geometry *g, int filters) {
    struct geometry dy = {.channels = filters};
    for (int axis = 0; axis < 2; axis++) {
        int after = 0;
        for (int first = 0; first < phase_count(g, axis); first++) {
            const struct phase phase = phase_at(g, axis, first);
            const int last = phase.start + (phase.taps - 1) * g->dilation[axis] + phase.outputs - 1;
            if (phase.taps == 0) continue;
            dy.before[axis] = larger(dy.before[axis], -phase.start);
            after = larger(after, last - (g->output[axis] - 1));
        }
        dy.input[axis] = g->output[axis];
        dy.padded[axis] = dy.before[axis] + dy.input[axis] + after;
    }
    return dy;
}
