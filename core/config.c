#include "core/config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"

static const char *const loss_names[] = {"sparse_categorical_crossentropy", NULL};
static const char *const on_nan_names[] = {[ON_NAN_STOP] = "stop", [ON_NAN_SKIP] = "skip", NULL};

const struct field training_fields[] = {
    {.key = "epochs",
     .type = FIELD_INT,
     .offset = offsetof(struct training_config, epochs),
     .fallback = "1",
     .minimum = 1,
     .maximum = 1000000,
     .help = "passes over the training set"},
    {.key = "batch_size",
     .type = FIELD_INT,
     .offset = offsetof(struct training_config, batch_size),
     .fallback = "32",
     .minimum = 1,
     .maximum = 65536,
     .help = "images a step; the last, smaller batch of an epoch is kept"},
    {.key = "shuffle",
     .type = FIELD_BOOL,
     .offset = offsetof(struct training_config, shuffle),
     .fallback = "true",
     .help = "a new order of the training set each epoch"},
    {.key = "optimizer",
     .type = FIELD_COMPONENT,
     .of = "optimizer",
     .offset = offsetof(struct training_config, optimizer),
     .fallback = "\"rmsprop\"",
     .help = "how weights move"},
    {.key = "schedule",
     .type = FIELD_COMPONENT,
     .of = "schedule",
     .nullable = true,
     .offset = offsetof(struct training_config, schedule),
     .fallback = "null",
     .help = "how the learning rate changes over the run; null: constant"},
    {.key = "loss",
     .type = FIELD_CHOICE,
     .choices = loss_names,
     .offset = offsetof(struct training_config, loss),
     .fallback = "\"sparse_categorical_crossentropy\"",
     .help = "softmax cross-entropy of integer labels"},
    {.key = "label_smoothing",
     .type = FIELD_NUMBER,
     .offset = offsetof(struct training_config, label_smoothing),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1,
     .help = "share of the target spread evenly over all classes"},
    {.key = "on_nan",
     .type = FIELD_CHOICE,
     .choices = on_nan_names,
     .offset = offsetof(struct training_config, on_nan),
     .fallback = "\"stop\"",
     .help = "a loss that is not finite: stop the training (exit code 5), or skip the step, leaving the weights alone"},
    {.key = "checkpoint_steps",
     .type = FIELD_INT,
     .offset = offsetof(struct training_config, checkpoint_steps),
     .fallback = "0",
     .minimum = 0,
     .maximum = INT_MAX,
     .help = "steps from one checkpoint to the next within an epoch; 0: at the end of each epoch only"},
    {.key = "keep_checkpoints",
     .type = FIELD_INT,
     .offset = offsetof(struct training_config, keep_checkpoints),
     .fallback = "1",
     .minimum = 1,
     .maximum = 1000,
     .help = "how many checkpoints are kept: last.safetensors and, above 1, the last ones as step-N.safetensors"},
    {.key = "callbacks",
     .type = FIELD_COMPONENTS,
     .of = "callback",
     .offset = offsetof(struct training_config, callbacks),
     .fallback = "[]",
     .help = "EarlyStopping, ReduceLROnPlateau, ModelCheckpoint"},
    {.key = "freeze",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct training_config, freeze),
     .fallback = "[]",
     .help = "layers that keep their weights: names, or patterns such as conv2d*"},
    {.key = "tensorboard",
     .type = FIELD_BOOL,
     .offset = offsetof(struct training_config, tensorboard),
     .fallback = "false",
     .help = "TensorBoard's event files in the run's folder, below tensorboard/"},
    {0},
};

const struct field config_fields[] = {
    {.key = "$schema",
     .type = FIELD_STRING,
     .nullable = true,
     .offset = offsetof(struct config_values, schema),
     .fallback = "null",
     .help = "the JSON schema, for editors"},
    {.key = "name",
     .type = FIELD_STRING,
     .nullable = true,
     .offset = offsetof(struct config_values, name),
     .fallback = "null",
     .help = "of the run's folder; null: the config file's name"},
    {.key = "seed",
     .type = FIELD_INT,
     .offset = offsetof(struct config_values, seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = INT_MAX,
     .help = "of every random number in the run"},
    {.key = "input_shape",
     .type = FIELD_INTS,
     .nullable = true,
     .offset = offsetof(struct config_values, input_shape),
     .fallback = "null",
     .minimum = 1,
     .maximum = 65536,
     .help = "[height, width, channels]; needed only where there is no data"},
    {.key = "data",
     .type = FIELD_COMPONENT,
     .of = "source",
     .nullable = true,
     .offset = offsetof(struct config_values, data),
     .fallback = "null",
     .help = "where the images come from"},
    {.key = "model",
     .type = FIELD_COMPONENTS,
     .of = "layer",
     .offset = offsetof(struct config_values, model),
     .help =
         "the layers in order, or {\"repeat\": n, \"layers\": [...]}; or a model of Keras (to_json()), or the name of "
         "its file"},
    {.key = "training",
     .type = FIELD_OBJECT,
     .fields = training_fields,
     .offset = offsetof(struct config_values, training),
     .help = "how the model is trained"},
    {0},
};

/* ---- overrides ---- */

static bool is_common_data_key(const char *key) {
    for (const struct field *field = data_common_fields; field->key; field++)
        if (strcmp(field->key, key) == 0) return true;
    return false;
}

/* Fields of the former source would be unknown to the new one. */
static void drop_source_fields(cJSON *data) {
    for (cJSON *child = data->child, *next; child; child = next) {
        next = child->next;
        if (!is_common_data_key(child->string)) cJSON_Delete(cJSON_DetachItemViaPointer(data, child));
    }
}

static int apply_data_spec(cJSON *json, const char *spec, const struct registries *registries, struct error *error) {
    if (!text_is_utf8(spec))
        return error_set(error, ERROR_CONFIG, spec,
                         "is not UTF-8 text, so the run could not note where its data were; rename the folder");
    const struct component_registry *sources = registries_find(registries, "source");
    char name[64];
    size_t length = strcspn(spec, ":");
    if (length == 0 || length >= sizeof name)
        return error_set(error, ERROR_CONFIG, *spec ? spec : "--data",
                         "is no data source; write SOURCE or SOURCE:PATH, such as synth or svhn:DIR");
    snprintf(name, sizeof name, "%.*s", (int)length, spec);
    if (!registry_find(sources, name)) {
        const char *nearest = registry_nearest(sources, name);
        return error_set(error, ERROR_CONFIG, spec,
                         nearest ? "unknown data source; did you mean \"%s%s\"?"
                                 : "unknown data source; write SOURCE:PATH. `cnntrain data` lists the sources%s%s",
                         nearest ? nearest : "", nearest ? spec + length : "");
    }
    cJSON *data = cJSON_GetObjectItemCaseSensitive(json, "data");
    if (!cJSON_IsObject(data)) {
        cJSON_DeleteItemFromObjectCaseSensitive(json, "data");
        data = cJSON_AddObjectToObject(json, "data");
        if (!data) return error_set(error, ERROR_RUN, NULL, "not enough memory for the config");
    }
    const cJSON *old = cJSON_GetObjectItemCaseSensitive(data, "source");
    if (!cJSON_IsString(old) || strcmp(old->valuestring, name) != 0) drop_source_fields(data);
    cJSON_DeleteItemFromObjectCaseSensitive(data, "source");
    cJSON_DeleteItemFromObjectCaseSensitive(data, "path");
    bool added = cJSON_AddStringToObject(data, "source", name) != NULL;
    if (added && spec[length] == ':') added = cJSON_AddStringToObject(data, "path", spec + length + 1) != NULL;
    return added ? 0 : error_set(error, ERROR_RUN, NULL, "not enough memory for the config");
}

static int apply_overrides(cJSON *json, const struct config_request *request, struct error *error) {
    if (request->data_spec && apply_data_spec(json, request->data_spec, request->registries, error) != 0) return -1;
    for (size_t i = 0; i < request->override_count; i++)
        if (json_set_path(json, request->overrides[i].path, request->overrides[i].value, error) != 0) return -1;
    return 0;
}

/* ---- reading ---- */

bool config_is_name(const char *name) {
    return *name && strlen(name) <= 100 && !strpbrk(name, "/\\") && *name != '.' && text_is_printable(name);
}

static int check_name(const struct config_values *values, const struct place *document, struct error *error) {
    struct place place = place_key(document, "name");
    if (!values->name || config_is_name(values->name)) return 0;
    return place_error(&place, error, CONFIG_NAME_RULE);
}

static int check_shape(const struct config_values *values, const struct place *document, struct error *error) {
    struct place place = place_key(document, "input_shape");
    if (values->input_shape.count == 0 || values->input_shape.count == 3) return 0;
    return place_error(&place, error, "must be [height, width, channels]; got %d numbers", values->input_shape.count);
}

/* ---- models of other programs ---- */

/* The members of `from` that `to` does not have move there; a model always does. */
static int move_members(cJSON *from, cJSON *to, struct error *error) {
    cJSON_DeleteItemFromObjectCaseSensitive(to, "model");
    while (from->child) {
        cJSON *child = cJSON_DetachItemViaPointer(from, from->child);
        const bool known = cJSON_GetObjectItemCaseSensitive(to, child->string) != NULL;
        if (known) cJSON_Delete(child);
        if (!known && !cJSON_AddItemToObject(to, child->string, child)) {
            cJSON_Delete(child);
            return error_set(error, ERROR_RUN, NULL, "not enough memory for the model");
        }
    }
    return 0;
}

/* Puts what `model` says in place of the config's model. */
static int take_foreign(cJSON *json, const cJSON *model, const struct place *place,
                        const struct config_request *request, struct error *error) {
    if (!request->foreign->is_model(model))
        return place_error(place, error,
                           "is neither a list of layers nor a model saved by Keras' to_json(); write a list, [...]");
    cJSON *read = request->foreign->read(model, place, request->registries, error);
    if (!read) return -1;
    const int status = move_members(read, json, error);
    cJSON_Delete(read);
    return status;
}

/* "model": "keras.json": a file beside the config. */
static int take_foreign_file(const struct config *config, cJSON *json, const char *file,
                             const struct config_request *request, struct error *error) {
    char *path = *file == '/' ? strdup(file) : file_join(config->folder, file, error);
    if (!path) return error_set(error, ERROR_RUN, file, "not enough memory for the path");
    cJSON *model = json_read_file(path, CONFIG_SIZE_MAX, error);
    const struct place document = place_document(path);
    const int status = model ? take_foreign(json, model, &document, request, error) : -1;
    cJSON_Delete(model);
    free(path);
    return status;
}

/* The document itself may be such a model, or its "model" may be one or name a file with one. */
static int read_foreign(struct config *config, const struct place *document, const struct config_request *request,
                        struct error *error) {
    if (!request->foreign) return 0;
    if (request->foreign->is_model(config->json)) {
        cJSON *read = request->foreign->read(config->json, document, request->registries, error);
        if (!read) return -1;
        cJSON_Delete(config->json);
        config->json = read;
        return 0;
    }
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(config->json, "model");
    const struct place place = place_key(document, "model");
    if (cJSON_IsString(model)) return take_foreign_file(config, config->json, model->valuestring, request, error);
    return cJSON_IsObject(model) ? take_foreign(config->json, model, &place, request, error) : 0;
}

/* Takes `json`. */
static int read_values(struct config *config, cJSON *json, const char *name, const struct config_request *request,
                       struct error *error) {
    struct place place = place_document(name);
    config->json = json;
    if (read_foreign(config, &place, request, error) != 0) return -1;
    json = config->json;
    if (apply_overrides(json, request, error) != 0) return -1;
    if (cJSON_HasObjectItem(json, "configs") && !cJSON_HasObjectItem(json, "model"))
        return place_error(&place, error, "is a batch of configs; run it with: cnntrain experiments %s", name);
    struct field_reader reader = {request->registries, &config->arena, error};
    if (fields_read(&reader, config_fields, NULL, NULL, json, &place, &config->values) != 0) return -1;
    if (check_name(&config->values, &place, error) != 0) return -1;
    return check_shape(&config->values, &place, error);
}

/* "configs/sep_max.json" -> "sep_max" */
static int default_name(struct config *config, struct error *error) {
    if (config->values.name) return 0;
    char *name = arena_string(&config->arena, file_name_of(config->path), error);
    if (!name) return -1;
    char *dot = strrchr(name, '.');
    if (dot && dot != name) *dot = '\0';
    config->values.name = name;
    if (text_is_printable(name)) return 0;
    struct place document = place_document(config->path), place = place_key(&document, "name");
    return place_error(
        &place, error,
        "would be the file's name, which is not UTF-8 text without control characters; give a name here");
}

static int read_found(struct config *config, const struct config_request *request, struct error *error) {
    config->folder = file_folder_of(config->path, error);
    if (!config->folder) return -1;
    cJSON *json = config_read_file(config->path, request->search, error);
    if (!json) return -1;
    if (read_values(config, json, config->path, request, error) != 0) return -1;
    return default_name(config, error);
}

int config_read(struct config *config, const struct config_request *request, struct error *error) {
    *config = (struct config){0};
    config->path = config_find(request->path, request->search, error);
    if (config->path && read_found(config, request, error) == 0) return 0;
    config_free(config);
    return -1;
}

int config_parse(struct config *config, const char *text, const char *name, const struct config_request *request,
                 struct error *error) {
    *config = (struct config){.path = strdup(name), .folder = strdup("")};
    cJSON *json = config->path && config->folder ? json_parse(text, strlen(text), name, error) : NULL;
    if (json && read_values(config, json, config->path, request, error) == 0 && default_name(config, error) == 0)
        return 0;
    if (error->code == ERROR_NONE) error_set(error, ERROR_RUN, name, "not enough memory for the config");
    config_free(config);
    return -1;
}

void config_free(struct config *config) {
    cJSON_Delete(config->json);
    free(config->path);
    free(config->folder);
    arena_free(&config->arena);
    *config = (struct config){0};
}

cJSON *config_write(const struct config *config, const struct registries *registries) {
    return fields_write(registries, config_fields, &config->values);
}

char *config_text(const struct config *config, const struct registries *registries, struct error *error) {
    cJSON *json = config_write(config, registries);
    char *text = json ? json_print(json) : NULL;
    cJSON_Delete(json);
    if (!text) error_set(error, ERROR_RUN, config->path, "not enough memory for the resolved config");
    return text;
}

/* A model is a list of layers, or Keras' own: an object, or a file's name. */
static bool widen_model(cJSON *properties) {
    cJSON *list = cJSON_DetachItemFromObjectCaseSensitive(properties, "model");
    /* untaken: the config's fields have a model */
    cJSON *model = list ? cJSON_AddObjectToObject(properties, "model") : NULL;
    cJSON *kinds = model ? cJSON_AddArrayToObject(model, "anyOf") : NULL;
    /* untaken: likewise, and to append it takes no memory */
    bool whole = kinds && json_append(kinds, list);
    if (!kinds) cJSON_Delete(list);
    for (int i = 0; i < 2 && whole; i++) {
        cJSON *kind = cJSON_CreateObject();
        whole = kind && cJSON_AddStringToObject(kind, "type", i ? "string" : "object");
        whole = json_append(kinds, kind) && whole;
    }
    return whole;
}

cJSON *config_schema(const struct registries *registries) {
    cJSON *schema = fields_schema(config_fields), *definitions = schema_definitions(registries);
    cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
    cJSON *extends = properties ? cJSON_AddObjectToObject(properties, "extends") : NULL;
    bool whole = schema && definitions && extends && cJSON_AddStringToObject(extends, "type", "string") &&
                 cJSON_AddStringToObject(extends, "description", "a config file that this one is merged over");
    whole = whole && widen_model(properties) && cJSON_AddStringToObject(schema, "title", "cnntrain config");
    /* A file that extends another need not repeat what that one holds. */
    cJSON_DeleteItemFromObjectCaseSensitive(schema, "required");
    if (!whole || !cJSON_AddItemToObject(schema, "definitions", definitions)) {
        cJSON_Delete(definitions);
        cJSON_Delete(schema);
        return NULL;
    }
    return schema;
}
