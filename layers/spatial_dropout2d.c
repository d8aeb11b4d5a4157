/* SpatialDropout2D (Tompson et al. 2015): Dropout of whole channels. Neighbouring pixels tell much the same, so
 * dropping single ones takes little away. The backward pass draws the same channels again instead of keeping a mask.
 *
 * x, y (n,h,w,c) */
#include "core/graph.h"
#include "core/rng.h"
#include "layers/parts.h"

struct spatial_dropout2d {
    struct layer_common common;
    double rate;
};

static const struct field fields[] = {
    {FIELD_AT(spatial_dropout2d, rate), .type = FIELD_NUMBER, .minimum = 0, .maximum = 1, .below = true,
     .help = "share of the channels that is dropped"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    if (layer_needs_image(layer, place, error) != 0) return -1;
    layer->output = layer->input;
    layer->scratch_bytes = (size_t)layer->input.size[2] * sizeof(float);
    return 0;
}

/* factors (c) of one image: 0 where the channel is dropped, else what keeps the mean */
static void draw(const struct layer *layer, const struct pass *pass, int image, float *factors) {
    const double rate = ((const struct spatial_dropout2d *)layer->config)->rate;
    const float scale = (float)(1 / (1 - rate)), threshold = (float)rate;
    struct rng rng =
        rng_stream(pass->seed, RNG_DROPOUT, pass->step, (uint64_t)(pass->first + image), (uint64_t)layer->index);
    for (int v = 0; v < layer->input.size[2]; v++) factors[v] = rng_uniform(&rng) < threshold ? 0 : scale;
}

/* to = from * factors of the image's channels */
static void drop(const struct layer *layer, const struct pass *pass, const float *from, float *to) {
    const size_t count = elements_of(&layer->input), channels = (size_t)layer->input.size[2];
    float *factors = pass->scratch;
    for (int n = 0; n < pass->images; n++, from += count, to += count) {
        draw(layer, pass, n, factors);
        for (size_t i = 0; i < count; i += channels)
            for (size_t v = 0; v < channels; v++) to[i + v] = from[i + v] * factors[v];
    }
}

static void forward(const struct layer *layer, const struct pass *pass) {
    if (pass->training && !pass->steady)
        drop(layer, pass, pass->x, pass->y);
    else
        copy_forward(layer, pass);
}

static void backward(const struct layer *layer, const struct pass *pass) {
    if (pass->dx && pass->steady)
        copy_backward(layer, pass);
    else if (pass->dx)
        drop(layer, pass, pass->dy, pass->dx);
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    if (!graph->training) return x;
    return graph_apply(graph, GRAPH_DROP_CHANNELS, x, ((const struct spatial_dropout2d *)layer->config)->rate);
}

static const struct layer_example examples[] = {
    {"{\"rate\": 0.4}", {3, {3, 4, 11}}},
    {"{\"rate\": 0}", {3, {2, 3, 2}}},
    {0},
};

static const struct layer_page page = {
    .text = "Dropout of whole channels: behind a convolution neighbouring cells say nearly the same, so that dropping "
            "single ones changes little. At inference nothing happens.\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .references = "Tompson et al. 2015, Efficient object localization using convolutional networks\n",
    .see_also = "Dropout, GaussianNoise\n",
    .example = {"{\"rate\": 0.2}", {3, {32, 32, 16}}},
};

const struct layer_kind spatial_dropout2d_layer = {
    .component = {.name = "SpatialDropout2D",
                  .summary = "drops whole channels at random while training",
                  .fields = fields,
                  .size = sizeof(struct spatial_dropout2d)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
