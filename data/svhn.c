/* SVHN's cropped digits: MATLAB files with X (h,w,3,n) bytes, column-major, and y (n,1), where 10 stands for digit 0.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "data/mat.h"
#include "data/source.h"

enum { DIGITS = 10, COLORS = 3 };

struct svhn_config {
    struct data_common common;
};

static int check_images(const struct mat_array *images, const char *path, struct error *error) {
    if (!images)
        return error_set(error, ERROR_DATA, path,
                         "holds no array \"X\" with the images; is it a file of SVHN's cropped digits?");
    if (images->class != MAT_UINT8 || images->type != MAT_UINT8_TYPE)
        return error_set(error, ERROR_DATA, path, "X is not of class uint8, as images are; save it as uint8");
    /* MATLAB drops a last size of 1: one image alone has three sizes. */
    if (images->rank != 3 && images->rank != 4)
        return error_set(error, ERROR_DATA, path, "X has %d sizes; save it as (height, width, 3, images)",
                         images->rank);
    if (images->size[2] != COLORS)
        return error_set(error, ERROR_DATA, path, "X has images with %lu channel%s; save them with 3",
                         (unsigned long)images->size[2], images->size[2] == 1 ? "" : "s");
    if (images->size[0] < 1 || images->size[1] < 1 || images->size[0] > DATASET_SIDE_MAX ||
        images->size[1] > DATASET_SIDE_MAX)
        return error_set(error, ERROR_DATA, path, "X has images of %lu x %lu pixels; a side has 1 to %d: resize them",
                         (unsigned long)images->size[0], (unsigned long)images->size[1], DATASET_SIDE_MAX);
    if (images->elements == 0) return error_set(error, ERROR_DATA, path, "X holds no images; fetch the file again");
    /* untaken: a file of more than 2 GiB */
    if (images->elements > INT_MAX) return error_set(error, ERROR_DATA, path, "X has more than 2 GiB; split the file");
    return 0;
}

static int64_t image_count(const struct mat_array *images) {
    return images->rank == 4 ? (int64_t)images->size[3] : 1;
}

static int check_labels(const struct mat_array *labels, int64_t count, const char *path, struct error *error) {
    if (!labels)
        return error_set(error, ERROR_DATA, path,
                         "holds no array \"y\" with the labels; is it a file of SVHN's cropped digits?");
    if (labels->rank != 2 || (labels->size[0] != 1 && labels->size[1] != 1))
        return error_set(error, ERROR_DATA, path, "y is not one column of labels; save it as (images, 1)");
    if (labels->elements != (uint64_t)count)
        return error_set(error, ERROR_DATA, path,
                         "X holds %lld image%s, but y holds %llu label%s; save both for the same images",
                         (long long)count, count == 1 ? "" : "s", (unsigned long long)labels->elements,
                         labels->elements == 1 ? "" : "s");
    return 0;
}

static int convert_labels(const void *values, enum mat_type type, struct dataset *dataset, const char *path,
                          struct error *error) {
    for (int64_t i = 0; i < dataset->count; i++) {
        double label = mat_value(values, type, (size_t)i);
        int digit = label >= 1 && label <= DIGITS ? (int)label : 0;
        if ((double)digit != label || digit == 0)
            return error_set(error, ERROR_DATA, path,
                             "label %lld of y is %g; 1 to 10 are expected, 10 for digit 0: correct it",
                             (long long)i + 1, label);
        dataset->labels[i] = digit % DIGITS;
    }
    return 0;
}

static int read_labels(const struct mat_array *labels, struct dataset *dataset, const char *path, struct error *error) {
    void *values = memory_allocate((size_t)labels->bytes, 1, "the labels", error);
    if (!values) return -1;
    int status = mat_read(path, labels, NULL, values, error);
    if (status == 0) status = convert_labels(values, labels->type, dataset, path, error);
    free(values);
    return status;
}

/* Each image in place from (channel, column, row) to (row, column, channel); `spare` holds one image. */
static void transpose_images(struct dataset *dataset, uint8_t *spare) {
    size_t height = (size_t)dataset->height, width = (size_t)dataset->width, bytes = dataset_image_bytes(dataset);
    uint8_t *image = dataset->pixels;
    for (int64_t i = 0; i < dataset->count; i++, image += bytes) {
        memcpy(spare, image, bytes);
        for (size_t y = 0; y < height; y++)
            for (size_t x = 0; x < width; x++)
                for (size_t c = 0; c < COLORS; c++)
                    image[(y * width + x) * COLORS + c] = spare[(c * width + x) * height + y];
    }
}

static int read_images(const struct mat_array *images, const struct progress *progress, struct dataset *dataset,
                       const char *path, struct error *error) {
    if (source_allocate(dataset, image_count(images), (int)images->size[0], (int)images->size[1], COLORS, PIXEL_UINT8,
                        path, error) != 0)
        return -1;
    uint8_t *spare = memory_allocate(dataset_image_bytes(dataset), 1, "an image", error);
    if (!spare) return -1;
    int status = mat_read(path, images, progress, dataset->pixels, error);
    if (status == 0) transpose_images(dataset, spare);
    free(spare);
    return status;
}

static int load_file(const char *path, const struct progress *progress, struct dataset *dataset, struct error *error) {
    struct mat_arrays arrays;
    if (mat_check(path, progress, &arrays, error) != 0) return -1;
    const struct mat_array *images = mat_find(&arrays, "X"), *labels = mat_find(&arrays, "y");
    if (check_images(images, path, error) != 0 || check_labels(labels, image_count(images), path, error) != 0)
        return -1;
    if (read_images(images, progress, dataset, path, error) != 0) return -1;
    return read_labels(labels, dataset, path, error);
}

static int load_folder(const char *folder, const struct progress *progress, struct data_splits *splits,
                       struct error *error) {
    static const char *const train_names[] = {"train_32x32.mat", NULL}, *const test_names[] = {"test_32x32.mat", NULL};
    char *train = source_find(folder, train_names, error);
    if (!train)
        return error_set(error, ERROR_DATA, folder,
                         "holds no train_32x32.mat; name the folder of SVHN's cropped digits, or a .mat file");
    int status = load_file(train, progress, &splits->train, error);
    free(train);
    if (status != 0) return -1;
    char *test = source_find(folder, test_names, error);
    if (!test) return error->code == ERROR_NONE ? 0 : -1;
    status = load_file(test, progress, &splits->test, error);
    free(test);
    return status;
}

static int svhn_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    splits->classes = DIGITS;
    int is_folder = file_is_folder(request->path, error);
    if (is_folder < 0) return -1;
    if (is_folder) return load_folder(request->path, request->progress, splits, error);
    return load_file(request->path, request->progress, &splits->train, error);
}

static int svhn_recognize(const char *path, char **found, struct error *error) {
    static const char *const names[] = {"train_32x32.mat", NULL};
    return source_recognize(path, names, ".mat", found, error);
}

const struct source_kind source_svhn = {.component = {.name = "svhn",
                                                      .summary = "SVHN's cropped digits (MATLAB files)",
                                                      .size = sizeof(struct svhn_config)},
                                        .layout = "a folder with train_32x32.mat and perhaps test_32x32.mat, or one "
                                                  ".mat file",
                                        .needs_path = true,
                                        .load = svhn_load,
                                        .recognize = svhn_recognize};
