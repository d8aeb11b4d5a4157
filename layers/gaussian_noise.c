/* GaussianNoise: in training every number gets a normal random number of mean 0 added; at inference nothing happens. */
#include "core/graph.h"
#include "core/rng.h"
#include "layers/parts.h"

struct gaussian_noise {
    struct layer_common common;
    double stddev;
};

static const struct field fields[] = {
    {FIELD_AT(gaussian_noise, stddev), .type = FIELD_NUMBER, .minimum = 0, .maximum = 1e300,
     .help = "standard deviation of the noise"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    (void)place, (void)error;
    layer->output = layer->input;
    return 0;
}

/* The noise depends on seed, step, the image's position in the batch and the layer, and so not on shards or threads. */
static void forward(const struct layer *layer, const struct pass *pass) {
    const size_t count = elements_of(&layer->input);
    const float stddev = (float)((const struct gaussian_noise *)layer->config)->stddev;
    copy_forward(layer, pass);
    if (!pass->training || pass->steady) return;
    float *y = pass->y;
    for (int n = 0; n < pass->images; n++, y += count) {
        struct rng rng =
            rng_stream(pass->seed, RNG_DROPOUT, pass->step, (uint64_t)(pass->first + n), (uint64_t)layer->index);
        for (size_t i = 0; i < count; i++) y[i] += stddev * rng_normal(&rng);
    }
}

static int describe(const struct layer *layer, struct graph *graph, int x) {
    if (!graph->training) return x;
    return graph_apply(graph, GRAPH_NOISE, x, ((const struct gaussian_noise *)layer->config)->stddev);
}

static const struct layer_example examples[] = {
    {"{\"stddev\": 0.1}", {3, {3, 4, 5}}},
    {"{\"stddev\": 0}", {1, {7}}},
    {0},
};

static const struct layer_page page = {
    .text = "Adds a normal random number of mean 0 to every number in training: a gentle way to keep a network from "
            "learning by heart. At inference nothing happens.\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .see_also = "Dropout, SpatialDropout2D\n",
    .example = {"{\"stddev\": 0.1}", {3, {32, 32, 16}}},
};

const struct layer_kind gaussian_noise_layer = {
    .component = {.name = "GaussianNoise",
                  .summary = "adds normal random numbers while training",
                  .fields = fields,
                  .size = sizeof(struct gaussian_noise)},
    .infer = infer,
    .forward = forward,
    .backward = copy_backward,
    .describe = describe,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
