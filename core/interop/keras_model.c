#include "core/interop/keras_model.h"

#include <stdio.h>
#include <string.h>

enum { LABEL_SIZE = 192, LAYERS_MOST = 4096 };

/* What goes down to every layer. */
struct reader {
    const struct registries *registries;
    const struct component_registry *layers;
    struct error *error;
};

static int no_memory(struct error *error) {
    return error_set(error, ERROR_RUN, NULL, "not enough memory for the model");
}

static const cJSON *member(const cJSON *object, const char *key) {
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

/* The text at this key; NULL where there is none. */
static const char *text_at(const cJSON *object, const char *key) {
    return cJSON_GetStringValue(member(object, key));
}

bool keras_is_model(const cJSON *json) {
    return text_at(json, "class_name") != NULL;
}

/* ---- values ---- */

static cJSON *translate(const cJSON *value);

/* Where an activation with settings stands as a layer, it has what all layers have. */
static bool is_of_a_layer(const cJSON *config, const char *key) {
    return member(config, "trainable") &&
           (strcmp(key, "name") == 0 || strcmp(key, "trainable") == 0 || strcmp(key, "dtype") == 0);
}

/* Seeds choose between equally good first weights, and cnntrain has one for the whole run; null says nothing. */
static bool translate_members(const cJSON *config, cJSON *object) {
    for (const cJSON *child = config ? config->child : NULL; child; child = child->next) {
        if (strcmp(child->string, "seed") == 0 || cJSON_IsNull(child) || is_of_a_layer(config, child->string)) continue;
        if (!json_add(object, child->string, translate(child))) return false;
    }
    return true;
}

/* Keras' {"class_name", "config", ...} becomes {"type", ...}; a function of Keras' own its name. NULL without memory.
 */
static cJSON *translate(const cJSON *value) {
    const char *class = text_at(value, "class_name");
    const cJSON *config = member(value, "config");
    if (!class) return cJSON_Duplicate(value, 1);
    if (strcmp(class, "function") == 0 && cJSON_IsString(config)) return cJSON_Duplicate(config, 1);
    cJSON *object = cJSON_CreateObject();
    if (object && json_add(object, "type", cJSON_CreateString(class)) && translate_members(config, object))
        return object;
    cJSON_Delete(object);
    return NULL;
}

/* ---- what Keras writes beside a layer's settings ---- */

/* Keys without a meaning here, whatever they hold. */
static bool is_bookkeeping(const char *key) {
    static const char *const keys[] = {
        "batch_input_shape", "batch_shape", "batch_size", "sparse",         "ragged",         "seed",
        "build_config",      "autocast",    "fused",      "implementation", "renorm_momentum"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) return true;
    return false;
}

/* A setting that the layer does not have here, at a value that changes nothing: null, false, one group, or first
 * values of weights that the layer does not have (Keras 2 wrote all fields of a class's ancestors). */
static bool is_without_effect(const cJSON *value) {
    static const char ending[] = "_initializer";
    const size_t length = strlen(value->string), size = sizeof ending - 1;
    if (cJSON_IsNull(value) || cJSON_IsFalse(value)) return true;
    if (strcmp(value->string, "groups") == 0) return cJSON_IsNumber(value) && value->valuedouble == 1;
    return length > size && strcmp(value->string + length - size, ending) == 0;
}

static int check_type(const cJSON *type, const struct place *layer, struct error *error) {
    const struct place place = place_key(layer, "dtype");
    const cJSON *inner = cJSON_IsObject(type) ? member(member(type, "config"), "name") : NULL;
    const cJSON *name = cJSON_IsString(inner) ? inner : type;
    char found[96];
    const char *text = cJSON_GetStringValue(name);
    if (cJSON_IsNull(type) || (text && strcmp(text, "float32") == 0)) return 0;
    return place_error(&place, error, "must be float32, the type everything is computed in here; got %s",
                       json_describe(name, found, sizeof found));
}

static int check_format(const cJSON *format, const struct place *layer, struct error *error) {
    const struct place place = place_key(layer, "data_format");
    const char *name = cJSON_GetStringValue(format);
    char found[96];
    if (cJSON_IsNull(format) || (name && strcmp(name, "channels_last") == 0)) return 0;
    return place_error(&place, error, "must be channels_last, the order of pixels here; got %s",
                       json_describe(format, found, sizeof found));
}

/* ---- layers ---- */

/* One member of a layer's config goes into `layer`, or is found to mean nothing. */
static int take_member(const struct reader *reader, const struct component_kind *kind, const cJSON *value,
                       const struct place *place, cJSON *layer) {
    const char *key = value->string;
    if (fields_know(kind->fields, key) || fields_know(reader->layers->common, key))
        return json_add(layer, key, translate(value)) ? 0 : no_memory(reader->error);
    if (strcmp(key, "dtype") == 0) return check_type(value, place, reader->error);
    if (strcmp(key, "data_format") == 0) return check_format(value, place, reader->error);
    if (is_bookkeeping(key) || is_without_effect(value)) return 0;
    const struct place here = place_key(place, key);
    char found[96];
    return place_error(&here, reader->error, "has the value %s, which is not supported; remove it",
                       json_describe(value, found, sizeof found));
}

/* Fails where the kind's table refuses a value. */
static int check_layer(const struct reader *reader, const cJSON *layer, const struct place *place) {
    struct arena arena = {0};
    struct component component;
    const struct field_reader fields = {reader->registries, &arena, reader->error};
    const int status = component_read(&fields, reader->layers, layer, place, &component);
    arena_free(&arena);
    return status;
}

static int fill_layer(const struct reader *reader, const char *class, const cJSON *config, const struct place *place,
                      cJSON *layer) {
    const struct component_kind *kind = registry_find(reader->layers, class);
    if (!json_add(layer, registry_type_key(reader->layers), cJSON_CreateString(class))) return no_memory(reader->error);
    for (const cJSON *value = kind && config ? config->child : NULL; value; value = value->next)
        if (take_member(reader, kind, value, place, layer) != 0) return -1;
    return check_layer(reader, layer, place);
}

/* `layer "conv2d_1"`, or the layer's number where it has no name */
static struct place place_of(const struct place *place, const char *name, int index, char label[LABEL_SIZE]) {
    if (name)
        snprintf(label, LABEL_SIZE, "layer \"%.*s\"", LABEL_SIZE - 16, name);
    else
        snprintf(label, LABEL_SIZE, "layer %d", index);
    return place_key(place, label);
}

static int add_layer(const struct reader *reader, const cJSON *json, const struct place *place, cJSON *model) {
    const char *class = text_at(json, "class_name");
    const cJSON *config = member(json, "config");
    char label[LABEL_SIZE];
    const struct place here = place_of(place, text_at(config, "name"), cJSON_GetArraySize(model), label);
    if (!class) return place_error(&here, reader->error, "has no class_name; is this a model of Keras?");
    if (strcmp(class, "InputLayer") == 0) return 0;
    if (strcmp(class, "Sequential") == 0 || strcmp(class, "Functional") == 0)
        return place_error(&here, reader->error,
                           "is a model within the model, which cannot be read; put its layers in its place");
    cJSON *layer = cJSON_CreateObject();
    if (!json_append(model, layer)) return no_memory(reader->error);
    return fill_layer(reader, class, config, &here, layer);
}

/* ---- the model ---- */

/* What is [null, h, w, c]; NULL where it is not. */
static const cJSON *as_shape(const cJSON *shape) {
    if (!shape || !cJSON_IsArray(shape) || cJSON_GetArraySize(shape) < 2) return NULL;
    for (const cJSON *size = shape->child->next; size; size = size->next)
        if (!cJSON_IsNumber(size)) return NULL;
    return shape;
}

/* The first shape of the layer's config that there is, as each generation calls it. */
static const cJSON *shape_of(const cJSON *layer) {
    const cJSON *config = member(layer, "config");
    const cJSON *shape = as_shape(member(config, "batch_shape"));
    if (!shape) shape = as_shape(member(config, "batch_input_shape"));
    if (!shape) shape = as_shape(member(member(layer, "build_config"), "input_shape"));
    return shape;
}

static int add_shape(const cJSON *config, const cJSON *layers, cJSON *document, struct error *error) {
    const cJSON *shape = layers->child ? shape_of(layers->child) : NULL;
    if (!shape) shape = as_shape(member(config, "build_input_shape"));
    if (!shape) return 0;
    cJSON *one = cJSON_Duplicate(shape, 1); /* of a batch */
    cJSON_DeleteItemFromArray(one, 0);
    return json_add(document, "input_shape", one) ? 0 : no_memory(error);
}

/* ---- models made by calling layers on each other ---- */

/* The name of the layer in [name, node, output, ...], where both numbers, if they are there, are 0: a layer that is
 * called once has one node, and gives one output. NULL where they are not. */
static const char *named_by(const cJSON *tensor) {
    for (int i = 1; i <= 2; i++) {
        const cJSON *number = cJSON_GetArrayItem(tensor, i);
        if (number && !(cJSON_IsNumber(number) && number->valuedouble == 0)) return NULL;
    }
    return tensor ? cJSON_GetStringValue(tensor->child) : NULL;
}

/* The name of the layer whose output a call takes; NULL where it takes none, or several. Keras 3 writes a call as
 * {"args": [tensor], "kwargs"} with the tensor's "keras_history": [name, 0, 0], before it was [[name, 0, 0, {}]]. */
static const char *taken_by(const cJSON *call) {
    const cJSON *arguments = cJSON_IsArray(call) ? call : member(call, "args");
    if (!arguments || cJSON_GetArraySize(arguments) != 1) return NULL;
    const cJSON *first = arguments->child;
    const cJSON *history = cJSON_IsArray(first) ? first : member(member(first, "config"), "keras_history");
    return named_by(history);
}

/* Whether the layer is called once, on the output of the layer before it. */
static bool follows(const cJSON *layer, const char *before) {
    const cJSON *calls = member(layer, "inbound_nodes");
    if (!before) return cJSON_GetArraySize(calls) == 0;
    const char *taken = calls && cJSON_GetArraySize(calls) == 1 ? taken_by(calls->child) : NULL;
    return taken && strcmp(taken, before) == 0;
}

/* Whether a list of ends, [name, 0, 0] or [[name, 0, 0]], is this layer alone. */
static bool is_only_end(const cJSON *ends, const char *name) {
    const cJSON *first = ends ? ends->child : NULL;
    const char *text = named_by(cJSON_IsArray(first) && cJSON_GetArraySize(ends) == 1 ? first : ends);
    return name && text && strcmp(text, name) == 0;
}

/* A model of class Functional is one of layers in a line where each takes what the one before it gives. */
static int check_line(const cJSON *config, const cJSON *layers, const struct place *place, struct error *error) {
    const char *before = NULL;
    for (const cJSON *layer = layers->child; layer; layer = layer->next) {
        const char *name = text_at(layer, "name");
        char label[LABEL_SIZE];
        if (!name) name = text_at(member(layer, "config"), "name");
        const struct place here = place_of(place, name, 0, label);
        if (!name || !follows(layer, before))
            return place_error(&here, error,
                               "does not take the output of the layer before it alone; only models whose layers stand "
                               "in one line can be read");
        before = name;
    }
    if (is_only_end(member(config, "output_layers"), before)) return 0;
    return place_error(place, error, "has not its last layer as its one output; only such models can be read");
}

static int read_into(const struct reader *reader, const cJSON *json, const struct place *place, cJSON *document) {
    const cJSON *config = member(json, "config");
    const cJSON *layers = cJSON_IsArray(config) ? config : member(config, "layers");
    const char *class = text_at(json, "class_name");
    const bool is_line = class && (strcmp(class, "Functional") == 0 || strcmp(class, "Model") == 0);
    if (!is_line && (!class || strcmp(class, "Sequential") != 0))
        return place_error(place, reader->error,
                           "is a Keras model of class %s; only Sequential ones, and Functional "
                           "ones whose layers stand in one line, can be read",
                           class ? class : "none");
    if (!layers || !cJSON_IsArray(layers))
        return place_error(place, reader->error, "is a Keras model without a list of layers; save it with to_json()");
    if (cJSON_GetArraySize(layers) > LAYERS_MOST)
        return place_error(place, reader->error, "is a Keras model of %d layers, at most %d are read",
                           cJSON_GetArraySize(layers), LAYERS_MOST);
    if (is_line && check_line(config, layers, place, reader->error) != 0) return -1;
    if (add_shape(config, layers, document, reader->error) != 0) return -1;
    cJSON *model = cJSON_AddArrayToObject(document, "model");
    if (!model) return no_memory(reader->error);
    for (const cJSON *layer = layers->child; layer; layer = layer->next)
        if (add_layer(reader, layer, place, model) != 0) return -1;
    return 0;
}

cJSON *keras_read_model(const cJSON *json, const struct place *place, const struct registries *registries,
                        struct error *error) {
    const struct reader reader = {registries, registries_find(registries, "layer"), error};
    cJSON *document = cJSON_CreateObject();
    if (!document) {
        no_memory(error);
        return NULL;
    }
    if (read_into(&reader, json, place, document) == 0) return document;
    cJSON_Delete(document);
    return NULL;
}

bool keras_takes_bytes(const cJSON *document) {
    const cJSON *layers = member(document, "model");
    const char *first = layers ? text_at(layers->child, "type") : NULL;
    return first && strcmp(first, "Rescaling") == 0;
}
