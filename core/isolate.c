#include "core/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/platform.h"

enum {
    CHILD_OUTPUT = 3,  /* the descriptor on which the child sends */
    CHILD_ENDED = 89,  /* its exit code where it was not the work that ended it */
    CHILD_FAILED = 90, /* its exit code where an error is the last that it sent */
    CHUNK = 1 << 16,
    WAIT_MINUTES = 10, /* whatever happens, the child is gone after this */
};

bool isolate_send(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length) {
        const ssize_t sent = write(CHILD_OUTPUT, at, length);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* ---- the child ---- */

/* Bytes of address space taken now; 0: unknown. */
static size_t address_space(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    if (!file) return 0;
    if (fscanf(file, "%lu", &pages) != 1) pages = 0;
    fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit(int resource, size_t amount) {
    struct rlimit now;
    if (getrlimit(resource, &now) != 0 || (now.rlim_cur != RLIM_INFINITY && now.rlim_cur < amount)) return;
    now.rlim_cur = amount;
    setrlimit(resource, &now);
}

/* What a library prints when it crashes is not for the user, and nobody wants its core. */
static void silence(void) {
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere < 0) return;
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
}

/* A library that ends the process must not do what the program does at its end, such as print what it holds back. */
static void leave(void) {
    _exit(CHILD_ENDED);
}

static void run_child(const struct isolated_work *work, int output, pid_t parent) {
    platform_end_with((long)parent);
    const size_t taken = address_space();
    silence();
    if (output != CHILD_OUTPUT && dup2(output, CHILD_OUTPUT) < 0) _exit(CHILD_ENDED);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, work->seconds);
    if (taken && work->memory < SIZE_MAX / 2 - taken) limit(RLIMIT_AS, taken + work->memory);
    alarm(60 * WAIT_MINUTES);
    if (atexit(leave) != 0) _exit(CHILD_ENDED);
    struct error error = {0};
    if (work->run(work->context, &error) == 0) _exit(0);
    isolate_send(&error, sizeof error);
    _exit(CHILD_FAILED);
}

/* ---- the parent ---- */

struct received {
    char *bytes;
    size_t length, room;
};

static int make_room(struct received *received, const struct isolated_work *work, struct error *error) {
    if (received->length + CHUNK < received->room) return 0;
    const size_t room = received->room ? 2 * received->room : 4 * CHUNK;
    char *larger = room > received->room ? realloc(received->bytes, room) : NULL;
    if (!larger) return error_set(error, ERROR_RUN, work->path, "not enough memory for its content");
    received->bytes = larger;
    received->room = room;
    return 0;
}

static int receive(const struct isolated_work *work, int input, struct received *received, struct error *error) {
    for (;;) {
        if (make_room(received, work, error) != 0) return -1;
        const ssize_t got = read(input, received->bytes + received->length, CHUNK);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return error_set_errno(error, work->path, "hear from the process that works on it");
        received->length += (size_t)got;
        received->bytes[received->length] = '\0';
        if (got == 0) return 0;
        if (received->length > work->most + sizeof(struct error))
            return error_set(error, work->blame, work->path, "becomes larger than it can be: %s", work->meaning);
    }
}

/* The error is the last that came. A damaged child may have sent anything. */
static int hand_on(const struct isolated_work *work, const struct received *received, struct error *error) {
    struct error sent;
    if (received->length < sizeof sent)
        return error_set(error, work->blame, work->path, "makes its library fail: %s", work->meaning);
    memcpy(&sent, received->bytes + received->length - sizeof sent, sizeof sent);
    sent.path[sizeof sent.path - 1] = sent.message[sizeof sent.message - 1] = '\0';
    const enum error_code code = sent.code == ERROR_RUN || sent.code == ERROR_IO ? sent.code : work->blame;
    return error_set(error, code, sent.path, "%s", sent.message);
}

static int judge(const struct isolated_work *work, int status, const struct received *received, struct error *error) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_FAILED) return hand_on(work, received, error);
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM))
        return error_set(error, work->blame, work->path, "takes longer than %u seconds: %s", work->seconds,
                         work->meaning);
    return error_set(error, work->blame, work->path, "makes its library crash: %s", work->meaning);
}

static int attend(const struct isolated_work *work, pid_t child, int input, char **bytes, size_t *length,
                  struct error *error) {
    struct received received = {0};
    int status = receive(work, input, &received, error), ended = 0;
    close(input); /* a child that goes on sending ends by this */
    if (status != 0) kill(child, SIGKILL);
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR) continue;
    if (status == 0) status = judge(work, ended, &received, error);
    if (status != 0) {
        free(received.bytes);
        return -1;
    }
    *bytes = received.bytes;
    *length = received.length;
    return 0;
}

/* Ctrl-C reaches the child, too. It is the parent that decides what it means, and the child ends with it. */
static pid_t fork_deaf(void) {
    sigset_t ends, former;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ends, &former);
    const pid_t process = fork();
    if (process != 0) pthread_sigmask(SIG_SETMASK, &former, NULL);
    return process;
}

int isolate(const struct isolated_work *work, char **bytes, size_t *length, struct error *error) {
    int ends[2];
    *bytes = NULL;
    *length = 0;
    if (pipe(ends) != 0)
        return error_set(error, ERROR_RUN, work->path, "no pipe can be made for it: %s", strerror(errno));
    const pid_t parent = getpid(), child = fork_deaf();
    if (child == 0) {
        close(ends[0]);
        run_child(work, ends[1], parent);
    }
    close(ends[1]);
    if (child > 0) return attend(work, child, ends[0], bytes, length, error);
    close(ends[0]);
    return error_set(error, ERROR_RUN, work->path, "no process can be started for it: %s", strerror(errno));
}
