/* Activation: an activation as a layer of its own. The model applies it to y; here y is a copy of x, because the layer
 * before may need its own output as it was. */
#include "layers/parts.h"

struct activation_config {
    struct layer_common common;
    struct component activation;
};

static const struct field fields[] = {
    {FIELD_AT(activation_config, activation), .type = FIELD_COMPONENT, .of = "activation",
     .help = "the function applied to every number"},
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    (void)place, (void)error;
    layer->output = layer->input;
    layer->activation = ((const struct activation_config *)layer->config)->activation;
    return 0;
}

static const struct layer_example examples[] = {
    {"{\"activation\": \"relu\"}", {3, {4, 3, 5}}},
    {"{\"activation\": \"leaky_relu\"}", {1, {37}}},
    {"{\"activation\": \"elu\"}", {1, {37}}},
    {"{\"activation\": \"gelu\"}", {1, {37}}},
    {"{\"activation\": {\"type\": \"gelu\", \"approximate\": true}}", {1, {37}}},
    {"{\"activation\": \"silu\"}", {1, {37}}},
    {"{\"activation\": \"tanh\"}", {1, {37}}},
    {"{\"activation\": \"sigmoid\"}", {1, {37}}},
    {"{\"activation\": \"relu6\"}", {1, {37}}},
    {"{\"activation\": \"selu\"}", {1, {37}}},
    {"{\"activation\": \"softplus\"}", {1, {37}}},
    {"{\"activation\": \"softsign\"}", {1, {37}}},
    {"{\"activation\": \"softmax\"}", {3, {2, 3, 5}}},
    {"{\"activation\": \"linear\"}", {1, {5}}},
    {0},
};

static const struct layer_page page = {
    .text = "Applies an activation to every number. Most layers have an `activation` of their own; this is for where "
            "something stands between the two, such as BatchNormalization. `cnntrain layers activation` lists all "
            "activations.\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .see_also = "ReLU, LeakyReLU, ELU, PReLU, Softmax\n",
    .example = {"{\"activation\": \"relu\"}", {3, {32, 32, 16}}},
};

const struct layer_kind activation_layer = {
    .component = {.name = "Activation",
                  .summary = "an activation as a layer of its own",
                  .fields = fields,
                  .size = sizeof(struct activation_config)},
    .infer = infer,
    .forward = copy_forward,
    .backward = copy_backward,
    .describe = describe_copy,
    .forgets_x = true,
    .examples = examples,
    .page = &page,
};
