/* A library for LD_PRELOAD that lets one call of the program fail: the n-th of a class of calls. Counts the calls of
 * all classes and the memory that was never freed. The environment tells what to do:
 *
 *   FAULTS_CLASS   which calls: a name of `class_names`, below
 *   FAULTS_AT      which of them fails, counted from 1; 0: none
 *   FAULTS_ERRNO   the errno it fails with, as a number
 *   FAULTS_MODE    once (the default); always: that call and all later ones; short: reads and writes move half the
 *                  bytes; each: once in each process, whose calls are counted on their own from where it was forked
 *   FAULTS_START   main (the default): count from the start of main; process: from the first call of the process
 *   FAULTS_REPORT  a file for the report, appended: "fault CLASS N FUNCTION" with the callers' addresses at once, and
 *                  at the exit "calls CLASS N" a class and "leak BYTES ADDRESS" a block
 *   FAULTS_SERVE   a folder: the program is started once and waits there. For each line N that it reads from the pipe
 *                  FOLDER/ask a copy of it runs main in FOLDER/work with FAULTS_AT=N, writing to FOLDER/out and
 *                  FOLDER/err; its exit code, and 1 if it changed anything in FOLDER/work, else 0, go as a line to
 *                  the pipe FOLDER/told. It ends with the pipe.
 *
 * A test that is loaded with this library asks for failures itself, with faults_arm and faults_disarm.
 *
 * Streams (fopen, stdout, stderr) are given functions of this library to read and write with, so that what stdio does
 * is counted like what the program does itself. For the GNU C library only. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum call_class {
    MEMORY,
    OPEN,
    READ,
    WRITE,
    SYNC,
    RENAME,
    CLOSE,
    FOLDER,
    LIST,
    REMOVE,
    RESIZE,
    STATUS,
    SEEK,
    LOCK,
    MAP,
    PROCESS,
    THREAD,
    ZEROED, /* calloc alone, which is among MEMORY, too */
    GROWN,  /* realloc alone, likewise */
    CLASSES,
};

static const char *const class_names[CLASSES] = {"memory", "open",    "read",   "write",  "sync",   "rename", "close",
                                                 "folder", "list",    "remove", "resize", "status", "seek",   "lock",
                                                 "map",    "process", "thread", "zeroed", "grown"};

enum mode { ONCE, EACH, ALWAYS, SHORT };

static int wanted = -1; /* the class that fails */
static long wanted_at;
static int wanted_errno = EIO;
static enum mode wanted_mode;
static const char *report_path;
static atomic_bool counting;
static _Thread_local bool inside; /* this library's own calls are not counted */

/* Shared with processes that the program forks. */
struct counts {
    atomic_long calls[CLASSES];
};
static struct counts own_counts, *counts = &own_counts;

/* ---- the report ---- */

static void report_line(const char *line, size_t length) {
    if (!report_path) return;
    long descriptor = syscall(SYS_openat, AT_FDCWD, report_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0) return;
    syscall(SYS_write, descriptor, line, length);
    syscall(SYS_close, descriptor);
}

/* "program+0x1234", for addr2line. */
static int print_address(char *text, size_t size, const void *address) {
    Dl_info info;
    if (!dladdr(address, &info) || !info.dli_fname) return snprintf(text, size, " %p", address);
    const char *slash = strrchr(info.dli_fname, '/');
    return snprintf(text, size, " %s+0x%zx", slash ? slash + 1 : info.dli_fname,
                    (size_t)((const char *)address - (const char *)info.dli_fbase) - 1);
}

static void report_fault(enum call_class class, long number, const char *function) {
    enum { DEPTH = 24 };
    char line[4096];
    void *frames[DEPTH];
    int depth = backtrace(frames, DEPTH), saved = errno;
    int length = snprintf(line, sizeof line, "fault %s %ld %s", class_names[class], number, function);
    for (int i = 2; i < depth && length < (int)sizeof line - 256; i++)
        length += print_address(line + length, sizeof line - (size_t)length, frames[i]);
    line[length++] = '\n';
    report_line(line, (size_t)length);
    errno = saved;
}

/* ---- which call fails ---- */

static void begin(void);

/* Counts a call; true: it has to fail, with errno set. */
static bool fails(enum call_class class, const char *function) {
    begin();
    if (!counting || inside) return false;
    long number = ++counts->calls[class];
    if ((int)class != wanted || wanted_at == 0 || wanted_mode == SHORT) return false;
    if (number < wanted_at || (number > wanted_at && wanted_mode != ALWAYS)) return false;
    inside = true;
    if (number == wanted_at) report_fault(class, number, function);
    inside = false;
    errno = wanted_errno;
    return true;
}

/* Mode short: the number of bytes that this call, the last one counted, may move. */
static size_t shortened(enum call_class class, size_t length) {
    if (inside || (int)class != wanted || wanted_mode != SHORT || counts->calls[class] != wanted_at || length < 2)
        return length;
    inside = true;
    report_fault(class, wanted_at, "short");
    inside = false;
    return length / 2;
}

static void *next(const char *name) {
    bool was = inside;
    inside = true;
    void *symbol = dlsym(RTLD_NEXT, name);
    inside = was;
    return symbol;
}

/* Defines `next_NAME`, of NAME's type, in a function that stands in for NAME. */
#define NEXT(name)                                                                                                     \
    static __typeof__(name) *next_##name;                                                                              \
    if (!next_##name) {                                                                                                \
        void *symbol = next(#name);                                                                                    \
        memcpy(&next_##name, &symbol, sizeof symbol);                                                                  \
    }

/* ---- memory ---- */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

/* Blocks that live, in a table of open addressing. */
enum { BLOCKS = 1 << 17, BLOCKS_OF_A_TEST = 1 << 14 };
struct block {
    uintptr_t memory; /* 0: empty, 1: was removed */
    void *caller;
    size_t size;
};
static struct block *blocks;
static size_t block_count = BLOCKS; /* of the table that is used: a power of two */
static atomic_flag blocks_lock = ATOMIC_FLAG_INIT;

static size_t slot_of(uintptr_t memory) {
    return (size_t)((memory >> 4) * 0x9E3779B97F4A7C15u >> 44) & (block_count - 1);
}

static void *keep(void *memory, size_t size, void *caller) {
    if (!memory || !blocks || !counting || inside) return memory;
    while (atomic_flag_test_and_set(&blocks_lock)) continue;
    size_t slot = slot_of((uintptr_t)memory), tried = 0;
    while (blocks[slot].memory > 1 && tried++ < block_count) slot = (slot + 1) & (block_count - 1);
    if (tried < block_count) blocks[slot] = (struct block){(uintptr_t)memory, caller, size};
    atomic_flag_clear(&blocks_lock);
    return memory;
}

static void forget(const void *memory) {
    if (!memory || !blocks) return;
    while (atomic_flag_test_and_set(&blocks_lock)) continue;
    size_t slot = slot_of((uintptr_t)memory), tried = 0;
    while (blocks[slot].memory != 0 && blocks[slot].memory != (uintptr_t)memory && tried++ < block_count)
        slot = (slot + 1) & (block_count - 1);
    if (blocks[slot].memory == (uintptr_t)memory) blocks[slot].memory = 1;
    atomic_flag_clear(&blocks_lock);
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size) {
    return fails(MEMORY, "malloc") ? NULL : keep(__libc_malloc(size), size, CALLER);
}

void *calloc(size_t count, size_t size) {
    return fails(MEMORY, "calloc") || fails(ZEROED, "calloc") ? NULL
                                                              : keep(__libc_calloc(count, size), count * size, CALLER);
}

void *realloc(void *memory, size_t size) {
    if (fails(MEMORY, "realloc") || fails(GROWN, "realloc")) return NULL;
    forget(memory);
    return keep(__libc_realloc(memory, size), size, CALLER);
}

void *reallocarray(void *memory, size_t count, size_t size) {
    if (fails(MEMORY, "reallocarray")) return NULL;
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    forget(memory);
    return keep(__libc_realloc(memory, bytes), bytes, CALLER);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size) {
    return fails(MEMORY, "memalign") ? NULL : keep(__libc_memalign(alignment, size), size, CALLER);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return fails(MEMORY, "aligned_alloc") ? NULL : keep(__libc_memalign(alignment, size), size, CALLER);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    int saved = errno;
    if (fails(MEMORY, "posix_memalign")) {
        errno = saved;
        return wanted_errno;
    }
    void *block = keep(__libc_memalign(alignment, size), size, CALLER);
    if (!block) return ENOMEM;
    *memory = block;
    return 0;
}

void free(void *memory) {
    forget(memory);
    __libc_free(memory);
}

/* ---- files ---- */

static mode_t creation_mode(int flags, va_list arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                                                              \
    int name(const char *path, int flags, ...) {                                                                       \
        NEXT(name)                                                                                                     \
        va_list arguments;                                                                                             \
        va_start(arguments, flags);                                                                                    \
        mode_t mode = creation_mode(flags, arguments);                                                                 \
        va_end(arguments);                                                                                             \
        return fails(OPEN, #name) ? -1 : next_##name(path, flags, mode);                                               \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                                                            \
    int name(int folder, const char *path, int flags, ...) {                                                           \
        NEXT(name)                                                                                                     \
        va_list arguments;                                                                                             \
        va_start(arguments, flags);                                                                                    \
        mode_t mode = creation_mode(flags, arguments);                                                                 \
        va_end(arguments);                                                                                             \
        return fails(OPEN, #name) ? -1 : next_##name(folder, path, flags, mode);                                       \
    }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

/* A function of one to four parameters that returns `failure` where it has to fail. */
#define DEFINE1(class, type, failure, name, A)                                                                         \
    type name(A a) {                                                                                                   \
        NEXT(name)                                                                                                     \
        return fails(class, #name) ? failure : next_##name(a);                                                         \
    }
#define DEFINE2(class, type, failure, name, A, B)                                                                      \
    type name(A a, B b) {                                                                                              \
        NEXT(name)                                                                                                     \
        return fails(class, #name) ? failure : next_##name(a, b);                                                      \
    }
#define DEFINE3(class, type, failure, name, A, B, C)                                                                   \
    type name(A a, B b, C c) {                                                                                         \
        NEXT(name)                                                                                                     \
        return fails(class, #name) ? failure : next_##name(a, b, c);                                                   \
    }
#define DEFINE4(class, type, failure, name, A, B, C, D)                                                                \
    type name(A a, B b, C c, D d) {                                                                                    \
        NEXT(name)                                                                                                     \
        return fails(class, #name) ? failure : next_##name(a, b, c, d);                                                \
    }

DEFINE2(OPEN, int, -1, creat, const char *, mode_t)
DEFINE1(OPEN, int, -1, mkstemp, char *)
DEFINE1(OPEN, int, -1, mkstemp64, char *)
DEFINE2(OPEN, int, -1, mkostemp, char *, int)
DEFINE2(OPEN, int, -1, mkostemp64, char *, int)
DEFINE1(OPEN, char *, NULL, mkdtemp, char *)
DEFINE1(OPEN, int, -1, dup, int)
DEFINE1(SYNC, int, -1, fsync, int)
DEFINE1(SYNC, int, -1, fdatasync, int)
DEFINE3(SYNC, int, -1, msync, void *, size_t, int)
DEFINE2(RENAME, int, -1, rename, const char *, const char *)
DEFINE4(RENAME, int, -1, renameat, int, const char *, int, const char *)
DEFINE2(RENAME, int, -1, link, const char *, const char *)
DEFINE2(RENAME, int, -1, symlink, const char *, const char *)
DEFINE2(FOLDER, int, -1, mkdir, const char *, mode_t)
DEFINE3(FOLDER, int, -1, mkdirat, int, const char *, mode_t)
DEFINE1(LIST, DIR *, NULL, opendir, const char *)
DEFINE1(LIST, DIR *, NULL, fdopendir, int)
DEFINE1(LIST, struct dirent *, NULL, readdir, DIR *)
DEFINE1(LIST, struct dirent64 *, NULL, readdir64, DIR *)
DEFINE1(REMOVE, int, -1, unlink, const char *)
DEFINE3(REMOVE, int, -1, unlinkat, int, const char *, int)
DEFINE1(REMOVE, int, -1, rmdir, const char *)
DEFINE1(REMOVE, int, -1, remove, const char *)
DEFINE2(RESIZE, int, -1, ftruncate, int, off_t)
DEFINE2(RESIZE, int, -1, ftruncate64, int, off64_t)
DEFINE2(RESIZE, int, -1, truncate, const char *, off_t)
DEFINE3(RESIZE, int, wanted_errno, posix_fallocate, int, off_t, off_t)
DEFINE2(STATUS, int, -1, stat, const char *, struct stat *)
DEFINE2(STATUS, int, -1, stat64, const char *, struct stat64 *)
DEFINE2(STATUS, int, -1, lstat, const char *, struct stat *)
DEFINE2(STATUS, int, -1, lstat64, const char *, struct stat64 *)
DEFINE2(STATUS, int, -1, fstat, int, struct stat *)
DEFINE2(STATUS, int, -1, fstat64, int, struct stat64 *)
DEFINE4(STATUS, int, -1, fstatat, int, const char *, struct stat *, int)
DEFINE2(STATUS, int, -1, access, const char *, int)
DEFINE2(STATUS, char *, NULL, realpath, const char *, char *)
DEFINE3(STATUS, ssize_t, -1, readlink, const char *, char *, size_t)
DEFINE2(STATUS, char *, NULL, getcwd, char *, size_t)
DEFINE3(SEEK, off_t, -1, lseek, int, off_t, int)
DEFINE3(SEEK, off64_t, -1, lseek64, int, off64_t, int)
DEFINE2(LOCK, int, -1, flock, int, int)
DEFINE3(PROCESS, int, -1, poll, struct pollfd *, nfds_t, int)
DEFINE3(PROCESS, pid_t, -1, waitpid, pid_t, int *, int)

int pipe(int ends[2]) {
    NEXT(pipe)
    return fails(PROCESS, "pipe") ? -1 : next_pipe(ends);
}

pid_t fork(void) {
    NEXT(fork)
    return fails(PROCESS, "fork") ? -1 : next_fork();
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
    NEXT(pthread_create)
    return fails(THREAD, "pthread_create") ? wanted_errno : next_pthread_create(thread, attributes, run, argument);
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    NEXT(mmap)
    return fails(MAP, "mmap") ? MAP_FAILED : next_mmap(address, length, protection, flags, descriptor, offset);
}

/* A close that fails has still closed: so does Linux. */
int close(int descriptor) {
    NEXT(close)
    if (!fails(CLOSE, "close")) return next_close(descriptor);
    next_close(descriptor);
    errno = wanted_errno;
    return -1;
}

int closedir(DIR *directory) {
    NEXT(closedir)
    if (!fails(CLOSE, "closedir")) return next_closedir(directory);
    next_closedir(directory);
    errno = wanted_errno;
    return -1;
}

ssize_t read(int descriptor, void *bytes, size_t length) {
    NEXT(read)
    if (fails(READ, "read")) return wanted_errno ? -1 : 0; /* 0: the file has become shorter */
    return next_read(descriptor, bytes, shortened(READ, length));
}

ssize_t pread(int descriptor, void *bytes, size_t length, off_t offset) {
    NEXT(pread)
    return fails(READ, "pread") ? -1 : next_pread(descriptor, bytes, shortened(READ, length), offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t length, off64_t offset) {
    NEXT(pread64)
    return fails(READ, "pread64") ? -1 : next_pread64(descriptor, bytes, shortened(READ, length), offset);
}

/* A disk that stays full, or one process after the other that fails, takes no messages from the terminal. */
static bool is_message(int descriptor) {
    return descriptor == STDERR_FILENO && (wanted_mode == ALWAYS || wanted_mode == EACH);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    NEXT(write)
    if (is_message(descriptor)) return next_write(descriptor, bytes, length);
    return fails(WRITE, "write") ? -1 : next_write(descriptor, bytes, shortened(WRITE, length));
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    NEXT(pwrite)
    return fails(WRITE, "pwrite") ? -1 : next_pwrite(descriptor, bytes, shortened(WRITE, length), offset);
}

DEFINE3(READ, ssize_t, -1, readv, int, const struct iovec *, int)
DEFINE3(WRITE, ssize_t, -1, writev, int, const struct iovec *, int)

/* ---- streams ---- */

static int descriptor_of(void *cookie) {
    return (int)(intptr_t)cookie - 1;
}

static ssize_t stream_read(void *cookie, char *bytes, size_t length) {
    return read(descriptor_of(cookie), bytes, length);
}

static ssize_t stream_write(void *cookie, const char *bytes, size_t length) {
    ssize_t put = write(descriptor_of(cookie), bytes, length);
    return put < 0 ? 0 : put; /* what fopencookie(3) wants */
}

static int stream_seek(void *cookie, off64_t *offset, int whence) {
    off64_t at = lseek64(descriptor_of(cookie), *offset, whence);
    if (at < 0) return -1;
    *offset = at;
    return 0;
}

static int stream_close(void *cookie) {
    return close(descriptor_of(cookie));
}

static FILE *stream_over(int descriptor, const char *mode) {
    cookie_io_functions_t functions = {stream_read, stream_write, stream_seek, stream_close};
    FILE *stream = fopencookie((void *)(intptr_t)(descriptor + 1), mode, functions);
    if (!stream) syscall(SYS_close, descriptor);
    return stream;
}

static int flags_of(const char *mode) {
    int flags = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
    if (*mode == 'w') flags |= O_CREAT | O_TRUNC;
    if (*mode == 'a') flags |= O_CREAT | O_APPEND;
    if (strchr(mode, 'e')) flags |= O_CLOEXEC;
    if (strchr(mode, 'x')) flags |= O_EXCL;
    return flags;
}

FILE *fopen(const char *path, const char *mode) {
    int descriptor = open(path, flags_of(mode), 0666);
    return descriptor < 0 ? NULL : stream_over(descriptor, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    return fopen(path, mode);
}

FILE *fdopen(int descriptor, const char *mode) {
    return fails(OPEN, "fdopen") ? NULL : stream_over(descriptor, mode);
}

/* ---- beginning and end ---- */

static void read_environment(void) {
    const char *class = getenv("FAULTS_CLASS"), *at = getenv("FAULTS_AT"), *number = getenv("FAULTS_ERRNO");
    const char *mode = getenv("FAULTS_MODE");
    report_path = getenv("FAULTS_REPORT");
    for (int i = 0; class && i < CLASSES; i++)
        if (strcmp(class, class_names[i]) == 0) wanted = i;
    if (at) wanted_at = strtol(at, NULL, 10);
    if (number) wanted_errno = (int)strtol(number, NULL, 10);
    static const char *const names[] = {"once", "each", "always", "short"};
    for (int i = 0; mode && i <= SHORT; i++)
        if (strcmp(mode, names[i]) == 0) wanted_mode = (enum mode)i;
}

/* At the first call of the process, which may be one of a library's constructor. */
static void begin(void) {
    static atomic_bool begun;
    if (begun || inside || !environ) return;
    begun = true;
    inside = true;
    void *frame = NULL;
    backtrace(&frame, 1); /* loads what it needs now */
    read_environment();
    void *shared = wanted_mode == EACH
                       ? MAP_FAILED
                       : mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared != MAP_FAILED) counts = shared;
    blocks = mmap(NULL, BLOCKS * sizeof *blocks, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *start = getenv("FAULTS_START");
    counting = start && strcmp(start, "process") == 0;
    inside = false;
}

static void take_streams(void) {
    bool was = counting;
    counting = false;
    stdout = stream_over(STDOUT_FILENO, "w");
    stderr = stream_over(STDERR_FILENO, "w");
    setvbuf(stderr, NULL, _IONBF, 0);
    counting = was;
}

__attribute__((destructor)) static void end_process(void) {
    char line[512];
    inside = true;
    for (int i = 0; i < CLASSES; i++)
        report_line(line, (size_t)snprintf(line, sizeof line, "calls %s %ld\n", class_names[i], counts->calls[i]));
    for (size_t i = 0; blocks && i < BLOCKS; i++) {
        if (blocks[i].memory <= 1) continue;
        int length = snprintf(line, sizeof line, "leak %zu", blocks[i].size);
        length += print_address(line + length, sizeof line - 1 - (size_t)length, blocks[i].caller);
        line[length++] = '\n';
        report_line(line, (size_t)length);
    }
    inside = false;
}

/* ---- for tests within the process: tests/support/failing.h ---- */

void faults_arm(const char *class, long at, int number);
bool faults_disarm(size_t *leaked, char *place, size_t size);
long faults_calls(void);

/* From now on the at-th call of the class fails with this errno (a read with 0: it comes to the end of the file), and
 * what is allocated is kept in mind. */
void faults_arm(const char *class, long at, int number) {
    counting = false;
    block_count = BLOCKS_OF_A_TEST;
    if (blocks) memset(blocks, 0, block_count * sizeof *blocks);
    for (int i = 0; i < CLASSES; i++) {
        counts->calls[i] = 0;
        if (strcmp(class, class_names[i]) == 0) wanted = i;
    }
    wanted_at = at;
    wanted_errno = number;
    wanted_mode = ONCE;
    counting = true;
}

/* Nothing fails any more; true: there was such a call. *leaked: bytes since then that were not freed, the caller of
 * one of them in `place`. */
bool faults_disarm(size_t *leaked, char *place, size_t size) {
    counting = false;
    *leaked = 0;
    *place = '\0';
    for (size_t i = 0; blocks && i < block_count; i++) {
        if (blocks[i].memory <= 1) continue;
        *leaked += blocks[i].size;
        print_address(place, size, blocks[i].caller);
    }
    return wanted >= 0 && counts->calls[wanted] >= wanted_at;
}

/* How many calls of the class there were since it was armed last. */
long faults_calls(void) {
    return wanted >= 0 ? counts->calls[wanted] : 0;
}

#include "preload_main.h"
