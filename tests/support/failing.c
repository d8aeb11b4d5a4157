#define _GNU_SOURCE
#include "tests/support/failing.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/sanitizers.h"

enum { ALL_CALLS = 512, PATH_SIZE = 4096 };

struct failing_kind {
    const char *class;
    int number;
    enum error_code code;
};

static void (*arm)(const char *class, long at, int number);
static bool (*disarm)(size_t *leaked, char *place, size_t size);
static long (*calls_made)(void);

static bool find_library(void) {
    void *first = dlsym(RTLD_DEFAULT, "faults_arm"), *second = dlsym(RTLD_DEFAULT, "faults_disarm");
    void *third = dlsym(RTLD_DEFAULT, "faults_calls");
    memcpy(&arm, &first, sizeof arm);
    memcpy(&disarm, &second, sizeof disarm);
    memcpy(&calls_made, &third, sizeof calls_made);
    return arm && disarm && calls_made;
}

/* build/tests/core/test_x -> build/tests/faults/preload.so */
static bool library_path(const char *program, char path[PATH_SIZE]) {
    static const char tests[] = "/tests/";
    char whole[PATH_SIZE];
    if (!realpath(program, whole)) return false;
    char *at = NULL;
    for (char *next = strstr(whole, tests); next; next = strstr(next + 1, tests)) at = next;
    if (!at) return false;
    at[sizeof tests - 1] = '\0';
    return snprintf(path, PATH_SIZE, "%sfaults/preload.so", whole) < PATH_SIZE && access(path, R_OK) == 0;
}

void failing_begin(char **arguments) {
    char path[PATH_SIZE], leaked[64];
    size_t none = 0;
    if (find_library()) {
        disarm(&none, leaked, sizeof leaked); /* which counts from the start of main */
        return;
    }
    /* The sanitizers bring an allocator that has to be the first of all libraries. */
    if (SANITIZES_ADDRESSES || SANITIZES_THREADS || getenv("LD_PRELOAD") || !library_path(arguments[0], path)) return;
    setenv("TZ", "UTC0", 1); /* of another the C library keeps a copy, anew each time */
    setenv("LD_PRELOAD", path, 1);
    execv(arguments[0], arguments);
}

static int open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return 0;
    int count = 0;
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

static bool is_expected(const struct failing_kind *kind, const struct error *error) {
    if (kind->number == ENOMEM && !strstr(error->message, "memory")) return false;
    if (kind->number == 0 && error->code == ERROR_DATA) return true;
    return error->code == kind->code && strlen(error->message) >= 8;
}

/* One turn; false: there are fewer calls than that. */
static bool run_once(const struct failing_work *work, const struct failing_kind *kind, long at) {
    struct error error = {0};
    size_t leaked = 0;
    char place[256];
    const int files = open_files();
    arm(kind->class, at, kind->number);
    const int status = work->run(work->context, &error);
    const bool failed = disarm(&leaked, place, sizeof place);
    if (leaked && !(work->library && strstr(place, work->library)))
        fail_msg("%s: %s %ld: %zu bytes are not freed, from%s", work->name, kind->class, at, leaked, place);
    if (open_files() != files) fail_msg("%s: %s %ld: a file is left open", work->name, kind->class, at);
    if (status == 0 && error.code == ERROR_NONE) return failed;
    /* The counts of a process that reads on its own are not seen here; what its library makes of the failure neither.
     */
    if (work->library && strstr(error.message, "makes its library")) return true;
    if (status == 0 || !failed || !is_expected(kind, &error))
        fail_msg("%s: %s %ld%s: status %d, code %d, %s: %s", work->name, kind->class, at,
                 failed ? "" : " (not reached)", status, (int)error.code, error.path, error.message);
    return true;
}

void failing_needed(void) {
    if (!arm) skip();
}

/* How many calls of the class the work makes, none of which fails. */
static long count_calls(const struct failing_work *work, const char *class) {
    struct error error = {0};
    size_t none = 0;
    char place[64];
    arm(class, 0, 0);
    const int status = work->run(work->context, &error);
    disarm(&none, place, sizeof place);
    assert_int_equal(status, 0);
    return calls_made();
}

void failing_each(const struct failing_work *work, const char *class, int number, enum error_code code) {
    const struct failing_kind kind = {class, number, code};
    struct error error = {0};
    const int status = work->run(work->context, &error); /* what libraries keep from their first call on */
    expect_no_error(&error);
    assert_int_equal(status, 0);
    const long all = work->last ? count_calls(work, class) : 0;
    long at = all > work->last ? all - work->last : 1;
    while ((work->calls == 0 || at <= work->calls) && run_once(work, &kind, at))
        at += work->last ? 1 : 1 + at / ALL_CALLS; /* of very many some are left out */
}

void failing_read(const struct failing_work *work) {
    static const char *const classes[] = {"open", "read", "status", "seek", "list"};
    failing_each(work, "memory", ENOMEM, ERROR_RUN);
    failing_each(work, "read", 0, ERROR_IO);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) failing_each(work, classes[i], EIO, ERROR_IO);
}
