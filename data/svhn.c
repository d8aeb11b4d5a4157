/* SVHN's cropped digits: MATLAB files with X (h,w,3,n) bytes, column-major, and y (n,1), where 10 stands for digit 0.
 */
#include <limits.h>
#include <matio.h>
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

/* The library's messages go nowhere: mat_check has said what is wrong with a file before the library sees it. */
static void ignore_message(int level, char *message) {
    (void)level;
    (void)message;
}

static int check_images(const struct mat_array *images, const char *path, struct error *error) {
    if (!images) return error_set(error, ERROR_DATA, path, "holds no array \"X\" with the images");
    if (images->class != MAT_UINT8) return error_set(error, ERROR_DATA, path, "X is not of class uint8, as images are");
    /* MATLAB drops a last size of 1: one image alone has three sizes. */
    if (images->rank != 3 && images->rank != 4)
        return error_set(error, ERROR_DATA, path, "X has %d sizes; (height, width, 3, images) are expected",
                         images->rank);
    if (images->size[2] != COLORS)
        return error_set(error, ERROR_DATA, path, "X has %lu channels; 3 are expected", (unsigned long)images->size[2]);
    if (images->size[0] < 1 || images->size[1] < 1 || images->size[0] > DATASET_SIDE_MAX ||
        images->size[1] > DATASET_SIDE_MAX)
        return error_set(error, ERROR_DATA, path, "X has images of %lu x %lu pixels; a side has 1 to %d",
                         (unsigned long)images->size[0], (unsigned long)images->size[1], DATASET_SIDE_MAX);
    if (images->elements == 0) return error_set(error, ERROR_DATA, path, "X holds no images");
    if (images->elements > INT_MAX) return error_set(error, ERROR_DATA, path, "X has more than 2 GiB; split the file");
    return 0;
}

static int64_t image_count(const struct mat_array *images) {
    return images->rank == 4 ? (int64_t)images->size[3] : 1;
}

static int check_labels(const struct mat_array *labels, int64_t count, const char *path, struct error *error) {
    if (!labels) return error_set(error, ERROR_DATA, path, "holds no array \"y\" with the labels");
    if (labels->rank != 2 || (labels->size[0] != 1 && labels->size[1] != 1))
        return error_set(error, ERROR_DATA, path, "y is not one column of labels");
    if (labels->elements != (uint64_t)count)
        return error_set(error, ERROR_DATA, path, "X holds %lld images, but y holds %llu labels", (long long)count,
                         (unsigned long long)labels->elements);
    return 0;
}

/* Reads the array `name`, as the numbers of its class, into room for all of it. */
static int read_array(mat_t *mat, const struct mat_array *array, void *values, const char *path, struct error *error) {
    matvar_t *variable = Mat_VarReadInfo(mat, array->name);
    bool agrees = variable && variable->rank == array->rank && (int)variable->class_type == (int)array->class &&
                  !variable->isComplex;
    for (int i = 0; agrees && i < array->rank; i++) agrees = variable->dims[i] == array->size[i];
    int status = agrees ? Mat_VarReadDataLinear(mat, variable, values, 0, 1, (int)array->elements) : -1;
    Mat_VarFree(variable);
    if (status == 0) return 0;
    return error_set(error, ERROR_DATA, path, "libmatio cannot read its array %s", array->name);
}

/* One label as a number, from an array of class `class`. */
static double label_at(const void *values, enum mat_class class, size_t i) {
    switch (class) {
    case MAT_DOUBLE:
        return ((const double *)values)[i];
    case MAT_SINGLE:
        return (double)((const float *)values)[i];
    case MAT_INT8:
        return ((const int8_t *)values)[i];
    case MAT_UINT8:
        return ((const uint8_t *)values)[i];
    case MAT_INT16:
        return ((const int16_t *)values)[i];
    case MAT_UINT16:
        return ((const uint16_t *)values)[i];
    case MAT_INT32:
        return ((const int32_t *)values)[i];
    case MAT_UINT32:
        return ((const uint32_t *)values)[i];
    case MAT_INT64:
        return (double)((const int64_t *)values)[i];
    case MAT_UINT64:
        return (double)((const uint64_t *)values)[i];
    }
    return 0;
}

static int convert_labels(const void *values, enum mat_class class, struct dataset *dataset, const char *path,
                          struct error *error) {
    for (int64_t i = 0; i < dataset->count; i++) {
        double label = label_at(values, class, (size_t)i);
        int digit = label >= 1 && label <= DIGITS ? (int)label : 0;
        if ((double)digit != label || digit == 0)
            return error_set(error, ERROR_DATA, path, "label %lld of y is %g; 1 to 10 are expected, 10 for digit 0",
                             (long long)i + 1, label);
        dataset->labels[i] = digit % DIGITS;
    }
    return 0;
}

static int read_labels(mat_t *mat, const struct mat_array *labels, struct dataset *dataset, const char *path,
                       struct error *error) {
    void *values = memory_allocate((size_t)labels->elements, sizeof(double), "the labels", error);
    if (!values) return -1;
    int status = read_array(mat, labels, values, path, error);
    if (status == 0) status = convert_labels(values, labels->class, dataset, path, error);
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

static int read_images(mat_t *mat, const struct mat_array *images, struct dataset *dataset, const char *path,
                       struct error *error) {
    if (source_allocate(dataset, image_count(images), (int)images->size[0], (int)images->size[1], COLORS, PIXEL_UINT8,
                        path, error) != 0)
        return -1;
    uint8_t *spare = malloc(dataset_image_bytes(dataset));
    if (!spare) return error_set(error, ERROR_RUN, path, "not enough memory");
    int status = read_array(mat, images, dataset->pixels, path, error);
    if (status == 0) transpose_images(dataset, spare);
    free(spare);
    return status;
}

static int load_file(const char *path, struct dataset *dataset, struct error *error) {
    struct mat_arrays arrays;
    if (mat_check(path, &arrays, error) != 0) return -1;
    const struct mat_array *images = mat_find(&arrays, "X"), *labels = mat_find(&arrays, "y");
    if (check_images(images, path, error) != 0 || check_labels(labels, image_count(images), path, error) != 0)
        return -1;
    Mat_LogInitFunc("cnntrain", ignore_message);
    mat_t *mat = Mat_Open(path, MAT_ACC_RDONLY);
    if (!mat) return error_set(error, ERROR_DATA, path, "libmatio cannot open it");
    int status = read_images(mat, images, dataset, path, error);
    if (status == 0) status = read_labels(mat, labels, dataset, path, error);
    Mat_Close(mat);
    return status;
}

static int load_folder(const char *folder, struct data_splits *splits, struct error *error) {
    static const char *const train_names[] = {"train_32x32.mat", NULL}, *const test_names[] = {"test_32x32.mat", NULL};
    char *train = source_find(folder, train_names, error);
    if (!train) return error_set(error, ERROR_DATA, folder, "holds no train_32x32.mat");
    int status = load_file(train, &splits->train, error);
    free(train);
    if (status != 0) return -1;
    char *test = source_find(folder, test_names, error);
    if (!test) return error->code == ERROR_NONE ? 0 : -1;
    status = load_file(test, &splits->test, error);
    free(test);
    return status;
}

static int svhn_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    splits->classes = DIGITS;
    if (file_is_folder(request->path)) return load_folder(request->path, splits, error);
    return load_file(request->path, &splits->train, error);
}

const struct source_kind source_svhn = {.component = {.name = "svhn",
                                                      .summary = "SVHN's cropped digits (MATLAB files)",
                                                      .size = sizeof(struct svhn_config)},
                                        .layout = "a folder with train_32x32.mat and perhaps test_32x32.mat, or one "
                                                  ".mat file",
                                        .needs_path = true,
                                        .load = svhn_load};
