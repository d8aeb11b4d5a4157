/* ELU: the activation elu as a layer of its own. The model applies it to y; here y is a copy of x. */
#include "core/activation.h"

#include "layers/parts.h"

struct elu_config {
    struct layer_common common;
    struct elu activation;
};

static const struct field fields[] = {
    {.key = "alpha",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct elu_config, activation.alpha),
     .fallback = "1.0",
     .minimum = 0,
     .maximum = 1e300,
     .help = "the value far below zero is -alpha"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    (void)place, (void)error;
    const struct elu_config *config = layer->config;
    layer->output = layer->input;
    layer->activation = (struct component){registry_find(&activation_registry, "elu"), (void *)&config->activation};
    return 0;
}

static const struct layer_example examples[] = {
    {"{}", {1, {37}}},
    {"{\"alpha\": 0.5}", {3, {2, 3, 4}}},
    {0},
};

static const struct layer_page page = {
    .text =
        "Like a ReLU above zero; below it bends smoothly towards -alpha, which keeps the mean of the outputs near 0.\n"
        "  y = x where x is above 0, else alpha * (exp(x) - 1)\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .references = "Clevert, Unterthiner and Hochreiter 2016, Fast and accurate deep network learning by exponential "
                  "linear units\n",
    .see_also = "ReLU, LeakyReLU, PReLU\n",
    .example = {"{}", {3, {32, 32, 16}}},
};

const struct layer_kind elu_layer = {
    .component = {.name = "ELU",
                  .summary = "x above zero, alpha*(exp(x) - 1) below",
                  .fields = fields,
                  .size = sizeof(struct elu_config)},
    .infer = infer,
    .forward = copy_forward,
    .backward = copy_backward,
    .forgets_x = true,
    .describe = describe_copy,
    .examples = examples,
    .page = &page,
};
