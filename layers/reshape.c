/* Reshape: the same numbers in the same order under another shape; nothing moves in memory. */
#include "layers/parts.h"

struct reshape {
    struct layer_common common;
    struct int_list target_shape;
};

static const struct field fields[] = {
    {FIELD_AT(reshape, target_shape), .type = FIELD_INTS, .minimum = -1, .maximum = INT_MAX,
     .help = "the new shape without the batch; one size may be -1: what is left"},
    {0},
};

static int check(const void *config, const struct place *place, struct error *error) {
    const struct int_list *target = &((const struct reshape *)config)->target_shape;
    struct place at_target = place_key(place, "target_shape");
    int open = 0;
    if (target->count < 1 || target->count > SHAPE_RANK_MAX)
        return place_error(&at_target, error, "must have 1 to %d sizes, got %d", SHAPE_RANK_MAX, target->count);
    for (int i = 0; i < target->count; i++) {
        struct place item = place_item(&at_target, i);
        open += target->values[i] == -1;
        if (target->values[i] == 0) return place_error(&item, error, "must be 1 or more, or -1 once; got 0");
        if (open > 1) return place_error(&item, error, "only one size may be -1; give the others");
    }
    return 0;
}

/* The target with the open size filled in; false where the numbers do not come out even. */
static bool resolve(const struct int_list *target, size_t elements, struct shape *shape) {
    size_t known = 1;
    int open = -1;
    *shape = (struct shape){.rank = target->count};
    for (int i = 0; i < target->count; i++) shape->size[i] = target->values[i];
    for (int i = 0; i < target->count; i++) {
        if (target->values[i] == -1)
            open = i;
        else if (!size_multiply(known, (size_t)target->values[i], &known))
            return false;
    }
    if (open < 0) return known == elements;
    if (known > elements || elements % known != 0) return false;
    shape->size[open] = (int)(elements / known);
    return true;
}

static int infer(struct layer *layer, const struct place *place, struct error *error) {
    const struct reshape *config = layer->config;
    const size_t elements = elements_of(&layer->input);
    struct place at_target = place_key(place, "target_shape");
    char from[SHAPE_TEXT_SIZE], to[SHAPE_TEXT_SIZE];
    struct shape target;
    if (resolve(&config->target_shape, elements, &target)) {
        layer->output = target;
        return 0;
    }
    return place_error(&at_target, error,
                       "%s does not hold the %zu numbers of the input %s; a size of -1 takes what is left",
                       shape_text(&target, to, sizeof to), elements, shape_text(&layer->input, from, sizeof from));
}

static const struct layer_example examples[] = {
    {"{\"target_shape\": [2, 12]}", {3, {3, 4, 2}}},
    {"{\"target_shape\": [3, -1, 2]}", {1, {24}}},
    {0},
};

static const struct layer_page page = {
    .text = "Reads the same numbers as another shape, in the order of Flatten. Nothing is computed or copied.\n",
    .shapes =
        "output target_shape, which must hold as many numbers as the input; one size may be -1 and is worked out\n"
        "no weights\n",
    .cost = "no multiplications, no parameters\n",
    .see_also = "Flatten\n",
    .example = {"{\"target_shape\": [14, 14, 12]}", {3, {28, 28, 3}}},
};

const struct layer_kind reshape_layer = {
    .component = {.name = "Reshape",
                  .summary = "the same numbers under another shape",
                  .fields = fields,
                  .size = sizeof(struct reshape),
                  .check = check},
    .is_view = true,
    .infer = infer,
    .examples = examples,
    .page = &page,
};
