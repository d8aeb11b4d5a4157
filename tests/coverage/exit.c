/* For scripts/coverage: a child process that ends by _exit counts, too. Linked with --wrap=_exit. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <gcov.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

/* Where tests/faults/preload.c lets calls fail, those that write the counts must not: the file would lose all it has.
 */
static void let_nothing_fail(void) {
    bool (*disarm)(size_t * leaked, char *place, size_t size) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "faults_disarm");
    size_t leaked = 0;
    char place[64];
    memcpy(&disarm, &found, sizeof disarm);
    if (disarm) disarm(&leaked, place, sizeof place);
}

static volatile sig_atomic_t exit_code;

static void leave(int number) {
    (void)number;
    __real__exit(exit_code);
}

/* A handler of a signal may end the program in the middle of an allocation. Writing the counts allocates, too, which
 * then aborts or never ends: such counts are lost, but not the exit code, and nothing is said of it. */
static void lose_counts_at_most(int code) {
    static const int ends[] = {SIGABRT, SIGSEGV, SIGBUS, SIGALRM};
    sigset_t all;
    exit_code = code;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    sigemptyset(&all);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        signal(ends[i], leave);
        sigaddset(&all, ends[i]);
    }
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    alarm(10);
}

_Noreturn void __wrap__exit(int code) {
    let_nothing_fail();
    lose_counts_at_most(code);
    __gcov_dump();
    __real__exit(code);
}
