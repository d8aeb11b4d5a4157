#include "tests/support/expect.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

void expect_error(struct error *error, enum error_code code, const char *text) {
    char found[ERROR_PATH_SIZE + ERROR_MESSAGE_SIZE + 2];
    snprintf(found, sizeof found, "%s%s%s", error->path, *error->path ? ": " : "", error->message);
    assert_string_equal(found, text);
    assert_int_equal(error->code, code);
    error_clear(error);
}

void expect_no_error(const struct error *error) {
    if (error->code != ERROR_NONE) fail_msg("unexpected error: %s: %s", error->path, error->message);
}

char *expect_folder(void) {
    const char *base = getenv("TMPDIR");
    char *folder = expect_path(base && *base ? base : "/tmp", "cnntrain-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

char *expect_path(const char *folder, const char *name) {
    struct error error = {0};
    char *path = file_join(folder, name, &error);
    expect_no_error(&error);
    return path;
}

static bool is_entry(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

int expect_entries(const char *folder) {
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    int count = 0;
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) count += is_entry(entry);
    closedir(listing);
    return count;
}

void expect_folder_gone(char *folder) {
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        if (!is_entry(entry)) continue;
        char *path = expect_path(folder, entry->d_name);
        assert_int_equal(unlink(path), 0);
        free(path);
    }
    closedir(listing);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}
