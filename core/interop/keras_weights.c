#include "core/interop/keras_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/interop/keras_paths.h"
#include "core/json.h"

/* One tensor of the file as Keras sees it. */
struct entry {
    struct safetensors_tensor *tensor;
    const char *layer; /* the layer's name; NULL: the file does not say */
    const char *group; /* Keras 3: the layer's group; else NULL */
    size_t group_size; /* characters of it */
    int position;      /* before Keras 3: of the layer among those with weights */
    int index;         /* of the tensor among its layer's */
};

enum { NAMES_MOST = 4 << 20 }; /* bytes of all lists of names: no model has as many */

struct entries {
    struct safetensors *tree;
    struct safetensors_tensor **tensors;   /* the tree's, by name */
    const struct safetensors_pair **texts; /* its metadata, by key */
    size_t names_left;                     /* of NAMES_MOST */
    struct entry *items;
    size_t count;
    struct error *error;
};

/* ---- what the file has, by name ---- */

/* A damaged file may hold, and name, tens of thousands: none is looked for from the first to the last. */
static int compare_tensors(const void *a, const void *b) {
    return strcmp((*(struct safetensors_tensor *const *)a)->name, (*(struct safetensors_tensor *const *)b)->name);
}

static int compare_texts(const void *a, const void *b) {
    return strcmp((*(const struct safetensors_pair *const *)a)->key, (*(const struct safetensors_pair *const *)b)->key);
}

static int index_tree(struct entries *entries) {
    struct safetensors *tree = entries->tree;
    entries->items = calloc(tree->tensor_count + 1, sizeof *entries->items);
    entries->tensors = calloc(tree->tensor_count + 1, sizeof *entries->tensors);
    entries->texts = calloc(tree->metadata_count + 1, sizeof *entries->texts);
    if (!entries->items || !entries->tensors || !entries->texts)
        return error_set(entries->error, ERROR_RUN, tree->path, "not enough memory for the list of tensors");
    for (size_t i = 0; i < tree->tensor_count; i++) entries->tensors[i] = &tree->tensors[i];
    for (size_t i = 0; i < tree->metadata_count; i++) entries->texts[i] = &tree->metadata[i];
    qsort(entries->tensors, tree->tensor_count, sizeof *entries->tensors, compare_tensors);
    qsort(entries->texts, tree->metadata_count, sizeof *entries->texts, compare_texts);
    return 0;
}

static struct safetensors_tensor *tensor_at(const struct entries *entries, const char *name) {
    struct safetensors_tensor wanted = {.name = name}, *key = &wanted;
    struct safetensors_tensor **found =
        bsearch(&key, entries->tensors, entries->tree->tensor_count, sizeof *entries->tensors, compare_tensors);
    return found ? *found : NULL;
}

static const char *text_at(const struct entries *entries, const char *name) {
    const struct safetensors_pair wanted = {.key = name}, *key = &wanted;
    const struct safetensors_pair **found =
        bsearch(&key, entries->texts, entries->tree->metadata_count, sizeof *entries->texts, compare_texts);
    return found ? (*found)->value : NULL;
}

static void add_entry(struct entries *entries, struct entry entry) {
    entries->items[entries->count++] = entry;
}

/* ---- Keras 3 ---- */

/* Keras 2.12 to 2.15 called the group of layers otherwise. */
static const char *const layer_groups[] = {"layers/", "_layer_checkpoint_dependencies/"};

/* layers/<group>/vars/<index>; false for any other name. */
static bool parse_name(const char *name, struct entry *entry) {
    for (size_t i = 0; i < sizeof layer_groups / sizeof *layer_groups; i++) {
        const size_t size = strlen(layer_groups[i]);
        if (strncmp(name, layer_groups[i], size) != 0) continue;
        char *end = NULL;
        entry->group = name + size;
        entry->group_size = strcspn(entry->group, "/");
        const char *rest = entry->group + entry->group_size;
        if (strncmp(rest, "/vars/", 6) != 0 || rest[6] < '0' || rest[6] > '9') return false;
        const long index = strtol(rest + 6, &end, 10);
        entry->index = (int)index;
        return *end == '\0' && index < LAYER_PARAMETERS_MAX;
    }
    return false;
}

/* The attribute `name` of the group in which the tensor is. */
static const char *name_beside(const struct entries *entries, const char *tensor) {
    char key[1024];
    const char *slash = strrchr(tensor, '/');
    snprintf(key, sizeof key, "%.*s@name", (int)(slash - tensor), tensor);
    return text_at(entries, key);
}

static void collect_current(struct entries *entries) {
    for (size_t i = 0; i < entries->tree->tensor_count; i++) {
        struct entry entry = {.tensor = &entries->tree->tensors[i]};
        if (!parse_name(entry.tensor->name, &entry)) continue;
        entry.layer = name_beside(entries, entry.tensor->name);
        add_entry(entries, entry);
    }
}

/* ---- before Keras 3 ---- */

static int read_list(struct entries *entries, const char *text, cJSON *list) {
    const size_t length = strlen(text);
    if (length > entries->names_left)
        return error_set(entries->error, ERROR_DATA, entries->tree->path,
                         "has longer lists of names than any model: the file is damaged; save or copy it again");
    entries->names_left -= length;
    struct error inner = {0};
    cJSON *names = json_parse(text, length, entries->tree->path, &inner);
    if (!names && inner.code == ERROR_RUN)
        return error_set(entries->error, inner.code, inner.path, "%s", inner.message);
    if (!names)
        return error_set(entries->error, ERROR_DATA, entries->tree->path,
                         "has a text where Keras has a list of names: the file is damaged; save or copy it again");
    while (cJSON_IsArray(names) && names->child) {
        cJSON *name = cJSON_DetachItemFromArray(names, 0);
        if (cJSON_IsString(name))
            cJSON_AddItemToArray(list, name);
        else
            cJSON_Delete(name);
    }
    cJSON_Delete(names);
    return 0;
}

/* The lists of an attribute, which Keras splits where it is long: names, or names0, names1, ... Appends to `list`. */
static int read_names(struct entries *entries, const char *group, const char *attribute, cJSON *list) {
    char key[1024];
    for (int part = -1;; part++) {
        if (part < 0)
            snprintf(key, sizeof key, "%s@%s", group, attribute);
        else
            snprintf(key, sizeof key, "%s@%s%d", group, attribute, part);
        const char *text = text_at(entries, key);
        if (!text && part >= 0) return 0;
        if (text && read_list(entries, text, list) != 0) return -1;
    }
}

static int collect_layer(struct entries *entries, const char *root, const char *name, int *position) {
    char group[512], path[1024];
    snprintf(group, sizeof group, "%s%s%s", root, *root ? "/" : "", name);
    cJSON *list = cJSON_CreateArray();
    if (!list) return error_set(entries->error, ERROR_RUN, entries->tree->path, "not enough memory for its names");
    int status = read_names(entries, group, "weight_names", list), index = 0;
    for (const cJSON *weight = list->child; weight && status == 0; weight = weight->next) {
        snprintf(path, sizeof path, "%s/%s", group, weight->valuestring);
        struct safetensors_tensor *tensor = tensor_at(entries, path);
        if (!tensor)
            status = error_set(entries->error, ERROR_DATA, entries->tree->path,
                               "lacks the tensor %s; is it a file of this very model?", path);
        else if (entries->count == entries->tree->tensor_count)
            status = error_set(entries->error, ERROR_DATA, entries->tree->path,
                               "names more tensors than it has: the file is damaged; save or copy it again");
        const char *own = status == 0 ? arena_string(&entries->tree->arena, name, entries->error) : NULL;
        if (status == 0 && !own) status = -1;
        if (status == 0) add_entry(entries, (struct entry){tensor, own, NULL, 0, *position, index++});
    }
    *position += index > 0;
    cJSON_Delete(list);
    return status;
}

static int collect_legacy(struct entries *entries, const char *root) {
    cJSON *layers = cJSON_CreateArray();
    if (!layers) return error_set(entries->error, ERROR_RUN, entries->tree->path, "not enough memory for its names");
    int status = read_names(entries, root, "layer_names", layers), position = 0;
    for (const cJSON *layer = layers->child; layer && status == 0; layer = layer->next)
        status = collect_layer(entries, root, layer->valuestring, &position);
    cJSON_Delete(layers);
    return status;
}

static int collect(struct entries *entries) {
    if (index_tree(entries) != 0) return -1;
    collect_current(entries);
    if (entries->count == 0 && collect_legacy(entries, KERAS_WEIGHTS_GROUP) != 0) return -1;
    if (entries->count == 0 && collect_legacy(entries, "") != 0) return -1;
    if (entries->count) return 0;
    return error_set(entries->error, ERROR_DATA, entries->tree->path,
                     "is an HDF5 file without weights where Keras keeps them; save it by model.save_weights");
}

/* ---- from the file's names to the model's ---- */

enum matching { BY_PLACE, BY_NAME };

/* Parameter k of layer `index`, `position` of those with weights; NULL where the file has none. */
static struct entry *find(const struct entries *entries, enum matching matching, const struct model *model, int index,
                          int position, int k) {
    char group[KERAS_GROUP_SIZE];
    keras_group_name(model, index, group);
    for (size_t i = 0; i < entries->count; i++) {
        struct entry *entry = &entries->items[i];
        if (entry->index != k) continue;
        const bool in_group =
            entry->group && strlen(group) == entry->group_size && strncmp(entry->group, group, entry->group_size) == 0;
        if (matching == BY_PLACE ? entry->group ? in_group : entry->position == position
                                 : entry->layer && strcmp(entry->layer, model->layers[index].name) == 0)
            return entry;
    }
    return NULL;
}

static bool same_shape(const struct safetensors_tensor *tensor, const struct shape *shape) {
    bool same = tensor->rank == shape->rank;
    for (int i = 0; same && i < shape->rank; i++) same = tensor->shape[i] == (size_t)shape->size[i];
    return same;
}

/* How many weights of the model the file has; `fits`: all, and no other, in the same shapes. */
static size_t count_found(const struct entries *entries, enum matching matching, const struct model *model,
                          bool *fits) {
    size_t found = 0;
    int position = 0;
    *fits = true;
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        for (int k = 0; k < layer->parameter_count; k++) {
            const struct entry *entry = find(entries, matching, model, i, position, k);
            found += entry != NULL;
            *fits = *fits && entry && same_shape(entry->tensor, &layer->parameters[k].shape);
        }
        position += layer->parameter_count > 0;
    }
    *fits = *fits && found == entries->count;
    return found;
}

static int rename_all(const struct entries *entries, enum matching matching, const struct model *model) {
    int position = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        for (int k = 0; k < layer->parameter_count; k++) {
            char name[PARAMETER_NAME_SIZE];
            const struct entry *entry = find(entries, matching, model, i, position, k);
            if (!entry) continue;
            model_parameter_name(layer, k, name, sizeof name);
            entry->tensor->name = arena_string(&entries->tree->arena, name, entries->error);
            if (!entry->tensor->name) return -1;
        }
        position += layer->parameter_count > 0;
    }
    return 0;
}

int keras_weights_assign(struct safetensors *tree, const struct model *model, struct error *error) {
    struct entries entries = {.tree = tree, .names_left = NAMES_MOST, .error = error};
    int status = collect(&entries);
    bool fits = false, named = false;
    if (status == 0) {
        count_found(&entries, BY_PLACE, model, &fits);
        const size_t known = count_found(&entries, BY_NAME, model, &named);
        status = rename_all(&entries, fits || known == 0 ? BY_PLACE : BY_NAME, model);
    }
    free(entries.items);
    free(entries.tensors);
    free(entries.texts);
    return status;
}
