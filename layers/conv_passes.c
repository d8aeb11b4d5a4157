#include "layers/conv_passes.h"

#include "core/batch.h"
#include "layers/col2im.h"
#include "layers/pixelwise.h"
#include "layers/planar.h"
#include "layers/windows_batch.h"
#include "layers/winograd.h"
#include "layers/winograd_batch.h"

const char *const algorithm_names[] = {"auto", "direct", "winograd", NULL};

static struct winograd winograd_form(const struct conv_passes *passes) {
    return winograd_of(&passes->geometry, passes->groups, passes->filters);
}

static struct planar planar_form(const struct conv_passes *passes) {
    return planar_of(&passes->geometry, passes->groups, passes->filters);
}

static struct col2im col2im_form(const struct conv_passes *passes) {
    return (struct col2im){passes->geometry, passes->filters};
}

static bool is_col2im(const struct conv_passes *passes) {
    return passes->form & CONV_COL2IM_DATA;
}

static struct pixelwise pixelwise_form(const struct conv_passes *passes) {
    return (struct pixelwise){passes->geometry, passes->groups, passes->filters};
}

/* Of the data gradient by windows; 0 where other direct forms are faster. */
static double col2im_gain(const struct conv_passes *passes) {
    const struct planar planar = planar_form(passes);
    return planar_gains_data(&planar) ? 0 : col2im_advantage(&passes->geometry, passes->groups, passes->filters);
}

struct conv_passes conv_passes_of(const struct geometry *geometry, int groups, int filters, enum algorithm algorithm) {
    struct conv_passes passes = {.geometry = *geometry, .groups = groups, .filters = filters};
    if (algorithm == ALGORITHM_WINOGRAD && !winograd_obstacle(geometry)) {
        passes.form = CONV_WINOGRAD | CONV_WINOGRAD_WEIGHTS;
        return passes;
    }
    const double col2im = col2im_gain(&passes);
    if (algorithm == ALGORITHM_AUTO && winograd_gains(geometry, groups, filters, col2im)) {
        passes.form = CONV_WINOGRAD;
        if (winograd_gains_weights(geometry, groups, filters)) passes.form |= CONV_WINOGRAD_WEIGHTS;
        if (winograd_advantage_back(geometry, groups, filters) < col2im) passes.form |= CONV_COL2IM_DATA;
        return passes;
    }
    if (col2im > 0) passes.form = CONV_COL2IM_DATA;
    return passes;
}

static bool is_winograd(const struct conv_passes *passes) {
    return passes->form & CONV_WINOGRAD;
}

void conv_passes_allow_batch(struct conv_passes *passes, enum algorithm algorithm) {
    const struct geometry *geometry = &passes->geometry;
    if (algorithm != ALGORITHM_DIRECT)
        passes->batch_images = winograd_batch_images(geometry, passes->groups, passes->filters, is_winograd(passes));
    if (passes->batch_images > 0)
        passes->form = CONV_WINOGRAD | CONV_WINOGRAD_WEIGHTS;
    else if (!is_winograd(passes))
        passes->batch_images = windows_batch_images(geometry, passes->groups, passes->filters);
    if (passes->batch_images > 0) passes->form &= ~CONV_COL2IM_DATA;
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

/* ---- by batch ---- */

size_t conv_passes_common_bytes(const struct conv_passes *passes) {
    if (passes->batch_images == 0) return 0;
    if (!is_winograd(passes)) return windows_batch_common_bytes(&passes->geometry);
    const struct winograd winograd = winograd_form(passes);
    return winograd_batch_common_bytes(&winograd);
}

size_t conv_passes_gradient_bytes(const struct conv_passes *passes) {
    if (!is_winograd(passes) && passes->batch_images > 0) return windows_batch_gradient_bytes(&passes->geometry);
    if (!is_winograd(passes)) return conv_passes_scratch_bytes(passes);
    const struct winograd winograd = winograd_form(passes);
    return winograd_gradient_bytes(&winograd);
}

void conv_passes_batch_forward(const struct conv_passes *passes, const struct pass *pass, const float *bias, int round,
                               int part, int parts) {
    if (!is_winograd(passes)) {
        windows_batch_forward(&passes->geometry, passes->filters, pass, bias, round, part, parts);
        return;
    }
    const struct winograd winograd = winograd_form(passes);
    winograd_batch_forward(&winograd, pass, bias, round, part, parts);
}

void conv_passes_batch_data_gradient(const struct conv_passes *passes, const struct pass *pass, int round, int part,
                                     int parts) {
    if (!is_winograd(passes)) {
        windows_batch_data_gradient(&passes->geometry, passes->filters, pass, round, part, parts);
        return;
    }
    const struct winograd winograd = winograd_form(passes);
    winograd_batch_data_gradient(&winograd, pass, round, part, parts);
}

/* Without a batch, a few images at a time go through all rounds, with what is common in the scratch memory. */
enum { IMAGES_ALONE = ENGINE_SHARD };

static struct pass alone(const struct conv_passes *passes, const struct pass *pass, int first) {
    const struct geometry *g = &passes->geometry;
    const size_t input = (size_t)first * (size_t)g->input[0] * (size_t)g->input[1] * (size_t)g->channels;
    const size_t output = (size_t)first * (size_t)g->output[0] * (size_t)g->output[1] * (size_t)passes->filters;
    struct pass some = *pass;
    some.images = smaller(pass->images - first, IMAGES_ALONE);
    some.x = pass->x ? pass->x + input : NULL;
    some.y = pass->y ? pass->y + output : NULL;
    some.dy = pass->dy ? pass->dy + output : NULL;
    some.dx = pass->dx ? pass->dx + input : NULL;
    some.common = pass->scratch;
    some.scratch = (char *)pass->scratch + IMAGES_ALONE * conv_passes_common_bytes(passes);
    return some;
}

static size_t alone_bytes(const struct conv_passes *passes) {
    const size_t common = IMAGES_ALONE * conv_passes_common_bytes(passes);
    if (!is_winograd(passes)) return common + windows_batch_scratch_bytes(passes->filters);
    const struct winograd winograd = winograd_form(passes);
    return common + winograd_batch_scratch_bytes(&winograd);
}

static void forward_alone(const struct conv_passes *passes, const struct pass *pass, const float *bias) {
    for (int first = 0; first < pass->images; first += IMAGES_ALONE) {
        const struct pass some = alone(passes, pass, first);
        for (int round = 0; round < LAYER_ROUNDS; round++) conv_passes_batch_forward(passes, &some, bias, round, 0, 1);
    }
}

static void data_gradient_alone(const struct conv_passes *passes, const struct pass *pass) {
    for (int first = 0; first < pass->images; first += IMAGES_ALONE) {
        const struct pass some = alone(passes, pass, first);
        for (int round = 0; round < LAYER_ROUNDS; round++) conv_passes_batch_data_gradient(passes, &some, round, 0, 1);
    }
}

/* ---- a few images ---- */

static size_t larger_size(size_t a, size_t b) {
    return a > b ? a : b;
}

size_t conv_passes_scratch_bytes(const struct conv_passes *passes) {
    if (passes->batch_images > 0) return alone_bytes(passes);
    const struct col2im col2im = col2im_form(passes);
    size_t bytes = is_col2im(passes) ? col2im_scratch_bytes(&col2im) : 0;
    if (is_winograd(passes)) {
        const struct winograd winograd = winograd_form(passes);
        bytes = larger_size(bytes, winograd_scratch_bytes(&winograd));
        if (passes->form & CONV_WINOGRAD_WEIGHTS) return bytes;
    }
    const struct planar planar = planar_form(passes);
    const struct pixelwise pixelwise = pixelwise_form(passes);
    return larger_size(bytes, larger_size(planar_scratch_bytes(&planar), pixelwise_scratch_bytes(&pixelwise)));
}

/* Of the forms that conv_passes_forward reads; col2im's follows. */
static size_t base_packed_floats(const struct conv_passes *passes) {
    if (is_winograd(passes)) {
        const struct winograd winograd = winograd_form(passes);
        return winograd_packed_floats(&winograd);
    }
    const struct pixelwise pixelwise = pixelwise_form(passes);
    return pixelwise_packed_floats(&pixelwise);
}

size_t conv_passes_packed_floats(const struct conv_passes *passes) {
    if (passes->batch_images > 0) return 0;
    const struct col2im col2im = col2im_form(passes);
    return base_packed_floats(passes) + (is_col2im(passes) ? col2im_packed_floats(&col2im) : 0);
}

void conv_passes_pack(const struct conv_passes *passes, const struct pass *pass, struct packs_wanted wanted,
                      float *packed, int part, int parts) {
    if (passes->batch_images > 0) return;
    if (is_col2im(passes) && wanted.data) {
        const struct col2im col2im = col2im_form(passes);
        col2im_pack(&col2im, pass, packed + base_packed_floats(passes), part, parts);
        wanted.data = false;
    }
    if (is_winograd(passes)) {
        const struct winograd winograd = winograd_form(passes);
        winograd_pack(&winograd, pass, wanted, packed, part, parts);
    } else {
        const struct pixelwise pixelwise = pixelwise_form(passes);
        pixelwise_pack(&pixelwise, pass, wanted, packed, part, parts);
    }
}

void conv_passes_forward(const struct conv_passes *passes, const struct pass *pass, const float *bias) {
    if (passes->batch_images > 0) {
        forward_alone(passes, pass, bias);
        return;
    }
    if (is_winograd(passes)) {
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
    if (passes->batch_images > 0) {
        data_gradient_alone(passes, pass);
        return;
    }
    if (is_col2im(passes)) {
        const struct col2im col2im = col2im_form(passes);
        col2im_data_gradient(&col2im, pass, pass->packed + base_packed_floats(passes), bias);
        return;
    }
    if (is_winograd(passes)) {
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
    if (passes->form & CONV_WINOGRAD_WEIGHTS) {
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
    if (is_winograd(passes)) {
        const struct winograd winograd = winograd_form(passes);
        winograd_kernel_gradient_part(&winograd, pass, gradient, part, parts);
        return;
    }
    if (passes->batch_images > 0) {
        windows_batch_kernel_gradient(&passes->geometry, passes->filters, pass, gradient, part, parts);
        return;
    }
    const struct pixelwise pixelwise = pixelwise_form(passes);
    pixelwise_kernel_gradient_part(&pixelwise, pass, gradient, part, parts);
}
