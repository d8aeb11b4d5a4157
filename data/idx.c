/* IDX files, the format of MNIST and its family: 00 00 type rank, big-endian sizes, row-major values; plain or gzip. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/file.h"
#include "core/memory.h"
#include "data/gzip_end.h"
#include "data/source.h"

enum { TYPE_UINT8 = 8, IMAGES_RANK = 3, LABELS_RANK = 1, DEFLATE_FACTOR_MAX = 1032 };
static const char fashion_mnist_path[] = "/usr/share/datasets/fashion-mnist";

struct idx_config {
    struct data_common common;
};

/* An open file, plain or compressed; zlib reads both alike. */
struct idx_file {
    gzFile file;
    const char *path;
    struct error *error;
    size_t size[IMAGES_RANK]; /* by axis, as the header says */
};

static int read_failed(const struct idx_file *file, size_t wanted, size_t got) {
    int code = Z_OK;
    gzerror(file->file, &code);
    if (code == Z_MEM_ERROR)
        return error_set(file->error, ERROR_RUN, file->path, "not enough memory to decompress the file");
    if (code == Z_ERRNO) return error_set_errno(file->error, file->path, "read the file");
    if (code != Z_OK && code != Z_BUF_ERROR)
        return error_set(file->error, ERROR_DATA, file->path,
                         "is damaged: it cannot be decompressed, or its checksum is wrong; fetch the file again");
    return error_set(
        file->error, ERROR_DATA, file->path,
        "is truncated: it has %zu of the %zu bytes of values that its header promises; fetch the file again", got,
        wanted);
}

static int read_exactly(const struct idx_file *file, void *bytes, size_t length) {
    for (size_t at = 0; at < length;) {
        /* untaken: a file of more than 1 GiB */
        unsigned part = length - at < INT_MAX / 2 ? (unsigned)(length - at) : INT_MAX / 2;
        int got = gzread(file->file, (char *)bytes + at, part);
        if (got <= 0) return read_failed(file, length, at);
        at += (size_t)got;
    }
    return 0;
}

/* Nothing may follow the values; reading on also checks a gzip file's checksum. */
static int read_end(const struct idx_file *file) {
    char byte = 0;
    int got = gzread(file->file, &byte, 1);
    int code = Z_OK;
    if (got < 0) return read_failed(file, 0, 0);
    if (got == 0) gzerror(file->file, &code);
    if (code != Z_OK)
        return error_set(file->error, ERROR_DATA, file->path,
                         "is truncated: its checksum is missing or cut; fetch the file again");
    if (got > 0)
        return error_set(file->error, ERROR_DATA, file->path,
                         "holds more bytes than its header says; fetch the file again");
    const z_off_t length = gztell(file->file);
    return gzdirect(file->file) ? 0 : gzip_check_end(file->path, (size_t)length, file->error);
}

static int read_header(struct idx_file *file, int rank, const char *what) {
    unsigned char header[4 + 4 * IMAGES_RANK];
    int got = gzread(file->file, header, 4 + 4 * (unsigned)rank);
    if (got < 0) return read_failed(file, 0, 0);
    if (got == 0)
        return error_set(file->error, ERROR_DATA, file->path,
                         "is empty; an IDX file of %s was expected: fetch the file again", what);
    if (got < 4 || header[0] != 0 || header[1] != 0 || header[2] != TYPE_UINT8 || header[3] != rank) {
        unsigned long magic = 0;
        for (int i = 0; i < 4 && i < got; i++) magic = magic << 8 | header[i];
        return error_set(file->error, ERROR_DATA, file->path,
                         "begins with 0x%08lx; an IDX file of %s begins with 0x%08x: is it the right file?", magic,
                         what, (unsigned)(TYPE_UINT8 << 8 | rank));
    }
    if (got < 4 + 4 * rank)
        return error_set(file->error, ERROR_DATA, file->path,
                         "is truncated: it ends within its header; fetch the file again");
    for (int i = 0; i < rank; i++) {
        const unsigned char *size = header + 4 + 4 * i;
        file->size[i] = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | (size_t)size[3];
    }
    return 0;
}

/* The values the header promises must fit what lies on disk, before room is made for them. */
static int check_room(const struct idx_file *file, int rank) {
    size_t values = 1, on_disk = 0;
    bool fits = true;
    for (int i = 0; i < rank; i++) fits &= size_multiply(values, file->size[i], &values);
    if (source_file_size(file->path, &on_disk, file->error) != 0) return -1;
    size_t most = on_disk;
    /* untaken: no file is so large that a thousand times its size is no number */
    if (!gzdirect(file->file)) fits = fits && size_multiply(on_disk, DEFLATE_FACTOR_MAX, &most);
    if (fits && values <= most && !source_may_unpack(on_disk, values))
        return error_set(file->error, ERROR_DATA, file->path,
                         "would unpack %zu bytes to %zu; if that is meant, unpack it with gunzip first", on_disk,
                         values);
    if (fits && values <= most) return 0;
    return error_set(file->error, ERROR_DATA, file->path,
                     "is truncated: its header promises more values than its %zu bytes can hold; fetch the file again",
                     on_disk);
}

static int open_file(struct idx_file *file, const char *path, int rank, const char *what, struct error *error) {
    *file = (struct idx_file){.path = path, .error = error};
    size_t size = 0;
    if (source_file_size(path, &size, error) != 0) return -1;
    errno = ENOMEM; /* what the library means where it leaves errno alone */
    file->file = gzopen(path, "rbe");
    if (!file->file) return error_set_errno(error, path, "open the file");
    gzbuffer(file->file, 1 << 17);
    if (read_header(file, rank, what) == 0 && check_room(file, rank) == 0) return 0;
    gzclose(file->file);
    return -1;
}

static int load_images(const char *path, struct dataset *dataset, struct error *error) {
    struct idx_file file;
    if (open_file(&file, path, IMAGES_RANK, "images", error) != 0) return -1;
    int status = 0;
    if (file.size[1] > DATASET_SIDE_MAX || file.size[2] > DATASET_SIDE_MAX)
        status = error_set(error, ERROR_DATA, path,
                           "has images of %zu x %zu pixels; a side has at most %d: make them smaller", file.size[1],
                           file.size[2], DATASET_SIDE_MAX);
    if (status == 0)
        status = source_allocate(dataset, (int64_t)file.size[0], (int)file.size[1], (int)file.size[2], 1, PIXEL_UINT8,
                                 path, error);
    if (status == 0)
        status = read_exactly(&file, dataset->pixels, (size_t)dataset->count * dataset_image_bytes(dataset));
    if (status == 0) status = read_end(&file);
    gzclose(file.file);
    return status;
}

static int fill_labels(const struct idx_file *file, struct dataset *dataset) {
    if (file->size[0] != (size_t)dataset->count)
        return error_set(file->error, ERROR_DATA, file->path,
                         "holds %zu label%s for %lld image%s; take the two files that belong together", file->size[0],
                         file->size[0] == 1 ? "" : "s", (long long)dataset->count, dataset->count == 1 ? "" : "s");
    unsigned char *labels = malloc(file->size[0] + 1);
    if (!labels) return error_set(file->error, ERROR_RUN, file->path, "not enough memory for the labels");
    int status = read_exactly(file, labels, file->size[0]);
    if (status == 0) status = read_end(file);
    for (size_t i = 0; status == 0 && i < file->size[0]; i++) dataset->labels[i] = labels[i];
    free(labels);
    return status;
}

static int load_labels(const char *path, struct dataset *dataset, struct error *error) {
    struct idx_file file;
    if (open_file(&file, path, LABELS_RANK, "labels", error) != 0) return -1;
    int status = fill_labels(&file, dataset);
    gzclose(file.file);
    return status;
}

static int load_pair(const char *images, const char *labels, struct dataset *dataset, struct error *error) {
    if (load_images(images, dataset, error) != 0) return -1;
    return load_labels(labels, dataset, error);
}

/* The labels' file of an images' file: "images" becomes "labels", "idx3" becomes "idx1"; with or without ".gz". NULL
 * where the name has no such parts or there is no such file. */
static char *find_labels_beside(const char *images, struct error *error) {
    char *copy = strdup(images);
    if (!copy) {
        error_set(error, ERROR_RUN, images, "not enough memory for the path");
        return NULL;
    }
    char *name = copy + (file_name_of(images) - images);
    char *word = strstr(name, "images"), *rank = strstr(name, "idx3");
    char *ending = strstr(name, ".gz");
    if (word && rank) {
        memcpy(word, "labels", 6);
        rank[3] = '1';
        if (file_exists(copy)) return copy;
        if (ending) *ending = '\0';
        if (ending && file_exists(copy)) return copy;
    }
    free(copy);
    return NULL;
}

static int load_file(const char *images, struct data_splits *splits, struct error *error) {
    char *labels = find_labels_beside(images, error);
    if (!labels)
        return error_set(error, ERROR_DATA, images,
                         "has no file of labels beside it (a name with \"labels\" for \"images\" and \"idx1\" for "
                         "\"idx3\"); give the folder or the file of images");
    int status = load_pair(images, labels, &splits->train, error);
    free(labels);
    return status;
}

/* Loads "<part>-images-idx3-ubyte" and its labels, as they are or with ".gz"; leaves `dataset` empty without them. */
static int load_part(const char *folder, const char *part, struct dataset *dataset, struct error *error) {
    char names[8][48];
    const char *images_names[5] = {0}, *labels_names[5] = {0};
    for (int i = 0; i < 4; i++) {
        const char *gz = i % 2 ? ".gz" : "", *dot = i / 2 ? "." : "-";
        snprintf(names[i], sizeof names[i], "%s-images%sidx3-ubyte%s", part, dot, gz);
        snprintf(names[4 + i], sizeof names[i], "%s-labels%sidx1-ubyte%s", part, dot, gz);
        images_names[i] = names[i];
        labels_names[i] = names[4 + i];
    }
    char *images = source_find(folder, images_names, error), *labels = NULL;
    if (!images) return error->code == ERROR_NONE ? 0 : -1;
    int status = -1;
    labels = source_find(folder, labels_names, error);
    if (labels)
        status = load_pair(images, labels, dataset, error);
    else
        error_set(error, ERROR_DATA, folder, "holds %s, but no %s; put it there", file_name_of(images), names[4]);
    free(images);
    free(labels);
    return status;
}

static int load_folder(const char *folder, struct data_splits *splits, struct error *error) {
    if (load_part(folder, "train", &splits->train, error) != 0) return -1;
    if (splits->train.count == 0 && !splits->train.labels)
        return error_set(error, ERROR_DATA, folder,
                         "holds no train-images-idx3-ubyte, plain or .gz; name the folder of a data set in IDX format");
    return load_part(folder, "t10k", &splits->test, error);
}

static int load(const char *path, struct data_splits *splits, struct error *error) {
    int is_folder = file_is_folder(path, error);
    if (is_folder < 0) return -1;
    return is_folder ? load_folder(path, splits, error) : load_file(path, splits, error);
}

static int idx_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    int status = load(request->path, splits, error);
    source_count_classes(splits);
    return status;
}

static int fashion_mnist_load(const struct source_request *request, struct data_splits *splits, struct error *error) {
    static const char *const names[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                        "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    const char *path = request->path ? request->path : fashion_mnist_path;
    /* untaken: the package is installed on a machine, or it is not */
    if (!request->path && !file_exists(path))
        return error_set(error, ERROR_IO, path,
                         "is missing; install the Debian package dataset-fashion-mnist or give a path");
    if (load(path, splits, error) != 0) return -1;
    return source_name_classes(splits, names, 10, path, error);
}

static int idx_recognize(const char *path, char **found, struct error *error) {
    static const char *const names[] = {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz",
                                        "train-images.idx3-ubyte", "train-images.idx3-ubyte.gz", NULL};
    int known = source_recognize(path, names, "idx3-ubyte", found, error);
    return known ? known : source_recognize(path, names, "idx3-ubyte.gz", found, error);
}

static const char layout[] = "a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and perhaps t10k-*, plain "
                             "or .gz, or one file of images";

const struct source_kind source_idx = {.component = {.name = "idx",
                                                     .summary = "IDX files, the format of MNIST and its family",
                                                     .size = sizeof(struct idx_config)},
                                       .layout = layout,
                                       .needs_path = true,
                                       .load = idx_load,
                                       .recognize = idx_recognize};

const struct source_kind source_fashion_mnist = {
    .component = {.name = "fashion-mnist",
                  .alias = "fashion_mnist",
                  .summary = "Fashion-MNIST, by default from the Debian package dataset-fashion-mnist",
                  .size = sizeof(struct idx_config)},
    .layout = layout,
    .image_size = {28, 28, 1},
    .load = fashion_mnist_load};
