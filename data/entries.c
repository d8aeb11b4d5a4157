#include "data/entries.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/file.h"

static bool is_image_name(const char *name) {
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".bmp"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strcasecmp(name + length - ending, endings[i]) == 0) return true;
    }
    return false;
}

int entries_grow(void **items, size_t *capacity, size_t count, size_t size, struct error *error) {
    if (count < *capacity) return 0;
    size_t wanted = *capacity ? 2 * *capacity : 256, bytes = 0;
    /* untaken: so many items do not fit into the memory before their number is none */
    void *grown = size_multiply(wanted, size, &bytes) ? realloc(*items, bytes) : NULL;
    if (!grown) return error_set(error, ERROR_RUN, NULL, "not enough memory for the list of images");
    *items = grown;
    *capacity = wanted;
    return 0;
}

static int add_name(struct name_list *list, const char *name, struct arena *arena, struct error *error) {
    void *names = list->names;
    if (entries_grow(&names, &list->capacity, list->count, sizeof *list->names, error) != 0) return -1;
    list->names = names;
    list->names[list->count] = arena_string(arena, name, error);
    if (!list->names[list->count]) return -1;
    list->count++;
    return 0;
}

int entries_compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* 1 or 0; -1 with an error. */
static int entry_is_folder(const char *folder, const struct dirent *entry, struct error *error) {
    if (entry->d_type == DT_DIR) return 1;
    /* untaken: a file system that does not tell types */
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) return 0;
    char *path = file_join(folder, entry->d_name, error);
    int is_folder = path ? file_is_folder(path, error) : -1;
    free(path);
    return is_folder;
}

int entries_list(const char *folder, bool folders, struct arena *arena, struct name_list *list, struct error *error) {
    DIR *directory = opendir(folder);
    if (!directory) return error_set_errno(error, folder, "open the folder");
    int status = 0;
    errno = 0;
    for (const struct dirent *entry = readdir(directory); status == 0 && entry; entry = readdir(directory)) {
        if (entry->d_name[0] == '.') continue;
        int wanted = folders ? entry_is_folder(folder, entry, error) : is_image_name(entry->d_name);
        status = wanted > 0 ? add_name(list, entry->d_name, arena, error) : wanted;
        errno = 0;
    }
    if (status == 0 && errno != 0) status = error_set_errno(error, folder, "read the folder");
    closedir(directory);
    if (list->count > 0) qsort(list->names, list->count, sizeof *list->names, entries_compare);
    return status;
}

/* 1 or 0; -1 with an error. */
static int is_link(const char *path, struct error *error) {
    struct stat status;
    if (lstat(path, &status) != 0) return error_set_errno(error, path, "look at the folder");
    return S_ISLNK(status.st_mode);
}

/* Adds folder/NAME for the pictures of the folder. */
static int add_pictures(const char *folder, struct arena *arena, struct name_list *list, struct error *error) {
    struct name_list files = {0};
    int status = entries_list(folder, false, arena, &files, error);
    for (size_t i = 0; status == 0 && i < files.count; i++) {
        char *path = file_join(folder, files.names[i], error);
        status = path ? add_name(list, path, arena, error) : -1;
        free(path);
    }
    free(files.names);
    return status;
}

/* Adds folder/NAME for the folders of the folder. */
static int add_folders(const char *folder, struct arena *arena, struct name_list *list, struct error *error) {
    struct name_list inner = {0};
    int status = entries_list(folder, true, arena, &inner, error);
    for (size_t i = 0; status == 0 && i < inner.count; i++) {
        char *path = file_join(folder, inner.names[i], error);
        const int skipped = path ? is_link(path, error) : -1;
        status = skipped < 0 ? -1 : 0;
        if (skipped == 0) status = add_name(list, path, arena, error);
        free(path);
    }
    free(inner.names);
    return status;
}

int entries_list_pictures(const char *folder, struct arena *arena, struct name_list *list, struct error *error) {
    struct name_list folders = {0};
    int status = add_name(&folders, folder, arena, error);
    for (size_t i = 0; status == 0 && i < folders.count; i++) {
        status = add_pictures(folders.names[i], arena, list, error);
        if (status == 0) status = add_folders(folders.names[i], arena, &folders, error);
    }
    free(folders.names);
    return status;
}
