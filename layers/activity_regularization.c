/* ActivityRegularization: a penalty on what passes through, which stays as it is. */
#include "core/regularizer.h"

#include "layers/parts.h"

struct activity_regularization {
    struct layer_common common;
    struct l1_l2 factors;
};

#define FIELD_FACTOR(name, text)                                                                                       \
    {                                                                                                                  \
        .key = #name, .type = FIELD_NUMBER, .offset = offsetof(struct activity_regularization, factors.name),          \
        .fallback = "0.0", .minimum = 0, .maximum = 1e300, .help = text                                                \
    }
static const struct field fields[] = {
    FIELD_FACTOR(l1, "factor of the sum of magnitudes"),
    FIELD_FACTOR(l2, "factor of the sum of squares"),
    {0},
};

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    (void)place, (void)error;
    const struct activity_regularization *config = layer->config;
    layer->output = layer->input;
    layer->activity_regularizer =
        (struct component){registry_find(&regularizer_registry, "L1L2"), (void *)&config->factors};
    return 0;
}

static const struct layer_example examples[] = {
    {"{\"l1\": 0.01}", {1, {7}}},
    {"{\"l2\": 0.01}", {3, {2, 3, 4}}},
    {0},
};

static const struct layer_page page = {
    .text = "Hands everything through unchanged, and adds a penalty on it to the loss, so that the layer before learns "
            "to give small (l2) or few (l1) numbers.\n",
    .shapes = "output as the input\n"
              "no weights\n",
    .see_also = "GaussianNoise, Dropout\n",
};

const struct layer_kind activity_regularization_layer = {
    .component = {.name = "ActivityRegularization",
                  .summary = "adds a penalty on the numbers that pass through to the loss",
                  .fields = fields,
                  .size = sizeof(struct activity_regularization)},
    .infer = infer,
    .forward = copy_forward,
    .backward = copy_backward,
    .forgets_x = true,
    .describe = describe_copy,
    .examples = examples,
    .page = &page,
};
