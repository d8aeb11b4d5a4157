#include "core/interop/keras_write.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What goes down to every value of a layer. */
struct writer {
    const struct registries *registries;
    const struct component_registry *layers;
    const struct layer *layer;
    bool with_weights;
    struct error *error;
};

static const char other_format[] = "leave it out, or convert to a format that is not Keras'";

static void *no_memory(struct error *error) {
    error_fill(error, ERROR_RUN, NULL, "not enough memory for the model's description");
    return NULL;
}

/* {"module", "class_name", "config", "registered_name"}: how Keras 3 writes every object. Takes `config`; NULL without
 * memory. */
static cJSON *object_of(const char *module, const char *class, cJSON *config) {
    cJSON *object = cJSON_CreateObject();
    bool whole = object && json_add(object, "module", cJSON_CreateString(module)) &&
                 json_add(object, "class_name", cJSON_CreateString(class));
    if (!whole) cJSON_Delete(config);
    if (whole && json_add(object, "config", config) && json_add(object, "registered_name", cJSON_CreateNull()))
        return object;
    cJSON_Delete(object);
    return NULL;
}

static cJSON *type_of_numbers(void) {
    cJSON *config = cJSON_CreateObject();
    if (config && json_add(config, "name", cJSON_CreateString("float32")))
        return object_of("keras", "DTypePolicy", config);
    cJSON_Delete(config);
    return NULL;
}

/* [null, h, w, c] */
static cJSON *batch_shape(const struct shape *shape) {
    cJSON *list = cJSON_CreateArray();
    bool whole = list && json_append(list, cJSON_CreateNull());
    for (int i = 0; i < shape->rank && whole; i++) whole = json_append(list, cJSON_CreateNumber(shape->size[i]));
    if (whole) return list;
    cJSON_Delete(list);
    return NULL;
}

/* {"input_shape": [null, h, w, c]} */
static cJSON *build_config(const struct shape *shape) {
    cJSON *object = cJSON_CreateObject();
    if (object && json_add(object, "input_shape", batch_shape(shape))) return object;
    cJSON_Delete(object);
    return NULL;
}

/* ---- values ---- */

static struct place place_of_layer(const struct layer *layer, char *label, size_t size) {
    snprintf(label, size, "layer \"%s\"", layer->name);
    return place_document(label);
}

/* The error of a value at `field`, or of the layer itself where `field` is NULL. */
static void *refuse(const struct writer *writer, const struct field *field, const char *what) {
    char label[LAYER_NAME_SIZE + 16];
    const struct place layer = place_of_layer(writer->layer, label, sizeof label);
    const struct place place = field ? place_key(&layer, field->key) : layer;
    place_fill_error(&place, writer->error, "Keras has no %s; %s", what, other_format);
    return NULL;
}

/* Whether the component is what its name alone stands for: 1 or 0; -1 without memory. */
static int is_default(const struct writer *writer, const struct component_registry *registry, const cJSON *json,
                      const struct component_kind *kind) {
    struct arena arena = {0};
    struct component component;
    const struct place place = place_document("");
    const struct field_reader reader = {writer->registries, &arena, writer->error};
    cJSON *name = cJSON_CreateString(kind->name), *plain = NULL;
    if (name && component_read(&reader, registry, name, &place, &component) == 0)
        plain = component_write(writer->registries, registry, &component);
    const int same = !plain ? -1 : cJSON_Compare(plain, json, true) ? 1 : 0;
    cJSON_Delete(plain);
    cJSON_Delete(name);
    arena_free(&arena);
    return same;
}

/* Keras knows an activation by its name, and one with settings as a layer. Takes `json`. */
static cJSON *write_activation(const struct writer *writer, const struct field *field,
                               const struct component_kind *kind, const struct component_registry *registry,
                               cJSON *json) {
    const char *class = kind->alias && isupper((unsigned char)kind->alias[0]) ? kind->alias : NULL;
    const int plain = is_default(writer, registry, json, kind);
    if (plain == 0 && class) {
        cJSON_DeleteItemFromObjectCaseSensitive(json, registry_type_key(registry));
        return object_of("keras.layers", class, json);
    }
    cJSON_Delete(json);
    if (plain != 0) return plain > 0 ? cJSON_CreateString(kind->name) : NULL;
    char text[96];
    snprintf(text, sizeof text, "%s with other than its own settings", kind->name);
    return refuse(writer, field, text);
}

/* {"type", ...} becomes Keras' object. Takes `json`. */
static cJSON *write_component(const struct writer *writer, const struct field *field, cJSON *json) {
    const struct component_registry *registry = registries_find(writer->registries, field->of);
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, registry_type_key(registry)));
    const struct component_kind *kind = type ? registry_find(registry, type) : NULL;
    if (!kind) return json;
    if (kind->own) {
        cJSON_Delete(json);
        if (writer->with_weights && strcmp(field->of, "initializer") == 0)
            return object_of("keras.initializers", "Zeros", cJSON_CreateObject());
        return refuse(writer, field, kind->name);
    }
    if (strcmp(field->of, "activation") == 0) return write_activation(writer, field, kind, registry, json);
    char module[64];
    snprintf(module, sizeof module, "keras.%ss", field->of);
    cJSON_DeleteItemFromObjectCaseSensitive(json, registry_type_key(registry));
    return object_of(module, kind->name, json);
}

static bool is_own_choice(const struct field *field, const cJSON *json) {
    const char *choice = cJSON_GetStringValue(json);
    for (const char *const *own = field->own_choices; own && choice && *own; own++)
        if (strcmp(*own, choice) == 0) return true;
    return false;
}

/* An axis is a number in Keras where it is only one. Takes `json`. */
static cJSON *write_list(cJSON *json) {
    if (cJSON_GetArraySize(json) != 1) return json;
    cJSON *only = cJSON_DetachItemFromArray(json, 0);
    cJSON_Delete(json);
    return only;
}

/* Takes `json`; NULL with the error. */
static cJSON *write_value(const struct writer *writer, const struct field *field, cJSON *json) {
    if (is_own_choice(field, json)) {
        char text[96];
        snprintf(text, sizeof text, "\"%.60s\" here", json->valuestring);
        cJSON_Delete(json);
        return refuse(writer, field, text);
    }
    if (field->type == FIELD_COMPONENT) json = write_component(writer, field, json);
    if (json && field->single) json = write_list(json);
    return json ? json : no_memory(writer->error);
}

/* ---- layers ---- */

/* A field of cnntrain's own is no matter at its default. Leaves it out, or fails. */
static int leave_out(const struct writer *writer, const struct field *field, const cJSON *json) {
    if (field->origin == FIELD_OWN_HINT) return 0;
    cJSON *fallback = field->fallback ? cJSON_Parse(field->fallback) : NULL;
    const bool same = fallback && cJSON_Compare(fallback, json, true), is_known = fallback || !field->fallback;
    cJSON_Delete(fallback);
    if (same) return 0;
    if (is_known)
        refuse(writer, NULL, field->key);
    else
        no_memory(writer->error);
    return -1;
}

/* Takes `json`. */
static int write_field(const struct writer *writer, const struct field *field, cJSON *json, cJSON *config) {
    if (field->origin != FIELD_OF_KERAS) {
        const int status = leave_out(writer, field, json);
        cJSON_Delete(json);
        return status;
    }
    cJSON *written = write_value(writer, field, json);
    if (!written) return -1;
    if (json_add(config, field->key, written)) return 0;
    no_memory(writer->error);
    return -1;
}

/* Keras' classes for pictures take a data_format, and Flatten does; where it is not said it is a user's setting. */
static bool has_data_format(const char *class) {
    return strstr(class, "2D") || strcmp(class, "Flatten") == 0;
}

/* A layer without weights has nothing to train, and some classes of Keras then take no such setting. */
static bool add_common(const struct layer *layer, cJSON *config) {
    const struct layer_common *common = layer->config;
    const char *class = layer->kind->component.name;
    return json_add(config, "name", cJSON_CreateString(layer->name)) &&
           (layer->parameter_count == 0 || json_add(config, "trainable", cJSON_CreateBool(common->trainable))) &&
           json_add(config, "dtype", type_of_numbers()) &&
           (!has_data_format(class) || json_add(config, "data_format", cJSON_CreateString("channels_last")));
}

static int fill_config(const struct writer *writer, cJSON *config) {
    const struct layer *layer = writer->layer;
    const struct component component = {&layer->kind->component, (void *)(uintptr_t)layer->config};
    cJSON *settings = component_write(writer->registries, writer->layers, &component);
    int status = settings && add_common(layer, config) ? 0 : -1;
    if (status != 0) no_memory(writer->error);
    for (const struct field *field = component.kind->fields; status == 0 && field && field->key; field++) {
        cJSON *json = cJSON_DetachItemFromObjectCaseSensitive(settings, field->key);
        if (json) status = write_field(writer, field, json, config);
    }
    cJSON_Delete(settings);
    return status;
}

static cJSON *write_layer(const struct writer *writer) {
    const struct layer *layer = writer->layer;
    if (layer->kind->component.own) return refuse(writer, NULL, layer->kind->component.name);
    cJSON *config = cJSON_CreateObject();
    if (!config) return no_memory(writer->error);
    if (fill_config(writer, config) != 0) {
        cJSON_Delete(config);
        return NULL;
    }
    cJSON *object = object_of("keras.layers", layer->kind->component.name, config);
    if (object && json_add(object, "build_config", build_config(&layer->input))) return object;
    cJSON_Delete(object);
    return no_memory(writer->error);
}

static cJSON *write_input(const struct shape *shape) {
    cJSON *config = cJSON_CreateObject();
    if (config && json_add(config, "batch_shape", batch_shape(shape)) &&
        json_add(config, "dtype", cJSON_CreateString("float32")) && json_add(config, "sparse", cJSON_CreateFalse()) &&
        json_add(config, "ragged", cJSON_CreateFalse()) &&
        json_add(config, "name", cJSON_CreateString("input_layer")) &&
        json_add(config, "optional", cJSON_CreateFalse()))
        return object_of("keras.layers", "InputLayer", config);
    cJSON_Delete(config);
    return NULL;
}

/* ---- the model ---- */

static cJSON *write_layers(const struct model *model, const struct registries *registries, bool with_weights,
                           struct error *error) {
    cJSON *list = cJSON_CreateArray();
    struct writer writer = {registries, registries_find(registries, "layer"), NULL, with_weights, error};
    if (!list || !json_append(list, write_input(&model->input))) no_memory(error);
    for (int i = 0; i < model->layer_count && error->code == ERROR_NONE; i++) {
        writer.layer = &model->layers[i];
        cJSON *layer = write_layer(&writer);
        if (layer && !json_append(list, layer)) no_memory(error);
    }
    if (error->code == ERROR_NONE) return list;
    cJSON_Delete(list);
    return NULL;
}

static cJSON *write_config(const struct shape *input, cJSON *layers) {
    cJSON *config = cJSON_CreateObject();
    const bool whole = config && json_add(config, "name", cJSON_CreateString("sequential")) &&
                       json_add(config, "trainable", cJSON_CreateTrue()) &&
                       json_add(config, "dtype", type_of_numbers());
    if (!whole) cJSON_Delete(layers);
    if (whole && json_add(config, "layers", layers) && json_add(config, "build_input_shape", batch_shape(input)))
        return config;
    cJSON_Delete(config);
    return NULL;
}

cJSON *keras_write_model(const struct model *model, const struct registries *registries, bool with_weights,
                         struct error *error) {
    cJSON *layers = write_layers(model, registries, with_weights, error);
    if (!layers) return NULL;
    cJSON *config = write_config(&model->input, layers);
    cJSON *object = config ? object_of("keras", "Sequential", config) : NULL;
    if (object && json_add(object, "build_config", build_config(&model->input))) return object;
    cJSON_Delete(object);
    return no_memory(error);
}
