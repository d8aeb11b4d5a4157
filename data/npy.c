/* Images and labels as NumPy saves them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "data/npy_file.h"
#include "data/source.h"

struct npy_config {
    struct data_common common;
};

static int check_finite(const struct dataset *dataset, const char *path, struct error *error) {
    if (dataset->type != PIXEL_FLOAT32) return 0;
    const float *pixels = dataset->pixels;
    size_t image = dataset_image_bytes(dataset) / sizeof(float), total = (size_t)dataset->count * image;
    for (size_t i = 0; i < total; i++)
        if (!isfinite(pixels[i]))
            return error_set(
                error, ERROR_DATA, path,
                "image %zu holds a value that is not finite; save it with numpy.nan_to_num, or leave it out",
                i / image);
    return 0;
}

static int read_images(struct npy_file *npy, const char *path, struct dataset *dataset, struct error *error) {
    bool bytes = npy->kind == 'u' && npy->width == 1, floats = npy->kind == 'f' && npy->width == 4;
    if (!bytes && !floats)
        return error_set(error, ERROR_DATA, path, "holds values of type %c%d; save images as uint8 or float32",
                         npy->kind, npy->width);
    if (npy->rank != 3 && npy->rank != 4)
        return error_set(error, ERROR_DATA, path,
                         "has %d dimension%s; images have (count, height, width) or (count, height, width, channels)",
                         npy->rank, npy->rank == 1 ? "" : "s");
    size_t channels = npy->rank == 4 ? npy->size[3] : 1;
    if (npy->size[1] > DATASET_SIDE_MAX || npy->size[2] > DATASET_SIDE_MAX || channels > 4)
        return error_set(
            error, ERROR_DATA, path,
            "has images of (%zu,%zu,%zu); (height, width, channels) of at most (%d,%d,4) can be used: save such",
            npy->size[1], npy->size[2], channels, DATASET_SIDE_MAX, DATASET_SIDE_MAX);
    if (source_allocate(dataset, (int64_t)npy->size[0], (int)npy->size[1], (int)npy->size[2], (int)channels,
                        bytes ? PIXEL_UINT8 : PIXEL_FLOAT32, path, error) != 0)
        return -1;
    if (npy_read(npy, path, dataset->pixels, npy->values, error) != 0) return -1;
    return check_finite(dataset, path, error);
}

/* The little-endian integer at `bytes`; unsigned values beyond int64_t become the largest, and so an error. */
static int64_t integer_at(const unsigned char *bytes, const struct npy_file *npy) {
    uint64_t value = 0;
    for (int i = npy->width; i-- > 0;) value = value << 8 | bytes[i];
    unsigned bits = 8U * (unsigned)npy->width;
    if (npy->kind == 'i' && bits < 64 && value >> (bits - 1)) value |= UINT64_MAX << bits;
    if (npy->kind == 'u' && value > INT64_MAX) return INT64_MAX;
    return (int64_t)value;
}

static int convert_labels(const unsigned char *bytes, const struct npy_file *npy, const char *path,
                          struct dataset *dataset, struct error *error) {
    for (int64_t i = 0; i < dataset->count; i++) {
        int64_t label = integer_at(bytes + (size_t)i * (size_t)npy->width, npy);
        if (label < 0 || label >= DATASET_CLASSES_MAX)
            return error_set(error, ERROR_DATA, path, "label %lld is %lld; 0 to %d are expected: correct it",
                             (long long)i, (long long)label, DATASET_CLASSES_MAX - 1);
        dataset->labels[i] = (int32_t)label;
    }
    return 0;
}

static int read_labels(struct npy_file *npy, const char *path, struct dataset *dataset, struct error *error) {
    if (npy->kind == 'f')
        return error_set(error, ERROR_DATA, path, "holds values of type f%d; save labels as integers", npy->width);
    if (npy->rank != 1 && !(npy->rank == 2 && npy->size[1] == 1))
        return error_set(error, ERROR_DATA, path, "has %d dimensions; labels have (count) or (count, 1)", npy->rank);
    if (npy->size[0] != (size_t)dataset->count)
        return error_set(error, ERROR_DATA, path, "holds %zu label%s for %lld image%s; save both for the same images",
                         npy->size[0], npy->size[0] == 1 ? "" : "s", (long long)dataset->count,
                         dataset->count == 1 ? "" : "s");
    unsigned char *bytes = memory_allocate(npy->values, (size_t)npy->width, "the labels", error);
    if (!bytes) return -1;
    int status = npy_read(npy, path, bytes, npy->values, error);
    if (status == 0) status = convert_labels(bytes, npy, path, dataset, error);
    free(bytes);
    return status;
}

static int load_pair(const char *images, const char *labels, struct dataset *dataset, struct error *error) {
    struct npy_file npy;
    if (npy_open(images, &npy, error) != 0) return -1;
    int status = read_images(&npy, images, dataset, error);
    npy_close(&npy);
    if (status != 0 || npy_open(labels, &npy, error) != 0) return -1;
    status = read_labels(&npy, labels, dataset, error);
    npy_close(&npy);
    return status;
}

/* x_<part>.npy and y_<part>.npy; leaves `dataset` empty where there are no such images. */
static int load_part(const char *folder, const char *images_name, const char *labels_name, struct dataset *dataset,
                     struct error *error) {
    const char *const images_names[] = {images_name, NULL}, *const labels_names[] = {labels_name, NULL};
    char *images = source_find(folder, images_names, error);
    if (!images) return error->code == ERROR_NONE ? 0 : -1;
    char *labels = source_find(folder, labels_names, error);
    int status =
        labels ? load_pair(images, labels, dataset, error)
               : error_set(error, ERROR_DATA, folder, "holds %s, but no %s; put it there", images_name, labels_name);
    free(images);
    free(labels);
    return status;
}

static int load_folder(const char *folder, struct data_splits *splits, struct error *error) {
    if (load_part(folder, "x_train.npy", "y_train.npy", &splits->train, error) != 0) return -1;
    if (!splits->train.labels)
        return error_set(error, ERROR_DATA, folder,
                         "holds no x_train.npy; put it there, or name two files as IMAGES.npy,LABELS.npy");
    if (load_part(folder, "x_val.npy", "y_val.npy", &splits->validation, error) != 0) return -1;
    return load_part(folder, "x_test.npy", "y_test.npy", &splits->test, error);
}

static int load_named_pair(const char *path, struct data_splits *splits, struct error *error) {
    const char *comma = source_pair_comma(path);
    if (!comma || comma == path || !comma[1])
        return error_set(error, ERROR_DATA, path,
                         "is one file; give images and labels as IMAGES.npy,LABELS.npy, or a folder with x_train.npy "
                         "and y_train.npy");
    char *images = strndup(path, (size_t)(comma - path));
    if (!images) return error_set(error, ERROR_RUN, path, "not enough memory for the path");
    int status = load_pair(images, comma + 1, &splits->train, error);
    free(images);
    return status;
}

static int npy_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    int is_folder = file_is_folder(request->path, error);
    if (is_folder < 0) return -1;
    int status = is_folder ? load_folder(request->path, splits, error) : load_named_pair(request->path, splits, error);
    if (status == 0) source_count_classes(splits);
    return status;
}

/* Besides the names that are read from a folder, pairs that people give to a data set of one part. */
static int npy_recognize(const char *path, char **found, struct error *error) {
    static const char *const whole[] = {"x_train.npy", NULL};
    static const char *const pairs[][2] = {
        {"images.npy", "labels.npy"}, {"x.npy", "y.npy"}, {"X.npy", "y.npy"}, {"data.npy", "labels.npy"}};
    int known = source_recognize(path, whole, NULL, found, error);
    for (size_t i = 0; known == 0 && i < sizeof pairs / sizeof *pairs; i++) {
        char *images = file_join(path, pairs[i][0], error), *labels = file_join(path, pairs[i][1], error);
        struct text pair = {0};
        if (!images || !labels) known = -1;
        if (known == 0 && file_exists(images) && file_exists(labels)) {
            text_print(&pair, "%s,%s", images, labels);
            known = pair.failed ? error_set(error, ERROR_RUN, path, "not enough memory for the path") : 1;
            *found = pair.bytes;
        }
        free(images);
        free(labels);
    }
    return known;
}

const struct source_kind source_npy = {
    .component = {.name = "npy", .summary = "NumPy arrays", .size = sizeof(struct npy_config)},
    .layout = "IMAGES.npy,LABELS.npy, or a folder with x_train.npy, y_train.npy and "
              "perhaps x_val.npy, y_val.npy, x_test.npy, y_test.npy",
    .needs_path = true,
    .path_form = SOURCE_PATH_PAIR,
    .load = npy_load,
    .recognize = npy_recognize};
