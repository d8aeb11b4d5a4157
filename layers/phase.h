/* The data gradient of a convolution with strides as several sweeps over the output gradient. */
#ifndef CNNTRAIN_LAYERS_PHASE_H
#define CNNTRAIN_LAYERS_PHASE_H

#include "layers/geometry.h"

/* A row of the input is seen, at stride s, by every s-th row of the kernel: by the phase-th and so on for the rows from
 * `first` on in steps of s. Tap phase + t*s of the kernel lies over row `first` in window (first + before)/s - t, so
 * that the taps from the last to the first see consecutive rows of dy. The same along the width. So the gradient of
 * these inputs is a sweep over dy of these taps, flipped, and s*s of them (1 at stride 1) make the whole. */
struct phase {
    int index, taps;
    int outputs; /* inputs of the layer that it makes */
    int start;   /* the row of dy that its first tap sees, which may lie before dy */
};

struct phase phase_at(const struct geometry *geometry, int axis, int first);

/* How many phases there are along an axis; they begin at the first inputs. */
int phase_count(const struct geometry *geometry, int axis);

/* The first input of phase `index`. */
int phase_first(const struct geometry *geometry, int axis, int index);

/* Taps of the phases before `index`. */
int phase_taps_before(const struct geometry *geometry, int axis, int index);

/* The output gradient as an image of `filters` channels, with the border that the taps of all phases reach. */
struct geometry phase_geometry(const struct geometry *geometry, int filters);

#endif
