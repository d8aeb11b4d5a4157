#include "cmd/data_export.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/signals.h"
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

/* Itself and its parent among them; -1 with an error. */
static int count_entries(const char *folder, struct error *error) {
    DIR *directory = opendir(folder);
    int entries = 0;
    if (!directory) return error_set_errno(error, folder, "open the folder");
    errno = 0;
    while (readdir(directory)) entries++;
    if (errno != 0) entries = error_set_errno(error, folder, "read the folder");
    closedir(directory);
    return entries;
}

static int check_images(struct session *session, const struct data_splits *splits, const char *folder) {
    const struct dataset *train = &splits->train;
    if (train->type != PIXEL_UINT8 || (train->channels != 1 && train->channels != 3))
        return error_set(&session->error, ERROR_CONFIG, "--export",
                         "writes images of bytes with 1 or 3 channels; these are %s with %d",
                         train->type == PIXEL_UINT8 ? "bytes" : "floats", train->channels);
    int is_folder = file_is_folder(folder, &session->error), is_there = file_is_there(folder, &session->error);
    if (is_folder < 0 || is_there < 0) return -1;
    if (!is_folder && is_there)
        return error_set(&session->error, ERROR_CONFIG, folder, "is a file; --export needs a new folder");
    int entries = is_folder ? count_entries(folder, &session->error) : 0;
    if (entries < 0) return -1;
    if (entries <= 2) return 0;
    return error_set(&session->error, ERROR_CONFIG, folder, "is not empty; --export needs a new folder");
}

struct export {
    struct session *session;
    const struct data_splits *splits;
    const char *folder;
    bool is_new;     /* the folder */
    int64_t written; /* pictures so far */
};

/* There may be many, and all of them can be made again: no waiting until each is on the disk. */
static int write_file(const char *path, const char *bytes, size_t length, struct error *error) {
    FILE *file = fopen(path, "wb");
    bool written = file && fwrite(bytes, 1, length, file) == length;
    if (file && fclose(file) != 0) written = false;
    if (written) return 0;
    error_set_errno(error, path, "write the picture");
    if (file) unlink(path);
    return -1;
}

static int write_picture(struct session *session, const struct dataset *dataset, int64_t index, const char *path) {
    const uint8_t *pixels = (const uint8_t *)dataset->pixels + (size_t)index * dataset_image_bytes(dataset);
    char *bytes = NULL;
    size_t length = 0;
    if (png_encode(pixels, dataset->height, dataset->width, dataset->channels, &bytes, &length, &session->error) != 0)
        return -1;
    int status = write_file(path, bytes, length, &session->error);
    free(bytes);
    return status;
}

static char *picture_path(const char *folder, int64_t index, struct error *error) {
    char name[32];
    snprintf(name, sizeof name, "%06lld.png", (long long)index + 1);
    return file_join(folder, name, error);
}

/* The pictures of one class in one part. */
static int write_class(struct export *export, const struct dataset *dataset, int class, const char *folder) {
    struct error *error = &export->session->error;
    int status = 0;
    bool made = false;
    for (int64_t i = 0; status == 0 && i < dataset->count; i++) {
        if (dataset->labels[i] != class) continue;
        if (*signals_stop()) return error_set(error, ERROR_INTERRUPTED, export->folder, "interrupted; it is removed");
        if (!made) status = file_make_folder(folder, error);
        made = true;
        char *path = status == 0 ? picture_path(folder, i, error) : NULL;
        status = path ? write_picture(export->session, dataset, i, path) : -1;
        export->written += status == 0;
        free(path);
    }
    return status;
}

/* After a failure: the pictures that were written, in the same order, and their folder. Nothing else that may have come
 * to stand there. */
static int remove_class(struct export *export, const struct dataset *dataset, int class, const char *folder) {
    struct error ignored = {0};
    for (int64_t i = 0; export->written > 0 && i < dataset->count; i++) {
        if (dataset->labels[i] != class) continue;
        char *path = picture_path(folder, i, &ignored);
        if (path) unlink(path);
        free(path);
        export->written--;
    }
    rmdir(folder);
    return 0;
}

typedef int class_work(struct export *export, const struct dataset *dataset, int class, const char *folder);

static int for_part(struct export *export, const struct dataset *dataset, const char *part, class_work *work,
                    struct error *error) {
    char *base = file_join(export->folder, part, error);
    int status = base ? 0 : -1;
    for (int class = 0; status == 0 && dataset->count > 0 && class < export->splits->classes; class ++) {
        char name[128];
        name_class(export->splits, class, name, sizeof name);
        char *path = file_join(base, name, error);
        status = path ? work(export, dataset, class, path) : -1;
        free(path);
    }
    if (base && work == remove_class) rmdir(base);
    free(base);
    return status;
}

static int for_all(struct export *export, class_work *work, struct error *error) {
    const struct data_splits *splits = export->splits;
    int status = for_part(export, &splits->train, "train", work, error);
    if (status == 0) status = for_part(export, &splits->validation, "validation", work, error);
    if (status == 0) status = for_part(export, &splits->test, "test", work, error);
    return status;
}

int data_export(struct session *session, const struct data_splits *splits, const char *folder) {
    if (check_images(session, splits, folder) != 0) return -1;
    struct export export = {session, splits, folder, !file_exists(folder), 0};
    struct error ignored = {0};
    signals_guard(true);
    if (for_all(&export, write_class, &session->error) == 0) return 0;
    for_all(&export, remove_class, &ignored);
    if (export.is_new) rmdir(folder);
    return -1;
}
