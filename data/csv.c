/* A manifest of pictures: path,label[,split]. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/csv.h"
#include "core/file.h"
#include "core/memory.h"
#include "data/image_list.h"
#include "data/source.h"

enum { MANIFEST_MAX = 256 << 20 };
enum part { PART_TRAIN, PART_VALIDATION, PART_TEST, PART_COUNT };

struct csv_config {
    struct data_common common;
};

struct entry {
    const char *path, *label;
    int line;
    enum part part;
};

struct manifest {
    const char *path;
    char *folder; /* that paths are relative to */
    struct arena arena;
    struct entry *entries;
    size_t count, capacity;
    const char **classes; /* sorted */
    size_t class_count;
    bool numeric;                /* all labels are integers */
    struct picture_sizes *sizes; /* what is asked for instead of the pixels, or NULL */
    const struct progress *progress;
    struct error *error;
};

/* Whether a row's first two cells are the names of those columns, paths in cell `path_at`, labels in the other. */
static bool is_header(const struct csv_row *row, int path_at) {
    static const char *const paths[] = {"path", "file", "filename", "image"};
    static const char *const labels[] = {"label", "class"};
    bool path = false, label = false;
    if (row->count < 2) return false;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        path = path || strcasecmp(row->cells[path_at], paths[i]) == 0;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        label = label || strcasecmp(row->cells[1 - path_at], labels[i]) == 0;
    return path && label;
}

static int parse_part(const struct manifest *manifest, const struct csv_row *row, enum part *part) {
    static const struct {
        const char *name;
        enum part part;
    } names[] = {{"train", PART_TRAIN}, {"validation", PART_VALIDATION}, {"val", PART_VALIDATION}, {"test", PART_TEST}};
    *part = PART_TRAIN;
    if (row->count < 3 || !*row->cells[2]) return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(row->cells[2], names[i].name) == 0) {
            *part = names[i].part;
            return 0;
        }
    return error_set(manifest->error, ERROR_DATA, manifest->path,
                     "line %d: split \"%s\"; train, validation or test is expected", row->line, row->cells[2]);
}

static char *picture_path(struct manifest *manifest, const char *name) {
    char *joined = file_join(manifest->folder, name, manifest->error);
    char *path = joined ? arena_string(&manifest->arena, joined, manifest->error) : NULL;
    free(joined);
    return path;
}

static int grow_entries(struct manifest *manifest) {
    if (manifest->count < manifest->capacity) return 0;
    size_t wanted = manifest->capacity ? 2 * manifest->capacity : 256;
    struct entry *grown = realloc(manifest->entries, wanted * sizeof *grown);
    if (!grown)
        return error_set(manifest->error, ERROR_RUN, manifest->path, "not enough memory for the list of images");
    manifest->entries = grown;
    manifest->capacity = wanted;
    return 0;
}

static int add_row(struct manifest *manifest, const struct csv_row *row) {
    if (row->count > 3)
        return error_set(manifest->error, ERROR_DATA, manifest->path,
                         "line %d: more than 3 fields; path,label[,split] is expected", row->line);
    if (row->count < 2)
        return error_set(manifest->error, ERROR_DATA, manifest->path,
                         "line %d: 1 field; path,label[,split] is expected", row->line);
    if (!*row->cells[0] || !*row->cells[1])
        return error_set(manifest->error, ERROR_DATA, manifest->path,
                         "line %d: the %s is empty; path,label[,split] is expected", row->line,
                         *row->cells[0] ? "label" : "path");
    struct entry entry = {.label = row->cells[1], .line = row->line};
    if (parse_part(manifest, row, &entry.part) != 0) return -1;
    entry.path = picture_path(manifest, row->cells[0]);
    if (!entry.path || grow_entries(manifest) != 0) return -1;
    if (access(entry.path, R_OK) != 0)
        return error_set(manifest->error, ERROR_IO, manifest->path, "line %d: cannot open the image %s: %s", row->line,
                         entry.path, strerror(errno));
    manifest->entries[manifest->count++] = entry;
    return 0;
}

static int read_rows(struct manifest *manifest, char *text) {
    static const char mark[] = "\xEF\xBB\xBF"; /* UTF-8's byte order mark, as spreadsheets write it */
    bool marked = strncmp(text, mark, 3) == 0;
    struct csv_reader reader = csv_open(manifest->path, text + (marked ? 3 : 0));
    struct csv_row row;
    bool first = true;
    for (;;) {
        int more = csv_next(&reader, &row, manifest->error);
        if (more <= 0) return more;
        if (first && is_header(&row, 1))
            return error_set(manifest->error, ERROR_DATA, manifest->path,
                             "line %d: the labels stand before the paths; path,label[,split] is expected", row.line);
        if (!(first && is_header(&row, 0)) && add_row(manifest, &row) != 0) return -1;
        first = false;
    }
}

/* An integer that strtol reads whole. */
static bool is_integer(const char *label) {
    char *end = NULL;
    errno = 0;
    strtol(label, &end, 10);
    return end != label && *end == '\0' && errno == 0;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_numbers(const void *a, const void *b) {
    long x = strtol(*(const char *const *)a, NULL, 10), y = strtol(*(const char *const *)b, NULL, 10);
    return (x > y) - (x < y);
}

/* The sorted names without repetition among the training labels. */
static int collect_classes(struct manifest *manifest) {
    size_t count = 0;
    manifest->classes = calloc(manifest->count + 1, sizeof *manifest->classes);
    if (!manifest->classes)
        return error_set(manifest->error, ERROR_RUN, manifest->path, "not enough memory for the class names");
    manifest->numeric = true;
    for (size_t i = 0; i < manifest->count; i++) {
        if (manifest->entries[i].part != PART_TRAIN) continue;
        manifest->classes[count++] = manifest->entries[i].label;
        manifest->numeric = manifest->numeric && is_integer(manifest->entries[i].label);
    }
    int (*compare)(const void *, const void *) = manifest->numeric ? compare_numbers : compare_names;
    qsort(manifest->classes, count, sizeof *manifest->classes, compare);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare(&manifest->classes[i], &manifest->classes[manifest->class_count - 1]) != 0)
            manifest->classes[manifest->class_count++] = manifest->classes[i];
    if (manifest->class_count <= DATASET_CLASSES_MAX) return 0;
    return error_set(manifest->error, ERROR_DATA, manifest->path, "has %zu different labels; at most %d can be used",
                     manifest->class_count, DATASET_CLASSES_MAX);
}

static int label_of(const struct manifest *manifest, const struct entry *entry, int32_t *label) {
    const char *const *found = NULL;
    if (!manifest->numeric || is_integer(entry->label))
        found = bsearch(&entry->label, manifest->classes, manifest->class_count, sizeof *manifest->classes,
                        manifest->numeric ? compare_numbers : compare_names);
    if (!found)
        return error_set(
            manifest->error, ERROR_DATA, manifest->path,
            "line %d: label \"%s\" does not occur in the training set; add images of it there, or leave the line out",
            entry->line, entry->label);
    *label = (int32_t)(found - (const char *const *)manifest->classes);
    return 0;
}

static int load_part(const struct manifest *manifest, enum part part, const struct data_common *common,
                     struct dataset *dataset) {
    struct image_item *items = calloc(manifest->count + 1, sizeof *items);
    if (!items)
        return error_set(manifest->error, ERROR_RUN, manifest->path, "not enough memory for the list of images");
    size_t count = 0;
    int status = 0;
    for (size_t i = 0; status == 0 && i < manifest->count; i++) {
        const struct entry *entry = &manifest->entries[i];
        if (entry->part != part) continue;
        items[count].path = entry->path;
        status = label_of(manifest, entry, &items[count++].label);
    }
    if (status == 0 && manifest->sizes)
        status = image_list_measure(items, count, manifest->sizes, manifest->error);
    else if (status == 0)
        status = image_list_load(items, count, common, manifest->progress, dataset, manifest->error);
    free(items);
    return status;
}

static int load_manifest(struct manifest *manifest, char *text, const struct data_common *common,
                         struct data_splits *splits) {
    struct dataset *datasets[PART_COUNT] = {&splits->train, &splits->validation, &splits->test};
    if (read_rows(manifest, text) != 0 || collect_classes(manifest) != 0) return -1;
    if (source_name_classes(splits, manifest->classes, (int)manifest->class_count, manifest->path, manifest->error) !=
        0)
        return -1;
    for (int part = 0; part < PART_COUNT; part++)
        if (load_part(manifest, (enum part)part, common, datasets[part]) != 0) return -1;
    return 0;
}

/* The manifest at manifest->path; `common` is not used where sizes alone are asked for. */
static int read_manifest(struct manifest *manifest, const struct data_common *common, struct data_splits *splits) {
    struct error *error = manifest->error;
    char *text = NULL;
    size_t length = 0;
    if (file_read(manifest->path, MANIFEST_MAX, &text, &length, error) != 0) return -1;
    int status = -1;
    manifest->folder = file_folder_of(manifest->path, error);
    if (memchr(text, '\0', length))
        error_set(error, ERROR_DATA, manifest->path, "holds a zero byte, which no CSV text has; save it as such");
    else if (manifest->folder)
        status = load_manifest(manifest, text, common, splits);
    free(manifest->folder);
    free(manifest->entries);
    free(manifest->classes);
    arena_free(&manifest->arena);
    free(text);
    return status;
}

static int csv_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    struct manifest manifest = {.path = request->path, .progress = request->progress, .error = error};
    return read_manifest(&manifest, request->config, splits);
}

static int csv_measure(const char *path, struct picture_sizes *sizes, struct error *error) {
    struct manifest manifest = {.path = path, .sizes = sizes, .error = error};
    struct data_splits splits = {0};
    int status = read_manifest(&manifest, NULL, &splits);
    data_splits_free(&splits);
    return status;
}

static bool is_csv_name(const char *name) {
    const size_t length = strlen(name);
    return *name != '.' && length > 4 && strcasecmp(name + length - 4, ".csv") == 0;
}

/* The one file of a folder that ends in .csv; where there are several, nobody knows which is meant. */
static int find_in_folder(const char *path, char **found, struct error *error) {
    DIR *folder = opendir(path);
    if (!folder) return error_set_errno(error, path, "open the folder");
    int count = 0, status = 0;
    errno = 0;
    for (const struct dirent *entry = readdir(folder); status == 0 && entry; entry = readdir(folder)) {
        if (is_csv_name(entry->d_name) && count++ == 0) *found = file_join(path, entry->d_name, error);
        if (count > 0 && !*found) status = -1;
        errno = 0;
    }
    if (status == 0 && errno != 0) status = error_set_errno(error, path, "read the folder");
    closedir(folder);
    if (status == 0 && count == 1) return 1;
    free(*found);
    *found = NULL;
    return status;
}

static int csv_recognize(const char *path, char **found, struct error *error) {
    static const char *const none[] = {NULL};
    int is_folder = file_is_folder(path, error);
    if (is_folder < 0) return -1;
    return is_folder ? find_in_folder(path, found, error) : source_recognize(path, none, ".csv", found, error);
}

const struct source_kind source_csv = {.component = {.name = "csv",
                                                     .summary = "a list of pictures: path,label[,split]",
                                                     .size = sizeof(struct csv_config)},
                                       .layout = "a CSV file (RFC 4180) of path,label[,split]; paths relative to it, "
                                                 "split train, validation or test",
                                       .needs_path = true,
                                       .load = csv_load,
                                       .recognize = csv_recognize,
                                       .measure = csv_measure};
