#include "core/checkpoint_keep.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

enum { NAME_SIZE = 64 };

static const char *name_of(int64_t step, char name[NAME_SIZE]) {
    snprintf(name, NAME_SIZE, "step-%lld.safetensors", (long long)step);
    return name;
}

/* The step in such a name; -1: another name. */
static int64_t step_of(const char *name) {
    static const char start[] = "step-";
    char again[NAME_SIZE];
    if (strncmp(name, start, sizeof start - 1) != 0) return -1;
    int64_t step = strtoll(name + sizeof start - 1, NULL, 10);
    return step >= 0 && strcmp(name_of(step, again), name) == 0 ? step : -1;
}

static int copy_file(const char *from, const char *to, struct error *error) {
    struct file_piece piece = {0};
    char *bytes = NULL;
    if (file_read(from, PTRDIFF_MAX - 1, &bytes, &piece.length, error) != 0) return -1;
    piece.bytes = bytes;
    int status = file_replace(to, &piece, 1, error);
    free(bytes);
    return status;
}

/* A second name costs nothing; where the file system has only one for a file, a copy. */
static int name_again(const char *path, const char *name, struct error *error) {
    if (unlink(name) != 0 && errno != ENOENT) return error_set_errno(error, name, "remove the file");
    return link(path, name) == 0 ? 0 : copy_file(path, name, error);
}

/* What stands in the folder. */
struct kept {
    int count;            /* of steps up to the last one */
    int64_t first, later; /* of the steps: the smallest, and one behind the last; -1: none */
};

static int look(const char *folder, int64_t last, struct kept *kept, struct error *error) {
    *kept = (struct kept){0, -1, -1};
    DIR *directory = opendir(folder);
    if (!directory) return error_set_errno(error, folder, "open the folder");
    for (struct dirent *entry; (entry = readdir(directory));) {
        int64_t step = step_of(entry->d_name);
        if (step > last) kept->later = step;
        if (step < 0 || step > last) continue;
        kept->count++;
        if (kept->first < 0 || step < kept->first) kept->first = step;
    }
    closedir(directory);
    return 0;
}

static int remove_step(const char *folder, int64_t step, struct error *error) {
    char name[NAME_SIZE];
    char *path = file_join(folder, name_of(step, name), error);
    int status = path ? 0 : -1;
    /* untaken: only where another process removes it at the same moment */
    if (status == 0 && unlink(path) != 0 && errno != ENOENT) status = error_set_errno(error, path, "remove the file");
    free(path);
    return status;
}

static int remove_surplus(const char *folder, int64_t last, int keep, struct error *error) {
    for (;;) {
        struct kept kept;
        if (look(folder, last, &kept, error) != 0) return -1;
        if (kept.later < 0 && kept.count <= keep) return 0;
        if (remove_step(folder, kept.later >= 0 ? kept.later : kept.first, error) != 0) return -1;
    }
}

int checkpoint_keep(const char *path, int64_t step, int keep, struct error *error) {
    char name[NAME_SIZE];
    if (keep < 2) return 0;
    char *folder = file_folder_of(path, error), *second = folder ? file_join(folder, name_of(step, name), error) : NULL;
    int status = second ? name_again(path, second, error) : -1;
    if (status == 0) status = remove_surplus(folder, step, keep, error);
    free(second);
    free(folder);
    return status;
}
