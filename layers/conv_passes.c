#include "layers/conv_passes.h"

#include "layers/pixelwise.h"
#include "layers/planar.h"
#include "layers/winograd.h"

const char *const algorithm_names[] = {"auto", "direct", "winograd", NULL};

struct conv_passes conv_passes_of(const struct geometry *geometry, int groups, int filters, enum algorithm algorithm) {
    struct conv_passes passes = {.geometry = *geometry, .groups = groups, .filters = filters};
    const bool possible = !winograd_obstacle(geometry);
    passes.winograd = possible && (algorithm == ALGORITHM_WINOGRAD ||
                                   (algorithm == ALGORITHM_AUTO && winograd_gains(geometry, groups, filters)));
    return passes;
}

static int check_border(const struct geometry *g, int filters, const struct place *place, struct error *error) {
    const struct place at_kernel = place_key(place, "kernel_size");
    double bordered = filters;
    for (int axis = 0; axis < 2; axis++) {
        const double taps = ((double)g->kernel[axis] - 1) * g->dilation[axis] / g->stride[axis];
        bordered *= g->output[axis] + 2 * (taps + 1);
    }
    if (bordered <= INT_MAX) return 0;
    return place_error(&at_kernel, error,
                       "(%d,%d) needs a zero border that makes the gradient larger than %d numbers; use a smaller one",
                       g->kernel[0], g->kernel[1], INT_MAX);
}

int conv_passes_check(const struct geometry *geometry, int filters, int algorithm, const struct place *place,
                      struct error *error) {
    const char *obstacle = winograd_obstacle(geometry);
    const struct place at_algorithm = place_key(place, "algorithm");
    if (algorithm == ALGORITHM_WINOGRAD && obstacle)
        return place_error(&at_algorithm, error, "winograd %s; use \"auto\" or \"direct\"", obstacle);
    return check_border(geometry, filters, place, error);
}

static struct winograd winograd_form(const struct conv_passes *passes) {
    return winograd_of(&passes->geometry, passes->groups, passes->filters);
}

static struct planar planar_form(const struct conv_passes *passes) {
    return planar_of(&passes->geometry, passes->groups, passes->filters);
}

static struct pixelwise pixelwise_form(const struct conv_passes *passes) {
    return (struct pixelwise){passes->geometry, passes->groups, passes->filters};
}

size_t conv_passes_scratch_bytes(const struct conv_passes *passes) {
    if (passes->winograd) {
        const struct winograd winograd = winograd_form(passes);
        return winograd_scratch_bytes(&winograd);
    }
    const struct planar planar = planar_form(passes);
    const struct pixelwise pixelwise = pixelwise_form(passes);
    const size_t planes = planar_scratch_bytes(&planar), pixels = pixelwise_scratch_bytes(&pixelwise);
    return planes > pixels ? planes : pixels;
}

size_t conv_passes_packed_floats(const struct conv_passes *passes) {
    if (passes->winograd) {
        const struct winograd winograd = winograd_form(passes);
        return winograd_packed_floats(&winograd);
    }
    const struct pixelwise pixelwise = pixelwise_form(passes);
    return pixelwise_packed_floats(&pixelwise);
}

void conv_passes_pack(const struct conv_passes *passes, const struct pass *pass, struct packs_wanted wanted,
                      float *packed, int part, int parts) {
    if (passes->winograd) {
        const struct winograd winograd = winograd_form(passes);
        winograd_pack(&winograd, pass, wanted, packed, part, parts);
    } else {
        const struct pixelwise pixelwise = pixelwise_form(passes);
        pixelwise_pack(&pixelwise, pass, wanted, packed, part, parts);
    }
}

void conv_passes_forward(const struct conv_passes *passes, const struct pass *pass, const float *bias) {
    if (passes->winograd) {
        const struct winograd winograd = winograd_form(passes);
        winograd_forward(&winograd, pass, bias);
        return;
    }
    const struct planar planar = planar_form(passes);
    const struct pixelwise pixelwise = pixelwise_form(passes);
    if (planar_gains_forward(&planar))
        planar_forward(&planar, pass, bias);
    else
        pixelwise_forward(&pixelwise, pass, bias);
}

void conv_passes_data_gradient(const struct conv_passes *passes, const struct pass *pass, const float *bias) {
    if (passes->winograd) {
        const struct winograd winograd = winograd_form(passes);
        winograd_data_gradient(&winograd, pass, bias);
        return;
    }
    const struct planar planar = planar_form(passes);
    const struct pixelwise pixelwise = pixelwise_form(passes);
    if (planar_gains_data(&planar))
        planar_data_gradient(&planar, pass, bias);
    else
        pixelwise_data_gradient(&pixelwise, pass, bias);
}

void conv_passes_kernel_gradient(const struct conv_passes *passes, const struct pass *pass, float *gradient) {
    if (passes->winograd) {
        const struct winograd winograd = winograd_form(passes);
        winograd_kernel_gradient(&winograd, pass, gradient);
        return;
    }
    const struct planar planar = planar_form(passes);
    const struct pixelwise pixelwise = pixelwise_form(passes);
    if (planar_gains_weights(&planar))
        planar_kernel_gradient(&planar, pass, gradient);
    else
        pixelwise_kernel_gradient(&pixelwise, pass, gradient);
}

void conv_passes_kernel_gradient_part(const struct conv_passes *passes, const struct pass *pass, float *gradient,
                                      int part, int parts) {
    if (passes->winograd) {
        const struct winograd winograd = winograd_form(passes);
        winograd_kernel_gradient_part(&winograd, pass, gradient, part, parts);
        return;
    }
    const struct pixelwise pixelwise = pixelwise_form(passes);
    pixelwise_kernel_gradient_part(&pixelwise, pass, gradient, part, parts);
}
