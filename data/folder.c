/* A folder of pictures: <part>/<class>/<picture>, or <class>/<picture> for a training set alone. */
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "data/entries.h"
#include "data/image_list.h"
#include "data/source.h"

struct folder_config {
    struct data_common common;
};

struct item_list {
    struct image_item *items;
    size_t count, capacity;
};

struct folder_reader {
    struct arena arena;
    const struct data_common *common;
    struct picture_sizes *sizes; /* what is asked for instead of the pixels, or NULL */
    const struct progress *progress;
    struct error *error;
};

/* "folder/name" in the arena. */
static char *arena_join(struct folder_reader *reader, const char *folder, const char *name) {
    size_t before = strlen(folder), length = strlen(name);
    char *path = arena_allocate(&reader->arena, before + length + 2, reader->error);
    if (!path) return NULL;
    memcpy(path, folder, before);
    path[before] = '/';
    memcpy(path + before + 1, name, length + 1);
    return path;
}

static int add_class(struct folder_reader *reader, const char *folder, int32_t label, struct item_list *list) {
    struct name_list files = {0};
    int status = entries_list(folder, false, &reader->arena, &files, reader->error);
    if (status == 0 && files.count == 0)
        status = error_set(reader->error, ERROR_DATA, folder,
                           "is a class without images; files ending in .png, .jpg, .jpeg or .bmp are read");
    for (size_t i = 0; status == 0 && i < files.count; i++) {
        void *items = list->items;
        status = entries_grow(&items, &list->capacity, list->count, sizeof *list->items, reader->error);
        if (status != 0) break;
        list->items = items;
        const char *path = arena_join(reader, folder, files.names[i]);
        if (!path) status = -1;
        if (path) list->items[list->count++] = (struct image_item){path, label};
    }
    free(files.names);
    return status;
}

static int find_label(const struct name_list *classes, const char *name) {
    const char *const *found = bsearch(&name, classes->names, classes->count, sizeof *classes->names, entries_compare);
    return found ? (int)(found - (const char *const *)classes->names) : -1;
}

static int list_part(struct folder_reader *reader, const char *folder, const struct name_list *here,
                     const struct name_list *classes, struct item_list *list) {
    for (size_t i = 0; i < here->count; i++) {
        const char *path = arena_join(reader, folder, here->names[i]);
        if (!path) return -1;
        int label = find_label(classes, here->names[i]);
        if (label < 0)
            return error_set(
                reader->error, ERROR_DATA, path,
                "is a class that the training set does not have; remove it, or add it to the training set");
        if (add_class(reader, path, label, list) != 0) return -1;
    }
    return 0;
}

/* A picture's place among the training images: how far into its class it stands. */
struct spread_item {
    struct image_item item;
    double place; /* 0 to 1 */
};

static int compare_places(const void *left, const void *right) {
    const struct spread_item *a = left, *b = right;
    if (a->place != b->place) return a->place < b->place ? -1 : 1;
    return (a->item.label > b->item.label) - (a->item.label < b->item.label);
}

/* Mixes the classes evenly, for a validation split takes the last images: in the order of the folders that would be one
 * class alone. Items come class by class. */
static int spread_classes(struct item_list *list, struct error *error) {
    struct spread_item *spread = memory_allocate(list->count, sizeof *spread, "the order of the pictures", error);
    if (!spread) return -1;
    for (size_t first = 0, end = 0; first < list->count; first = end) {
        while (end < list->count && list->items[end].label == list->items[first].label) end++;
        for (size_t i = first; i < end; i++)
            spread[i] = (struct spread_item){list->items[i], ((double)(i - first) + 0.5) / (double)(end - first)};
    }
    qsort(spread, list->count, sizeof *spread, compare_places);
    for (size_t i = 0; i < list->count; i++) list->items[i] = spread[i].item;
    free(spread);
    return 0;
}

/* Loads the part whose class folders are `here`; labels by the names in `classes`. The training part is mixed. */
static int load_part(struct folder_reader *reader, const char *folder, const struct name_list *here,
                     const struct name_list *classes, struct dataset *dataset) {
    struct item_list list = {0};
    int status = list_part(reader, folder, here, classes, &list);
    if (status == 0 && here == classes) status = spread_classes(&list, reader->error);
    if (status == 0 && reader->sizes)
        status = image_list_measure(list.items, list.count, reader->sizes, reader->error);
    else if (status == 0)
        status = image_list_load(list.items, list.count, reader->common, reader->progress, dataset, reader->error);
    free(list.items);
    return status;
}

static int load_train(struct folder_reader *reader, const char *folder, struct name_list *classes,
                      struct data_splits *splits) {
    if (entries_list(folder, true, &reader->arena, classes, reader->error) != 0) return -1;
    if (classes->count == 0)
        return error_set(reader->error, ERROR_DATA, folder,
                         "holds no class folders; pictures are expected as <class>/<picture> or "
                         "train/<class>/<picture>");
    if (classes->count > DATASET_CLASSES_MAX)
        return error_set(reader->error, ERROR_DATA, folder, "holds %zu classes; at most %d can be used", classes->count,
                         DATASET_CLASSES_MAX);
    if (source_name_classes(splits, classes->names, (int)classes->count, folder, reader->error) != 0) return -1;
    return load_part(reader, folder, classes, classes, &splits->train);
}

/* A part beside train/; nothing happens where its folder is missing. */
static int load_other(struct folder_reader *reader, const char *root, const char *name, const struct name_list *classes,
                      struct dataset *dataset) {
    const char *folder = arena_join(reader, root, name);
    if (!folder) return -1;
    int is_folder = file_is_folder(folder, reader->error);
    if (is_folder <= 0) return is_folder;
    if (dataset->count > 0)
        return error_set(reader->error, ERROR_DATA, root, "holds both validation/ and val/; keep one");
    struct name_list here = {0};
    int status = entries_list(folder, true, &reader->arena, &here, reader->error);
    if (status == 0 && here.count == 0)
        status = error_set(reader->error, ERROR_DATA, folder,
                           "holds no class folders; put pictures into <class>/, or remove it");
    if (status == 0) status = load_part(reader, folder, &here, classes, dataset);
    free(here.names);
    return status;
}

static int load_parts(struct folder_reader *reader, const char *root, struct name_list *classes,
                      struct data_splits *splits) {
    const char *train = arena_join(reader, root, "train");
    if (!train) return -1;
    int is_folder = file_is_folder(train, reader->error);
    if (is_folder < 0) return -1;
    if (!is_folder) return load_train(reader, root, classes, splits);
    if (load_train(reader, train, classes, splits) != 0) return -1;
    if (load_other(reader, root, "validation", classes, &splits->validation) != 0) return -1;
    if (load_other(reader, root, "val", classes, &splits->validation) != 0) return -1;
    return load_other(reader, root, "test", classes, &splits->test);
}

static int folder_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    struct folder_reader reader = {.common = request->config, .progress = request->progress, .error = error};
    struct name_list classes = {0};
    int is_folder = file_is_folder(request->path, error);
    if (is_folder < 0) return -1;
    if (!is_folder)
        return error_set(error, ERROR_DATA, request->path,
                         "is a file; a folder with a folder for each class is needed");
    int status = load_parts(&reader, request->path, &classes, splits);
    free(classes.names);
    arena_free(&reader.arena);
    return status;
}

static int folder_measure(const char *path, struct picture_sizes *sizes, struct error *error) {
    struct folder_reader reader = {.sizes = sizes, .error = error};
    struct data_splits splits = {0};
    struct name_list classes = {0};
    int status = load_parts(&reader, path, &classes, &splits);
    free(classes.names);
    data_splits_free(&splits);
    arena_free(&reader.arena);
    return status;
}

/* Whether one of the folders in this one holds pictures. */
static int holds_classes(struct folder_reader *reader, const char *path) {
    struct name_list folders = {0};
    int status = entries_list(path, true, &reader->arena, &folders, reader->error), found = 0;
    for (size_t i = 0; status == 0 && !found && i < folders.count; i++) {
        struct name_list pictures = {0};
        const char *folder = arena_join(reader, path, folders.names[i]);
        status = folder ? entries_list(folder, false, &reader->arena, &pictures, reader->error) : -1;
        found = pictures.count > 0;
        free(pictures.names);
    }
    free(folders.names);
    return status == 0 ? found : -1;
}

static int folder_recognize(const char *path, char **found, struct error *error) {
    struct folder_reader reader = {.error = error};
    int known = file_is_folder(path, error);
    const char *train = known > 0 ? arena_join(&reader, path, "train") : NULL;
    if (known > 0 && !train) known = -1;
    if (known > 0) {
        int inner = file_is_folder(train, error);
        known = inner < 0 ? -1 : holds_classes(&reader, inner ? train : path);
    }
    if (known > 0) *found = file_join(NULL, path, error);
    if (known > 0 && !*found) known = -1;
    arena_free(&reader.arena);
    return known;
}

const struct source_kind source_folder = {
    .component = {.name = "folder",
                  .summary = "pictures in a folder for each class",
                  .size = sizeof(struct folder_config)},
    .layout = "train/<class>/*.{png,jpg,jpeg,bmp} and perhaps test/ and validation/ alike, or <class>/* alone",
    .needs_path = true,
    .load = folder_load,
    .recognize = folder_recognize,
    .measure = folder_measure};
