#include "core/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/report/result.h"

char *run_file(const char *folder, const char *name, struct error *error) {
    return file_join(folder, name, error);
}

enum claim { CLAIM_FAILED = -1, CLAIM_TAKEN, CLAIM_DONE, CLAIM_GONE };

/* Two runs that start at once both try to create log.txt; the system lets exactly one do it. The folder is gone where
 * one that failed took it away in between. */
static enum claim claim_log(const char *folder, struct error *error) {
    char *log = run_file(folder, "log.txt", error);
    if (!log) return CLAIM_FAILED;
    int descriptor = open(log, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    enum claim result = descriptor >= 0   ? CLAIM_DONE
                        : errno == EEXIST ? CLAIM_TAKEN
                        : errno == ENOENT ? CLAIM_GONE
                                          : CLAIM_FAILED;
    if (result == CLAIM_FAILED) error_set_errno(error, log, "create the file");
    if (descriptor >= 0) close(descriptor);
    free(log);
    return result;
}

/* A failure leaves no empty folder behind. */
static enum claim try_claim(const char *folder, struct error *error) {
    if (file_make_lasting_folder(folder, error) != 0) return CLAIM_FAILED;
    enum claim result = claim_log(folder, error);
    if (result == CLAIM_FAILED) rmdir(folder);
    return result;
}

static enum claim claim(const char *folder, struct error *error) {
    for (int attempt = 0; attempt < 100; attempt++) {
        enum claim result = try_claim(folder, error);
        if (result != CLAIM_GONE) return result;
    }
    error_set(error, ERROR_IO, folder, "is taken away again and again; choose another --out");
    return CLAIM_FAILED;
}

/* The first of path, path-2, path-3, ... that can be had. */
static char *first_folder(const char *path, enum claim (*have)(const char *folder, struct error *error),
                          struct error *error) {
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
        enum claim result = have(folder, error);
        if (result == CLAIM_DONE) return folder;
        free(folder);
        if (result == CLAIM_FAILED) return NULL;
    }
    error_set(error, ERROR_IO, path, "there are 100,000 such folders already; remove some");
    return NULL;
}

char *run_claim_folder(const char *path, struct error *error) {
    return first_folder(path, claim, error);
}

/* No allocation and no descriptor: it works where both have run out. */
void run_release_folder(const char *folder) {
    char last[PATH_MAX], log[PATH_MAX];
    struct stat status;
    const int length = snprintf(last, sizeof last, "%s/last.safetensors", folder);
    if (length < 0 || (size_t)length >= sizeof last) return;
    snprintf(log, sizeof log, "%s/log.txt", folder);
    const bool is_new = stat(last, &status) != 0 && errno == ENOENT;
    if (!is_new || stat(log, &status) != 0 || status.st_size != 0) return;
    unlink(log);
    rmdir(folder);
}

/* The length of the longest folder above `path` that is there; 0: none, or the one they all stand in. */
static size_t length_there(const char *path) {
    char folder[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s", path) >= PATH_MAX) return strlen(path);
    for (char *slash; (slash = strrchr(folder, '/'));) {
        *slash = '\0';
        if (file_exists(folder)) return strlen(folder);
    }
    return 0;
}

/* Removes the folders above it that are empty, down to that length of its path. */
static void remove_parents(char *folder, size_t length) {
    for (char *slash; (slash = strrchr(folder, '/')) && (size_t)(slash - folder) > length;) {
        *slash = '\0';
        if (rmdir(folder) != 0) return;
    }
}

/* Like claim, but nothing comes to stand in the folder, and one that was not there is none again. */
static enum claim look(const char *folder, struct error *error) {
    char *log = run_file(folder, "log.txt", error);
    if (!log) return CLAIM_FAILED;
    const int is_taken = file_is_there(log, error);
    const bool was_there = file_exists(folder);
    free(log);
    if (is_taken != 0) return is_taken > 0 ? CLAIM_TAKEN : CLAIM_FAILED;
    const size_t length = length_there(folder);
    char made[PATH_MAX];
    if (file_make_lasting_folder(folder, error) != 0) return CLAIM_FAILED;
    /* Another run that looks at the same moment may have taken it away. */
    bool is_usable = access(folder, W_OK | X_OK) == 0 || errno == ENOENT;
    int status = is_usable ? 0 : error_set_errno(error, folder, "write in the folder");
    if (!was_there) rmdir(folder);
    if (!was_there && snprintf(made, sizeof made, "%s", folder) < PATH_MAX) remove_parents(made, length);
    return status == 0 ? CLAIM_DONE : CLAIM_FAILED;
}

int run_try_folder(const char *path, struct error *error) {
    char *folder = first_folder(path, look, error);
    free(folder);
    return folder ? 0 : -1;
}

int run_make_folder(const char *path, struct error *error) {
    return claim(path, error) == CLAIM_FAILED ? -1 : 0;
}

/* Whether file_replace called a temporary file of a run so: last.safetensors.tmpAbC123. All files of a run have an
 * ending. */
static bool is_temporary(const char *name) {
    const size_t length = strlen(name), last = strlen(FILE_TEMPORARY) + FILE_TEMPORARY_LETTERS;
    if (length <= last || strncmp(name + length - last, FILE_TEMPORARY, strlen(FILE_TEMPORARY)) != 0) return false;
    const char *ending = strchr(name + 1, '.');
    return ending && ending < name + length - last;
}

/* Nobody else in this folder can be writing them. */
static void remove_temporaries(const char *folder) {
    struct error ignored = {0};
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!is_temporary(entry->d_name)) continue;
        char *path = run_file(folder, entry->d_name, &ignored);
        if (path) unlink(path);
        free(path);
    }
    if (directory) closedir(directory);
}

/* A descriptor that holds the lock; -1 with errno, which is EWOULDBLOCK where another process holds it. A file system
 * without locks keeps nobody out. */
static int lock_log(const char *log) {
    int descriptor = open(log, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0 || flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return descriptor;
    close(descriptor);
    errno = EWOULDBLOCK;
    return -1;
}

/* Processes of a killed batch end a moment after it: what they hold is waited for. */
static int lock_patiently(const char *log) {
    enum { ATTEMPTS = 50 };
    static const struct timespec pause = {0, 10 * 1000 * 1000};
    int descriptor = lock_log(log);
    for (int i = 0; i < ATTEMPTS && descriptor < 0 && errno == EWOULDBLOCK; i++) {
        nanosleep(&pause, NULL);
        descriptor = lock_log(log);
    }
    return descriptor;
}

int run_lock_folder(const char *folder, struct error *error) {
    char *log = run_file(folder, "log.txt", error);
    if (!log) return -1;
    int descriptor = lock_patiently(log);
    if (descriptor < 0 && errno == EWOULDBLOCK)
        error_set(error, ERROR_CONFIG, folder,
                  "another cnntrain is at work in this folder; wait for it, or choose another --out");
    else if (descriptor < 0)
        error_set_errno(error, log, "open the file");
    else
        remove_temporaries(folder);
    free(log);
    return descriptor;
}

/* Whether nobody else works in the folder at this moment. */
static bool is_idle(const char *folder) {
    struct error ignored = {0};
    char *log = run_file(folder, "log.txt", &ignored);
    int descriptor = log && file_exists(log) ? lock_log(log) : 0;
    bool idle = descriptor >= 0 || errno != EWOULDBLOCK; /* where it cannot be opened, the run will say why */
    if (descriptor > 0) close(descriptor);
    free(log);
    return idle;
}

bool run_is_at_work(const char *folder) {
    struct error ignored = {0};
    char *log = run_file(folder, "log.txt", &ignored);
    int descriptor = log ? open(log, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    bool is_locked = descriptor >= 0 && flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (descriptor >= 0) close(descriptor);
    free(log);
    return is_locked;
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
    found = found && !run_is_finished(folder) && is_idle(folder);
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
