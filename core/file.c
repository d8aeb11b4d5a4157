#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int descriptor, const char *path, char *bytes, size_t length, struct error *error) {
    for (size_t at = 0; at < length;) {
        ssize_t got = read(descriptor, bytes + at, length - at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return error_set_errno(error, path, "read the file");
        if (got == 0) return error_set(error, ERROR_IO, path, "the file became shorter while it was read; try again");
        at += (size_t)got;
    }
    return 0;
}

static int file_size_of(int descriptor, const char *path, size_t *size, struct error *error) {
    struct stat status;
    if (fstat(descriptor, &status) != 0) return error_set_errno(error, path, "look at the file");
    if (S_ISDIR(status.st_mode)) return error_set(error, ERROR_IO, path, "is a folder; a file is needed here");
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_IO, path, "is a pipe or a device; copy what it gives into a file");
    *size = (size_t)status.st_size;
    return 0;
}

static int read_open(int descriptor, const char *path, size_t limit, char **bytes, size_t *length,
                     struct error *error) {
    size_t size = 0;
    if (file_size_of(descriptor, path, &size, error) != 0) return -1;
    if (size > limit)
        return error_set(error, ERROR_IO, path, "has %zu bytes, at most %zu are read here; is it the right file?", size,
                         limit);
    char *memory = malloc(size + 1);
    if (!memory) return error_set(error, ERROR_RUN, path, "not enough memory for the file's %zu bytes", size);
    if (read_all(descriptor, path, memory, size, error) != 0) {
        free(memory);
        return -1;
    }
    memory[size] = '\0';
    *bytes = memory;
    *length = size;
    return 0;
}

int file_read(const char *path, size_t limit, char **bytes, size_t *length, struct error *error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return error_set_errno(error, path, "open the file");
    int status = read_open(descriptor, path, limit, bytes, length, error);
    close(descriptor);
    return status;
}

int file_read_start(const char *path, char *bytes, size_t most, size_t *length, size_t *size, struct error *error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return error_set_errno(error, path, "open the file");
    int status = file_size_of(descriptor, path, size, error);
    if (status == 0) {
        *length = *size < most ? *size : most;
        status = read_all(descriptor, path, bytes, *length, error);
    }
    close(descriptor);
    return status;
}

static int write_all(int descriptor, const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t put = write(descriptor, at, length);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        at += put;
        length -= (size_t)put;
    }
    return 0;
}

static int sync_folder_of(const char *path, struct error *error) {
    char *folder = file_folder_of(path, error);
    if (!folder) return -1;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = descriptor < 0 ? error_set_errno(error, folder, "open the folder") : 0;
    /* Some file systems cannot sync a folder and say EINVAL: the rename itself has still been done. */
    if (status == 0 && fsync(descriptor) != 0 && errno != EINVAL)
        status = error_set_errno(error, folder, "sync the folder");
    if (descriptor >= 0) close(descriptor);
    free(folder);
    return status;
}

static int write_temporary(int descriptor, const char *path, const struct file_piece *pieces, size_t count,
                           struct error *error) {
    int status = fchmod(descriptor, 0644) == 0 ? 0 : error_set_errno(error, path, "set the file's mode");
    for (size_t i = 0; i < count && status == 0; i++)
        if (write_all(descriptor, pieces[i].bytes, pieces[i].length) != 0)
            status = error_set_errno(error, path, "write the file");
    if (status == 0 && fsync(descriptor) != 0) status = error_set_errno(error, path, "sync the file");
    if (close(descriptor) != 0 && status == 0) status = error_set_errno(error, path, "close the file");
    return status;
}

static int refuse_temporary(const char *path, struct error *error) {
    const int number = errno;
    char *folder = file_folder_of(path, error);
    if (!folder) return -1;
    errno = number;
    const int status = number == ENOENT || number == ENOTDIR
                           ? error_set(error, ERROR_IO, path, "there is no folder %s to write it in; create it", folder)
                           : error_set_errno(error, path, "create a temporary file beside it");
    free(folder);
    return status;
}

/* Signals that end a program wait until no temporary file stands there any more. Those that a thread holds back are
 * handled by another one: a program whose handler ends it lets the thread that writes decide. */
static void hold_signals(sigset_t *former) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ends, former);
}

static int replace_through(char *temporary, const char *path, const struct file_piece *pieces, size_t count,
                           struct error *error) {
    int descriptor = mkstemp(temporary);
    if (descriptor < 0) return refuse_temporary(path, error);
    int status = write_temporary(descriptor, path, pieces, count, error);
    if (status == 0 && rename(temporary, path) != 0)
        status = error_set_errno(error, path, "move the new file into place");
    if (status != 0) {
        unlink(temporary);
        return -1;
    }
    return sync_folder_of(path, error);
}

int file_replace(const char *path, const struct file_piece *pieces, size_t count, struct error *error) {
    static const char ending[] = FILE_TEMPORARY "XXXXXX";
    size_t length = strlen(path);
    char *temporary = malloc(length + sizeof ending);
    if (!temporary) return error_set(error, ERROR_RUN, path, "not enough memory for the temporary file's name");
    memcpy(temporary, path, length);
    memcpy(temporary + length, ending, sizeof ending);
    sigset_t former;
    hold_signals(&former);
    int status = replace_through(temporary, path, pieces, count, error);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    free(temporary);
    return status;
}

int file_replace_text(const char *path, const char *text, struct error *error) {
    return file_replace(path, &(struct file_piece){text, strlen(text)}, 1, error);
}

/* mkdir failed: that there is such a folder already is no error. */
static int accept_existing(const char *path, struct error *error) {
    int number = errno, is_folder = number == EEXIST ? file_is_folder(path, error) : 0;
    if (is_folder > 0) return 0;
    if (number == EEXIST || number == ENOTDIR)
        return error_set(error, ERROR_IO, path, "is a file where a folder is needed; choose another name");
    errno = number;
    return error_set_errno(error, path, "create the folder");
}

static int make_one_folder(const char *path, bool is_synced, struct error *error) {
    if (mkdir(path, 0777) != 0) return accept_existing(path, error);
    if (!is_synced || sync_folder_of(path, error) == 0) return 0;
    rmdir(path);
    return -1;
}

static int make_folders(const char *path, bool is_synced, struct error *error) {
    char *copy = strdup(path);
    if (!copy) return error_set(error, ERROR_RUN, path, "not enough memory for the folder's name");
    int status = 0;
    for (char *at = copy + 1; status == 0 && *copy; at++) {
        char end = *at;
        if (end != '/' && end != '\0') continue;
        *at = '\0';
        status = make_one_folder(copy, is_synced, error);
        *at = end;
        if (end == '\0') break;
    }
    free(copy);
    return status;
}

int file_make_folder(const char *path, struct error *error) {
    return make_folders(path, false, error);
}

int file_make_lasting_folder(const char *path, struct error *error) {
    enum { ATTEMPTS = 100 };
    int status = make_folders(path, true, error);
    /* Somebody took a parent away that had just been there. */
    for (int i = 1; i < ATTEMPTS && status != 0 && errno == ENOENT; i++) {
        error_clear(error);
        status = make_folders(path, true, error);
    }
    return status;
}

bool file_is_missing(int number) {
    return number == ENOENT || number == ENOTDIR || number == ENAMETOOLONG || number == ELOOP;
}

bool file_exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 || !file_is_missing(errno);
}

int file_is_there(const char *path, struct error *error) {
    struct stat status;
    if (stat(path, &status) == 0) return 1;
    return file_is_missing(errno) ? 0 : error_set_errno(error, path, "look at the file");
}

int file_is_folder(const char *path, struct error *error) {
    struct stat status;
    if (stat(path, &status) == 0) return S_ISDIR(status.st_mode);
    return file_is_missing(errno) ? 0 : error_set_errno(error, path, "look at the file");
}

char *file_join(const char *folder, const char *name, struct error *error) {
    bool alone = !folder || !*folder || *name == '/';
    size_t before = alone ? 0 : strlen(folder), length = strlen(name);
    char *path = malloc(before + length + 2);
    if (!path) {
        error_set(error, ERROR_RUN, name, "not enough memory for the path");
        return NULL;
    }
    if (before) memcpy(path, folder, before);
    if (before && path[before - 1] != '/') path[before++] = '/';
    memcpy(path + before, name, length + 1);
    return path;
}

char *file_folder_of(const char *path, struct error *error) {
    const char *slash = strrchr(path, '/');
    size_t length = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = malloc(length + 1);
    if (!folder) {
        error_set(error, ERROR_RUN, path, "not enough memory for the folder's name");
        return NULL;
    }
    memcpy(folder, slash ? path : ".", length);
    folder[length] = '\0';
    return folder;
}

const char *file_name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
