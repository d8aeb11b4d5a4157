#include "cmd/data_export.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/report/png.h"

/* "3" of 10 classes, "03" of 100, so that folders sort as classes do; a name without what no folder may be called. */
static void name_class(const struct data_splits *splits, int class, char *name, size_t size) {
    const int digits = snprintf(NULL, 0, "%d", splits->classes - 1);
    if (!splits->class_names) {
        snprintf(name, size, "%0*d", digits, class);
        return;
    }
    snprintf(name, size, "%.*s", (int)text_cut(splits->class_names[class], size - 1), splits->class_names[class]);
    for (char *at = name; *at; at++)
        if (*at == '/') *at = '_';
    if (*name == '.' || !*name) snprintf(name, size, "_%0*d", digits, class);
}

static int check_images(struct session *session, const struct data_splits *splits, const char *folder) {
    const struct dataset *train = &splits->train;
    if (train->type != PIXEL_UINT8 || (train->channels != 1 && train->channels != 3))
        return error_set(&session->error, ERROR_CONFIG, "--export",
                         "writes images of bytes with 1 or 3 channels; these are %s with %d",
                         train->type == PIXEL_UINT8 ? "bytes" : "floats", train->channels);
    int is_folder = file_is_folder(folder, &session->error);
    if (is_folder < 0) return -1;
    if (!is_folder && file_exists(folder))
        return error_set(&session->error, ERROR_CONFIG, folder, "is a file; --export needs a new folder");
    DIR *open = is_folder ? opendir(folder) : NULL;
    int entries = 0;
    while (open && readdir(open)) entries++;
    if (open) closedir(open);
    if (entries <= 2) return 0; /* itself and its parent */
    return error_set(&session->error, ERROR_CONFIG, folder, "is not empty; --export needs a new folder");
}

/* There may be many, and all of them can be made again: no waiting until each is on the disk. */
static int write_picture(struct session *session, const struct dataset *dataset, int64_t index, const char *path) {
    const uint8_t *pixels = (const uint8_t *)dataset->pixels + (size_t)index * dataset_image_bytes(dataset);
    char *bytes = NULL;
    size_t length = 0;
    if (png_encode(pixels, dataset->height, dataset->width, dataset->channels, &bytes, &length, &session->error) != 0)
        return -1;
    FILE *file = fopen(path, "wb");
    bool written = file && fwrite(bytes, 1, length, file) == length;
    int status = 0;
    if (file && fclose(file) != 0) written = false;
    if (!written) status = error_set_errno(&session->error, path, "write the picture");
    free(bytes);
    return status;
}

/* The pictures of one class in one part. */
static int export_class(struct session *session, const struct dataset *dataset, int class, const char *folder) {
    int status = 0;
    bool made = false;
    for (int64_t i = 0; status == 0 && i < dataset->count; i++) {
        if (dataset->labels[i] != class) continue;
        char name[32];
        snprintf(name, sizeof name, "%06lld.png", (long long)i + 1);
        if (!made) status = file_make_folder(folder, &session->error);
        made = true;
        char *path = status == 0 ? file_join(folder, name, &session->error) : NULL;
        status = path ? write_picture(session, dataset, i, path) : -1;
        free(path);
    }
    return status;
}

static int export_part(struct session *session, const struct data_splits *splits, const struct dataset *dataset,
                       const char *folder, const char *part) {
    char *base = file_join(folder, part, &session->error);
    int status = base ? 0 : -1;
    for (int class = 0; status == 0 && dataset->count > 0 && class < splits->classes; class ++) {
        char name[128];
        name_class(splits, class, name, sizeof name);
        char *path = file_join(base, name, &session->error);
        status = path ? export_class(session, dataset, class, path) : -1;
        free(path);
    }
    free(base);
    return status;
}

int data_export(struct session *session, const struct data_splits *splits, const char *folder) {
    if (check_images(session, splits, folder) != 0) return -1;
    int status = export_part(session, splits, &splits->train, folder, "train");
    if (status == 0) status = export_part(session, splits, &splits->validation, folder, "validation");
    if (status == 0) status = export_part(session, splits, &splits->test, folder, "test");
    return status;
}
