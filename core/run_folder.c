#include "core/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/report/result.h"

char *run_file(const char *folder, const char *name, struct error *error) {
    return file_join(folder, name, error);
}

enum claim { CLAIM_FAILED = -1, CLAIM_TAKEN, CLAIM_DONE };

/* Two runs that start at once both try to create log.txt; the system lets exactly one do it. */
static enum claim claim_log(const char *folder, struct error *error) {
    char *log = run_file(folder, "log.txt", error);
    if (!log) return CLAIM_FAILED;
    int descriptor = open(log, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    enum claim result = descriptor >= 0 ? CLAIM_DONE : errno == EEXIST ? CLAIM_TAKEN : CLAIM_FAILED;
    if (result == CLAIM_FAILED) error_set_errno(error, log, "create the file");
    if (descriptor >= 0) close(descriptor);
    free(log);
    return result;
}

/* A failure leaves no empty folder behind. */
static enum claim claim(const char *folder, struct error *error) {
    if (file_make_folder(folder, error) != 0) return CLAIM_FAILED;
    enum claim result = claim_log(folder, error);
    if (result == CLAIM_FAILED) rmdir(folder);
    return result;
}

char *run_claim_folder(const char *path, struct error *error) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    for (int number = 1; number < 100000; number++) {
        size_t size = length + 16;
        char *folder = malloc(size);
        if (!folder) {
            error_set(error, ERROR_RUN, path, "not enough memory for the folder's name");
            return NULL;
        }
        snprintf(folder, size, number == 1 ? "%.*s" : "%.*s-%d", (int)length, path, number);
        enum claim result = claim(folder, error);
        if (result == CLAIM_DONE) return folder;
        free(folder);
        if (result == CLAIM_FAILED) return NULL;
    }
    error_set(error, ERROR_IO, path, "there are 100,000 such folders already; remove some");
    return NULL;
}

int run_make_folder(const char *path, struct error *error) {
    return claim(path, error) == CLAIM_FAILED ? -1 : 0;
}

int run_lock_folder(const char *folder, struct error *error) {
    char *log = run_file(folder, "log.txt", error);
    if (!log) return -1;
    int descriptor = open(log, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        error_set_errno(error, log, "open the file");
    } else if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        error_set(error, ERROR_CONFIG, folder,
                  "another cnntrain is at work in this folder; wait for it, or choose another --out");
        close(descriptor);
        descriptor = -1;
    }
    free(log);
    return descriptor;
}

bool run_is_finished(const char *folder) {
    struct error error = {0};
    struct run_result result;
    char *path = run_file(folder, "metrics.json", &error);
    bool read = path && file_exists(path) && run_result_read(path, &result, &error) == 0;
    bool finished = read && (result.status == RUN_FINISHED || result.status == RUN_NOT_FINITE);
    if (read) run_result_free(&result);
    free(path);
    return finished;
}

/* When the folder's checkpoint was written, if its run is one to go on with; else -1. */
static double unfinished_since(const char *folder, struct error *error) {
    struct stat status;
    char *path = run_file(folder, "last.safetensors", error);
    bool found = path && stat(path, &status) == 0;
    if (path && !found && errno != ENOENT && errno != ENOTDIR) error_set_errno(error, path, "look at the file");
    found = found && !run_is_finished(folder);
    free(path);
    return found ? (double)status.st_mtim.tv_sec + 1e-9 * (double)status.st_mtim.tv_nsec : -1;
}

/* The next one that is not hidden; NULL after the last, and after an error. */
static struct dirent *next_entry(DIR *directory, const char *folder, struct error *error) {
    struct dirent *entry = NULL;
    if (error->code != ERROR_NONE) return NULL;
    errno = 0;
    while ((entry = readdir(directory)) && entry->d_name[0] == '.') continue;
    if (!entry && errno != 0) error_set_errno(error, folder, "read the folder");
    return entry;
}

char *run_find_unfinished(const char *folder, struct error *error) {
    char *newest = NULL;
    double newest_time = -1;
    DIR *directory = opendir(folder);
    if (!directory && errno != ENOENT) error_set_errno(error, folder, "open the folder");
    for (struct dirent *entry; directory && (entry = next_entry(directory, folder, error));) {
        char *path = file_join(folder, entry->d_name, error);
        double since = path ? unfinished_since(path, error) : -1;
        if (since > newest_time) {
            free(newest);
            newest = path;
            newest_time = since;
        } else {
            free(path);
        }
    }
    if (directory) closedir(directory);
    if (error->code != ERROR_NONE) {
        free(newest);
        return NULL;
    }
    if (!newest) error_set(error, ERROR_CONFIG, folder, "holds no unfinished run; name the run's folder: --resume RUN");
    return newest;
}
