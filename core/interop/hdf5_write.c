#include "core/interop/hdf5_write.h"

#include <hdf5.h>
#include <stdlib.h>

#include "core/isolate.h"

enum {
    GROWTH = 1 << 16, /* bytes by which the core driver enlarges a file */
    SECONDS = 600,
};

static struct hdf5_writer create(void) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    struct hdf5_writer writer = {.file = -1};
    if (access >= 0 && H5Pset_fapl_core(access, GROWTH, false) >= 0)
        writer.file = H5Fcreate("memory", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (access >= 0) H5Pclose(access);
    writer.failed = writer.file < 0;
    return writer;
}

static void check(struct hdf5_writer *writer, bool good) {
    writer->failed = writer->failed || !good;
}

/* Properties of links that make missing groups on the way. */
static hid_t with_groups(void) {
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    if (links >= 0) H5Pset_create_intermediate_group(links, 1);
    return links;
}

void hdf5_group(struct hdf5_writer *writer, const char *path) {
    if (writer->failed) return;
    const hid_t links = with_groups();
    const hid_t group = H5Gcreate2(writer->file, path, links, H5P_DEFAULT, H5P_DEFAULT);
    check(writer, group >= 0);
    if (group >= 0) check(writer, H5Gclose(group) >= 0);
    if (links >= 0) H5Pclose(links);
}

/* Without the time at which it was made. */
static hid_t create_tensor(struct hdf5_writer *writer, const char *path, hid_t space) {
    const hid_t links = with_groups(), creation = H5Pcreate(H5P_DATASET_CREATE);
    hid_t dataset = -1;
    if (links >= 0 && creation >= 0 && H5Pset_obj_track_times(creation, false) >= 0)
        dataset = H5Dcreate2(writer->file, path, H5T_IEEE_F32LE, space, links, creation, H5P_DEFAULT);
    if (creation >= 0) H5Pclose(creation);
    if (links >= 0) H5Pclose(links);
    return dataset;
}

void hdf5_tensor(struct hdf5_writer *writer, const char *path, const struct shape *shape, const float *values) {
    if (writer->failed) return;
    hsize_t sizes[SHAPE_RANK_MAX];
    for (int i = 0; i < shape->rank; i++) sizes[i] = (hsize_t)shape->size[i];
    const hid_t space = H5Screate_simple(shape->rank, sizes, NULL);
    const hid_t dataset = space >= 0 ? create_tensor(writer, path, space) : -1;
    check(writer, dataset >= 0);
    if (dataset >= 0) {
        check(writer, H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
        check(writer, H5Dclose(dataset) >= 0);
    }
    if (space >= 0) H5Sclose(space);
}

/* UTF-8 of any length, as h5py writes it. */
static hid_t type_of_texts(void) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    if (type < 0) return type;
    if (H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0) return type;
    H5Tclose(type);
    return -1;
}

static void write_attribute(struct hdf5_writer *writer, const char *path, const char *name, hid_t type, hid_t space,
                            const void *values) {
    const hid_t attribute =
        H5Acreate_by_name(writer->file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    check(writer, attribute >= 0);
    if (attribute < 0) return;
    if (values) check(writer, H5Awrite(attribute, type, values) >= 0);
    check(writer, H5Aclose(attribute) >= 0);
}

static void write_texts(struct hdf5_writer *writer, const char *path, const char *name, hid_t space,
                        const char *const *texts) {
    const hid_t type = type_of_texts();
    check(writer, type >= 0 && space >= 0);
    if (!writer->failed) write_attribute(writer, path, name, type, space, texts);
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
}

void hdf5_text(struct hdf5_writer *writer, const char *path, const char *name, const char *text) {
    if (!writer->failed) write_texts(writer, path, name, H5Screate(H5S_SCALAR), &text);
}

void hdf5_texts(struct hdf5_writer *writer, const char *path, const char *name, const char *const *texts,
                size_t count) {
    const hsize_t size = count;
    if (!writer->failed) write_texts(writer, path, name, H5Screate_simple(1, &size, NULL), count ? texts : NULL);
}

/* NULL on failure. */
static char *image_of(hid_t file, size_t *length) {
    const ssize_t size = H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0 ? H5Fget_file_image(file, NULL, 0) : -1;
    char *bytes = size > 0 ? malloc((size_t)size) : NULL;
    *length = size > 0 ? (size_t)size : 0;
    if (bytes && H5Fget_file_image(file, bytes, *length) == size) return bytes;
    free(bytes);
    return NULL;
}

struct filling {
    const char *path;
    void (*fill)(struct hdf5_writer *writer, const void *context);
    const void *context;
};

static int fill_and_send(void *context, struct error *error) {
    const struct filling *filling = context;
    struct hdf5_writer writer = create();
    if (!writer.failed) filling->fill(&writer, filling->context);
    size_t length = 0;
    char *bytes = writer.failed ? NULL : image_of(writer.file, &length);
    if (!bytes) return error_set(error, ERROR_RUN, filling->path, "not enough memory for libhdf5 to make the file");
    int status = isolate_send(bytes, length) ? 0 : error_set_errno(error, filling->path, "hand on what libhdf5 made");
    free(bytes);
    return status;
}

int hdf5_write(const char *path, void (*fill)(struct hdf5_writer *writer, const void *context), const void *context,
               char **bytes, size_t *length, struct error *error) {
    struct filling filling = {path, fill, context};
    const struct isolated_work work = {.path = path,
                                       .run = fill_and_send,
                                       .context = &filling,
                                       .memory = PTRDIFF_MAX,
                                       .seconds = SECONDS,
                                       .most = PTRDIFF_MAX,
                                       .blame = ERROR_RUN,
                                       .meaning = "there may be too little memory"};
    return isolate(&work, bytes, length, error);
}
