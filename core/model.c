#include "core/model.h"

#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/activation.h"
#include "core/constraint.h"
#include "core/initializer.h"
#include "core/regularizer.h"
#include "core/text.h"

const struct activation_kind *layer_activation(const struct layer *layer) {
    const struct activation_kind *kind = (const struct activation_kind *)layer->activation.kind;
    return kind && !kind->is_linear ? kind : NULL;
}

void model_snake_case(const char *class_name, char *name, size_t size) {
    size_t at = 0;
    for (size_t i = 0; class_name[i] && at + 2 < size; i++) {
        unsigned char before = i ? (unsigned char)class_name[i - 1] : 0, c = (unsigned char)class_name[i];
        unsigned char after = (unsigned char)class_name[i + 1];
        bool starts_word = isupper(c) && i && (islower(before) || islower(after));
        if (starts_word) name[at++] = '_';
        name[at++] = (char)tolower(c);
    }
    name[at] = '\0';
}

/* The other layer that has this name; NULL where it is free. */
static const struct layer *find_name(const struct model *model, const struct layer *except, const char *name) {
    for (int i = 0; i < model->layer_count; i++)
        if (&model->layers[i] != except && strcmp(model->layers[i].name, name) == 0) return &model->layers[i];
    return NULL;
}

/* Each turn of a repeat has places of its own that read the same. */
static bool same_place(const struct place *a, const struct place *b) {
    char first[ERROR_PATH_SIZE], second[ERROR_PATH_SIZE];
    return strcmp(place_text(a, first, sizeof first), place_text(b, second, sizeof second)) == 0;
}

static int set_given_name(const struct model *model, struct layer *layer, struct error *error) {
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): take_layers has filled all layers */
    const char *name = ((const struct layer_common *)layer->config)->name;
    if (!name) return 0;
    struct place here = place_key(layer->place, "name");
    if (!*name || strlen(name) >= LAYER_NAME_SIZE || strpbrk(name, "/\"") || !text_is_printable(name))
        return place_error(&here, error, "must be 1 to %d characters without slashes, quotes and control characters",
                           LAYER_NAME_SIZE - 1);
    const struct layer *other = find_name(model, layer, name);
    if (other && same_place(other->place, layer->place))
        return place_error(&here, error, "names a layer that is repeated, and names must differ; leave it out");
    if (other) return place_error(&here, error, "\"%s\" names another layer too; names must differ", name);
    snprintf(layer->name, sizeof layer->name, "%s", name);
    return 0;
}

static void set_automatic_name(const struct model *model, struct layer *layer) {
    char base[LAYER_NAME_SIZE - 12];
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): take_layers has filled all layers */
    if (layer->kind->base_name)
        snprintf(base, sizeof base, "%s", layer->kind->base_name);
    else
        model_snake_case(layer->kind->component.name, base, sizeof base);
    snprintf(layer->name, sizeof layer->name, "%s", base);
    for (int i = 1; find_name(model, layer, layer->name); i++)
        snprintf(layer->name, sizeof layer->name, "%s_%d", base, i);
}

/* Given names first, so that automatic ones keep clear of them. */
static int name_layers(struct model *model, struct error *error) {
    for (int i = 0; i < model->layer_count; i++)
        if (set_given_name(model, &model->layers[i], error) != 0) return -1;
    for (int i = 0; i < model->layer_count; i++)
        if (!model->layers[i].name[0]) set_automatic_name(model, &model->layers[i]);
    return 0;
}

static int infer_layer(struct layer *layer, struct error *error) {
    const struct place *place = layer->place;
    if (layer->kind->infer(layer, place, error) != 0) return -1;
    size_t elements = 0;
    char text[SHAPE_TEXT_SIZE];
    if (!shape_elements(&layer->output, &elements))
        return place_error(place, error, "the output %s is too large; make the layer smaller",
                           shape_text(&layer->output, text, sizeof text));
    for (int k = 0; k < layer->parameter_count; k++) layer->parameters[k].trainable &= !layer->frozen;
    for (int k = 0; k < layer->parameter_count; k++)
        if (!shape_elements(&layer->parameters[k].shape, &layer->parameters[k].size))
            return place_error(place, error, "%s %s is too large; make the layer smaller", layer->parameters[k].name,
                               shape_text(&layer->parameters[k].shape, text, sizeof text));
    for (int k = 0; k < layer->parameter_count; k++)
        if (constraint_check(&layer->parameters[k].constraint, layer->parameters[k].name, &layer->parameters[k].shape,
                             place, error) != 0)
            return -1;
    return 0;
}

/* The second input is where the inner layers begin. */
static void set_second(const struct model *model, struct layer *layer) {
    layer->second = model->layers[layer->second_tensor].input;
    for (int axis = 0; axis < 2; axis++) {
        double stride = 1;
        for (int i = layer->second_tensor; i < layer->index; i++)
            if (model->layers[i].reach.stride[axis]) stride *= model->layers[i].reach.stride[axis];
        layer->second_stride[axis] = stride < INT_MAX ? (int)stride : INT_MAX;
    }
}

static int infer_layers(struct model *model, struct error *error) {
    struct shape shape = model->input;
    for (int i = 0; i < model->layer_count; i++) {
        model->layers[i].input = shape;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): take_layers has filled all layers */
        if (model->layers[i].kind->inner) set_second(model, &model->layers[i]);
        if (infer_layer(&model->layers[i], error) != 0) return -1;
        shape = model->layers[i].output;
    }
    model->output = shape;
    return 0;
}

enum { LINE_FLOATS = MEMORY_ALIGNMENT / sizeof(float) };

static void place_parameters(struct model *model, bool trainable) {
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            struct parameter *parameter = &model->layers[i].parameters[k];
            if (parameter->trainable != trainable) continue;
            parameter->offset = model->parameter_floats;
            model->parameter_floats += (parameter->size + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
            *(trainable ? &model->trainable_count : &model->non_trainable_count) += (long long)parameter->size;
        }
}

int model_allocate(struct model *model, struct error *error) {
    model->parameters = memory_allocate(model->parameter_floats, sizeof(float), "the model's parameters", error);
    return model->parameters ? 0 : -1;
}

/* ---- frozen layers ---- */

/* Freezes the layers whose names match; returns how many there are. */
static int freeze_matching(struct model *model, const char *pattern) {
    int count = 0;
    for (int i = 0; i < model->layer_count; i++) {
        if (fnmatch(pattern, model->layers[i].name, 0) != 0) continue;
        model->layers[i].frozen = true;
        count++;
    }
    return count;
}

static int no_match(const struct model *model, const char *pattern, const struct place *place, struct error *error) {
    struct text names = {0};
    for (int i = 0; i < model->layer_count; i++) text_print(&names, i ? ", %s" : "%s", model->layers[i].name);
    place_error(place, error, "\"%s\" matches no layer; there are: %s", pattern,
                names.bytes && !names.failed ? names.bytes : "");
    text_free(&names);
    return -1;
}

static int freeze(struct model *model, const struct config *config, const struct place *document, struct error *error) {
    const struct string_list *patterns = &config->values.training.freeze;
    const struct place training = place_key(document, "training"), list = place_key(&training, "freeze");
    for (int i = 0; i < model->layer_count; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): take_layers has filled all layers */
        model->layers[i].frozen = !((const struct layer_common *)model->layers[i].config)->trainable;
    for (int i = 0; i < patterns->count; i++) {
        const struct place item = place_item(&list, i);
        if (freeze_matching(model, patterns->values[i]) == 0) return no_match(model, patterns->values[i], &item, error);
    }
    for (int i = model->layer_count - 1; i >= 0; i--) /* owners come behind what is inside of them */
        if (model->layers[i].owner != LAYER_NO_OWNER && model->layers[model->layers[i].owner].frozen)
            model->layers[i].frozen = true;
    return 0;
}

/* ---- building ---- */

static const struct component_list *inner_of(const struct component *layer) {
    const struct layer_kind *kind = (const struct layer_kind *)layer->kind;
    return kind->inner ? kind->inner(layer->config) : NULL;
}

/* With those inside of others. */
static int count_layers(const struct component_list *layers) {
    int count = layers->count;
    for (int i = 0; i < layers->count; i++) {
        const struct component_list *inner = inner_of(&layers->items[i]);
        if (inner) count += count_layers(inner);
    }
    return count;
}

/* Layers inside of another come before it, in one line with all others. */
static void take_layers(struct model *model, const struct component_list *layers) {
    for (int i = 0; i < layers->count; i++) {
        const struct component_list *inner = inner_of(&layers->items[i]);
        const int first = model->layer_count;
        if (inner) take_layers(model, inner);
        const int index = model->layer_count++;
        model->layers[index] = (struct layer){.kind = (const struct layer_kind *)layers->items[i].kind,
                                              .config = layers->items[i].config,
                                              .place = layers->places[i],
                                              .index = index,
                                              .second_tensor = first,
                                              .owner = LAYER_NO_OWNER};
        for (int k = first; k < index; k++)
            if (model->layers[k].owner == LAYER_NO_OWNER) model->layers[k].owner = index;
    }
}

/* The probabilities of the last layer come into being within the loss. */
static int check_last_activity(const struct layer *layer, struct error *error) {
    const struct place place = place_key(layer->place, "activity_regularizer");
    if (!layer->activity_regularizer.kind) return 0;
    return place_error(&place, error,
                       "cannot be on the last layer, whose softmax is a part of the loss; put it on a "
                       "layer before");
}

static int plan(struct model *model, const struct config *config, const struct place *document, struct error *error) {
    const struct component_list *layers = &config->values.model;
    model->layers = calloc((size_t)count_layers(layers), sizeof *model->layers);
    if (!model->layers) return error_set(error, ERROR_RUN, NULL, "not enough memory for the layers");
    take_layers(model, layers);
    if (name_layers(model, error) != 0 || freeze(model, config, document, error) != 0 ||
        infer_layers(model, error) != 0)
        return -1;
    const struct activation_kind *last = layer_activation(&model->layers[model->layer_count - 1]);
    model->ends_in_softmax = last && last->is_softmax;
    if (model->ends_in_softmax && check_last_activity(&model->layers[model->layer_count - 1], error) != 0) return -1;
    place_parameters(model, true);
    model->trainable_floats = model->parameter_floats;
    place_parameters(model, false);
    return 0;
}

int model_plan(struct model *model, const struct config *config, const struct shape *input, struct error *error) {
    const struct place document = place_document(config->path), place = place_key(&document, "model");
    const int count = count_layers(&config->values.model);
    *model = (struct model){.input = *input};
    size_t elements = 0;
    char text[SHAPE_TEXT_SIZE];
    if (!shape_elements(input, &elements))
        return place_error(&place, error, "images of %s are larger than any layer takes; make them smaller",
                           shape_text(input, text, sizeof text));
    if (count == 0) return place_error(&place, error, "has no layers; a model needs at least one");
    if (count > MODEL_LAYERS_MAX)
        return place_error(&place, error, "has %d layers, at most %d are allowed; leave some out", count,
                           MODEL_LAYERS_MAX);
    if (plan(model, config, &document, error) == 0) return 0;
    model_free(model);
    return -1;
}

int model_build(struct model *model, const struct config *config, const struct shape *input, struct error *error) {
    if (model_plan(model, config, input, error) != 0) return -1;
    if (model_allocate(model, error) == 0) return 0;
    model_free(model);
    return -1;
}

void model_free(struct model *model) {
    free(model->layers);
    free(model->parameters);
    *model = (struct model){0};
}

int model_initialize(struct model *model, uint64_t seed, struct error *error) {
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            const struct parameter *parameter = &model->layers[i].parameters[k];
            struct rng rng = rng_stream(seed, RNG_INITIALIZE, (uint64_t)i, (uint64_t)k, 0);
            float *values = model->parameters + parameter->offset;
            if (initializer_fill(&parameter->initializer, &parameter->shape, rng, values, error) != 0) return -1;
        }
    return 0;
}

double model_penalty(const struct model *model) {
    double penalty = 0;
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            const struct parameter *parameter = &model->layers[i].parameters[k];
            if (!parameter->regularizer.kind || !parameter->trainable) continue;
            penalty +=
                regularizer_penalty(&parameter->regularizer, model->parameters + parameter->offset, parameter->size);
        }
    return penalty;
}

float *model_parameter(const struct model *model, const struct layer *layer, int k) {
    return model->parameters ? model->parameters + layer->parameters[k].offset : NULL;
}

char *model_parameter_name(const struct layer *layer, int k, char *name, size_t size) {
    snprintf(name, size, "%s/%s", layer->name, layer->parameters[k].name);
    return name;
}

int model_first_trainable(const struct model *model) {
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++)
            if (model->layers[i].parameters[k].trainable) return i;
    return model->layer_count;
}

double model_multiplications(const struct model *model) {
    double sum = 0;
    for (int i = 0; i < model->layer_count; i++) sum += model->layers[i].multiplications;
    return sum;
}
