#include <stdio.h>
#include <string.h>

#include "core/interop/keras_paths.h"
#include "core/interop/keras_weights.h"

enum { PATH_SIZE = 256 };

void keras_group_name(const struct model *model, int index, char name[KERAS_GROUP_SIZE]) {
    const struct layer_kind *kind = model->layers[index].kind;
    int before = 0;
    char base[KERAS_GROUP_SIZE - 16];
    for (int i = 0; i < index; i++) before += model->layers[i].kind == kind;
    model_snake_case(kind->component.name, base, sizeof base);
    if (before)
        snprintf(name, KERAS_GROUP_SIZE, "%s_%d", base, before);
    else
        snprintf(name, KERAS_GROUP_SIZE, "%s", base);
}

void keras_weights_write(struct hdf5_writer *writer, const void *context) {
    const struct model *model = context;
    char group[KERAS_GROUP_SIZE], path[PATH_SIZE];
    hdf5_group(writer, "vars");
    hdf5_text(writer, "vars", "name", "sequential");
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        keras_group_name(model, i, group);
        snprintf(path, sizeof path, "layers/%s/vars", group);
        hdf5_group(writer, path);
        hdf5_text(writer, path, "name", layer->name);
        for (int k = 0; k < layer->parameter_count; k++) {
            snprintf(path, sizeof path, "layers/%s/vars/%d", group, k);
            hdf5_tensor(writer, path, &layer->parameters[k].shape, model_parameter(model, layer, k));
        }
    }
}

static void write_legacy_layer(struct hdf5_writer *writer, const struct model *model, const struct layer *layer,
                               const char *root) {
    char names[LAYER_PARAMETERS_MAX][PATH_SIZE], group[PATH_SIZE], path[3 * PATH_SIZE];
    const char *list[LAYER_PARAMETERS_MAX];
    snprintf(group, sizeof group, "%s/%s", root, layer->name);
    hdf5_group(writer, group);
    for (int k = 0; k < layer->parameter_count; k++) {
        snprintf(names[k], sizeof names[k], "sequential/%s/%s", layer->name, layer->parameters[k].name);
        snprintf(path, sizeof path, "%s/%s", group, names[k]);
        hdf5_tensor(writer, path, &layer->parameters[k].shape, model_parameter(model, layer, k));
        list[k] = names[k];
    }
    hdf5_texts(writer, group, "weight_names", list, (size_t)layer->parameter_count);
}

void keras_weights_write_legacy(struct hdf5_writer *writer, const struct model *model, const char *root) {
    const char *names[MODEL_LAYERS_MAX];
    char top[PATH_SIZE];
    hdf5_group(writer, root);
    for (int i = 0; i < model->layer_count; i++) {
        names[i] = model->layers[i].name;
        write_legacy_layer(writer, model, &model->layers[i], root);
    }
    hdf5_texts(writer, root, "layer_names", names, (size_t)model->layer_count);
    hdf5_text(writer, root, "backend", KERAS_BACKEND);
    hdf5_text(writer, root, "keras_version", KERAS_VERSION);
    snprintf(top, sizeof top, "%s/top_level_model_weights", root);
    hdf5_group(writer, top);
    hdf5_texts(writer, top, "weight_names", NULL, 0);
}
