/* CIFAR-10 and CIFAR-100, binary version: records of one or two labels and three 32x32 planes. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "data/source.h"

enum { SIDE = 32, COLORS = 3, PLANE = SIDE * SIDE, FILES_MAX = 64 };

struct cifar10_config {
    struct data_common common;
};

enum cifar_labels { LABELS_FINE, LABELS_COARSE };

struct cifar100_config {
    struct data_common common;
    int labels; /* enum cifar_labels */
};

/* How a record begins. */
struct record_form {
    size_t label_bytes; /* before the planes */
    size_t label_at;
    int classes;
};

static int count_records(const char *path, const struct record_form *form, size_t *records, struct error *error) {
    size_t size = 0, record = form->label_bytes + COLORS * PLANE;
    if (source_file_size(path, &size, error) != 0) return -1;
    if (size == 0)
        return error_set(error, ERROR_DATA, path, "is empty; records of %zu bytes were expected: fetch the file again",
                         record);
    if (size % record != 0)
        return error_set(error, ERROR_DATA, path,
                         "has %zu bytes, no multiple of the %zu of a record; it is truncated or no such file", size,
                         record);
    *records = size / record;
    return 0;
}

/* planes (3,32,32) -> pixels (32,32,3) */
static void interleave(const unsigned char *planes, uint8_t *pixels) {
    for (size_t i = 0; i < PLANE; i++)
        for (size_t c = 0; c < COLORS; c++) pixels[i * COLORS + c] = planes[c * PLANE + i];
}

static int read_record(FILE *file, const char *path, const struct record_form *form, struct dataset *dataset,
                       size_t place, size_t number, struct error *error) {
    unsigned char record[2 + COLORS * PLANE];
    size_t bytes = form->label_bytes + COLORS * PLANE;
    if (source_read(file, path, record, bytes, "became shorter while it was read; try again", error) != 0) return -1;
    int label = record[form->label_at];
    if (label >= form->classes)
        return error_set(error, ERROR_DATA, path,
                         "record %zu has label %d; 0 to %d are expected: is it the binary version of the data?", number,
                         label, form->classes - 1);
    dataset->labels[place] = label;
    interleave(record + form->label_bytes, (uint8_t *)dataset->pixels + place * (COLORS * PLANE));
    return 0;
}

static int read_records(const char *path, const struct record_form *form, size_t records, struct dataset *dataset,
                        size_t first, struct error *error) {
    FILE *file = fopen(path, "rbe");
    if (!file) return error_set_errno(error, path, "open the file");
    int status = 0;
    for (size_t i = 0; status == 0 && i < records; i++)
        status = read_record(file, path, form, dataset, first + i, i, error);
    fclose(file);
    return status;
}

/* The files' records, one file after the other. */
static int load_files(char *const *paths, int count, const struct record_form *form, struct dataset *dataset,
                      struct error *error) {
    size_t records[FILES_MAX] = {0}, total = 0;
    for (int i = 0; i < count; i++) {
        if (count_records(paths[i], form, &records[i], error) != 0) return -1;
        total += records[i];
    }
    if (source_allocate(dataset, (int64_t)total, SIDE, SIDE, COLORS, PIXEL_UINT8, paths[0], error) != 0) return -1;
    for (size_t i = 0, first = 0; i < (size_t)count; first += records[i], i++)
        if (read_records(paths[i], form, records[i], dataset, first, error) != 0) return -1;
    return 0;
}

static int load_one(const char *path, const struct record_form *form, struct dataset *dataset, struct error *error) {
    char *copy = strdup(path);
    if (!copy) return error_set(error, ERROR_RUN, path, "not enough memory for the path");
    int status = load_files(&copy, 1, form, dataset, error);
    free(copy);
    return status;
}

/* Where the folder has the file: loads it. No file is no error. */
static int load_if_there(const char *folder, const char *name, const struct record_form *form, struct dataset *dataset,
                         struct error *error) {
    const char *const names[] = {name, NULL};
    char *path = source_find(folder, names, error);
    if (!path) return error->code == ERROR_NONE ? 0 : -1;
    int status = load_one(path, form, dataset, error);
    free(path);
    return status;
}

static int name_if_there(const char *folder, const char *name, struct data_splits *splits, struct error *error) {
    const char *const names[] = {name, NULL};
    char *path = source_find(folder, names, error);
    if (!path) return error->code == ERROR_NONE ? 0 : -1;
    int status = source_read_class_names(splits, path, splits->classes, error);
    free(path);
    return status;
}

/* The archives unpack into a folder of their own: `folder` itself, or that folder inside it, to free(). */
static char *inner_folder(const char *folder, const char *inner, struct error *error) {
    const char *const names[] = {inner, NULL};
    char *path = source_find(folder, names, error);
    if (path || error->code != ERROR_NONE) return path;
    return file_join(NULL, folder, error);
}

static int compare_strings(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_train_batch(const char *name) {
    size_t length = strlen(name);
    return length > 15 && strncmp(name, "data_batch_", 11) == 0 && strcmp(name + length - 4, ".bin") == 0;
}

static int list_batches(DIR *directory, const char *folder, char **paths, int *count, struct error *error) {
    errno = 0;
    for (const struct dirent *entry = readdir(directory); entry; errno = 0, entry = readdir(directory)) {
        if (!is_train_batch(entry->d_name)) continue;
        if (*count == FILES_MAX)
            return error_set(error, ERROR_DATA, folder, "holds more than %d data_batch files; move some away",
                             FILES_MAX);
        paths[*count] = file_join(folder, entry->d_name, error);
        if (!paths[*count]) return -1;
        (*count)++;
    }
    if (errno != 0) return error_set_errno(error, folder, "read the folder");
    qsort(paths, (size_t)*count, sizeof *paths, compare_strings);
    return 0;
}

static int load_batches(const char *folder, const struct record_form *form, struct dataset *dataset,
                        struct error *error) {
    char *paths[FILES_MAX];
    int count = 0;
    DIR *directory = opendir(folder);
    if (!directory) return error_set_errno(error, folder, "open the folder");
    int status = list_batches(directory, folder, paths, &count, error);
    closedir(directory);
    if (status == 0)
        status = count > 0 ? load_files(paths, count, form, dataset, error)
                           : error_set(error, ERROR_DATA, folder,
                                       "holds no data_batch_*.bin; name the folder of CIFAR-10's binary version");
    for (int i = 0; i < count; i++) free(paths[i]);
    return status;
}

static int cifar10_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    static const struct record_form form = {.label_bytes = 1, .label_at = 0, .classes = 10};
    splits->classes = form.classes;
    int is_folder = file_is_folder(request->path, error);
    if (is_folder < 0) return -1;
    if (!is_folder) return load_one(request->path, &form, &splits->train, error);
    char *folder = inner_folder(request->path, "cifar-10-batches-bin", error);
    if (!folder) return -1;
    int status = load_batches(folder, &form, &splits->train, error);
    if (status == 0) status = load_if_there(folder, "test_batch.bin", &form, &splits->test, error);
    if (status == 0) status = name_if_there(folder, "batches.meta.txt", splits, error);
    free(folder);
    return status;
}

static int cifar100_folder(const char *folder, bool coarse, const struct record_form *form, struct data_splits *splits,
                           struct error *error) {
    if (load_if_there(folder, "train.bin", form, &splits->train, error) != 0) return -1;
    if (splits->train.count == 0)
        return error_set(error, ERROR_DATA, folder,
                         "holds no train.bin; name the folder of CIFAR-100's binary version");
    if (load_if_there(folder, "test.bin", form, &splits->test, error) != 0) return -1;
    return name_if_there(folder, coarse ? "coarse_label_names.txt" : "fine_label_names.txt", splits, error);
}

static int cifar100_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    const struct cifar100_config *config = request->config;
    bool coarse = config->labels == LABELS_COARSE;
    const struct record_form form = {.label_bytes = 2, .label_at = coarse ? 0 : 1, .classes = coarse ? 20 : 100};
    splits->classes = form.classes;
    int is_folder = file_is_folder(request->path, error);
    if (is_folder < 0) return -1;
    if (!is_folder) return load_one(request->path, &form, &splits->train, error);
    char *folder = inner_folder(request->path, "cifar-100-binary", error);
    if (!folder) return -1;
    int status = cifar100_folder(folder, coarse, &form, splits, error);
    free(folder);
    return status;
}

static int cifar10_recognize(const char *path, char **found, struct error *error) {
    static const char *const names[] = {"data_batch_1.bin", "cifar-10-batches-bin/data_batch_1.bin", NULL};
    return source_recognize(path, names, NULL, found, error);
}

static int cifar100_recognize(const char *path, char **found, struct error *error) {
    static const char *const names[] = {"train.bin", "cifar-100-binary/train.bin", NULL};
    return source_recognize(path, names, NULL, found, error);
}

const struct source_kind source_cifar10 = {
    .component = {.name = "cifar10", .summary = "CIFAR-10, binary version", .size = sizeof(struct cifar10_config)},
    .layout = "a folder with data_batch_*.bin and perhaps test_batch.bin and batches.meta.txt, or one .bin file",
    .needs_path = true,
    .image_size = {32, 32, 3},
    .load = cifar10_load,
    .recognize = cifar10_recognize};

static const char *const label_choices[] = {[LABELS_FINE] = "fine", [LABELS_COARSE] = "coarse", NULL};

static const struct field cifar100_fields[] = {{.key = "labels",
                                                .type = FIELD_CHOICE,
                                                .offset = offsetof(struct cifar100_config, labels),
                                                .fallback = "\"fine\"",
                                                .choices = label_choices,
                                                .help = "the 100 classes, or the 20 groups they belong to"},
                                               {0}};

const struct source_kind source_cifar100 = {
    .component = {.name = "cifar100",
                  .summary = "CIFAR-100, binary version",
                  .fields = cifar100_fields,
                  .size = sizeof(struct cifar100_config)},
    .layout = "a folder with train.bin and perhaps test.bin and fine_label_names.txt, or one .bin file",
    .needs_path = true,
    .image_size = {32, 32, 3},
    .load = cifar100_load,
    .recognize = cifar100_recognize};
