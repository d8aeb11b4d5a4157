/* Dropout (Srivastava et al. 2014): in training every number is dropped with probability `rate` and the others are
 * divided by 1 - rate, so that the mean stays; at inference nothing happens. The backward pass draws the same numbers
 * again instead of keeping a mask. */
#include "core/graph.h"
#include "core/rng.h"
#include "layers/parts.h"

struct dropout {
    struct layer_common common;
    double rate;
};

static const struct field fields[] = {
    {FIELD_AT(dropout, rate), .type = FIELD_NUMBER, .minimum = 0, .maximum = 1, .below = true,
     .help = "share of the numbers that is dropped"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    (void)place, (void)error;
    layer->output = layer->input;
    return 0;
}

/* to = from where kept, scaled, else 0. What is dropped depends on seed, step, the image's position in the batch and
 * the layer, and so not on shards or threads. */
static void drop(const struct layer *layer, const struct pass *pass, const float *from, float *to) {
    const size_t count = elements_of(&layer->input);
    const double rate = ((const struct dropout *)layer->config)->rate;
    const float scale = (float)(1 / (1 - rate)), threshold = (float)rate;
    for (int n = 0; n < pass->images; n++, from += count, to += count) {
        struct rng rng =
            rng_stream(pass->seed, RNG_DROPOUT, pass->step, (uint64_t)(pass->first + n), (uint64_t)layer->index);
        for (size_t i = 0; i < count; i++) to[i] = rng_uniform(&rng) < threshold ? 0 : from[i] * scale;
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
    return graph_apply(graph, GRAPH_DROP, x, ((const struct dropout *)layer->config)->rate);
}

static const struct layer_example examples[] = {
    {"{\"rate\": 0.3}", {1, {40}}},
    {"{\"rate\": 0.5}", {3, {3, 4, 5}}},
    {"{\"rate\": 0}", {1, {7}}},
    {0},
};

static const struct layer_page page = {
    .text = "In training each number is set to 0 with probability rate, and the others are divided by 1 - rate so that "
            "the mean stays. A network cannot rely on any single number, and learns less by heart. At inference "
            "nothing happens. Which numbers are dropped follows from seed, step and image, so a run can be repeated.\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .references = "Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting\n",
    .see_also = "SpatialDropout2D, GaussianNoise\n",
    .example = {"{\"rate\": 0.5}", {1, {1024}}},
};

const struct layer_kind dropout_layer = {
    .component = {.name = "Dropout",
                  .summary = "drops a share of the numbers at random while training",
                  .fields = fields,
                  .size = sizeof(struct dropout)},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .describe = describe,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
