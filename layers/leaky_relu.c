/* LeakyReLU: the activation leaky_relu as a layer of its own, with the default of Keras' layer. The model applies it to
 * y; here y is a copy of x. */
#include "core/activation.h"

#include "layers/parts.h"

struct leaky_relu_config {
    struct layer_common common;
    struct leaky_relu activation;
};

static const struct field fields[] = {
    {.key = "negative_slope",
     .formerly = "alpha",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct leaky_relu_config, activation.negative_slope),
     .fallback = "0.3",
     .minimum = 0,
     .maximum = 1e300,
     .help = "slope below zero; alpha in Keras 2"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    (void)place, (void)error;
    const struct leaky_relu_config *config = layer->config;
    layer->output = layer->input;
    layer->activation =
        (struct component){registry_find(&activation_registry, "leaky_relu"), (void *)&config->activation};
    return 0;
}

static const struct layer_example examples[] = {
    {"{}", {1, {37}}},
    {"{\"negative_slope\": 0.1}", {3, {2, 3, 4}}},
    {0},
};

static const struct layer_page page = {
    .text = "Lets negative numbers through, multiplied by a small slope, so that no unit stops learning for good.\n"
            "  y = x where x is 0 or more, else negative_slope * x\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .references = "Maas, Hannun and Ng 2013, Rectifier nonlinearities improve neural network acoustic models\n",
    .see_also = "ReLU, PReLU, ELU\n",
    .example = {"{\"negative_slope\": 0.1}", {3, {32, 32, 16}}},
};

const struct layer_kind leaky_relu_layer = {
    .component = {.name = "LeakyReLU",
                  .summary = "x above zero, negative_slope*x below",
                  .fields = fields,
                  .size = sizeof(struct leaky_relu_config)},
    .infer = infer,
    .forward = copy_forward,
    .backward = copy_backward,
    .forgets_x = true,
    .describe = describe_copy,
    .examples = examples,
    .page = &page,
};
