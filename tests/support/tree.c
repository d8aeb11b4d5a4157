#include "tests/support/tree.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tests/support/expect.h"

enum { SIZE_LIMIT = 64 << 20 };

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void tree_gone(char *folder) {
    assert_int_equal(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(folder);
}

char *tree_read(const char *folder, const char *name, size_t *length) {
    struct error error = {0};
    char *path = expect_path(folder, name), *bytes = NULL;
    size_t size = 0;
    file_read(path, SIZE_LIMIT, &bytes, &size, &error);
    expect_no_error(&error);
    free(path);
    if (length) *length = size;
    return bytes;
}

static void write_bytes(const char *folder, const char *name, const char *bytes, size_t length) {
    struct error error = {0};
    char *path = expect_path(folder, name);
    file_replace(path, &(struct file_piece){bytes, length}, 1, &error);
    expect_no_error(&error);
    free(path);
}

void tree_write(const char *folder, const char *name, const char *text) {
    write_bytes(folder, name, text, strlen(text));
}

bool tree_has(const char *folder, const char *name) {
    char *path = expect_path(folder, name);
    bool found = file_exists(path);
    free(path);
    return found;
}

void tree_copy(const char *from, const char *to) {
    struct error error = {0};
    file_make_folder(to, &error);
    expect_no_error(&error);
    DIR *listing = opendir(from);
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        char *path = expect_path(from, entry->d_name);
        if (file_is_folder(path, &error) == 0) {
            size_t length = 0;
            char *bytes = tree_read(from, entry->d_name, &length);
            write_bytes(to, entry->d_name, bytes, length);
            free(bytes);
        }
        free(path);
    }
    closedir(listing);
}

void tree_same(const char *folder_a, const char *folder_b, const char *name) {
    size_t a_length = 0, b_length = 0;
    char *a = tree_read(folder_a, name, &a_length), *b = tree_read(folder_b, name, &b_length);
    if (a_length != b_length || memcmp(a, b, a_length) != 0)
        fail_msg("%s/%s and %s/%s differ", folder_a, name, folder_b, name);
    free(a);
    free(b);
}
