/* For which shapes Winograd's algorithm is faster, from measurements of some 800 (docs/performance.md). */
#include "core/batch.h"
#include "layers/winograd.h"
#include "layers/winograd_parts.h"

enum { VECTOR = 8 }; /* floats */

const char *winograd_obstacle(const struct geometry *g) {
    enum { STRIDE_MOST = 8 };
    for (int axis = 0; axis < 2; axis++)
        if (g->stride[axis] > STRIDE_MOST || g->stride[axis] > g->kernel[axis])
            return "needs strides of at most 8 and no larger than kernel_size";
    return NULL;
}

/* What else takes time, in the time of a product: a transform for a channel and a filter; and what a bunch of tiles
 * costs, divided by its tiles. That is the packed kernel's way from the caches, longer where the second level does not
 * hold it, and for the kernel gradient the transforms of its sums, by matrix. */
static const double TRANSFORM = 8, BUNCH = 2.5, BUNCH_OF_LARGE = 8, GRADIENT_OF_MATRIX = 13.0 / 36;

/* A transform of so many channels, of whole vectors and a call, in channels. */
static double transform_of(int channels) {
    return rounded_up(channels, VECTOR) + VECTOR;
}

static double direct_products(const struct geometry *g) {
    return (double)g->kernel[0] * g->kernel[1] * g->output[0] * g->output[1];
}

/* The time of a direct convolution divided by that of this one, which takes so many tiles at once. */
static double advantage(const struct winograd_sweep *sweep, int tiles_most, double bunch) {
    const double products = winograd_products(sweep), tiles = winograd_tiles(sweep);
    const double inputs = winograd_blocks(sweep) * transform_of(sweep->channels),
                 outputs = winograd_phases(sweep) * transform_of(sweep->filters);
    const double transforms =
        winograd_matrices(sweep) * tiles * (inputs + outputs) / (products * sweep->channels * sweep->filters);
    const double together = tiles * ENGINE_SHARD < tiles_most ? tiles * ENGINE_SHARD : tiles_most;
    return direct_products(&sweep->of) / (products * (1 + TRANSFORM * transforms + bunch / together));
}

static double advantage_of_sweep(const struct winograd_sweep *sweep) {
    enum { PACKED_LARGE = 1 << 16 };
    const double packed =
        (double)winograd_matrices(sweep) * winograd_depth(sweep) * sweep->filters * winograd_phases(sweep);
    return advantage(sweep, winograd_tiles_at_once(sweep), packed > PACKED_LARGE ? BUNCH_OF_LARGE : BUNCH);
}

/* Blocks of three taps at strides of 1, which fill tiles and blocks well. */
static bool is_plain(const struct winograd_sweep *sweep) {
    return sweep->taps == 3 && sweep->of.stride[0] == 1 && sweep->of.stride[1] == 1;
}

static bool plain_gains(const struct winograd_sweep *sweep) {
    enum { CHANNELS_LEAST = 8, KERNEL_LEAST = 120 };
    const double fast = (double)winograd_blocks(sweep) * winograd_matrices(sweep) * winograd_tiles(sweep);
    return sweep->channels >= CHANNELS_LEAST && sweep->filters >= CHANNELS_LEAST &&
           (double)sweep->channels * sweep->filters >= KERNEL_LEAST && direct_products(&sweep->of) >= 2 * fast;
}

/* Both sweeps together take a twentieth less time, the one back perhaps in another form. */
static bool sweeps_gain(const struct winograd *winograd, double other_back) {
    const struct winograd_sweep *forward = &winograd->forward;
    if (forward->channels <= VECTOR || forward->filters <= VECTOR) return false;
    const double own_back = advantage_of_sweep(&winograd->backward),
                 back = own_back > other_back ? own_back : other_back;
    return 1 / advantage_of_sweep(forward) + 1 / back < 2 / 1.05;
}

/* The packed kernel is four times the kernel: where an image has but one tile, a large one is not worth its way from
 * memory. */
bool winograd_gains(const struct geometry *geometry, int groups, int filters, double other_back) {
    enum { KERNEL_MOST = 1 << 17, KERNEL_MOST_OF_TILE = 1 << 15 };
    if (winograd_obstacle(geometry)) return false;
    const struct winograd winograd = winograd_of(geometry, groups, filters);
    const struct winograd_sweep *forward = &winograd.forward;
    const int most = winograd_tiles(forward) > 1 ? KERNEL_MOST : KERNEL_MOST_OF_TILE;
    if ((double)winograd_depth(forward) * forward->filters > most) return false;
    return is_plain(forward) ? plain_gains(forward) : sweeps_gain(&winograd, other_back);
}

double winograd_advantage_back(const struct geometry *geometry, int groups, int filters) {
    const struct winograd_sweep sweep = winograd_sweep_back(geometry, groups, filters);
    return advantage_of_sweep(&sweep);
}

bool winograd_gains_weights(const struct geometry *geometry, int groups, int filters) {
    const struct winograd_sweep sweep = winograd_sweep_forward(geometry, groups, filters);
    const double bunch = GRADIENT_OF_MATRIX * winograd_matrices(&sweep);
    return is_plain(&sweep) || advantage(&sweep, winograd_gradient_tiles(&sweep), bunch) > 1.08;
}
