#include "core/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/platform.h"

enum {
    CHILD_OUTPUT = 3, /* the descriptor on which the child sends */
    /* Exit codes of the child: */
    CHILD_ENDED = 89,    /* it was not the work that ended it */
    CHILD_FAILED = 90,   /* an error is the last that it sent */
    CHILD_UNABLE = 91,   /* it could not begin */
    CHILD_CUT_OFF = 92,  /* it could not send its error */
    CHILD_STARVING = 93, /* memory that the work may have was not to be had */
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

/* The bytes of address space up to which the work's own demands are met; 0: not in a child. A library's allocations,
 * which have no context, ask for it. Only the child sets it, once. */
static size_t allowance;

/* Bytes of address space taken now; 0: unknown. Takes no memory to find out. */
static size_t address_space(void) {
    char line[64] = "";
    const int file = open("/proc/self/statm", O_RDONLY);
    if (file < 0) return 0;
    const ssize_t length = read(file, line, sizeof line - 1);
    close(file);
    return length > 0 ? (size_t)strtoul(line, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

/* An allocator takes more than it hands out, hence the eighth. */
void isolate_starves(size_t bytes) {
    const size_t taken = address_space(), reachable = allowance - allowance / 8;
    if (allowance && taken < reachable && bytes < reachable - taken) _exit(CHILD_STARVING);
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
    if (output != CHILD_OUTPUT && dup2(output, CHILD_OUTPUT) < 0) _exit(CHILD_UNABLE);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, work->seconds);
    allowance = work->memory < SIZE_MAX / 2 - taken ? taken + work->memory : SIZE_MAX / 2;
    if (taken && allowance < SIZE_MAX / 2) limit(RLIMIT_AS, allowance);
    alarm(60 * WAIT_MINUTES);
    if (atexit(leave) != 0) _exit(CHILD_UNABLE);
    struct error error = {0};
    if (work->run(work->context, &error) == 0) _exit(0);
    _exit(isolate_send(&error, sizeof error) ? CHILD_FAILED : CHILD_CUT_OFF);
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

/* How the child ended, where that is not the work's fault; 0 where it is. */
static int judge_machine(const struct isolated_work *work, int status, struct error *error) {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return error_set(error, ERROR_RUN, work->path,
                         "the process that works on it was killed; there may be too little memory");
    switch (WIFEXITED(status) ? WEXITSTATUS(status) : 0) {
    case CHILD_UNABLE:
        return error_set(error, ERROR_RUN, work->path,
                         "the process that works on it cannot begin; there may be too little memory");
    case CHILD_CUT_OFF:
        return error_set(error, ERROR_IO, work->path, "cannot hear from the process that works on it");
    case CHILD_STARVING:
        return error_set(error, ERROR_RUN, work->path, "not enough memory for the process that works on it");
    default:
        return 0;
    }
}

static int judge(const struct isolated_work *work, int status, const struct received *received, struct error *error) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_FAILED) return hand_on(work, received, error);
    if (judge_machine(work, status, error) != 0) return -1;
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM))
        return error_set(error, work->blame, work->path, "takes longer than %u seconds: %s", work->seconds,
                         work->meaning);
    return error_set(error, work->blame, work->path, "makes its library crash: %s", work->meaning);
}

/* Waits until the child has ended. */
static int await(const struct isolated_work *work, pid_t child, int *ended, struct error *error) {
    while (waitpid(child, ended, 0) < 0)
        if (errno != EINTR)
            return error_set(error, ERROR_RUN, work->path, "cannot learn how the process that works on it ended: %s",
                             strerror(errno));
    return 0;
}

static int attend(const struct isolated_work *work, pid_t child, int input, char **bytes, size_t *length,
                  struct error *error) {
    struct received received = {0};
    int status = receive(work, input, &received, error), ended = 0;
    close(input); /* a child that goes on sending ends by this */
    if (status != 0) kill(child, SIGKILL);
    if (await(work, child, &ended, error) != 0) status = -1;
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
