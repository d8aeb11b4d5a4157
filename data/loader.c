/* The data room's functions: finds a source's path, loads it, brings all parts to one form and splits off validation.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "data/convert.h"
#include "data/feed.h"
#include "data/normalize.h"
#include "data/room.h"
#include "data/source.h"

/* `path` where it exists, relative to `base` or else to `fallback`; to free(). */
static char *find_place(const char *path, const char *base, const char *fallback, struct error *error) {
    if (!*path) {
        error_set(error, ERROR_CONFIG, "data.path", "is empty; name a file or a folder");
        return NULL;
    }
    char *first = file_join(base, path, error);
    if (!first || file_exists(first)) return first;
    char *second = fallback && *path != '/' ? file_join(fallback, path, error) : NULL;
    if (second && file_exists(second)) {
        free(first);
        return second;
    }
    if (second)
        error_set(error, ERROR_IO, path, "is not there; tried %s and %s: check the name", first, second);
    else if (strcmp(first, path) != 0)
        error_set(error, ERROR_IO, path, "is not there; tried %s: check the name", first);
    else
        error_set(error, ERROR_IO, path,
                  *path == '/' ? "is not there; check the name"
                               : "is not there, nor is CNNTRAIN_DATA set to a folder that has it; check the name");
    free(first);
    free(second);
    return NULL;
}

/* "A,B" with both places found, joined again. */
static char *find_pair(const char *path, const char *comma, const char *base, const char *fallback,
                       struct error *error) {
    char *name = strndup(path, (size_t)(comma - path));
    char *first = name ? find_place(name, base, fallback, error) : NULL;
    char *second = first ? find_place(comma + 1, base, fallback, error) : NULL;
    struct text joined = {0};
    if (second) text_print(&joined, "%s,%s", first, second);
    free(name);
    free(first);
    free(second);
    if (joined.bytes && !joined.failed) return joined.bytes;
    error_set(error, ERROR_RUN, path, "not enough memory for the path");
    text_free(&joined);
    return NULL;
}

static int find_path(const struct source_kind *kind, const char *path, const char *base, const char *fallback,
                     char **found, struct error *error) {
    *found = NULL;
    if (!path && kind->needs_path)
        return error_set(error, ERROR_CONFIG, "data.path", "is missing; %s needs %s", kind->component.name,
                         kind->layout);
    if (!path) return 0;
    const char *comma = kind->path_form == SOURCE_PATH_PAIR ? source_pair_comma(path) : NULL;
    if (kind->path_form == SOURCE_PATH_WORDS)
        *found = file_join(NULL, path, error);
    else
        *found = comma ? find_pair(path, comma, base, fallback, error) : find_place(path, base, fallback, error);
    return *found ? 0 : -1;
}

static int check_labels(const struct dataset *dataset, int classes, const char *part, const char *path,
                        struct error *error) {
    for (int64_t i = 0; i < dataset->count; i++)
        if (dataset->labels[i] < 0 || dataset->labels[i] >= classes)
            return error_set(error, ERROR_DATA, path,
                             "%s image %lld has label %d; the training set has %d classes, 0 to %d", part, (long long)i,
                             (int)dataset->labels[i], classes, classes - 1);
    return 0;
}

static int check_form(const struct dataset *train, const struct dataset *other, const char *part, const char *path,
                      struct error *error) {
    if (other->count == 0 || (train->height == other->height && train->width == other->width &&
                              train->channels == other->channels && train->type == other->type))
        return 0;
    static const char *const types[] = {[PIXEL_UINT8] = "bytes", [PIXEL_FLOAT32] = "floats"};
    return error_set(error, ERROR_DATA, path,
                     "training images are (%d,%d,%d) of %s, %s images (%d,%d,%d) of %s; all must be alike (\"resize\" "
                     "and \"color\" make them so)",
                     train->height, train->width, train->channels, types[train->type], part, other->height,
                     other->width, other->channels, types[other->type]);
}

static int check_splits(const struct data_splits *splits, const char *path, struct error *error) {
    if (splits->train.count == 0) return error_set(error, ERROR_DATA, path, "holds no training images; put some there");
    if (splits->classes < 1 || splits->classes > DATASET_CLASSES_MAX)
        return error_set(error, ERROR_DATA, path, "has %d classes; 1 to %d can be used", splits->classes,
                         DATASET_CLASSES_MAX);
    if (check_form(&splits->train, &splits->validation, "validation", path, error) != 0 ||
        check_form(&splits->train, &splits->test, "test", path, error) != 0)
        return -1;
    if (check_labels(&splits->train, splits->classes, "training", path, error) != 0 ||
        check_labels(&splits->validation, splits->classes, "validation", path, error) != 0)
        return -1;
    return check_labels(&splits->test, splits->classes, "test", path, error);
}

static int convert_splits(struct data_splits *splits, const struct data_common *common, struct error *error) {
    struct dataset *parts[] = {&splits->train, &splits->validation, &splits->test};
    for (int i = 0; i < 3; i++)
        if (dataset_convert(parts[i], common, error) != 0) return -1;
    return 0;
}

static int64_t count_class(const struct dataset *dataset, int class) {
    int64_t count = 0;
    for (int64_t i = 0; i < dataset->count; i++) count += dataset->labels[i] == class;
    return count;
}

/* Data that are sorted by class would lose whole classes to a validation part taken from their end. In
 * mixed data all images of a class go there with the chance share^count. */
static int check_classes_left(const struct data_splits *splits, double share, const char *path, struct error *error) {
    for (int class = 0; class < splits->classes; class ++)
        if (count_class(&splits->train, class) == 0 &&
            pow(share, (double)count_class(&splits->validation, class)) < 1e-6)
            return error_set(
                error, ERROR_DATA, path,
                "validation_split %g takes the last images, and with them all of class %d; the data seem to "
                "be sorted by class: mix their order, or give a validation part of their own",
                share, class);
    return 0;
}

/* Keras' rule, in the same arithmetic: train = floor(n * (1 - f)), both factors doubles. A validation part of the
 * data's own wins, as fit(validation_data) does. */
static int split_validation(struct data_splits *splits, double share, const char *path, struct error *error) {
    if (share <= 0 || splits->validation.count > 0) return 0;
    int64_t train = (int64_t)floor((double)splits->train.count * (1.0 - share));
    if (train < 1 || train >= splits->train.count)
        return error_set(error, ERROR_DATA, path,
                         "has %" PRId64 " training images; validation_split %g would leave %" PRId64
                         " to train on and %" PRId64 " to validate with; both need at least one",
                         splits->train.count, share, train, splits->train.count - train);
    if (dataset_split(&splits->train, train, &splits->validation, error) != 0) return -1;
    return check_classes_left(splits, share, path, error);
}

static int load_found(const struct component *source, const struct source_request *request, struct data_splits *splits,
                      struct error *error) {
    const struct source_kind *kind = (const struct source_kind *)source->kind;
    const struct data_common *common = source->config;
    const char *name = request->path ? request->path : kind->component.name;
    if (kind->load(request, splits, error) != 0) return -1;
    if (convert_splits(splits, common, error) != 0) return -1;
    if (check_splits(splits, name, error) != 0) return -1;
    return split_validation(splits, common->validation_split, name, error);
}

static int load(const struct component *source, const char *base, const char *fallback, uint64_t seed,
                const struct progress *progress, struct data_splits *splits, struct error *error) {
    const struct data_common *common = source->config;
    char *path = NULL;
    *splits = (struct data_splits){0};
    if (find_path((const struct source_kind *)source->kind, common->path, base, fallback, &path, error) != 0) return -1;
    const struct source_request request = {source->config, path, seed, progress};
    int status = load_found(source, &request, splits, error);
    free(path);
    if (status != 0) data_splits_free(splits);
    return status;
}

static int measure(const struct component *source, const struct dataset *train, struct normalization *normalization,
                   struct error *error) {
    const struct data_common *common = source->config;
    return normalization_measure(&common->normalize, train, normalization, error);
}

const struct data_room data_room = {.load = load, .measure = measure, .open = feed_open, .close = feed_close};
